#!/usr/bin/env bash
# Changes the core in every way that cargo-mutants knows (a function that does nothing, another operator, a flag left out),
# and shows that a test notices: the unit tests, which are quick; for what they let through the simulated kernel, and for
# the rest the tests on the real one. A mutant that survives them all must stand in ci/mutants.txt, with the reason; one
# that stands there must survive. Functions that are unsafe cargo-mutants leaves alone.
#
#   ci/mutants.sh [FILE...]      src/cqueue.rs, say; else the whole core
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/check.sh

need_cargo
need_subcommand mutants
ready
# cargo-mutants gets a runner of its own.
test_limit 0
out=$(realpath -m "${CARGO_TARGET_DIR:-target}/mutants")
# Each copy of the tree has a target directory of its own, so that they build at the same time. Nobody debugs what they build.
unset CARGO_TARGET_DIR
export CARGO_PROFILE_DEV_DEBUG=0 SIMULATE_SEEDS=${SIMULATE_SEEDS:-4000}

[ $# -gt 0 ] || set -- src/{index,squeue,cqueue,submitter,memory,builder}.rs src/{squeue,cqueue,submitter,memory,builder}/*.rs
# A mutant that spins is ended by the processor time that it took, so that it makes no difference how busy the machine is.
# What names the tests goes to cargo as --cargo-arg: what stands behind `--` is not there while cargo-mutants builds, and
# it would build all of them each time.
common=(--no-shuffle --colors never --output "$out" --exclude-re 'impl fmt::' --timeout 120 --cargo-arg=--locked
    --cargo-arg=--config='target."cfg(all())".runner = ["prlimit", "--cpu=10"]')
for file; do
    common+=(--file "$file")
done

rm -rf "$out"
mkdir -p "$out"
found=$out/mutants.out
caught=0 hung=0
# stage ARGUMENTS: tries those that no stage before has caught, with the tests that the arguments of cargo say.
stage() {
    # Exit status 2 tells of survivors, 3 of mutants that hang, which the time limit notices.
    cargo mutants "${common[@]}" --iterate "${@/#/--cargo-arg=}" || [[ $? = [23] ]]
    caught=$((caught + $(wc -l <"$found/caught.txt")))
    hung=$((hung + $(wc -l <"$found/timeout.txt")))
    # One that hung was noticed: it need not hang again.
    cat "$found/timeout.txt" >>"$found/caught.txt"
}
CARGO_MUTANTS_JOBS=$(nproc)
export CARGO_MUTANTS_JOBS
stage --lib
stage --package=bare-uring-sim --test={property,simulation,nth_call}
# Some of these measure time.
CARGO_MUTANTS_JOBS=1
stage --test={sq_mixed,cq_kinds,submit,overflow,wrap,raw_parts,raw_parts_random,setup,setup_refused,setup_faults,provided_memory} \
    --test={wait,wait_calls,wait_mixed,wait_fallback,wait_fallback_counts,wait_registered,sqpoll,taskrun,drain,takeover,register_eventfd,register_resize,loads}

# Without the place in the file, which changes with every line before it.
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
