//! Counts that must be adjusted, counts that were reported, and the submit function meanwhile.

use super::Progress;
use crate::flags::SetupFlags;
use crate::kernel::{DefaultKernel, Kernel};
use crate::memory::Rings;

type Ring = Progress<DefaultKernel>;

#[test]
fn a_ring_goes_its_usual_way_again_once_nothing_is_owed() {
    for (setup, special) in [(SetupFlags::empty(), false), (SetupFlags::SQPOLL, true), (SetupFlags::IOPOLL, true)] {
        let local = Ring::NOTHING;
        local.settle(setup, &Rings::NOWHERE);
        assert_eq!(local.general().is_some(), special, "{setup:?}");
        local.adjust(-2);
        assert_eq!(local.count(1), 0);
        local.settle(setup, &Rings::NOWHERE);
        assert!(local.general().is_some(), "{setup:?}: one is owed still");
        assert_eq!(local.count(3), 2);
        local.settle(setup, &Rings::NOWHERE);
        assert_eq!(local.general().is_some(), special, "{setup:?}");
        assert_eq!(local.count(3), 3);
    }
}

/// Whether a submit goes through the pointer, and whether that one only shows entries to the thread.
fn ways<K: Kernel>(local: &Progress<K>) -> (bool, bool) {
    (local.general().is_some(), local.goes_to_thread())
}

#[test]
fn a_ring_reached_through_another_kernel_goes_its_usual_way_after_the_first_submit() {
    let rings = &Rings::NOWHERE;
    for (setup, usual, at_first) in [
        (SetupFlags::empty(), (false, false), (false, false)),
        (SetupFlags::SQPOLL, (true, true), (true, false)),
        (SetupFlags::SQ_REWIND, (true, false), (true, false)),
    ] {
        let local = Ring::NOTHING;
        local.settle(setup, rings);
        assert_eq!(ways(&local), usual, "{setup:?}");
        let local = local.through::<&DefaultKernel>();
        assert_eq!(ways(&local), at_first, "{setup:?}");
        local.settle(setup, rings);
        assert_eq!(ways(&local), usual, "{setup:?}");
        local.adjust(1);
        local.resized(rings);
        assert_eq!(ways(&local), (true, false), "{setup:?}: one is owed, whatever the size");
    }
}

#[test]
fn what_is_reported_is_not_reported_again() {
    let local = Ring::NOTHING;
    local.queue.begin(u32::MAX - 1);
    local.report_up_to(u32::MAX - 1);
    local.queue.tail.set(2);
    assert_eq!(local.unreported(local.queue.tail.get()), 4);
    local.report(3);
    assert_eq!(local.unreported(local.queue.tail.get()), 1);
    local.report_up_to(2);
    assert_eq!(local.unreported(local.queue.tail.get()), 0);
}

#[test]
fn an_entry_that_is_taken_back_is_neither_there_nor_reported() {
    // Without a tail in memory, which rings that rewind don't have.
    let taken_back = |tail: u32, reported: u32| {
        let local = Ring::NOTHING;
        local.queue.tail.set(tail);
        local.reported.set(reported);
        local.take_back(&Rings::NOWHERE, SetupFlags::SQ_REWIND);
        (local.queue.tail.get(), local.reported.get(), local.unreported(local.queue.tail.get()))
    };
    assert_eq!(taken_back(5, 5), (4, 4, 0));
    assert_eq!(taken_back(5, 3), (4, 3, 1));
    assert_eq!(taken_back(0, 0), (u32::MAX, u32::MAX, 0));
}
