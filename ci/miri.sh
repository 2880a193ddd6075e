#!/usr/bin/env bash
# ci/miri.sh: runs the code that does not depend on Linux under miri, on the simulated kernel: indices, queues, rings of buffers,
# and the safe operations. Needs the component miri of a nightly toolchain, and is not part of the gate.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_nightly
ready
# The script does not install the component.
cargo +nightly miri --version >/dev/null 2>&1 || lacking "the component miri of the nightly toolchain is missing"
scratch

# The simulated kernel uses addresses, as the real one does, and never frees memory.
export MIRIFLAGS="-Zmiri-permissive-provenance -Zmiri-ignore-leaks -Zmiri-disable-isolation"
check "units" cargo +nightly miri test --locked --package bare-uring --lib
check "rings, on 20 seeds" cargo +nightly miri test --locked --package bare-uring-sim --test property -- --seeds 20
check "rings of buffers, on 20 seeds" cargo +nightly miri test --locked --package bare-uring-sim --test groups -- --seeds 20
check "operations, on 5 seeds" env OPS_SEEDS=5 cargo +nightly miri test --locked --package bare-uring-ops --test sim
finish
