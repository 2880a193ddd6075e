//! Entering the kernel by hand: what is refused, or cut, before it is asked.

mod common;

use std::ptr::null;

use bare_uring::squeue::{Entry, EntryMarker, EntryMixed};
use bare_uring::{EnterFlags, Errno, IoUring, SetupFlags, cqueue, opcode};
use common::nop;
use common::ring_memory::Fake;

const SQ: u32 = 8;

fn enter<S>(ring: &IoUring<S, cqueue::Entry, &Fake>, to_submit: u32, flags: EnterFlags) -> Result<usize, Errno> {
    // SAFETY: null and 0 are what these flags call for.
    unsafe { ring.submitter().enter(to_submit, 0, flags, null(), 0) }
}

fn push<S: EntryMarker>(ring: &mut IoUring<S, cqueue::Entry, &Fake>, entry: impl Into<S>) {
    // SAFETY: the fake kernel reads user data only.
    unsafe { ring.submission().push(entry.into()) }.unwrap();
}

#[test]
fn more_than_is_queued_means_what_is_queued() {
    let fake = Fake::new(SetupFlags::empty(), SQ, 16, (0, 0));
    let mut ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
    push(&mut ring, nop(1));
    push(&mut ring, nop(2));
    for (to_submit, told) in [(1, 1), (u32::MAX, 1), (5, 0)] {
        assert_eq!(enter(&ring, to_submit, EnterFlags::empty()), Ok(told));
    }
    assert_eq!(fake.enters(), [(1, 0, 0), (1, 0, 0), (0, 0, 0)]);
}

/// A large entry of which the kernel may take one half only fails, and its other half is the next one's beginning.
#[test]
fn a_part_of_a_mixed_queue_is_refused() {
    let fake = Fake::new(SetupFlags::SQE_MIXED, SQ, 16, (0, 0));
    let mut ring: IoUring<EntryMixed, cqueue::Entry, &Fake> = fake.ring();
    push(&mut ring, nop(1));
    push(&mut ring, opcode::Nop128::new().build().user_data(2));
    for part in [1, 2] {
        assert_eq!(enter(&ring, part, EnterFlags::empty()), Err(Errno::EINVAL));
    }
    assert_eq!(fake.enters(), []);
    assert_eq!(enter(&ring, 0, EnterFlags::GETEVENTS), Ok(0));
    assert_eq!(enter(&ring, 4, EnterFlags::empty()), Ok(3));
    assert_eq!(fake.enters(), [(0, 0, EnterFlags::GETEVENTS.bits()), (3, 0, 0)]);
}

/// The number of a descriptor is not that of a registered ring, which is another one.
#[test]
fn the_ring_is_not_mistaken_for_a_registered_one() {
    let fake = Fake::new(SetupFlags::empty(), SQ, 16, (0, 0));
    let ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
    assert_eq!(enter(&ring, 0, EnterFlags::REGISTERED_RING | EnterFlags::GETEVENTS), Err(Errno::EINVAL));
    assert_eq!(fake.enters(), []);
}
