//! What makes no ring is refused by name, before the kernel is asked; and nothing is refused that the kernel would take.

mod common;

use bare_uring::uapi::io_uring_params;
use bare_uring::{
    Area, Builder, Call, Errno, IoUring, MAX_CQ_ENTRIES, MAX_ENTRIES, RingMemory, SetupError, SetupFlags, cqueue,
    squeue,
};
use common::kernels::Trace;
use common::raw::{self, RawRing};
use common::{added, memory, needs, skip};
use std::os::fd::AsRawFd;

use SetupError::{Conflict, Kernel, Needs, NotByHand};
use SetupFlags as F;

type Plainest = Builder<squeue::Entry, cqueue::Entry>;

const EINVAL: SetupError = Kernel(Call::Setup, Errno::EINVAL);

/// The error of a builder, and whether it was found without a call.
fn refused<S: squeue::EntryMarker, C: cqueue::EntryMarker>(
    builder: &Builder<S, C>,
    entries: u32,
) -> (SetupError, bool) {
    let kernel = Trace::new();
    let error = builder.build_with(&kernel, entries).unwrap_err();
    (error, kernel.take().is_empty())
}

#[test]
fn each_combination_that_the_kernel_refuses_is_named_without_asking_it() {
    let cases = [
        (F::SQPOLL | F::COOP_TASKRUN, Conflict(F::SQPOLL, F::COOP_TASKRUN)),
        (F::SQPOLL | F::TASKRUN_FLAG, Conflict(F::SQPOLL, F::TASKRUN_FLAG)),
        (F::SQPOLL | F::DEFER_TASKRUN | F::SINGLE_ISSUER, Conflict(F::SQPOLL, F::DEFER_TASKRUN)),
        (F::SQPOLL | F::SQ_REWIND, Conflict(F::SQPOLL, F::SQ_REWIND)),
        (F::SQ_AFF, Needs(F::SQ_AFF, F::SQPOLL)),
        (F::HYBRID_IOPOLL, Needs(F::HYBRID_IOPOLL, F::IOPOLL)),
        (F::DEFER_TASKRUN, Needs(F::DEFER_TASKRUN, F::SINGLE_ISSUER)),
        (F::TASKRUN_FLAG, Needs(F::TASKRUN_FLAG, F::COOP_TASKRUN | F::DEFER_TASKRUN)),
        (F::NO_MMAP, NotByHand(F::NO_MMAP)),
        (F::REGISTERED_FD_ONLY, NotByHand(F::REGISTERED_FD_ONLY)),
        (F::SQE128, NotByHand(F::SQE128)),
        (F::CQE32, NotByHand(F::CQE32)),
        (F::CQE_MIXED, NotByHand(F::CQE_MIXED)),
        (F::SQE_MIXED, NotByHand(F::SQE_MIXED)),
        (F::SQE128 | F::CQE32 | F::NO_MMAP, NotByHand(F::SQE128 | F::CQE32 | F::NO_MMAP)),
    ];
    for (flags, expected) in cases {
        assert_eq!(refused(Plainest::new().setup_flags(flags), 8), (expected, true), "{flags:?}");
        assert_eq!(Plainest::new().setup_flags(flags).memory_size(8), Err(expected), "{flags:?}");
    }
}

#[test]
fn flags_of_the_other_entry_types_cannot_be_set_by_hand() {
    needs!(5, 19, "IORING_SETUP_SQE128");
    let mut mixed = Builder::<squeue::EntryMixed, cqueue::EntryMixed>::new();
    mixed.setup_flags(F::CQE32 | F::SQE128);
    assert_eq!(refused(&mixed, 8), (NotByHand(F::CQE32 | F::SQE128), true));
    // Those of its own are no change.
    let mut large = Builder::<squeue::Entry128, cqueue::Entry32>::new();
    large.setup_flags(F::CQE32 | F::SQE128);
    assert_eq!(large.build(8).unwrap().params().setup(), F::CQE32 | F::SQE128 | added());
}

#[test]
fn sizes_that_make_no_ring_are_named_without_asking_the_kernel() {
    type Case = (fn(&mut Plainest), u32, SetupError);
    let too_many = |entries, limit| SetupError::TooManyEntries { entries, limit };
    let cases: &[Case] = &[
        (|_| (), 0, SetupError::NoEntries),
        (|b| _ = b.setup_clamp(), 0, SetupError::NoEntries),
        (|_| (), 32_769, too_many(32_769, MAX_ENTRIES)),
        (|_| (), u32::MAX, too_many(u32::MAX, MAX_ENTRIES)),
        (|b| _ = b.setup_cqsize(0), 8, SetupError::NoEntries),
        (|b| _ = b.setup_cqsize(0).setup_clamp(), 8, SetupError::NoEntries),
        (|b| _ = b.setup_cqsize(65_537), 8, too_many(65_537, MAX_CQ_ENTRIES)),
        (|b| _ = b.setup_cqsize(4), 8, SetupError::CqSmallerThanSq { sq: 8, cq: 4 }),
        // The numbers told are those that the kernel would compare.
        (|b| _ = b.setup_cqsize(7), 9, SetupError::CqSmallerThanSq { sq: 16, cq: 8 }),
        (|b| _ = b.setup_cqsize(3).setup_clamp(), u32::MAX, SetupError::CqSmallerThanSq { sq: 32_768, cq: 4 }),
    ];
    for &(configure, entries, expected) in cases {
        let mut builder = Plainest::new();
        configure(&mut builder);
        assert_eq!(refused(&builder, entries), (expected, true));
    }
}

#[test]
fn a_completion_queue_that_rounds_up_to_the_submission_queue_is_large_enough() {
    let ring: IoUring = IoUring::builder().setup_cqsize(5).build(8).unwrap();
    assert_eq!((ring.params().sq_entries(), ring.params().cq_entries()), (8, 8));
}

#[test]
fn a_mixed_queue_of_one_slot_is_refused_without_asking_the_kernel() {
    let mut small = Builder::<squeue::Entry, cqueue::EntryMixed>::new();
    small.setup_cqsize(1);
    assert_eq!(refused(&small, 1), (SetupError::TooFewForMixed, true));
    let small = Builder::<squeue::EntryMixed, cqueue::Entry>::new();
    assert_eq!(refused(&small, 1), (SetupError::TooFewForMixed, true));
}

#[test]
fn provided_memory_is_refused_without_asking_the_kernel_where_no_memory_would_do() {
    let enough = || RingMemory { rings: memory(65_536), sqes: memory(65_536) };
    let kernel = Trace::new();
    let mut builder = Plainest::new();
    builder.setup_defer_taskrun();
    let provided = builder.build_provided_with(&kernel, 8, enough()).unwrap_err();
    assert_eq!((provided, kernel.take()), (Needs(F::DEFER_TASKRUN, F::SINGLE_ISSUER), vec![]));
    let registered = Plainest::new().build_registered_with(&kernel, 0, enough()).unwrap_err();
    assert_eq!((registered, kernel.take()), (SetupError::NoEntries, vec![]));
}

#[test]
fn unknown_flags_are_the_kernels_to_refuse() {
    let unnamed = |bit: &u32| raw::release_of(F::from_bits_retain(1 << bit)).is_none();
    for bit in [(0..32).find(unnamed).unwrap(), 30, 31] {
        let flag = F::from_bits_retain(1 << bit);
        if raw::kernel_accepts(flag | F::NO_SQARRAY) {
            skip("unknown flags", &format!("a set-up flag that this kernel does not know: bit {bit}"));
            continue;
        }
        assert_eq!(Plainest::new().setup_flags(flag).build(8).unwrap_err(), EINVAL);
    }
}

#[test]
fn attaching_to_what_is_no_ring_is_the_kernels_to_refuse() {
    let (pipe, _other_end) = rustix::pipe::pipe().unwrap();
    let attach = |fd| IoUring::<squeue::Entry, cqueue::Entry>::builder().setup_attach_wq(fd).build(8).unwrap_err();
    // A number that no descriptor of this process can have: the limit is below it.
    assert_eq!(attach(i32::MAX), Kernel(Call::Setup, Errno::ENXIO));
    assert_eq!(attach(-1), Kernel(Call::Setup, Errno::ENXIO));
    assert_eq!(attach(pipe.as_raw_fd()), EINVAL);
}

/// The kernel's own verdict on these flags and sizes, with the sizes that it made.
fn kernels_verdict(entries: u32, params: io_uring_params) -> Result<(u32, u32), Errno> {
    RawRing::open(entries, params).map(|ring| (ring.params.sq_entries, ring.params.cq_entries))
}

/// The crate's verdict, with the errno if it was the kernel that refused.
fn our_verdict<S, C>(builder: &Builder<S, C>, entries: u32) -> Result<(u32, u32), Option<Errno>>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker,
{
    match builder.build(entries) {
        Ok(ring) => Ok((ring.params().sq_entries(), ring.params().cq_entries())),
        Err(Kernel(_, errno)) => Err(Some(errno)),
        Err(_) => Err(None),
    }
}

/// What the kernel takes the crate takes, and what the kernel refuses the crate has refused before. The largest rings take
/// megabytes in one piece, which a machine may have none of: that is no verdict. (What is free changes from one call to
/// the next, so that it may be either that is refused; smaller rings always have memory.)
fn agree(ours: Result<(u32, u32), Option<Errno>>, kernels: Result<(u32, u32), Errno>, what: &str) {
    let large = [ours.ok(), kernels.ok()].iter().flatten().any(|&(sq, cq)| sq.max(cq) > 4096);
    let refused = [ours.err().flatten(), kernels.err()].contains(&Some(Errno::ENOMEM));
    if refused && (large || ours.err().flatten() == kernels.err()) {
        return skip("verdicts on sizes", "megabytes of memory in one piece");
    }
    assert_eq!(ours, kernels.map_err(|_| None), "{what}");
}

/// Compares the crate with the kernel on every subset of `flags`.
fn agree_on_subsets<S: squeue::EntryMarker, C: cqueue::EntryMarker>(of_entries: SetupFlags, flags: &[SetupFlags]) {
    // Where this very thread runs there is a CPU to bind to.
    let cpu = u32::try_from(rustix::thread::sched_getcpu()).unwrap();
    for subset in 0..1_u32 << flags.len() {
        let chosen = flags.iter().enumerate().filter(|(bit, _)| subset >> bit & 1 == 1).map(|(_, flag)| *flag);
        let chosen: SetupFlags = chosen.collect();
        let mut params = raw::params(chosen | of_entries);
        params.sq_thread_cpu = cpu;
        let mut builder = Builder::<S, C>::new();
        if chosen.contains(F::SQ_AFF) {
            builder.setup_sqpoll_cpu(cpu);
        }
        builder.setup_flags(chosen);
        let kernels = kernels_verdict(4, params);
        assert!(matches!(kernels, Ok(_) | Err(Errno::EINVAL)), "{chosen:?}: {kernels:?}");
        agree(our_verdict(&builder, 4), kernels, &format!("{chosen:?} with {of_entries:?}"));
    }
}

#[test]
fn verdicts_on_flags_are_the_kernels_own_for_every_subset() {
    needs!(6, 18, "the flags of Linux 6.18");
    agree_on_subsets::<squeue::Entry, cqueue::Entry>(
        F::empty(),
        &[
            F::IOPOLL,
            F::SQPOLL,
            F::SQ_AFF,
            F::COOP_TASKRUN,
            F::TASKRUN_FLAG,
            F::SINGLE_ISSUER,
            F::DEFER_TASKRUN,
            F::HYBRID_IOPOLL,
            F::NO_SQARRAY,
        ],
    );
}

#[test]
fn verdicts_on_flags_are_the_kernels_own_for_the_other_entry_types() {
    needs!(6, 18, "the flags of Linux 6.18");
    let flags = [F::SQPOLL, F::DEFER_TASKRUN, F::SINGLE_ISSUER, F::R_DISABLED, F::CLAMP, F::NO_SQARRAY];
    agree_on_subsets::<squeue::Entry128, cqueue::Entry32>(F::SQE128 | F::CQE32, &flags);
    agree_on_subsets::<squeue::Entry, cqueue::EntryMixed>(F::CQE_MIXED, &flags);
}

#[test]
fn verdicts_on_sizes_are_the_kernels_own() {
    const SQ: &[u32] = &[0, 1, 2, 3, 5, 8, 9, 32_768, 32_769, u32::MAX];
    const CQ: &[u32] = &[0, 1, 2, 3, 4, 5, 9, 16, 65_536, 65_537, u32::MAX];
    for clamp in [F::empty(), F::CLAMP] {
        for &entries in SQ {
            let kernels = kernels_verdict(entries, raw::params(clamp));
            let ours = our_verdict(Plainest::new().setup_flags(clamp), entries);
            agree(ours, kernels, &format!("{entries} {clamp:?}"));
            for &cq_entries in CQ {
                let mut params = raw::params(clamp | F::CQSIZE);
                params.cq_entries = cq_entries;
                let kernels = kernels_verdict(entries, params);
                let ours = our_verdict(Plainest::new().setup_cqsize(cq_entries).setup_flags(clamp), entries);
                agree(ours, kernels, &format!("{entries} {cq_entries} {clamp:?}"));
            }
        }
    }
}

#[test]
fn mixed_completion_queues_may_be_as_small_as_the_kernel_takes_them() {
    needs!(6, 18, "IORING_SETUP_CQE_MIXED");
    for (entries, cq_entries) in [(1, 1), (1, 2), (1, 3), (2, 2), (2, 3)] {
        let mut params = raw::params(F::CQE_MIXED | F::CQSIZE);
        params.cq_entries = cq_entries;
        let mut builder = Builder::<squeue::Entry, cqueue::EntryMixed>::new();
        builder.setup_cqsize(cq_entries);
        let kernels = kernels_verdict(entries, params);
        agree(our_verdict(&builder, entries), kernels, &format!("{entries} {cq_entries}"));
    }
}

#[test]
fn every_error_says_what_is_wrong() {
    let cases = [
        (SetupError::NoEntries, "a queue needs at least one entry"),
        (
            SetupError::TooManyEntries { entries: 32_769, limit: 32_768 },
            "32769 entries are more than the kernel's limit of 32768",
        ),
        (
            SetupError::CqSmallerThanSq { sq: 8, cq: 4 },
            "the completion queue of 4 is smaller than the submission queue of 8",
        ),
        (Conflict(F::SQPOLL, F::COOP_TASKRUN), "SetupFlags(SQPOLL) and SetupFlags(COOP_TASKRUN) exclude each other"),
        (
            Needs(F::TASKRUN_FLAG, F::COOP_TASKRUN | F::DEFER_TASKRUN),
            "SetupFlags(TASKRUN_FLAG) needs SetupFlags(COOP_TASKRUN | DEFER_TASKRUN)",
        ),
        (NotByHand(F::NO_MMAP), "SetupFlags(NO_MMAP) can't be set by hand"),
        (
            SetupError::TooShort { area: Area::Rings, needed: 384, given: 383 },
            "383 bytes are too short for Rings, which needs 384",
        ),
        (SetupError::Unaligned(Area::Sqes), "the memory for Sqes does not start at a page"),
        (SetupError::Garbled, "the kernel reported offsets that do not fit the ring's memory"),
        (SetupError::Unconsumed, "the ring holds submissions that were not consumed"),
        (
            Kernel(Call::Setup, Errno::ENOSYS),
            "io_uring_setup failed: ENOSYS (no io_uring in this kernel, or hidden by seccomp)",
        ),
        (
            Kernel(Call::Setup, Errno::EPERM),
            "io_uring_setup failed: EPERM (io_uring is switched off here: sysctl kernel.io_uring_disabled)",
        ),
        (EINVAL, "io_uring_setup failed: EINVAL (this kernel does not know a flag, or refuses the combination)"),
        (Kernel(Call::Setup, Errno::ENOMEM), "io_uring_setup failed: ENOMEM (out of memory, or above RLIMIT_MEMLOCK)"),
        (Kernel(Call::Setup, Errno::EMFILE), "io_uring_setup failed: EMFILE"),
        (Kernel(Call::Setup, Errno::EACCES), "io_uring_setup failed: EACCES (io_uring is forbidden here)"),
        (Kernel(Call::Setup, Errno::EOPNOTSUPP), "io_uring_setup failed: EOPNOTSUPP (io_uring is forbidden here)"),
        (Kernel(Call::Map, Errno::ENODEV), "mmap failed: ENODEV"),
        (Kernel(Call::KeepFromFork, Errno::EINVAL), "madvise failed: EINVAL"),
    ];
    for (error, text) in cases {
        assert_eq!(error.to_string(), text);
    }
    // Its number depends on which of the two queues is mixed, and is the builder's affair.
    assert!(SetupError::TooFewForMixed.to_string().starts_with("a mixed queue needs at least"));
}

#[test]
fn every_error_has_an_errno() {
    for (error, errno) in [
        (Kernel(Call::Map, Errno::EBADF), Errno::EBADF),
        (SetupError::NoEntries, Errno::EINVAL),
        (SetupError::TooManyEntries { entries: 32_769, limit: 32_768 }, Errno::EINVAL),
        (SetupError::CqSmallerThanSq { sq: 8, cq: 4 }, Errno::EINVAL),
        (SetupError::TooFewForMixed, Errno::EINVAL),
        (Conflict(F::SQPOLL, F::COOP_TASKRUN), Errno::EINVAL),
        (Needs(F::SQ_AFF, F::SQPOLL), Errno::EINVAL),
        (NotByHand(F::NO_MMAP), Errno::EINVAL),
        (SetupError::TooShort { area: Area::Rings, needed: 384, given: 383 }, Errno::EINVAL),
        (SetupError::Unaligned(Area::Sqes), Errno::EINVAL),
        (SetupError::Garbled, Errno::EPROTO),
        (SetupError::Unconsumed, Errno::EBUSY),
    ] {
        assert_eq!((error.errno(), error.is_unavailable()), (errno, false), "{error:?}");
    }
}

#[test]
fn only_what_forbids_every_ring_is_unavailable() {
    for number in 1..=Errno::MAX {
        let errno = Errno::from_raw(number).unwrap();
        let forbids = [Errno::ENOSYS, Errno::EPERM, Errno::EACCES, Errno::EOPNOTSUPP].contains(&errno);
        assert_eq!(Kernel(Call::Setup, errno).is_unavailable(), forbids, "{errno}");
        assert!(!Kernel(Call::Map, errno).is_unavailable() && !Kernel(Call::KeepFromFork, errno).is_unavailable());
    }
}
