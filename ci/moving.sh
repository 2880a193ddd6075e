#!/usr/bin/env bash
# Keeps docs/moving-from-io-uring.md true: every public item of io-uring is in its tables, every item named there exists in
# the crate that it is said to be in, and its code compiles and runs. Each function of liburing's header (that of the crate which
# benches/compare builds) is an alias in the documentation, or has a row in the page.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh

# Only nightly's rustdoc prints the items of a crate as JSON.
need_nightly
need python3
ready
scratch
header=$(cargo metadata --locked --format-version 1 --manifest-path benches/compare/Cargo.toml |
    grep -oE '"[^"]*/axboe-liburing-[^/"]*/Cargo.toml"' | head -n 1 | tr -d '"')
header=${header%/*}/src/include/liburing.h
check "liburing's functions are found by their names" python3 ci/lib/liburing.py "$header" docs/moving-from-io-uring.md
cat "$work/.out"
cd ci/moving
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../../target/moving}
cargo +nightly rustdoc --locked --quiet --package io-uring -- -Zunstable-options --output-format json
export LINKS=$CARGO_TARGET_DIR/links.md
cargo run --locked --quiet -- ../../docs/moving-from-io-uring.md "$CARGO_TARGET_DIR/doc/io_uring.json" >"$LINKS"
cargo rustdoc --locked --quiet --lib -- --deny rustdoc::broken_intra_doc_links
cargo test --locked --quiet --doc
ok "$(grep -c . "$LINKS") items, each of them there, and the page's programs"
finish
