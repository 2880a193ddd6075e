//! Pushing with a closure: as many entries as there is room for, each of them made when it is queued.

mod common;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bare_uring::opcode::Nop128;
use bare_uring::squeue::{Entry, Entry128, EntryMarker, EntryMixed};
use bare_uring::{IoUring, SetupFlags, cqueue};
use common::ring_memory::{Fake, nops, taken};
use common::{nop, push};

type Ring<'a, S = Entry> = IoUring<S, cqueue::Entry, &'a Fake>;

const PLAIN: SetupFlags = SetupFlags::empty();

/// Where head and tail of the submission queue start: with and without a step over the end.
const STARTS: [u32; 5] = [0, 3, u32::MAX - 5, u32::MAX - 1, u32::MAX];

/// Numbers of entries to push, of which the last ones have low halves that a queue of four could hold.
const COUNTS: [usize; 11] = [
    0,
    1,
    2,
    3,
    4,
    5,
    8,
    u32::MAX as usize,
    usize::MAX,
    usize::MAX - u32::MAX as usize,
    usize::MAX - u32::MAX as usize + 2,
];

/// Pushes on the ring's own handle, or on one that stands beside a submitter.
fn push_with<S: EntryMarker>(ring: &mut Ring<'_, S>, split: bool, count: usize, entry: impl FnMut() -> S) -> usize {
    let mut queue = if split { ring.split().1 } else { ring.submission() };
    // SAFETY: the entries of these tests point to nothing.
    unsafe { queue.push_with(count, entry) }
}

/// Makes nops with the numbers from `first` on.
fn numbered(first: u64) -> impl FnMut() -> Entry {
    let mut numbers = first..;
    move || nop(numbers.next().unwrap())
}

#[test]
fn it_queues_what_fits_and_makes_no_entry_more() {
    for split in [false, true] {
        for start in STARTS {
            let fake = Fake::new(PLAIN, 4, 8, (start, 0));
            let mut ring: Ring<'_> = fake.ring();
            for (queued, count) in (0..=4).flat_map(|queued| COUNTS.map(|count| (queued, count))) {
                (0..queued).for_each(|number| push(&mut ring, nop(number)));
                let mut made = 0;
                let mut entry = numbered(queued);
                let pushed = push_with(&mut ring, split, count, || {
                    made += 1;
                    entry()
                });
                let fit = count.min(4 - queued as usize);
                let all = queued as usize + fit;
                assert_eq!((pushed, made, ring.submission().len()), (fit, fit, all), "{queued} + {count} at {start}");
                assert_eq!(ring.submit(), Ok(all));
                assert_eq!(taken(&mut ring), nops(0..all as u64), "{queued} + {count} at {start}");
            }
        }
    }
}

#[test]
fn it_finds_the_room_that_the_kernel_has_made() {
    for split in [false, true] {
        for start in STARTS {
            let fake = Fake::new(SetupFlags::SQPOLL, 4, 8, (start, 0));
            let mut ring: Ring<'_> = fake.ring();
            assert_eq!(push_with(&mut ring, split, 9, numbered(0)), 4);
            assert_eq!(push_with(&mut ring, split, 9, || panic!("the queue is full")), 0);
            assert_eq!((ring.submit(), fake.consume(3)), (Ok(4), 3));
            // Fewer than there is room for, then more.
            assert_eq!(push_with(&mut ring, split, 1, numbered(4)), 1);
            assert_eq!(push_with(&mut ring, split, 9, numbered(5)), 2);
            assert_eq!((ring.submit(), fake.consume(9)), (Ok(3), 4));
            assert_eq!(taken(&mut ring), nops(0..7));
        }
    }
}

#[test]
fn nothing_is_visible_before_the_submit() {
    let fake = Fake::new(PLAIN, 4, 8, (u32::MAX, 0));
    let mut ring: Ring<'_> = fake.ring();
    assert_eq!(push_with(&mut ring, false, 3, numbered(0)), 3);
    assert_eq!(fake.sq(), (u32::MAX, u32::MAX));
    assert_eq!((ring.submit(), fake.sq()), (Ok(3), (2, 2)));
}

#[test]
fn beside_a_submitter_the_closure_may_submit() {
    for setup in [PLAIN, SetupFlags::SQ_REWIND] {
        let fake = Fake::new(setup, 4, 16, (0, 0));
        let mut ring: Ring<'_> = fake.ring();
        // A kernel that rewinds stores no head: the test says what it has done.
        if setup.contains(SetupFlags::SQ_REWIND) {
            fake.answer.set(Some(3));
        }
        let (submitter, mut queue, _) = ring.split();
        let mut numbers = 0..;
        // SAFETY: nops point to nothing.
        let pushed = unsafe {
            queue.push_with(10, || {
                let number = numbers.next().unwrap();
                if number % 3 == 0 && number != 0 {
                    assert_eq!(submitter.submit(), Ok(3));
                }
                nop(number)
            })
        };
        assert_eq!((pushed, queue.len()), (10, 1), "{setup:?}");
        assert_eq!(fake.enters().len(), 3, "{setup:?}");
        if setup.is_empty() {
            assert_eq!((ring.submit(), taken(&mut ring)), (Ok(1), nops(0..10)));
        } else {
            assert_eq!(Entry::from_bytes(fake.sqe(0)), nop(9));
        }
    }
}

#[test]
fn a_rewinding_queue_goes_on_behind_what_a_submit_left() {
    for split in [false, true] {
        let fake = Fake::new(SetupFlags::SQ_REWIND, 8, 16, (0, 0));
        let mut ring: Ring<'_> = fake.ring();
        assert_eq!(push_with(&mut ring, split, 5, numbered(0)), 5);
        fake.answer.set(Some(2));
        assert_eq!(ring.submit(), Ok(2));
        assert_eq!(push_with(&mut ring, split, usize::MAX, numbered(5)), 5);
        let queued: Vec<_> = (0..8).map(|slot| Entry::from_bytes(fake.sqe(slot))).collect();
        assert_eq!(queued, (2..10).map(nop).collect::<Vec<_>>());
        fake.answer.set(Some(8));
        assert_eq!((ring.submit(), ring.submission().len()), (Ok(8), 0));
        assert_eq!(push_with(&mut ring, split, usize::MAX, numbered(10)), 8);
    }
}

#[test]
fn entries_of_128_bytes_are_written_whole() {
    let entry = |number: u8| Entry128::from_bytes(std::array::from_fn(|at| at as u8 ^ number.wrapping_mul(0x3b)));
    for split in [false, true] {
        let fake = Fake::new(SetupFlags::SQE128, 4, 8, (u32::MAX - 1, 0));
        let mut ring: Ring<'_, Entry128> = fake.ring();
        let mut numbers = 0..;
        assert_eq!(push_with(&mut ring, split, 9, || entry(numbers.next().unwrap())), 4);
        let halves = |slot: u32| [fake.sqe(2 * slot), fake.sqe(2 * slot + 1)].concat();
        assert_eq!([2, 3, 0, 1].map(halves), [0, 1, 2, 3].map(|number| entry(number).to_bytes().to_vec()));
    }
}

#[test]
fn a_mixed_queue_makes_no_entry_that_may_find_no_room() {
    for large in [false, true] {
        for start in (0..8).chain([u32::MAX - 2, u32::MAX]) {
            for split in [false, true] {
                let fake = Fake::new(SetupFlags::SQE_MIXED, 8, 16, (start, 0));
                let mut ring: Ring<'_, EntryMixed> = fake.ring();
                // An entry is only made while three slots are free.
                let (mut made, mut used) = (0, 0);
                while 8 - used >= 3 {
                    let until_end = 8 - start.wrapping_add(used) % 8;
                    used += if !large {
                        1
                    } else if until_end == 1 {
                        3
                    } else {
                        2
                    };
                    made += 1;
                }
                let mut calls = 0;
                let entry = || {
                    calls += 1;
                    if large { Nop128::new().build().into() } else { nop(1).into() }
                };
                let pushed = push_with(&mut ring, split, usize::MAX, entry);
                let outcome = (pushed, calls, ring.submission().len());
                assert_eq!(outcome, (made, made, used as usize), "{large}, at {start}");
                // The count is a limit here too.
                let fake = Fake::new(SetupFlags::SQE_MIXED, 8, 16, (start, 0));
                let mut ring: Ring<'_, EntryMixed> = fake.ring();
                let two = [0, 1].map(|count| push_with(&mut ring, split, count, || nop(1).into()));
                assert_eq!((two, ring.submission().len()), ([0, 1], 1));
            }
        }
    }
}

/// Pushes entries until the third one's closure panics.
fn panics_at_the_third<S: EntryMarker>(ring: &mut Ring<'_, S>, split: bool, entry: impl Fn(u64) -> S) {
    let made = Cell::new(0);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        push_with(ring, split, 4, || {
            made.set(made.get() + 1);
            assert!(made.get() < 3, "the closure's own panic");
            entry(made.get())
        })
    }));
    assert_eq!((outcome.is_err(), made.get()), (true, 3));
}

#[test]
fn a_closure_that_panics_submits_nothing_and_the_ring_works_on() {
    let fake = Fake::new(PLAIN, 4, 8, (u32::MAX - 1, 0));
    let mut ring: Ring<'_> = fake.ring();
    push(&mut ring, nop(0));
    panics_at_the_third(&mut ring, false, nop);
    assert_eq!((ring.submission().len(), ring.submit(), fake.enters()), (1, Ok(1), vec![(1, 0, 0)]));
    assert_eq!(push_with(&mut ring, false, 9, numbered(1)), 4);
    assert_eq!((ring.submit(), taken(&mut ring)), (Ok(4), nops(0..5)));
}

/// Where the entries are pushed one by one, those before the panic stay queued.
#[test]
fn a_closure_that_panics_beside_a_submitter_leaves_what_was_pushed() {
    let fake = Fake::new(PLAIN, 4, 8, (0, 0));
    let mut ring: Ring<'_> = fake.ring();
    panics_at_the_third(&mut ring, true, nop);
    assert_eq!((ring.submission().len(), ring.submit(), taken(&mut ring)), (2, Ok(2), nops(1..3)));

    let fake = Fake::new(SetupFlags::SQE_MIXED, 8, 8, (0, 0));
    let mut ring: Ring<'_, EntryMixed> = fake.ring();
    panics_at_the_third(&mut ring, false, |number| nop(number).into());
    assert_eq!((ring.submission().len(), ring.submit(), taken(&mut ring)), (2, Ok(2), nops(1..3)));
}

#[test]
fn the_kernel_gets_each_of_them_once_and_in_order() {
    let mut ring = IoUring::new(4).unwrap();
    let mut done = 0;
    while done < 1_000 {
        // SAFETY: nops point to nothing.
        let pushed = unsafe { ring.submission().push_with(1 + done as usize % 6, numbered(done)) };
        assert_eq!((pushed, ring.submission().len()), ((1 + done as usize % 6).min(4), pushed));
        assert_eq!(ring.submit_and_wait(pushed), Ok(pushed));
        assert_eq!(taken(&mut ring), nops(done..done + pushed as u64));
        done += pushed as u64;
    }
}
