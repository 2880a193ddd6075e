#!/usr/bin/env bash
# ci/fuzz.sh [SECONDS [TARGET...]]: fuzzes each target (or those named) for that many seconds (5), from the corpus in
# fuzz/corpus, under AddressSanitizer and with overflow checks.
#
# Needs a nightly compiler; installs cargo-fuzz if it is missing. New inputs stay outside of the repository; a failing input is
# kept in fuzz/artifacts and printed. The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh

seconds=${1:-5}
[ $# = 0 ] || shift
need_nightly
# The sanitizers and libFuzzer need a C++ compiler.
need c++
need_subcommand fuzz
ready
scratch
cargo +nightly fuzz build --fuzz-dir fuzz

if [ $# = 0 ]; then
    mapfile -t all < <(sed -n '/^\[\[bin\]\]$/,/^$/s/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml)
    [ ${#all[@]} != 0 ] || bad "fuzz/Cargo.toml names no target"
    set -- "${all[@]}"
fi
# run TARGET: fuzzes a target; keeps the output and the exit status.
run() {
    local status=0
    # The fuzzer keeps the time itself.
    test_limit 0
    mkdir "$work/$1"
    # New inputs go to the first directory.
    limit $((seconds + 600)) cargo +nightly fuzz run --fuzz-dir fuzz "$1" "$work/$1" "fuzz/corpus/$1" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 >"$work/$1.log" 2>&1 || status=$?
    echo "$status" >"$work/$1.status"
}
export -f run
export work seconds
# A fuzzer is one thread.
each "$(nproc)" run "$@"
for target in "$@"; do
    log=$work/$target.log
    if [ "$(cat "$work/$target.status")" = 0 ]; then
        inputs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
        if [ "${inputs:-0}" -gt 0 ]; then ok "$target: $inputs inputs"; else bad "$target" "it tried no input"; fi
    else
        bad "$target"
        # Prints what the fuzzer reported, and its last lines in case that is nothing of this kind.
        found -aE -A 3 'panicked at|ERROR: |^SUMMARY' "$log" | awk 'NR <= 40'
        found -aE 'Reproduce with|cargo fuzz run' "$log" | awk 'NR <= 4'
        tail -n 5 "$log"
    fi
done
finish
