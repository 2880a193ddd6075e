//! Completions of 16 bytes, of 32, and both in one ring: each comes out as what it is.

mod common;

use bare_uring::cqueue::{Entry, Entry32, EntryMixed, Flags};
use bare_uring::squeue::{self, Entry128};
use bare_uring::{Builder, Errno, IoUring, SetupError, SetupFlags, SqFlags, opcode};
use common::ring_memory::{Fake, Random, Slot, bounded, reap, slot, until};
use common::{needs, nop, push, refused};

const NOP_CQE32: u32 = 1 << 5;
const F_SKIP: u32 = 1 << 5;
const F_32: u32 = 1 << 15;
const F_BUFFER: u32 = 1;

/// What a completion is, all of it.
type Whole = (u64, i32, Option<[u64; 2]>);

/// A nop whose completion has 32 bytes, the last 16 of which are these.
fn large_nop(user_data: u64, big: [u64; 2]) -> squeue::Entry {
    let mut bytes = nop(user_data).to_bytes();
    bytes[8..16].copy_from_slice(&big[0].to_ne_bytes());
    bytes[16..24].copy_from_slice(&big[1].to_ne_bytes());
    bytes[28..32].copy_from_slice(&NOP_CQE32.to_ne_bytes());
    squeue::Entry::from_bytes(bytes)
}

fn whole(entry: &EntryMixed) -> Whole {
    (entry.user_data(), entry.result(), entry.big())
}

/// A mixed ring, if this kernel has it.
fn mixed(test: &str, sq: u32, cq: u32, more: SetupFlags) -> Option<IoUring<squeue::Entry, EntryMixed>> {
    match Builder::new().setup_cqsize(cq).setup_flags(more).build(sq) {
        Ok(ring) => Some(ring),
        Err(SetupError::Kernel(_, Errno::EINVAL)) => {
            refused(test, "IORING_SETUP_CQE_MIXED", (6, 18));
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn large_completions_carry_their_bytes() {
    needs!(6, 18, "IORING_NOP_CQE32");
    let mut ring = Builder::<squeue::Entry, Entry32>::new().build(4).unwrap();
    for user_data in 0..1000 {
        let big = [user_data * 3, !user_data];
        push(&mut ring, large_nop(user_data, big));
        push(&mut ring, nop(user_data + 1));
        assert_eq!(ring.submit_and_wait(2), Ok(2));
        let all: Vec<_> = ring.completion().map(|cqe| (cqe.user_data(), cqe.outcome(), cqe.big())).collect();
        assert_eq!(all, [(user_data, Ok(0), big), (user_data + 1, Ok(0), [0, 0])]);
    }
}

#[test]
fn large_entries_make_their_round_trip() {
    needs!(6, 18, "IORING_NOP_CQE32");
    let mut ring = Builder::<Entry128>::new().build(4).unwrap();
    for round in 0..1000 {
        for i in 0..3 {
            push(&mut ring, nop(round * 3 + i));
        }
        assert_eq!(ring.submit_and_wait(3), Ok(3));
        let all: Vec<u64> = ring.completion().map(|cqe| cqe.user_data()).collect();
        assert_eq!(all, [round * 3, round * 3 + 1, round * 3 + 2]);
    }
    let mut ring = Builder::<Entry128, Entry32>::new().build(4).unwrap();
    push(&mut ring, large_nop(1, [2, 3]));
    assert_eq!((ring.submit_and_wait(1), reap(&mut ring)), (Ok(1), vec![(1, 0)]));
}

#[test]
fn sizes_in_any_mix_come_out_as_what_they_are() {
    bounded(|| {
        let defer = SetupFlags::SINGLE_ISSUER.union(SetupFlags::DEFER_TASKRUN);
        for (cq, more) in [(16, SetupFlags::empty()), (32, SetupFlags::empty()), (16, defer)] {
            let Some(mut ring) = mixed("sizes_in_any_mix_come_out_as_what_they_are", 8, cq, more) else { return };
            let mut random = Random(0xc0ffee + u64::from(cq));
            let mut user_data = 0;
            for _ in 0..5000 {
                // Seven of two slots each and one filler fit.
                let batch: Vec<Whole> = (0..=random.below(7))
                    .map(|_| {
                        user_data += 1;
                        let big = (random.below(2) == 1).then(|| [random.below(1 << 40), user_data]);
                        (user_data, 0, big)
                    })
                    .collect();
                for &(user_data, _, big) in &batch {
                    push(&mut ring, big.map_or(nop(user_data), |big| large_nop(user_data, big)));
                }
                assert_eq!(ring.submit(), Ok(batch.len()));
                let all: Vec<Whole> = ring.completion().map(|cqe| whole(&cqe)).collect();
                assert_eq!(all, batch);
                let cq = ring.completion();
                assert_eq!((cq.len(), cq.overflow()), (0, 0));
            }
        }
    });
}

/// Laid out so that no filler is needed: where one is while the ring is full, the kernel (6.18.44) puts it into a slot
/// that it then uses again, and moves its tail past the end.
#[test]
fn large_ones_that_overflow_come_out_too() {
    bounded(|| {
        let Some(mut ring) = mixed("large_ones_that_overflow_come_out_too", 4, 4, SetupFlags::empty()) else { return };
        let expected: Vec<Whole> =
            (0..60).map(|user_data| (user_data, 0, (user_data % 4 < 2).then_some([user_data, 7]))).collect();
        for &(user_data, _, big) in &expected {
            if ring.submission().is_full() {
                ring.submit().unwrap();
            }
            push(&mut ring, big.map_or(nop(user_data), |big| large_nop(user_data, big)));
        }
        let mut all = Vec::new();
        until("all come out", || {
            ring.submit().unwrap();
            all.extend(ring.completion().map(|cqe| whole(&cqe)));
            all.len() >= 60
        });
        assert_eq!((all, ring.completion().overflow()), (expected, 0));
        assert_eq!(ring.submission().flags() & SqFlags::CQ_OVERFLOW, SqFlags::empty());
    });
}

#[test]
fn a_plain_ring_refuses_large_completions_by_result() {
    needs!(6, 10, "IORING_OP_NOP, which looks at its flags");
    let mut ring = IoUring::new(4).unwrap();
    push(&mut ring, large_nop(1, [2, 3]));
    assert_eq!(ring.submit(), Ok(1));
    let all: Vec<_> = ring.completion().map(|cqe| (cqe.user_data(), cqe.outcome())).collect();
    assert_eq!(all, [(1, Err(Errno::EINVAL))]);
}

#[test]
fn every_result_has_an_outcome() {
    needs!(6, 10, "IORING_NOP_INJECT_RESULT");
    let mut ring = IoUring::new(4).unwrap();
    let results = [0, 1, i32::MAX, -1, -4095, -4096, -123_456, i32::MIN];
    for result in results {
        push(&mut ring, opcode::Nop::new().result(result).build());
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        let cqe = ring.completion().next().unwrap();
        let number = result.unsigned_abs();
        let expected = match result {
            -4095..0 => Err(Errno::from_raw(number as u16).unwrap()),
            _ => Ok(result.cast_unsigned()),
        };
        assert_eq!((cqe.result(), cqe.outcome()), (result, expected));
    }
}

// What follows, no kernel does on demand: completions written by hand, before a page that nobody may read.

/// Writes slots from the start on, shows them, and takes what comes.
fn by_hand(cq: u32, start: u32, slots: &[Slot]) -> Vec<Whole> {
    let fake = Fake::new(SetupFlags::CQE_MIXED, 4, cq, (0, start));
    let mut ring = fake.ring::<squeue::Entry, EntryMixed>();
    for (i, &value) in slots.iter().enumerate() {
        fake.write_cqe(start.wrapping_add(i as u32) & (cq - 1), value);
    }
    fake.set_cq_tail(start.wrapping_add(slots.len() as u32));
    // A queue that goes on for ever fails here instead of hanging.
    let all: Vec<_> = ring.completion().take(100).map(|cqe| whole(&cqe)).collect();
    assert_eq!(fake.cq().0, fake.cq().1, "head and tail in step");
    assert!(ring.completion().is_empty());
    all
}

#[test]
fn fillers_never_surface() {
    for start in [0, 3, u32::MAX - 1] {
        let large = [slot(1, 10, F_32), [11, 12]];
        let filler = slot(u64::MAX, -1, F_SKIP);
        let all = by_hand(8, start & !7 | 2, &[filler, large[0], large[1], filler, filler, slot(2, 20, 0)]);
        assert_eq!(all, [(1, 10, Some([11, 12])), (2, 20, None)]);
        assert_eq!(by_hand(8, start, &[filler; 8]), []);
    }
}

#[test]
fn a_large_one_follows_the_filler_at_the_end_of_the_array() {
    for start in [7, u32::MAX] {
        let all = by_hand(8, start, &[slot(0, 0, F_SKIP), slot(5, 6, F_32), [7, 8], slot(9, 0, 0)]);
        assert_eq!(all, [(5, 6, Some([7, 8])), (9, 0, None)]);
    }
}

#[test]
fn a_large_one_in_the_last_slot_is_not_read_past_the_end() {
    for start in [7, u32::MAX] {
        let all = by_hand(8, start, &[slot(1, 2, F_32), slot(3, 4, 0)]);
        assert_eq!(all, [(1, 2, None), (3, 4, None)]);
    }
}

#[test]
fn a_large_one_of_which_half_is_there_is_not_read_past_the_tail() {
    assert_eq!(by_hand(8, 2, &[slot(1, 2, F_32)]), [(1, 2, None)]);
    assert_eq!(by_hand(8, u32::MAX - 3, &[slot(0, 0, 0), slot(1, 2, F_32)]), [(0, 0, None), (1, 2, None)]);
}

#[test]
fn a_tail_that_jumped_yields_no_more_than_the_ring_holds() {
    for flags in [0, F_32, F_SKIP] {
        let fake = Fake::new(SetupFlags::CQE_MIXED, 4, 8, (0, 0));
        let mut ring = fake.ring::<squeue::Entry, EntryMixed>();
        for at in 0..8 {
            fake.write_cqe(at, slot(u64::from(at), 0, flags));
        }
        fake.set_cq_tail(1_000_000);
        let expected = match flags {
            F_SKIP => 0,
            F_32 => 4,
            _ => 8,
        };
        assert_eq!(ring.completion().take(1000).count(), expected, "{flags:x}");
    }
}

#[test]
fn in_a_plain_ring_the_flags_of_mixed_ones_mean_nothing() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 6));
    let mut ring = fake.ring::<squeue::Entry, Entry>();
    for (user_data, flags) in [(1, F_32), (2, F_SKIP), (3, F_32 | F_SKIP), (4, 9 << 16 | F_BUFFER)] {
        fake.post(slot(user_data, 0, flags));
    }
    let all: Vec<_> = ring.completion().map(|cqe| (cqe.user_data(), cqe.flags().bits(), cqe.buffer_id())).collect();
    assert_eq!(all, [(1, F_32, None), (2, F_SKIP, None), (3, F_32 | F_SKIP, None), (4, 9 << 16 | 1, Some(9))]);
}

#[test]
fn unknown_flags_are_kept() {
    let fake = Fake::new(SetupFlags::empty(), 4, 8, (0, 0));
    let mut ring = fake.ring::<squeue::Entry, Entry>();
    fake.post(slot(1, 2, 0x7f00_4f00));
    let cqe = ring.completion().next().unwrap();
    assert_eq!((cqe.flags(), cqe.more()), (Flags::from_bits_retain(0x7f00_4f00), false));
}
