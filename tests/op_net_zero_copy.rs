//! Sending without a copy: two completions, the second one when the memory is the caller's again.

mod common;

use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, Fixed, IoVec, MsgFlags, MsgHdr, SockAddr};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, File, Seen, on_each, on_each_with_file};
use common::sockets::{tcp_pair, udp};
use common::{needs, refused};

/// Runs a send: its completion and, if one follows, the notification.
fn send(ring: &mut dyn AnyRing, entry: Entry) -> (Seen, Option<Seen>) {
    ring.push(entry.user_data(5));
    ring.submit_and_wait(1).unwrap();
    // What a caller without an allocator would keep.
    let mut seen: heapless::Vec<Seen, 2> = heapless::Vec::new();
    loop {
        seen.extend_from_slice(&ring.take()).expect("at most two");
        match seen.last() {
            Some(last) if !last.plain.more() => break,
            _ => ring.wait(),
        }
    }
    let (first, second) = (seen[0], seen.get(1).copied());
    assert!(!first.plain.notif(), "{}", ring.kind());
    if let Some(second) = second {
        assert!(second.plain.notif() && !second.plain.more(), "{}: {second:?}", ring.kind());
    }
    (first, second)
}

fn received(mut socket: impl Read, bytes: &[u8]) {
    let mut buffer = vec![0; bytes.len()];
    socket.read_exact(&mut buffer).unwrap();
    assert_eq!(buffer, bytes);
}

#[test]
fn a_send_is_followed_by_its_notification() {
    needs!(6, 0, "IORING_OP_SEND_ZC");
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let entry = for_file!(file, |fd| opcode::SendZc::new(fd, b"zero copy".as_ptr(), 9)
            .flags(MsgFlags::WAITALL)
            .poll_first()
            .build());
        let (first, second) = send(ring, entry);
        assert_eq!((first.outcome, first.plain.more()), (Ok(9), true), "{}", ring.kind());
        let second = second.expect("announced");
        assert_eq!((second.user_data, second.outcome), (5, Ok(0)), "{}", ring.kind());
        received(&far, b"zero copy");
    });
}

#[test]
fn the_notification_says_that_loopback_copies() {
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let entry = for_file!(file, |fd| opcode::SendZc::new(fd, b"copied".as_ptr(), 6).report_usage().build());
        let (first, second) = send(ring, entry);
        if first.outcome == Err(Errno::EINVAL) {
            return refused("reports of usage", "IORING_SEND_ZC_REPORT_USAGE", (6, 2));
        }
        assert_eq!(first.outcome, Ok(6), "{}", ring.kind());
        let second = second.expect("announced");
        assert!(second.plain.zc_copied(), "{}: {second:?}", ring.kind());
        assert!(!first.plain.zc_copied());
        received(&far, b"copied");
    });
}

#[test]
fn pieces_are_sent_in_order() {
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let (mut a, mut b) = (*b"one", *b"three");
        let pieces = [IoVec::new(a.as_mut_ptr(), 3), IoVec::new(b.as_mut_ptr(), 5)];
        let (first, _) = send(ring, for_file!(file, |fd| opcode::SendZc::vectored(fd, pieces.as_ptr(), 2).build()));
        if first.outcome == Err(Errno::EINVAL) {
            return refused("a vectored send", "IORING_SEND_VECTORIZED", (6, 17));
        }
        assert_eq!(first.outcome, Ok(8), "{}", ring.kind());
        received(&far, b"onethree");
    });
}

#[test]
fn a_datagram_goes_to_its_address() {
    needs!(6, 0, "IORING_OP_SEND_ZC");
    let ((near, _), (far, to)) = (udp(), udp());
    let to = SockAddr::from(to);
    on_each_with_file(&near, |ring, file| {
        let entry =
            for_file!(file, |fd| opcode::SendZc::new(fd, b"abc".as_ptr(), 3).dest_addr(to.as_ptr(), to.len()).build());
        assert_eq!(send(ring, entry).0.outcome, Ok(3), "{}", ring.kind());
        let mut buffer = [0_u8; 8];
        assert_eq!((far.recv(&mut buffer).unwrap(), &buffer[..3]), (3, &b"abc"[..]));
    });
}

#[test]
fn messages_go_with_or_without_a_registered_buffer() {
    needs!(6, 1, "IORING_OP_SENDMSG_ZC");
    let (near, far) = tcp_pair();
    on_each(|ring| {
        let memory = Box::leak(Box::new(*b"registered"));
        ring.register_buffer(memory.as_mut_ptr(), memory.len());
        ring.register_files(&[near.as_raw_fd()]);
        let start = memory.as_mut_ptr();
        let pieces = [IoVec::new(start.wrapping_add(2), 4), IoVec::new(start, 2)];
        let message = MsgHdr::new(pieces.as_ptr(), 2);
        for file in [File::Fd(Fd(near.as_raw_fd())), File::Fixed(Fixed(0))] {
            let whole = for_file!(file, |fd| opcode::SendMsgZc::new(fd, &message));
            let (first, second) = send(ring, whole.poll_first().flags(MsgFlags::WAITALL).build());
            assert_eq!((first.outcome, second.is_some()), (Ok(6), true), "{}", ring.kind());
            received(&far, b"gistre");
            let (first, second) = send(ring, whole.buf_index(0).report_usage().build());
            match first.outcome {
                Err(Errno::EINVAL) => refused("sendmsg_zc", "a registered buffer for IORING_OP_SENDMSG_ZC", (6, 15)),
                outcome => {
                    assert_eq!((outcome, second.is_some()), (Ok(6), true), "{}", ring.kind());
                    received(&far, b"gistre");
                }
            }
            let plain = for_file!(file, |fd| opcode::SendZc::new(fd, start.wrapping_add(4), 6).buf_index(0).build());
            assert_eq!(send(ring, plain).0.outcome, Ok(6), "{}", ring.kind());
            received(&far, b"stered");
            let beyond = for_file!(file, |fd| opcode::SendZc::new(fd, start.wrapping_add(5), 6).buf_index(0).build());
            assert_eq!(send(ring, beyond).0.outcome, Err(Errno::EFAULT), "{}", ring.kind());
            let other = for_file!(file, |fd| opcode::SendZc::new(fd, start, 6).buf_index(1).build());
            assert_eq!(send(ring, other).0.outcome, Err(Errno::EFAULT), "{}", ring.kind());
        }
    });
}

/// Since 7.1 the notification can carry a value of its own.
#[test]
fn the_notifications_user_data_is_used_or_refused_cleanly() {
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let entry = for_file!(file, |fd| opcode::SendZc::new(fd, b"x".as_ptr(), 1).notification_user_data(99).build());
        let (first, second) = send(ring, entry);
        if first.outcome == Err(Errno::EINVAL) {
            return refused("a notification", "user data of its own", (7, 1));
        }
        assert_eq!((first.user_data, second.expect("announced").user_data), (5, 99), "{}", ring.kind());
        received(&far, b"x");
    });
}

#[test]
fn what_is_wrong_is_refused() {
    needs!(6, 0, "IORING_OP_SEND_ZC");
    let (near, _far) = tcp_pair();
    let (unix, _other) = UnixStream::pair().unwrap();
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each(|ring| {
        let mut refused = |entry, errno| {
            let outcome = send(ring, entry).0.outcome;
            assert_eq!(outcome, Err(errno), "{}", ring.kind());
        };
        let message = MsgHdr::default();
        let nowhere: *mut MsgHdr = std::ptr::without_provenance_mut(8);
        let (tcp, unix, pipe) = (Fd(near.as_raw_fd()), Fd(unix.as_raw_fd()), Fd(reader.as_raw_fd()));
        for (fd, errno) in [(Fd(-1), Errno::EBADF), (pipe, Errno::ENOTSOCK), (unix, Errno::EOPNOTSUPP)] {
            refused(opcode::SendZc::new(fd, b"x".as_ptr(), 1).build(), errno);
            refused(opcode::SendMsgZc::new(fd, &message).build(), errno);
        }
        refused(opcode::SendMsgZc::new(tcp, nowhere).build(), Errno::EFAULT);
        refused(opcode::SendZc::new(tcp, b"x".as_ptr(), 1).build().flags(Flags::SKIP_SUCCESS), Errno::EINVAL);
        refused(opcode::SendMsgZc::new(tcp, &message).build().flags(Flags::SKIP_SUCCESS), Errno::EINVAL);
    });
}

#[test]
fn a_send_that_blocks_is_cancelled() {
    needs!(6, 0, "IORING_OP_SEND_ZC");
    let (near, _far) = tcp_pair();
    near.set_nonblocking(true).unwrap();
    while std::io::Write::write(&mut &near, &[0; 65_536]).is_ok() {}
    near.set_nonblocking(false).unwrap();
    on_each_with_file(&near, |ring, file| {
        let message = MsgHdr::default();
        let zc = for_file!(file, |fd| opcode::SendZc::new(fd, b"x".as_ptr(), 1).poll_first().build());
        let msg = for_file!(file, |fd| opcode::SendMsgZc::new(fd, &message).poll_first().build());
        for entry in [zc, msg] {
            ring.push(entry.user_data(1));
            ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
            // The one cancelled may have a notification.
            ring.submit_and_wait(2).unwrap();
            let mut seen = ring.take();
            while seen.iter().filter(|seen| !seen.plain.more()).count() < 2 {
                ring.wait();
                seen.extend(ring.take());
            }
            let first = seen.iter().find(|seen| seen.user_data == 1 && !seen.plain.notif()).unwrap();
            assert_eq!(first.outcome, Err(Errno::ECANCELED), "{}", ring.kind());
        }
    });
}

/// What receives without a copy needs hardware; what can be seen without is the refusal.
#[test]
fn zero_copy_receive_refuses_an_instance_that_is_not_there() {
    let (near, _far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let recv = for_file!(file, |fd| opcode::RecvZc::new(fd, 3).len(4096).poll_first().build());
        assert_eq!(ring.run(recv), Err(Errno::EINVAL), "{}", ring.kind());
    });
}
