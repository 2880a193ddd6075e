//! Numbers reach the entry whole: each stands here with a bit in every byte, which a field that is too narrow would cut.

mod common;

use bare_uring::opcode;
use bare_uring::types::{
    AtFlags, DestinationSlot, EpollEvent, EpollOp, Fd, FileAdvice, Fixed, MsgHdr, RwFlags, SpliceFlags, StatxBuffer,
    StatxMask,
};
use common::sqe::{Sqe, at, check};

const GROUP: u16 = 0xa5c3;
const NUMBER: u32 = 0x8142_2418;
const SELECT: u8 = 1 << 5;

#[test]
fn groups_of_buffers() {
    let base = |opcode| Sqe { opcode, flags: SELECT, fd: 5, buf_index: GROUP, ..Sqe::default() };
    let fd = Fd(5);
    check(opcode::Read::new(fd, at(0), 0).buf_group(GROUP).build(), &base(22));
    check(opcode::Readv::new(fd, at(0), 0).buf_group(GROUP).build(), &base(1));
    check(opcode::ReadMulti::new(fd, GROUP).build(), &base(49));
    check(opcode::Recv::new(fd, at(0), 0).buf_group(GROUP).build(), &base(27));
    check(opcode::Recv::multi(fd, GROUP).build(), &Sqe { ioprio: 2, ..base(27) });
    check(opcode::RecvMsg::new(fd, at::<MsgHdr>(0)).buf_group(GROUP).build(), &Sqe { len: 1, ..base(10) });
    check(opcode::Send::new(fd, at(0), 0).buf_group(GROUP).build(), &base(26));
    check(opcode::UringCmd16::new(fd, 0).multishot(GROUP).build(), &Sqe { op_flags: 2, ..base(46) });
}

#[test]
fn buffers_provided_and_taken_back() {
    check(
        opcode::ProvideBuffers::new(at(0), NUMBER, u16::MAX, GROUP, 0xc35a).build(),
        &Sqe { opcode: 31, fd: 0xffff, off: 0xc35a, len: NUMBER, buf_index: GROUP, ..Sqe::default() },
    );
    check(
        opcode::RemoveBuffers::new(u16::MAX, GROUP).build(),
        &Sqe { opcode: 32, fd: 0xffff, buf_index: GROUP, ..Sqe::default() },
    );
}

#[test]
fn registered_buffers() {
    let base = |opcode| Sqe { opcode, fd: 5, buf_index: GROUP, ..Sqe::default() };
    let transfer = |opcode| Sqe { ioprio: 4, ..base(opcode) };
    let fd = Fd(5);
    check(opcode::ReadFixed::new(fd, at(0), 0, GROUP).build(), &base(4));
    check(opcode::WriteFixed::new(fd, at(0), 0, GROUP).build(), &base(5));
    check(opcode::ReadvFixed::new(fd, at(0), 0, GROUP).build(), &base(60));
    check(opcode::WritevFixed::new(fd, at(0), 0, GROUP).build(), &base(61));
    check(opcode::Recv::new(fd, at(0), 0).buf_index(GROUP).build(), &transfer(27));
    check(opcode::Send::new(fd, at(0), 0).buf_index(GROUP).build(), &transfer(26));
    check(opcode::SendZc::new(fd, at(0), 0).buf_index(GROUP).build(), &transfer(47));
    check(opcode::SendMsgZc::new(fd, at::<MsgHdr>(0)).buf_index(GROUP).build(), &Sqe { len: 1, ..transfer(48) });
    check(opcode::Nop::new().fixed_buffer(GROUP).build(), &Sqe { fd: 0, op_flags: 8, ..base(0) });
    check(opcode::UringCmd16::new(fd, 0).fixed_buffer(GROUP).build(), &Sqe { op_flags: 1, ..base(46) });
}

#[test]
fn zero_copy_instances() {
    check(
        opcode::RecvZc::new(Fd(5), NUMBER).len(u32::MAX).build(),
        &Sqe { opcode: 58, ioprio: 2, fd: 5, len: u32::MAX, file_index: NUMBER, ..Sqe::default() },
    );
}

#[test]
fn slots() {
    let slot = DestinationSlot::at(NUMBER).unwrap();
    check(
        opcode::OpenAt::new(Fd::CWD, at(0)).file_index(slot).build(),
        &Sqe { opcode: 18, fd: -100, file_index: NUMBER + 1, ..Sqe::default() },
    );
    check(
        opcode::MsgRingSendFd::new(Fd(5), Fixed(NUMBER), slot, u64::MAX).build(),
        &Sqe {
            opcode: 40,
            fd: 5,
            off: u64::MAX,
            addr: 1,
            file_index: NUMBER + 1,
            addr3: NUMBER.into(),
            ..Sqe::default()
        },
    );
    check(
        opcode::Splice::new(Fixed(NUMBER), 0, Fd(6), 0, 9).flags(SpliceFlags(0x7fff_ffff)).build(),
        &Sqe { opcode: 30, fd: 6, len: 9, op_flags: u32::MAX, file_index: NUMBER, ..Sqe::default() },
    );
}

#[test]
fn flags_and_masks_of_system_calls() {
    check(
        opcode::Read::new(Fd(5), at(0), u32::MAX).rw_flags(RwFlags(NUMBER)).build(),
        &Sqe { opcode: 22, fd: 5, len: u32::MAX, op_flags: NUMBER, ..Sqe::default() },
    );
    check(
        opcode::Statx::new(Fd(5), at(0), at::<StatxBuffer>(0)).mask(StatxMask(u32::MAX)).flags(AtFlags(NUMBER)).build(),
        &Sqe { opcode: 21, fd: 5, len: u32::MAX, op_flags: NUMBER, ..Sqe::default() },
    );
    check(
        opcode::EpollCtl::new(Fd(-7), Fd(-2), EpollOp(NUMBER), at::<EpollEvent>(0)).build(),
        &Sqe { opcode: 29, fd: -7, off: 0xffff_fffe, len: NUMBER, ..Sqe::default() },
    );
}

/// The largest length that every kernel reads is kept where it reads it.
#[test]
fn advice_about_the_largest_short_length() {
    check(
        opcode::Fadvise::new(Fd(5), 0xffff_ffff, FileAdvice(NUMBER)).build(),
        &Sqe { opcode: 24, fd: 5, len: u32::MAX, op_flags: NUMBER, ..Sqe::default() },
    );
}

/// An address fills the field on targets where it can, and is zero-extended where it is shorter.
#[test]
fn addresses() {
    let highest = usize::MAX - 7;
    check(
        opcode::Read::new(Fd(5), std::ptr::without_provenance_mut(highest), 0).build(),
        &Sqe { opcode: 22, fd: 5, addr: highest as u64, ..Sqe::default() },
    );
}
