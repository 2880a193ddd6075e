#!/usr/bin/env bash
# ci/fuzz.sh [SECONDS [TARGET...]]: fuzzes each target (or those named) for that many seconds (5), from the corpus in
# fuzz/corpus, under AddressSanitizer and with overflow checks.
#
# Needs a nightly compiler; installs cargo-fuzz if it is missing. What a run finds new stays outside of the repository;
# an input that fails is kept in fuzz/artifacts and printed. Last line `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh

seconds=${1:-5}
[ $# = 0 ] || shift
need_nightly
# Sanitizers and libFuzzer are C++.
need c++
need_subcommand fuzz
ready
scratch
# How long a target runs is said to itself.
test_limit 0
cargo +nightly fuzz build --fuzz-dir fuzz

if [ $# = 0 ]; then
    mapfile -t all < <(sed -n '/^\[\[bin\]\]$/,/^$/s/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml)
    [ ${#all[@]} != 0 ] || bad "fuzz/Cargo.toml names no target"
    set -- "${all[@]}"
fi
for target in "$@"; do
    mkdir "$work/$target"
    # New inputs go to the first directory.
    if limit $((seconds + 600)) cargo +nightly fuzz run --fuzz-dir fuzz "$target" "$work/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 >"$work/log" 2>&1; then
        inputs=$(sed -n 's/^stat::number_of_executed_units: //p' "$work/log")
        if [ "${inputs:-0}" -gt 0 ]; then ok "$target: $inputs inputs"; else bad "$target" "it tried no input"; fi
    else
        bad "$target"
        # Whatever it says, and if that is nothing of this kind, its last lines.
        found -aE -A 3 'panicked at|ERROR: |^SUMMARY' "$work/log" | awk 'NR <= 40'
        found -aE 'Reproduce with|cargo fuzz run' "$work/log" | awk 'NR <= 4'
        tail -n 5 "$work/log"
    fi
done
finish
