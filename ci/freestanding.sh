#!/usr/bin/env bash
# ci/freestanding.sh: checks how the programs of examples/freestanding are linked: with all that they need in the file, and without
# a panic. Then runs those that have no script of their own (ci/cp.sh and ci/echo.sh check `cp` and `echo`).
#
# Prints one line for each check, and at the end `N passed, N failed`. About a minute once all is built.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_nightly
need readelf nm python3 ld.bfd ld.gold ld.lld ld.mold
ready
scratch
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
target=$(cd "$target" && pwd)

# ---- building, and what the linker proves

programs=(nop cat cp echo panic_free panic_free_register panic_free_types)
cargo build --quiet --locked --release -p freestanding
ok "builds with a linker and nothing else"
for program in panic_free:"the ring path" panic_free_register:"the path of a registration"; do
    name="a panic on ${program#*:} does not link"
    if cargo build --quiet --locked --release -p freestanding --bin "${program%%:*}" --features panic-on-purpose \
        --target-dir "$target/panic-on-purpose" >"$work/link" 2>&1; then
        bad "$name"
    else
        check "$name" grep -q "undefined.*bare_uring_panic_is_reachable" "$work/link"
    fi
done
# Each level optimises in its own way, and has to remove every panic by itself.
for level in 3 '"s"' '"z"'; do
    for lto in false '"fat"'; do
        check "nothing panics at opt-level $level, lto $lto" cargo build --quiet --locked --release -p freestanding \
            --bins --target-dir "$target/levels" \
            --config "profile.release.opt-level=$level" --config "profile.release.lto=$lto"
        check "panic_free_register works at that, too" "$target/levels/release/panic_free_register"
        check "panic_free_types works at that, too" "$target/levels/release/panic_free_types"
    done
done
# rustc may be told to use another linker than its own.
for linker in bfd gold lld mold; do
    check "links with ld.$linker" env RUSTFLAGS="-Clink-arg=-fuse-ld=$linker" \
        cargo build --quiet --locked --release -p freestanding --bin nop --bin cat --target-dir "$target/linkers"
    check "nop works, linked with ld.$linker" "$target/linkers/release/nop"
done

# The link can't show that the programs call every function. Without optimisation each called function has a symbol; generic
# and always inlined ones are only in the compiler's list, which the compiler writes when it compiles the program anew.
plain=(--quiet --locked --release -p freestanding --target-dir "$target/plain" --features report-panics
    --config profile.release.opt-level=0 --config profile.release.lto=false --config profile.release.strip=false
    --config profile.release.debug=1)
cargo +nightly clean --quiet --release -p freestanding --target-dir "$target/plain"
for program in panic_free panic_free_register panic_free_types; do
    cargo +nightly rustc "${plain[@]}" --bin "$program" -- -Csymbol-mangling-version=v0 -Zprint-mono-items=yes
    nm --demangle --defined-only "$target/plain/release/$program"
done >"$work/called"
check "the panic_free programs call every public function, by type and name" \
    python3 ci/lib/reached.py docs/public-api.txt "$work/called"

# ---- what is in the files

# The delivered programs have no sections and symbols; these builds do.
check "builds with symbols" cargo build --quiet --locked --release -p freestanding \
    --target-dir "$target/symbols" --config profile.release.strip=false --config profile.release.debug=1
for program in "${programs[@]}"; do
    file=$target/release/$program whole=$target/symbols/release/$program
    symbols=$(readelf -sW "$whole")
    same "$program: $(stat -c %s "$file") bytes, defined symbols only" \
        "$(awk '$8 == "_start" || $7 == "UND" && $8 != "" { print $8 }' <<<"$symbols")" _start
    segments=$(readelf -lW "$file")
    same "$program: no interpreter" "$(found -oE ' (LOAD|INTERP) ' <<<"$segments" | sort -u)" " LOAD "
    same "$program: no dynamic section, no relocation" "$(readelf -drW "$whole" | found . | sort)" "\
There are no relocations in this file.
There is no dynamic section in this file."
done

# ---- nop, panic_free, panic_free_register

check "nop" "$target/release/nop"
# The kernel's version tells which kinds of ring must work. The kernel refuses the other kinds with EINVAL, and no other error.
read -r major minor _ < <(uname -r | tr -c '0-9\n' ' ')
version=$((major * 1000 + minor)) kinds=1
[ "$version" -lt 5019 ] || kinds=4
[ "$version" -lt 6018 ] || kinds=6
[ "$version" -lt 6019 ] || kinds=9
check "panic_free" "$target/release/panic_free"
cp "$work/.out" "$work/kinds"
same "kinds of ring" "$(count . "$work/kinds")" 9
check "$(count ': ok$' "$work/kinds") of them work here, $kinds have to" test "$(count ': ok$' "$work/kinds")" -ge "$kinds"
same "the others are refused" "$(found -v ': ok$' "$work/kinds" | sed 's/.*: //' | sort -u)" "$([ "$kinds" = 9 ] || echo EINVAL)"
check "panic_free_register" "$target/release/panic_free_register"
cp "$work/.out" "$work/topics"
topics=$(count -E '^[a-z].*: ' "$work/topics")
check "$topics topics" test "$topics" -ge 29
same "what this kernel has of them works" \
    "$(found -vE ': (ok|not on this kernel|[0-9]+ calls are not on this kernel, the others ok)$' "$work/topics")" ""

# ---- cat

cat=$target/release/cat
cd "$work"
head -c 300001 /dev/urandom >r
printf 'one\n' >one
check "cat of a file" bash -c "$cat r | cmp - r"
check "cat of standard input" bash -c "$cat <r | cmp - r"
check "cat of a pipe, and of several" bash -c "cat r | $cat one - one | cmp - <(cat one r one)"
check "cat to a file, from where it stands" bash -c "echo zero >o; $cat one >>o; cmp o <(echo zero; echo one)"
refused "cat of a missing file" 1 "cat: none: ENOENT" "$cat" none
check "cat goes on after one" bash -c "$cat none one 2>/dev/null | cmp - one"
check "cat's status tells of it all the same" bash -c "! $cat none one"
refused "cat of a directory" 1 EISDIR "$cat" .
refused "cat to a full device" 1 ENOSPC bash -c "$cat one >/dev/full"

finish
