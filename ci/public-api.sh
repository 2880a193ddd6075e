#!/usr/bin/env bash
# Compares the public items of each package, with their types, with the lists docs/public-api*.txt, so that none changes
# unseen; and checks that where there is no std, none of them names a type of std or libc.
# After a change that is meant: `ci/public-api.sh --write`, and a line in CHANGELOG.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# Only nightly's rustdoc prints the items of a crate as JSON.
rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/public-api}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# list PACKAGE FEATURES: the items with these features, sorted.
list() {
    cargo +nightly rustdoc --locked --quiet --package "$1" --lib --features "$2" -- \
        -Zunstable-options --output-format json
    cargo run --locked --quiet --manifest-path ci/public-api/Cargo.toml -- "$CARGO_TARGET_DIR/doc/${1//-/_}.json" |
        LC_ALL=C sort -u
}

# compare FILE TITLE: with what $work/all has.
compare() {
    if [ "$write" = --write ]; then
        cp "$work/all" "$1"
    else
        diff --unified=0 "$1" "$work/all" || { echo "the public items of $2 are not those of $1"; exit 1; }
        echo "ok   $2: $(grep -c '^pub ' "$work/all") public items as listed${3-}"
    fi
}

# without_std PACKAGE FILE: a package that has no std but with the feature `std`.
without_std() {
    list "$1" "" >"$work/plain"
    if grep -E '\b(std|libc|alloc)::' "$work/plain"; then
        echo "$1: without features, the above names a type of std, alloc or libc"
        exit 1
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
# It is a package for tests, on std.
list bare-uring-sim "" >"$work/all"
if grep -E '\blibc::' "$work/all"; then
    echo "bare-uring-sim: the above names a type of libc"
    exit 1
fi
compare docs/public-api-sim.txt bare-uring-sim
