#!/usr/bin/env bash
# ci/weaken.sh: weakens each ordering of the crate, one at a time, and shows which model notices.
#
# Searches the source for every line with an ordering above Relaxed. A load or store becomes Relaxed; a fence becomes AcqRel, then
# nothing. The models' atomics recognise the line when it runs, so that no source changes and everything is built once.
# Prints `N of N caught`; fails if one is not.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready
scratch

# places: prints `file:line access` for each of these lines.
places() {
    grep -rnE 'Ordering::(Acquire|Release|AcqRel|SeqCst)' src --include='*.rs' |
        grep -vE '^src/(sync|models)/|_models\.rs:' |
        sed -E 's/^([^:]+:[0-9]+):.*(fence|load|store|swap|fetch_[a-z]+)\(.*/\1 \2/'
}

# The profile of ci/loom.sh, so that both build once.
fast_release
RUSTFLAGS="--cfg loom" cargo test --locked --release --package bare-uring --lib --no-run --message-format=json 2>"$work/log" >"$work/built" ||
    { cat "$work/log"; bad "the models don't build"; finish; }
models=$(grep -oE '"executable":"[^"]+"' "$work/built" | cut -d'"' -f4)
places >"$work/places"

# Without a weakening the models hold.
if ! limit 1200 "$models" models:: --quiet >"$work/log" 2>&1; then
    bad "the models fail as they are: see ci/loom.sh"
    finish
fi

# weaken FILE:LINE TO: checks that a model fails with this weakening.
weaken() {
    local output status=0
    output=$(WEAKEN=$1 WEAKEN_TO=$2 timeout 120 "$models" models:: --test-threads=2 --nocapture 2>&1) || status=$?
    # Two models write at the same time, so that the words may stand within a line.
    if [ $status = 101 ] && grep -q 'noticed by ' <<<"$output"; then
        ok "$(printf '%-36s %-8s %s' "$1" "$2" "$(grep -om 1 'noticed by .*' <<<"$output")")"
    else
        bad "$(printf '%-36s %-8s no model notices (status %s)' "$1" "$2" "$status")"
    fi
}
while read -r place access; do
    if [ "$access" = fence ]; then
        weaken "$place" AcqRel
        weaken "$place" nothing
    else
        weaken "$place" Relaxed
    fi
done <"$work/places"
echo "$passed of $((passed + failed)) caught"
finish
