//! What the simulated kernel does to memory, and what it sees there.

use std::collections::BTreeSet;
use std::ptr::NonNull;

use bare_uring::uapi::{IORING_OFF_SQES, io_uring_params};
use bare_uring::{EnterFlags, Errno, Kernel, SetupFlags};
use bare_uring_sim::{Chaos, Fault, Header, Leaks, Mark, Random, Rate, SimKernel};

use crate::raw::{ALWAYS, Raw, kind, linux, nop, with};

fn plain(entries: u32) -> Raw {
    Raw::new(linux(), kind(), SetupFlags::empty(), entries)
}

#[test]
fn slots_are_overwritten_as_soon_as_they_are_the_others() {
    let ring = plain(4);
    ring.push_all([nop(1), nop(2)]);
    assert_eq!(ring.entry(0), nop(1).to_bytes());
    assert_eq!(ring.submit(2), Ok(2));
    assert_eq!((ring.entry(0), ring.entry(1), ring.entry(2)), ([0xa5; 64], [0xa5; 64], [0; 64]));
    assert_eq!(ring.take(), [(1, 0, 0), (2, 0, 0)]);
    assert_ne!(ring.completion(0), [0x5a; 16]);
    // The kernel looks at the head when it has a completion to post.
    ring.push(nop(3));
    assert_eq!(ring.submit(1), Ok(1));
    assert_eq!((ring.completion(0), ring.completion(1)), ([0x5a; 16], [0x5a; 16]));
    assert_eq!(ring.take(), [(3, 0, 0)]);
    assert_eq!((ring.count(Mark::EntryOverwritten), ring.count(Mark::CompletionOverwritten)), (3, 2));
}

#[test]
fn slots_of_every_size_are_overwritten_whole() {
    let large = SetupFlags::SQE128 | SetupFlags::CQE32;
    let ring = Raw::new(linux(), kind(), large, 4);
    ring.push(nop(1));
    assert_eq!(ring.submit(1), Ok(1));
    assert_eq!((ring.entry(0), ring.entry(1), ring.entry(2)), ([0xa5; 64], [0xa5; 64], [0; 64]));
    ring.store(ring.params.cq_off.head, 1);
    assert_eq!(ring.wait(0), Ok(0));
    assert_eq!((ring.completion(0), ring.completion(1), ring.completion(2)), ([0x5a; 16], [0x5a; 16], [0; 16]));
}

/// Writes a byte next to a ring's memory.
fn write_beside(place: NonNull<u8>) {
    // SAFETY: the byte lies between the memory and the inaccessible page, in the same mapping.
    unsafe { place.write(1) };
}

/// Makes a ring whose memory ends within a cache line, so that bytes are left before the inaccessible page.
fn odd() -> Raw {
    let ring = plain(2);
    assert_ne!(ring.rings_len % 64, 0);
    ring
}

#[test]
fn a_write_behind_the_memory_is_seen() {
    let ring = odd();
    assert_eq!(ring.kernel.faults(), []);
    assert_eq!(ring.count(Mark::CanariesRead), 2);
    // SAFETY: this is the first byte behind the memory, which ends within a cache line.
    write_beside(unsafe { ring.rings.add(ring.rings_len) });
    assert_eq!(ring.kernel.faults(), [Fault::OutOfBounds { ring: 0 }]);
}

#[test]
fn a_write_at_the_last_byte_before_the_page_is_seen() {
    let ring = odd();
    // SAFETY: this is the last byte before the inaccessible page.
    write_beside(unsafe { ring.rings.add(ring.rings_len.next_multiple_of(64) - 1) });
    assert_eq!(ring.kernel.faults(), [Fault::OutOfBounds { ring: 0 }]);
}

#[test]
fn a_write_before_the_memory_is_seen() {
    for distance in [1, 256] {
        let ring = odd();
        // SAFETY: the memory is shorter than a page, and ends at the end of a page.
        write_beside(unsafe { ring.sqes.sub(distance) });
        assert_eq!(ring.kernel.faults(), [Fault::OutOfBounds { ring: 0 }]);
    }
}

#[test]
fn a_write_beside_the_memory_is_seen_when_it_is_given_back() {
    let ring = odd();
    let kernel = ring.kernel.clone();
    // SAFETY: this is the first byte behind the memory, which ends within a cache line; the mapping goes on.
    write_beside(unsafe { ring.rings.add(ring.rings_len) });
    drop(ring);
    assert_eq!(kernel.faults(), [Fault::OutOfBounds { ring: 0 }]);
}

#[test]
fn a_write_beside_provided_memory_is_seen() {
    let ring = plain(2);
    let memory = ring.kernel.memory(100).expect("memory");
    assert_eq!((memory.len(), memory.cast::<u8>().addr().get() % 4096), (100, 0));
    assert_eq!(ring.kernel.faults(), []);
    // SAFETY: the page goes on behind the memory.
    write_beside(unsafe { memory.cast::<u8>().add(100) });
    assert_eq!(ring.kernel.faults(), [Fault::OutOfBounds { ring: 0 }]);
}

#[test]
fn indices_that_make_no_sense_are_told_and_not_followed() {
    let ring = plain(4);
    ring.push_all((1..=5).map(nop));
    assert_eq!(ring.submit(5), Ok(0));
    assert_eq!(ring.kernel.faults(), [Fault::SqTail { head: 0, tail: 5 }]);
    ring.store(ring.params.sq_off.tail, 2);
    assert_eq!(ring.submit(1), Ok(1));
    // Without a thread, the second entry can be taken back, and come again.
    ring.store(ring.params.sq_off.tail, 1);
    assert_eq!((ring.submit(1), ring.kernel.faults()), (Ok(0), vec![]));
    ring.store(ring.params.sq_off.tail, 2);
    assert_eq!((ring.submit(1), ring.kernel.faults()), (Ok(1), vec![]));
    // An entry that was consumed cannot.
    ring.store(ring.params.sq_off.tail, 1);
    assert_eq!(ring.submit(1), Ok(0));
    assert_eq!(ring.kernel.faults(), [Fault::SqTail { head: 2, tail: 1 }]);
    assert_eq!(ring.ready(), 2);
    for head in [3, u32::MAX] {
        ring.store(ring.params.cq_off.head, head);
        assert_eq!(ring.wait(0), Ok(0));
        let faults = ring.kernel.faults();
        assert!(faults.contains(&Fault::CqHead { before: 0, head, tail: 2 }), "{faults:?}");
    }
}

#[test]
fn a_head_that_its_user_has_written_is_not_believed() {
    let ring = plain(4);
    ring.push_all([nop(1), nop(2)]);
    ring.store(ring.params.sq_off.head, 77);
    assert_eq!((ring.submit(1), ring.sq_head()), (Ok(1), 1));
    ring.store(ring.params.cq_off.tail, 77);
    assert_eq!((ring.submit(1), ring.load(ring.params.cq_off.tail)), (Ok(1), 2));
    assert_eq!(ring.take(), [(1, 0, 0), (2, 0, 0)]);
}

#[test]
fn a_slot_that_does_not_exist_is_told_and_counted() {
    let ring = plain(4);
    ring.push_all([nop(1), nop(2)]);
    ring.store(ring.params.sq_off.array, 4);
    assert_eq!(ring.submit(2), Err(Errno::EAGAIN));
    assert_eq!(ring.kernel.faults(), [Fault::BadIndex { index: 4 }]);
    assert_eq!((ring.load(ring.params.sq_off.dropped), ring.sq_head()), (1, 1));
    assert_eq!((ring.submit(1), ring.take()), (Ok(1), vec![(2, 0, 0)]));
}

#[test]
fn the_array_says_which_slot_comes_next() {
    let ring = plain(4);
    ring.push_all([nop(1), nop(2)]);
    ring.store(ring.params.sq_off.array, 1);
    ring.store(ring.params.sq_off.array + 4, 0);
    assert_eq!((ring.submit(2), ring.take()), (Ok(2), vec![(2, 0, 0), (1, 0, 0)]));
}

#[test]
fn a_ring_may_start_just_before_the_wrap() {
    let starts = |rate| -> BTreeSet<(u32, u32)> {
        let start = |seed| {
            let chaos = with(|chaos| chaos.near_the_wrap = rate);
            let ring = Raw::of(SimKernel::new(linux(), seed), chaos, SetupFlags::empty(), 4, 16);
            assert_eq!(ring.sq_head(), ring.sq_tail());
            (ring.sq_head().wrapping_neg(), ring.load(ring.params.cq_off.tail).wrapping_neg())
        };
        (0..100).map(start).collect()
    };
    assert_eq!(starts(Rate(0)), BTreeSet::from([(0, 0)]));
    let near = starts(ALWAYS);
    assert!(near.len() > 60, "{near:?}");
    assert!(near.iter().all(|start| start.0 < 24 && start.1 < 48), "{near:?}");
}

#[test]
fn words_lie_anywhere_where_the_profile_says_so() {
    let mut profile = linux();
    profile.header = Header::Shuffled;
    let offsets = |seed| {
        let ring = Raw::of(SimKernel::new(profile.clone(), seed), kind(), SetupFlags::empty(), 4, 16);
        ring.push(nop(1));
        assert_eq!((ring.submit(1), ring.take()), (Ok(1), vec![(1, 0, 0)]));
        (ring.params.sq_off.head, ring.params.sq_off.array < ring.params.cq_off.cqes)
    };
    let seen: BTreeSet<_> = (0..50).map(offsets).collect();
    assert!(seen.len() > 20, "{seen:?}");
    assert!(seen.iter().any(|offsets| offsets.1) && seen.iter().any(|offsets| !offsets.1));
}

#[test]
fn indices_go_on_through_the_wrap() {
    let ring = Raw::new(linux(), with(|chaos| chaos.near_the_wrap = ALWAYS), SetupFlags::empty(), 4);
    let start = ring.sq_head();
    assert!(start > u32::MAX - 24, "{start}");
    for user_data in 0..60 {
        ring.push(nop(user_data));
        assert_eq!((ring.submit(1), ring.take()), (Ok(1), vec![(user_data, 0, 0)]));
    }
    assert_eq!(ring.sq_head(), start.wrapping_add(60));
    assert_eq!(ring.kernel.faults(), []);
}

#[test]
fn no_two_words_lie_in_one_place() {
    for (header, seed) in [Header::Line, Header::Lines, Header::Nanos, Header::Shuffled].into_iter().zip(0..) {
        let mut profile = linux();
        profile.header = header;
        // Nanos has no flags for the completion queue.
        profile.cq_flags = header != Header::Nanos;
        let params = Raw::of(SimKernel::new(profile, seed), kind(), SetupFlags::empty(), 4, 16).params;
        let (so, co) = (params.sq_off, params.cq_off);
        let of_sq = [so.head, so.tail, so.ring_mask, so.ring_entries, so.flags, so.dropped];
        let of_cq = [co.head, co.tail, co.ring_mask, co.ring_entries, co.overflow];
        let flags = (header != Header::Nanos).then_some(co.flags);
        let words: Vec<u32> = of_sq.into_iter().chain(of_cq).chain(flags).collect();
        let places: BTreeSet<u32> = words.iter().copied().collect();
        assert_eq!(places.len(), words.len(), "{header:?}: {words:?}");
        let (array, cqes) = (so.array..so.array + 16, co.cqes..co.cqes + 256);
        assert!(array.end <= cqes.start || cqes.end <= array.start, "{header:?}: {array:?} and {cqes:?}");
        assert!(!words.iter().any(|word| array.contains(word) || cqes.contains(word)), "{header:?}: {words:?}");
    }
}

#[test]
fn what_is_not_given_back_is_told() {
    let ring = plain(2);
    let kernel = ring.kernel.clone();
    assert_eq!(kernel.leaks(), Leaks { rings: 1, mappings: 2 });
    // SAFETY: a length that is not the mapping's unmaps nothing.
    assert_eq!(unsafe { kernel.unmap(ring.rings, ring.rings_len - 1) }, Err(Errno::EINVAL));
    assert_eq!(kernel.faults(), [Fault::Unmap { len: ring.rings_len - 1 }]);
    // SAFETY: the ring is no longer used; its memory is unmapped below.
    assert_eq!(unsafe { kernel.close(ring.fd) }, Ok(()));
    assert_eq!(kernel.leaks(), Leaks { rings: 0, mappings: 2 });
    drop(ring);
    assert_eq!(kernel.leaks(), Leaks::default());
    assert_eq!(kernel.faults(), [Fault::NoRing { fd: 3 }]);
}

#[test]
fn a_mapping_beyond_the_memory_is_refused() {
    let ring = plain(2);
    let map = |len, offset| ring.kernel.map(len, ring.fd, offset).map(|place| place == ring.sqes);
    assert_eq!(map(129, IORING_OFF_SQES.into()), Err(Errno::EINVAL));
    assert_eq!(map(0, IORING_OFF_SQES.into()), Err(Errno::EINVAL));
    assert_eq!(map(128, 77), Err(Errno::EINVAL));
    assert_eq!(map(128, IORING_OFF_SQES.into()), Ok(true));
}

#[test]
fn seeded_rates_are_zero_in_half_of_the_cases_and_high_in_some() {
    let mut random = Random::new(3);
    let all: Vec<Chaos> = (0..1000).map(|_| Chaos::seeded(&mut random)).collect();
    type Pick = fn(&Chaos) -> Rate;

    let rates: [(Pick, u8); 6] = [
        (|chaos| chaos.interrupted, 63),
        (|chaos| chaos.short_submits, 63),
        (|chaos| chaos.early_returns, 63),
        (|chaos| chaos.lost_completions, 31),
        (|chaos| chaos.delayed, 255),
        (|chaos| chaos.sleepy, 255),
    ];
    for (rate, most) in rates {
        let rates: Vec<u8> = all.iter().map(|chaos| rate(chaos).0).collect();
        let zero = rates.iter().filter(|&&rate| rate == 0).count();
        let highest = rates.iter().copied().max().unwrap_or(0);
        assert!(
            (400..600).contains(&zero) && highest <= most && highest >= most - 4,
            "{zero} times 0, up to {highest}"
        );
    }
    assert!(all.iter().all(|chaos| chaos.near_the_wrap == Rate(128)));
}

/// The number of calls after which a kernel that lies answers only `EIO`.
const LIES: usize = 400;

#[test]
fn a_hostile_kernel_lies_in_everything() {
    let (mut told, mut failed, mut numbers, mut errors, mut moved) = (BTreeSet::new(), 0, 0, 0, 0);
    for seed in 0..200 {
        let kernel = SimKernel::hostile(seed);
        // SAFETY: numbers, for which zero is one.
        let mut params: io_uring_params = unsafe { std::mem::zeroed() };
        // SAFETY: no memory is provided.
        let made = unsafe { kernel.setup(4, &mut params) };
        told.insert((params.sq_entries, params.cq_entries, params.sq_off.ring_mask));
        let Ok(memory) = made.and_then(|_| kernel.map(2048, 3, 0)) else {
            failed += 1;
            continue;
        };
        // SAFETY: the mapping is that long, and the kernel writes to it in calls only.
        let bytes = || unsafe { memory.cast::<[u8; 2048]>().read() };
        let before = bytes();
        for call in 2..LIES + 10 {
            // SAFETY: no argument is called for.
            let answer = unsafe { kernel.enter(3, 7, 0, EnterFlags::empty().bits(), std::ptr::null(), 0) };
            assert!(call < LIES || answer == Err(Errno::EIO), "call {call}: {answer:?}");
            numbers += usize::from(call < LIES && answer.is_ok_and(|answer| answer != 7));
            errors += usize::from(call < LIES && answer.is_err());
        }
        moved += usize::from(bytes() != before);
    }
    assert!(told.len() > 25 && failed > 30 && failed < 150, "{} shapes, {failed} failed", told.len());
    let kept = 200 - failed;
    assert_eq!(moved, kept);
    let share = |count: usize| count * 100 / (kept * LIES);
    assert!(share(numbers) > 8 && share(errors) > 20, "{} and {} of 100", share(numbers), share(errors));
}

#[test]
fn a_hostile_kernel_sees_a_write_beside_its_memory() {
    let kernel = SimKernel::hostile(1);
    let memory = (0..20).find_map(|_| kernel.map(100, 3, 0).ok()).expect("it lies, but not always");
    // SAFETY: this is the first byte behind the memory, which is rounded up to a cache line.
    write_beside(unsafe { memory.add(100) });
    // SAFETY: the memory was mapped just now, with this length.
    assert_eq!(unsafe { kernel.unmap(memory, 100) }, Ok(()));
    assert_eq!(kernel.faults(), [Fault::Unmap { len: 100 }]);
}
