#!/usr/bin/env bash
# ci/loom.sh [PREEMPTIONS]: runs the models of the ring protocol. Each model runs under every interleaving with at most that
# many preemptions (3), on memory as weak as the orderings allow.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready
scratch

fast_release
LOOM_MAX_PREEMPTIONS=${1:-3} RUSTFLAGS="--cfg loom" cargo test --locked --release --package bare-uring --lib models:: 2>&1 | tee "$work/log"
models=$(sed -nE 's/^test result: ok\. ([0-9]+) passed.*/\1/p' "$work/log")
if [ "${models:-0}" -gt 0 ]; then ok "$models models"; else bad "no model ran"; fi
finish
