#!/usr/bin/env bash
# ci/fuzz.sh [SECONDS [TARGET...]]: fuzzes each target (or those named) for that many seconds (5), from the corpus in
# fuzz/corpus, under AddressSanitizer and with overflow checks.
#
# Needs a nightly compiler; installs cargo-fuzz if it is missing. What a run finds new stays outside of the repository;
# an input that fails is kept in fuzz/artifacts and printed. Last line `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-5}
shift || true
if ! cargo +nightly --version >/dev/null 2>&1 && ! rustup toolchain install nightly --profile minimal; then
    echo "skipped: no nightly compiler can be had here"
    exit 0
fi
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
cargo +nightly fuzz build --fuzz-dir fuzz

[ $# != 0 ] || set -- $(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | grep -v '^bare-uring-fuzz$')
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
passed=0 failed=0
for target in "$@"; do
    mkdir "$found/$target"
    # New inputs go to the first directory.
    if cargo +nightly fuzz run --fuzz-dir fuzz "$target" "$found/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 >"$found/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $target: $(sed -n 's/^stat::number_of_executed_units: //p' "$found/log") inputs"
    else
        failed=$((failed + 1))
        echo "FAIL  $target"
        grep -aE -A 3 'panicked at|ERROR: |^SUMMARY' "$found/log" | head -n 40
        grep -aE 'Reproduce with|cargo fuzz run' "$found/log" | head -n 4
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
