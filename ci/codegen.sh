#!/usr/bin/env bash
# ci/codegen.sh [--write]: compares the assembly of the ring path's hot functions with the golden files benches/codegen/*.s.
#
# The functions are those of benches/codegen/src/lib.rs, built as a user's release build is. The toolchain's compiler makes the
# assembly for x86_64, and the compiler of ci/cross.sh, which has `core` for every architecture, that for aarch64. A golden file
# names its compiler. With another compiler the script prints a skip, and compares the counts of the functions, within a margin.
# --write rewrites the golden files. CONTRIBUTING.md, "The golden assembly", says how to read them.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh

[ "$(uname -sm)" = "Linux x86_64" ] || lacking "the compilers are those of Linux on x86_64, this is $(uname -sm)"
need_cargo
need c++filt python3
ready
need_cross
scratch
export PYTHONDONTWRITEBYTECODE=1

target_dir=${CARGO_TARGET_DIR:-target}
mkdir -p "$target_dir/codegen"
target=$(cd "$target_dir/codegen" && pwd)
cross=$(cd "$target_dir/cross" && pwd)
# Nothing from outside changes the code. One way to mangle symbols, whatever the compiler's own is.
unset "${!CARGO_PROFILE_RELEASE_@}" CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
export RUSTFLAGS='-C symbol-mangling-version=v0' CARGO_INCREMENTAL=0

# compiled FILE ARGUMENT...: writes the assembly of the functions to FILE.
compiled() {
    local file=$1
    shift
    cargo rustc --quiet --locked --release --lib --manifest-path benches/codegen/Cargo.toml --target-dir "$target" "$@" \
        -- --emit=asm="$file"
}
# from_source FILE ARGUMENT...: does this for aarch64, with `core` built from the library's source.
from_source() {
    RUSTC=$cross/rustc RUSTC_BOOTSTRAP=1 compiled "$@" -Zbuild-std=core --target aarch64-unknown-linux-gnu
}
# compiler RUSTC: prints the version of a compiler, and of its code generator.
compiler() { "$1" -vV | awk '/^rustc / { version = $1 " " $2 " " $3 " " $4 } /^LLVM version/ { print version ", LLVM " $3 }'; }
# golden ARCHITECTURE RUSTC ASSEMBLY: prints the golden file of an assembly.
golden() { python3 ci/lib/codegen.py write "$1 $(compiler "$2")" benches/codegen/src/lib.rs "$3"; }
# compared ARCHITECTURE STORED NOW: counts a check for each function, and prints the difference.
compared() {
    python3 ci/lib/codegen.py compare "$2" "$3" >"$work/findings"
    local finding name text failures=$failed
    while IFS=$'\t' read -r finding name text; do
        case $finding in
            ok) ok "$1, $name: $text" ;;
            bad) bad "$1, $name" "$text" ;;
            skip) skip "$1, $name" "$text" ;;
        esac
    done <"$work/findings"
    # Of two compilers, most lines differ.
    [ "$failures" = "$failed" ] || grep -q ^skip "$work/findings" ||
        diff --unified=8 --show-function-line='^[A-Za-z_<].*:$' "$2" "$3" || :
}


# ---- what becomes of an assembly

cat >"$work/made.rs" <<'SOURCE'
#[unsafe(no_mangle)]
pub fn first() {}
#[unsafe(no_mangle)]
pub unsafe fn alias() {}
// Compared too: third
SOURCE
cat >"$work/made.raw" <<'ASSEMBLY'
	.file	"made.e2283d1978efa35-cgu.0"
	.section	.rodata.cst8,"aM",@progbits,8
.LCPI7_0:
	.quad	7
.Lanon.8ae1.0:
	.asciz	"/somewhere/lib.rs"
.LJTI9_0:
	.long	.LBB9_1-.LJTI9_0
	.long	.LBB9_2-.LJTI9_0
	.section	.text.unlikely.cold,"ax",@progbits
	.type	_RNvCs0_4made4cold,@function
_RNvCs0_4made4cold:
	retq
	.section	.text.third,"ax",@progbits
	.type	_RNvCs0_4made5third,@function
_RNvCs0_4made5third:
	jmpq	*_RNvCs1_5other3far@GOTPCREL(%rip)
	.section	.text.second,"ax",@progbits
	.type	_RNvCs0_4made6second,@function
_RNvCs0_4made6second:
	leaq	.LJTI9_0(%rip), %rcx
	jmpq	*%rax
.LBB9_1:
	nop
	retq
.LBB9_2:
	ud2
	.section	.text.first,"ax",@progbits
	.globl	first
	.p2align	4
	.type	first,@function
first:
	.cfi_startproc
	movl	$1, %eax                       # 4-byte Spill
	.p2align	4
.LBB7_1:
	lock		orl	$0, -64(%rsp)
	testl	%eax, %eax
	je	.LBB7_3
	callq	_RNvCs0_4made4cold
	jmp	.LBB7_1
.LBB7_2:
	nop
.LBB7_3:
	movq	.LCPI7_0(%rip), %rax
	leaq	.Lanon.8ae1.0(%rip), %rcx
	jne	.LBB7_1
	#APP

	syscall

	#NO_APP
	callq	_ZN4made6second17h0123456789abcdefE
	callq	_RNvCs0_4made6second
	retq
.Lfunc_end7:
	.size	first, .Lfunc_end7-first
	.cfi_endproc
	.set	alias, first
ASSEMBLY
cat >"$work/made.s" <<'GOLDEN'
# The hot functions of benches/codegen/src/lib.rs for x86_64. `ci/codegen.sh --write` writes this file.
# compiler: made here

# first: 14 instructions; shortest way 11 and 2 calls; with a system call 11 and 2 calls; loop at .L1: 6
first:
    movl $1, %eax
.L1:
    lock orl $0, -64(%rsp)
    testl %eax, %eax
    je .L2
    callq made::cold
    jmp .L1
    nop
.L2:
    movq .Constant1(%rip), %rax
    leaq .Constant2(%rip), %rcx
    jne .L1
    syscall
    callq made::second
    callq made::second
    retq
.Constant1:
    .quad 7
.Constant2:
    .asciz "(a path)"

# alias: the code of first

# made::third: 1 instructions; shortest way 1 and 1 call
made::third:
    jmpq *other::far@GOTPCREL(%rip)

# made::second: 5 instructions; shortest way 4
made::second:
    leaq .Constant1(%rip), %rcx
    jmpq *%rax
.L1:
    nop
    retq
.L2:
    ud2
.Constant1:
    .long .L1-.Constant1
    .long .L2-.Constant1
GOLDEN
python3 ci/lib/codegen.py write "x86_64 made here" "$work/made.rs" "$work/made.raw" >"$work/made.now"
check "names, labels, constants and counts come out as they should" diff "$work/made.s" "$work/made.now"

compiled "$work/x86_64.raw"
golden x86_64 rustc "$work/x86_64.raw" >"$work/x86_64.s"
from_source "$work/aarch64.raw"
golden aarch64 "$cross/rustc" "$work/aarch64.raw" >"$work/aarch64.s"

# ---- the comparison itself

# findings STORED NOW: prints the findings of a comparison that are not ok, without the counts, on one line.
findings() { python3 ci/lib/codegen.py compare "$1" "$2" | awk -F '\t' '$1 != "ok" { printf "%s %s,", $1, $2 }'; }
compiled "$work/more.raw" --features one-load-more
golden x86_64 rustc "$work/more.raw" >"$work/more.s"
same "one load more in push_one is a difference there, and nowhere else" \
    "$(findings "$work/x86_64.s" "$work/more.s")" "bad push_one,"
sed 's/^# compiler: .*/# compiler: another/' "$work/x86_64.s" >"$work/another.s"
same "with another compiler, the lines are skipped by name" "$(findings "$work/another.s" "$work/x86_64.s")" "skip its lines,"
sed -i -E 's/^(# push_batch: .*loop at \.L[0-9]+:) ([0-9]+)/\1 1\2/' "$work/another.s"
same "with another compiler, a loop that is much shorter is a difference" "$(findings "$work/another.s" "$work/x86_64.s")" \
    "skip its lines,bad push_batch,"

# ---- the golden files

for architecture in x86_64 aarch64; do
    file=benches/codegen/$architecture.s
    if [ "${1-}" = --write ]; then
        cp "$work/$architecture.s" "$file"
        ok "$file is written: $(count '^# .*: [0-9]* instructions' "$file") functions"
    else
        compared "$architecture" "$file" "$work/$architecture.s"
    fi
done
finish
