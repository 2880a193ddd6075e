//! Sending and receiving bytes, on every kind of ring, by descriptor and by slot.

mod common;

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use bare_uring::types::{Fd, Fixed, IoVec, MsgFlags, SockAddr};
use bare_uring::{Errno, opcode};
use common::any_ring::{on_each, on_each_with_file};
use common::sockets::{is_cancelled, tcp_pair, udp};
use common::{needs, older_than, refused};

#[test]
fn send_brings_bytes_to_the_peer() {
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let send = for_file!(file, |fd| opcode::Send::new(fd, b"hello".as_ptr(), 5).build());
        assert_eq!(ring.run(send), Ok(5), "{}", ring.kind());
        let mut buffer = [0_u8; 5];
        (&far).read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"hello");
    });
}

#[test]
fn receive_says_whether_there_is_more() {
    needs!(5, 19, "IORING_CQE_F_SOCK_NONEMPTY");
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        (&far).write_all(b"hello").unwrap();
        let mut buffer = [0_u8; 8];
        let recv =
            |buffer: &mut [u8; 8], len| for_file!(file, |fd| opcode::Recv::new(fd, buffer.as_mut_ptr(), len).build());
        let seen = ring.run_seen(recv(&mut buffer, 3));
        assert_eq!((seen.outcome, seen.plain.sock_nonempty()), (Ok(3), true), "{}", ring.kind());
        assert_eq!(&buffer[..3], b"hel");
        let seen = ring.run_seen(recv(&mut buffer, 8));
        assert_eq!((seen.outcome, seen.plain.sock_nonempty()), (Ok(2), false), "{}", ring.kind());
        assert_eq!(&buffer[..2], b"lo");
    });
}

#[test]
fn receive_waits_until_bytes_come() {
    needs!(5, 19, "IORING_RECVSEND_POLL_FIRST");
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let mut buffer = [0_u8; 6];
        let recv = |len, flags| {
            for_file!(file, |fd| opcode::Recv::new(fd, buffer.as_ptr().cast_mut(), len)
                .poll_first()
                .flags(flags)
                .build())
        };
        ring.push(recv(6, MsgFlags::WAITALL).user_data(1));
        ring.hand_over();
        (&far).write_all(b"one").unwrap();
        (&far).write_all(b"two").unwrap();
        assert_eq!(ring.complete(1)[0].outcome, Ok(6), "{}", ring.kind());
        buffer = std::hint::black_box(buffer);
        assert_eq!(&buffer, b"onetwo");
    });
}

#[test]
fn flags_change_what_a_receive_does() {
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let mut buffer = [0_u8; 4];
        let start = buffer.as_mut_ptr();
        let recv = |flags| for_file!(file, |fd| opcode::Recv::new(fd, start, 4).flags(flags).build());
        assert_eq!(ring.run(recv(MsgFlags::DONTWAIT)), Err(Errno::EAGAIN), "{}", ring.kind());
        (&far).write_all(b"peek").unwrap();
        assert_eq!(ring.run(recv(MsgFlags::PEEK)), Ok(4), "{}", ring.kind());
        assert_eq!(ring.run(recv(MsgFlags::default())), Ok(4), "{}", ring.kind());
        assert_eq!(&buffer, b"peek");
    });
}

#[test]
fn a_vectored_send_sends_its_pieces_in_order() {
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let (mut a, mut b) = (*b"one", *b"three");
        let pieces = [IoVec::new(a.as_mut_ptr(), 3), IoVec::new(b.as_mut_ptr(), 5)];
        let send = for_file!(file, |fd| opcode::Send::vectored(fd, pieces.as_ptr(), 2).build());
        match ring.run(send) {
            Err(Errno::EINVAL) => return refused("a vectored send", "IORING_SEND_VECTORIZED", (6, 17)),
            outcome => assert_eq!(outcome, Ok(8), "{}", ring.kind()),
        }
        let mut buffer = [0_u8; 8];
        (&far).read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"onethree");
    });
}

#[test]
fn send_goes_to_an_address() {
    needs!(6, 1, "addresses for IORING_OP_SEND");
    let ((near, _), (far, address)) = (udp(), udp());
    let address = SockAddr::from(address);
    on_each_with_file(&near, |ring, file| {
        let send = |len| {
            for_file!(file, |fd| opcode::Send::new(fd, b"datagram".as_ptr(), 8)
                .dest_addr(address.as_ptr(), len)
                .build())
        };
        assert_eq!(ring.run(send(address.len())), Ok(8), "{}", ring.kind());
        let mut buffer = [0_u8; 16];
        assert_eq!(far.recv(&mut buffer).unwrap(), 8);
        assert_eq!(&buffer[..8], b"datagram");
        assert_eq!(ring.run(send(129)), Err(Errno::EINVAL), "{}", ring.kind());
        assert_eq!(ring.run(send(0x1_0010)), Err(Errno::EINVAL), "{}", ring.kind());
        let nowhere = for_file!(file, |fd| opcode::Send::new(fd, b"x".as_ptr(), 1).build());
        assert_eq!(ring.run(nowhere), Err(Errno::EDESTADDRREQ), "{}", ring.kind());
    });
}

#[test]
fn a_peer_that_is_gone_raises_no_signal() {
    on_each(|ring| {
        let (near, far) = UnixStream::pair().unwrap();
        drop(far);
        let fd = Fd(near.as_raw_fd());
        assert_eq!(ring.run(opcode::Send::new(fd, b"x".as_ptr(), 1).build()), Err(Errno::EPIPE), "{}", ring.kind());
        let mut buffer = [0_u8; 1];
        assert_eq!(ring.run(opcode::Recv::new(fd, buffer.as_mut_ptr(), 1).build()), Ok(0), "{}", ring.kind());
    });
}

#[test]
fn what_is_wrong_is_refused() {
    needs!(6, 0, "IORING_RECV_MULTISHOT");
    let (near, _far) = tcp_pair();
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each(|ring| {
        let (kind, mut buffer) = (ring.kind().to_owned(), [0_u8; 1]);
        let (start, fd, pipe) = (buffer.as_mut_ptr(), Fd(near.as_raw_fd()), Fd(reader.as_raw_fd()));
        let nowhere: *mut u8 = std::ptr::without_provenance_mut(8);
        let send = |fd, start| opcode::Send::new(fd, start, 1);
        let recv = |fd, start| opcode::Recv::new(fd, start, 1);
        assert_eq!(ring.run(send(Fd(-1), start).build()), Err(Errno::EBADF), "{kind}");
        assert_eq!(ring.run(recv(Fd(-1), start).build()), Err(Errno::EBADF), "{kind}");
        assert_eq!(ring.run(opcode::Recv::new(Fixed(9), start, 1).build()), Err(Errno::EBADF), "{kind}");
        assert_eq!(ring.run(opcode::Send::new(Fixed(9), start, 1).build()), Err(Errno::EBADF), "{kind}");
        assert_eq!(ring.run(send(pipe, start).build()), Err(Errno::ENOTSOCK), "{kind}");
        assert_eq!(ring.run(recv(pipe, start).build()), Err(Errno::ENOTSOCK), "{kind}");
        assert_eq!(ring.run(send(fd, nowhere).build()), Err(Errno::EFAULT), "{kind}");
        assert_eq!(ring.run(recv(fd, start).multishot().build()), Err(Errno::EINVAL), "{kind}");
        assert_eq!(ring.run(recv(fd, start).limit(1).build()), Err(Errno::EINVAL), "{kind}");
        let no_group = ring.run(send(fd, start).buf_group(3).build());
        let errno = if older_than(6, 10) { Errno::EOPNOTSUPP } else { Errno::ENOENT };
        // Some of those between say that it makes no sense.
        let between = !older_than(6, 10) && older_than(6, 18) && no_group == Err(Errno::EINVAL);
        assert!(between || no_group == Err(errno), "{kind}: {no_group:?}");
        assert_eq!(ring.run(recv(fd, start).buf_group(3).build()), Err(Errno::ENOBUFS), "{kind}");
    });
}

/// Before 7.2 a plain send or receive takes no registered buffer.
#[test]
fn a_registered_buffer_is_used_or_refused_cleanly() {
    let (near, far) = tcp_pair();
    on_each(|ring| {
        let buffer = Box::leak(Box::new(*b"registered"));
        ring.register_buffer(buffer.as_mut_ptr(), buffer.len());
        let fd = Fd(near.as_raw_fd());
        match ring.run(opcode::Send::new(fd, buffer.as_ptr(), 10).buf_index(0).build()) {
            Err(Errno::EINVAL) => return refused("a send", "a registered buffer for IORING_OP_SEND", (7, 2)),
            outcome => assert_eq!(outcome, Ok(10), "{}", ring.kind()),
        }
        let mut seen = [0_u8; 10];
        (&far).read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"registered");
        (&far).write_all(b"back").unwrap();
        let recv = opcode::Recv::new(fd, buffer.as_mut_ptr(), 4).buf_index(0).build();
        assert_eq!(ring.run(recv), Ok(4), "{}", ring.kind());
    });
}

#[test]
fn a_receive_that_blocks_is_cancelled() {
    needs!(5, 19, "IORING_ASYNC_CANCEL_ANY");
    let (near, _far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let mut buffer = [0_u8; 1];
        let start = buffer.as_mut_ptr();
        is_cancelled(ring, for_file!(file, |fd| opcode::Recv::new(fd, start, 1).build()));
        is_cancelled(ring, for_file!(file, |fd| opcode::Recv::new(fd, start, 1).poll_first().build()));
    });
}

#[test]
fn a_send_that_blocks_is_cancelled() {
    needs!(5, 19, "IORING_ASYNC_CANCEL_ANY");
    let (near, _far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    while (&near).write(&[0; 65_536]).is_ok() {}
    while (&near).write(&[0]).is_ok() {}
    near.set_nonblocking(false).unwrap();
    on_each_with_file(&near, |ring, file| {
        is_cancelled(ring, for_file!(file, |fd| opcode::Send::new(fd, b"x".as_ptr(), 1).build()));
        is_cancelled(ring, for_file!(file, |fd| opcode::Send::new(fd, b"x".as_ptr(), 1).poll_first().build()));
    });
}
