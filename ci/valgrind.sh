#!/usr/bin/env bash
# ci/valgrind.sh [TEST...]: runs tests under valgrind's memcheck: those of rings of buffers, regions, zero-copy receive and the end
# of rings, or those named. Unlike AddressSanitizer memcheck finds decisions that depend on uninitialised bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
need valgrind
ready
scratch

[ $# != 0 ] || set -- buf_ring_truth register_buf_ring register_buf_ring_pieces register_region register_zcrx \
    register_zcrx_mapped teardown
cargo test --locked --package bare-uring --all-features --no-run --message-format=json "${@/#/--test=}" >"$work/built"
for test; do
    program=$(sed -nE "s/.*\"name\":\"$test\".*\"executable\":\"([^\"]+)\".*/\1/p" "$work/built")
    # valgrind runs one thread at a time. Tests that measure time or fork many processes don't work under it.
    check "$test" limit 600 env BARE_URING_TEST_LIMIT=600 valgrind --quiet --error-exitcode=99 --fair-sched=yes --suppressions=ci/lib/valgrind.supp \
        "$program" --test-threads=1 --quiet
done
finish
