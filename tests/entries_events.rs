//! Polls, timeouts, cancellations, futexes and waits for children build exactly the bytes that the kernel expects: whole
//! entries are compared with literals.

mod common;

use bare_uring::opcode;
use bare_uring::types::{
    self, CancelBuilder, Fd, Fixed, FutexFlags, IdType, PollEvents, SigInfo, TimeoutFlags, Timespec, WaitOptions,
};
use common::sqe::{Sqe, at, check, far};

/// Half-words are swapped on big endian.
fn events(bits: u32) -> u32 {
    if cfg!(target_endian = "big") { bits.rotate_left(16) } else { bits }
}

#[test]
fn poll_add() {
    let new = |bits| opcode::PollAdd::new(Fd(0x1234_5608), PollEvents(bits));
    check(new(0x2001).build(), &Sqe { opcode: 6, fd: 0x1234_5608, op_flags: events(0x2001), ..Sqe::default() });
    check(new(1 << 31).build(), &Sqe { opcode: 6, fd: 0x1234_5608, op_flags: events(1 << 31), ..Sqe::default() });
    check(new(1).multi().build(), &Sqe { opcode: 6, fd: 0x1234_5608, len: 1, op_flags: events(1), ..Sqe::default() });
    check(new(1).level().build(), &Sqe { opcode: 6, fd: 0x1234_5608, len: 8, op_flags: events(1), ..Sqe::default() });
    check(
        opcode::PollAdd::new(Fixed(0x1234_5609), PollEvents(4)).multi().level().build(),
        &Sqe { opcode: 6, flags: 1, fd: 0x1234_5609, len: 9, op_flags: events(4), ..Sqe::default() },
    );
}

#[test]
fn poll_remove_and_update() {
    let sqe = Sqe { opcode: 7, fd: -1, addr: 0x4200_0000_0000_0042, ..Sqe::default() };
    check(opcode::PollRemove::new(0x4200_0000_0000_0042).build(), &sqe);
    check(
        opcode::PollUpdate::events(0x4200_0000_0000_0042, PollEvents(4)).build(),
        &Sqe { opcode: 7, fd: -1, addr: 0x4200_0000_0000_0042, len: 2, op_flags: events(4), ..Sqe::default() },
    );
    check(
        opcode::PollUpdate::user_data(0x4200_0000_0000_0042, 0x4300_0000_0000_0043).build(),
        &Sqe { opcode: 7, fd: -1, addr: 0x4200_0000_0000_0042, off: 0x4300_0000_0000_0043, len: 4, ..Sqe::default() },
    );
    let both = Sqe {
        opcode: 7,
        fd: -1,
        addr: 0x4200_0000_0000_0042,
        off: 0x4300_0000_0000_0043,
        len: 6,
        op_flags: events(4),
        ..Sqe::default()
    };
    check(
        opcode::PollUpdate::user_data(0x4200_0000_0000_0042, 0x4300_0000_0000_0043).with_events(PollEvents(4)).build(),
        &both,
    );
    check(
        opcode::PollUpdate::events(0x4200_0000_0000_0042, PollEvents(4)).with_user_data(0x4300_0000_0000_0043).build(),
        &both,
    );
    check(
        opcode::PollUpdate::events(0x4200_0000_0000_0042, PollEvents(4))
            .with_user_data(0x4300_0000_0000_0043)
            .multi()
            .build(),
        &Sqe { len: 7, ..both },
    );
}

#[test]
fn timeout() {
    let new = || opcode::Timeout::new(at::<Timespec>(0x8000));
    let sqe = |op_flags, off| Sqe { opcode: 11, fd: -1, off, addr: far(0x8000), len: 1, op_flags, ..Sqe::default() };
    check(new().build(), &sqe(0, 0));
    check(new().count(u32::MAX).build(), &sqe(0, 0xffff_ffff));
    for (flags, bits) in [
        (TimeoutFlags::ABS, 1),
        (TimeoutFlags::BOOTTIME, 4),
        (TimeoutFlags::REALTIME, 8),
        (TimeoutFlags::ETIME_SUCCESS, 32),
        (TimeoutFlags::MULTISHOT, 64),
    ] {
        check(new().flags(flags).build(), &sqe(bits, 0));
    }
    check(new().flags(TimeoutFlags::ABS).flags(TimeoutFlags::REALTIME).build(), &sqe(9, 0));
    check(new().flags(TimeoutFlags::MULTISHOT).count(3).build(), &sqe(64, 3));
    check(
        opcode::Timeout::immediate(u64::MAX).flags(TimeoutFlags::BOOTTIME).build(),
        &Sqe { opcode: 11, fd: -1, addr: u64::MAX, len: 1, op_flags: 128 | 4, ..Sqe::default() },
    );
}

#[test]
fn timeout_remove_and_update() {
    check(
        opcode::TimeoutRemove::new(0x4300_0000_0000_0043).build(),
        &Sqe { opcode: 12, fd: -1, addr: 0x4300_0000_0000_0043, ..Sqe::default() },
    );
    let new = || opcode::TimeoutUpdate::new(0x4300_0000_0000_0043, at::<Timespec>(0x8000));
    let sqe = |op_flags| Sqe {
        opcode: 12,
        fd: -1,
        off: far(0x8000),
        addr: 0x4300_0000_0000_0043,
        op_flags,
        ..Sqe::default()
    };
    check(new().build(), &sqe(2));
    check(new().flags(TimeoutFlags::ABS).build(), &sqe(2 | 1));
    check(new().link().build(), &sqe(2 | 16));
    check(
        opcode::TimeoutUpdate::immediate(0x4300_0000_0000_0043, 1_000_000_007).link().build(),
        &Sqe {
            opcode: 12,
            fd: -1,
            off: 1_000_000_007,
            addr: 0x4300_0000_0000_0043,
            op_flags: 2 | 16 | 128,
            ..Sqe::default()
        },
    );
}

#[test]
fn link_timeout() {
    let new = || opcode::LinkTimeout::new(at::<Timespec>(0x8000));
    let sqe = |op_flags| Sqe { opcode: 15, fd: -1, addr: far(0x8000), len: 1, op_flags, ..Sqe::default() };
    check(new().build(), &sqe(0));
    check(new().flags(TimeoutFlags::BOOTTIME.union(TimeoutFlags::ABS)).build(), &sqe(5));
    check(
        opcode::LinkTimeout::immediate(5).build(),
        &Sqe { opcode: 15, fd: -1, addr: 5, len: 1, op_flags: 128, ..Sqe::default() },
    );
}

#[test]
fn cancel_by_every_key() {
    let none = || Sqe { opcode: 14, fd: -1, ..Sqe::default() };
    check(opcode::AsyncCancel::new(0x4400_0000_0000_0044).build(), &Sqe { addr: 0x4400_0000_0000_0044, ..none() });
    check(
        opcode::AsyncCancel::new(0x4400_0000_0000_0044).all().build(),
        &Sqe { addr: 0x4400_0000_0000_0044, op_flags: 1, ..none() },
    );
    check(opcode::AsyncCancel::any().build(), &Sqe { op_flags: 4, ..none() });
    check(opcode::AsyncCancel::any().all().build(), &Sqe { op_flags: 5, ..none() });
    for (builder, expected) in [
        (CancelBuilder::user_data(0x4400_0000_0000_0044), Sqe { addr: 0x4400_0000_0000_0044, ..none() }),
        (
            CancelBuilder::user_data(0x4400_0000_0000_0044).all(),
            Sqe { addr: 0x4400_0000_0000_0044, op_flags: 1, ..none() },
        ),
        (CancelBuilder::fd(Fd(0x1234_5605)), Sqe { fd: 0x1234_5605, op_flags: 2, ..none() }),
        (CancelBuilder::fd(Fixed(0x1234_5605)).all(), Sqe { fd: 0x1234_5605, op_flags: 1 | 2 | 8, ..none() }),
        (CancelBuilder::opcode(6), Sqe { len: 6, op_flags: 32, ..none() }),
        (CancelBuilder::any(), Sqe { op_flags: 4, ..none() }),
        (
            CancelBuilder::fd(Fd(0x1234_5605)).with_user_data(0x4400_0000_0000_0044),
            Sqe { fd: 0x1234_5605, addr: 0x4400_0000_0000_0044, op_flags: 2 | 16, ..none() },
        ),
        (
            CancelBuilder::opcode(6).with_user_data(0x4400_0000_0000_0044),
            Sqe { len: 6, addr: 0x4400_0000_0000_0044, op_flags: 32 | 16, ..none() },
        ),
        (
            CancelBuilder::opcode(255).with_fd(Fixed(0x1234_5607)).with_user_data(u64::MAX).all(),
            Sqe { fd: 0x1234_5607, len: 255, addr: u64::MAX, op_flags: 1 | 2 | 8 | 16 | 32, ..none() },
        ),
    ] {
        check(opcode::AsyncCancel::matching(builder).build(), &expected);
    }
}

#[test]
fn futexes() {
    let flags = FutexFlags::SIZE_U32.with(FutexFlags::PRIVATE);
    check(
        opcode::FutexWait::new(at(0x9000), 1 << 40, opcode::FutexWait::ANY, flags).build(),
        &Sqe { opcode: 51, fd: 0x82, off: 1 << 40, addr: far(0x9000), addr3: 0xffff_ffff, ..Sqe::default() },
    );
    check(
        opcode::FutexWake::new(at(0x9000), 3, u64::MAX, FutexFlags::from(2)).build(),
        &Sqe { opcode: 52, fd: 2, off: 3, addr: far(0x9000), addr3: u64::MAX, ..Sqe::default() },
    );
    check(
        opcode::FutexWaitV::new(at(0xa000), 128).build(),
        &Sqe { opcode: 53, fd: 0, addr: far(0xa000), len: 128, ..Sqe::default() },
    );
    // The list's own element.
    let one = types::FutexWaitV::new(at(0x9000), 7, flags);
    // SAFETY: 24 bytes, of which all are fields (asserted where the type is).
    let bytes: [u8; 24] = unsafe { core::mem::transmute(one) };
    let mut expected = [0; 24];
    expected[..8].copy_from_slice(&7_u64.to_ne_bytes());
    expected[8..16].copy_from_slice(&far(0x9000).to_ne_bytes());
    expected[16..20].copy_from_slice(&0x82_u32.to_ne_bytes());
    assert_eq!(bytes, expected);
}

#[test]
fn wait_id() {
    check(
        opcode::WaitId::new(IdType::PID, 0x4711_0001, WaitOptions::EXITED.with(WaitOptions::NOWAIT)).build(),
        &Sqe { opcode: 50, fd: 0x4711_0001, len: 1, file_index: 0x0100_0004, ..Sqe::default() },
    );
    for (idtype, number) in [(IdType::ALL, 0), (IdType::PID, 1), (IdType::PGID, 2), (IdType::PIDFD, 3)] {
        check(
            opcode::WaitId::new(idtype, 0x1234_5601, WaitOptions::from(8)).infop(at::<SigInfo>(0xb000)).build(),
            &Sqe { opcode: 50, fd: 0x1234_5601, off: far(0xb000), len: number, file_index: 8, ..Sqe::default() },
        );
    }
}
