#!/usr/bin/env bash
# Are the structures that go to the kernel laid out as its own headers say, and are the numbers theirs, on every architecture?
#
# The headers are those of the newest kernel that Debian has a package of, compiled by clang for each architecture; the
# crate's structures are compiled for the same by a matched compiler (ci/cross.sh). ci/layouts/compare.py compares them,
# field by field, and says of each field whether it would have noticed a move by one byte. A structure that the crate or
# the headers have, and the table in ci/layouts/src/lib.rs does not, is a fault. The numbers of the table of ci/facts are
# compared twice: with the headers by clang, with the crate's when that package is compiled.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
. ci/lib/apt.sh
need_cargo
need python3

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/layouts"
work=$(cd "$target/layouts" && pwd)
cache=$work

# The newest that is there.
clang=$({ compgen -c clang- || :; } | found -xE 'clang-[0-9]+' | sort -V | tail -n 1)
if [ -z "$clang" ]; then
    root=$(apt_root amd64 bookworm)
    clang=$(apt_newest "$root" 'clang-*')
    apt_install "$clang"
fi
needed+=("$clang")
ready
need_cross
cross=$(cd "$target/cross" && pwd)

root=$(apt_root amd64 trixie-backports)
package=$(apt_fetch "$root" linux-libc-dev)
rm -rf "$work/headers"
dpkg -x "$package" "$work/headers"
echo "headers of Linux $(dpkg-deb --field "$package" Version), $("$cross/rustc" --version), $clang"

# Our name, the directory of its own headers, and how it is called by both compilers.
targets=(
    "x86_64 x86_64-linux-gnu x86_64-unknown-linux-gnu"
    "i686 i386-linux-gnu i686-unknown-linux-gnu"
    "aarch64 aarch64-linux-gnu aarch64-unknown-linux-gnu"
    "arm arm-linux-gnueabihf armv7-unknown-linux-gnueabihf"
    "riscv64 riscv64-linux-gnu riscv64gc-unknown-linux-gnu"
    "powerpc64le powerpc64le-linux-gnu powerpc64le-unknown-linux-gnu"
    "s390x s390x-linux-gnu s390x-unknown-linux-gnu"
    "loongarch64 loongarch64-linux-gnu loongarch64-unknown-linux-gnu"
)
cargo run --quiet --locked --package facts -- headers >"$work/numbers.h"
numbers=$(count _Static_assert "$work/numbers.h")
structs=0 fields=0 wrong=0
# One processor compiles each `core`: all of them in one call keep every processor busy.
triples=("${targets[@]##* }")
RUSTC=$cross/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS='' cargo build --locked --quiet --package layouts --release \
    "${triples[@]/#/--target=}" -Zbuild-std=core --target-dir "$work"
for line in "${targets[@]}"; do
    read -r name own triple <<<"$line"
    "$clang" --target="${triple/riscv64gc/riscv64}" -nostdinc -isystem "$work/headers/usr/include/$own" \
        -isystem "$work/headers/usr/include" -Wno-gnu-variable-sized-type-not-at-end -g \
        -fno-eliminate-unused-debug-types -S -emit-llvm -o "$work/$name-headers.ll" -include ci/layouts/headers.c \
        -x c "$work/numbers.h"
    RUSTC=$cross/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS='' cargo rustc --locked --quiet --package layouts --release \
        --target "$triple" -Zbuild-std=core --target-dir "$work" -- -g --emit=llvm-ir="$work/$name-ours.ll"
    report=$(python3 ci/layouts/compare.py "$work/$name-headers.ll" "$work/$name-ours.ll")
    read -r structs fields faults <<<"${report##*$'\n'}"
    wrong=$((wrong + faults))
    if [ "$faults" = 0 ] && [ "$structs" -gt 0 ]; then
        ok "$name: $structs structs, $fields fields, $numbers numbers"
    else
        bad "$name: $structs structs, $fields fields, $faults wrong"
        echo "${report%$'\n'*}"
    fi
done
echo "$structs structs, $fields fields, ${#targets[@]} architectures: $wrong wrong"
finish
