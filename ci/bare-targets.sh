#!/usr/bin/env bash
# The core for targets without Linux and without std, where this machine has `core` for them.
#
# Arguments go to cargo, so that a compiler with the library's source can build it itself:
#   RUSTC=... RUSTC_BOOTSTRAP=1 ci/bare-targets.sh -Zbuild-std=core
set -euo pipefail
cd "$(dirname "$0")/.."

has_core() {
    local lib
    lib=$("${RUSTC:-rustc}" --print target-libdir --target "$1" 2>/dev/null) || return 1
    compgen -G "$lib/libcore-*.rlib" >/dev/null
}

for target in x86_64-unknown-none aarch64-unknown-none x86_64-unknown-hermit x86_64-unknown-linux-none; do
    if [ $# -gt 0 ] || has_core "$target"; then
        cargo check --locked --package bare-uring --package bare-uring-ops --target "$target" "$@"
        echo "ok      $target"
    else
        echo "skipped $target: no core library for it on this machine"
    fi
done
