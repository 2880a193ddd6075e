#!/usr/bin/env bash
# Changes the core in every way that cargo-mutants knows (a function that does nothing, another operator, a flag left out),
# and shows that a test notices: the unit tests, those on rings in the tests' own memory, and the simulated kernel. Takes
# more than an hour. A mutant that survives must stand in ci/mutants.txt, with the reason.
#
#   ci/mutants.sh [ARGUMENTS of cargo mutants, as --shard 1/8]
set -euo pipefail
cd "$(dirname "$0")/.."

cargo mutants --version >/dev/null 2>&1 || cargo install --locked cargo-mutants
export SIMULATE_SEEDS=${SIMULATE_SEEDS:-1000}
out=${CARGO_TARGET_DIR:-target}/mutants
mkdir -p "$out"
files=()
for file in src/{index,squeue,cqueue,submitter,memory,builder}.rs src/{squeue,cqueue,memory,builder}/*.rs; do
    files+=(--file "$file")
done
common=(--no-shuffle --output "$out" --timeout 120 "${files[@]}" --exclude-re 'impl fmt::')
# Exit status 2 tells of survivors, 3 of mutants that hang, which the time limit notices.
cargo mutants "${common[@]}" --test-package bare-uring-sim "$@" \
    -- --locked --lib --test property --test simulation --test nth_call || [ $? -le 3 ]
# What the simulation lets through, the crate's own tests see.
tests=()
for test in sq_mixed cq_kinds submit overflow wrap raw_parts setup setup_refused provided_memory wait_mixed sqpoll taskrun drain; do
    tests+=(--test "$test")
done
cargo mutants "${common[@]}" --iterate --test-package bare-uring "$@" -- --locked --lib "${tests[@]}" || [ $? -le 3 ]

survived=$(sed -E 's/:[0-9]+:[0-9]+:/:/' "$out/mutants.out/missed.txt")
unknown=$(grep -vxFf <(sed -E 's/^([^#]*[^# ]) *#.*/\1/' ci/mutants.txt) <<<"$survived" | grep . || true)
if [ -n "$unknown" ]; then
    printf 'survived without a reason in ci/mutants.txt:\n%s\n' "$unknown"
    exit 1
fi
echo "$(wc -l <"$out/mutants.out/caught.txt") caught, $(wc -l <"$out/mutants.out/timeout.txt") timed out," \
    "$(wc -l <"$out/mutants.out/missed.txt") survived, each with a reason"
