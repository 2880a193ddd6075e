# Building freestanding programs for every architecture. Source this file from the root of the tree.
# shellcheck shell=bash
#
# The sourcing script sets `target`, the directory that cargo builds in.

# rust_target PROGRAM: prints the compiler's name of the target that a program of kernels.table is built for.
rust_target() {
    case $1 in
        # With `gnu` build scripts would get the same linker, but they need a C library.
        x86_64) echo x86_64-unknown-linux-none ;;
        arm) echo armv7-unknown-linux-gnueabihf ;;
        thumb) echo thumbv7neon-unknown-linux-gnueabihf ;;
        riscv64) echo riscv64gc-unknown-linux-gnu ;;
        ppc64le) echo powerpc64le-unknown-linux-gnu ;;
        loong64) echo loongarch64-unknown-linux-gnu ;;
        *) echo "$1-unknown-linux-gnu" ;;
    esac
}

# compile_freestanding PROGRAM... -- BIN [CARGO_ARGUMENT...]: builds one program of examples/freestanding, statically linked, for
# these architectures, from the tree in the current directory. Each architecture needs a `core`, which one processor
# compiles: several architectures in one call keep every processor busy.
compile_freestanding() {
    local triple variable bin settings=() targets=()
    while [ "$1" != -- ]; do
        triple=$(rust_target "$1")
        variable=${triple//-/_}
        # Cargo reads this in place of a configuration file; the build script looks at the linker's name.
        settings+=("CARGO_TARGET_${variable^^}_LINKER=$target/cross/rust-lld")
        targets+=(--target "$triple")
        shift
    done
    bin=$2
    shift 2
    env RUSTC="$target/cross/rustc" RUSTC_BOOTSTRAP=1 "${settings[@]}" \
        RUSTFLAGS="-Clinker-flavor=ld.lld -Crelocation-model=static ${EXTRA_RUSTFLAGS-}" \
        cargo build --quiet --locked --release -p freestanding --bin "$bin" -Zbuild-std=core "${targets[@]}" \
        --target-dir "$target/guests/build" "$@" >&2
}

# build_freestanding PROGRAM BIN [CARGO_ARGUMENT...]: builds the program for one architecture; prints the path of the file.
build_freestanding() {
    compile_freestanding "$1" -- "${@:2}" || return
    echo "$target/guests/build/$(rust_target "$1")/release/$2"
}
