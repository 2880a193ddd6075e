#!/usr/bin/env bash
# ci/exact.sh: checks figures that are exact: instructions per request, counted by callgrind, bytes of the smallest programs, and
# functions that every dependent's build compiles, whether it calls them or not (DESIGN.md, "Build time").
#
# Compares with ci/exact.txt, which has one line for each figure: its name, the figure, and a margin for other compilers. A
# figure that is smaller by more than the margin must be stored, or the next increase would go unseen.
#
#   ci/exact.sh           fails if a figure has changed
#   ci/exact.sh --store   writes the present figures
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh

[ "$(uname -sm)" = "Linux x86_64" ] || lacking "the figures are those of Linux on x86_64, this is $(uname -sm)"
need_cargo
need valgrind nm
ready
scratch

target=$(cargo metadata --locked --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')

cargo build --quiet --locked --release -p freestanding --bin nop --bin cat
# Built for speed, as a user's program may be.
cargo build --quiet --locked --release -p freestanding --bin nops --target-dir "$target/exact" \
    --config profile.release.opt-level=3

# As a dependency: a library in the profile that cargo has for releases.
cargo build --quiet --locked --release -p bare-uring --target-dir "$target/exact" \
    --config profile.release.lto=false --config profile.release.opt-level=3

# instructions MODE BATCH ROUNDS: prints the instructions of the whole program.
instructions() {
    limit 300 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$target/exact/release/nops" "$@" 2>"$work/log" || {
        cat "$work/log" >&2
        return 1
    }
    sed -nE 's/.*Collected : ([0-9]+).*/\1/p' "$work/log" | grep .
}

# per_request MODE BATCH: prints hundredths of an instruction. The difference of two runs leaves set-up and end out.
per_request() {
    local few many
    few=$(instructions "$1" "$2" 100)
    many=$(instructions "$1" "$2" 600)
    echo $(((many - few) / (5 * $2)))
}

figures() {
    echo "bytes-of-nop $(stat -c %s "$target/release/nop")"
    echo "bytes-of-cat $(stat -c %s "$target/release/cat")"
    echo "functions-in-the-library $(nm --defined-only "$target/exact/release/libbare_uring.rlib" 2>/dev/null | grep -ic ' t ')"
    local batch count
    for batch in 1 8 32 128; do
        count=$(per_request batch $batch)
        echo "instructions-x100-per-nop-in-batches-of-$batch $count"
    done
    count=$(per_request loop 32)
    echo "instructions-x100-per-nop-in-loops-of-32 $count"
    count=$(per_request single 32)
    echo "instructions-x100-per-nop-one-by-one-32 $count"
    count=$(per_request empty 32)
    echo "instructions-x100-per-empty-submit $count"
}

figures >"$work/now"
if [ "${1:-}" = --store ]; then
    # The margin is two per cent, half an instruction per request in a batch.
    awk '{ print $1, $2, int($2 * 0.02) }' "$work/now" >ci/exact.txt
fi
while read -r name stored margin; do
    now=$(awk -v name="$name" '$1 == name { print $2 }' "$work/now")
    if [ -z "$now" ]; then
        bad "$name: stored, and not measured"
    elif [ "$now" -gt $((stored + margin)) ]; then
        bad "$name: $now, $stored is stored, and $margin more at most"
    elif [ "$now" -lt $((stored - margin)) ]; then
        bad "$name: $now is better than the $stored that is stored: run ci/exact.sh --store"
    else
        ok "$name: $now, $stored is stored"
    fi
done <ci/exact.txt
same "figures that are stored" "$(cut -d ' ' -f 1 ci/exact.txt)" "$(cut -d ' ' -f 1 "$work/now")"
finish
