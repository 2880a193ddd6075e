//! The pure functions of ring memory: sizes, offsets, and what fits.

use core::array::from_fn;
use core::num::NonZero;
use core::ptr::NonNull;

use super::{EntrySizes, Header, MAY_LACK, MemorySize, Queue, Region, Regions, Words, end_of, extent};
use crate::error::{Area, SetupError};
use crate::flags::SetupFlags;
use crate::parameters::Parameters;
use crate::sync::{AtomicU32, Ordering};
use crate::uapi::io_uring_params;

const HEADER_64: Header = Header { size: 64, align: 64 };

/// The parameters that a 6.18 kernel reports for a ring of 8 and 16 entries with an index array.
fn reported() -> io_uring_params {
    let Parameters(mut params) = Parameters::NOTHING;
    (params.sq_entries, params.cq_entries) = (8, 16);
    (params.sq_off.head, params.sq_off.tail, params.cq_off.head, params.cq_off.tail) = (0, 4, 8, 12);
    (params.sq_off.ring_mask, params.cq_off.ring_mask) = (16, 20);
    (params.sq_off.ring_entries, params.cq_off.ring_entries) = (24, 28);
    (params.sq_off.dropped, params.sq_off.flags) = (32, 36);
    (params.cq_off.flags, params.cq_off.overflow) = (40, 44);
    (params.cq_off.cqes, params.sq_off.array) = (64, 320);
    params
}

#[test]
fn sizes_are_those_seen_on_a_real_kernel() {
    let size = |setup, sq, cq| MemorySize::compute(setup, sq, cq, HEADER_64).map(|size| (size.rings, size.sqes));
    let none = SetupFlags::empty();
    assert_eq!(size(none, 8, 16), Some((64 + 16 * 16 + 8 * 4, 8 * 64)));
    assert_eq!(size(SetupFlags::NO_SQARRAY, 8, 16), Some((64 + 16 * 16, 8 * 64)));
    // The header is doubled with the CQEs.
    assert_eq!(size(SetupFlags::CQE32, 8, 16), Some(((64 + 16 * 16) * 2 + 8 * 4, 8 * 64)));
    assert_eq!(size(SetupFlags::CQE_MIXED, 8, 16), size(none, 8, 16));
    assert_eq!(size(SetupFlags::SQE_MIXED, 8, 16), size(none, 8, 16));
    assert_eq!(size(SetupFlags::SQE128 | SetupFlags::NO_SQARRAY, 8, 16), Some((320, 8 * 128)));
    // One completion ends in the middle of a cache line, to which the array does not extend.
    assert_eq!(size(none, 1, 1), Some((128 + 4, 64)));
    assert_eq!(size(SetupFlags::NO_SQARRAY, 1, 1), Some((80, 64)));
    assert_eq!(size(none, 32_768, 65_536), Some((64 + 65_536 * 16 + 32_768 * 4, 32_768 * 64)));
}

/// Computes the sum anew, in numbers that can't overflow.
fn naive(setup: SetupFlags, sq: u32, cq: u32, header: Header) -> Option<MemorySize> {
    let mut rings = header.size as u128 + u128::from(cq) * 16;
    if setup.contains(SetupFlags::CQE32) {
        rings *= 2;
    }
    if !setup.contains(SetupFlags::NO_SQARRAY) {
        // A sum that is too large before it is rounded up is too large afterwards.
        rings = rings.next_multiple_of(header.align as u128) + u128::from(sq) * 4;
    }
    let sqes = u128::from(sq) * if setup.contains(SetupFlags::SQE128) { 128 } else { 64 };
    Some(MemorySize { rings: usize::try_from(rings).ok()?, sqes: usize::try_from(sqes).ok()? })
}

#[test]
fn every_size_is_the_naive_sum_or_none() {
    let counts = [0, 1, 2, 3, 8, 4096, 65_536, 1 << 31, u32::MAX];
    let sizes = [1, 16, 63, 64, 192, 4096, usize::MAX / 2, usize::MAX - 256, usize::MAX];
    let aligns = [1, 64, 4096, 1 << (usize::BITS - 1)];
    for bits in 0..8 {
        let flags = [SetupFlags::CQE32, SetupFlags::SQE128, SetupFlags::NO_SQARRAY];
        let setup: SetupFlags =
            flags.into_iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, f)| f).collect();
        for sq in counts {
            for cq in counts {
                for size in sizes {
                    for align in aligns {
                        let header = Header { size, align };
                        let computed = MemorySize::compute(setup, sq, cq, header);
                        assert_eq!(computed, naive(setup, sq, cq, header), "{setup:?} {sq} {cq} {header:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn entries_have_the_sizes_of_their_flags() {
    let sizes = |setup| {
        let EntrySizes { sqe, cqe } = EntrySizes::of(setup);
        (sqe, cqe)
    };
    assert_eq!(sizes(SetupFlags::empty()), (64, 16));
    assert_eq!(sizes(SetupFlags::SQE128), (128, 16));
    assert_eq!(sizes(SetupFlags::CQE32), (64, 32));
    // In mixed rings a large entry is two slots.
    assert_eq!(sizes(SetupFlags::SQE_MIXED | SetupFlags::CQE_MIXED), (64, 16));
}

#[test]
fn an_end_is_told_for_every_count_and_offset() {
    assert_eq!(end_of(0, 1, 4), 4);
    assert_eq!(end_of(320, 8, 4), 352);
    assert_eq!(end_of(64, 16, 16), 320);
    assert_eq!(end_of(8, 0, 16), 8);
    assert_eq!(end_of(u32::MAX - 3, 1, 4), 1 << 32);
    assert_eq!(end_of(u32::MAX, u32::MAX, 128), 129 * u64::from(u32::MAX));
}

const SMALL: EntrySizes = EntrySizes::of(SetupFlags::empty());

#[test]
fn the_extent_reaches_over_entries_and_array() {
    assert_eq!(extent(&reported(), SMALL), [352, 320, 512]);
    let mut without = reported();
    without.sq_off.array = 0;
    assert_eq!(extent(&without, SMALL), [0, 320, 512]);
    let large = EntrySizes::of(SetupFlags::CQE32 | SetupFlags::SQE128);
    assert_eq!(extent(&reported(), large), [352, 64 + 16 * 32, 1024]);
}

#[test]
fn a_queue_is_found_if_every_word_is_inside_and_aligned_and_its_sizes_agree() {
    let memory: [AtomicU32; 16] = from_fn(|_| AtomicU32::new(0));
    memory[2].store(7, Ordering::Relaxed);
    memory[3].store(8, Ordering::Relaxed);
    let memory = NonNull::from(&memory);
    let locate = |words: &Words, entries, len| {
        let region = Region::of(NonNull::slice_from_raw_parts(memory.cast(), len));
        let mut queue = Queue::NOWHERE;
        // SAFETY: the memory lives until the end of the test, and consists of atomics.
        unsafe { queue.locate(&region, words, entries) }.map(|()| queue.words.map(|word| word.addr()))
    };
    let words = [0, 4, 8, 12, 16, 60, 56];
    let found = words.map(|offset| memory.addr().get() + offset as usize);
    assert_eq!(locate(&words, 8, 64), Some(found));
    assert_eq!(locate(&words, 8, 63), None);
    let (mut without, mut all_but_one) = (words, found);
    (without[MAY_LACK], all_but_one[MAY_LACK]) = (0, 0);
    assert_eq!(locate(&without, 8, 64), Some(all_but_one));
    for entries in [0, 4, 7, 16] {
        assert_eq!(locate(&words, entries, 64), None);
    }
    // The size in the memory is right, the mask is not.
    assert_eq!(locate(&[0, 4, 16, 12, 16, 20, 24], 8, 64), None);
    for place in 0..7 {
        for off in [1, 2, 3, 64, u32::MAX - 60] {
            let mut words = words;
            words[place] += off;
            assert_eq!(locate(&words, 8, 64), None, "{place} {off}");
        }
    }
}

/// What is provided by the computed size holds what the kernel then reports.
#[test]
fn the_computed_size_holds_the_extent() {
    let [sq, cq, sqes] = extent(&reported(), SMALL);
    let size = MemorySize::compute(SetupFlags::empty(), 8, 16, HEADER_64).unwrap();
    assert_eq!((sq.max(cq), sqes), (size.rings as u64, size.sqes as u64));
    assert_eq!(Parameters::from_raw(reported()).cq_entries(), 16);
}

/// A region that is measured and not used.
fn region(address: usize, len: usize) -> Region {
    let base = NonNull::without_provenance(NonZero::new(address).unwrap());
    Region::of(NonNull::slice_from_raw_parts(base, len))
}

#[test]
fn a_region_fits_if_it_starts_at_a_page_and_is_long_enough() {
    assert_eq!(region(4096, 100).fits(Area::Rings, 100), Ok(()));
    assert_eq!(region(8192, 101).fits(Area::Rings, 100), Ok(()));
    let short = SetupError::TooShort { area: Area::Sqes, needed: 100, given: 99 };
    assert_eq!(region(4096, 99).fits(Area::Sqes, 100), Err(short));
    assert_eq!(region(4096, 0).fits(Area::Rings, 0), Ok(()));
    for address in [1, 2048, 4095, 4097] {
        assert_eq!(region(address, 99).fits(Area::Sqes, 100), Err(SetupError::Unaligned(Area::Sqes)), "{address}");
    }
}

#[test]
fn provided_regions_hold_the_extent_and_are_aligned() {
    let provided =
        |parts| Regions::provided(&reported(), SMALL, parts).map(|regions| regions.parts.map(|part| part.len));
    let [sq, cq, sqes] = [region(4096, 352), region(8192, 320), region(0x3008, 512)];
    assert_eq!(provided([sq, cq, sqes]), Ok([352, 320, 512]));
    for place in 0..3 {
        for wrong in [region(0x5000, [351, 319, 511][place]), region(0x5004, 4096)] {
            let mut parts = [sq, cq, sqes];
            parts[place] = wrong;
            assert_eq!(provided(parts), Err(SetupError::Garbled), "{place} {wrong:?}");
        }
    }
}

#[test]
fn a_region_tells_the_address_that_the_kernel_takes() {
    assert_eq!(region(0x5000, 1).address(), 0x5000);
}
