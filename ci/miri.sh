#!/usr/bin/env bash
# ci/miri.sh: the code that knows no Linux under miri, on the simulated kernel: indices, queues, rings of buffers, and the safe
# operations. Needs the component miri of a nightly toolchain, which the gate's machine has not: it is no part of the gate.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_nightly
ready
# No script installs components.
cargo +nightly miri --version >/dev/null 2>&1 || lacking "the component miri of the nightly toolchain is missing"
scratch

# The kernel goes by addresses, as the simulated one does, and keeps memory for ever.
export MIRIFLAGS="-Zmiri-permissive-provenance -Zmiri-ignore-leaks -Zmiri-disable-isolation"
check "units" cargo +nightly miri test --locked --package bare-uring --lib
check "rings, on 20 seeds" cargo +nightly miri test --locked --package bare-uring-sim --test property -- --seeds 20
check "rings of buffers, on 20 seeds" cargo +nightly miri test --locked --package bare-uring-sim --test groups -- --seeds 20
check "operations, on 5 seeds" env OPS_SEEDS=5 cargo +nightly miri test --locked --package bare-uring-ops --test sim
finish
