#!/usr/bin/env bash
# ci/no-libc.sh: checks that no libc is among the dependencies of bare-uring and bare-uring-ops, on any architecture, with any feature.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready

for arch in x86_64 i686 aarch64 armv7 riscv64gc loongarch64 powerpc64 powerpc64le s390x; do
    abi=gnu
    [ "$arch" = armv7 ] && abi=gnueabihf
    target=$arch-unknown-linux-$abi
    tree=
    for package in bare-uring bare-uring-ops; do
        tree+=$(cargo tree --locked --package "$package" --edges normal,build --all-features --target "$target" --prefix none)$'\n'
    done
    libc=$(found -E '^(libc|errno|cc) ' <<<"$tree")
    # Two dependencies must be there: an empty tree would have no libc either.
    if [ -n "$libc" ] || ! grep -q '^bare-uring-ops ' <<<"$tree" || ! grep -q '^linux-raw-sys ' <<<"$tree"; then
        bad "$target" "in its tree is ${libc:-less than the library needs}"
    else
        ok "$target: $(sort -u <<<"$tree" | count .) packages, no libc"
    fi
done
finish
