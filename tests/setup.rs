//! Rings of every kind that set-up can make: they are what was asked for, and they work.

mod common;

use bare_uring::types::Fd;
use bare_uring::{
    Builder, Errno, IoUring, Kernel, Linux, Parameters, RingMemory, SetupError, SetupFlags, SqFlags, cqueue, opcode,
    squeue,
};
use common::kernels::Call;
use common::raw::{self, Meddler, Plain, RawRing, THREE, eventually, field, three_nops};
use common::{added, kernels::Trace, memory, needs, nop, older_than, push, refused};
use std::os::fd::AsRawFd;

type Plainest = Builder<squeue::Entry, cqueue::Entry>;

/// Memory for any ring of up to 64 plain entries, however the kernel lays it out.
fn enough() -> RingMemory {
    RingMemory { rings: memory(65_536), sqes: memory(65_536) }
}

#[test]
fn each_flag_is_in_force_and_its_ring_works() {
    type Case = (&'static str, fn(&mut Plainest), SetupFlags);
    let cases: &[Case] = &[
        ("none", |_| (), SetupFlags::empty()),
        ("IOPOLL", |b| _ = b.setup_iopoll(), SetupFlags::IOPOLL),
        (
            "HYBRID_IOPOLL",
            |b| _ = b.setup_iopoll().setup_hybrid_iopoll(),
            SetupFlags::IOPOLL.union(SetupFlags::HYBRID_IOPOLL),
        ),
        ("SQPOLL", |b| _ = b.setup_sqpoll(10), SetupFlags::SQPOLL),
        ("SQPOLL and IOPOLL", |b| _ = b.setup_sqpoll(10).setup_iopoll(), SetupFlags::SQPOLL.union(SetupFlags::IOPOLL)),
        ("CQSIZE", |b| _ = b.setup_cqsize(64), SetupFlags::CQSIZE),
        ("CLAMP", |b| _ = b.setup_clamp(), SetupFlags::CLAMP),
        ("SUBMIT_ALL", |b| _ = b.setup_submit_all(), SetupFlags::SUBMIT_ALL),
        (
            "COOP_TASKRUN",
            |b| _ = b.setup_coop_taskrun(),
            // Beside it the flag without which a plain submit would not see what waits.
            SetupFlags::COOP_TASKRUN.union(SetupFlags::TASKRUN_FLAG),
        ),
        (
            "TASKRUN_FLAG",
            |b| _ = b.setup_coop_taskrun().setup_taskrun_flag(),
            SetupFlags::COOP_TASKRUN.union(SetupFlags::TASKRUN_FLAG),
        ),
        ("SINGLE_ISSUER", |b| _ = b.setup_single_issuer(), SetupFlags::SINGLE_ISSUER),
        (
            "DEFER_TASKRUN",
            |b| _ = b.setup_single_issuer().setup_defer_taskrun(),
            SetupFlags::SINGLE_ISSUER.union(SetupFlags::DEFER_TASKRUN).union(SetupFlags::TASKRUN_FLAG),
        ),
        ("NO_SQARRAY", |b| _ = b.setup_no_sqarray(), SetupFlags::NO_SQARRAY),
        ("raw flags", |b| _ = b.setup_flags(SetupFlags::SUBMIT_ALL), SetupFlags::SUBMIT_ALL),
        ("a set", |b| _ = b.setup_submit_all().setup_clamp(), SetupFlags::SUBMIT_ALL.union(SetupFlags::CLAMP)),
    ];
    let array_less = added();
    for &(name, configure, expected) in cases {
        let expected = expected.union(array_less);
        if !raw::kernel_accepts(expected) {
            refused(name, "this set-up flag", raw::release_of(expected).unwrap());
            continue;
        }
        let mut builder = IoUring::builder();
        configure(&mut builder);
        let mut ring = builder.build(8).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(ring.params().setup(), expected, "{name}");
        // Before 6.0 a ring that polls took no nops.
        if !(older_than(6, 0) && expected.contains(SetupFlags::IOPOLL)) {
            assert_eq!(three_nops(&mut ring), THREE, "{name}");
        }
    }
}

fn made_of<S: squeue::EntryMarker, C: cqueue::EntryMarker + Plain>(expected: SetupFlags) {
    let expected = expected.union(added());
    let made = Builder::<S, C>::new().build(8);
    if raw::kernel_accepts(expected) {
        let mut ring = made.unwrap();
        assert_eq!(ring.params().setup(), expected);
        // More than a ring's worth, so that both queues come round.
        for _ in 0..20 {
            assert_eq!(three_nops(&mut ring), THREE, "{expected:?}");
        }
    } else {
        assert_eq!(made.unwrap_err(), SetupError::Kernel(bare_uring::Call::Setup, Errno::EINVAL));
    }
}

/// Newer kernels know the mixed submission entries; older ones refuse them cleanly.
#[test]
fn every_pair_of_entry_types_makes_the_ring_of_its_flags() {
    use cqueue::{Entry as Cqe, Entry32 as Cqe32, EntryMixed as CqeMixed};
    use squeue::{Entry as Sqe, Entry128 as Sqe128, EntryMixed as SqeMixed};

    let none = SetupFlags::empty();
    made_of::<Sqe, Cqe>(none);
    made_of::<Sqe, Cqe32>(SetupFlags::CQE32);
    made_of::<Sqe, CqeMixed>(SetupFlags::CQE_MIXED);
    made_of::<Sqe128, Cqe>(SetupFlags::SQE128);
    made_of::<Sqe128, Cqe32>(SetupFlags::SQE128 | SetupFlags::CQE32);
    made_of::<Sqe128, CqeMixed>(SetupFlags::SQE128 | SetupFlags::CQE_MIXED);
    made_of::<SqeMixed, Cqe>(SetupFlags::SQE_MIXED);
    made_of::<SqeMixed, Cqe32>(SetupFlags::SQE_MIXED | SetupFlags::CQE32);
    made_of::<SqeMixed, CqeMixed>(SetupFlags::SQE_MIXED | SetupFlags::CQE_MIXED);
}

#[test]
fn sq_rewind_works_or_is_refused_by_a_kernel_without_it() {
    let expected = SetupFlags::SQ_REWIND | SetupFlags::NO_SQARRAY;
    let made = IoUring::builder().setup_sq_rewind().build(8);
    if raw::kernel_accepts(expected) {
        let mut ring: IoUring = made.unwrap();
        assert_eq!(ring.params().setup(), expected);
        for _ in 0..20 {
            assert_eq!(three_nops(&mut ring), THREE);
        }
    } else {
        assert_eq!(made.unwrap_err(), SetupError::Kernel(bare_uring::Call::Setup, Errno::EINVAL));
    }
}

#[test]
fn provided_memory_makes_a_ring_without_mappings() {
    needs!(6, 5, "IORING_SETUP_NO_MMAP");
    let kernel = Trace::new();
    let mut ring: IoUring<squeue::Entry, cqueue::Entry, _> =
        Builder::new().build_provided_with(&kernel, 8, enough()).unwrap();
    assert_eq!(ring.params().setup(), SetupFlags::NO_MMAP | added());
    assert_eq!(three_nops(&mut ring), THREE);
    let maps = kernel.take().into_iter().filter(|call| matches!(call, Call::Map { .. })).count();
    assert_eq!(maps, 0);
}

#[test]
fn a_ring_without_descriptor_goes_by_its_index() {
    needs!(6, 5, "IORING_SETUP_REGISTERED_FD_ONLY");
    let mut ring = IoUring::<squeue::Entry, cqueue::Entry>::builder().build_registered(8, enough()).unwrap();
    let expected = SetupFlags::NO_MMAP | SetupFlags::REGISTERED_FD_ONLY | added();
    assert_eq!(ring.params().setup(), expected);
    assert_eq!(ring.fd().cast_unsigned(), ring.registered_index());
    assert_eq!(three_nops(&mut ring), THREE);
}

#[test]
fn sizes_are_rounded_up_and_the_completion_queue_is_twice_as_large() {
    for (entries, sq, cq) in [(1, 1, 2), (3, 4, 8), (8, 8, 16), (9, 16, 32), (4096, 4096, 8192)] {
        let ring = IoUring::new(entries).unwrap();
        assert_eq!((ring.params().sq_entries(), ring.params().cq_entries()), (sq, cq));
    }
}

#[test]
fn a_completion_queue_has_the_size_asked_for() {
    for (asked, cq) in [(8, 8), (9, 16), (64, 64), (1000, 1024)] {
        let ring: IoUring = IoUring::builder().setup_cqsize(asked).build(8).unwrap();
        assert_eq!((ring.params().sq_entries(), ring.params().cq_entries()), (8, cq));
    }
}

#[test]
fn clamp_cuts_both_sizes_to_the_limits() {
    let ring: IoUring = IoUring::builder().setup_clamp().setup_cqsize(u32::MAX).build(u32::MAX).unwrap();
    assert_eq!((ring.params().sq_entries(), ring.params().cq_entries()), (32_768, 65_536));
}

#[test]
fn features_are_those_that_the_kernel_reports() {
    let raw = RawRing::open(4, raw::params(SetupFlags::empty())).unwrap();
    let ring = IoUring::new(4).unwrap();
    assert_eq!(ring.params().features().bits(), raw.params.features);
    assert_eq!(ring.params().features(), Parameters::from_raw(raw.params).features());
}

/// The SQPOLL thread of a ring, as /proc names it.
fn sq_thread(ring: &IoUring) -> String {
    eventually("the thread's number", || {
        let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", ring.fd())).ok()?;
        field(&told, "SqThread").filter(|pid| pid != "-1")
    })
}

#[test]
fn an_sqpoll_thread_stays_on_its_cpu() {
    let cpu = u32::try_from(rustix::thread::sched_getcpu()).unwrap();
    let mut ring: IoUring = IoUring::builder().setup_sqpoll(1000).setup_sqpoll_cpu(cpu).build(8).unwrap();
    assert_eq!(ring.params().setup(), SetupFlags::SQPOLL | SetupFlags::SQ_AFF | added());
    assert_eq!(three_nops(&mut ring), THREE);
    let status = format!("/proc/self/task/{}/status", sq_thread(&ring));
    eventually("the CPU in the thread's status", || {
        let allowed = field(&std::fs::read_to_string(&status).ok()?, "Cpus_allowed_list")?;
        (allowed == cpu.to_string()).then_some(())
    });
}

#[test]
fn a_cpu_that_is_not_there_is_the_kernels_to_refuse() {
    let made = IoUring::<squeue::Entry, cqueue::Entry>::builder().setup_sqpoll(0).setup_sqpoll_cpu(u32::MAX).build(8);
    assert_eq!(made.unwrap_err(), SetupError::Kernel(bare_uring::Call::Setup, Errno::EINVAL));
}

#[test]
fn an_sqpoll_thread_sleeps_after_its_idle_time() {
    let mut ring: IoUring = IoUring::builder().setup_sqpoll(1).build(8).unwrap();
    assert_eq!(ring.params().sq_thread_idle(), 1);
    eventually("the thread asleep", || ring.submission().flags().contains(SqFlags::NEED_WAKEUP).then_some(()));
    assert_eq!(three_nops(&mut ring), THREE);
}

#[test]
fn an_attached_sqpoll_ring_shares_the_thread() {
    let mut first: IoUring = IoUring::builder().setup_sqpoll(1000).build(8).unwrap();
    let mut second: IoUring = IoUring::builder().setup_sqpoll(1000).setup_attach_wq(first.fd()).build(8).unwrap();
    assert_eq!(second.params().setup(), SetupFlags::SQPOLL | SetupFlags::ATTACH_WQ | added());
    assert_eq!(three_nops(&mut first), THREE);
    assert_eq!(three_nops(&mut second), THREE);
    assert_eq!(sq_thread(&first), sq_thread(&second));
}

#[test]
fn an_attached_ring_works() {
    let first = IoUring::new(8).unwrap();
    let mut second: IoUring = IoUring::builder().setup_attach_wq(first.fd()).build(8).unwrap();
    assert_eq!(second.params().setup(), SetupFlags::ATTACH_WQ | added());
    assert_eq!(three_nops(&mut second), THREE);
}

#[test]
fn a_disabled_ring_works_once_it_is_enabled() {
    let mut ring: IoUring = IoUring::builder().setup_r_disabled().build(8).unwrap();
    assert_eq!(ring.params().setup(), SetupFlags::R_DISABLED | added());
    push(&mut ring, nop(0));
    assert_eq!(ring.submit(), Err(Errno::EBADFD));
    assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
    // What could not be submitted is still queued.
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(ring.completion().map(|cqe| cqe.plain()).collect::<Vec<_>>(), [(0, Ok(0))]);
    assert_eq!(three_nops(&mut ring), THREE);
    assert_eq!(ring.submitter().register_enable_rings(), Err(Errno::EBADFD));
}

/// Submits a request of an opcode that no kernel has, between two that are good.
fn counts_around_a_bad_request(builder: &Plainest) -> (usize, usize) {
    let mut ring = builder.build(8).unwrap();
    let mut bad = [0; 64];
    bad[0] = 255;
    push(&mut ring, nop(1));
    push(&mut ring, squeue::Entry::from_bytes(bad));
    push(&mut ring, nop(3));
    let taken = ring.submit().unwrap();
    (taken, ring.submission().len())
}

#[test]
fn a_refused_request_ends_the_batch_unless_submit_all_is_set() {
    needs!(5, 18, "IORING_SETUP_SUBMIT_ALL");
    assert_eq!(counts_around_a_bad_request(&IoUring::builder()), (2, 1));
    assert_eq!(counts_around_a_bad_request(IoUring::builder().setup_submit_all()), (3, 0));
}

#[test]
fn a_single_issuer_ring_refuses_another_thread() {
    needs!(6, 0, "IORING_SETUP_SINGLE_ISSUER");
    for defer in [false, true] {
        let mut builder = IoUring::builder();
        builder.setup_single_issuer();
        if defer {
            builder.setup_defer_taskrun();
        }
        let mut ring: IoUring = builder.build(8).unwrap();
        push(&mut ring, nop(7));
        let (mut ring, outcome) = std::thread::spawn(move || {
            let outcome = ring.submit();
            (ring, outcome)
        })
        .join()
        .unwrap();
        assert_eq!(outcome, Err(Errno::EEXIST));
        // The request was not lost.
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        assert_eq!(ring.completion().map(|cqe| cqe.plain()).collect::<Vec<_>>(), [(7, Ok(0))]);
    }
}

#[test]
fn a_polled_ring_refuses_files_that_cannot_be_polled() {
    let mut ring: IoUring = IoUring::builder().setup_iopoll().build(8).unwrap();
    let file = std::fs::File::open("Cargo.toml").unwrap();
    let mut buffer = [0_u8; 16];
    push(&mut ring, opcode::Read::new(Fd(file.as_raw_fd()), buffer.as_mut_ptr(), 16).build().user_data(5));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    let come: Vec<_> = ring.completion().map(|cqe| cqe.plain()).collect();
    assert_eq!(come, [(5, Err(Errno::EOPNOTSUPP))]);
    assert_eq!(buffer, [0; 16]);
}

/// The flags of the mapping that starts at `address`.
fn vm_flags(address: usize) -> Vec<String> {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let (_, from_here) = smaps.split_once(&format!("{address:08x}-")).expect("the mapping");
    field(from_here, "VmFlags").expect("flags").split_whitespace().map(str::to_owned).collect()
}

#[test]
fn dontfork_keeps_every_mapping_from_child_processes_and_only_then() {
    for (dontfork, hide) in [
        (false, bare_uring::Features::empty()),
        (true, bare_uring::Features::empty()),
        (true, bare_uring::Features::SINGLE_MMAP),
    ] {
        let kernel = Meddler::without(hide);
        let mut builder = Plainest::new();
        if dontfork {
            builder.dontfork();
        }
        let mut ring = builder.build_with(&kernel, 8).unwrap();
        let kept: Vec<_> =
            kernel.mapped().into_iter().map(|start| vm_flags(start).iter().any(|flag| flag == "dc")).collect();
        assert_eq!(kept, vec![dontfork; if hide.is_empty() { 2 } else { 3 }]);
        assert_eq!(three_nops(&mut ring), THREE);
    }
}

#[test]
fn a_ring_can_be_made_by_a_constant_builder() {
    needs!(5, 19, "IORING_SETUP_COOP_TASKRUN");
    const BUILDER: Plainest = {
        let mut builder = Builder::new();
        builder.setup_cqsize(32).setup_single_issuer();
        builder
    };
    let mut ring = BUILDER.build_with(Linux, 8).unwrap();
    assert_eq!(ring.params().cq_entries(), 32);
    assert_eq!(three_nops(&mut ring), THREE);
}

fn answers<K: Kernel>(ring: &mut IoUring<squeue::Entry, cqueue::Entry, K>) {
    // SAFETY: a nop points to nothing.
    unsafe { ring.submission().push(nop(7)) }.unwrap();
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    assert_eq!(ring.completion().map(|cqe| cqe.user_data()).collect::<Vec<_>>(), [7]);
}

#[test]
fn the_fastest_ring_is_what_each_kernel_has_of_it() {
    let array = SetupFlags::NO_SQARRAY;
    let defer = SetupFlags::SINGLE_ISSUER | SetupFlags::DEFER_TASKRUN | SetupFlags::TASKRUN_FLAG;
    let coop = SetupFlags::COOP_TASKRUN | SetupFlags::TASKRUN_FLAG;
    let unknown = [SetupFlags::empty(), array, array | SetupFlags::DEFER_TASKRUN, array | defer | coop];
    let expected = [defer | array, defer, coop, SetupFlags::empty()];
    // The first that this kernel can play.
    let here = [(6, 6), (6, 1), (5, 19)].into_iter().filter(|&(major, minor)| older_than(major, minor)).count();
    for (unknown, expected) in std::iter::zip(unknown, expected).skip(here) {
        let older = Meddler::refusing(move |params| {
            SetupFlags::from_bits_retain(params.flags).intersects(unknown).then_some(Errno::EINVAL)
        });
        let made = Plainest::new().setup_fastest().build_with(older, 4).unwrap();
        assert_eq!(made.params().setup(), expected);
        match made.register_ring_fd() {
            Ok(mut ring) => answers(&mut ring),
            Err((mut ring, errno)) => {
                assert!(older_than(5, 18) && errno == Errno::EINVAL, "{errno}");
                answers(&mut ring);
            }
        }
    }
}
