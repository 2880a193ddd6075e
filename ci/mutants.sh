#!/usr/bin/env bash
# Changes the core in every way that cargo-mutants knows (a function that does nothing, another operator, a flag left out),
# and shows that a test notices. First by what needs no kernel and is quick: the unit tests and the simulated kernel. What
# these let through, the crate's own tests see. A mutant that survives both must stand in ci/mutants.txt, with the reason;
# one that stands there must survive.
#
#   ci/mutants.sh [FILE...]      src/cqueue.rs, say; else the whole core
set -euo pipefail
cd "$(dirname "$0")/.."

cargo mutants --version >/dev/null 2>&1 || cargo install --locked cargo-mutants
out=$(realpath -m "${CARGO_TARGET_DIR:-target}/mutants")
# Each copy of the tree has a target directory of its own, so that they build at the same time. Nobody debugs what they build.
unset CARGO_TARGET_DIR
export CARGO_PROFILE_DEV_DEBUG=0 SIMULATE_SEEDS=${SIMULATE_SEEDS:-4000}

[ $# -gt 0 ] || set -- src/{index,squeue,cqueue,submitter,memory,builder}.rs src/{squeue,cqueue,memory,builder}/*.rs
# A mutant that spins is ended by the processor time that it took, so that it makes no difference how busy the machine is.
common=(--no-shuffle --colors never --output "$out" --exclude-re 'impl fmt::' --timeout 120 --cargo-arg=--locked
    --cargo-arg=--config='target."cfg(all())".runner = ["prlimit", "--cpu=10"]')
for file; do
    common+=(--file "$file")
done

rm -rf "$out"
mkdir -p "$out"
found=$out/mutants.out
# Exit status 2 tells of survivors, 3 of mutants that hang, which the time limit notices. What names the tests goes to
# cargo as --cargo-arg: what stands behind `--` is not there while it builds, and it would build all of them each time.
cargo mutants "${common[@]}" --jobs "$(nproc)" \
    --cargo-arg=--{package=bare-uring-sim,lib,test=property,test=simulation,test=nth_call} || [[ $? = [23] ]]
caught=$(wc -l <"$found/caught.txt")
hung=$(wc -l <"$found/timeout.txt")
# One that hung was noticed: it need not hang again.
cat "$found/timeout.txt" >>"$found/caught.txt"

tests=(sq_mixed cq_kinds submit overflow wrap raw_parts setup setup_refused provided_memory wait_mixed sqpoll taskrun drain)
cargo mutants "${common[@]}" --iterate "${tests[@]/#/--cargo-arg=--test=}" || [[ $? = [23] ]]
caught=$((caught + $(wc -l <"$found/caught.txt")))
hung=$((hung + $(wc -l <"$found/timeout.txt")))

# Without the place in the file, which changes with every line before it.
survived=$(sed -E 's/:[0-9]+:[0-9]+:/:/' "$found/missed.txt" | sort)
explained=$(sed -E 's/^([^#]*[^# ]) +# .+/\1/' ci/mutants.txt | grep -E "^($(IFS='|'; echo "$*")):" | sort || true)
if ! diff <(echo "$explained") <(echo "$survived"); then
    echo "'>' survived without a reason in ci/mutants.txt; '<' has a reason, and did not survive"
    exit 1
fi
echo "$caught caught, $hung hung, $(grep -c . <<<"$survived" || true) survived, each with a reason"
