# Building freestanding programs for every architecture. To be sourced, from the root of the tree.
# shellcheck shell=bash
#
# The sourcing script sets `target`, the directory that cargo builds in.

# rust_target PROGRAM: the compiler's name for what a program of kernels.table is built for.
rust_target() {
    case $1 in
        # Not `gnu`, whose linker would be that of build scripts too, which do need a C library.
        x86_64) echo x86_64-unknown-linux-none ;;
        arm) echo armv7-unknown-linux-gnueabihf ;;
        thumb) echo thumbv7neon-unknown-linux-gnueabihf ;;
        riscv64) echo riscv64gc-unknown-linux-gnu ;;
        ppc64le) echo powerpc64le-unknown-linux-gnu ;;
        loong64) echo loongarch64-unknown-linux-gnu ;;
        *) echo "$1-unknown-linux-gnu" ;;
    esac
}

# build_freestanding PROGRAM BIN [CARGO_ARGUMENT...]: builds one program of examples/freestanding, statically linked,
# from the tree in the current directory; prints the path of the file.
build_freestanding() {
    local triple variable bin=$2
    triple=$(rust_target "$1")
    shift 2
    variable=${triple//-/_}
    # Cargo reads these in place of a configuration file; the build script looks at the linker's name.
    env RUSTC="$target/cross/rustc" RUSTC_BOOTSTRAP=1 "CARGO_TARGET_${variable^^}_LINKER=$target/cross/rust-lld" \
        RUSTFLAGS="-Clinker-flavor=ld.lld -Crelocation-model=static ${EXTRA_RUSTFLAGS-}" \
        cargo build --quiet --locked --release -p freestanding --bin "$bin" -Zbuild-std=core --target "$triple" \
        --target-dir "$target/guests/build" "$@" >&2 || return
    echo "$target/guests/build/$triple/release/$bin"
}
