# Building the crate's tests for every architecture that there is a standard library for. To be sourced, after
# guest.sh and programs.sh, from the root of the tree.
#
# The sourcing script sets `target`, the directory that cargo builds in, and `cache`.

# cross_linker PROGRAM: the linker's name, and the packages that it comes in.
cross_linker() {
    case $1 in
        i686) echo i686-linux-gnu-gcc gcc-i686-linux-gnu libc6-dev-i386-cross ;;
        aarch64) echo aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
        arm) echo arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf libc6-dev-armhf-cross ;;
        riscv64) echo riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu libc6-dev-riscv64-cross ;;
        ppc64le) echo powerpc64le-linux-gnu-gcc gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross ;;
        s390x) echo s390x-linux-gnu-gcc gcc-s390x-linux-gnu libc6-dev-s390x-cross ;;
        *) echo "no linker for $1" >&2; return 1 ;;
    esac
}

# need_std PROGRAM: unpacks the standard library for it beside the compiler of ci/cross.sh, whose source it was built
# from, and sees that there is a linker.
need_std() {
    local linker packages root package
    read -r linker packages < <(cross_linker "$1") || return
    command -v "$linker" >/dev/null || {
        DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
            -o DPkg::Lock::Timeout=300 $packages >"$cache/log/linker-$1" 2>&1 || { tail -n 5 "$cache/log/linker-$1" >&2; return 1; }
    }
    ci/cross.sh >/dev/null
    [ ! -d "$target/cross/root/usr/lib/rustlib/$(std_target "$1")" ] || return 0
    root=$(apt_root "$(debian_name "$1")" trixie) || return
    package=$(apt_fetch "$root" libstd-rust-web-dev) || return
    dpkg -x "$package" "$target/cross/root"
}

# std_target PROGRAM: the compiler's name for what its tests are built for.
std_target() {
    case $1 in
        x86_64) echo x86_64-unknown-linux-gnu ;;
        *) rust_target "$1" ;;
    esac
}

# build_tests PROGRAM: builds all tests, statically linked, into $cache/tests-PROGRAM, and fetches a busybox.
build_tests() {
    local triple variable settings=() file name log=$cache/log/build-$1
    triple=$(std_target "$1")
    if [ "$1" != x86_64 ]; then
        need_std "$1" || return
        variable=${triple//-/_}
        settings=(RUSTC="$target/cross/rustc" "CARGO_TARGET_${variable^^}_LINKER=$(cross_linker "$1" | cut -d ' ' -f 1)")
    fi
    env "${settings[@]}" RUSTFLAGS='-Ctarget-feature=+crt-static -Cdebuginfo=0 -Cstrip=symbols' \
        cargo test --locked --no-run --package bare-uring --features "$(test_features "$1")" --target "$triple" \
        --target-dir "$target/guests/build-tests" >"$log" 2>&1 || { grep -A 8 '^error' "$log" >&2; return 1; }
    rm -rf "$cache/tests-$1"
    mkdir "$cache/tests-$1"
    while read -r file; do
        name=${file##*/}
        # What is absent has a script of its own, ci/absent.sh.
        [[ $name == absent-* ]] || ln "$file" "$cache/tests-$1/${name%-*}"
    done < <(sed -nE 's/^  Executable .*\((.*)\)$/\1/p' "$log")
    fetch_busybox "$1"
}

# fetch_busybox PROGRAM: the programs that tests call, and process 1.
fetch_busybox() {
    local root package
    root=$(apt_root "$(debian_name "$1")" trixie) && package=$(apt_fetch "$root" busybox-static) || return
    dpkg --fsys-tarfile "$package" | tar -xO --wildcards '*bin/busybox' >"$cache/busybox-$1"
}

# test_features PROGRAM: conversions to rustix's types are where rustix needs no libc.
test_features() {
    case $1 in
        ppc64le | s390x) echo std ;;
        *) echo std,rustix ;;
    esac
}
