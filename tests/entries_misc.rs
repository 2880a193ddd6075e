//! Nops, messages and commands, and what every request has, build exactly the bytes that the kernel expects: whole
//! entries are compared with literals.

mod common;

use bare_uring::opcode;
use bare_uring::squeue::{Entry128, Flags};
use bare_uring::types::{DestinationSlot, Fd, Fixed};
use bare_uring::{cqueue, uapi};
use common::sqe::{Sqe, at, check, far};

/// Puts 16 bytes of a command into the entry, from its 48th byte on.
fn from_cmd(sqe: Sqe, cmd: &[u8; 16]) -> Sqe {
    let word = |at: usize| u64::from_ne_bytes(cmd[at..at + 8].try_into().unwrap());
    Sqe { addr3: word(0), pad: word(8), ..sqe }
}

/// Both halves of a large entry.
#[track_caller]
fn check_large(entry: impl Into<Entry128>, expected: &Sqe, rest: [u8; 64]) {
    let mut bytes = [0; 128];
    bytes[..64].copy_from_slice(&expected.bytes());
    bytes[64..].copy_from_slice(&rest);
    assert_eq!(entry.into().to_bytes(), bytes);
}

/// Two 32-bit fields in the place of a 64-bit one.
fn pair(first: u32, second: u32) -> u64 {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&first.to_ne_bytes());
    bytes[4..].copy_from_slice(&second.to_ne_bytes());
    u64::from_ne_bytes(bytes)
}

#[test]
fn nop() {
    let sqe = || Sqe { opcode: 0, fd: 0, ..Sqe::default() };
    check(opcode::Nop::new().build(), &sqe());
    check(opcode::Nop::new().result(-7).build(), &Sqe { len: 0xffff_fff9, op_flags: 1, ..sqe() });
    check(opcode::Nop::new().file(Fd(0x1234_5603)).build(), &Sqe { fd: 0x1234_5603, op_flags: 2, ..sqe() });
    check(opcode::Nop::new().file(Fixed(0x1234_5603)).build(), &Sqe { fd: 0x1234_5603, op_flags: 2 | 4, ..sqe() });
    check(
        opcode::Nop::new().file(Fixed(0x1234_5603)).file(Fd(0x1234_5604)).build(),
        &Sqe { fd: 0x1234_5604, op_flags: 2, ..sqe() },
    );
    check(opcode::Nop::new().fixed_buffer(0xbc09).build(), &Sqe { buf_index: 0xbc09, op_flags: 8, ..sqe() });
    check(opcode::Nop::new().task_work().build(), &Sqe { op_flags: 16, ..sqe() });
    check(
        opcode::Nop::new().big([1 << 63 | 1, 1 << 62 | 2]).build(),
        &Sqe { off: 1 << 63 | 1, addr: 1 << 62 | 2, op_flags: 32, ..sqe() },
    );
    let all =
        Sqe { fd: 0x1234_5601, off: 1 << 63 | 5, addr: 1 << 62 | 6, len: 2, op_flags: 63, buf_index: 0xbc04, ..sqe() };
    let nop = opcode::Nop::new()
        .result(2)
        .file(Fixed(0x1234_5601))
        .fixed_buffer(0xbc04)
        .task_work()
        .big([1 << 63 | 5, 1 << 62 | 6]);
    check(nop.build(), &all);
    let nop = opcode::Nop128::new()
        .result(2)
        .file(Fixed(0x1234_5601))
        .fixed_buffer(0xbc04)
        .task_work()
        .big([1 << 63 | 5, 1 << 62 | 6]);
    check_large(nop.build(), &Sqe { opcode: 63, ..all }, [0; 64]);
    check_large(opcode::Nop128::default().build(), &Sqe { opcode: 63, ..sqe() }, [0; 64]);
}

#[test]
fn what_every_request_has() {
    let entry = opcode::Nop::new()
        .build()
        .flags(Flags::ASYNC)
        .flags(Flags::IO_LINK)
        .user_data(0x0123_4567_89ab_cdef)
        .personality(0xfedc);
    let expected =
        Sqe { fd: 0, flags: 16 | 4, user_data: 0x0123_4567_89ab_cdef, personality: 0xfedc, ..Sqe::default() };
    check(entry, &expected);
    assert_eq!((entry.opcode(), entry.get_user_data()), (0, 0x0123_4567_89ab_cdef));
    let entry = opcode::Nop128::new()
        .build()
        .flags(Flags::ASYNC)
        .flags(Flags::IO_LINK)
        .user_data(0x0123_4567_89ab_cdef)
        .personality(0xfedc);
    check_large(entry, &Sqe { opcode: 63, ..expected }, [0; 64]);
    assert_eq!((entry.opcode(), entry.get_user_data()), (63, 0x0123_4567_89ab_cdef));
}

#[test]
fn messages() {
    check(
        opcode::MsgRingData::new(Fd(0x1234_5605), -123_456, 0x7700_0000_0000_0077).build(),
        &Sqe {
            opcode: 40,
            fd: 0x1234_5605,
            off: 0x7700_0000_0000_0077,
            len: (-123_456_i32).cast_unsigned(),
            ..Sqe::default()
        },
    );
    check(
        opcode::MsgRingData::new(Fd(0x1234_5605), 1, u64::MAX).flags(cqueue::Flags::from_bits_retain(0x5_0003)).build(),
        &Sqe {
            opcode: 40,
            fd: 0x1234_5605,
            off: u64::MAX,
            len: 1,
            op_flags: 2,
            file_index: 0x5_0003,
            ..Sqe::default()
        },
    );
    check(
        opcode::MsgRingSendFd::new(
            Fd(0x1234_5605),
            Fixed(0x1234_5603),
            DestinationSlot::at(0x4_0008).unwrap(),
            0x7700_0000_0000_0077,
        )
        .build(),
        &Sqe {
            opcode: 40,
            fd: 0x1234_5605,
            off: 0x7700_0000_0000_0077,
            addr: 1,
            addr3: 0x1234_5603,
            file_index: 0x4_0009,
            ..Sqe::default()
        },
    );
    check(
        opcode::MsgRingSendFd::new(Fd(0x1234_5605), Fixed(u32::MAX), DestinationSlot::ALLOCATE, 0x7700_0000_0000_0077)
            .skip()
            .build(),
        &Sqe {
            opcode: 40,
            fd: 0x1234_5605,
            off: 0x7700_0000_0000_0077,
            addr: 1,
            op_flags: 1,
            addr3: 0xffff_ffff,
            file_index: u32::MAX,
            ..Sqe::default()
        },
    );
}

#[test]
fn commands_of_16_bytes() {
    let sqe = || Sqe { opcode: 46, fd: 0x1234_5605, off: pair(0xc0de_0005, 0), ..Sqe::default() };
    let new = || opcode::UringCmd16::new(Fd(0x1234_5605), 0xc0de_0005);
    let cmd: [u8; 16] = core::array::from_fn(|i| i as u8 + 1);
    check(new().build(), &sqe());
    check(new().cmd(cmd).build(), &from_cmd(sqe(), &cmd));
    check(
        new().addr(0xd000_0000_d000).len(0x9000_0009).build(),
        &Sqe { addr: 0xd000_0000_d000, len: 0x9000_0009, ..sqe() },
    );
    check(new().fixed_buffer(0xbc07).build(), &Sqe { op_flags: 1, buf_index: 0xbc07, ..sqe() });
    check(new().multishot(0xbc07).build(), &Sqe { flags: 1 << 5, op_flags: 2, buf_index: 0xbc07, ..sqe() });
    check(opcode::UringCmd16::new(Fixed(0x1234_5605), 0xc0de_0005).build(), &Sqe { flags: 1, ..sqe() });
}

#[test]
fn commands_of_80_bytes() {
    let cmd: [u8; 80] = core::array::from_fn(|i| i as u8 + 1);
    let (first, rest) = cmd.split_first_chunk::<16>().unwrap();
    let rest: [u8; 64] = rest.try_into().unwrap();
    let sqe = |opcode| Sqe { opcode, fd: 0x1234_5605, off: pair(0xc0de_0005, 0), ..Sqe::default() };
    check_large(opcode::UringCmd80::new(Fd(0x1234_5605), 0xc0de_0005).build(), &sqe(46), [0; 64]);
    check_large(
        opcode::UringCmd80::new(Fd(0x1234_5605), 0xc0de_0005).cmd(cmd).build(),
        &from_cmd(sqe(46), first),
        rest,
    );
    check_large(
        opcode::UringCmd80::new(Fixed(0x1234_5605), 0xc0de_0005)
            .cmd(cmd)
            .addr(1 << 63 | 1)
            .len(0x9000_0002)
            .fixed_buffer(0xbc03)
            .build(),
        &Sqe {
            flags: 1,
            addr: 1 << 63 | 1,
            len: 0x9000_0002,
            op_flags: 1,
            buf_index: 0xbc03,
            ..from_cmd(sqe(46), first)
        },
        rest,
    );
    check_large(
        opcode::UringCmd128::new(Fd(0x1234_5605), 0xc0de_0005).cmd(cmd).build(),
        &from_cmd(sqe(64), first),
        rest,
    );
    check_large(
        opcode::UringCmd128::new(Fd(0x1234_5605), 0xc0de_0005).multishot(0xbc03).build(),
        &Sqe { flags: 1 << 5, op_flags: 2, buf_index: 0xbc03, ..sqe(64) },
        [0; 64],
    );
}

#[test]
fn socket_commands() {
    let sqe = |command| Sqe { opcode: 46, fd: 0x1234_5605, off: pair(command, 0), ..Sqe::default() };
    check(opcode::SiocInq::new(Fd(0x1234_5605)).build(), &sqe(0));
    check(opcode::SiocOutq::new(Fixed(0x1234_5605)).build(), &Sqe { flags: 1, ..sqe(1) });
    check(
        opcode::GetSockOpt::new(Fd(0x1234_5605), 0x1_0001, 0x2_0003, at(0xe000), 0x3_0004).build(),
        &Sqe { addr: pair(0x1_0001, 0x2_0003), addr3: far(0xe000), file_index: 0x3_0004, ..sqe(2) },
    );
    check(
        opcode::SetSockOpt::new(Fd(0x1234_5605), 0x6_0006, 0x7_000d, at(0xe000), 0x3_0004).build(),
        &Sqe { addr: pair(0x6_0006, 0x7_000d), addr3: far(0xe000), file_index: 0x3_0004, ..sqe(3) },
    );
    check(opcode::TxTimestamp::new(Fd(0x1234_5605)).build(), &sqe(4));
    check(
        opcode::GetSockName::new(Fd(0x1234_5605), at::<u8>(0xf000), at(0xf100)).build(),
        &Sqe { addr: far(0xf000), addr3: far(0xf100), ..sqe(5) },
    );
    check(
        opcode::GetSockName::new(Fd(0x1234_5605), at::<u8>(0xf000), at(0xf100)).peer().build(),
        &Sqe { addr: far(0xf000), addr3: far(0xf100), file_index: 1, ..sqe(5) },
    );
}

#[test]
fn block_discard() {
    let number = if cfg!(any(target_arch = "powerpc", target_arch = "powerpc64")) { 0x2000_1200 } else { 0x1200 };
    assert_eq!(uapi::BLOCK_URING_CMD_DISCARD, number);
    check(
        opcode::BlockDiscard::new(Fixed(0x1234_5605), 1 << 40, 1 << 41).build(),
        &Sqe {
            opcode: 46,
            flags: 1,
            fd: 0x1234_5605,
            off: pair(number, 0),
            addr: 1 << 40,
            addr3: 1 << 41,
            ..Sqe::default()
        },
    );
}
