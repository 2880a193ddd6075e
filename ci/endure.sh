#!/usr/bin/env bash
# ci/endure.sh [COMPLETIONS [KILLS]]: runs storms of ten million completions through a queue of 8 slots, and kills a program a
# thousand times while it copies. Some minutes on two idle processors.
#
# The storms are tests/storm.rs in release mode, with overflow checks and debug assertions. The program is the freestanding
# `cp`: after each kill the final name has the whole old file or the whole new one.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh
need_cargo
ready

completions=${1:-10000000} kills=${2:-1000}
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
scratch
# The storms have another time limit.
test_limit 0

echo "== storms of $completions"
export BARE_URING_STORM=$completions
(
    fast_release
    limit 1800 cargo test --locked --release --package bare-uring --all-features --target-dir "$target/endure" \
        --test storm -- --show-output --test-threads=1
) | tee "$work/storms"
# Each kind of ring goes through both storms, except the second one, of two halves, for rings with DEFER_TASKRUN.
check "three tests" grep -q '^test result: ok. 3 passed' "$work/storms"
for kind in plain:2 coop:2 defer:1 sqpoll:2; do
    if grep -q "^skipped: ${kind%:*}:" "$work/storms"; then
        skip "storms of the kind ${kind%:*}" "$(grep -m 1 "^skipped: ${kind%:*}:" "$work/storms")"
    else
        same "storms of the kind ${kind%:*}" "$(count "^${kind%:*}: $completions completions" "$work/storms")" "${kind#*:}"
    fi
done

echo "== a copy killed $kills times"
cargo build --locked --quiet --release --package freestanding --bin cp
cp=$target/release/cp
cd "$work"
head -c 16000000 /dev/urandom >old
head -c 17000000 /dev/urandom >new
mkfifo clock
exec 9<>clock
now() { echo "${EPOCHREALTIME/[.,]/}"; }
# The longest of five copies tells how long a copy takes.
span=0
for round in 1 2 3 4 5; do
    start=$(now)
    "$cp" new copy
    took=$(($(now) - start))
    [ $took -le $span ] || span=$took
done
"$cp" old copy
early=0 late=0 wrong=0 midway=0
for ((round = 0; round < kills; round++)); do
    "$cp" new copy 2>/dev/null &
    pid=$!
    # Waits without starting a process: this pipe is never written to.
    pause=$(((RANDOM * 32768 + RANDOM) % (span * 5 / 4 + 1)))
    printf -v pause '%d.%06d' $((pause / 1000000)) $((pause % 1000000))
    read -rt "$pause" -u 9 || :
    # The copy may have ended already.
    kill -KILL $pid 2>/dev/null || :
    { wait $pid; } 2>/dev/null || :
    [ -z "$(find . -name '.cp-*' -size +0)" ] || midway=$((midway + 1))
    rm -f .cp-*
    if cmp -s old copy; then
        early=$((early + 1))
    elif cmp -s new copy; then
        late=$((late + 1))
        "$cp" old copy
    else
        wrong=$((wrong + 1))
        ls -l . >&2
        "$cp" old copy
    fi
done
echo "killed $kills times within $((span * 5 / 4)) us: $early times the old file was there, $late times the new one, $wrong times another;"
echo "$midway times the kill came in the middle of the copy"
same "times that another file was there" "$wrong" 0
check "$midway kills in the middle, more than a tenth" test $midway -gt $((kills / 10))
check "$late kills after the end" test $late -gt 0
finish
