//! The ring's own descriptor, registered: it is used everywhere, given back, and not taken for anything else.

mod common;

use std::os::fd::{AsRawFd, OwnedFd};

use bare_uring::types::Fd;
use bare_uring::uapi::io_uring_register_op::{
    IORING_REGISTER_RING_FDS, IORING_REGISTER_USE_REGISTERED_RING, IORING_UNREGISTER_BUFFERS,
    IORING_UNREGISTER_RING_FDS,
};
use bare_uring::{
    Builder, EnterFlags, Errno, Features, IoUring, Kernel, LocalRing, RingMemory, cqueue, opcode, squeue,
};
use common::kernels::{Call, Trace};
use common::raw::{THREE, eventually, in_child, three_nops};
use common::{memory, needs, nop, push};
use rustix::event::{PollFd, PollFlags, poll};

/// Registers a ring's descriptor, which must work.
fn local<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel>(ring: IoUring<S, C, K>) -> LocalRing<S, C, K> {
    ring.register_ring_fd().map_err(|(_, errno)| errno).expect("a free place")
}

fn traced(kernel: &Trace) -> IoUring<squeue::Entry, cqueue::Entry, &Trace> {
    let ring = Builder::new().build_with(kernel, 8).unwrap();
    kernel.take();
    ring
}

/// The operation's number, as it goes out by way of the index.
const fn by_index(operation: u32) -> u32 {
    operation | IORING_REGISTER_USE_REGISTERED_RING as u32
}

/// Every enter goes by the index, through whichever method, not only the first.
#[test]
fn every_enter_goes_by_the_index() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let kernel = Trace::new();
    let mut ring = local(traced(&kernel));
    let index = ring.registered_index().cast_signed();
    kernel.take();
    assert_eq!(three_nops(&mut ring), THREE);
    push(&mut ring, nop(4));
    assert_eq!(ring.submit(), Ok(1));
    push(&mut ring, nop(5));
    assert_eq!(ring.submitter().submit(), Ok(1));
    assert_eq!(ring.submitter().wait(2), Ok(()));
    assert_eq!(ring.submitter().get_events(), Ok(()));
    let enters = kernel.enters();
    assert_eq!(enters.len(), 5);
    for call in enters {
        let Call::Enter { fd, flags, .. } = call else { unreachable!() };
        assert_eq!(fd, index);
        assert!(EnterFlags::from_bits_retain(flags).contains(EnterFlags::REGISTERED_RING), "{call:?}");
    }
}

#[test]
fn registrations_go_by_the_index() {
    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    let kernel = Trace::new();
    let ring = local(traced(&kernel));
    let fd = ring.registered_index().cast_signed();
    kernel.take();
    assert_eq!(ring.submitter().unregister_buffers(), Err(Errno::ENXIO));
    let operation = by_index(IORING_UNREGISTER_BUFFERS as u32);
    assert_eq!(kernel.take(), [Call::Register { fd, operation, count: 0 }]);
}

/// Kernels before 6.3 know the index in `io_uring_enter` only.
#[test]
fn registrations_go_by_the_descriptor_where_the_kernel_wants_it() {
    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    let kernel = Trace::without(Features::REG_REG_RING);
    let mut ring = local(traced(&kernel));
    let (fd, index) = (ring.fd(), ring.registered_index().cast_signed());
    kernel.take();
    assert_eq!(ring.submitter().unregister_buffers(), Err(Errno::ENXIO));
    push(&mut ring, nop(1));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    assert_eq!(ring.completion().count(), 1);
    let calls = kernel.take();
    assert_eq!(calls[0], Call::Register { fd, operation: IORING_UNREGISTER_BUFFERS as u32, count: 0 });
    assert!(matches!(calls[1], Call::Enter { fd, .. } if fd == index));
    // Without the descriptor there would be no way to register anything.
    assert_eq!(ring.close_ring_fd(), Err(Errno::EOPNOTSUPP));
    assert_eq!(three_nops(&mut ring), THREE);
}

#[test]
fn dropping_the_ring_gives_the_index_back_before_it_closes() {
    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    let kernel = Trace::new();
    let ring = local(traced(&kernel));
    let (fd, index) = (ring.fd(), ring.registered_index().cast_signed());
    assert_eq!(kernel.take(), [Call::Register { fd, operation: IORING_REGISTER_RING_FDS as u32, count: 1 }]);
    drop(ring);
    let calls = kernel.take();
    let operation = by_index(IORING_UNREGISTER_RING_FDS as u32);
    let [Call::Unmap { .. }, Call::Unmap { .. }, ref last @ ..] = calls[..] else { panic!("{calls:?}") };
    assert_eq!(last, [Call::Register { fd: index, operation, count: 1 }, Call::Close { fd }]);
}

#[test]
fn a_hundred_rings_in_turn_find_a_free_place() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    for _ in 0..100 {
        let mut ring = local(IoUring::new(4).unwrap());
        assert_eq!(three_nops(&mut ring), THREE);
    }
}

#[test]
fn registering_and_unregistering_in_turn_finds_a_free_place() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let mut ring = IoUring::new(4).unwrap();
    for _ in 0..100 {
        let local = local(ring);
        ring = local.unregister_ring_fd().map_err(|(_, errno)| errno).unwrap();
    }
    assert_eq!(three_nops(&mut ring), THREE);
}

#[test]
fn the_seventeenth_ring_comes_back_usable() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let mut registered: Vec<_> = (0..16).map(|_| local(IoUring::new(4).unwrap())).collect();
    let (mut ring, errno) = IoUring::new(4).unwrap().register_ring_fd().unwrap_err();
    assert_eq!(errno, Errno::EBUSY);
    assert_eq!(three_nops(&mut ring), THREE);
    // And finds a place once there is one.
    assert_eq!(three_nops(&mut registered.pop().unwrap()), THREE);
    assert_eq!(three_nops(&mut local(ring)), THREE);
}

#[test]
fn indices_of_a_thread_are_its_own() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let here = local(IoUring::new(4).unwrap());
    let there = std::thread::spawn(|| {
        let mut ring = local(IoUring::new(4).unwrap());
        assert_eq!(three_nops(&mut ring), THREE);
        ring.registered_index()
    });
    // Both threads have this index, each in a table of its own.
    assert_eq!(there.join().unwrap(), here.registered_index());
}

#[test]
fn an_unregistered_ring_works_in_another_thread() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let ring = local(IoUring::new(8).unwrap());
    let mut ring = ring.unregister_ring_fd().map_err(|(_, errno)| errno).unwrap();
    assert_eq!(three_nops(&mut ring), THREE);
    let come = std::thread::spawn(move || three_nops(&mut ring)).join().unwrap();
    assert_eq!(come, THREE);
}

#[test]
fn what_was_pushed_before_registering_is_submitted_after() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let mut ring = IoUring::new(8).unwrap();
    push(&mut ring, nop(40));
    let mut ring = local(ring);
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    assert_eq!(ring.completion().next().map(|cqe| cqe.user_data()), Some(40));
    push(&mut ring, nop(50));
    let mut ring = ring.unregister_ring_fd().map_err(|(_, errno)| errno).unwrap();
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    assert_eq!(ring.completion().next().map(|cqe| cqe.user_data()), Some(50));
}

/// Unregistering would leave a ring that nothing leads to, so it is refused.
#[test]
fn a_ring_whose_descriptor_is_closed_stays_registered_and_works() {
    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    let kernel = Trace::new();
    let mut ring = local(traced(&kernel));
    let fd = ring.fd();
    kernel.take();
    assert_eq!(ring.close_ring_fd(), Ok(()));
    assert_eq!(kernel.take(), [Call::Close { fd }]);
    assert_eq!(three_nops(&mut ring), THREE);
    assert_eq!(ring.close_ring_fd(), Err(Errno::EBADF));
    let (mut ring, errno) = ring.unregister_ring_fd().unwrap_err();
    assert_eq!(errno, Errno::EBADF);
    assert_eq!(three_nops(&mut ring), THREE);
    assert_eq!(ring.submitter().unregister_buffers(), Err(Errno::ENXIO));
    // The number may be another file's by now: it is not closed again.
    kernel.take();
    drop(ring);
    assert!(!kernel.take().iter().any(|call| matches!(call, Call::Close { .. })));
}

#[test]
fn a_ring_whose_descriptor_is_closed_does_not_tell_its_number() {
    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    let mut ring = local(IoUring::new(8).unwrap());
    assert_eq!(ring.close_ring_fd(), Ok(()));
    assert_eq!(ring.fd().cast_unsigned(), ring.registered_index());
}

#[test]
fn closing_the_descriptor_takes_no_further_place() {
    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    for _ in 0..20 {
        let mut ring = local(IoUring::new(4).unwrap());
        assert_eq!(ring.close_ring_fd(), Ok(()));
        assert_eq!(three_nops(&mut ring), THREE);
    }
}

#[test]
fn a_ring_made_without_a_descriptor_has_none_to_close_or_to_go_back_to() {
    needs!(6, 5, "IORING_SETUP_REGISTERED_FD_ONLY");
    let memory = RingMemory { rings: memory(4096), sqes: memory(4096) };
    let mut ring: LocalRing = Builder::new().build_registered(8, memory).unwrap();
    assert_eq!(ring.close_ring_fd(), Err(Errno::EBADF));
    let (mut ring, errno) = ring.unregister_ring_fd().unwrap_err();
    assert_eq!(errno, Errno::EBADF);
    assert_eq!(three_nops(&mut ring), THREE);
}

#[test]
fn a_ring_is_registered_once() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let kernel = Trace::new();
    let ring = local(traced(&kernel));
    kernel.take();
    let (mut ring, errno) = ring.register_ring_fd().map(drop).unwrap_err();
    assert_eq!((errno, kernel.take()), (Errno::EEXIST, vec![]));
    assert_eq!(three_nops(&mut ring), THREE);
}

/// Leaves a read on an empty pipe in flight in a ring that is dropped, and returns the pipe and the buffer.
fn drop_with_a_read_in_flight(prepare: impl FnOnce(IoUring) -> LocalRing) -> (OwnedFd, OwnedFd, &'static mut [u8; 8]) {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let buffer = Box::leak(Box::new([0x55_u8; 8]));
    let mut ring = prepare(IoUring::new(8).unwrap());
    push(&mut ring, opcode::Read::new(Fd(reader.as_raw_fd()), buffer.as_mut_ptr(), 8).build());
    assert_eq!(ring.submit(), Ok(1));
    drop(ring);
    (reader, writer, buffer)
}

/// Waits until the last reader of a pipe is gone, a request in flight among them.
fn until_nobody_reads(writer: &OwnedFd) {
    eventually("nobody reads from the pipe", || {
        let mut ends = [PollFd::new(writer, PollFlags::empty())];
        poll(&mut ends, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 1_000_000 })).unwrap();
        ends[0].revents().contains(PollFlags::ERR).then_some(())
    });
}

/// With a place of the table still taken, the ring would live on, and so would the read.
#[test]
fn dropping_a_registered_ring_ends_what_is_in_flight() {
    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    for close in [false, true] {
        let (reader, writer, buffer) = drop_with_a_read_in_flight(|ring| {
            let mut ring = local(ring);
            if close {
                assert_eq!(ring.close_ring_fd(), Ok(()));
            }
            ring
        });
        drop(reader);
        until_nobody_reads(&writer);
        assert_eq!(*buffer, [0x55; 8]);
    }
}

/// A program sees the end of the read in this way: data that arrives later is left in the pipe.
#[test]
fn data_that_comes_after_the_drop_is_not_taken() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let (reader, writer, buffer) = drop_with_a_read_in_flight(local);
    // The kernel cancels some time after the close, which can't be seen on a pipe that we still read from: so a ring
    // that is dropped later shows that it is done with such work, and a while more is for the order of the two.
    let (other_reader, other_writer, _) = drop_with_a_read_in_flight(local);
    drop(other_reader);
    until_nobody_reads(&other_writer);
    std::thread::sleep(std::time::Duration::from_millis(50));
    rustix::io::write(&writer, b"late").unwrap();
    let mut rest = [0; 8];
    assert_eq!(rustix::io::read(&reader, &mut rest), Ok(4));
    assert_eq!((&rest[..4], *buffer), (&b"late"[..], [0x55; 8]));
}

/// How many descriptors the process has.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn no_descriptor_is_left_whichever_way_a_ring_went() {
    needs!(6, 5, "IORING_SETUP_REGISTERED_FD_ONLY");
    if !in_child("no_descriptor_is_left_whichever_way_a_ring_went") {
        return;
    }
    let before = descriptors();
    drop(local(IoUring::new(4).unwrap()));
    let mut closed = local(IoUring::new(4).unwrap());
    assert_eq!(closed.close_ring_fd(), Ok(()));
    assert_eq!(descriptors(), before);
    drop(closed);
    let ring = local(IoUring::new(4).unwrap()).unregister_ring_fd().map_err(|(_, errno)| errno).unwrap();
    assert_eq!(descriptors(), before + 1);
    drop(ring);
    assert_eq!(descriptors(), before);
}

/// The index is one ring's: another ring made on its kernel would go by it, and take it along when it ends.
#[test]
fn no_second_ring_is_made_on_a_registered_one() {
    needs!(6, 5, "IORING_SETUP_REGISTERED_FD_ONLY");
    let first = IoUring::new(8).unwrap().register_ring_fd().map_err(|(_, errno)| errno).unwrap();
    let second = IoUring::<squeue::Entry, cqueue::Entry, _>::with_kernel(first.kernel(), 8);
    assert_eq!(second.map(drop), Err(bare_uring::SetupError::Kernel(bare_uring::Call::Setup, Errno::EOPNOTSUPP)));
    assert_eq!(first.submitter().get_events(), Ok(()));
}

/// By the index or not, a call is for the same: what it waits for, how, and with which argument.
#[test]
fn a_call_by_the_index_is_the_same_call() {
    use bare_uring::types::{SubmitArgs, Timespec};

    fn work<K: Kernel>(submitter: bare_uring::Submitter<'_, K>) {
        let soon = Timespec::new(0, 2_000_000);
        assert_eq!(submitter.wait_with_args(1, &SubmitArgs::new().timespec(&soon)), Err(Errno::ETIME));
        assert_eq!(submitter.get_events(), Ok(()));
    }

    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let kernel = Trace::new();
    let mut calls = Vec::new();
    let ring = traced(&kernel);
    work(ring.submitter());
    calls.push(kernel.enters());
    let ring = local(ring);
    kernel.take();
    work(ring.submitter());
    calls.push(kernel.enters());
    let without = |fd: i32, more: EnterFlags| {
        move |call: &Call| match *call {
            Call::Enter { fd: by, to_submit, min_complete, flags, size } => {
                assert_eq!(by, fd);
                (to_submit, min_complete, EnterFlags::from_bits_retain(flags).difference(more), size)
            }
            ref other => panic!("{other:?}"),
        }
    };
    let plain: Vec<_> = calls[0].iter().map(without(ring.fd(), EnterFlags::empty())).collect();
    let index = ring.registered_index().cast_signed();
    let by_index: Vec<_> = calls[1].iter().map(without(index, EnterFlags::REGISTERED_RING)).collect();
    assert_eq!(by_index, plain);
}

/// A question to the kernel is about no ring, whichever kernel it is asked through.
#[test]
fn what_needs_no_ring_goes_without_the_index() {
    use bare_uring::register::query::{Opcodes, query};
    use bare_uring::uapi::IORING_REGISTER_QUERY;

    needs!(6, 3, "IORING_REGISTER_USE_REGISTERED_RING");
    let kernel = Trace::new();
    let ring = local(traced(&kernel));
    kernel.take();
    let _ = query::<Opcodes, _>(ring.kernel());
    assert_eq!(kernel.take(), [Call::Register { fd: -1, operation: IORING_REGISTER_QUERY, count: 0 }]);
}

/// The ring that gives the index back for one whose restrictions forbid that is gone afterwards.
#[test]
fn a_restricted_ring_leaves_no_other_behind() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    if !in_child("a_restricted_ring_leaves_no_other_behind") {
        return;
    }
    let before = descriptors();
    let disabled = Builder::<squeue::Entry>::new().setup_r_disabled().build(4).unwrap();
    let ring = local(disabled);
    assert_eq!(ring.submitter().register_restrictions(&[]), Ok(()));
    assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
    assert_eq!(descriptors(), before + 1);
    drop(ring);
    assert_eq!(descriptors(), before);
}
