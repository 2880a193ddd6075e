#!/usr/bin/env bash
# ci/simulate.sh [SEEDS]: runs the property tests over the simulated kernel, with 100,000 seeds each if no number is given. Builds in
# release mode, with overflow checks and debug assertions, and uses every processor. A seed that fails prints itself.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready

seeds=${1:-100000}
fast_release

for test in property groups timed_waits; do
    cargo test --locked --release --package bare-uring-sim --test "$test" -- --seeds "$seeds"
    ok "$test: $seeds seeds"
done
finish
