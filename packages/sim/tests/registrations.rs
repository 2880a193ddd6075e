//! Set-up and registrations of the simulated kernel.

use std::ffi::c_void;

use bare_uring::register::Probe;
use bare_uring::squeue::Entry;
use bare_uring::types::{CancelBuilder, Fd, Fixed, IoVec, RawFd};
use bare_uring::uapi::io_uring_register_op as Op;
use bare_uring::uapi::{io_uring_buf_reg, io_uring_buf_status, io_uring_params, io_uring_rsrc_update};
use bare_uring::{Builder, EnterFlags, Errno, IoUring, Kernel, SetupFlags, cqueue, opcode};
use bare_uring_sim::{Chaos, Leaks, Mark, Profile, SimKernel};

type Ring = IoUring<Entry, cqueue::Entry, SimKernel>;

fn ring() -> (SimKernel, Ring) {
    let kernel = SimKernel::new(Profile::linux(6, 18), 5);
    let mut chaos = Chaos::none();
    chaos.delayed = bare_uring_sim::Rate(0);
    kernel.set_chaos(chaos);
    let ring = Builder::new().build_with(kernel.clone(), 8).expect("as set up");
    (kernel, ring)
}

/// Submits a request, and returns its result.
fn result(ring: &mut Ring, entry: Entry) -> i32 {
    // SAFETY: what the tests push points to memory that outlives the ring.
    unsafe { ring.submission().push(entry) }.expect("room");
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    let results: Vec<i32> = ring.completion().map(|cqe| cqe.result()).collect();
    assert_eq!(results.len(), 1);
    results[0]
}

fn register<T>(kernel: &SimKernel, fd: RawFd, operation: Op, argument: &mut T, count: u32) -> Result<u32, Errno> {
    let argument = std::ptr::from_mut(argument).cast::<c_void>();
    // SAFETY: the tests give each operation the argument that it calls for.
    unsafe { kernel.register(fd, operation as u32, argument, count) }
}

#[test]
fn files_are_registered_once_and_updated_where_it_was_said() {
    let (kernel, mut ring) = ring();
    let files: Vec<RawFd> = (0..3).map(|at| kernel.file(vec![at])).collect();
    let mut byte = 9_u8;
    let at = &raw mut byte;
    let read = |ring: &mut Ring, index| {
        let result = result(ring, opcode::Read::new(Fixed(index), at, 1).build());
        // SAFETY: the byte lives, and the kernel writes in calls only.
        (result, unsafe { at.read() })
    };
    let submitter = ring.submitter();
    assert_eq!(submitter.register_files_update(0, &files), Err(Errno::ENXIO));
    assert_eq!(submitter.register_files(&[files[0], -1, -1]), Ok(()));
    assert_eq!(submitter.register_files(&files), Err(Errno::EBUSY));
    assert_eq!(submitter.register_files_update(1, &[files[1], files[2]]), Ok(2));
    assert_eq!((read(&mut ring, 0), read(&mut ring, 1), read(&mut ring, 2)), ((1, 0), (1, 1), (1, 2)));
    let submitter = ring.submitter();
    // -2 leaves a file as it is. A descriptor that is refused ends the update, and fails the call if it is the first.
    assert_eq!(submitter.register_files_update(0, &[-2, files[2], 9999]), Ok(2));
    assert_eq!(submitter.register_files_update(0, &[9999]), Err(Errno::EBADF));
    assert_eq!(submitter.register_files_update(2, &[files[0], files[0]]), Err(Errno::EINVAL));
    assert_eq!((read(&mut ring, 0), read(&mut ring, 1), read(&mut ring, 2)), ((1, 0), (1, 2), (1, 2)));
    assert_eq!((read(&mut ring, 3).0, read(&mut ring, 1).1), (-9, 2));
    let submitter = ring.submitter();
    assert_eq!((submitter.unregister_files(), submitter.unregister_files()), (Ok(()), Err(Errno::ENXIO)));
}

#[test]
fn requests_stay_within_registered_buffers() {
    let (kernel, mut ring) = ring();
    let file = kernel.file((1..=100).collect());
    let mut memory = [0_u8; 16];
    let base = memory.as_mut_ptr();
    // SAFETY: the memory outlives the ring.
    let add = |bytes: usize| unsafe { base.add(bytes) };
    let buffers = [IoVec::new(add(4), 8)];
    // SAFETY: the buffer lies in the memory, which outlives the ring.
    let twice = [0, 1].map(|_| unsafe { ring.submitter().register_buffers(&buffers) });
    assert_eq!(twice, [Ok(()), Err(Errno::EBUSY)]);
    let mut read = |from: usize, len: u32, buffer: u16| {
        result(&mut ring, opcode::ReadFixed::new(Fd(file), add(from), len, buffer).build())
    };
    assert_eq!([read(4, 8, 0), read(11, 1, 0)], [8, 1]);
    assert_eq!([read(3, 1, 0), read(4, 9, 0), read(11, 2, 0), read(4, 1, 1)], [-14; 4]);
    let submitter = ring.submitter();
    assert_eq!((submitter.unregister_buffers(), submitter.unregister_buffers()), (Ok(()), Err(Errno::ENXIO)));
    drop(ring);
    assert_eq!(memory, [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 1, 0, 0, 0, 0]);
}

#[test]
fn the_probe_tells_what_the_profile_knows() {
    for profile in Profile::all().into_iter().filter(|profile| profile.registers(Op::IORING_REGISTER_PROBE as u32)) {
        let kernel = SimKernel::new(profile.clone(), 5);
        let ring: Ring = Builder::new().build_with(kernel, 8).expect("as set up");
        let mut probe = Probe::new();
        assert_eq!(ring.submitter().register_probe(&mut probe), Ok(()));
        for opcode in 0..=255 {
            // The probe of OSv says so of every request up to its last.
            let told = profile.knows(opcode) || profile.probe_claims_all && opcode <= 49;
            assert_eq!(probe.is_supported(opcode), told, "{opcode} of {}", profile.name);
        }
    }
}

#[test]
fn a_ring_lives_as_long_as_a_name_leads_to_it() {
    let kernel = SimKernel::new(Profile::linux(6, 18), 5);
    // SAFETY: numbers, for which zero is one.
    let mut params: io_uring_params = unsafe { std::mem::zeroed() };
    // SAFETY: no memory is provided.
    let fd = unsafe { kernel.setup(4, &mut params) }.expect("as set up").cast_signed();
    let named = |offset, fd: RawFd| io_uring_rsrc_update { offset, resv: 0, data: fd as u64 };
    let add = Op::IORING_REGISTER_RING_FDS;
    let mut update = named(5, fd);
    assert_eq!((register(&kernel, fd, add, &mut update, 1), update.offset), (Ok(1), 5));
    assert_eq!(register(&kernel, fd, add, &mut named(5, fd), 1), Err(Errno::EBUSY));
    assert_eq!(register(&kernel, fd, add, &mut named(16, fd), 1), Err(Errno::EINVAL));
    let mut lowest = named(u32::MAX, fd);
    assert_eq!((register(&kernel, fd, add, &mut lowest, 1), lowest.offset), (Ok(1), 0));
    let enter = |index| {
        let flags = (EnterFlags::REGISTERED_RING | EnterFlags::GETEVENTS).bits();
        // SAFETY: nothing is submitted, and no argument is called for.
        unsafe { kernel.enter(index, 0, 0, flags, std::ptr::null(), 0) }
    };
    // SAFETY: the descriptor is no longer used.
    assert_eq!(unsafe { kernel.close(fd) }, Ok(()));
    assert_eq!((kernel.leaks().rings, enter(5), enter(0), enter(1)), (1, Ok(0), Ok(0), Err(Errno::EBADF)));
    assert_eq!(kernel.coverage().count(Mark::NamedByIndex), 2);
    let remove = Op::IORING_UNREGISTER_RING_FDS as u32 | Op::IORING_REGISTER_USE_REGISTERED_RING as u32;
    for index in [5_i32, 0] {
        assert_eq!(kernel.leaks().rings, 1);
        let mut update = named(index.cast_unsigned(), 0);
        // SAFETY: the argument is what the operation calls for.
        let removed = unsafe { kernel.register(index, remove, (&raw mut update).cast(), 1) };
        assert_eq!(removed, Ok(1));
    }
    assert_eq!(kernel.leaks(), Leaks::default());
}

#[test]
fn a_group_of_buffers_is_registered_once() {
    #[repr(align(4096))]
    struct Page([u64; 512]);

    let (kernel, ring) = ring();
    let mut page = Page([0; 512]);
    let address = page.0.as_mut_ptr().expose_provenance() as u64;
    let group =
        |bgid, ring_entries| io_uring_buf_reg { ring_addr: address, ring_entries, bgid, flags: 0, resv: [0; 3] };
    let fd = ring.fd();
    let add = |bgid, entries| register(&kernel, fd, Op::IORING_REGISTER_PBUF_RING, &mut group(bgid, entries), 1);
    assert_eq!((add(300, 4), add(300, 4), add(44, 4)), (Ok(0), Err(Errno::EEXIST), Ok(0)));
    assert_eq!((add(1, 3), add(1, 1 << 16)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    let mut status = io_uring_buf_status { buf_group: 300, head: 77, resv: [0; 8] };
    assert_eq!(register(&kernel, fd, Op::IORING_REGISTER_PBUF_STATUS, &mut status, 1), Ok(0));
    assert_eq!(status.head, 0);
    let remove = |bgid| register(&kernel, fd, Op::IORING_UNREGISTER_PBUF_RING, &mut group(bgid, 4), 1);
    assert_eq!((remove(300), remove(300), remove(44)), (Ok(0), Err(Errno::ENOENT), Ok(0)));
}

#[test]
fn sizes_are_rounded_up_clamped_or_refused() {
    let sizes = |entries, cq_entries, setup: SetupFlags| {
        let kernel = SimKernel::new(Profile::linux(7, 0), 5);
        // SAFETY: numbers, for which zero is one.
        let mut params: io_uring_params = unsafe { std::mem::zeroed() };
        (params.flags, params.cq_entries) = (setup.bits(), cq_entries);
        // SAFETY: no memory is provided.
        unsafe { kernel.setup(entries, &mut params) }.map(|_| (params.sq_entries, params.cq_entries))
    };
    let plain = SetupFlags::empty();
    assert_eq!((sizes(1, 0, plain), sizes(5, 0, plain)), (Ok((1, 2)), Ok((8, 16))));
    assert_eq!((sizes(0, 0, plain), sizes(32_769, 0, plain)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    assert_eq!(sizes(32_769, 0, SetupFlags::CLAMP), Ok((32_768, 65_536)));
    let sized = SetupFlags::CQSIZE;
    assert_eq!(
        (sizes(8, 9, sized), sizes(8, 8, sized), sizes(8, 4, sized)),
        (Ok((8, 16)), Ok((8, 8)), Err(Errno::EINVAL))
    );
    for refused in [
        SetupFlags::SQPOLL | SetupFlags::COOP_TASKRUN,
        SetupFlags::CQE32 | SetupFlags::CQE_MIXED,
        SetupFlags::SQE128 | SetupFlags::SQE_MIXED,
        SetupFlags::SQ_AFF,
        SetupFlags::TASKRUN_FLAG,
        SetupFlags::DEFER_TASKRUN,
        SetupFlags::REGISTERED_FD_ONLY,
        SetupFlags::SQ_REWIND,
        SetupFlags::from_bits_retain(1 << 30),
    ] {
        assert_eq!(sizes(8, 0, refused), Err(Errno::EINVAL), "{refused:?}");
    }
}

#[test]
fn a_message_arrives_at_the_other_ring() {
    let (kernel, mut ring) = ring();
    let mut other: Ring = Builder::new().build_with(kernel.clone(), 8).expect("as set up");
    let message = opcode::MsgRingData::new(Fd(other.fd()), 5, 1 << 40).build().user_data(1);
    assert_eq!(result(&mut ring, message), 0);
    let there: Vec<_> = other.completion().map(|cqe| (cqe.user_data(), cqe.result())).collect();
    assert_eq!(there, [(1 << 40, 5)]);
    let pipe = kernel.pipe().0;
    assert_eq!(result(&mut ring, opcode::MsgRingData::new(Fd(pipe), 5, 1).build()), -77);
}

#[test]
fn an_operation_that_the_profile_lacks_is_refused() {
    let kernel = SimKernel::new(Profile::linux(5, 18), 5);
    let ring: Ring = Builder::new().build_with(kernel, 8).expect("as set up");
    let cancel = CancelBuilder::any().all();
    assert_eq!(ring.submitter().register_sync_cancel(None, cancel), Err(Errno::EINVAL));
}
