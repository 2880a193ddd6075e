//! Restrictions on the real kernel: what they let through, and when they can be set. Those of a task (since 7.0) are
//! compared byte by byte, and refused cleanly by kernels before.

mod common;

use bare_uring::register::{Probe, Restriction, TaskRestrictions, restrict_task};
use bare_uring::squeue::Flags;
use bare_uring::types::Fd;
use bare_uring::uapi::io_uring_register_op::{
    IORING_REGISTER_ENABLE_RINGS, IORING_REGISTER_PROBE, IORING_REGISTER_RESTRICTIONS, IORING_UNREGISTER_RING_FDS,
};
use bare_uring::{Builder, Errno, IoUring, Linux, opcode};
use common::requests::{Recorder, Told, ring, ring_on, run};
use common::{needs, nop, older_than, refused};

const NOP: Restriction = Restriction::sqe_op(opcode::Nop::CODE);
const PROBE: Restriction = Restriction::register_op(IORING_REGISTER_PROBE as u8);

fn disabled() -> IoUring {
    Builder::new().setup_r_disabled().build(8).unwrap()
}

/// A ring that was enabled with these restrictions.
fn restricted(restrictions: &[Restriction]) -> IoUring {
    let ring = disabled();
    assert_eq!(ring.submitter().register_restrictions(restrictions), Ok(()));
    assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
    ring
}

#[test]
fn an_opcode_that_is_not_allowed_comes_back_denied() {
    let mut ring = restricted(&[NOP]);
    assert_eq!(run(&mut ring, nop(0)), Ok(0));
    assert_eq!(run(&mut ring, opcode::Close::new(Fd(-1)).build()), Err(Errno::EACCES));
    assert_eq!(run(&mut ring, nop(0)), Ok(0));
}

#[test]
fn a_registration_that_is_not_allowed_is_denied() {
    let ring = restricted(&[NOP, PROBE]);
    let submitter = ring.submitter();
    assert_eq!(submitter.register_probe(&mut Probe::new()), Ok(()));
    assert_eq!(submitter.register_files_sparse(1), Err(Errno::EACCES));
    assert_eq!(submitter.register_personality(), Err(Errno::EACCES));
}

#[test]
fn flags_must_be_allowed() {
    let mut ring = restricted(&[NOP, Restriction::sqe_flags_allowed(Flags::ASYNC | Flags::IO_DRAIN)]);
    assert_eq!(run(&mut ring, nop(0)), Ok(0));
    assert_eq!(run(&mut ring, nop(0).flags(Flags::ASYNC)), Ok(0));
    assert_eq!(run(&mut ring, nop(0).flags(Flags::IO_LINK)), Err(Errno::EACCES));
}

#[test]
fn flags_can_be_required_and_are_allowed_then() {
    let mut ring = restricted(&[NOP, Restriction::sqe_flags_required(Flags::ASYNC)]);
    assert_eq!(run(&mut ring, nop(0)), Err(Errno::EACCES));
    assert_eq!(run(&mut ring, nop(0).flags(Flags::ASYNC)), Ok(0));
    assert_eq!(run(&mut ring, nop(0).flags(Flags::ASYNC | Flags::IO_DRAIN)), Err(Errno::EACCES));
}

#[test]
fn an_empty_list_forbids_everything() {
    let mut ring = restricted(&[]);
    assert_eq!(run(&mut ring, nop(0)), Err(Errno::EACCES));
    assert_eq!(ring.submitter().register_files_sparse(1), Err(Errno::EACCES));
}

#[test]
fn nothing_is_restricted_before_the_ring_is_enabled() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let ring = disabled();
    assert_eq!(ring.submitter().register_restrictions(&[NOP]), Ok(()));
    assert_eq!(ring.submitter().register_files_sparse(1), Ok(()));
    assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
    // A list that allows requests only leaves registrations alone, since 7.0.
    let expected = if older_than(7, 0) { Err(Errno::EACCES) } else { Ok(()) };
    assert_eq!(ring.submitter().unregister_files(), expected);
}

#[test]
fn what_was_registered_before_stays_though_it_is_not_allowed_afterwards() {
    needs!(5, 19, "IORING_RSRC_REGISTER_SPARSE");
    let ring = disabled();
    let both = [NOP, Restriction::register_op(IORING_REGISTER_ENABLE_RINGS as u8)];
    assert_eq!(ring.submitter().register_restrictions(&both), Ok(()));
    assert_eq!(ring.submitter().register_files_sparse(1), Ok(()));
    assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
    assert_eq!(ring.submitter().unregister_files(), Err(Errno::EACCES));
}

#[test]
fn restrictions_are_set_once_and_only_while_the_ring_is_disabled() {
    assert_eq!(ring().submitter().register_restrictions(&[NOP]), Err(Errno::EBADFD));
    let ring = disabled();
    assert_eq!(ring.submitter().register_restrictions(&[NOP]), Ok(()));
    assert_eq!(ring.submitter().register_restrictions(&[NOP]), Err(Errno::EBUSY));
}

#[test]
fn what_the_kernel_does_not_know_cannot_be_allowed() {
    let mut ring = disabled();
    let submitter = ring.submitter();
    assert_eq!(submitter.register_restrictions(&[NOP, Restriction::sqe_op(255)]), Err(Errno::EINVAL));
    assert_eq!(submitter.register_restrictions(&[Restriction::register_op(255)]), Err(Errno::EINVAL));
    assert_eq!(submitter.register_restrictions(&[NOP; 1000]), Err(Errno::EINVAL), "more than there are opcodes");
    assert_eq!(submitter.register_enable_rings(), Ok(()));
    assert_eq!(run(&mut ring, opcode::Close::new(Fd(-1)).build()), Err(Errno::EBADF), "nothing is restricted");
}

/// Where the ring's own restrictions forbid that, another ring does it: the table is the task's.
#[test]
fn a_restricted_ring_gives_its_registered_fd_back_whether_that_is_allowed_or_not() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    for allow in [&[NOP, Restriction::register_op(IORING_UNREGISTER_RING_FDS as u8)][..], &[NOP], &[]] {
        for _ in 0..40 {
            let ring = disabled().register_ring_fd().map_err(|(_, errno)| errno).expect("a free place");
            assert_eq!(ring.submitter().register_restrictions(allow), Ok(()));
            assert_eq!(ring.submitter().register_enable_rings(), Ok(()));
        }
    }
}

#[test]
fn each_restriction_has_16_bytes() {
    // SAFETY: the only registration here has four restrictions.
    let kernel = unsafe { Recorder::answering(64, Ok(0)) };
    let list = [
        Restriction::register_op(IORING_REGISTER_ENABLE_RINGS as u8),
        Restriction::sqe_op(22),
        Restriction::sqe_flags_allowed(Flags::IO_LINK),
        Restriction::sqe_flags_required(Flags::FIXED_FILE),
    ];
    let ring = ring_on(&kernel);
    assert_eq!(ring.submitter().register_restrictions(&list), Ok(()));
    let bytes = [(0, 12), (1, 22), (2, 1 << 2), (3, 1)].map(|(kind, value)| restriction(kind, value)).concat();
    let operation = IORING_REGISTER_RESTRICTIONS as u32;
    assert_eq!(kernel.told(), [Told { fd: ring.fd(), operation, count: 4, bytes }]);
}

/// A restriction as it lies in memory.
fn restriction(kind: u16, value: u8) -> Vec<u8> {
    let mut bytes = kind.to_ne_bytes().to_vec();
    bytes.push(value);
    bytes.resize(16, 0);
    bytes
}

#[test]
fn the_restrictions_of_a_task_go_out_without_a_ring() {
    let expected = |restrictions: &[Vec<u8>]| {
        let mut bytes = vec![0; 16];
        bytes[2..4].copy_from_slice(&(restrictions.len() as u16).to_ne_bytes());
        bytes.extend(restrictions.concat());
        [Told { fd: -1, operation: IORING_REGISTER_RESTRICTIONS as u32, count: 1, bytes }]
    };
    // SAFETY: the only registration here has a header and two restrictions.
    let kernel = unsafe { Recorder::answering(48, Ok(0)) };
    assert_eq!(restrict_task(&kernel, TaskRestrictions::new([NOP, PROBE])), Ok(()));
    assert_eq!(kernel.told(), expected(&[restriction(1, 0), restriction(0, 8)]));

    // SAFETY: the only registration here has a header.
    let kernel = unsafe { Recorder::answering(16, Err(Errno::EPERM)) };
    assert_eq!(restrict_task(&kernel, TaskRestrictions::new([])), Err(Errno::EPERM));
    assert_eq!(kernel.told(), expected(&[]));
}

/// A thread of its own, since a task can never be rid of them. (Each test has one.)
#[test]
fn a_restricted_task_makes_restricted_rings() {
    needs!(6, 13, "registrations without a ring");
    match restrict_task(&Linux, TaskRestrictions::new([NOP])) {
        Err(Errno::EINVAL) => {
            let mut ring = ring();
            assert_eq!(run(&mut ring, opcode::Close::new(Fd(-1)).build()), Err(Errno::EBADF), "nothing is restricted");
            refused("a_restricted_task_makes_restricted_rings", "restrictions of tasks", (7, 0));
        }
        restricted => {
            assert_eq!(restricted, Ok(()));
            let mut ring = ring();
            assert_eq!(run(&mut ring, nop(0)), Ok(0));
            assert_eq!(run(&mut ring, opcode::Close::new(Fd(-1)).build()), Err(Errno::EACCES));
            assert_eq!(restrict_task(&Linux, TaskRestrictions::new([NOP])), Err(Errno::EPERM));
        }
    }
}
