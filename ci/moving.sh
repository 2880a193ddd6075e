#!/usr/bin/env bash
# ci/moving.sh: checks docs/moving-from-io-uring.md: its tables have every public item of io-uring, every item in them exists in
# the crate that the table says, and the page's code compiles and runs.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh

# Only nightly's rustdoc prints the items of a crate as JSON.
need_nightly
ready
cd ci/moving
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../../target/moving}
cargo +nightly rustdoc --locked --quiet --package io-uring -- -Zunstable-options --output-format json
export LINKS=$CARGO_TARGET_DIR/links.md
cargo run --locked --quiet -- ../../docs/moving-from-io-uring.md "$CARGO_TARGET_DIR/doc/io_uring.json" >"$LINKS"
cargo rustdoc --locked --quiet --lib -- --deny rustdoc::broken_intra_doc_links
cargo test --locked --quiet --doc
ok "$(grep -c . "$LINKS") items, each of them there, and the page's programs"
finish
