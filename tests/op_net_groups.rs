//! Sends and receives with provided buffers: one, many for one completion, and one request for many completions.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;

use bare_uring::register::buf_ring::BufRing;
use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, MsgFlags};
use bare_uring::{Errno, cqueue, opcode};
use common::any_ring::{AnyRing, File, on_each, on_each_with_file};
use common::sockets::{content, is_cancelled, provide, tcp_pair};
use common::{needs, refused};
use heapless::Vec as FixedVec;

/// Each of the two runs on a ring has a group of its own.
fn group(file: File) -> u16 {
    match file {
        File::Fd(_) => 0xbc07,
        File::Fixed(_) => 0xbd07,
    }
}

#[test]
fn a_receive_takes_a_buffer_of_the_group() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let mut buffers = ring.register_buf_ring(group(file), provide(2, 16));
        let recv = |len| {
            let none = std::ptr::null_mut();
            for_file!(file, |fd| opcode::Recv::new(fd, none, len).buf_group(group(file)).build())
        };
        (&far).write_all(b"grouped").unwrap();
        let seen = ring.run_seen(recv(5));
        assert_eq!(seen.outcome, Ok(5), "{}", ring.kind());
        assert_eq!(content(&mut buffers, &seen.plain), [(0, b"group".to_vec())], "{}", ring.kind());
        let seen = ring.run_seen(recv(0));
        assert_eq!(content(&mut buffers, &seen.plain), [(1, b"ed".to_vec())], "{}", ring.kind());
    });
}

/// Waits for one completion of a multishot.
fn next(ring: &mut dyn AnyRing) -> cqueue::Entry {
    ring.complete(1)[0].plain
}

#[test]
fn a_multishot_receive_goes_on_until_the_peer_ends() {
    needs!(6, 0, "IORING_RECV_MULTISHOT");
    on_each(|ring| {
        for by_slot in [false, true] {
            let (near, far) = tcp_pair();
            let file = match by_slot {
                false => File::Fd(Fd(near.as_raw_fd())),
                true => {
                    ring.register_files(&[near.as_raw_fd()]);
                    File::Fixed(bare_uring::types::Fixed(0))
                }
            };
            let mut buffers = ring.register_buf_ring(group(file), provide(4, 16));
            ring.push(for_file!(file, |fd| opcode::Recv::multi(fd, group(file)).build()));
            ring.hand_over();
            // What a caller without an allocator would keep.
            let mut received: FixedVec<u8, 64> = FixedVec::new();
            for bytes in [&b"one"[..], b"two", b"three", b"four", b"five"] {
                (&far).write_all(bytes).unwrap();
                let cqe = next(ring);
                assert!(cqe.more(), "{}", ring.kind());
                for (_, piece) in content(&mut buffers, &cqe) {
                    received.extend_from_slice(&piece).unwrap();
                }
            }
            assert_eq!(received, b"onetwothreefourfive", "{}", ring.kind());
            far.shutdown(Shutdown::Write).unwrap();
            let last = next(ring);
            assert_eq!((last.outcome(), last.more()), (Ok(0), false), "{}", ring.kind());
        }
    });
}

#[test]
fn a_multishot_receive_ends_without_buffers_and_can_be_cancelled() {
    needs!(6, 12, "an end without a further attempt");
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let mut buffers = ring.register_buf_ring(group(file), provide(1, 16));
        let multi = for_file!(file, |fd| opcode::Recv::multi(fd, group(file)).build());
        ring.push(multi);
        (&far).write_all(b"one").unwrap();
        let first = next(ring);
        assert_eq!((first.outcome(), first.more()), (Ok(3), true), "{}", ring.kind());
        (&far).write_all(b"two").unwrap();
        let last = next(ring);
        assert_eq!((last.outcome(), last.more()), (Err(Errno::ENOBUFS), false), "{}", ring.kind());
        assert_eq!(content(&mut buffers, &first), [(0, b"one".to_vec())]);
        // Armed again, it takes what was left.
        let again = ring.run_seen(for_file!(file, |fd| opcode::Recv::new(fd, std::ptr::null_mut(), 0)
            .buf_group(group(file))
            .build()));
        assert_eq!(content(&mut buffers, &again.plain), [(0, b"two".to_vec())]);
        is_cancelled(ring, multi);
    });
}

#[test]
fn a_multishot_receive_keeps_its_limits() {
    needs!(6, 0, "IORING_RECV_MULTISHOT");
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let mut buffers = ring.register_buf_ring(group(file), provide(4, 16));
        (&far).write_all(b"abcdefgh").unwrap();
        // Two bytes each time, five in all, which the last piece goes beyond.
        ring.push(for_file!(file, |fd| opcode::Recv::new(fd, std::ptr::null_mut(), 2)
            .buf_group(group(file))
            .multishot()
            .limit(5)
            .build()));
        ring.submit_and_wait(1).unwrap();
        let mut seen = ring.take();
        if seen[0].outcome == Err(Errno::EINVAL) {
            (&near).read_exact(&mut [0; 8]).unwrap();
            return refused("a multishot receive", "a limit of IORING_RECV_MULTISHOT", (6, 17));
        }
        while seen.last().is_some_and(|seen| seen.plain.more()) {
            ring.wait();
            seen.extend(ring.take());
        }
        let came = 8 - (&near).read(&mut [0; 8]).unwrap();
        let pieces: Vec<_> = seen.iter().flat_map(|seen| content(&mut buffers, &seen.plain)).map(|it| it.1).collect();
        assert_eq!(pieces.concat(), b"abcdefgh"[..came], "{}", ring.kind());
        assert_eq!((came, pieces.len()), (6, 3), "{}: {pieces:?}", ring.kind());
    });
}

/// Takes the completions of bundles until so many bytes came: the pieces, and how many the largest bundle had.
fn bundles(ring: &mut dyn AnyRing, buffers: &mut BufRing, len: usize, again: Option<Entry>) -> (Vec<Vec<u8>>, usize) {
    let (mut pieces, mut largest): (Vec<Vec<u8>>, _) = (Vec::new(), 0);
    while pieces.concat().len() < len {
        if let Some(entry) = again {
            ring.push(entry);
        }
        ring.submit_and_wait(1).unwrap();
        for seen in ring.take() {
            assert_eq!(seen.plain.more(), again.is_none(), "{}: {seen:?}", ring.kind());
            let bundle = content(buffers, &seen.plain);
            largest = largest.max(bundle.len());
            pieces.extend(bundle.into_iter().map(|(_, bytes)| bytes));
        }
    }
    (pieces, largest)
}

#[test]
fn a_bundle_fills_several_buffers() {
    needs!(6, 10, "IORING_RECVSEND_BUNDLE");
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let mut buffers = ring.register_buf_ring(group(file), provide(4, 4));
        let recv = for_file!(file, |fd| opcode::Recv::new(fd, std::ptr::null_mut(), 0).buf_group(group(file)));
        (&far).write_all(b"0123456789").unwrap();
        let (pieces, largest) = bundles(ring, &mut buffers, 10, Some(recv.bundle().build()));
        assert_eq!(pieces, [&b"0123"[..], b"4567", b"89"], "{}", ring.kind());
        assert!(largest > 1, "{}", ring.kind());
    });
}

#[test]
fn a_multishot_bundle_goes_on() {
    needs!(6, 10, "IORING_RECVSEND_BUNDLE");
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let mut buffers = ring.register_buf_ring(group(file), provide(8, 4));
        let multi = for_file!(file, |fd| opcode::Recv::multi(fd, group(file)).bundle().build());
        ring.push(multi.user_data(1));
        for bytes in [&b"0123456"[..], b"abcdefghij"] {
            (&far).write_all(bytes).unwrap();
            let (pieces, largest) = bundles(ring, &mut buffers, bytes.len(), None);
            assert_eq!(pieces.concat(), bytes, "{}", ring.kind());
            assert!(largest > 1, "{}", ring.kind());
        }
        ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
        let outcomes: Vec<_> = ring.complete(2).iter().map(|seen| seen.outcome).collect();
        assert_eq!(outcomes, [Err(Errno::ECANCELED), Ok(0)], "{}", ring.kind());
    });
}

#[test]
fn sends_take_their_bytes_from_a_group() {
    needs!(6, 10, "IORING_RECVSEND_BUNDLE");
    let (near, far) = tcp_pair();
    on_each_with_file(&near, |ring, file| {
        let memory = provide(4, 4);
        for (byte, value) in memory.buffers.iter_mut().zip(b"0123456789abcdef") {
            *byte = *value;
        }
        let _buffers = ring.register_buf_ring(group(file), memory);
        let send = |len| {
            let none = std::ptr::null();
            for_file!(file, |fd| opcode::Send::new(fd, none, len).buf_group(group(file)))
        };
        let seen = ring.run_seen(send(3).build());
        if seen.outcome == Err(Errno::EINVAL) {
            return refused("a send", "a group of buffers for IORING_OP_SEND", (6, 10));
        }
        assert_eq!((seen.outcome, seen.plain.buffer_id()), (Ok(3), Some(0)), "{}", ring.kind());
        let mut bytes = [0_u8; 3];
        (&far).read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"012", "{}", ring.kind());
        // The three that are left, at once.
        ring.push(send(0).bundle().flags(MsgFlags::NOSIGNAL).build());
        let seen = ring.complete(1)[0];
        assert_eq!((seen.outcome, seen.plain.buffer_id()), (Ok(12), Some(1)), "{}", ring.kind());
        let mut bytes = [0_u8; 12];
        (&far).read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"456789abcdef", "{}", ring.kind());
        assert_eq!(ring.run(send(0).build()), Err(Errno::ENOBUFS), "{}", ring.kind());
    });
}
