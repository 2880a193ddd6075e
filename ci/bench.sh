#!/usr/bin/env bash
# ci/bench.sh [quick|full|record|pictures [PART]]: measures bare-uring beside other io_uring libraries (benches/compare).
#
# full, the default, measures everything (some minutes), writes the raw figures to benches/record, and draws the README's
# pictures from them. record is another word for it. quick measures what has a limit, in a minute and a half once all is
# built, and writes nothing. pictures only draws: from the newest file of each processor in benches/record, without measuring.
# PART limits quick and full to one of nop, calls, reads, echo, counts, programs, and then nothing is written.
# Needs Linux on x86_64; installs what else it lacks. The exit status depends on no figure: it tells whether every program could
# be built and did what it should.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh

what=${1:-full}
case $what in
    record) what=full ;;
    quick | full | pictures) ;;
    *) echo "usage: ci/bench.sh [quick|full|record|pictures [PART]]"; exit 2 ;;
esac
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
target=$target/bench
programs=$target/programs
mkdir -p "$programs" "$target/scratch" docs

need_cargo
if [ "$what" != pictures ]; then need git make valgrind; fi
# bindgen makes liburing's bindings, and needs libclang and its headers.
[ "$what" = pictures ] || compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null || apt_install libclang-dev
ready
scratch
# Nothing here may stand between the programs and the processor.
test_limit 0

compare=(--manifest-path benches/compare/Cargo.toml --locked --target-dir "$target")
# draw: draws the pictures. The package that it runs depends on no contender.
draw() { cargo run --quiet "${compare[@]}" --package record -- benches/record docs; }
if [ "$what" = pictures ]; then
    check "pictures of the record" draw
    cat "$work/.out"
    finish
fi

# ---- building

cargo build "${compare[@]}" --release
keep() { cp "$1" "$programs/$2"; } # keep FILE NAME
for peer in by-hand rustix-uring ququmatz io-uring; do
    # Built one at a time, because cargo would unify the features of all.
    cargo build "${compare[@]}" --profile small --package "nop-$peer"
    keep "$target/small/nop-$peer" "nop-$peer"
done
triple=x86_64-unknown-linux-gnu
RUSTFLAGS="-C target-feature=+crt-static" cargo build "${compare[@]}" --profile small --package nop-io-uring --target $triple
keep "$target/$triple/small/nop-io-uring" nop-io-uring-static
liburing=$(dirname "$(newest "$target"/release/build/axboe-liburing-*/out/src/liburing.a)")
# Built from its sources, because its archive is linked in whole files; with the linker and the script of the others.
cc -Os -ffunction-sections -ffreestanding -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables -D_GNU_SOURCE \
    -include "$liburing/../config-host.h" -I "$liburing/include" -nostdlib -static -no-pie \
    -B "$(rustc --print sysroot)/lib/rustlib/$triple/bin/gcc-ld" -fuse-ld=lld \
    -Wl,-T,"$(newest "$target"/small/build/nop-by-hand-*/out/image.ld)" \
    -Wl,-s,--gc-sections,--build-id=none,-z,norelro,--no-eh-frame-hdr,-z,noseparate-code,--oformat=binary \
    -o "$target/nop-liburing" benches/compare/programs/nop-liburing.c "$liburing"/{setup,queue,register,syscall,nolibc}.c
keep "$target/nop-liburing" nop-liburing
cargo build --locked --release --package freestanding --target-dir "$target/freestanding"
for program in nop cat; do
    keep "$target/freestanding/release/$program" "$program-bare-uring"
done

# ---- measuring

# With a high priority, where that is allowed: a kernel thread that spins needs its processor at once.
first=()
if nice -n -20 true 2>/dev/null; then first=(nice -n -20); fi
record=benches/record
if [ "$what" = quick ] || [ $# -gt 1 ]; then record=-; fi
BENCH_RUSTC=$(rustc --version | cut -d ' ' -f 2) BENCH_COMMIT=$(git describe --always --dirty --exclude '*' --abbrev=12)
export BENCH_RUSTC BENCH_COMMIT
"${first[@]}" "$target/release/compare" "$what" "$target/scratch" "$programs" "$record" "${@:2}"
ok "built and measured"
if [ "$record" != - ]; then
    check "pictures of the record" draw
    cat "$work/.out"
fi
finish
