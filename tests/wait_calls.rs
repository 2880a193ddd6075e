//! Waits with a timeout request of the crate's own, on a kernel in memory that has no argument for one: which calls they
//! make, whatever the thread of the kernel does meanwhile.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bare_uring::squeue::{Entry, EntryMarker, EntryMixed, Flags};
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{EnterFlags, Errno, Features, IoUring, SetupFlags, SqFlags, cqueue};
use common::ring_memory::{Fake, nops, slot, taken};
use common::{HIDDEN, nop, push};

const FAR: Timespec = Timespec::new(20, 0);

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Fake>;

#[test]
fn user_data_like_that_of_the_crates_own_requests_is_not_lost_once_they_are_done() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let mut ring: Ring<'_> = fake.ring();
    let short = Timespec::new(0, 1000);
    let args = SubmitArgs::new().timespec(&short);
    assert_eq!(ring.submitter().wait_with_args(1, &args), Err(Errno::ETIME));
    let like_ours = HIDDEN + 1;
    fake.post(slot(like_ours, 0, 0));
    assert_eq!(taken(&mut ring), [(like_ours, 0)]);
}

/// The calls of a wait with these entries queued.
fn calls<S: EntryMarker>(setup: SetupFlags, queued: &[Flags]) -> Vec<(u32, u32, u32)> {
    let fake = Fake::new(setup, 4, 8, (0, 0));
    let mut ring: IoUring<S, cqueue::Entry, &Fake> = fake.ring();
    let count = queued.len();
    for (user_data, &flags) in (0..).zip(queued) {
        push(&mut ring, nop(user_data).flags(flags));
    }
    let args = SubmitArgs::new().timespec(&FAR);
    assert_eq!(ring.submitter().wait_with_args(count, &args), Ok(()));
    let enters = fake.enters();
    // That of the request was taken out of the queue, and the caller's moved up in its place.
    assert_eq!((fake.cq(), ring.completion().len()), ((1, count as u32 + 1), count));
    assert_eq!((ring.submit(), taken(&mut ring)), (Ok(count), nops(0..count as u64)));
    enters
}

#[test]
fn what_is_queued_goes_with_the_request_in_one_call_unless_it_links_to_it() {
    let (plain, link, hard) = (Flags::empty(), Flags::IO_LINK, Flags::IO_HARDLINK);
    let together = |count| vec![(count, 0, 0)];
    let apart = |count| vec![(count, 0, 0), (1, 0, 0)];
    for (queued, expected) in [
        (vec![plain], together(2)),
        (vec![link], apart(1)),
        (vec![hard], apart(1)),
        (vec![link, plain], together(3)),
        (vec![plain, link], apart(2)),
    ] {
        assert_eq!(calls::<Entry>(SetupFlags::empty(), &queued), expected, "{queued:?}");
        assert_eq!(calls::<EntryMixed>(SetupFlags::SQE_MIXED, &queued), expected, "mixed, {queued:?}");
    }
}

/// A ring whose queue is full, and one completion that is there already.
fn full(fake: &Fake) -> Ring<'_> {
    let mut ring = fake.ring();
    push(&mut ring, nop(3));
    assert_eq!((ring.submit(), fake.consume(1)), (Ok(1), 1));
    push(&mut ring, nop(1));
    push(&mut ring, nop(2));
    ring
}

/// The thread of the kernel makes room after a while, awake or not: its caller neither calls in each round that it waits, nor
/// at all if nobody sleeps. (At most three calls for each of the requests: what is queued, the timer, and its removal.)
#[test]
fn waiting_for_an_sqpoll_thread_that_was_woken_makes_no_calls() {
    for (sq, most) in [(SqFlags::empty(), 0), (SqFlags::NEED_WAKEUP, 9)] {
        let fake = Fake::new(SetupFlags::SQPOLL, 2, 16, (0, 0)).reporting(Features::NODROP);
        let ring = full(&fake);
        fake.set_sq_flags(sq);
        let (over, (head, tail)) = (AtomicBool::new(false), fake.sq_words());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(20));
                    head.store(tail.load(Ordering::Acquire), Ordering::Release);
                }
            });
            assert_eq!(ring.submitter().wait_with_args(2, &SubmitArgs::new().timespec(&FAR)), Ok(()));
            over.store(true, Ordering::Relaxed);
        });
        // And one wait, which brings nothing and ends.
        let (waits, others): (Vec<_>, Vec<_>) = fake.enters().into_iter().partition(|&(_, want, _)| want != 0);
        assert_eq!(waits, [(0, 2, EnterFlags::GETEVENTS.bits())], "{sq:?}");
        assert!(others.len() <= most, "{sq:?}: {others:?}");
    }
}

#[test]
fn an_sqpoll_thread_that_lay_down_again_is_woken_again() {
    let fake = Fake::new(SetupFlags::SQPOLL, 2, 16, (0, 0)).reporting(Features::NODROP);
    let mut ring = full(&fake);
    fake.set_sq_flags(SqFlags::NEED_WAKEUP);
    fake.wakes.set(Some(false));
    assert_eq!(ring.submitter().wait_with_args(2, &SubmitArgs::new().timespec(&FAR)), Ok(()));
    // What is queued, once more, since only the second call has the thread consume it; and the request. Nothing is pushed behind
    // that before it was consumed.
    let wake = EnterFlags::SQ_WAKEUP.bits();
    assert_eq!(fake.enters(), [(2, 0, wake), (0, 0, wake), (2, 0, wake)]);
    assert_eq!(taken(&mut ring), [(3, 0), (1, 0), (2, 0)]);
}
