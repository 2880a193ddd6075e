#!/usr/bin/env bash
# ci/asan.sh [TEST...]: runs all tests under AddressSanitizer, with overflow checks; or the unit tests and the tests named.
#
# AddressSanitizer does not see the kernel's own accesses to memory, but those of the crate and of the tests. Needs a nightly
# compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_nightly
ready

scratch
host=$(rustc -vV | sed -n 's/^host: //p')
# Leaks are no fault here: rings in provided memory ask for memory that is never freed.
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1
export RUSTFLAGS="-Zsanitizer=address -Coverflow-checks=on -Cdebug-assertions=on"
if [ $# = 0 ]; then
    what=(--lib --tests)
else
    what=(--lib "${@/#/--test=}")
fi
# With --target cargo does not instrument build scripts and macros.
cargo +nightly test --locked --package bare-uring --all-features --target "$host" "${what[@]}" 2>&1 | tee "$work/log"
programs=$(count '^test result: ok\. [1-9]' "$work/log")
if [ "$programs" = 0 ]; then bad "no test ran"; else ok "$programs programs of tests, nothing found"; fi
finish
