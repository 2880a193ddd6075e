//! Rings made of memory that somebody else mapped: nothing that the parameters or the memory say is trusted.

mod common;

use core::ptr::NonNull;

use bare_uring::uapi::{IORING_OFF_CQ_RING, IORING_OFF_SQ_RING, IORING_OFF_SQES, io_uring_params};
use bare_uring::{IoUring, Kernel, Linux, Parameters, SetupError, SetupFlags};
use common::areas::{Areas, CQ, Nobody, OFFSETS, RINGS, Ring, SQ, SQES, WHOLE, good, use_up};
use common::raw::{self, RawRing, THREE, three_nops};

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
