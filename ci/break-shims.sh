#!/usr/bin/env bash
# ci/break-shims.sh [ARCHITECTURE...]: breaks the system call shims on purpose, one way after the other, and shows that the
# program `init` of examples/freestanding then fails.
#
# Each break is an edit of one file of a copy of src/arch, which takes the place of the one that the programs are built
# with. The faults show before io_uring is used, so that the programs can run as processes: natively, and under
# qemu-user. The unbroken program must pass first, in the same way. Emulators and some kernels preserve registers that they may
# change. For those registers the edited asm block changes them itself: once with the clobbers declared, which must pass,
# and once without. Prints one line for each break, and near the end `N of N caught`. Takes minutes. Needs Debian on x86_64.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
. ci/lib/cache.sh
. ci/lib/programs.sh
. ci/lib/apt.sh
need qemu-loongarch64-static
ready
# Older ones have no vector instructions for loong64, and no pages there but of 16 KiB.
[ "$(qemu_version qemu-loongarch64-static)" -ge 10 ] || from_backports qemu-user-static
need_cross

tree=$target/guests/broken/tree
rm -rf "$tree"
mkdir -p "$tree"
tar -c --exclude=./target --exclude=./.git . | tar -x -C "$tree"
# The library keeps the sound shims, and is not rebuilt: the checks make their calls through the programs' own shims.
cp -r src/arch "$tree/broken"
sed -i 's|\.\./\.\./\.\./src/arch/mod\.rs|../../../broken/mod.rs|' "$tree/examples/freestanding/src/lib.rs"

# runs PROGRAM: builds init from the copy, and runs it. Passes if init does; sets `said` to its last line.
runs() {
    local binary emulator=()
    case $1 in
        x86_64) ;;
        i686) emulator=(qemu-i386-static) ;;
        aarch64) emulator=(qemu-aarch64-static -cpu max) ;;
        thumb) emulator=(qemu-arm-static) ;;
        riscv64) emulator=(qemu-riscv64-static -cpu "rv64,v=true,vext_spec=v1.0") ;;
        loong64) emulator=(qemu-loongarch64-static) ;;
        *) emulator=("qemu-$1-static") ;;
    esac
    if ! binary=$(cd "$tree" && build_freestanding "$1" init --features shims-only 2>"$target/guests/broken/build.log"); then
        tail -n 20 "$target/guests/broken/build.log" >&2
        bad "the broken program does not even build"
        finish
    fi
    said=$(limit 20 "${emulator[@]}" "$binary" 2>&1 | found -a . | tail -n 1) && [[ $said == OK* ]]
}

# edited PROGRAM FILE SED: writes the copy's file as the original with that edit, which must change something.
edited() {
    sed -E "$3" "src/arch/$2.rs" >"$tree/broken/$2.rs"
    if [ -n "$3" ] && cmp -s "src/arch/$2.rs" "$tree/broken/$2.rs"; then
        bad "the edit '$3' changes nothing in $2.rs"
        finish
    fi
}

# sound PROGRAM FILE NAME SED: checks that init passes with that edit.
sound() {
    edited "$1" "$2" "$4"
    if runs "$1"; then
        echo "sound   $1: $3"
    else
        bad "$1: $3 does not pass" "$said"
        finish
    fi
}

# broken PROGRAM FILE NAME SED: checks that init fails with that edit.
broken() {
    edited "$1" "$2" "$4"
    if runs "$1"; then
        bad "$1: $3" "not noticed"
    else
        ok "$1: $3 (${said:0:100})"
    fi
}

# swapped ONE OTHER: prints an edit that exchanges two words after the line with `asm!`.
swapped() { printf '%s\n' "/asm!/,\$ { s/\\b$1\\b/\\x01/; s/\\b$2\\b/$1/; s/\\x01/$2/ }"; }

# every PROGRAM FILE: tries the breaks that every architecture can have.
every() {
    sound "$1" "$2" "as it is" ""
    broken "$1" "$2" "the second and the third argument exchanged" "$(swapped a2 a3)"
    broken "$1" "$2" "the sign of an error" 's/^    ret$/    ret.wrapping_neg()/'
    broken "$1" "$2" "memory said to be read only" 's/options\(/options(readonly, /'
    [ "$2" = x86 ] || broken "$1" "$2" "the fifth and the sixth argument exchanged" "$(swapped a5 a6)"
}

# undeclared PROGRAM FILE CALL INSTRUCTIONS CLOBBERS: changes registers after the call, once with the clobbers that match the
# pattern declared, and once without.
undeclared() {
    local change="s/^( *)\"$3\",/&$4/"
    sound "$1" "$2" "registers changed by a call" "$change"
    broken "$1" "$2" "registers changed by a call, not declared" "$change; /$5/d"
}

# instructions FORMAT NUMBER...: prints a line of the asm block for each number.
# shellcheck disable=SC2059 # The format is an argument.
instructions() { local format=$1; shift; printf "\\\\n\"$format\"," "$@"; }

x86_64() {
    every x86_64 x86_64
    broken x86_64 x86_64 "rcx not declared" '/lateout\("rcx"\)/d'
    broken x86_64 x86_64 "r11 not declared" '/lateout\("r11"\)/d'
}
x86() {
    every i686 x86
    broken i686 x86 "the fourth and the sixth argument exchanged" 's/eax \+ 8\]/eax + X]/; s/eax \+ 12\]/eax + 8]/; s/eax \+ X\]/eax + 12]/'
    local register
    for register in ebx esi ebp; do
        broken i686 x86 "$register not put back" "s/pop $register/add esp, 4/"
    done
}
aarch64() {
    every aarch64 aarch64
    undeclared aarch64 aarch64 "svc #0" "$(instructions 'movi v%d.16b, #0xff' {0..31})" 'lateout\("v[0-9]+"\)'
}
arm() {
    local program
    for program in arm thumb; do
        every "$program" arm
        broken "$program" arm "the place of r7 shared with an argument" 's/saved = out/saved = lateout/'
    done
    broken arm arm "r7 not put back" 's/"mov r7, \{saved\}"/"\/* {saved} *\/"/'
    broken thumb arm "r7 not put back" 's/"mov r7, \{saved\}"/"\/* {saved} *\/"/'
}
riscv64() {
    every riscv64 riscv64
    broken riscv64 riscv64 "the number in another register" 's/in\("a7"\)/in("a6")/'
    # Vector registers alone are given up here, and the compiler keeps nothing in them across the calls of this program even
    # where it may: that they are declared can be shown to do no harm, but not to be missed.
    EXTRA_RUSTFLAGS=-Ctarget-feature=+v sound riscv64 riscv64 "vector registers changed by a call" \
        "s/^( *)\"ecall\",/&\\n\"vsetvli zero, zero, e8, m1, ta, ma\",$(instructions 'vmv.v.i v%d, -1' {0..31})/"
}
loongarch64() {
    every loong64 loongarch64
    # shellcheck disable=SC2016 # Names of registers.
    undeclared loong64 loongarch64 "syscall 0" "$(instructions 'li.w $t%d, -1' {0..8})" 'lateout\("\$t[0-8]"\)'
}
powerpc64() {
    every ppc64le powerpc64
    broken ppc64le powerpc64 "errors left positive" '/"neg 3, 3"/d'
    local all
    all="$(instructions 'li %d, -1' 4 5 6 7 8 9 10 11 12)\\n\"mtctr 5\","
    undeclared ppc64le powerpc64 "2:" "$all" 'lateout\("(r9|r10|r11|r12|ctr)"\)'
    broken ppc64le powerpc64 "arguments said to be kept" "s/^( *)\"2:\",/&$all/; s/inlateout\(\"r([4-8])\"\) (a[2-6]) => _/in(\"r\\1\") \\2/"
}
s390x() {
    every s390x s390x
    broken s390x s390x "the number in another register" 's/in\("r1"\)/in("r0")/'
}

[ $# -gt 0 ] || set -- x86_64 x86 aarch64 arm riscv64 loongarch64 powerpc64 s390x
for architecture in "$@"; do
    "$architecture"
    edited any "$architecture" ""
done
echo "$passed of $((passed + failed)) caught"
finish
