#!/usr/bin/env bash
# ci/mutants.sh [FILE...]: changes the core in every way that cargo-mutants knows (a function that does nothing, another operator,
# a flag left out), and shows that a test notices. The unit tests come first, since they are quick, then those on the
# simulated kernel, then those on the real one. A mutant that survives them all must be in ci/mutants.txt, with the reason;
# one that is there must survive. cargo-mutants leaves unsafe functions alone.
#
#   ci/mutants.sh [FILE...]      src/cqueue.rs, say; else the whole core
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh

need_cargo
need_subcommand mutants
ready
# cargo-mutants gets another runner.
test_limit 0
out=$(realpath -m "${CARGO_TARGET_DIR:-target}/mutants")
# Each copy of the tree has its own target directory, so that the copies build at the same time. No debugger reads the builds.
unset CARGO_TARGET_DIR
export CARGO_PROFILE_DEV_DEBUG=0 SIMULATE_SEEDS=${SIMULATE_SEEDS:-4000}

[ $# -gt 0 ] || set -- src/{index,squeue,cqueue,submitter,memory,builder}.rs src/{squeue,cqueue,submitter,memory,builder}/*.rs
# A limit of processor time ends a mutant that spins, so that the result does not depend on how busy the machine is.
# The names of the tests go to cargo as --cargo-arg. cargo-mutants builds without the arguments behind `--`, and would build all
# tests each time.
common=(--no-shuffle --colors never --output "$out" --exclude-re 'impl fmt::' --timeout 120 --cargo-arg=--locked
    --cargo-arg=--config='target."cfg(all())".runner = ["prlimit", "--cpu=10"]')
for file; do
    common+=(--file "$file")
done

rm -rf "$out"
mkdir -p "$out"
found=$out/mutants.out
caught=0 hung=0
# stage ARGUMENTS: tries the mutants that no earlier stage has caught, with the tests that cargo's arguments name.
stage() {
    # Exit status 2 means survivors, 3 mutants that hang, which the time limit ends.
    cargo mutants "${common[@]}" --iterate "${@/#/--cargo-arg=}" || [[ $? = [23] ]]
    caught=$((caught + $(wc -l <"$found/caught.txt")))
    hung=$((hung + $(wc -l <"$found/timeout.txt")))
    # A mutant that hung was noticed, and need not hang again.
    cat "$found/timeout.txt" >>"$found/caught.txt"
}
CARGO_MUTANTS_JOBS=$(nproc)
export CARGO_MUTANTS_JOBS
stage --lib
stage --package=bare-uring-sim --test={property,simulation,nth_call}
# Some of these tests measure time.
CARGO_MUTANTS_JOBS=1
stage --test={sq_mixed,cq_kinds,submit,overflow,wrap,raw_parts,raw_parts_random,setup,setup_refused,setup_faults,provided_memory} \
    --test={wait,wait_calls,wait_mixed,wait_fallback,wait_fallback_counts,wait_registered,sqpoll,taskrun,drain,takeover,register_eventfd,register_resize,loads}

# Leaves the line number out, because it changes with every line before it.
survived=$(sed -E 's/:[0-9]+:[0-9]+:/:/' "$found/missed.txt" | sort)
explained=$(sed -E 's/^([^#]*[^# ]) +# .+/\1/' ci/mutants.txt | found -E "^($(IFS='|'; echo "$*")):" | sort)
if ! diff <(echo "$explained") <(echo "$survived"); then
    bad "'>' survived without a reason in ci/mutants.txt; '<' has a reason, and did not survive"
elif [ $((caught + hung)) = 0 ]; then
    bad "no mutant was caught"
else
    ok "$caught caught, $hung hung, $(count . <<<"$survived") survived, each with a reason"
fi
finish
