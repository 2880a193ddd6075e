#!/usr/bin/env bash
# ci/weaken.sh: weakens each ordering of the crate, one at a time, and shows which model notices.
#
# Every line of the source with an ordering above Relaxed is found by itself. A load or store becomes Relaxed, a fence
# AcqRel and then nothing; under the models the line is recognised when it runs, so that no source is changed and all is
# built once. Last line `N of N caught`; fails if one is not.
set -euo pipefail
cd "$(dirname "$0")/.."

# Prints `file:line ordering` for all of them.
places() {
    grep -rnE 'Ordering::(Acquire|Release|AcqRel|SeqCst)' src --include='*.rs' |
        grep -vE '^src/(sync|models)/|_models\.rs:' |
        sed -E 's/^([^:]+:[0-9]+):.*(fence|load|store|swap|fetch_[a-z]+)\(.*/\1 \2/'
}

RUSTFLAGS="--cfg loom" cargo test --locked --release --package bare-uring --lib --no-run --message-format=json 2>/dev/null |
    grep -oE '"executable":"[^"]+"' | cut -d'"' -f4 >"${TMPDIR:-/tmp}/models.$$"
models=$(cat "${TMPDIR:-/tmp}/models.$$")
rm "${TMPDIR:-/tmp}/models.$$"

# Without a weakening they hold.
if ! "$models" models:: --quiet >/dev/null 2>&1; then
    echo "the models fail as they are: see ci/loom.sh"
    exit 1
fi

caught=0 all=0
# weaken FILE:LINE TO
weaken() {
    local output status=0
    all=$((all + 1))
    output=$(WEAKEN=$1 WEAKEN_TO=$2 timeout 120 "$models" models:: --test-threads=2 --nocapture 2>&1) || status=$?
    if [ $status = 101 ] && grep -q '^noticed by ' <<<"$output"; then
        caught=$((caught + 1))
        printf 'ok    %-36s %-8s %s\n' "$1" "$2" "$(grep -m 1 '^noticed by ' <<<"$output")"
    else
        printf 'FAIL  %-36s %-8s no model notices (status %s)\n' "$1" "$2" "$status"
    fi
}
while read -r place access; do
    if [ "$access" = fence ]; then
        weaken "$place" AcqRel
        weaken "$place" nothing
    else
        weaken "$place" Relaxed
    fi
done < <(places)
echo "$caught of $all caught"
[ "$all" != 0 ] && [ "$caught" = "$all" ]
