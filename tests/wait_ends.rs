//! How a wait with a timeout request of the crate's own ends, on a kernel in memory that completes the request at once.

mod common;

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{EnterFlags, Errno, IoUring, SetupFlags, cqueue};
use common::ring_memory::{Fake, slot};
use common::{HIDDEN, nop, push};

const FAR: Timespec = Timespec::new(20, 0);

type Ring<'a, C = cqueue::Entry> = IoUring<Entry, C, &'a Fake>;

fn wait<C: cqueue::EntryMarker>(ring: &Ring<'_, C>, want: usize) -> Result<(), Errno> {
    ring.submitter().wait_with_args(want, &SubmitArgs::new().timespec(&FAR))
}

/// What the kernel found in the first two slots: the opcode, the count and the flags of the first, and the time in the second.
fn timer(fake: &Fake) -> (u8, u64, u32, [u64; 2]) {
    let [first, second] = [fake.sqe(0), fake.sqe(1)];
    let word = |bytes: &[u8]| u64::from_ne_bytes(*bytes.first_chunk().unwrap());
    let flags = u32::from_ne_bytes(*first[28..].first_chunk().unwrap());
    (first[0], word(&first[8..]), flags, [word(&second), word(&second[8..])])
}

#[test]
fn the_request_counts_from_now_or_is_a_point_of_time() {
    for (absolute, flags) in [(false, 0), (true, 1)] {
        let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
        let ring: Ring<'_> = fake.ring();
        let args = SubmitArgs::new().timespec(&FAR);
        let args = if absolute { args.absolute() } else { args };
        assert_eq!(ring.submitter().wait_with_args(3, &args), Err(Errno::ETIME));
        assert_eq!(timer(&fake), (11, 3, flags, [20, 0]));
    }
}

#[test]
fn fewer_than_wanted_are_no_error_when_the_time_has_passed() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let mut ring: Ring<'_> = fake.ring();
    assert_eq!(wait(&ring, 2), Err(Errno::ETIME));
    fake.post(slot(1, 0, 0));
    assert_eq!(wait(&ring, 2), Ok(()));
    assert_eq!(ring.completion().map(|cqe| cqe.user_data()).collect::<Vec<_>>(), [1]);
}

/// Fillers take slots and are no completions: a queue that is full of them can get no others.
#[test]
fn a_queue_that_is_full_ends_the_wait() {
    let fake = Fake::new(SetupFlags::CQE_MIXED, 4, 8, (0, 0));
    let ring: Ring<'_, cqueue::EntryMixed> = fake.ring();
    for _ in 0..6 {
        fake.post(slot(0, 0, cqueue::Flags::SKIP.bits()));
    }
    assert_eq!(wait(&ring, 6), Ok(()));
}

#[test]
fn a_request_whose_completion_was_dropped_is_not_waited_for() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let mut ring: Ring<'_> = fake.ring();
    fake.timeouts.set(None);
    assert_eq!(wait(&ring, 1), Ok(()));
    assert_eq!(ring.completion().overflow(), 1);
    // Nothing is expected any more: a completion that looks like one of the crate's is the caller's.
    fake.post(slot(HIDDEN + 0x70, 0, 0));
    assert_eq!(ring.completion().count(), 1);
}

/// The completions that were counted are not all the caller's.
#[test]
fn a_request_that_ends_by_its_count_ends_the_wait_early() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let ring: Ring<'_> = fake.ring();
    fake.timeouts.set(Some(0));
    assert_eq!((wait(&ring, 2), fake.enters()), (Ok(()), vec![(1, 0, 0)]));
}

/// Between the caller's completions and those to come, the queue has no room for two of the crate's.
#[test]
fn a_queue_that_drops_keeps_its_room_for_the_caller() {
    for (unread, free) in [(0, 8), (5, 3), (6, 2), (7, 1)] {
        let fake = Fake::new(SetupFlags::empty(), 8, 8, (7, 7));
        let mut ring: Ring<'_> = fake.ring();
        for user_data in 0..unread {
            push(&mut ring, nop(user_data));
        }
        assert_eq!(ring.submit(), Ok(unread as usize));
        fake.enters();
        let outcome = if free >= 2 { Ok(()) } else { Err(Errno::EBUSY) };
        let outcome = if unread == 0 { Err(Errno::ETIME) } else { outcome };
        assert_eq!(wait(&ring, 8), outcome, "{unread}");
        assert_eq!(fake.enters().is_empty(), free < 2, "{unread}");
        let taken: Vec<_> = ring.completion().map(|cqe| cqe.user_data()).collect();
        assert_eq!((taken, ring.completion().overflow()), ((0..unread).collect(), 0), "{unread}");
    }
}

/// An entry that links would make the request a part of its chain: it is handed over first, or the wait is refused.
#[test]
fn a_kernel_that_takes_nothing_ends_the_wait() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let mut ring: Ring<'_> = fake.ring();
    push(&mut ring, nop(1).flags(Flags::IO_LINK));
    fake.limit.set(0);
    assert_eq!((wait(&ring, 1), fake.enters()), (Err(Errno::EAGAIN), vec![(1, 0, 0)]));
    fake.limit.set(u32::MAX);
    assert_eq!(wait(&ring, 1), Ok(()));
    assert_eq!(fake.enters()[0], (1, 0, EnterFlags::empty().bits()));
}

#[test]
fn a_submit_that_waits_for_nothing_needs_no_request() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let mut ring: Ring<'_> = fake.ring();
    push(&mut ring, nop(1));
    assert_eq!(ring.submitter().submit_with_args(0, &SubmitArgs::new().timespec(&FAR)), Ok(1));
    assert_eq!((fake.enters(), fake.sq(), fake.cq()), (vec![(1, 0, 0)], (1, 1), (0, 1)));
}

/// Where the request is refused there is nothing to end the wait: it does not begin.
#[test]
fn an_error_of_the_request_is_the_waits() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let ring: Ring<'_> = fake.ring();
    fake.failures.borrow_mut().push(Errno::EBUSY);
    assert_eq!((wait(&ring, 1), fake.enters()), (Err(Errno::EBUSY), vec![(1, 0, 0)]));
    // Nothing of the request is left.
    assert_eq!((ring.submit(), fake.enters(), fake.sq()), (Ok(0), vec![], (0, 0)));
}
