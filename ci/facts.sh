#!/usr/bin/env bash
# ci/facts.sh: every place that says since which Linux something is there says what the table of ci/facts says: the
# documentation, the simulator, the tests, and the safe operations. Seconds.
#
# The programs `init` and ci/trace.sh take what they need from the table. Its numbers are compared with the crate's wherever
# it is compiled, and with the kernel's headers by ci/layouts.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready
scratch

cargo test --quiet --locked --package facts --no-run
for test in docs simulator needs ops; do
    if limit 120 cargo test --quiet --locked --package facts --test "$test" >"$work/log" 2>&1; then
        ok "$test: $(sed -n 's/^test result: ok. \([0-9]*\) passed.*/\1/p' "$work/log") tests"
    else
        sed -n '/^[0-9]* faults:$/,/^stack backtrace:$/p' "$work/log"
        bad "$test" "$(found -E '^(error|thread|test result)' "$work/log" | tail -n 3 | tr '\n' ' ')"
    fi
done
finish
