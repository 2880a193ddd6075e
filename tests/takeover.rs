//! Rings that somebody else set up, taken over by descriptor.

mod common;

use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;

use bare_uring::types::RawFd;
use bare_uring::{Call as SetupCall, Errno, IoUring, Parameters, SetupError, SetupFlags, cqueue, opcode, squeue};
use common::kernels::{Call, Trace};
use common::raw::{self, Meddler, Plain, RawRing, THREE, three_nops};
use common::{added, needs, nop, push, skip};

type Ring = IoUring<squeue::Entry, cqueue::Entry>;

/// With an index array, and without, where the kernel can do without.
fn arrays() -> Vec<SetupFlags> {
    let mut all = vec![SetupFlags::empty()];
    if added().is_empty() {
        skip("takeover", "IORING_SETUP_NO_SQARRAY");
    } else {
        all.push(SetupFlags::NO_SQARRAY);
    }
    all
}

/// Takes a raw ring over; the descriptor is the new ring's if that works.
fn take_over<S: squeue::EntryMarker, C: cqueue::EntryMarker>(raw: &mut RawRing) -> Result<IoUring<S, C>, SetupError> {
    // SAFETY: the parameters are those of the descriptor, nobody else uses the ring, and what is queued are nops.
    let ring = unsafe { IoUring::from_fd(raw.fd, raw.parameters()) }?;
    raw.disown();
    Ok(ring)
}

fn user_data(ring: &mut Ring) -> Vec<u64> {
    ring.completion().map(|cqe| cqe.user_data()).collect()
}

/// A ring whose owner lets go of it in the middle of its work: the descriptor and its parameters are left. The mapping
/// stays, unused, until the process ends.
fn abandon(ring: Ring) -> RawRing {
    let ring = ManuallyDrop::new(ring);
    RawRing::found(ring.fd(), *ring.params().as_raw())
}

/// An index array left as it was made, all zero, would submit entry 0 three times.
#[test]
fn each_entry_is_submitted_once() {
    for flags in arrays() {
        let mut raw = RawRing::open(8, raw::params(flags)).unwrap();
        let mut ring: Ring = take_over(&mut raw).unwrap();
        for _ in 0..10 {
            assert_eq!(three_nops(&mut ring), THREE, "{flags:?}");
        }
    }
}

#[test]
fn rings_of_large_entries_are_taken_over_too() {
    needs!(5, 19, "IORING_SETUP_SQE128 and CQE32");
    for flags in arrays() {
        let flags = flags | SetupFlags::SQE128 | SetupFlags::CQE32;
        let mut raw = RawRing::open(8, raw::params(flags)).unwrap();
        let mut ring = take_over::<squeue::Entry128, cqueue::Entry32>(&mut raw).unwrap();
        for _ in 0..10 {
            assert_eq!(three_nops(&mut ring), THREE, "{flags:?}");
        }
    }
}

#[test]
fn completions_that_wait_come_out_of_the_new_ring() {
    for flags in arrays() {
        let mut raw = RawRing::open(8, raw::params(flags)).unwrap();
        let mut first: Ring = take_over(&mut raw).unwrap();
        // Heads and tails are not at their start any more.
        assert_eq!(three_nops(&mut first), THREE);
        push(&mut first, nop(40));
        push(&mut first, nop(50));
        assert_eq!(first.submit(), Ok(2));
        let mut second: Ring = take_over(&mut abandon(first)).unwrap();
        assert_eq!(user_data(&mut second), [40, 50]);
        assert_eq!(three_nops(&mut second), THREE);
    }
}

/// A disabled ring whose owner has published two entries that its kernel did not take.
fn with_two_queued(flags: SetupFlags) -> RawRing {
    let mut raw = RawRing::open(8, raw::params(flags | SetupFlags::R_DISABLED)).unwrap();
    let mut ring: Ring = take_over(&mut raw).unwrap();
    push(&mut ring, nop(40));
    push(&mut ring, nop(50));
    assert_eq!(ring.submit(), Err(Errno::EBADFD));
    abandon(ring)
}

#[test]
fn entries_queued_are_the_new_rings_where_there_is_no_array() {
    needs!(6, 6, "IORING_SETUP_NO_SQARRAY");
    let mut ring: Ring = take_over(&mut with_two_queued(SetupFlags::NO_SQARRAY)).unwrap();
    assert_eq!(ring.submission().len(), 2);
    assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(user_data(&mut ring), [40, 50]);
}

/// What an array of somebody else's says is not known, and it can't be rewritten while it is in use.
#[test]
fn entries_queued_through_an_array_are_unconsumed() {
    let mut raw = with_two_queued(SetupFlags::empty());
    assert_eq!(take_over::<squeue::Entry, cqueue::Entry>(&mut raw).unwrap_err(), SetupError::Unconsumed);
    // The descriptor stayed open, and open is all that it need be.
    assert!(is_a_ring(raw.fd));
}

/// Whether this number still leads to a ring.
fn is_a_ring(fd: RawFd) -> bool {
    std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok_and(|target| target.ends_with("anon_inode:[io_uring]"))
}

/// The array's place means nothing on a ring without one: the kernel leaves there what its caller wrote.
#[test]
fn an_offset_left_over_in_the_parameters_is_no_array() {
    needs!(6, 6, "IORING_SETUP_NO_SQARRAY");
    let mut params = raw::params(SetupFlags::NO_SQARRAY);
    params.sq_off.array = 64;
    let mut raw = RawRing::open(8, params).unwrap();
    raw.disown();
    let mut tidy = raw.params;
    tidy.sq_off.array = 0;
    let mut first: Ring = take_over(&mut RawRing::found(raw.fd, tidy)).unwrap();
    push(&mut first, nop(40));
    assert_eq!(first.submit(), Ok(1));
    abandon(first).disown();
    let mut second: Ring = take_over(&mut RawRing::found(raw.fd, raw.params)).unwrap();
    assert_eq!(user_data(&mut second), [40]);
}

#[test]
fn a_ring_of_other_entries_is_refused_and_stays_its_owners() {
    needs!(5, 19, "IORING_SETUP_SQE128 and CQE32");
    let none = SetupFlags::empty();
    let mut plain = RawRing::open(8, raw::params(none)).unwrap();
    let kernel = Trace::new();
    // SAFETY: the parameters are those of the descriptor, nobody else uses the ring, and nothing is queued.
    let refused =
        unsafe { IoUring::<squeue::Entry128, cqueue::Entry32, _>::from_fd_with(&kernel, plain.fd, plain.parameters()) };
    assert_eq!(refused.unwrap_err(), SetupError::NotByHand(SetupFlags::SQE128 | SetupFlags::CQE32));
    assert_eq!(kernel.take(), []);
    let mut ring: Ring = take_over(&mut plain).unwrap();
    assert_eq!(three_nops(&mut ring), THREE);

    let mut large = RawRing::open(8, raw::params(SetupFlags::CQE32)).unwrap();
    let refused = take_over::<squeue::Entry, cqueue::Entry>(&mut large);
    assert_eq!(refused.unwrap_err(), SetupError::NotByHand(SetupFlags::CQE32));
    let mut ring = take_over::<squeue::Entry, cqueue::Entry32>(&mut large).unwrap();
    assert_eq!(three_nops(&mut ring), THREE);
}

#[test]
fn a_ring_that_cannot_be_mapped_stays_its_owners() {
    let mut raw = RawRing::open(8, raw::params(SetupFlags::empty())).unwrap();
    for nth in 0..2 {
        let kernel = Trace::failing(nth, Errno::ENOMEM);
        // SAFETY: the parameters are those of the descriptor, nobody else uses the ring, and nothing is queued.
        let failed =
            unsafe { IoUring::<squeue::Entry, cqueue::Entry, _>::from_fd_with(&kernel, raw.fd, raw.parameters()) };
        assert_eq!(failed.unwrap_err(), SetupError::Kernel(SetupCall::Map, Errno::ENOMEM));
        assert!(!kernel.take().iter().any(|call| matches!(call, Call::Close { .. })));
    }
    let mut ring: Ring = take_over(&mut raw).unwrap();
    assert_eq!(three_nops(&mut ring), THREE);
}

#[test]
fn the_new_ring_closes_its_descriptor() {
    let mut raw = RawRing::open(8, raw::params(SetupFlags::empty())).unwrap();
    let kernel = Trace::new();
    // SAFETY: the parameters are those of the descriptor, nobody else uses the ring, and nothing is queued.
    let ring = unsafe { IoUring::<squeue::Entry, cqueue::Entry, _>::from_fd_with(&kernel, raw.fd, raw.parameters()) };
    let ring = ring.unwrap();
    raw.disown();
    kernel.take();
    drop(ring);
    let calls = kernel.take();
    assert!(
        matches!(calls[..], [Call::Unmap { .. }, Call::Unmap { .. }, Call::Close { fd }] if fd == raw.fd),
        "{calls:?}"
    );
}

/// Returns the parameters of a real ring, for descriptors that are not rings.
fn of_a_ring() -> Parameters {
    RawRing::open(8, raw::params(SetupFlags::empty())).unwrap().parameters()
}

#[test]
fn what_is_no_ring_is_refused_by_the_kernel() {
    let take = |fd| {
        // SAFETY: the descriptor can't be mapped, so that what the parameters say is not looked for.
        unsafe { IoUring::<squeue::Entry, cqueue::Entry>::from_fd(fd, of_a_ring()) }.unwrap_err()
    };
    let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
    assert_eq!(take(event.as_raw_fd()), SetupError::Kernel(SetupCall::Map, Errno::ENODEV));
    // Mapping asks for a file that can be written.
    let file = std::fs::File::open("Cargo.toml").unwrap();
    assert_eq!(take(file.as_raw_fd()), SetupError::Kernel(SetupCall::Map, Errno::EACCES));
    // A number above the limit on descriptors.
    assert_eq!(take(i32::MAX), SetupError::Kernel(SetupCall::Map, Errno::EBADF));
    assert_eq!(take(-1), SetupError::Kernel(SetupCall::Map, Errno::EBADF));
}

/// A ring that has an index and no descriptor can't be taken over by a number: as a descriptor it is another file's.
#[test]
fn an_index_is_not_taken_for_a_descriptor() {
    let params = raw::params(SetupFlags::NO_MMAP | SetupFlags::REGISTERED_FD_ONLY);
    let kernel = Meddler::default();
    // SAFETY: no call is made on a descriptor that the parameters do not belong to, unless the crate is at fault.
    let taken =
        unsafe { IoUring::<squeue::Entry, cqueue::Entry, _>::from_fd_with(&kernel, 0, Parameters::from_raw(params)) };
    assert_eq!(taken.unwrap_err(), SetupError::NotByHand(SetupFlags::REGISTERED_FD_ONLY));
    assert_eq!(kernel.trace.take(), []);
}

#[test]
fn requests_in_flight_complete_in_the_new_ring() {
    let mut raw = RawRing::open(8, raw::params(SetupFlags::empty())).unwrap();
    let mut first: Ring = take_over(&mut raw).unwrap();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let mut buffer = [0_u8; 4];
    let read = opcode::Read::new(bare_uring::types::Fd(reader.as_raw_fd()), buffer.as_mut_ptr(), 4).build();
    push(&mut first, read.user_data(9));
    assert_eq!(first.submit(), Ok(1));
    let mut second: Ring = take_over(&mut abandon(first)).unwrap();
    rustix::io::write(&writer, b"ring").unwrap();
    assert_eq!(second.submitter().wait(1), Ok(()));
    assert_eq!(second.completion().map(|cqe| cqe.plain()).collect::<Vec<_>>(), [(9, Ok(4))]);
    assert_eq!(&buffer, b"ring");
}
