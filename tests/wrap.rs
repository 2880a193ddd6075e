//! Heads and tails at the end of their numbers, on a ring in memory of the test's own: a real one takes hours to get
//! there.

mod common;

use bare_uring::squeue::{Entry, EntryMixed};
use bare_uring::{EnterFlags, Errno, IoUring, SetupFlags, SqFlags, cqueue};
use common::ring_memory::{Fake, Random, nops, slot, taken};
use common::{HIDDEN, nop, push};

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Fake>;

/// Where heads and tails start: each so that every step over the end is taken in some test.
const STARTS: [(u32, u32); 6] = [
    (u32::MAX, u32::MAX),
    (u32::MAX - 1, u32::MAX - 2),
    (u32::MAX - 5, 3),
    (0x7fff_fffd, u32::MAX - 7),
    (0x8000_0000, 0x7fff_ffff),
    (0, 0),
];

#[test]
fn everything_comes_back_once_and_in_order_through_the_wrap() {
    let mut random = Random(0x5eed);
    for starts in STARTS {
        for (sq, cq) in [(1, 2), (4, 8), (8, 8), (4, 32)] {
            let fake = Fake::new(SetupFlags::empty(), sq, cq, starts);
            let mut ring: Ring<'_> = fake.ring();
            let mut pushed = 0;
            for _ in 0..40 {
                let count = random.below(u64::from(sq) + 1);
                for user_data in pushed..pushed + count {
                    push(&mut ring, nop(user_data));
                }
                assert_eq!(ring.submission().len() as u64, count);
                assert_eq!(ring.submit(), Ok(count as usize));
                assert_eq!(ring.completion().len() as u64, count);
                assert_eq!(taken(&mut ring), nops(pushed..pushed + count));
                pushed += count;
            }
            let steps = pushed as u32;
            assert_eq!(fake.sq(), (starts.0.wrapping_add(steps), starts.0.wrapping_add(steps)));
            assert_eq!(fake.cq(), (starts.1.wrapping_add(steps), starts.1.wrapping_add(steps)));
            assert_eq!(ring.completion().overflow(), 0);
        }
    }
}

#[test]
fn a_queue_is_full_at_the_wrap_too() {
    for starts in STARTS {
        let fake = Fake::new(SetupFlags::empty(), 4, 8, starts);
        let mut ring: Ring<'_> = fake.ring();
        for batch in 0..4 {
            let entries: Vec<Entry> = (0..5).map(|i| nop(batch * 10 + i)).collect();
            let mut sq = ring.submission();
            // SAFETY: nops point to nothing.
            assert!(unsafe { sq.push_multiple(&entries) }.is_err());
            // SAFETY: nops point to nothing.
            unsafe { sq.push_multiple(&entries[..4]) }.unwrap();
            // SAFETY: a nop points to nothing.
            assert_eq!(unsafe { sq.push(entries[4]) }.map_err(|error| error.0), Err(entries[4]));
            assert_eq!((sq.len(), sq.is_full()), (4, true));
            assert_eq!(ring.submit(), Ok(4));
            assert_eq!(taken(&mut ring), nops(batch * 10..batch * 10 + 4));
        }
    }
}

#[test]
fn a_push_is_invisible_until_the_submit() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (u32::MAX, 0));
    let mut ring: Ring<'_> = fake.ring();
    push(&mut ring, nop(1));
    push(&mut ring, nop(2));
    assert_eq!(fake.sq(), (u32::MAX, u32::MAX));
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(fake.sq(), (1, 1));
}

#[test]
fn leftovers_of_a_short_submit_are_counted_at_the_wrap() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (u32::MAX - 1, u32::MAX));
    let mut ring: Ring<'_> = fake.ring();
    for user_data in 0..4 {
        push(&mut ring, nop(user_data));
    }
    fake.limit.set(1);
    assert_eq!(ring.submit(), Ok(1));
    fake.failures.borrow_mut().push(Errno::EAGAIN);
    assert_eq!(ring.submit(), Err(Errno::EAGAIN));
    push(&mut ring, nop(4));
    fake.limit.set(u32::MAX);
    assert_eq!(ring.submit(), Ok(4));
    assert_eq!(fake.enters(), [(4, 0, 0), (3, 0, 0), (4, 0, 0)]);
    assert_eq!(taken(&mut ring), nops(0..5));
}

/// The test plays the thread of the kernel.
#[test]
fn under_sqpoll_each_entry_is_counted_once_though_the_thread_lags_behind() {
    for starts in STARTS {
        let fake = Fake::new(SetupFlags::SQPOLL, 4, 8, starts);
        let mut ring: Ring<'_> = fake.ring();
        push(&mut ring, nop(0));
        push(&mut ring, nop(1));
        assert_eq!(ring.submit(), Ok(2));
        push(&mut ring, nop(2));
        assert_eq!([ring.submit(), ring.submit()], [Ok(1), Ok(0)]);
        assert_eq!((fake.consume(2), ring.submission().len()), (2, 1));
        push(&mut ring, nop(3));
        assert_eq!(ring.submit(), Ok(1));
        assert_eq!(fake.enters(), []);
        assert_eq!(fake.consume(9), 2);
        assert_eq!(taken(&mut ring), nops(0..4));
    }
}

#[test]
fn a_sleeping_thread_is_woken_once_there_is_something_to_do() {
    let fake = Fake::new(SetupFlags::SQPOLL, 4, 8, (u32::MAX, u32::MAX));
    let mut ring: Ring<'_> = fake.ring();
    fake.set_sq_flags(SqFlags::NEED_WAKEUP);
    assert_eq!((ring.submit(), fake.enters()), (Ok(0), vec![]));

    push(&mut ring, nop(0));
    push(&mut ring, nop(1));
    fake.failures.borrow_mut().push(Errno::EAGAIN);
    assert_eq!([ring.submit(), ring.submit()], [Err(Errno::EAGAIN), Ok(2)]);
    // It was woken and has not run yet: what is published and told already wakes it again, and counts no more.
    assert_eq!(ring.submit(), Ok(0));
    let wake = EnterFlags::SQ_WAKEUP.bits();
    assert_eq!(fake.enters(), [(2, 0, wake), (2, 0, wake), (0, 0, wake)]);
    assert_eq!(fake.consume(9), 2);
    assert_eq!((ring.submit(), fake.enters()), (Ok(0), vec![]));
}

#[test]
fn a_kernel_without_an_overflow_list_drops_and_counts() {
    let fake = Fake::new(SetupFlags::empty(), 4, 4, (u32::MAX, u32::MAX));
    let mut ring: Ring<'_> = fake.ring();
    for batch in 0..2 {
        for i in 0..4 {
            push(&mut ring, nop(batch * 4 + i));
        }
        assert_eq!(ring.submit(), Ok(4));
    }
    let cq = ring.completion();
    assert_eq!((cq.overflow(), cq.is_full()), (4, true));
    drop(cq);
    assert_eq!(taken(&mut ring), nops(0..4));
}

/// The kernel counts there entries that it threw away, which an array of indices that leads outside the ring makes it do.
#[test]
fn entries_that_the_kernel_threw_away_are_told() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let mut ring: Ring<'_> = fake.ring();
    assert_eq!(ring.submission().dropped(), 0);
    for count in [1, u32::MAX] {
        fake.set_sq_dropped(count);
        assert_eq!(ring.submission().dropped(), count);
    }
}

#[test]
fn masks_and_sizes_are_not_read_again_after_set_up() {
    for garbage in [0, 1, 0xffff_fff0, u32::MAX] {
        let fake = Fake::new(SetupFlags::empty(), 4, 8, (u32::MAX - 20, u32::MAX - 20));
        let mut ring: Ring<'_> = fake.ring();
        fake.garble_sizes(garbage);
        for round in 0..20 {
            for user_data in 0..4 {
                push(&mut ring, nop(round * 4 + user_data));
            }
            assert!(ring.submission().is_full());
            assert_eq!(ring.submit(), Ok(4));
            assert_eq!(taken(&mut ring), nops(round * 4..round * 4 + 4));
        }
    }
}

#[test]
fn a_tail_that_jumped_past_the_ring_yields_no_more_than_the_ring_holds() {
    for start in [0, u32::MAX - 1] {
        for jump in [9, 1000, 0x8000_0000, u32::MAX] {
            let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, start));
            let mut ring: Ring<'_> = fake.ring();
            for at in 0..8 {
                fake.write_cqe(at, slot(u64::from(at), 0, 0));
            }
            fake.set_cq_tail(start.wrapping_add(jump));
            let mut cq = ring.completion();
            assert_eq!((cq.len(), cq.is_full(), cq.is_empty()), (8, true, false));
            // No slot goes back to the kernel while the handle lives, so that it can't have filled more.
            assert_eq!(cq.by_ref().take(100).count(), 8, "jumped by {jump} from {start}");
            let mut room = [const { std::mem::MaybeUninit::uninit() }; 20];
            assert_eq!(cq.fill(&mut room).len(), 0);
        }
    }
}

#[test]
fn a_head_of_the_submission_queue_that_is_nonsense_makes_it_full() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (10, 0));
    let mut ring: Ring<'_> = fake.ring();
    for user_data in 0..4 {
        push(&mut ring, nop(user_data));
    }
    for head in [15, 500, 10_u32.wrapping_sub(1), 0x8000_0010] {
        fake.set_sq_head(head);
        let mut sq = ring.submission();
        assert_eq!((sq.len(), sq.is_full()), (4, true), "{head}");
        // SAFETY: a nop points to nothing.
        assert!(unsafe { sq.push(nop(9)) }.is_err());
    }
}

#[test]
fn a_rewinding_ring_with_a_head_that_is_nonsense_stays_inside_its_entries() {
    let fake = Fake::new(SetupFlags::SQ_REWIND, 8, 16, (0, 0));
    let mut ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
    // The head of such a ring stays 0. One that moves lets entries be pushed for ever: here as many as lie far outside.
    for round in 1..=0x2_0000 {
        for _ in 0..8 {
            push(&mut ring, nop(1));
        }
        fake.set_sq_head(8 * round);
    }
    fake.set_sq_head(8 * 0x2_0000 - 8);
    fake.limit.set(2);
    assert_eq!(ring.submit(), Ok(2));
    fake.set_sq_head(0);
    assert_eq!(ring.submission().len(), 6, "what the ring holds, but for the two");
}

/// Where the head has just gone past the end, and the kernel has not got the slot back.
#[test]
fn a_filler_that_completes_at_the_wrap_does_not_surface() {
    let fake = Fake::new(SetupFlags::SQE_MIXED, 4, 8, (0, u32::MAX));
    let mut ring: IoUring<EntryMixed, cqueue::Entry, &Fake> = fake.ring();
    fake.post(slot(1, 0, 0));
    let mut cq = ring.completion();
    assert_eq!(cq.next().map(|cqe| cqe.user_data()), Some(1));
    fake.post(slot(HIDDEN, 0, 0));
    fake.post(slot(2, 0, 0));
    assert_eq!(cq.next().map(|cqe| cqe.user_data()), Some(2));
}
