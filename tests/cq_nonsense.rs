//! What the completion queue makes of a tail that went back, of fillers, and of flags that it does not know.

mod common;

use std::sync::atomic::Ordering;

use bare_uring::squeue::{self, Entry};
use bare_uring::{IoUring, SetupFlags, cqueue};
use common::ring_memory::{Fake, slot};

const FILLER: u32 = cqueue::Flags::SKIP.bits();

/// What was taken does not come again, nor what was never there.
#[test]
fn a_tail_that_went_back_yields_nothing() {
    for start in [0, u32::MAX - 1] {
        for back in [0, 1, 3] {
            let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, start));
            let mut ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
            for user_data in 0..4 {
                fake.post(slot(user_data, 0, 0));
            }
            let mut cq = ring.completion();
            assert_eq!(cq.by_ref().take(4).map(|cqe| cqe.user_data()).collect::<Vec<_>>(), [0, 1, 2, 3]);
            fake.set_cq_tail(start.wrapping_add(back));
            assert_eq!(cq.by_ref().take(100).count(), 0, "{start} {back}");
            fake.set_cq_tail(start.wrapping_add(4));
            fake.post(slot(4, 0, 0));
            assert_eq!(cq.next().map(|cqe| cqe.user_data()), Some(4));
        }
    }
}

#[test]
fn fillers_are_no_completions() {
    let fake = Fake::new(SetupFlags::SQE_MIXED | SetupFlags::CQE_MIXED, 4, 8, (0, 0));
    let mut ring: IoUring<squeue::EntryMixed, cqueue::EntryMixed, &Fake> = fake.ring();
    for (user_data, flags) in [(1, FILLER), (2, 0), (3, FILLER)] {
        fake.post(slot(user_data, 0, flags));
    }
    let mut cq = ring.completion();
    assert_eq!((cq.len(), cq.is_empty()), (1, false));
    assert_eq!(cq.by_ref().map(|cqe| cqe.user_data()).collect::<Vec<_>>(), [2]);
    assert_eq!((cq.len(), cq.is_empty()), (0, true));
}

#[test]
fn switching_an_eventfd_off_and_on_leaves_other_flags() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let mut ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
    fake.cq_flags().store(0x8000_0002, Ordering::Relaxed);
    let mut cq = ring.completion();
    assert!(!cq.eventfd_disabled());
    assert_eq!((cq.disable_eventfd(), cq.eventfd_disabled()), (Ok(()), true));
    assert_eq!(fake.cq_flags().load(Ordering::Relaxed), 0x8000_0003);
    cq.enable_eventfd();
    assert_eq!((fake.cq_flags().load(Ordering::Relaxed), cq.eventfd_disabled()), (0x8000_0002, false));
}
