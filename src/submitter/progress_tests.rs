//! Counts that must be adjusted, counts that were reported, and the submit function meanwhile.

use super::Progress;
use crate::flags::SetupFlags;
use crate::kernel::DefaultKernel;

type Ring = Progress<DefaultKernel>;

#[test]
fn a_ring_goes_its_usual_way_again_once_nothing_is_owed() {
    for (setup, special) in [(SetupFlags::empty(), false), (SetupFlags::SQPOLL, true), (SetupFlags::IOPOLL, true)] {
        let local = Ring::NOTHING;
        local.settle(setup);
        assert_eq!(local.general().is_some(), special, "{setup:?}");
        local.adjust(-2);
        assert_eq!(local.count(1), 0);
        local.settle(setup);
        assert!(local.general().is_some(), "{setup:?}: one is owed still");
        assert_eq!(local.count(3), 2);
        local.settle(setup);
        assert_eq!(local.general().is_some(), special, "{setup:?}");
        assert_eq!(local.count(3), 3);
    }
}

#[test]
fn what_is_reported_is_not_reported_again() {
    let local = Ring::NOTHING;
    local.queue.begin(u32::MAX - 1);
    local.report_all();
    local.queue.tail.set(2);
    assert_eq!(local.unreported(), 4);
    local.report(3);
    assert_eq!(local.unreported(), 1);
    local.report_all();
    assert_eq!(local.unreported(), 0);
}
