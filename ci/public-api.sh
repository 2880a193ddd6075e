#!/usr/bin/env bash
# ci/public-api.sh: compares the public items of each package, with their types, with the lists docs/public-api*.txt. Checks also
# that without the feature std no item names a type of std or libc.
# After an intended change run `ci/public-api.sh --write`, and write a line in CHANGELOG.md.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_nightly
ready
scratch

# Only nightly's rustdoc prints the items of a crate as JSON.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/public-api}

# list PACKAGE FEATURES: prints the items with these features, sorted.
list() {
    cargo +nightly rustdoc --locked --quiet --package "$1" --lib --features "$2" -- \
        -Zunstable-options --output-format json
    cargo run --locked --quiet --manifest-path ci/public-api/Cargo.toml -- "$CARGO_TARGET_DIR/doc/${1//-/_}.json" |
        LC_ALL=C sort -u
}

# compare FILE TITLE: compares the file with $work/all.
compare() {
    if [ "$write" = --write ]; then
        cp "$work/all" "$1"
        ok "$1 is written"
    elif diff --unified=0 "$1" "$work/all"; then
        ok "$2: $(count '^pub ' "$work/all") public items as listed${3-}"
    else
        bad "the public items of $2 are not those of $1"
    fi
}

# without_std PACKAGE FILE: checks a package that uses std with the feature `std` only.
without_std() {
    list "$1" "" >"$work/plain"
    if grep -E '\b(std|libc|alloc)::' "$work/plain"; then
        bad "$1: without features, the above names a type of std, alloc or libc"
    fi
    list "$1" std >"$work/std"
    {
        cat "$work/plain"
        printf '\n# with the feature std\n'
        LC_ALL=C comm -13 "$work/plain" "$work/std"
    } >"$work/all"
    compare "$2" "$1" ", of which $(grep -c '^pub ' "$work/plain") need no feature and name no std, alloc or libc"
}

write=${1-}
without_std bare-uring docs/public-api.txt
without_std bare-uring-ops docs/public-api-ops.txt
# This package is for tests, and uses std.
list bare-uring-sim "" >"$work/all"
if grep -E '\blibc::' "$work/all"; then
    bad "bare-uring-sim: the above names a type of libc"
fi
compare docs/public-api-sim.txt bare-uring-sim
finish
