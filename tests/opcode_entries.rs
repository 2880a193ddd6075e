//! Each opcode builds exactly the 64 bytes that the kernel expects: whole entries against literals.

mod common;

use bare_uring::opcode;
use bare_uring::types::{
    AtFlags, DestinationSlot, Fd, Fixed, FsyncFlags, IoVec, OpenFlags, PollEvents, RwFlags, StatxBuffer, StatxMask,
    TimeoutFlags, Timespec,
};
use common::sqe::{Sqe, at, check};

#[test]
fn read_and_write() {
    check(
        opcode::Read::new(Fd(5), at(0x1000), 77).offset(1 << 40).ioprio(3).rw_flags(RwFlags(8)).build(),
        &Sqe { opcode: 22, fd: 5, off: 1 << 40, addr: 0x1000, len: 77, ioprio: 3, op_flags: 8, ..Sqe::default() },
    );
    check(
        opcode::Read::new(Fixed(4), at(0), 9).buf_group(12).build(),
        &Sqe { opcode: 22, flags: 1 | 1 << 5, fd: 4, len: 9, buf_index: 12, ..Sqe::default() },
    );
    check(
        opcode::Write::new(Fd(6), at(0x2000), u32::MAX).offset(u64::MAX).build(),
        &Sqe { opcode: 23, fd: 6, off: u64::MAX, addr: 0x2000, len: u32::MAX, ..Sqe::default() },
    );
}

#[test]
fn vectored() {
    check(
        opcode::Readv::new(Fd(5), at::<IoVec>(0x3000), 2).offset(4).build(),
        &Sqe { opcode: 1, fd: 5, off: 4, addr: 0x3000, len: 2, ..Sqe::default() },
    );
    check(
        opcode::Writev::new(Fixed(1), at::<IoVec>(0x3000), 3).rw_flags(RwFlags(2)).build(),
        &Sqe { opcode: 2, flags: 1, fd: 1, addr: 0x3000, len: 3, op_flags: 2, ..Sqe::default() },
    );
}

#[test]
fn registered_buffers() {
    check(
        opcode::ReadFixed::new(Fd(5), at(0x4000), 10, 65_535).offset(20).build(),
        &Sqe { opcode: 4, fd: 5, off: 20, addr: 0x4000, len: 10, buf_index: 65_535, ..Sqe::default() },
    );
    check(
        opcode::WriteFixed::new(Fixed(2), at(0x4000), 10, 1).build(),
        &Sqe { opcode: 5, flags: 1, fd: 2, addr: 0x4000, len: 10, buf_index: 1, ..Sqe::default() },
    );
}

#[test]
fn fsync_whole_and_range() {
    check(opcode::Fsync::new(Fd(3)).build(), &Sqe { opcode: 3, fd: 3, ..Sqe::default() });
    check(
        opcode::Fsync::new(Fixed(3)).flags(FsyncFlags::DATASYNC).range(4096, 8192).build(),
        &Sqe { opcode: 3, flags: 1, fd: 3, off: 4096, len: 8192, op_flags: 1, ..Sqe::default() },
    );
}

#[test]
fn close_of_a_slot_never_wraps_to_a_descriptor() {
    check(opcode::Close::new(Fd(9)).build(), &Sqe { opcode: 19, fd: 9, ..Sqe::default() });
    check(opcode::Close::new(Fixed(0)).build(), &Sqe { opcode: 19, file_index: 1, ..Sqe::default() });
    check(opcode::Close::new(Fixed(u32::MAX)).build(), &Sqe { opcode: 19, file_index: u32::MAX, ..Sqe::default() });
}

#[test]
fn open() {
    check(
        opcode::OpenAt::new(Fd::CWD, at(0x5000)).flags(OpenFlags(0o100)).mode(0o644).build(),
        &Sqe { opcode: 18, fd: -100, addr: 0x5000, len: 0o644, op_flags: 0o100, ..Sqe::default() },
    );
    check(
        opcode::OpenAt::new(Fd(7), at(0x5000)).file_index(DestinationSlot::ALLOCATE).build(),
        &Sqe { opcode: 18, fd: 7, addr: 0x5000, file_index: u32::MAX, ..Sqe::default() },
    );
}

#[test]
fn statx() {
    check(
        opcode::Statx::new(Fd::CWD, at(0x6000), at::<StatxBuffer>(0x7000))
            .flags(AtFlags(0x1000))
            .mask(StatxMask(0x7ff))
            .build(),
        &Sqe { opcode: 21, fd: -100, off: 0x7000, addr: 0x6000, len: 0x7ff, op_flags: 0x1000, ..Sqe::default() },
    );
}

#[test]
fn poll() {
    // Half-words are swapped on big endian.
    let events = |bits: u32| if cfg!(target_endian = "big") { bits.rotate_left(16) } else { bits };
    check(
        opcode::PollAdd::new(Fd(8), PollEvents(0x2001)).build(),
        &Sqe { opcode: 6, fd: 8, op_flags: events(0x2001), ..Sqe::default() },
    );
    check(
        opcode::PollAdd::new(Fixed(8), PollEvents(1)).multi().build(),
        &Sqe { opcode: 6, flags: 1, fd: 8, len: 1, op_flags: events(1), ..Sqe::default() },
    );
    check(opcode::PollRemove::new(42).build(), &Sqe { opcode: 7, fd: -1, addr: 42, ..Sqe::default() });
}

#[test]
fn timeouts() {
    check(
        opcode::Timeout::new(at::<Timespec>(0x8000)).count(3).flags(TimeoutFlags::ABS).build(),
        &Sqe { opcode: 11, fd: -1, off: 3, addr: 0x8000, len: 1, op_flags: 1, ..Sqe::default() },
    );
    check(opcode::TimeoutRemove::new(43).build(), &Sqe { opcode: 12, fd: -1, addr: 43, ..Sqe::default() });
    check(
        opcode::LinkTimeout::new(at::<Timespec>(0x8000)).flags(TimeoutFlags::BOOTTIME).build(),
        &Sqe { opcode: 15, fd: -1, addr: 0x8000, len: 1, op_flags: 4, ..Sqe::default() },
    );
}

#[test]
fn cancel() {
    check(opcode::AsyncCancel::new(44).build(), &Sqe { opcode: 14, fd: -1, addr: 44, ..Sqe::default() });
    check(opcode::AsyncCancel::any().all().build(), &Sqe { opcode: 14, fd: -1, op_flags: 5, ..Sqe::default() });
}
