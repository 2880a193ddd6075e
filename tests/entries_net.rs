//! Each request on sockets and epoll builds exactly the 64 bytes that the kernel expects.

mod common;

use bare_uring::opcode;
use bare_uring::types::{
    AddressFamily, DestinationSlot, EpollEvent, EpollOp, Fd, Fixed, IoVec, MsgFlags, MsgHdr, PollEvents, ShutdownHow,
    SockAddrStorage, SocketFlags, SocketType,
};
use common::sqe::{Sqe, at, check, far};

/// `addr_len` and its padding: two halves of the field.
fn first_half(value: u16) -> u32 {
    let [a, b] = value.to_ne_bytes();
    u32::from_ne_bytes([a, b, 0, 0])
}

#[test]
fn send() {
    check(
        opcode::Send::new(Fd(0x1234_5605), at(0x1000), 0x7700_0077).flags(MsgFlags::MORE).poll_first().build(),
        &Sqe {
            opcode: 26,
            ioprio: 1,
            fd: 0x1234_5605,
            addr: far(0x1000),
            len: 0x7700_0077,
            op_flags: 0x8000,
            ..Sqe::default()
        },
    );
    check(
        opcode::Send::new(Fixed(0x1234_5604), at(0), 0).buf_group(0xbc0c).bundle().build(),
        &Sqe { opcode: 26, flags: 1 | 1 << 5, ioprio: 1 << 4, fd: 0x1234_5604, buf_index: 0xbc0c, ..Sqe::default() },
    );
    check(
        opcode::Send::vectored(Fd(0x1234_5605), at::<IoVec>(0x2000), 3).build(),
        &Sqe { opcode: 26, ioprio: 1 << 5, fd: 0x1234_5605, addr: far(0x2000), len: 3, ..Sqe::default() },
    );
}

#[test]
fn send_to_an_address() {
    let expected = Sqe { opcode: 26, fd: 0x1234_5605, off: far(0x3000), addr: far(0x1000), len: 7, ..Sqe::default() };
    let address = at::<SockAddrStorage>(0x3000);
    check(
        opcode::Send::new(Fd(0x1234_5605), at(0x1000), 7).dest_addr(address, 0x110).build(),
        &Sqe { file_index: first_half(0x110), ..expected },
    );
    // Too long for the field: never a length that would do.
    check(
        opcode::Send::new(Fd(0x1234_5605), at(0x1000), 7).dest_addr(address, 0x1_0110).build(),
        &Sqe { file_index: first_half(0xffff), ..expected },
    );
    check(
        opcode::SendZc::new(Fd(0x1234_5605), at(0x1000), 7).dest_addr(address, 0x11c).build(),
        &Sqe { opcode: 47, file_index: first_half(0x11c), ..expected },
    );
}

#[test]
fn receive() {
    check(
        opcode::Recv::new(Fd(0x1234_5605), at(0x1000), 0x7700_0077)
            .flags(MsgFlags::PEEK.with(MsgFlags::DONTWAIT))
            .poll_first()
            .build(),
        &Sqe {
            opcode: 27,
            ioprio: 1,
            fd: 0x1234_5605,
            addr: far(0x1000),
            len: 0x7700_0077,
            op_flags: 0x42,
            ..Sqe::default()
        },
    );
    check(
        opcode::Recv::new(Fixed(0x1234_5604), at(0), 100)
            .buf_group(0xbc0c)
            .multishot()
            .limit(0x1_0001)
            .bundle()
            .build(),
        &Sqe {
            opcode: 27,
            flags: 1 | 1 << 5,
            ioprio: 1 << 1 | 1 << 4,
            fd: 0x1234_5604,
            len: 100,
            buf_index: 0xbc0c,
            file_index: 0x1_0001,
            ..Sqe::default()
        },
    );
    check(
        opcode::Recv::multi(Fd(0x1234_5604), 0xbc0c).build(),
        &Sqe { opcode: 27, flags: 1 << 5, ioprio: 1 << 1, fd: 0x1234_5604, buf_index: 0xbc0c, ..Sqe::default() },
    );
}

#[test]
fn in_a_registered_buffer() {
    let within =
        Sqe { ioprio: 1 << 2, fd: 0x1234_5605, addr: far(0x1000), len: 7, buf_index: 0xbc09, ..Sqe::default() };
    let send = opcode::Send::new(Fd(0x1234_5605), at(0x1000), 7).buf_index(0xbc09).build();
    check(send, &Sqe { opcode: 26, ..within });
    let receive = opcode::Recv::new(Fd(0x1234_5605), at(0x1000), 7).buf_index(0xbc09).build();
    check(receive, &Sqe { opcode: 27, ..within });
}

#[test]
fn messages() {
    check(
        opcode::SendMsg::new(Fd(0x1234_5605), at::<MsgHdr>(0x4000)).flags(MsgFlags::EOR).poll_first().build(),
        &Sqe { opcode: 9, ioprio: 1, fd: 0x1234_5605, addr: far(0x4000), len: 1, op_flags: 0x80, ..Sqe::default() },
    );
    check(
        opcode::RecvMsg::new(Fixed(0x1234_5605), at::<MsgHdr>(0x4000)).flags(MsgFlags::TRUNC).poll_first().build(),
        &Sqe {
            opcode: 10,
            flags: 1,
            ioprio: 1,
            fd: 0x1234_5605,
            addr: far(0x4000),
            len: 1,
            op_flags: 0x20,
            ..Sqe::default()
        },
    );
    check(
        opcode::RecvMsg::new(Fd(0x1234_5605), at::<MsgHdr>(0x4000)).buf_group(0xbc03).multishot().build(),
        &Sqe {
            opcode: 10,
            flags: 1 << 5,
            ioprio: 1 << 1,
            fd: 0x1234_5605,
            addr: far(0x4000),
            len: 1,
            buf_index: 0xbc03,
            ..Sqe::default()
        },
    );
}

#[test]
fn zero_copy_sends() {
    check(
        opcode::SendZc::new(Fd(0x1234_5605), at(0x1000), 0x7700_0077).flags(MsgFlags::WAITALL).poll_first().build(),
        &Sqe {
            opcode: 47,
            ioprio: 1,
            fd: 0x1234_5605,
            addr: far(0x1000),
            len: 0x7700_0077,
            op_flags: 0x100,
            ..Sqe::default()
        },
    );
    check(
        opcode::SendZc::new(Fixed(0x1234_5605), at(0x1000), 0x7700_0077)
            .buf_index(0xbc09)
            .report_usage()
            .notification_user_data(0x0123_4567_89ab_cdef)
            .build(),
        &Sqe {
            opcode: 47,
            flags: 1,
            ioprio: 1 << 2 | 1 << 3,
            fd: 0x1234_5605,
            addr: far(0x1000),
            len: 0x7700_0077,
            buf_index: 0xbc09,
            addr3: 0x0123_4567_89ab_cdef,
            ..Sqe::default()
        },
    );
    check(
        opcode::SendZc::vectored(Fd(0x1234_5605), at::<IoVec>(0x2000), 3).build(),
        &Sqe { opcode: 47, ioprio: 1 << 5, fd: 0x1234_5605, addr: far(0x2000), len: 3, ..Sqe::default() },
    );
    check(
        opcode::SendMsgZc::new(Fd(0x1234_5605), at::<MsgHdr>(0x4000))
            .flags(MsgFlags::MORE)
            .poll_first()
            .buf_index(0xbc09)
            .report_usage()
            .notification_user_data(1 << 63 | 8)
            .build(),
        &Sqe {
            opcode: 48,
            ioprio: 1 | 1 << 2 | 1 << 3,
            fd: 0x1234_5605,
            addr: far(0x4000),
            len: 1,
            op_flags: 0x8000,
            buf_index: 0xbc09,
            addr3: 1 << 63 | 8,
            ..Sqe::default()
        },
    );
}

#[test]
fn zero_copy_receive() {
    check(
        opcode::RecvZc::new(Fd(0x1234_5605), 0x3_0003).build(),
        &Sqe { opcode: 58, ioprio: 1 << 1, fd: 0x1234_5605, file_index: 0x3_0003, ..Sqe::default() },
    );
    check(
        opcode::RecvZc::new(Fixed(0x1234_5605), 0x3_0003).len(0x8000_1000).poll_first().build(),
        &Sqe {
            opcode: 58,
            flags: 1,
            ioprio: 1 | 1 << 1,
            fd: 0x1234_5605,
            len: 0x8000_1000,
            file_index: 0x3_0003,
            ..Sqe::default()
        },
    );
}

#[test]
fn accept() {
    check(
        opcode::Accept::new(Fd(0x1234_5605), at::<SockAddrStorage>(0x3000), at::<u32>(0x3100))
            .flags(SocketFlags::CLOEXEC.with(SocketFlags::NONBLOCK))
            .build(),
        &Sqe {
            opcode: 13,
            fd: 0x1234_5605,
            off: far(0x3100),
            addr: far(0x3000),
            op_flags: 0o2_004_000,
            ..Sqe::default()
        },
    );
    check(
        opcode::Accept::multi(Fixed(0x1234_5605)).file_index(DestinationSlot::ALLOCATE).build(),
        &Sqe { opcode: 13, flags: 1, ioprio: 1, fd: 0x1234_5605, file_index: u32::MAX, ..Sqe::default() },
    );
    check(
        opcode::Accept::new(Fd(0x1234_5605), at(0), at(0))
            .file_index(DestinationSlot::at(0x4_0003).unwrap())
            .multishot()
            .dontwait()
            .poll_first()
            .build(),
        &Sqe { opcode: 13, ioprio: 1 | 2 | 4, fd: 0x1234_5605, file_index: 0x4_0004, ..Sqe::default() },
    );
}

#[test]
fn names_and_connections() {
    let address = at::<SockAddrStorage>(0x3000);
    check(
        opcode::Connect::new(Fd(0x1234_5605), address, 0x1_0010).build(),
        &Sqe { opcode: 16, fd: 0x1234_5605, off: 0x1_0010, addr: far(0x3000), ..Sqe::default() },
    );
    check(
        opcode::Bind::new(Fixed(0x1234_5605), address, 0x1_001c).build(),
        &Sqe { opcode: 56, flags: 1, fd: 0x1234_5605, off: 0x1_001c, addr: far(0x3000), ..Sqe::default() },
    );
    check(
        opcode::Listen::new(Fd(0x1234_5605), 0x1_0080).build(),
        &Sqe { opcode: 57, fd: 0x1234_5605, len: 0x1_0080, ..Sqe::default() },
    );
    check(
        opcode::Shutdown::new(Fixed(0x1234_5605), ShutdownHow::BOTH).build(),
        &Sqe { opcode: 34, flags: 1, fd: 0x1234_5605, len: 2, ..Sqe::default() },
    );
}

#[test]
fn socket() {
    check(
        opcode::Socket::new(AddressFamily::INET6, SocketType::DGRAM, 0x1_0011).flags(SocketFlags::CLOEXEC).build(),
        &Sqe { opcode: 45, fd: 10, off: 0o2_000_002, len: 0x1_0011, ..Sqe::default() },
    );
    check(
        opcode::Socket::new(AddressFamily::UNIX, SocketType::STREAM, 0)
            .file_index(DestinationSlot::at(0).unwrap())
            .build(),
        &Sqe { opcode: 45, fd: 1, off: 1, file_index: 1, ..Sqe::default() },
    );
}

#[test]
fn epoll() {
    check(
        opcode::EpollCtl::new(Fd(0x1234_5605), Fd(0x1234_5606), EpollOp::MOD, at::<EpollEvent>(0x5000)).build(),
        &Sqe { opcode: 29, fd: 0x1234_5605, off: 0x1234_5606, addr: far(0x5000), len: 3, ..Sqe::default() },
    );
    check(
        opcode::EpollCtl::new(Fd(0x1234_5605), Fd(-1), EpollOp::DEL, at(0)).build(),
        &Sqe { opcode: 29, fd: 0x1234_5605, off: 0xffff_ffff, len: 2, ..Sqe::default() },
    );
    check(
        opcode::EpollWait::new(Fixed(0x1234_5605), at::<EpollEvent>(0x5000), 8).build(),
        &Sqe { opcode: 59, flags: 1, fd: 0x1234_5605, addr: far(0x5000), len: 8, ..Sqe::default() },
    );
    let event = EpollEvent::new(PollEvents(0x2001), u64::MAX - 1);
    assert_eq!((event.events(), event.data()), (PollEvents(0x2001), u64::MAX - 1));
}

#[test]
fn words_are_the_targets_own() {
    use rustix::net::{AddressFamily as Family, RecvFlags, SendFlags, SocketFlags as Flags, SocketType as Type};

    let ours = [MsgFlags::OOB, MsgFlags::PEEK, MsgFlags::DONTWAIT, MsgFlags::WAITALL, MsgFlags::TRUNC];
    let theirs = [RecvFlags::OOB, RecvFlags::PEEK, RecvFlags::DONTWAIT, RecvFlags::WAITALL, RecvFlags::TRUNC];
    assert_eq!(ours.map(|flag| flag.0), theirs.map(|flag| flag.bits()));
    assert_eq!(MsgFlags::ERRQUEUE.0, RecvFlags::ERRQUEUE.bits());
    let ours = [MsgFlags::EOR, MsgFlags::NOSIGNAL, MsgFlags::MORE];
    assert_eq!(ours.map(|flag| flag.0), [SendFlags::EOR, SendFlags::NOSIGNAL, SendFlags::MORE].map(|flag| flag.bits()));
    let ours = [SocketFlags::CLOEXEC, SocketFlags::NONBLOCK];
    assert_eq!(ours.map(|flag| flag.0), [Flags::CLOEXEC, Flags::NONBLOCK].map(|flag| flag.bits()));
    let ours = [AddressFamily::UNIX, AddressFamily::INET, AddressFamily::INET6];
    let theirs = [Family::UNIX, Family::INET, Family::INET6];
    assert_eq!(ours.map(|family| family.0), theirs.map(|family| u32::from(family.as_raw())));
    let ours = [SocketType::STREAM, SocketType::DGRAM, SocketType::SEQPACKET];
    assert_eq!(ours.map(|kind| kind.0), [Type::STREAM, Type::DGRAM, Type::SEQPACKET].map(|kind| kind.as_raw()));
}
