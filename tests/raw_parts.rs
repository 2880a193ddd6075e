//! Rings made of memory that somebody else mapped: nothing that the parameters or the memory say is trusted.

mod common;

use core::ffi::c_void;
use core::ptr::NonNull;
use std::collections::HashSet;

use bare_uring::types::RawFd;
use bare_uring::uapi::{IORING_OFF_CQ_RING, IORING_OFF_SQ_RING, IORING_OFF_SQES, io_uring_params};
use bare_uring::{Errno, IoUring, Kernel, Linux, Parameters, SetupError, SetupFlags, cqueue, squeue};
use common::raw::{self, RawRing, THREE, three_nops};
use common::{memory, nop};

/// A kernel that is never to be called, but for closing.
#[derive(Debug)]
struct Nobody;

// SAFETY: no method touches any memory.
unsafe impl Kernel for Nobody {
    unsafe fn setup(&self, _: u32, _: &mut io_uring_params) -> Result<u32, Errno> {
        panic!("asked for a ring")
    }

    unsafe fn enter(&self, _: RawFd, _: u32, _: u32, _: u32, _: *const c_void, _: usize) -> Result<u32, Errno> {
        panic!("entered")
    }

    unsafe fn register(&self, _: RawFd, _: u32, _: *mut c_void, _: u32) -> Result<u32, Errno> {
        panic!("asked to register")
    }

    unsafe fn close(&self, _: RawFd) -> Result<(), Errno> {
        Ok(())
    }
}

type Ring = IoUring<squeue::Entry, cqueue::Entry, Nobody>;

const SQ: u32 = 4;
const CQ: u32 = 8;
/// How long the areas of the good layout are.
const RINGS: usize = 208;
const SQES: usize = SQ as usize * 64;
/// What stands before and behind an area; large enough to catch an entry's worth.
const GUARD: usize = 256;
const UNTOUCHED: u8 = 0xa5;

/// Two areas in plain memory, with guards around them.
struct Areas {
    rings: NonNull<u8>,
    sqes: NonNull<u8>,
}

impl Areas {
    fn new() -> Self {
        let guarded = |bytes: usize| {
            let all = NonNull::from(memory(GUARD + bytes + GUARD)).cast::<u8>();
            // SAFETY: the piece is longer than its first guard.
            unsafe { all.add(GUARD) }
        };
        Self { rings: guarded(RINGS), sqes: guarded(SQES) }
    }

    /// Lays a ring out as kernels do: the good layout.
    fn lay_out(&self) {
        for (area, bytes) in [(self.rings, RINGS), (self.sqes, SQES)] {
            // SAFETY: both guards and the area are one piece.
            let all = unsafe { area.sub(GUARD) };
            // SAFETY: the same; nobody holds a reference into it.
            unsafe { all.write_bytes(UNTOUCHED, GUARD + bytes + GUARD) };
            // SAFETY: the same.
            unsafe { area.write_bytes(0, bytes) };
        }
        for (offset, value) in [(16, SQ - 1), (20, CQ - 1), (24, SQ), (28, CQ)] {
            self.set(offset, value);
        }
    }

    fn word(&self, offset: usize) -> NonNull<u32> {
        assert!(offset + 4 <= RINGS && offset.is_multiple_of(4));
        // SAFETY: within the area, as just asserted.
        unsafe { self.rings.add(offset) }.cast()
    }

    fn set(&self, offset: usize, value: u32) {
        // SAFETY: aligned, within the area, and nobody holds a reference into it.
        unsafe { self.word(offset).write(value) };
    }

    fn get(&self, offset: usize) -> u32 {
        // SAFETY: the same.
        unsafe { self.word(offset).read() }
    }

    fn guards_are_untouched(&self) -> bool {
        [(self.rings, RINGS), (self.sqes, SQES)].into_iter().all(|(area, bytes)| {
            // SAFETY: the guard before the area.
            let before = unsafe { area.sub(GUARD) };
            // SAFETY: the guard behind it.
            let behind = unsafe { area.add(bytes) };
            [before, behind].into_iter().all(|guard| {
                // SAFETY: filled when the areas were laid out, and not referred to by anybody.
                let guard = unsafe { NonNull::slice_from_raw_parts(guard, GUARD).as_ref() };
                guard.iter().all(|&byte| byte == UNTOUCHED)
            })
        })
    }

    /// A ring over the areas, as long as said.
    fn ring(&self, params: &io_uring_params, lengths: [usize; 3]) -> Result<Ring, SetupError> {
        let [sq, cq, sqes] = lengths;
        assert!(sq <= RINGS && cq <= RINGS && sqes <= SQES);
        let part = NonNull::slice_from_raw_parts;
        let (sq, cq, sqes) = (part(self.rings, sq), part(self.rings, cq), part(self.sqes, sqes));
        // SAFETY: the memory is never freed, no kernel knows it, and one ring at a time uses it. Nothing is queued.
        unsafe { IoUring::from_raw_parts(Nobody, 3, Parameters::from_raw(*params), sq, cq, sqes) }
    }
}

const WHOLE: [usize; 3] = [RINGS, RINGS, SQES];

/// The parameters of the good layout.
fn good() -> io_uring_params {
    let mut params = raw::params(SetupFlags::empty());
    (params.sq_entries, params.cq_entries) = (SQ, CQ);
    (params.sq_off.head, params.sq_off.tail) = (0, 4);
    (params.cq_off.head, params.cq_off.tail) = (8, 12);
    (params.sq_off.ring_mask, params.cq_off.ring_mask) = (16, 20);
    (params.sq_off.ring_entries, params.cq_off.ring_entries) = (24, 28);
    (params.sq_off.dropped, params.sq_off.flags) = (32, 36);
    (params.cq_off.flags, params.cq_off.overflow) = (40, 44);
    (params.cq_off.cqes, params.sq_off.array) = (64, 64 + 16 * CQ);
    params
}

/// Uses a ring as far as that goes without a kernel: neither queue may give more than it has.
fn use_up(mut ring: Ring) {
    let (sq, cq) = (ring.params().sq_entries() as usize, ring.params().cq_entries() as usize);
    let mut queue = ring.submission();
    // SAFETY: nops point to nothing.
    let pushed = (0..=sq).take_while(|&i| unsafe { queue.push(nop(i as u64)) }.is_ok()).count();
    assert!(pushed <= sq);
    assert!(ring.completion().count() <= cq);
}

#[test]
fn a_good_layout_makes_a_ring_with_an_identity_array() {
    let areas = Areas::new();
    areas.lay_out();
    use_up(areas.ring(&good(), WHOLE).unwrap());
    assert_eq!([192, 196, 200, 204].map(|offset| areas.get(offset)), [0, 1, 2, 3]);
    assert!(areas.guards_are_untouched());
}

/// A tail that somebody left in a ring that rewinds is no tail to the kernel, nor to us.
#[test]
fn a_ring_that_rewinds_is_begun_empty() {
    let areas = Areas::new();
    areas.lay_out();
    areas.set(4, 3);
    let mut params = good();
    params.sq_off.array = 0;
    params.flags = (SetupFlags::SQ_REWIND | SetupFlags::NO_SQARRAY).bits();
    let mut ring = areas.ring(&params, WHOLE).unwrap();
    assert_eq!(ring.submission().len(), 0);
}

/// The offsets of the parameters, each by itself.
const OFFSETS: &[fn(&mut io_uring_params) -> &mut u32] = &[
    |p| &mut p.sq_off.head,
    |p| &mut p.sq_off.tail,
    |p| &mut p.sq_off.ring_mask,
    |p| &mut p.sq_off.ring_entries,
    |p| &mut p.sq_off.flags,
    |p| &mut p.sq_off.dropped,
    |p| &mut p.sq_off.array,
    |p| &mut p.cq_off.head,
    |p| &mut p.cq_off.tail,
    |p| &mut p.cq_off.ring_mask,
    |p| &mut p.cq_off.ring_entries,
    |p| &mut p.cq_off.overflow,
    |p| &mut p.cq_off.cqes,
    |p| &mut p.cq_off.flags,
];

fn garbled(areas: &Areas, params: &io_uring_params, lengths: [usize; 3], what: &str) {
    assert_eq!(areas.ring(params, lengths).map(drop), Err(SetupError::Garbled), "{what}");
    assert!(areas.guards_are_untouched(), "{what}");
}

#[test]
fn each_offset_that_is_not_aligned_or_too_far_is_garbled() {
    let areas = Areas::new();
    areas.lay_out();
    let nonsense = [1, 2, 3, 205, 206, 208, 212, 4096, 0x7fff_fffc, 0x8000_0000, u32::MAX - 3, u32::MAX];
    for (number, offset) in OFFSETS.iter().enumerate() {
        for value in nonsense {
            let mut params = good();
            *offset(&mut params) = value;
            garbled(&areas, &params, WHOLE, &format!("offset {number} is {value}"));
        }
    }
    // Inside, but with too little room behind it; and completions that are aligned to 4 only.
    for (offset, value) in [(6, 196), (12, 88), (12, 68)] {
        let mut params = good();
        *OFFSETS[offset](&mut params) = value;
        garbled(&areas, &params, WHOLE, &format!("offset {offset} is {value}"));
    }
}

#[test]
fn parts_that_overlap_are_garbled() {
    let areas = Areas::new();
    areas.lay_out();
    // Each word in the completions, at their start and end, and in the array; the flags of the completion queue too.
    for (number, offset) in OFFSETS.iter().enumerate().filter(|(number, _)| ![6, 12].contains(number)) {
        for value in [64, 188, 192, 204] {
            areas.lay_out();
            let mut params = good();
            *offset(&mut params) = value;
            // Sizes are found there.
            if [2, 3, 9, 10].contains(&number) {
                areas.set(
                    value as usize,
                    [SQ - 1, SQ, CQ - 1, CQ][[2, 3, 9, 10].iter().position(|&n| n == number).unwrap()],
                );
            }
            garbled(&areas, &params, WHOLE, &format!("offset {number} is {value}"));
        }
    }
    areas.lay_out();
    // The array in the completions and on the words, the completions on words, one word of ours for two.
    for (number, value) in
        [(6, 64), (6, 180), (6, 4), (12, 48 - 8), (12, 80), (1, 0), (7, 0), (7, 4), (1, 36), (13, 12)]
    {
        let mut params = good();
        *OFFSETS[number](&mut params) = value;
        garbled(&areas, &params, WHOLE, &format!("offset {number} is {value}"));
    }
    // Words of the kernel's alone may be one.
    let mut params = good();
    params.sq_off.dropped = params.cq_off.overflow;
    use_up(areas.ring(&params, WHOLE).unwrap());
}

#[test]
fn regions_that_overlap_are_garbled() {
    let areas = Areas::new();
    areas.lay_out();
    let params = Parameters::from_raw(good());
    let piece = |start: NonNull<u8>, len| NonNull::slice_from_raw_parts(start, len);
    let rings = piece(areas.rings, RINGS);
    // SAFETY: the memory is never freed, no kernel knows it, and no other ring uses it.
    let ring: Result<Ring, _> =
        unsafe { IoUring::from_raw_parts(Nobody, 3, params, rings, rings, piece(areas.rings, SQES)) };
    assert_eq!(ring.map(drop), Err(SetupError::Garbled), "entries on the words");
}

#[test]
fn sizes_that_are_no_ring_or_differ_from_the_memorys_are_garbled() {
    let areas = Areas::new();
    areas.lay_out();
    for entries in [0, 1, 2, 3, 5, 6, 12, 16, 1 << 26, 1 << 31, u32::MAX - 1, u32::MAX] {
        let params = io_uring_params { sq_entries: entries, ..good() };
        garbled(&areas, &params, WHOLE, &format!("{entries} submissions"));
        let params = io_uring_params { cq_entries: entries, ..good() };
        garbled(&areas, &params, WHOLE, &format!("{entries} completions"));
    }
    for word in [16, 20, 24, 28] {
        for value in [0, 1, 2, 16, u32::MAX] {
            areas.lay_out();
            areas.set(word, value);
            garbled(&areas, &good(), WHOLE, &format!("the word at {word} is {value}"));
        }
    }
}

#[test]
fn memory_too_short_for_the_parameters_is_garbled() {
    let areas = Areas::new();
    areas.lay_out();
    for lengths in [[RINGS - 1, RINGS, SQES], [RINGS, 191, SQES], [RINGS, RINGS, SQES - 1], [0, 0, 0], [47, 192, SQES]]
    {
        garbled(&areas, &good(), lengths, &format!("{lengths:?}"));
    }
    use_up(areas.ring(&good(), [RINGS, 192, SQES]).unwrap());
    let without = io_uring_params { flags: SetupFlags::SQE128.bits(), ..good() };
    assert_eq!(areas.ring(&without, WHOLE).map(drop), Err(SetupError::NotByHand(SetupFlags::SQE128)));
}

#[test]
fn memory_that_is_not_aligned_is_garbled() {
    let areas = Areas::new();
    // The sizes of the completion queue stand where they are found from 4 bytes further on, too: nothing but the
    // alignment is wrong.
    let mut params = good();
    (params.cq_off.ring_mask, params.cq_off.ring_entries) = (48, 52);
    for (sq, cq, sqes) in [(0, 0, 0), (2, 0, 0), (1, 0, 0), (0, 4, 0), (0, 1, 0), (0, 0, 4), (0, 0, 2)] {
        areas.lay_out();
        areas.set(48 + cq / 4 * 4, CQ - 1);
        areas.set(52 + cq / 4 * 4, CQ);
        // SAFETY: within the guard.
        let shifted = |area: NonNull<u8>, by: usize, len| NonNull::slice_from_raw_parts(unsafe { area.add(by) }, len);
        let (sq_area, cq_area) = (shifted(areas.rings, sq, RINGS), shifted(areas.rings, cq, 192));
        let sqe_area = shifted(areas.sqes, sqes, SQES);
        let params = Parameters::from_raw(params);
        // SAFETY: the memory is never freed, no kernel knows it, and no other ring uses it.
        let ring: Result<Ring, _> = unsafe { IoUring::from_raw_parts(Nobody, 3, params, sq_area, cq_area, sqe_area) };
        let expected = if (sq, cq, sqes) == (0, 0, 0) { Ok(()) } else { Err(SetupError::Garbled) };
        assert_eq!(ring.map(drop), expected, "{sq} {cq} {sqes}");
    }
}

#[test]
fn a_queue_in_use_through_an_array_is_unconsumed() {
    let areas = Areas::new();
    areas.lay_out();
    areas.set(4, 1);
    assert_eq!(areas.ring(&good(), WHOLE).map(drop), Err(SetupError::Unconsumed));
    // The array is as it was.
    assert_eq!([192, 196, 200, 204].map(|offset| areas.get(offset)), [0; 4]);
}

/// A ring like this would enter and close another file's descriptor, by the number of its index.
#[test]
fn an_index_is_not_taken_for_a_descriptor() {
    let areas = Areas::new();
    areas.lay_out();
    let flags = SetupFlags::NO_MMAP | SetupFlags::REGISTERED_FD_ONLY;
    let params = io_uring_params { flags: flags.bits(), ..good() };
    let refused = SetupError::NotByHand(SetupFlags::REGISTERED_FD_ONLY);
    assert_eq!(areas.ring(&params, WHOLE).map(drop), Err(refused));
}

/// xorshift64: the same numbers on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }

    /// Mostly what might pass, sometimes anything.
    fn offset(&mut self) -> u32 {
        match self.below(8) {
            0 => self.next(),
            1 => self.below(RINGS as u32 + 16),
            2 => u32::MAX - self.below(300),
            _ => self.below(RINGS as u32 / 4 + 2) * 4,
        }
    }
}

/// Whether no byte is of two parts of the ring; words that the kernel alone writes may be one.
fn lie_apart(params: &io_uring_params) -> bool {
    let (so, co) = (params.sq_off, params.cq_off);
    let kernels =
        [so.head, so.ring_mask, so.ring_entries, so.flags, so.dropped, co.tail, co.ring_mask, co.ring_entries];
    let kernels: HashSet<u32> = kernels.into_iter().chain([co.overflow]).collect();
    let words = kernels.iter().copied().chain([so.tail, co.head]).chain((co.flags != 0).then_some(co.flags));
    let words = words.map(|offset| (offset, 4));
    let array = (so.array != 0).then_some((so.array, params.sq_entries * 4));
    let mut taken = HashSet::new();
    words
        .chain(array)
        .chain([(co.cqes, params.cq_entries * 16)])
        .all(|(offset, bytes)| (offset..offset + bytes).all(|byte| taken.insert(byte)))
}

/// What must come of such a ring, worked out word by word in numbers that can't overflow.
fn verdict(areas: &Areas, params: &io_uring_params, [sq_len, cq_len, sqes_len]: [usize; 3]) -> Result<(), SetupError> {
    let inside = |offset: u32, align: u32, bytes: u128, len: usize| {
        offset.is_multiple_of(align) && u128::from(offset) + bytes <= len as u128
    };
    let (so, co) = (params.sq_off, params.cq_off);
    let (sq, cq) = (u128::from(params.sq_entries), u128::from(params.cq_entries));
    let fits = [so.head, so.tail, so.ring_mask, so.ring_entries, so.flags, so.dropped]
        .iter()
        .all(|&offset| inside(offset, 4, 4, sq_len))
        && [co.head, co.tail, co.ring_mask, co.ring_entries, co.overflow, co.flags]
            .iter()
            .all(|&offset| inside(offset, 4, 4, cq_len))
        && inside(co.cqes, 8, cq * 16, cq_len)
        && (so.array == 0 || inside(so.array, 4, sq * 4, sq_len))
        && sq * 64 <= sqes_len as u128;
    let is_ring = |entries: u32| entries.count_ones() == 1;
    if !fits || !is_ring(params.sq_entries) || !is_ring(params.cq_entries) {
        return Err(SetupError::Garbled);
    }
    if !lie_apart(params) {
        return Err(SetupError::Garbled);
    }
    let load = |offset: u32| areas.get(offset as usize);
    let agrees = |entries: u32, mask: u32, count: u32| load(entries) == count && load(mask) == count - 1;
    if !agrees(so.ring_entries, so.ring_mask, params.sq_entries)
        || !agrees(co.ring_entries, co.ring_mask, params.cq_entries)
    {
        return Err(SetupError::Garbled);
    }
    if so.array != 0 && load(so.head) != load(so.tail) {
        return Err(SetupError::Unconsumed);
    }
    Ok(())
}

#[test]
fn random_parameters_make_the_ring_they_describe_or_none() {
    let areas = Areas::new();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut made = 0;
    for round in 0..20_000 {
        areas.lay_out();
        let mut params = good();
        let mut lengths = WHOLE;
        for _ in 0..random.below(4) {
            match random.below(10) {
                0 => {
                    params.sq_entries =
                        [random.next(), random.below(9), 1 << random.below(32)][random.below(3) as usize]
                }
                1 => {
                    params.cq_entries =
                        [random.next(), random.below(9), 1 << random.below(32)][random.below(3) as usize]
                }
                2 => lengths[random.below(3) as usize] = random.below(RINGS as u32 + 1) as usize,
                3 => areas.set(random.below(RINGS as u32 / 4) as usize * 4, random.offset()),
                _ => *OFFSETS[random.below(OFFSETS.len() as u32) as usize](&mut params) = random.offset(),
            }
        }
        let expected = verdict(&areas, &params, lengths);
        let ring = areas.ring(&params, lengths);
        assert_eq!(
            ring.as_ref().map(|_| ()).map_err(|error| *error),
            expected,
            "round {round}: {params:?} {lengths:?}"
        );
        if let Ok(ring) = ring {
            made += 1;
            use_up(ring);
        }
        assert!(areas.guards_are_untouched(), "round {round}: {params:?} {lengths:?}");
    }
    // Neither verdict went untried.
    assert!((5_000..15_000).contains(&made), "{made} rings were made");
}

#[test]
fn memory_mapped_by_hand_makes_a_ring_that_works() {
    for two_areas in [false, true] {
        let mut raw = RawRing::open(8, raw::params(SetupFlags::empty())).unwrap();
        let rings = raw.params.sq_off.array as usize + 8 * 4;
        let map = |length, offset: u32| {
            let start = Linux.map(length, raw.fd, u64::from(offset)).unwrap();
            NonNull::slice_from_raw_parts(start, length)
        };
        let (sq, sqes) = (map(rings, IORING_OFF_SQ_RING), map(8 * 64, IORING_OFF_SQES));
        let cq = if two_areas { map(rings, IORING_OFF_CQ_RING) } else { sq };
        // SAFETY: the mappings are this ring's alone, and stay until it was dropped; nothing is queued.
        let ring = unsafe { IoUring::from_raw_parts(Linux, raw.fd, raw.parameters(), sq, cq, sqes) };
        let mut ring: IoUring = ring.unwrap();
        raw.disown();
        for _ in 0..10 {
            assert_eq!(three_nops(&mut ring), THREE);
        }
        drop(ring);
        for area in [Some(sq), Some(sqes), two_areas.then_some(cq)].into_iter().flatten() {
            // The memory is still the caller's to unmap.
            // SAFETY: the ring that used the mapping is gone.
            assert_eq!(unsafe { Linux.unmap(area.cast(), area.len()) }, Ok(()));
        }
    }
}
