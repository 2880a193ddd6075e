//! What each call tells the kernel was taken, and what it tells the caller was submitted.

mod common;

use std::ptr::null;

use bare_uring::squeue::Entry;
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, EnterFlags, Errno, Features, IoUring, SetupFlags, SqFlags, Submitter, cqueue};
use common::kernels::{Call, Trace};
use common::ring_memory::{Fake, slot, taken, until};
use common::{needs, nop, push, skip};

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Fake>;

fn enter(submitter: &Submitter<'_, &Fake>, to_submit: u32) -> Result<usize, Errno> {
    // SAFETY: there is no argument.
    unsafe { submitter.enter(to_submit, 0, EnterFlags::empty(), null(), 0) }
}

/// A handle that is forgotten tells the kernel nothing of what was taken through it: the next call does, whichever it is.
#[test]
fn every_call_tells_the_kernel_what_was_taken() {
    type Call = fn(&Submitter<'_, &Fake>) -> Result<usize, Errno>;
    let calls: &[(&str, Call)] = &[
        ("submit", |submitter| submitter.submit()),
        ("submit_and_wait", |submitter| submitter.submit_and_wait(0)),
        ("submit_and_wait one", |submitter| submitter.submit_and_wait(1)),
        ("submit_with_args", |submitter| submitter.submit_with_args(0, &SubmitArgs::new())),
        ("submit_and_wait_reg", |submitter| submitter.submit_and_wait_reg(1, 0)),
        ("wait", |submitter| submitter.wait(0).map(|()| 0)),
        ("wait_with_args", |submitter| submitter.wait_with_args(0, &SubmitArgs::new()).map(|()| 0)),
        ("get_events", |submitter| submitter.get_events().map(|()| 0)),
        ("enter", |submitter| enter(submitter, 0)),
    ];
    for &(name, call) in calls {
        let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, u32::MAX));
        let mut ring: Ring<'_> = fake.ring();
        fake.post(slot(1, 0, 0));
        fake.post(slot(2, 0, 0));
        let mut queue = ring.completion();
        assert_eq!(queue.next().map(|cqe| cqe.user_data()), Some(1));
        std::mem::forget(queue);
        assert_eq!(fake.cq(), (u32::MAX, 1));
        assert_eq!((call(&ring.submitter()), fake.cq()), (Ok(0), (0, 1)), "{name}");
    }
}

/// Under SQPOLL the count is ours to keep: what a call by hand has told is not told again.
#[test]
fn what_a_call_by_hand_submitted_is_counted_once() {
    for sq in [SqFlags::empty(), SqFlags::NEED_WAKEUP] {
        let fake = Fake::new(SetupFlags::SQPOLL, 8, 16, (u32::MAX, 0));
        let mut ring: Ring<'_> = fake.ring();
        fake.set_sq_flags(sq);
        for user_data in 0..5 {
            push(&mut ring, nop(user_data));
        }
        assert_eq!(enter(&ring.submitter(), 2), Ok(2));
        assert_eq!((ring.submit(), ring.submit()), (Ok(3), Ok(0)), "{sq:?}");
    }
}

/// A thread that lay down before it has consumed what it was told of is woken by the next submit, and nothing is counted
/// twice by that.
#[test]
fn a_thread_that_lay_down_over_entries_is_woken() {
    let fake = Fake::new(SetupFlags::SQPOLL, 8, 16, (u32::MAX, 0));
    let mut ring: Ring<'_> = fake.ring();
    push(&mut ring, nop(1));
    push(&mut ring, nop(2));
    assert_eq!((ring.submit(), fake.enters(), fake.sq()), (Ok(2), vec![], (u32::MAX, 1)));
    fake.set_sq_flags(SqFlags::NEED_WAKEUP);
    assert_eq!((ring.submit(), fake.enters()), (Ok(0), vec![(0, 0, EnterFlags::SQ_WAKEUP.bits())]));
    assert_eq!(fake.consume(u32::MAX), 2);
    assert_eq!((ring.submit(), fake.enters()), (Ok(0), vec![]));
}

/// A large completion would not find two slots: a wait for more would never end.
#[test]
fn a_wait_on_a_mixed_ring_leaves_room_for_a_large_completion() {
    for (size, most) in [(8, 6), (4, 2), (2, 1)] {
        let fake = Fake::new(SetupFlags::CQE_MIXED, 4, size, (0, 0));
        let ring: IoUring<Entry, cqueue::EntryMixed, &Fake> = fake.ring();
        for want in [size as usize, size as usize + 1, usize::MAX] {
            assert_eq!(ring.submitter().wait(want), Ok(()));
            assert_eq!(fake.enters(), [(0, most, EnterFlags::GETEVENTS.bits())], "{want} of {size}");
        }
    }
}

/// Rings with a thread go another way to the same wait.
#[test]
fn a_wait_on_a_ring_with_a_thread_is_as_it_was_asked_to_be() {
    let trace = Trace::new();
    let builder = Builder::<Entry>::new().setup_sqpoll(1000).clone();
    let mut ring: IoUring<Entry, cqueue::Entry, &Trace> = builder.build_with(&trace, 8).unwrap();
    if ring.set_iowait(false) == Err(Errno::EOPNOTSUPP) {
        return skip("a_wait_on_a_ring_with_a_thread_is_as_it_was_asked_to_be", "FEAT_NO_IOWAIT");
    }
    push(&mut ring, nop(1));
    trace.take();
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    let [Call::Enter { min_complete: 1, flags, .. }] = trace.take()[..] else { panic!("one call") };
    let flags = EnterFlags::from_bits_retain(flags);
    assert_eq!(flags - EnterFlags::SQ_WAKEUP, EnterFlags::GETEVENTS | EnterFlags::NO_IOWAIT);
}

/// The thread makes room only of what it sees.
#[test]
fn what_was_pushed_is_shown_before_room_is_waited_for() {
    let fake = Fake::new(SetupFlags::SQPOLL, 2, 8, (u32::MAX, 0));
    let mut ring: Ring<'_> = fake.ring();
    push(&mut ring, nop(1));
    push(&mut ring, nop(2));
    assert_eq!(fake.sq(), (u32::MAX, u32::MAX));
    fake.failures.borrow_mut().push(Errno::EINTR);
    assert_eq!((ring.submitter().squeue_wait(), fake.sq()), (Err(Errno::EINTR), (u32::MAX, 1)));
    assert_eq!(fake.enters(), [(0, 0, EnterFlags::SQ_WAIT.bits())]);
}

/// Where a timer is a request, its submit takes along what a short one left: that is counted by the same call.
#[test]
fn what_went_along_with_a_timer_is_told_at_once() {
    let trace = Trace::without(Features::EXT_ARG | Features::MIN_TIMEOUT);
    let mut ring: IoUring<Entry, cqueue::Entry, &Trace> = Builder::new().build_with(&trace, 8).unwrap();
    let mut refused = nop(1).to_bytes();
    refused[0] = 255;
    // The kernel ends a submission with the entry that it refuses.
    push(&mut ring, nop(0));
    push(&mut ring, Entry::from_bytes(refused));
    push(&mut ring, nop(2));
    let far = Timespec::new(20, 0);
    assert_eq!(ring.submitter().submit_with_args(3, &SubmitArgs::new().timespec(&far)), Ok(3));
    assert_eq!(ring.submit(), Ok(0));
    let mut come = taken(&mut ring);
    // Before 6.12 the refused entry's completion overtook those of the same submit.
    come.sort_unstable();
    assert_eq!(come, [(0, 0), (1, -22), (2, 0)]);
}

/// By its index or not, a ring with a thread is called only if the thread sleeps.
#[test]
fn a_registered_ring_with_a_thread_makes_no_call_while_that_is_awake() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let trace = Trace::new();
    let builder = Builder::<Entry>::new().setup_sqpoll(20_000).clone();
    let ring: IoUring<Entry, cqueue::Entry, &Trace> = builder.build_with(&trace, 8).unwrap();
    let mut ring = ring.register_ring_fd().map_err(|(_, errno)| errno).unwrap();
    // A thread that is new may sleep at once, whatever its idle time, which counts from its first request on.
    push(&mut ring, nop(0));
    assert_eq!((ring.submit_and_wait(1), taken(&mut ring)), (Ok(1), vec![(0, 0)]));
    trace.take();
    push(&mut ring, nop(1));
    assert_eq!((ring.submit(), trace.take()), (Ok(1), vec![]));
    until("the completion", || ring.completion().next().map(|cqe| cqe.user_data()) == Some(1));
}

/// Without the one flag the kernel would take the place of the argument for a mask, without the other for an address.
#[test]
fn a_registered_wait_says_that_its_argument_is_one() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let ring: Ring<'_> = fake.ring();
    assert_eq!(ring.submitter().submit_and_wait_reg(1, 64), Ok(0));
    let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG | EnterFlags::EXT_ARG_REG;
    assert_eq!(fake.enters(), [(0, 1, flags.bits())]);
}
