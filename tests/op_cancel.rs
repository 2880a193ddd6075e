//! Cancellation by every key, on every kind of ring.

mod common;

use common::needs;

use std::os::fd::AsRawFd;

use bare_uring::types::{CancelBuilder, Fd, Fixed, PollEvents, Timespec};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, on_each};
use common::requests::CLOSED;
use heapless::Vec;

const LONG: Timespec = Timespec::new(1000, 0);

/// What is in flight: polls 1 and 2 of one pipe (2 by its slot), poll 3 of another pipe, and timeout 4.
struct Flight {
    first: std::io::PipeReader,
    second: std::io::PipeReader,
    _writers: [std::io::PipeWriter; 2],
}

impl Flight {
    fn new(ring: &mut dyn AnyRing) -> Self {
        let ((first, a), (second, b)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
        ring.register_files(&[first.as_raw_fd(), -1]);
        let flight = Self { first, second, _writers: [a, b] };
        flight.start(ring);
        flight
    }

    fn start(&self, ring: &mut dyn AnyRing) {
        let events = PollEvents(1);
        ring.push(opcode::PollAdd::new(Fd(self.first.as_raw_fd()), events).build().user_data(1));
        ring.push(opcode::PollAdd::new(Fixed(0), events).build().user_data(2));
        ring.push(opcode::PollAdd::new(Fd(self.second.as_raw_fd()), events).build().user_data(3));
        ring.push(opcode::Timeout::new(&LONG).build().user_data(4));
    }
}

/// Cancels by these keys what a fresh flight holds; which completed, and what the cancellation said.
fn cancelled(make: impl Fn(&Flight) -> opcode::AsyncCancel, expected: &[u64], says: Result<u32, Errno>) {
    on_each(|ring| {
        let flight = Flight::new(ring);
        ring.push(make(&flight).build().user_data(9));
        // Without an allocator, as a caller would keep it.
        let mut gone: Vec<u64, 8> = Vec::new();
        let mut said = None;
        for seen in ring.complete(expected.len() + 1) {
            if seen.user_data == 9 {
                said = Some(seen.outcome);
            } else {
                assert_eq!(seen.outcome, Err(Errno::ECANCELED));
                gone.push(seen.user_data).unwrap();
            }
        }
        assert_eq!((gone.as_slice(), said), (expected, Some(says)), "{}", ring.kind());
        // The rest is still there.
        ring.push(opcode::AsyncCancel::any().build().user_data(9));
        ring.complete(4 - expected.len() + 1);
    });
}

#[test]
fn by_user_data() {
    needs!(5, 19, "IORING_ASYNC_CANCEL_ALL");
    cancelled(|_| opcode::AsyncCancel::new(3), &[3], Ok(0));
    cancelled(|_| opcode::AsyncCancel::matching(CancelBuilder::user_data(4)), &[4], Ok(0));
    cancelled(|_| opcode::AsyncCancel::new(5), &[], Err(Errno::ENOENT));
}

#[test]
fn by_file() {
    needs!(5, 19, "IORING_ASYNC_CANCEL_ALL");
    let fd = |flight: &Flight| Fd(flight.second.as_raw_fd());
    cancelled(|flight| opcode::AsyncCancel::matching(CancelBuilder::fd(fd(flight))), &[3], Ok(0));
    // The file counts, not how it was named.
    let first = |flight: &Flight| CancelBuilder::fd(Fd(flight.first.as_raw_fd())).all();
    cancelled(|flight| opcode::AsyncCancel::matching(first(flight)), &[1, 2], Ok(2));
    cancelled(|_| opcode::AsyncCancel::matching(CancelBuilder::fd(Fixed(0)).all()), &[1, 2], Ok(2));
}

#[test]
fn by_opcode() {
    needs!(6, 6, "IORING_ASYNC_CANCEL_OP");
    let of = |code| opcode::AsyncCancel::matching(CancelBuilder::opcode(code));
    cancelled(|_| of(opcode::Timeout::CODE), &[4], Ok(0));
    cancelled(|_| of(opcode::Read::CODE), &[], Err(Errno::ENOENT));
    cancelled(|_| of(opcode::PollAdd::CODE).all(), &[1, 2, 3], Ok(3));
}

#[test]
fn by_several_keys() {
    needs!(6, 6, "IORING_ASYNC_CANCEL_OP");
    let poll = CancelBuilder::opcode(opcode::PollAdd::CODE);
    cancelled(|_| opcode::AsyncCancel::matching(poll.with_user_data(3)), &[3], Ok(0));
    cancelled(|_| opcode::AsyncCancel::matching(poll.with_user_data(4)), &[], Err(Errno::ENOENT));
    cancelled(|_| opcode::AsyncCancel::matching(poll.with_fd(Fixed(0)).with_user_data(2)), &[2], Ok(0));
    cancelled(|_| opcode::AsyncCancel::matching(poll.with_fd(Fixed(0)).with_user_data(3)), &[], Err(Errno::ENOENT));
    cancelled(|_| opcode::AsyncCancel::matching(poll.with_fd(Fixed(0)).all()), &[1, 2], Ok(2));
}

#[test]
fn everything() {
    needs!(5, 19, "IORING_ASYNC_CANCEL_ALL");
    on_each(|ring| {
        let flight = Flight::new(ring);
        for all in [opcode::AsyncCancel::any(), opcode::AsyncCancel::matching(CancelBuilder::any()).all()] {
            ring.push(all.build().user_data(9));
            let seen = ring.complete(5);
            let gone: Vec<_, 8> = seen.iter().map(|seen| (seen.user_data, seen.outcome)).collect();
            let gone_with = Err(Errno::ECANCELED);
            let expected = [(1, gone_with), (2, gone_with), (3, gone_with), (4, gone_with), (9, Ok(4))];
            assert_eq!(gone.as_slice(), expected, "{}", ring.kind());
            flight.start(ring);
        }
        ring.push(opcode::AsyncCancel::any().build().user_data(9));
        ring.complete(5);
    });
}

#[test]
fn refused() {
    needs!(5, 19, "IORING_ASYNC_CANCEL_ALL");
    on_each(|ring| {
        ring.register_files(&[-1]);
        for (builder, errno) in [
            (CancelBuilder::fd(Fd(CLOSED)), Errno::EBADF),
            (CancelBuilder::fd(Fixed(0)), Errno::EBADF),
            (CancelBuilder::fd(Fixed(1)), Errno::EBADF),
            (CancelBuilder::user_data(1), Errno::ENOENT),
        ] {
            assert_eq!(ring.run(opcode::AsyncCancel::matching(builder).build()), Err(errno), "{}", ring.kind());
        }
        assert_eq!(ring.run(opcode::AsyncCancel::any().build()), Ok(0), "{}", ring.kind());
    });
}
