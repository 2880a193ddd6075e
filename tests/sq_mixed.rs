//! Entries of 64 and 128 bytes in one queue, which no kernel of today's machines runs: on a ring in memory of the
//! test's own, slot by slot against the layout written naively.

mod common;

use bare_uring::squeue::{Entry, Entry128, EntryMixed, Flags, LargeEntry, PushError};
use bare_uring::{IoUring, SetupFlags, cqueue, opcode};
use common::ring_memory::{Fake, Random, slot, taken};
use common::{HIDDEN, nop};

const SQ: u32 = 8;

type Ring<'a> = IoUring<EntryMixed, cqueue::Entry, &'a Fake>;

/// A request, by its size and user data.
#[derive(Clone, Copy)]
enum Request {
    Small(u64),
    Large(u64),
}
use Request::{Large, Small};

impl Request {
    fn entry(self) -> EntryMixed {
        match self {
            Small(_) => EntryMixed::from(self.first_half()),
            Large(_) => EntryMixed::from(LargeEntry::new(Entry128::from(self.first_half())).unwrap()),
        }
    }

    fn first_half(self) -> Entry {
        match self {
            Small(user_data) => nop(user_data).personality(7),
            Large(user_data) => Entry::from_bytes(of_128(&nop(user_data).personality(9).to_bytes())),
        }
    }

    /// The slots that it takes, 64 bytes each, if the next free one is that of `at`.
    fn slots(self, at: u32) -> Vec<[u8; 64]> {
        let first = self.first_half().to_bytes();
        match self {
            Small(_) => vec![first],
            Large(_) if at % SQ == SQ - 1 => vec![filler(), first, [0; 64]],
            Large(_) => vec![first, [0; 64]],
        }
    }
}

/// Changes the request's opcode to one for 128 bytes.
fn of_128(bytes: &[u8; 64]) -> [u8; 64] {
    let mut bytes = *bytes;
    bytes[0] = opcode::Nop128::CODE;
    bytes
}

/// The slots of several, one after the other.
fn layout(requests: &[Request], start: u32) -> Vec<[u8; 64]> {
    let mut all = Vec::new();
    for request in requests {
        all.extend(request.slots(start.wrapping_add(all.len() as u32)));
    }
    all
}

/// What the kernel is to find where a large entry does not fit in front of the end.
fn filler() -> [u8; 64] {
    linked_filler(Flags::empty())
}

/// Returns the filler that stands in a chain, with the flag that links it.
fn linked_filler(link: Flags) -> [u8; 64] {
    nop(HIDDEN).flags(Flags::SKIP_SUCCESS | link).to_bytes()
}

fn ring(fake: &Fake) -> Ring<'_> {
    fake.ring()
}

/// The entries of the kernel's view, from the head to the tail.
fn queued(fake: &Fake) -> Vec<[u8; 64]> {
    let (head, tail) = fake.sq();
    (0..tail.wrapping_sub(head)).map(|i| fake.sqe(head.wrapping_add(i) % SQ)).collect()
}

/// Publishes what was pushed, and leaves it in the queue.
fn publish(fake: &Fake, ring: &Ring<'_>) {
    fake.limit.set(0);
    assert_eq!(ring.submit(), Ok(0));
}

#[test]
fn a_large_entry_takes_two_slots() {
    let fake = Fake::new(SetupFlags::SQE_MIXED, SQ, 16, (0, 0));
    let mut ring = ring(&fake);
    let mut sq = ring.submission();
    let requests = [Small(1), Large(2), Small(3), Large(4)];
    for (request, len) in requests.into_iter().zip([1, 3, 4, 6]) {
        // SAFETY: the fake kernel reads user data only.
        unsafe { sq.push(request.entry()) }.unwrap();
        assert_eq!(sq.len(), len);
    }
    publish(&fake, &ring);
    assert_eq!(queued(&fake), layout(&requests, 0));
    assert_eq!(fake.enters(), [(6, 0, 0)], "slots are what the kernel counts");
}

#[test]
fn a_large_entry_at_the_end_of_the_array_gets_a_filler_before_it() {
    for start in [7, 15, u32::MAX] {
        let fake = Fake::new(SetupFlags::SQE_MIXED, SQ, 16, (start, 0));
        let mut ring = ring(&fake);
        let mut sq = ring.submission();
        // SAFETY: the fake kernel reads user data only.
        unsafe { sq.push(Large(5).entry()) }.unwrap();
        assert_eq!(sq.len(), 3);
        publish(&fake, &ring);
        assert_eq!(queued(&fake), [filler(), Large(5).first_half().to_bytes(), [0; 64]]);
        assert_eq!(fake.sqe(7), filler());
        let filler = Entry::from_bytes(filler());
        assert_eq!((filler.opcode(), filler.to_bytes()[1]), (0, Flags::SKIP_SUCCESS.bits()));
    }
}

#[test]
fn there_is_room_only_if_the_filler_fits_too() {
    // Where the array's end is, how many slots are taken, whether a large entry fits.
    for (start, taken, fits) in [(0, 6, true), (0, 7, false), (1, 6, false), (2, 5, true), (3, 4, true), (1, 5, true)] {
        let fake = Fake::new(SetupFlags::SQE_MIXED, SQ, 16, (start, 0));
        let mut ring = ring(&fake);
        let mut sq = ring.submission();
        for user_data in 0..taken {
            // SAFETY: the fake kernel reads user data only.
            unsafe { sq.push(Small(user_data).entry()) }.unwrap();
        }
        // SAFETY: the fake kernel reads user data only.
        let outcome = unsafe { sq.push(Large(50).entry()) };
        assert_eq!(outcome, if fits { Ok(()) } else { Err(PushError(Large(50).entry())) }, "{start} {taken}");
        let more = if !fits { 0 } else { Large(50).slots(start + taken as u32).len() };
        assert_eq!(sq.len(), taken as usize + more, "{start} {taken}");
    }
}

#[test]
fn batches_of_both_are_laid_out_as_one_after_the_other() {
    let mut random = Random(0xbead);
    for start in [0, 5, 7, u32::MAX - 2] {
        let fake = Fake::new(SetupFlags::SQE_MIXED, SQ, 64, (start, 0));
        let mut ring = ring(&fake);
        let mut at = start;
        for round in 0..2000_u64 {
            let requests: Vec<Request> = (0..random.below(7))
                .map(|i| if random.below(2) == 0 { Small(round * 10 + i) } else { Large(round * 10 + i) })
                .collect();
            let batch: Vec<EntryMixed> = requests.iter().map(|request| request.entry()).collect();
            let mut expected = layout(&requests, at);
            let fits = expected.len() <= SQ as usize;
            // SAFETY: the fake kernel reads user data only.
            let outcome = unsafe { ring.submission().push_multiple(&batch) };
            assert_eq!(outcome, if fits { Ok(()) } else { Err(PushError(&batch[..])) });
            if !fits {
                expected.clear();
            }
            let count = expected.len() as u32;
            assert_eq!(ring.submission().len(), count as usize);
            publish(&fake, &ring);
            assert_eq!(queued(&fake), expected, "round {round} from {start}");
            at = at.wrapping_add(count);
            fake.limit.set(u32::MAX);
            assert_eq!(ring.submit(), Ok(count as usize));
            ring.completion().for_each(drop);
        }
    }
}

#[test]
fn a_chain_goes_on_through_the_filler() {
    for link in [Flags::empty(), Flags::IO_LINK, Flags::IO_HARDLINK] {
        // The entry before the filler: of one slot, or of two whose last bytes look like a linked entry.
        let mut bytes = [0xff; 128];
        bytes[..64].copy_from_slice(&of_128(&nop(3).flags(link).to_bytes()));
        let wide = LargeEntry::new(Entry128::from_bytes(bytes)).unwrap();
        for before in [EntryMixed::from(nop(3).flags(link)), EntryMixed::from(wide)] {
            let width = if matches!(before, EntryMixed::Small(_)) { 1 } else { 2 };
            for at_once in [false, true] {
                let fake = Fake::new(SetupFlags::SQE_MIXED, SQ, 16, (7 - width, 0));
                let mut ring = ring(&fake);
                let mut sq = ring.submission();
                let entries = [before, Large(5).entry()];
                let pieces = if at_once { 2 } else { 1 };
                for piece in entries.chunks(pieces) {
                    // SAFETY: the fake kernel reads user data only.
                    unsafe { sq.push_multiple(piece) }.unwrap();
                }
                publish(&fake, &ring);
                assert_eq!(fake.sqe(7), linked_filler(link), "{before:?}");
            }
        }
    }
}

/// The kernel reads what follows such a request as its second half.
#[test]
fn a_small_entry_with_the_opcode_of_a_large_one_is_queued_as_no_opcode() {
    for opcode in [opcode::Nop128::CODE, opcode::UringCmd128::CODE] {
        let fake = Fake::new(SetupFlags::SQE_MIXED, SQ, 16, (0, 0));
        let mut ring = ring(&fake);
        let mut bytes = nop(1).to_bytes();
        bytes[0] = opcode;
        // SAFETY: the fake kernel reads user data only.
        unsafe { ring.submission().push(Entry::from_bytes(bytes).into()) }.unwrap();
        publish(&fake, &ring);
        bytes[0] = 255;
        assert_eq!(queued(&fake), [bytes]);
    }
}

#[test]
fn only_the_entry_pushed_last_links_a_filler() {
    let fake = Fake::new(SetupFlags::SQE_MIXED, SQ, 16, (5, 0));
    let mut ring = ring(&fake);
    let mut sq = ring.submission();
    for entry in [EntryMixed::from(nop(1).flags(Flags::IO_LINK)), EntryMixed::from(nop(2)), Large(5).entry()] {
        // SAFETY: the fake kernel reads user data only.
        unsafe { sq.push(entry) }.unwrap();
    }
    publish(&fake, &ring);
    assert_eq!(fake.sqe(7), filler());
}

#[test]
fn the_completion_of_a_filler_never_surfaces() {
    let fake = Fake::new(SetupFlags::SQE_MIXED, SQ, 16, (0, 0));
    let mut ring = ring(&fake);
    for round in 0..100 {
        fake.post(slot(round, -5, 0));
        fake.post(slot(HIDDEN, -125, 0));
        fake.post(slot(round + 1, -125, 0));
        assert_eq!(ring.completion().len(), 2);
        assert_eq!(taken(&mut ring), [(round, -5), (round + 1, -125)]);
        fake.post(slot(HIDDEN, -125, 0));
        assert!(ring.completion().is_empty());
        assert_eq!(ring.completion().next(), None);
    }
    let (head, tail) = fake.cq();
    assert_eq!(head, tail, "their slots went back");
}
