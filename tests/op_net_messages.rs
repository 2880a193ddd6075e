//! Messages: addresses, pieces and control data, once and again and again.

mod common;

use common::{needs, older_than};

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

use bare_uring::types::{Fd, IoVec, MsgFlags, MsgHdr, RecvMsgOut, SockAddr, SockAddrStorage};
use bare_uring::{Errno, opcode};
use common::any_ring::{File, on_each, on_each_with_file};
use common::sockets::{content, is_cancelled, provide, udp};
use rustix::net::sockopt::set_socket_passcred;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

fn piece(bytes: &mut [u8]) -> IoVec {
    IoVec::new(bytes.as_mut_ptr(), bytes.len())
}

#[test]
fn a_message_goes_to_its_address_in_pieces() {
    let ((near, from), (far, to)) = (udp(), udp());
    let to = SockAddr::from(to);
    on_each_with_file(&near, |ring, file| {
        let (mut a, mut b) = (*b"mess", *b"age");
        let pieces = [piece(&mut a), piece(&mut b)];
        let message = MsgHdr::new(pieces.as_ptr(), 2).to(to.as_ptr(), to.len());
        let send = for_file!(file, |fd| opcode::SendMsg::new(fd, &message).flags(MsgFlags::NOSIGNAL).build());
        assert_eq!(ring.run(send), Ok(7), "{}", ring.kind());
        let mut buffer = [0_u8; 16];
        assert_eq!(far.recv_from(&mut buffer).unwrap(), (7, from));
        assert_eq!(&buffer[..7], b"message");
    });
}

#[test]
fn a_received_message_has_its_senders_address() {
    let ((near, to), (far, from)) = (udp(), udp());
    on_each_with_file(&near, |ring, file| {
        far.send_to(b"datagram", to).unwrap();
        let (mut a, mut b) = ([0_u8; 3], [0_u8; 3]);
        let pieces = [piece(&mut a), piece(&mut b)];
        let mut address = SockAddr::EMPTY;
        let (name, _) = address.out();
        let mut message = MsgHdr::new(pieces.as_ptr(), 2).from(name, SockAddrStorage::SIZE);
        let start = &raw mut message;
        let recv = for_file!(file, |fd| opcode::RecvMsg::new(fd, start).build());
        let seen = ring.run_seen(recv);
        // SAFETY: the kernel is done with it.
        let message = unsafe { start.read() };
        assert_eq!((seen.outcome, message.flags()), (Ok(6), MsgFlags::TRUNC), "{}", ring.kind());
        assert_eq!((&a, &b, message.name_len()), (b"dat", b"agr", 16), "{}", ring.kind());
        assert_eq!(address.to_ip(), Some(from), "{}", ring.kind());
    });
}

#[test]
fn control_data_carries_a_descriptor() {
    let (near, far) = UnixDatagram::pair().unwrap();
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each_with_file(&near, |ring, file| {
        // struct cmsghdr (SOL_SOCKET, SCM_RIGHTS) and one descriptor, with room to align the next one.
        let header = size_of::<usize>() + 8;
        let mut control = Vec::from((header + 4).to_ne_bytes());
        for number in [1, 1, reader.as_raw_fd(), 0] {
            control.extend(number.to_ne_bytes());
        }
        let mut byte = *b"x";
        let pieces = [piece(&mut byte)];
        let message = MsgHdr::new(pieces.as_ptr(), 1).control(control.as_mut_ptr().cast(), control.len());
        let send = for_file!(file, |fd| opcode::SendMsg::new(fd, &message).build());
        assert_eq!(ring.run(send), Ok(1), "{}", ring.kind());
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut received = [0_u8; 4];
        let mut pieces = [std::io::IoSliceMut::new(&mut received)];
        rustix::net::recvmsg(&far, &mut pieces, &mut control, RecvFlags::empty()).unwrap();
        let Some(RecvAncillaryMessage::ScmRights(mut fds)) = control.drain().next() else { panic!("no descriptor") };
        let (ours, theirs) = (rustix::fs::fstat(&reader).unwrap(), rustix::fs::fstat(fds.next().unwrap()).unwrap());
        assert_eq!((ours.st_dev, ours.st_ino), (theirs.st_dev, theirs.st_ino), "{}", ring.kind());
    });
}

/// Each of the two runs on a ring has a group of its own.
fn group(file: File) -> u16 {
    match file {
        File::Fd(_) => 0xbc07,
        File::Fixed(_) => 0xbd07,
    }
}

#[test]
fn a_message_takes_a_buffer_of_the_group() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let ((near, to), (far, _)) = (udp(), udp());
    on_each_with_file(&near, |ring, file| {
        let mut buffers = ring.register_buf_ring(group(file), provide(2, 8));
        far.send_to(b"one", to).unwrap();
        let mut message = MsgHdr::default();
        let start = &raw mut message;
        let seen = ring.run_seen(for_file!(file, |fd| opcode::RecvMsg::new(fd, start).buf_group(group(file)).build()));
        assert_eq!(content(&mut buffers, &seen.plain), [(0, b"one".to_vec())], "{}", ring.kind());
    });
}

/// Each buffer of a multishot has the address, control data and payload of one message.
#[test]
fn a_multishot_message_is_taken_apart() {
    needs!(6, 0, "IORING_RECV_MULTISHOT");
    let ((near, to), (far, from)) = (udp(), udp());
    on_each_with_file(&near, |ring, file| {
        let mut buffers = ring.register_buf_ring(group(file), provide(4, 16 + 16 + 8));
        let mut message = MsgHdr::default().from(std::ptr::null_mut(), 16);
        let start = &raw mut message;
        let multi = for_file!(file, |fd| opcode::RecvMsg::new(fd, start).buf_group(group(file)).multishot().build());
        ring.push(multi.user_data(1));
        let mut senders: heapless::Vec<SocketAddr, 4> = heapless::Vec::new();
        for (payload, cut) in [(&b"one"[..], false), (b"", false), (b"eight bytes and more", true)] {
            far.send_to(payload, to).unwrap();
            let cqe = ring.complete(1)[0].plain;
            // An empty datagram ends it, as the end of a stream would.
            assert_eq!(cqe.more(), !payload.is_empty(), "{}", ring.kind());
            let [(_, bytes)] = &content(&mut buffers, &cqe)[..] else { panic!("one buffer") };
            // SAFETY: the kernel writes nothing into the header of a multishot.
            let out = RecvMsgOut::parse(bytes, unsafe { &*start }).unwrap();
            assert_eq!(out.payload_data(), &payload[..payload.len().min(8)], "{}", ring.kind());
            assert_eq!((out.is_payload_truncated(), out.is_name_data_truncated()), (cut, false), "{}", ring.kind());
            senders.push(SockAddr::from_bytes(out.name_data()).unwrap().to_ip().unwrap()).unwrap();
            if !cqe.more() {
                ring.push(multi.user_data(1));
            }
        }
        assert_eq!(senders, [from; 3], "{}", ring.kind());
        ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
        let outcomes: Vec<_> = ring.complete(2).iter().map(|seen| seen.outcome).collect();
        assert_eq!(outcomes, [Err(Errno::ECANCELED), Ok(0)], "{}", ring.kind());
    });
}

#[test]
fn control_data_of_a_multishot_is_found_or_said_to_be_cut() {
    needs!(6, 0, "IORING_RECV_MULTISHOT");
    let (near, far) = UnixDatagram::pair().unwrap();
    set_socket_passcred(&near, true).unwrap();
    // struct cmsghdr, and struct ucred of three numbers.
    let whole = size_of::<usize>() + 8 + 12;
    let room = whole.next_multiple_of(size_of::<usize>());
    on_each_with_file(&near, |ring, file| {
        for (room, cut) in [(room, false), (whole - 8, true), (0, true)] {
            let mut buffers = ring.register_buf_ring(group(file) + 2 * room as u16, provide(2, 128));
            far.send(b"x").unwrap();
            let mut message = MsgHdr::default().control(std::ptr::null_mut(), room);
            let start = &raw mut message;
            let recv = for_file!(file, |fd| opcode::RecvMsg::new(fd, start).buf_group(buffers.group()).multishot());
            ring.push(recv.build().user_data(1));
            let cqe = ring.complete(1)[0].plain;
            let [(_, bytes)] = &content(&mut buffers, &cqe)[..] else { panic!("one buffer") };
            // SAFETY: the kernel writes nothing into the header of a multishot.
            let out = RecvMsgOut::parse(bytes, unsafe { &*start }).unwrap();
            assert_eq!((out.payload_data(), out.is_control_data_truncated()), (&b"x"[..], cut), "{}", ring.kind());
            if !cut {
                let process = std::process::id().to_ne_bytes();
                assert_eq!(out.control_data()[whole - 12..whole - 8], process, "{}", ring.kind());
            }
            ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
            assert_eq!(ring.complete(2)[1].outcome, Ok(0), "{}", ring.kind());
        }
    });
}

#[test]
fn what_is_wrong_is_refused() {
    needs!(6, 0, "IORING_RECV_MULTISHOT");
    let ((near, to), (far, _)) = (udp(), udp());
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each(|ring| {
        let kind = ring.kind().to_owned();
        let (fd, pipe) = (Fd(near.as_raw_fd()), Fd(reader.as_raw_fd()));
        let mut message = MsgHdr::default();
        let start = &raw mut message;
        let nowhere: *mut MsgHdr = std::ptr::without_provenance_mut(8);
        for (fd, start, errno) in
            [(Fd(-1), start, Errno::EBADF), (pipe, start, Errno::ENOTSOCK), (fd, nowhere, Errno::EFAULT)]
        {
            assert_eq!(ring.run(opcode::SendMsg::new(fd, start).build()), Err(errno), "{kind}");
            assert_eq!(ring.run(opcode::RecvMsg::new(fd, start).build()), Err(errno), "{kind}");
        }
        assert_eq!(ring.run(opcode::SendMsg::new(fd, start).build()), Err(Errno::EDESTADDRREQ), "{kind}");
        assert_eq!(ring.run(opcode::RecvMsg::new(fd, start).multishot().build()), Err(Errno::EINVAL), "{kind}");
        let mut pieces = [IoVec::new(std::ptr::null_mut(), 0); 1025];
        let mut many = MsgHdr::new(pieces.as_mut_ptr(), 1025);
        let too_many = if older_than(6, 15) { Errno::EINVAL } else { Errno::EMSGSIZE };
        assert_eq!(ring.run(opcode::RecvMsg::new(fd, &raw mut many).build()), Err(too_many), "{kind}");
        let two = MsgHdr::new(pieces.as_ptr(), 2);
        let mut two = two;
        let grouped = opcode::RecvMsg::new(fd, &raw mut two).buf_group(1).build();
        assert_eq!(ring.run(grouped), Err(Errno::EINVAL), "{kind}");
        // A buffer too short for what comes before the payload.
        let _buffers = ring.register_buf_ring(1, provide(1, 15));
        far.send_to(b"x", to).unwrap();
        let short = opcode::RecvMsg::new(fd, start).buf_group(1).multishot().build();
        assert_eq!(ring.run(short), Err(Errno::EFAULT), "{kind}");
        near.recv(&mut [0]).unwrap();
    });
}

#[test]
fn a_receive_that_blocks_is_cancelled() {
    needs!(5, 19, "IORING_ASYNC_CANCEL_ANY");
    let (near, _) = udp();
    on_each_with_file(&near, |ring, file| {
        let mut message = MsgHdr::default();
        let start = &raw mut message;
        is_cancelled(ring, for_file!(file, |fd| opcode::RecvMsg::new(fd, start).build()));
        is_cancelled(ring, for_file!(file, |fd| opcode::RecvMsg::new(fd, start).poll_first().build()));
    });
}

#[test]
fn a_send_that_blocks_is_cancelled() {
    let (near, _far) = UnixDatagram::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    while near.send(b"x").is_ok() {}
    near.set_nonblocking(false).unwrap();
    on_each_with_file(&near, |ring, file| {
        let mut byte = *b"x";
        let pieces = [piece(&mut byte)];
        let message = MsgHdr::new(pieces.as_ptr(), 1);
        is_cancelled(ring, for_file!(file, |fd| opcode::SendMsg::new(fd, &message).build()));
    });
}
