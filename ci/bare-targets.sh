#!/usr/bin/env bash
# ci/bare-targets.sh: compiles bare-uring and bare-uring-ops for targets without Linux and without std.
#
# If the toolchain lacks `core` for a target, the compiler of ci/cross.sh builds it from the library's source.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready
scratch

# has_core TARGET: passes if the toolchain has `core` for the target.
has_core() {
    local lib
    lib=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
    compgen -G "$lib/libcore-*.rlib" >/dev/null
}

target_dir=${CARGO_TARGET_DIR:-target}
# compiled TARGET...: compiles for the targets, with cargo's arguments in `build`.
compiled() { cargo check --locked --package bare-uring --package bare-uring-ops "${@/#/--target=}" "${build[@]}"; }
build=()
# from_source TARGET...: compiles with the `core` that the compiler of ci/cross.sh builds.
from_source() {
    local build=(-Zbuild-std=core --target-dir "$target_dir/bare-targets")
    RUSTC=$cross/rustc RUSTC_BOOTSTRAP=1 compiled "$@"
}
without=()
for target in x86_64-unknown-none aarch64-unknown-none x86_64-unknown-hermit x86_64-unknown-linux-none; do
    if has_core "$target"; then
        check "$target, the toolchain's core" compiled "$target"
    else
        without+=("$target")
    fi
done
if [ ${#without[@]} != 0 ]; then
    need_cross
    cross=$(cd "$target_dir/cross" && pwd)
    # One processor compiles each `core`: all of them in one call keep every processor busy. The checks below tell which one fails.
    from_source "${without[@]}" >"$work/log" 2>&1 || :
    for target in "${without[@]}"; do
        check "$target, its core built from source" from_source "$target"
    done
fi
finish
