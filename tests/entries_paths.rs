//! Requests on paths and extended attributes build exactly the 64 bytes that the kernel expects: whole entries are compared
//! with literals.

mod common;

use bare_uring::opcode;
use bare_uring::types::{
    AtFlags, DestinationSlot, Fd, Fixed, OpenFlags, OpenHow, RenameFlags, ResolveFlags, StatxBuffer, StatxMask,
    XattrFlags,
};
use common::sqe::{Sqe, at, bytes_of, check, far, slot};

#[test]
fn open() {
    check(
        opcode::OpenAt::new(Fd::CWD, at(0x5000)).flags(OpenFlags(0o100)).mode(0o644).build(),
        &Sqe { opcode: 18, fd: -100, addr: far(0x5000), len: 0o644, op_flags: 0o100, ..Sqe::default() },
    );
    check(
        opcode::OpenAt::new(Fd(0x1234_5607), at(0x5000)).file_index(DestinationSlot::ALLOCATE).build(),
        &Sqe { opcode: 18, fd: 0x1234_5607, addr: far(0x5000), file_index: u32::MAX, ..Sqe::default() },
    );
}

#[test]
fn statx() {
    check(
        opcode::Statx::new(Fd::CWD, at(0x6000), at::<StatxBuffer>(0x7000))
            .flags(AtFlags(0x1000))
            .mask(StatxMask(0x7ff))
            .build(),
        &Sqe {
            opcode: 21,
            fd: -100,
            off: far(0x7000),
            addr: far(0x6000),
            len: 0x7ff,
            op_flags: 0x1000,
            ..Sqe::default()
        },
    );
}

#[test]
fn open_how() {
    check(
        opcode::OpenAt2::new(Fd::CWD, at(0x5000), at::<OpenHow>(0xe000)).build(),
        &Sqe { opcode: 28, fd: -100, off: far(0xe000), addr: far(0x5000), len: 24, ..Sqe::default() },
    );
    check(
        opcode::OpenAt2::new(Fd(0x1234_5607), at(0x5000), at::<OpenHow>(0xe000)).file_index(slot(0x4_0003)).build(),
        &Sqe {
            opcode: 28,
            fd: 0x1234_5607,
            off: far(0xe000),
            addr: far(0x5000),
            len: 24,
            file_index: 0x4_0004,
            ..Sqe::default()
        },
    );
    let mut expected = [0; 24];
    expected[0..8].copy_from_slice(&0o100_u64.to_ne_bytes());
    expected[8..16].copy_from_slice(&0o640_u64.to_ne_bytes());
    expected[16..24].copy_from_slice(&8_u64.to_ne_bytes());
    assert_eq!(bytes_of(OpenHow::new().flags(OpenFlags(0o100)).mode(0o640).resolve(ResolveFlags(8))), expected);
}

#[test]
fn names() {
    let (old, new) = (at(0x5000), at(0x6000));
    let both = |opcode| Sqe {
        opcode,
        fd: 0x1234_5607,
        off: far(0x6000),
        addr: far(0x5000),
        len: 0x1234_5608,
        ..Sqe::default()
    };
    check(opcode::RenameAt::new(Fd(0x1234_5607), old, Fd(0x1234_5608), new).build(), &both(35));
    check(
        opcode::RenameAt::new(Fd::CWD, old, Fd::CWD, new).flags(RenameFlags(1)).build(),
        &Sqe { fd: -100, len: 0xffff_ff9c, op_flags: 1, ..both(35) },
    );
    check(opcode::LinkAt::new(Fd(0x1234_5607), old, Fd(0x1234_5608), new).build(), &both(39));
    check(
        opcode::LinkAt::new(Fd::CWD, old, Fd::CWD, new).flags(AtFlags(0x400)).build(),
        &Sqe { fd: -100, len: 0xffff_ff9c, op_flags: 0x400, ..both(39) },
    );
    check(opcode::SymlinkAt::new(Fd(0x1234_5607), old, new).build(), &Sqe { len: 0, ..both(38) });
    check(
        opcode::UnlinkAt::new(Fd(0x1234_5607), old).build(),
        &Sqe { opcode: 36, fd: 0x1234_5607, addr: far(0x5000), ..Sqe::default() },
    );
    check(
        opcode::UnlinkAt::new(Fd::CWD, old).flags(AtFlags(0x200)).build(),
        &Sqe { opcode: 36, fd: -100, addr: far(0x5000), op_flags: 0x200, ..Sqe::default() },
    );
    check(
        opcode::MkDirAt::new(Fd(0x1234_5607), old).build(),
        &Sqe { opcode: 37, fd: 0x1234_5607, addr: far(0x5000), ..Sqe::default() },
    );
    check(
        opcode::MkDirAt::new(Fd::CWD, old).mode(0o750).build(),
        &Sqe { opcode: 37, fd: -100, addr: far(0x5000), len: 0o750, ..Sqe::default() },
    );
}

#[test]
fn extended_attributes() {
    let (name, path) = (at(0x5000), at(0x6000));
    let base = |opcode, fd| Sqe { opcode, fd, off: far(0xf000), addr: far(0x5000), len: 0x9000_0009, ..Sqe::default() };
    check(opcode::FSetXattr::new(Fd(0x1234_5605), name, at(0xf000), 0x9000_0009).build(), &base(41, 0x1234_5605));
    check(
        opcode::FSetXattr::new(Fixed(0x1234_5605), name, at(0xf000), 0x9000_0009).flags(XattrFlags(2)).build(),
        &Sqe { flags: 1, op_flags: 2, ..base(41, 0x1234_5605) },
    );
    check(
        opcode::SetXattr::new(name, at(0xf000), path, 0x9000_0009).flags(XattrFlags(1)).build(),
        &Sqe { addr3: far(0x6000), op_flags: 1, ..base(42, -1) },
    );
    check(opcode::FGetXattr::new(Fd(0x1234_5605), name, at(0xf000), 0x9000_0009).build(), &base(43, 0x1234_5605));
    check(
        opcode::FGetXattr::new(Fixed(0x1234_5605), name, at(0xf000), 0x9000_0009).build(),
        &Sqe { flags: 1, ..base(43, 0x1234_5605) },
    );
    check(
        opcode::GetXattr::new(name, at(0xf000), path, 0x9000_0009).build(),
        &Sqe { addr3: far(0x6000), ..base(44, -1) },
    );
}
