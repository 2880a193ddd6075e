#!/usr/bin/env bash
# The core, and the operations on it, for targets without Linux and without std.
#
# The toolchain brings `core` for none of them everywhere: where it lacks it, the compiler of ci/cross.sh builds it from the
# library's source.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready
scratch

# has_core TARGET: whether the toolchain brings it.
has_core() {
    local lib
    lib=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
    compgen -G "$lib/libcore-*.rlib" >/dev/null
}

target_dir=${CARGO_TARGET_DIR:-target}
for target in x86_64-unknown-none aarch64-unknown-none x86_64-unknown-hermit x86_64-unknown-linux-none; do
    compiler=() build=() by="the toolchain's core"
    if ! has_core "$target"; then
        ci/cross.sh >/dev/null
        cross=$(cd "$target_dir/cross" && pwd)
        compiler=(RUSTC="$cross/rustc" RUSTC_BOOTSTRAP=1)
        build=(-Zbuild-std=core --target-dir "$target_dir/bare-targets")
        by="its core built from source"
    fi
    check "$target, $by" env "${compiler[@]}" cargo check --locked --package bare-uring --package bare-uring-ops \
        --target "$target" "${build[@]}"
done
finish
