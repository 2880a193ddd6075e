//! Set-up that fails half-way leaves nothing behind: no descriptor, no mapping, no place among the registered rings.
//!
//! The tests of this file look at the whole process, so that one alone runs at a time; tests that make rings for other
//! reasons belong elsewhere.

mod common;

use common::{added, needs};

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bare_uring::uapi::io_uring_params;
use bare_uring::{Builder, Call, Errno, Features, IoUring, LocalRing, RingMemory, SetupError, cqueue, squeue};
use common::kernels::{self, Trace};
use common::memory;
use common::raw::{Meddler, THREE, three_nops};

type Plainest = Builder<squeue::Entry, cqueue::Entry>;

/// The process is this test's alone while it has the guard.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a process has of io_uring: its open descriptors, each with what it leads to, and its mappings of rings.
#[derive(Debug, PartialEq, Eq)]
struct Possessions {
    descriptors: BTreeMap<String, String>,
    mappings: Vec<String>,
}

fn possessions() -> Possessions {
    let descriptors = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let target = std::fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned();
            // The listing has a descriptor too.
            (!target.ends_with("/fd")).then(|| (entry.file_name().to_string_lossy().into_owned(), target))
        })
        .collect();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mappings = maps.lines().filter(|line| line.contains("[io_uring]")).map(str::to_owned).collect();
    Possessions { descriptors, mappings }
}

fn enough() -> RingMemory {
    RingMemory { rings: memory(4096), sqes: memory(4096) }
}

/// Builds a ring on a kernel that lacks what `hide` says, failing each call in turn, with an errno that nobody falls
/// back on; looks at what is left. `expected` is what comes of each call's failure; that there are no further calls
/// before the ring is made is checked too.
fn nothing_is_left(
    hide: Features,
    build: impl Fn(&Trace) -> Result<Vec<kernels::Call>, SetupError>,
    expected: &[Result<(), Call>],
) {
    let calls = build(&Trace::without(hide)).expect("a ring");
    assert_eq!(calls.len(), expected.len(), "{calls:?}");
    let before = possessions();
    for (nth, expected) in expected.iter().enumerate() {
        let mut kernel = Trace::without(hide);
        kernel.fail = Some((nth, Errno::ENOMEM));
        let expected = expected.map_err(|call| SetupError::Kernel(call, Errno::ENOMEM));
        assert_eq!(build(&kernel).map(drop), expected, "call {nth}: {:?}", calls[nth]);
        assert_eq!(possessions(), before, "after call {nth}: {:?}", calls[nth]);
    }
}

/// What comes of the failure of set-up: of the first attempt, and where the kernel can't do without the index array, of
/// the second one.
fn set_up() -> Vec<Result<(), Call>> {
    vec![Err(Call::Setup); if added().is_empty() { 2 } else { 1 }]
}

/// The calls that it took to make a ring, which is dropped.
fn calls_to_make<T>(kernel: &Trace, made: Result<T, SetupError>) -> Result<Vec<kernels::Call>, SetupError> {
    made.map(|_ring| kernel.take())
}

#[test]
fn one_mapping_for_both_queues() {
    let _alone = alone();
    let build = |kernel: &Trace| calls_to_make(kernel, Plainest::new().build_with(kernel, 8));
    let expected = [set_up(), vec![Err(Call::Map); 2]].concat();
    nothing_is_left(Features::empty(), build, &expected);
}

#[test]
fn one_mapping_for_each_queue() {
    let _alone = alone();
    let build = |kernel: &Trace| calls_to_make(kernel, Plainest::new().build_with(kernel, 8));
    let expected = [set_up(), vec![Err(Call::Map); 3]].concat();
    nothing_is_left(Features::SINGLE_MMAP, build, &expected);
}

#[test]
fn mappings_kept_from_fork() {
    let _alone = alone();
    let build = |kernel: &Trace| calls_to_make(kernel, Plainest::new().dontfork().build_with(kernel, 8));
    for (hide, mappings) in [(Features::empty(), 2), (Features::SINGLE_MMAP, 3)] {
        let mut expected = set_up();
        for _ in 0..mappings {
            expected.extend([Err(Call::Map), Err(Call::KeepFromFork)]);
        }
        nothing_is_left(hide, build, &expected);
    }
}

#[test]
fn provided_memory() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    let _alone = alone();
    let build = |kernel: &Trace| calls_to_make(kernel, Plainest::new().build_provided_with(kernel, 8, enough()));
    // The question about the size of the header may fail: older kernels do not know it.
    nothing_is_left(Features::empty(), build, &[Ok(()), Err(Call::Setup)]);
}

#[test]
fn no_descriptor() {
    needs!(6, 6, "IORING_SETUP_REGISTERED_FD_ONLY and NO_SQARRAY");
    let _alone = alone();
    let build = |kernel: &Trace| calls_to_make(kernel, Plainest::new().build_registered_with(kernel, 8, enough()));
    nothing_is_left(Features::empty(), build, &[Ok(()), Err(Call::Setup)]);
    no_index_is_left();
}

/// All 16 places of this task's table can be taken.
fn no_index_is_left() {
    let rings: Vec<LocalRing> =
        (0..16).map(|_| Plainest::new().build_registered(8, enough()).expect("a free place")).collect();
    let mut indices: Vec<u32> = rings.iter().map(|ring| ring.registered_index()).collect();
    indices.sort_unstable();
    assert_eq!(indices, (0..16).collect::<Vec<_>>());
    let one_more = Plainest::new().build_registered(8, enough()).map(drop);
    assert_eq!(one_more, Err(SetupError::Kernel(Call::Setup, Errno::EBUSY)));
}

#[test]
fn the_fallback_attempt_too() {
    let _alone = alone();
    let before = possessions();
    // The first set-up is refused as by a kernel without NO_SQARRAY; then each call after it fails.
    for nth in 1..4 {
        let mut kernel = Meddler::refusing(|params| {
            let array_less = bare_uring::SetupFlags::NO_SQARRAY.bits();
            (params.flags & array_less != 0).then_some(Errno::EINVAL)
        });
        kernel.trace = Trace::failing(nth - 1, Errno::ENOMEM);
        let call = if nth == 1 { Call::Setup } else { Call::Map };
        let outcome = Plainest::new().build_with(&kernel, 8).map(drop);
        assert_eq!(outcome, Err(SetupError::Kernel(call, Errno::ENOMEM)));
        assert_eq!(possessions(), before);
    }
}

/// Kernels that report nonsense.
const LIES: &[fn(&mut io_uring_params)] = &[
    |p| p.sq_entries = 0,
    |p| p.sq_entries = 7,
    |p| p.sq_entries = 16,
    |p| p.sq_entries = u32::MAX,
    |p| p.cq_entries = 0,
    |p| p.cq_entries = 12,
    |p| p.cq_entries = 32,
    |p| p.sq_off.head = 2,
    |p| p.sq_off.tail = u32::MAX,
    |p| p.sq_off.ring_mask = 3,
    |p| p.sq_off.ring_entries = p.sq_off.ring_mask,
    |p| p.sq_off.flags = 1,
    |p| p.sq_off.dropped = u32::MAX - 1,
    |p| p.cq_off.ring_mask = p.cq_off.ring_entries,
    |p| p.cq_off.head = 7,
    |p| p.cq_off.tail = 0x8000_0002,
    |p| p.cq_off.ring_entries = p.cq_off.ring_mask,
    |p| p.cq_off.overflow = 5,
    |p| p.cq_off.cqes = 68,
    |p| p.cq_off.flags = u32::MAX,
];

/// Offsets that stay in the address space may be too far for the kernel to map (`EINVAL`, or `ENOMEM`); all else is
/// found here.
fn is_refusal_of_a_lie(error: SetupError) -> bool {
    matches!(error, SetupError::Garbled | SetupError::Kernel(Call::Map, Errno::EINVAL | Errno::ENOMEM))
}

#[test]
fn a_kernel_that_reports_nonsense() {
    let _alone = alone();
    let before = possessions();
    for (number, lie) in LIES.iter().enumerate() {
        for hide in [Features::empty(), Features::SINGLE_MMAP] {
            let kernel = Meddler::garbling(move |params| {
                lie(params);
                params.features &= !hide.bits();
            });
            let error = Plainest::new().build_with(&kernel, 8).map(drop).unwrap_err();
            assert!(is_refusal_of_a_lie(error), "lie {number}: {error:?}");
            assert_eq!(possessions(), before, "lie {number}");
        }
    }
}

#[test]
fn a_kernel_that_reports_nonsense_of_provided_memory() {
    needs!(6, 6, "IORING_SETUP_NO_MMAP and NO_SQARRAY");
    let _alone = alone();
    let before = possessions();
    for (number, lie) in LIES.iter().enumerate() {
        let kernel = Meddler::garbling(lie);
        let provided = Plainest::new().build_provided_with(&kernel, 8, enough()).map(drop);
        assert_eq!(provided, Err(SetupError::Garbled), "lie {number}");
        assert_eq!(possessions(), before, "lie {number}");
        let registered = Plainest::new().build_registered_with(&kernel, 8, enough()).map(drop);
        assert_eq!(registered, Err(SetupError::Garbled), "lie {number}");
        assert_eq!(possessions(), before, "lie {number}");
    }
    no_index_is_left();
}

#[test]
fn a_ring_that_was_made_and_dropped() {
    let _alone = alone();
    let before = possessions();
    for hide in [Features::empty(), Features::SINGLE_MMAP] {
        let mut ring = Plainest::new().build_with(Trace::without(hide), 8).unwrap();
        assert_ne!(possessions(), before);
        assert_eq!(three_nops(&mut ring), THREE);
        drop(ring);
        assert_eq!(possessions(), before);
    }
}

#[test]
fn a_ring_with_an_index_that_was_made_and_dropped() {
    needs!(6, 5, "IORING_SETUP_REGISTERED_FD_ONLY");
    let _alone = alone();
    let before = possessions();
    let ring = IoUring::new(8).unwrap();
    let local = ring.register_ring_fd().map_err(|(_, errno)| errno).unwrap();
    drop(local);
    assert_eq!(possessions(), before);
    drop(Plainest::new().build_provided(8, enough()).unwrap());
    assert_eq!(possessions(), before);
    no_index_is_left();
}

#[test]
fn mappings_of_many_pages_are_unmapped_whole() {
    let _alone = alone();
    let trace = Trace::new();
    drop(IoUring::<squeue::Entry, cqueue::Entry, &Trace>::with_kernel(&trace, 512).unwrap());
    let (mut mapped, mut unmapped) = (Vec::new(), Vec::new());
    for call in trace.take() {
        match call {
            kernels::Call::Map { length, .. } => mapped.push(length),
            kernels::Call::Unmap { length } => unmapped.push(length),
            _ => {}
        }
    }
    assert!(mapped.contains(&(512 * 64)), "the entries have eight pages: {mapped:?}");
    assert_eq!(mapped, unmapped);
}
