#!/usr/bin/env bash
# ci/asan.sh [TEST...]: the tests under AddressSanitizer, with overflow checks: those that run in the process's memory
# (units, entries, hostile and provided ring memory), and those on the real kernel. Or the units and the tests named.
#
# Memory that the kernel maps or writes to is not watched while the kernel writes; what the crate and the tests do with it
# is. Needs a nightly compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_nightly
ready

scratch
host=$(rustc -vV | sed -n 's/^host: //p')
# Leaks are no fault here: tests give memory away for ever, as rings in provided memory ask for.
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1
export RUSTFLAGS="-Zsanitizer=address -Coverflow-checks=on -Cdebug-assertions=on"
if [ $# = 0 ]; then
    what=(--lib --tests)
else
    what=(--lib "${@/#/--test=}")
fi
# A target of its own, for which build scripts and macros are not instrumented.
cargo +nightly test --locked --package bare-uring --all-features --target "$host" "${what[@]}" 2>&1 | tee "$work/log"
programs=$(count '^test result: ok\. [1-9]' "$work/log")
if [ "$programs" = 0 ]; then bad "no test ran"; else ok "$programs programs of tests, nothing found"; fi
finish
