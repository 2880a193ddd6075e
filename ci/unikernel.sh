#!/usr/bin/env bash
# ci/unikernel.sh: tests the package for unikernels on the simulated kernel, builds it for a target without any system, and links
# it from its one function. Only the kernel's entry may remain undefined.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
need nm size
ready

scratch
cargo test --locked --quiet --package unikernel | tee "$work/log"
check "tested on the simulated kernel" grep -q '^test result: ok. [1-9]' "$work/log"
need_cross
target=${CARGO_TARGET_DIR:-target}
RUSTC=$(cd "$target/cross" && pwd)/rustc RUSTC_BOOTSTRAP=1 cargo build --locked --quiet --release --package unikernel \
    --target x86_64-unknown-none -Zbuild-std=core --target-dir "$target/unikernel" --config profile.release.lto=false
library=$target/unikernel/x86_64-unknown-none/release/libunikernel.a
linked=$target/unikernel/linked.o
"$target/cross/rust-lld" -flavor gnu --relocatable --gc-sections --entry ring_copy -o "$linked" "$library"
undefined=$(nm --undefined-only "$linked" | awk '{ print $2 }' | sort -u | tr '\n' ' ')
if [ "$undefined" != "uk_syscall6_r " ]; then
    bad "undefined" "$undefined"
else
    ok "libunikernel.a leaves only ${undefined% } to be found, and has $(size "$linked" | awk 'NR == 2 { print $1 }') bytes of code"
fi
finish
