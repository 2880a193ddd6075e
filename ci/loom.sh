#!/usr/bin/env bash
# ci/loom.sh [PREEMPTIONS]: runs the models of the ring protocol, each under every interleaving with at most that many
# preemptions (3), on memory as weak as the orderings allow.
set -euo pipefail
cd "$(dirname "$0")/.."

LOOM_MAX_PREEMPTIONS=${1:-3} RUSTFLAGS="--cfg loom" cargo test --locked --release --package bare-uring --lib models::
