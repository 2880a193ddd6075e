//! Entering a ring that can't be entered: each reason has its own errno, and nothing queued is lost.

mod common;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use bare_uring::squeue::Entry;
use bare_uring::uapi::io_uring_params;
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, Parameters, cqueue};
use common::ring_memory::{bounded, nops, taken};
use common::{needs, nop, push};

#[test]
fn a_disabled_ring_is_ebadfd_until_it_is_enabled() {
    let mut ring = Builder::<Entry>::new().setup_r_disabled().build(8).unwrap();
    push(&mut ring, nop(0));
    let submitter = ring.submitter();
    let all = [submitter.submit(), submitter.submit_and_wait(1), submitter.wait(1).map(|()| 0)];
    assert_eq!(all, [Err(Errno::EBADFD); 3]);
    assert_eq!(submitter.register_enable_rings(), Ok(()));
    assert_eq!((ring.submit(), taken(&mut ring)), (Ok(1), nops(0..1)));
    assert_eq!(ring.submitter().register_enable_rings(), Err(Errno::EBADFD));
}

#[test]
fn another_task_on_a_single_issuer_ring_is_eexist() {
    needs!(6, 0, "IORING_SETUP_SINGLE_ISSUER");
    let defer = Builder::<Entry>::new().setup_single_issuer().setup_defer_taskrun().clone();
    for builder in [Builder::new().setup_single_issuer().clone(), defer] {
        let mut ring = builder.build(8).unwrap();
        push(&mut ring, nop(0));
        let (outcome, ring) = bounded(move || (ring.submit(), ring));
        let mut ring = ring;
        assert_eq!((outcome, ring.submission().len()), (Err(Errno::EEXIST), 1));
        assert_eq!((ring.submit(), taken(&mut ring)), (Ok(1), nops(0..1)));
    }
}

#[test]
fn another_task_may_not_wait_on_a_defer_taskrun_ring() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let ring = Builder::<Entry>::new().setup_single_issuer().setup_defer_taskrun().build(8).unwrap();
    assert_eq!(bounded(move || ring.submitter().wait(1)), Err(Errno::EEXIST));
}

/// A ring whose descriptor is `lowest` or the next one free: each test its own, so high that no other gets the number.
fn high_up(lowest: i32, entries: u32) -> IoUring {
    // SAFETY: the structure is all integers.
    let mut params: io_uring_params = unsafe { std::mem::zeroed() };
    // SAFETY: no memory is provided.
    let low = unsafe { Linux.setup(entries, &mut params) }.unwrap().cast_signed();
    // SAFETY: the descriptor was made just now.
    let low = unsafe { OwnedFd::from_raw_fd(low) };
    let high = rustix::io::fcntl_dupfd_cloexec(&low, lowest).unwrap();
    drop(low);
    let fd = std::os::fd::IntoRawFd::into_raw_fd(high);
    // SAFETY: the parameters are those of this ring, which nobody else uses.
    unsafe { IoUring::<Entry, cqueue::Entry>::from_fd(fd, Parameters::from_raw(params)) }.unwrap()
}

#[test]
fn a_closed_descriptor_is_ebadf() {
    let mut ring = high_up(700, 8);
    push(&mut ring, nop(0));
    // SAFETY: the ring is told about it by the errors below; nobody else is given the number.
    unsafe { rustix::io::close(ring.fd()) };
    let submitter = ring.submitter();
    let all = [submitter.submit(), submitter.submit_and_wait(1), submitter.wait(1).map(|()| 0)];
    assert_eq!((all, ring.submission().len()), ([Err(Errno::EBADF); 3], 1));
}

#[test]
fn a_descriptor_that_is_another_file_by_now_is_eopnotsupp() {
    let mut ring = high_up(800, 8);
    push(&mut ring, nop(0));
    let null = std::fs::File::open("/dev/null").unwrap();
    // SAFETY: the number is the ring's, whose file this test replaces; the ring closes it at the end.
    let mut number = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(ring.fd()) });
    rustix::io::dup2(&null, &mut number).unwrap();
    // SAFETY: it stays open until the ring is dropped.
    let number = unsafe { BorrowedFd::borrow_raw(number.as_raw_fd()) };
    assert!(rustix::fs::fstat(number.as_fd()).is_ok());
    let submitter = ring.submitter();
    let all = [submitter.submit(), submitter.submit_and_wait(1), submitter.wait(1).map(|()| 0)];
    assert_eq!((all, ring.submission().len()), ([Err(Errno::EOPNOTSUPP); 3], 1));
}
