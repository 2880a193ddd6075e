# Building the crate's tests for every architecture that has a standard library. Source this file after guest.sh and
# programs.sh, from the root of the tree.
#
# shellcheck shell=bash
#
# The sourcing script sets `target`, the directory that cargo builds in, and `cache`.

# cross_linker PROGRAM: prints the linker's name.
cross_linker() {
    case $1 in
        x86_64) echo cc ;;
        i686 | aarch64 | riscv64 | s390x) echo "$1-linux-gnu-gcc" ;;
        arm) echo arm-linux-gnueabihf-gcc ;;
        ppc64le) echo powerpc64le-linux-gnu-gcc ;;
        *) echo "no linker for $1" >&2; return 1 ;;
    esac
}

# need_std PROGRAM: unpacks the architecture's standard library beside the compiler of ci/cross.sh. Both are built from one
# source.
need_std() {
    local root package
    [ ! -d "$target/cross/root/usr/lib/rustlib/$(std_target "$1")" ] || return 0
    root=$(apt_root "$(debian_name "$1")" trixie) || return
    package=$(apt_fetch "$root" libstd-rust-web-dev) || return
    dpkg -x "$package" "$target/cross/root"
}

# std_target PROGRAM: prints the compiler's name of the target that the tests are built for.
std_target() {
    case $1 in
        x86_64) echo x86_64-unknown-linux-gnu ;;
        *) rust_target "$1" ;;
    esac
}

# Tests of the package bare-uring-sim that run on the machine's own kernel, not on a simulated one.
sim_tests=(conformance)

# build_tests PROGRAM: builds all tests of the crate and sim_tests, or those that TESTS names, statically linked, into
# $cache/tests-PROGRAM; fetches a busybox.
build_tests() {
    local triple variable settings=() of_core=() of_sim=() file list name log=$cache/log/build-$1
    for name in ${TESTS-}; do
        if [[ " ${sim_tests[*]} " = *" $name "* ]]; then of_sim+=("--test=$name"); else of_core+=("--test=$name"); fi
    done
    [ -n "${TESTS-}" ] || of_sim=("${sim_tests[@]/#/--test=}")
    triple=$(std_target "$1")
    if [ "$1" != x86_64 ]; then
        need_std "$1" || return
        variable=${triple//-/_}
        settings=(RUSTC="$target/cross/rustc" "CARGO_TARGET_${variable^^}_LINKER=$(cross_linker "$1")")
    fi
    : >"$log"
    # What is built for one package must not change the features of the other.
    if [ "${#of_core[@]}" != 0 ] || [ -z "${TESTS-}" ]; then
        build_package --package bare-uring --features "$(test_features "$1")" "${of_core[@]}" || return
    fi
    if [ "${#of_sim[@]}" != 0 ]; then
        build_package --package bare-uring-sim "${of_sim[@]}" || return
    fi
    rm -rf "$cache/tests-$1"
    mkdir "$cache/tests-$1"
    list=$(sed -nE 's/^  Executable .*\((.*)\)$/\1/p' "$log" | grep .) || { echo "no tests were built" >&2; return 1; }
    while read -r file; do
        name=${file##*/}
        # ci/absent.sh runs this test.
        [[ $name == absent-* ]] || ln "$file" "$cache/tests-$1/${name%-*}"
    done <<<"$list"
    fetch_busybox "$1"
}

# build_package ARGUMENT...: builds tests of one package, with the settings of build_tests.
build_package() {
    env "${settings[@]}" RUSTFLAGS='-Ctarget-feature=+crt-static -Cdebuginfo=0 -Cstrip=symbols' \
        cargo test --locked --no-run --target "$triple" "$@" --target-dir "$target/guests/build-tests" >>"$log" 2>&1 ||
        { { grep -A 8 '^error' "$log" || tail -n 5 "$log"; } >&2; return 1; }
}

# fetch_busybox PROGRAM: fetches the programs that process 1 and the tests call.
fetch_busybox() {
    local root package
    root=$(apt_root "$(debian_name "$1")" trixie) && package=$(apt_fetch "$root" busybox-static) || return
    dpkg --fsys-tarfile "$package" | tar -xO --wildcards '*bin/busybox' >"$cache/busybox-$1"
}

# test_features PROGRAM: prints the features to test. The feature rustix exists where rustix needs no libc.
test_features() {
    case $1 in
        ppc64le | s390x) echo std ;;
        *) echo std,rustix ;;
    esac
}
