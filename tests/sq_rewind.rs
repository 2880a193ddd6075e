//! A queue whose entries always start at the first slot: what a submit left moves there, whole.

mod common;

use bare_uring::squeue::{Entry, Entry128, EntryMarker};
use bare_uring::{IoUring, SetupFlags, cqueue};
use common::nop;
use common::ring_memory::Fake;

type Ring<'a, S> = IoUring<S, cqueue::Entry, &'a Fake>;

fn fake(more: SetupFlags) -> Fake {
    Fake::new(SetupFlags::SQ_REWIND | more, 8, 16, (0, 0))
}

/// How many of these entries there is room for.
fn room<S: EntryMarker>(ring: &mut Ring<'_, S>, entries: impl IntoIterator<Item = S>) -> usize {
    let mut queue = ring.submission();
    // SAFETY: the entries point to nothing that the kernel of the test looks at.
    entries.into_iter().take_while(|entry| unsafe { queue.push(entry.clone()) }.is_ok()).count()
}

/// The user data in the first slots.
fn queued(fake: &Fake, count: u32) -> Vec<u64> {
    (0..count).map(|slot| Entry::from_bytes(fake.sqe(slot)).get_user_data()).collect()
}

#[test]
fn what_a_short_submit_left_is_first_in_the_queue() {
    let fake = fake(SetupFlags::empty());
    let mut ring: Ring<'_, Entry> = fake.ring();
    assert_eq!(room(&mut ring, (0..5).map(nop)), 5);
    fake.answer.set(Some(2));
    assert_eq!((ring.submit(), queued(&fake, 3), ring.submission().len()), (Ok(2), vec![2, 3, 4], 3));
    // As many again as make eight.
    assert_eq!((room(&mut ring, (5..20).map(nop)), queued(&fake, 8)), (5, (2..10).collect::<Vec<_>>()));
    fake.answer.set(Some(8));
    assert_eq!((ring.submit(), ring.submission().is_empty()), (Ok(8), true));
    assert_eq!((room(&mut ring, (30..50).map(nop)), queued(&fake, 8)), (8, (30..38).collect::<Vec<_>>()));
    let asked: Vec<_> = fake.enters().iter().map(|&(to_submit, ..)| to_submit).collect();
    assert_eq!(asked, [5, 8]);
}

#[test]
fn large_entries_move_whole() {
    let fake = fake(SetupFlags::SQE128);
    let mut ring: Ring<'_, Entry128> = fake.ring();
    let entry = |number: u8| Entry128::from_bytes(std::array::from_fn(|at| at as u8 ^ number.wrapping_mul(0x3b)));
    assert_eq!(room(&mut ring, (0..4).map(entry)), 4);
    fake.answer.set(Some(1));
    assert_eq!(ring.submit(), Ok(1));
    for (slot, number) in (0..3).zip(1..) {
        let halves = [fake.sqe(2 * slot), fake.sqe(2 * slot + 1)].concat();
        assert_eq!(halves, entry(number).to_bytes(), "{slot}");
    }
}

/// A kernel that says it has done more than there was leaves an empty queue.
#[test]
fn a_count_beyond_the_queue_empties_it() {
    let fake = fake(SetupFlags::empty());
    let mut ring: Ring<'_, Entry> = fake.ring();
    for done in [4, 100, u32::MAX] {
        assert_eq!(room(&mut ring, (0..3).map(nop)), 3);
        fake.answer.set(Some(done));
        assert_eq!(ring.submit(), Ok(done as usize));
        assert!(ring.submission().is_empty());
    }
    assert_eq!(room(&mut ring, (0..20).map(nop)), 8);
}
