//! When the kernel is entered, and for what: every combination of the inputs, against the rules restated.

use super::decide;
use crate::flags::{EnterFlags, SetupFlags, SqFlags};

const UNKNOWN: SqFlags = SqFlags::from_bits_retain(1 << 31);

/// The rules of the design in its own order, with one truth value for each thing that they speak of.
fn restated(sqpoll: bool, iopoll: bool, pending: u32, want: u32, sq: SqFlags) -> Option<EnterFlags> {
    let (asleep, overflown, work) =
        (sq.contains(SqFlags::NEED_WAKEUP), sq.contains(SqFlags::CQ_OVERFLOW), sq.contains(SqFlags::TASKRUN));
    let something_to_submit = pending > 0;
    let submission_needs_the_kernel = if something_to_submit { !sqpoll || asleep } else { false };
    let something_waited_for = want > 0;
    let polled_by_us = if sqpoll { false } else { iopoll };
    let completion_needs_the_kernel = something_waited_for || overflown || work || polled_by_us;

    if !submission_needs_the_kernel && !completion_needs_the_kernel {
        return None;
    }
    let mut bits = 0;
    if submission_needs_the_kernel && sqpoll {
        bits += 2;
    }
    if completion_needs_the_kernel {
        bits += 1;
    }
    Some(EnterFlags::from_bits_retain(bits))
}

/// Calls `each` with every combination: SQPOLL, IOPOLL, pending, wanted, the ring's flags.
fn every_combination(mut each: impl FnMut(bool, bool, u32, u32, SqFlags)) {
    for bits in 0..64_u32 {
        let (sqpoll, iopoll) = (bits & 1 != 0, bits & 2 != 0);
        let mut sq = SqFlags::empty();
        sq.set(SqFlags::NEED_WAKEUP, bits & 4 != 0);
        sq.set(SqFlags::CQ_OVERFLOW, bits & 8 != 0);
        sq.set(SqFlags::TASKRUN, bits & 16 != 0);
        sq.set(UNKNOWN, bits & 32 != 0);
        for pending in [0, 1, 7, u32::MAX] {
            for want in [0, 1, u32::MAX] {
                each(sqpoll, iopoll, pending, want, sq);
            }
        }
    }
}

fn setup(sqpoll: bool, iopoll: bool) -> SetupFlags {
    let mut setup = SetupFlags::empty();
    setup.set(SetupFlags::SQPOLL, sqpoll);
    setup.set(SetupFlags::IOPOLL, iopoll);
    setup
}

#[test]
fn every_combination_is_decided_by_the_rules() {
    let mut seen = 0;
    every_combination(|sqpoll, iopoll, pending, want, sq| {
        assert_eq!(
            decide(setup(sqpoll, iopoll), pending, want, sq),
            restated(sqpoll, iopoll, pending, want, sq),
            "sqpoll {sqpoll}, iopoll {iopoll}, pending {pending}, want {want}, {sq:?}"
        );
        seen += 1;
    });
    assert_eq!(seen, 2 * 2 * 16 * 4 * 3);
}

#[test]
fn no_other_set_up_flag_changes_the_decision() {
    every_combination(|sqpoll, iopoll, pending, want, sq| {
        let ring = setup(sqpoll, iopoll);
        let others = SetupFlags::all().difference(SetupFlags::SQPOLL.union(SetupFlags::IOPOLL));
        assert_eq!(decide(ring.union(others), pending, want, sq), decide(ring, pending, want, sq));
    });
}

#[test]
fn rows_spelt_out() {
    const PLAIN: SetupFlags = SetupFlags::empty();
    const SQPOLL: SetupFlags = SetupFlags::SQPOLL;
    const IOPOLL: SetupFlags = SetupFlags::IOPOLL;
    const BOTH: SetupFlags = SQPOLL.union(IOPOLL);
    const NOTHING: SqFlags = SqFlags::empty();
    const ASLEEP: SqFlags = SqFlags::NEED_WAKEUP;
    const OVERFLOW: SqFlags = SqFlags::CQ_OVERFLOW;
    const TASKRUN: SqFlags = SqFlags::TASKRUN;
    const ENTER: EnterFlags = EnterFlags::empty();
    const EVENTS: EnterFlags = EnterFlags::GETEVENTS;
    const WAKE: EnterFlags = EnterFlags::SQ_WAKEUP;

    let rows = [
        // An empty submit makes no call and wakes nobody.
        (PLAIN, 0, 0, NOTHING, None),
        (SQPOLL, 0, 0, NOTHING, None),
        (SQPOLL, 0, 0, ASLEEP, None),
        (BOTH, 0, 0, ASLEEP, None),
        // Something to submit.
        (PLAIN, 1, 0, NOTHING, Some(ENTER)),
        (SQPOLL, 1, 0, NOTHING, None),
        (SQPOLL, 1, 0, ASLEEP, Some(WAKE)),
        (SQPOLL, 9, 0, UNKNOWN, None),
        // A bit that means nothing here.
        (PLAIN, 1, 0, ASLEEP, Some(ENTER)),
        (PLAIN, 0, 0, ASLEEP, None),
        (PLAIN, 0, 0, UNKNOWN, None),
        // Something waited for.
        (PLAIN, 0, 1, NOTHING, Some(EVENTS)),
        (PLAIN, 1, 1, NOTHING, Some(EVENTS)),
        (SQPOLL, 0, 1, ASLEEP, Some(EVENTS)),
        (SQPOLL, 1, 1, NOTHING, Some(EVENTS)),
        (SQPOLL, 1, 1, ASLEEP, Some(WAKE.union(EVENTS))),
        // Completions outside the ring, or inside the task.
        (PLAIN, 0, 0, OVERFLOW, Some(EVENTS)),
        (PLAIN, 0, 0, TASKRUN, Some(EVENTS)),
        (PLAIN, 1, 0, TASKRUN, Some(EVENTS)),
        (SQPOLL, 0, 0, OVERFLOW, Some(EVENTS)),
        (SQPOLL, 0, 0, OVERFLOW.union(ASLEEP), Some(EVENTS)),
        (SQPOLL, 1, 0, OVERFLOW.union(ASLEEP), Some(WAKE.union(EVENTS))),
        // Found only by polling, unless the kernel's thread polls.
        (IOPOLL, 0, 0, NOTHING, Some(EVENTS)),
        (IOPOLL, 1, 0, NOTHING, Some(EVENTS)),
        (BOTH, 0, 0, NOTHING, None),
        (BOTH, 1, 0, NOTHING, None),
        (BOTH, 1, 0, ASLEEP, Some(WAKE)),
    ];
    for (setup, pending, want, sq, expected) in rows {
        assert_eq!(decide(setup, pending, want, sq), expected, "{setup:?} {pending} {want} {sq:?}");
    }
}

/// What `submit_to_thread` takes for granted.
#[test]
fn a_thread_that_is_awake_needs_no_call() {
    for setup in [SetupFlags::SQPOLL, SetupFlags::SQPOLL.union(SetupFlags::IOPOLL)] {
        for pending in [0, 1, 32_768] {
            assert_eq!(decide(setup, pending, 0, SqFlags::empty()), None);
        }
    }
}
