#!/usr/bin/env bash
# Runs the property tests over the simulated kernel: ci/simulate.sh [SEEDS], 100,000 of each if nothing is said. In release
# mode, with overflow checks and debug assertions, in one process for each processor. A seed that fails prints itself.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready

seeds=${1:-100000}
export CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true

for test in property groups; do
    cargo test --locked --release --package bare-uring-sim --test "$test" -- --seeds "$seeds"
    ok "$test: $seeds seeds"
done
finish
