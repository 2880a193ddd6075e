//! Rings in memory of the caller's: how much they take, what is refused, and that nothing beyond it is touched.

mod common;

use std::mem::MaybeUninit;

use bare_uring::{
    Area, Builder, Errno, IoUring, LocalRing, MemorySize, RingMemory, SetupError, SetupFlags, cqueue, squeue,
};
use common::kernels::{Call, Trace};
use common::raw::{self, Answer, Meddler, Plain, RawRing, THREE, in_child, three_nops};
use common::{has, memory, needs, skip};

type Plainest = Builder<squeue::Entry, cqueue::Entry>;

fn of_size(size: MemorySize) -> RingMemory {
    RingMemory { rings: memory(size.rings), sqes: memory(size.sqes) }
}

/// For 8 entries and an index array.
const EIGHT: MemorySize = match Plainest::new().memory_size(8) {
    Ok(size) => size,
    Err(_) => panic!("8 entries make a ring"),
};

/// The header of a ring on this architecture: one cache line, to which the 16 completions are rounded up as well.
const HEADER: usize = EIGHT.rings - 16 * 16 - 8 * 4;

#[test]
fn the_size_is_known_to_a_constant() {
    assert!([64, 128, 256].contains(&HEADER), "a cache line: {HEADER}");
    assert_eq!(EIGHT.sqes, 8 * 64);
}

/// Compares the computed size with where the kernel itself puts the ends of things.
fn computed_as_the_kernel_does<S: squeue::EntryMarker, C: cqueue::EntryMarker>(of_entries: SetupFlags) {
    for (entries, cq) in [(1, 2), (2, 0), (3, 5), (8, 0), (8, 8), (8, 64), (100, 0), (256, 4096), (40_000, 0)] {
        let mut builder = Builder::<S, C>::new();
        builder.setup_clamp();
        let mut params = raw::params(of_entries | SetupFlags::CLAMP);
        if cq != 0 {
            builder.setup_cqsize(cq);
            params.flags |= SetupFlags::CQSIZE.bits();
            params.cq_entries = cq;
        }
        let made = match RawRing::open(entries, params) {
            // Kernels since 6.14 take the pages of a ring in one go, and give up where that many are not free at once,
            // though there is memory (`io_region_allocate_pages()`).
            Err(Errno::ENOMEM) if entries > 4096 => {
                skip("the_size_is_what_the_kernel_uses", "megabytes of memory in one piece");
                continue;
            }
            made => made.unwrap(),
        };
        let params = &made.params;
        let sqe_size = if of_entries.contains(SetupFlags::SQE128) { 128 } else { 64 };
        let expected = MemorySize {
            // The array is the last thing in the area, so that its end is the area's.
            rings: params.sq_off.array as usize + params.sq_entries as usize * 4,
            sqes: params.sq_entries as usize * sqe_size,
        };
        let told = format!("{entries} {cq} {of_entries:?}");
        assert_eq!(builder.memory_size(entries), Ok(expected), "{told}");

        // Without the array, what went before it is left, up to the rounding that the array alone needs.
        let without = builder.setup_no_sqarray().memory_size(entries).unwrap();
        assert_eq!(without.rings.next_multiple_of(HEADER), params.sq_off.array as usize, "{told}");
        assert_eq!(without.sqes, expected.sqes, "{told}");
        let cqe_size = if of_entries.contains(SetupFlags::CQE32) { 32 } else { 16 };
        let end_of_completions = params.cq_off.cqes as usize + params.cq_entries as usize * cqe_size;
        assert!(end_of_completions <= without.rings, "{told}");
    }
}

#[test]
fn the_size_is_what_the_kernel_uses() {
    needs!(6, 6, "IORING_SETUP_NO_SQARRAY");
    computed_as_the_kernel_does::<squeue::Entry, cqueue::Entry>(SetupFlags::empty());
    computed_as_the_kernel_does::<squeue::Entry128, cqueue::Entry>(SetupFlags::SQE128);
    computed_as_the_kernel_does::<squeue::Entry, cqueue::Entry32>(SetupFlags::CQE32);
    computed_as_the_kernel_does::<squeue::Entry128, cqueue::Entry32>(SetupFlags::SQE128 | SetupFlags::CQE32);
    if has("sizes of mixed rings", "IORING_SETUP_CQE_MIXED", (6, 18)) {
        computed_as_the_kernel_does::<squeue::Entry, cqueue::EntryMixed>(SetupFlags::CQE_MIXED);
    }
    if has("sizes of mixed rings", "IORING_SETUP_SQE_MIXED", (6, 19)) {
        let mixed = Builder::<squeue::EntryMixed, cqueue::Entry>::new().memory_size(8);
        assert_eq!(mixed, Plainest::new().memory_size(8));
    }
}

const PATTERN: MaybeUninit<u8> = MaybeUninit::new(0xa5);

/// Memory that is exactly `bytes` long, and what stands behind it, filled with a pattern.
fn guarded(bytes: usize) -> (&'static mut [MaybeUninit<u8>], &'static mut [MaybeUninit<u8>]) {
    let all = memory(bytes + 8192);
    all.fill(PATTERN);
    all.split_at_mut(bytes)
}

fn is_untouched(guard: &[MaybeUninit<u8>]) -> bool {
    // SAFETY: the whole piece was filled when it was made.
    guard.iter().all(|byte| unsafe { byte.assume_init() } == 0xa5)
}

/// Runs a ring in exactly the memory that it needs, until both queues have come round many times.
fn stays_inside<S, C>(builder: &Builder<S, C>, array: bool)
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Plain,
{
    for entries in [4, 8, 64] {
        let size = builder.memory_size(entries).unwrap();
        // A kernel without NO_SQARRAY is taken for 6.5, whose header may be four cache lines longer, twice with CQE32.
        let (rings, after_rings) = guarded(size.rings + if array { 8 * LINE } else { 0 });
        let (sqes, after_sqes) = guarded(size.sqes);
        let kernel = if array { without_no_sqarray() } else { Meddler::default() };
        let mut ring = builder.build_provided_with(&kernel, entries, RingMemory { rings, sqes }).unwrap();
        assert_eq!(ring.params().setup().contains(SetupFlags::NO_SQARRAY), !array);
        let slots = ring.params().cq_entries();
        for _ in 0..3 * slots {
            assert_eq!(three_nops(&mut ring), THREE);
        }
        // A full queue, and more than that: what does not fit waits in the kernel.
        for user_data in 0..u64::from(slots) + 2 {
            common::push(&mut ring, common::nop(user_data));
            ring.submit().unwrap();
        }
        drop(ring);
        assert!(is_untouched(after_rings) && is_untouched(after_sqes), "{size:?}");
    }
}

/// The most that a cache line has on any architecture.
const LINE: usize = 256;

/// A kernel as it was before 6.6, which gives every ring an index array.
fn without_no_sqarray() -> Meddler {
    Meddler::refusing(|params| (params.flags & SetupFlags::NO_SQARRAY.bits() != 0).then_some(Errno::EINVAL))
}

#[test]
fn a_kernel_with_a_longer_head_is_not_given_memory_that_it_would_overrun() {
    needs!(6, 5, "IORING_SETUP_NO_MMAP");
    let kernel = without_no_sqarray();
    let with = |more| {
        let memory = of_size(MemorySize { rings: EIGHT.rings + more, ..EIGHT });
        Plainest::new().build_provided_with(&kernel, 8, memory).map(drop)
    };
    let refused = Err(SetupError::Kernel(bare_uring::Call::Setup, Errno::EINVAL));
    // That of Linux 6.5 has four cache lines more.
    assert_eq!([with(0), with(4 * HEADER - 1), with(4 * HEADER)], [refused, refused, Ok(())]);
}

/// Kernels before 6.19 take heads and tails as they find them, and start from 0 themselves.
#[test]
fn memory_of_an_earlier_ring_is_cleared() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    let kernel = Meddler::refusing(|params| {
        let header = std::ptr::with_exposed_provenance::<[u8; 64]>(params.cq_off.user_addr as usize);
        // SAFETY: the address is that of the ring's memory, which lives for ever.
        assert_eq!(unsafe { header.read() }, [0; 64]);
        None
    });
    let size = Plainest::new().memory_size(8).unwrap();
    let rings = common::memory(size.rings);
    for byte in rings.iter_mut() {
        byte.write(5);
    }
    let memory = RingMemory { rings, sqes: common::memory(size.sqes) };
    assert!(Plainest::new().build_provided_with(&kernel, 8, memory).is_ok());
}

#[test]
fn nothing_behind_the_computed_size_is_touched() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    stays_inside(&Plainest::new(), false);
    stays_inside(&Plainest::new(), true);
    stays_inside(Plainest::new().setup_no_sqarray(), false);
    stays_inside(Plainest::new().setup_cqsize(256), true);
    stays_inside(&Builder::<squeue::Entry128, cqueue::Entry32>::new(), false);
    stays_inside(&Builder::<squeue::Entry128, cqueue::Entry32>::new(), true);
    if raw::kernel_accepts(SetupFlags::CQE_MIXED) {
        stays_inside(&Builder::<squeue::Entry, cqueue::EntryMixed>::new(), true);
    }
    if raw::kernel_accepts(SetupFlags::SQE_MIXED) {
        stays_inside(&Builder::<squeue::EntryMixed, cqueue::Entry>::new(), true);
    }
}

/// The error for this memory, with and without a descriptor; neither may have asked for a ring.
fn refused(rings: &'static mut [MaybeUninit<u8>], sqes: &'static mut [MaybeUninit<u8>]) -> SetupError {
    let kernel = Trace::new();
    // One piece of memory is given twice: no ring is made in it.
    let again = RingMemory { rings: shared(rings), sqes: shared(sqes) };
    let error = Plainest::new().build_provided_with(&kernel, 8, RingMemory { rings, sqes }).unwrap_err();
    let registered = Plainest::new().build_registered_with(&kernel, 8, again).unwrap_err();
    assert_eq!(error, registered);
    assert!(!kernel.take().iter().any(|call| matches!(call, Call::Setup { .. })));
    error
}

/// Other memory, as long and as badly aligned.
fn shared(like: &[MaybeUninit<u8>]) -> &'static mut [MaybeUninit<u8>] {
    let off = like.as_ptr().addr() % 4096;
    &mut memory(like.len() + off)[off..]
}

#[test]
fn memory_that_is_one_byte_short_is_refused_before_set_up() {
    let MemorySize { rings, sqes } = EIGHT;
    let short = |area, needed| SetupError::TooShort { area, needed, given: needed - 1 };
    assert_eq!(refused(memory(rings - 1), memory(sqes)), short(Area::Rings, rings));
    assert_eq!(refused(memory(rings), memory(sqes - 1)), short(Area::Sqes, sqes));
    assert_eq!(refused(memory(rings), &mut []), SetupError::Unaligned(Area::Sqes));
    let nothing = SetupError::TooShort { area: Area::Rings, needed: rings, given: 0 };
    assert_eq!(refused(&mut memory(1)[..0], memory(sqes)), nothing);
}

#[test]
fn memory_that_does_not_start_at_a_page_is_refused_before_set_up() {
    let MemorySize { rings, sqes } = EIGHT;
    for off in [1, 8, 64, 4095] {
        assert_eq!(refused(&mut memory(rings + off)[off..], memory(sqes)), SetupError::Unaligned(Area::Rings));
        assert_eq!(refused(memory(rings), &mut memory(sqes + off)[off..]), SetupError::Unaligned(Area::Sqes));
    }
}

#[test]
fn memory_that_is_long_enough_makes_a_ring() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    let mut ring: IoUring = Plainest::new().build_provided(8, of_size(EIGHT)).unwrap();
    assert_eq!(three_nops(&mut ring), THREE);
}

/// What comes of a ring in memory for the usual header, on a kernel that says this about its own.
fn on_a_kernel_answering(answer: Answer) -> (Result<(), SetupError>, bool) {
    let kernel = Meddler::answering(answer);
    let outcome = Plainest::new().build_provided_with(&kernel, 8, of_size(EIGHT)).map(|mut ring| {
        assert_eq!(three_nops(&mut ring), THREE);
    });
    (outcome, kernel.trace.take().iter().any(|call| matches!(call, Call::Setup { .. })))
}

#[test]
fn the_kernels_word_on_the_head_of_a_ring_is_believed_before_set_up() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    let header = 3 * HEADER;
    let answer = |align: usize| Answer::Record { result: 0, size: header as u64, align: align as u64 };
    // That header, 16 completions, and 8 indices; nothing to be rounded up.
    let needed = header + 16 * 16 + 8 * 4;
    let short = SetupError::TooShort { area: Area::Rings, needed, given: EIGHT.rings };
    assert_eq!(on_a_kernel_answering(answer(64)), (Err(short), false));
    // What to round up to is the kernel's word too.
    let needed = (header + 16 * 16).next_multiple_of(1024) + 8 * 4;
    let short = SetupError::TooShort { area: Area::Rings, needed, given: EIGHT.rings };
    assert_eq!(on_a_kernel_answering(answer(1024)), (Err(short), false));
    // As much as such a kernel asks for is enough.
    let kernel = Meddler::answering(answer(1024));
    let memory = RingMemory { rings: memory(needed), sqes: memory(EIGHT.sqes) };
    let mut ring = Plainest::new().build_provided_with(&kernel, 8, memory).unwrap();
    assert_eq!(three_nops(&mut ring), THREE);
}

#[test]
fn a_kernel_that_does_not_know_the_question_has_the_usual_head() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    let unknown = -i32::from(Errno::EOPNOTSUPP.raw());
    for answer in [
        Answer::Refused(Errno::EINVAL),
        Answer::Refused(Errno::EPERM),
        Answer::Refused(Errno::ENOSYS),
        Answer::Record { result: unknown, size: 0, align: 0 },
        Answer::Record { result: unknown, size: 4096, align: 4096 },
        Answer::Record { result: 0, size: 0, align: 64 },
        Answer::Record { result: 0, size: 64, align: 0 },
        Answer::Record { result: 0, size: 64, align: 48 },
        Answer::Record { result: 0, size: 64, align: u64::MAX },
    ] {
        assert_eq!(on_a_kernel_answering(answer), (Ok(()), true), "{answer:?}");
    }
}

/// No memory is that long; and it is not the caller's entries that are too many.
#[test]
fn a_head_beyond_the_address_space_is_garbled() {
    for (size, align) in [(u64::MAX, 64), (u64::MAX - 256, 64), (64, 1 << 63)] {
        let (outcome, asked) = on_a_kernel_answering(Answer::Record { result: 0, size, align });
        let error = outcome.unwrap_err();
        let named = matches!(error, SetupError::Garbled | SetupError::TooShort { area: Area::Rings, .. });
        assert!(named && !asked, "{size:#x} {align:#x}: {error:?}");
    }
}

/// The kernel says that the header is shorter than it turns out to be.
#[test]
fn a_kernel_that_asked_for_too_little_is_found_out() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    let kernel = Meddler::answering(Answer::Record { result: 0, size: 16, align: 16 });
    let needed = 16 + 16 * 16 + 8 * 4;
    let builder = Plainest::new();
    let exact = || RingMemory { rings: memory(needed), sqes: memory(EIGHT.sqes) };
    // Without an array the ring ends where this memory does, or 16 bytes behind it.
    assert_eq!(builder.build_provided_with(&kernel, 8, exact()).map(drop), Err(SetupError::Garbled));
    let short = SetupError::TooShort { area: Area::Rings, needed, given: needed - 1 };
    let less = RingMemory { rings: memory(needed - 1), sqes: memory(EIGHT.sqes) };
    assert_eq!(builder.build_provided_with(&kernel, 8, less).map(drop), Err(short));
}

#[test]
fn the_real_kernels_answer_fits_its_ring() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    let ring: IoUring = Plainest::new().build_provided(8, of_size(EIGHT)).unwrap();
    assert_eq!(ring.params().as_raw().cq_off.cqes as usize, HEADER);
}

/// What each of the first 16 descriptors of the process leads to.
fn first_descriptors() -> Vec<String> {
    (0..16).map(|fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap().display().to_string()).collect()
}

/// An index is not closed as if it were a descriptor.
#[test]
fn dropping_a_ring_without_descriptor_closes_nobody_elses_file() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    if !in_child("dropping_a_ring_without_descriptor_closes_nobody_elses_file") {
        return;
    }
    // The numbers 0 to 15 are all open now, so that each index is some file's number too.
    let _pipes: Vec<_> = (0..8).map(|_| rustix::pipe::pipe().unwrap()).collect();
    let before = first_descriptors();
    let rings: Vec<LocalRing> = (0..16).map(|_| Plainest::new().build_registered(8, of_size(EIGHT)).unwrap()).collect();
    let mut indices: Vec<_> = rings.iter().map(|ring| ring.registered_index()).collect();
    indices.sort_unstable();
    assert_eq!(indices, (0..16).collect::<Vec<_>>());
    drop(rings);
    assert_eq!(first_descriptors(), before);
    // A set-up that finds its kernel garbled does not change them either.
    let kernel = Meddler::garbling(|params| params.cq_off.head = 1);
    let garbled = Plainest::new().build_registered_with(&kernel, 8, of_size(EIGHT)).map(drop);
    assert_eq!(garbled, Err(SetupError::Garbled));
    assert_eq!(first_descriptors(), before);
}
