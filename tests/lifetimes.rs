//! Lifetimes: what an entry points to may go once the entry was consumed, but the data only with the completion.

mod common;

use std::ffi::CString;
use std::io::Write;
use std::os::fd::{FromRawFd, OwnedFd};

use bare_uring::types::{IoVec, OpenFlags, OpenHow, Timespec};
use bare_uring::{Errno, IoUring, opcode, squeue};
use common::ring_memory::{fd, taken, until};
use common::{builders, needs, push};

/// Memory that a request is told of, and that is overwritten as soon as the request was consumed.
fn consumed(ring: &mut IoUring, overwrite: impl FnOnce()) {
    ring.submit().unwrap();
    // Under SQPOLL the submit only makes it visible.
    until("it was consumed", || ring.submission().is_empty());
    overwrite();
}

/// `FEAT_SUBMIT_STABLE`, and the contract of `push`.
#[test]
fn an_array_of_pieces_may_go_once_its_request_was_consumed() {
    needs!(5, 5, "IORING_FEAT_SUBMIT_STABLE");
    for (name, builder) in builders() {
        let mut ring = builder.build(8).unwrap();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut pieces = [[0_u8; 4]; 2];
        let [first, second] = &mut pieces;
        let mut array = [IoVec::new(first.as_mut_ptr(), 4), IoVec::new(second.as_mut_ptr(), 4)];
        push(&mut ring, opcode::Readv::new(fd(&reader), array.as_ptr(), 2).build().user_data(1));
        // Nothing is at these addresses: a kernel that reads the array again fails.
        consumed(&mut ring, || array.fill(IoVec::new(std::ptr::without_provenance_mut(1), usize::MAX >> 1)));
        writer.write_all(b"12345678").unwrap();
        ring.submitter().wait(1).unwrap();
        assert_eq!((taken(&mut ring), pieces), (vec![(1, 8)], [*b"1234", *b"5678"]), "{name}");
        assert_ne!(std::hint::black_box(&array).len(), 0);
    }
}

#[test]
fn a_timespec_may_go_once_its_request_was_consumed() {
    needs!(5, 5, "IORING_FEAT_SUBMIT_STABLE");
    for (name, builder) in builders() {
        let mut ring = builder.build(8).unwrap();
        let (reader, _writer) = std::io::pipe().unwrap();
        let mut times = Box::new([Timespec::new(0, 10_000_000); 2]);
        let mut buffer = [0; 8];
        push(&mut ring, opcode::Timeout::new(&raw const times[0]).build().user_data(1));
        let read = opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 8).build().user_data(2);
        push(&mut ring, read.flags(squeue::Flags::IO_LINK));
        push(&mut ring, opcode::LinkTimeout::new(&raw const times[1]).build().user_data(3));
        consumed(&mut ring, || *times = [Timespec::new(1_000_000, 0); 2]);
        // A timeout that comes ends a wait early, whatever that was for.
        let mut come = Vec::new();
        while come.len() < 3 {
            ring.submitter().wait(1).unwrap();
            come.extend(taken(&mut ring));
        }
        come.sort_unstable();
        assert_eq!(come[0], (1, -i32::from(Errno::ETIME.raw())), "{name}");
        assert_eq!(times[0].seconds(), 1_000_000);
    }
}

#[test]
fn a_path_may_go_once_its_request_was_consumed() {
    needs!(5, 6, "IORING_OP_OPENAT2");
    for (name, builder) in builders() {
        let mut ring = builder.build(8).unwrap();
        for _ in 0..50 {
            let path = CString::new("/dev/null").unwrap().into_raw();
            let mut how = OpenHow::new().flags(OpenFlags(0));
            let open = opcode::OpenAt2::new(bare_uring::types::Fd::CWD, path, &raw const how).build();
            // A worker opens it, whenever it gets there.
            push(&mut ring, open.user_data(1).flags(squeue::Flags::ASYNC));
            consumed(&mut ring, || {
                // SAFETY: the path is this test's, and has a byte to overwrite.
                unsafe { path.write(b'-' as core::ffi::c_char) };
                how = OpenHow::new().flags(OpenFlags(u32::MAX));
            });
            ring.submitter().wait(1).unwrap();
            let [(1, opened)] = taken(&mut ring)[..] else { panic!("{name}") };
            assert!(opened >= 0, "{name}: {opened}");
            // SAFETY: the descriptor was opened just now, for this test alone.
            drop(unsafe { OwnedFd::from_raw_fd(opened) });
            // SAFETY: made by `into_raw` above; its length is what it was.
            drop(unsafe { CString::from_raw(path) });
            std::hint::black_box(&how);
        }
    }
}

/// The data is the request's until its completion: what is written meanwhile is what is sent or overwritten.
#[test]
fn a_buffer_is_the_requests_until_its_completion() {
    for (name, builder) in builders() {
        let mut ring = builder.build(8).unwrap();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut buffer = Box::new([0x55_u8; 8]);
        push(&mut ring, opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 8).build().user_data(1));
        consumed(&mut ring, || {});
        writer.write_all(b"late").unwrap();
        ring.submitter().wait(1).unwrap();
        assert_eq!((taken(&mut ring), *buffer), (vec![(1, 4)], *b"late\x55\x55\x55\x55"), "{name}");
    }
}
