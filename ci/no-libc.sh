#!/usr/bin/env bash
# No libc in the dependencies of the library and of the operations on it, on any architecture, with any feature.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
for arch in x86_64 i686 aarch64 armv7 riscv64gc loongarch64 powerpc64 powerpc64le s390x; do
    abi=gnu
    [ "$arch" = armv7 ] && abi=gnueabihf
    target=$arch-unknown-linux-$abi
    tree=$(for package in bare-uring bare-uring-ops; do
        cargo tree --locked --package "$package" --edges normal,build --all-features --target "$target" --prefix none
    done)
    if grep -E '^(libc|errno|cc) ' <<<"$tree"; then
        echo "FAIL $target: the above is in the tree"
        failed=1
    else
        echo "ok   $target: $(sort -u <<<"$tree" | wc -l) packages, no libc"
    fi
done
exit "$failed"
