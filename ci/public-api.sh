#!/usr/bin/env bash
# Compares the crate's public items, with their types, with the list docs/public-api.txt, so that none changes unseen; and
# checks that without features none of them names a type of std or libc.
# After a change that is meant: `ci/public-api.sh --write`, and a line in CHANGELOG.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# Only nightly's rustdoc prints the items of a crate as JSON.
rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/public-api}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# list FEATURES: the items with these features, sorted.
list() {
    cargo +nightly rustdoc --locked --quiet --package bare-uring --lib --features "$1" -- \
        -Zunstable-options --output-format json
    cargo run --locked --quiet --manifest-path ci/public-api/Cargo.toml -- "$CARGO_TARGET_DIR/doc/bare_uring.json" |
        LC_ALL=C sort -u
}
list "" >"$work/plain"
if grep -E '\b(std|libc)::' "$work/plain"; then
    echo "without features, the above names a type of std or libc"
    exit 1
fi
list std >"$work/std"
{
    cat "$work/plain"
    printf '\n# with the feature std\n'
    LC_ALL=C comm -13 "$work/plain" "$work/std"
} >"$work/all"
if [ "${1-}" = --write ]; then
    cp "$work/all" docs/public-api.txt
else
    diff --unified=0 docs/public-api.txt "$work/all" ||
        { echo "the public items are not those of docs/public-api.txt"; exit 1; }
    echo "$(wc -l <"$work/plain") public items as listed, none of which names std or libc"
fi
