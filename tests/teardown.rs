//! The end of a ring with requests in flight, and what may be done with their memory and their files then.

mod common;

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bare_uring::types::{DestinationSlot, Timespec};
use bare_uring::{Builder, Errno, IoUring, opcode, squeue};
use common::ring_memory::{Random, bounded, fd, taken, until};
use common::{builders, needs, nop, push};

const PATIENT: Timespec = Timespec::new(30, 0);
const MARK: u8 = 0x55;

/// Reads in flight on pipes that another thread writes to at any time, and then a drain, and the end of the ring: from
/// the drain on nothing writes to the buffers, though data goes on to arrive.
#[test]
fn after_a_drain_the_memory_of_requests_is_the_callers_again() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    const PIPES: usize = 4;
    bounded(|| {
        for (name, builder) in builders() {
            let pipes: Vec<_> = (0..PIPES).map(|_| std::io::pipe().unwrap()).collect();
            let done = &AtomicBool::new(false);
            thread::scope(|scope| {
                let writers: Vec<_> = pipes.iter().map(|(_, writer)| writer).collect();
                scope.spawn(move || {
                    let mut random = Random(0x5eed);
                    while !done.load(Ordering::Relaxed) {
                        let which = random.below(PIPES as u64) as usize;
                        // A pipe that is full stays so until the next round reads it.
                        if rustix::io::ioctl_fionread(writers[which]).unwrap() < 4096 {
                            rustix::io::write(writers[which], &[0xaa; 16]).unwrap();
                        }
                        thread::sleep(Duration::from_micros(random.below(200)));
                    }
                });
                let mut caught = 0;
                for _ in 0..60 {
                    caught += a_round(name, &builder, &pipes);
                }
                done.store(true, Ordering::Relaxed);
                assert!(caught > 0, "{name}: requests were caught in flight");
            });
        }
    });
}

/// Starts reads, takes what comes of them for a moment, drains, drops, and reuses the memory. How many were cancelled.
fn a_round(name: &str, builder: &Builder, pipes: &[(std::io::PipeReader, std::io::PipeWriter)]) -> usize {
    const EACH: usize = 4;
    let mut ring = builder.build(32).unwrap();
    let mut buffers = vec![[MARK; 64]; pipes.len() * EACH];
    for (number, buffer) in buffers.iter_mut().enumerate() {
        let reader = fd(&pipes[number % pipes.len()].0);
        push(&mut ring, opcode::Read::new(reader, buffer.as_mut_ptr(), 64).build().user_data(number as u64));
    }
    ring.submit().unwrap();
    let (mut outstanding, mut cancelled) = (buffers.len(), 0);
    outstanding -= ring.completion().count();
    if outstanding != 0 {
        let drained = ring.cancel_and_drain(PATIENT, |cqe| {
            outstanding -= 1;
            cancelled += usize::from(cqe.result() < 0);
            outstanding == 0
        });
        assert_eq!(drained, Ok(()), "{name}");
    }
    // Before the ring is gone, and after.
    for _ in 0..2 {
        buffers.iter_mut().for_each(|buffer| *buffer = [MARK; 64]);
        thread::sleep(Duration::from_micros(100));
        assert!(buffers.iter().flatten().all(|&byte| byte == MARK), "{name}: nobody else writes here");
    }
    drop(ring);
    thread::sleep(Duration::from_micros(300));
    assert!(buffers.iter().flatten().all(|&byte| byte == MARK), "{name}: nobody else writes here");
    cancelled
}

/// Without a drain the kernel cancels when it likes, and until then memory and files are in use; they do come free.
#[test]
fn a_ring_that_is_dropped_with_requests_in_flight_lets_go_of_its_files_after_a_while() {
    for (name, builder) in builders() {
        let mut ring = builder.build(8).unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        let buffer = Box::leak(Box::new([MARK; 64]));
        push(&mut ring, opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 64).build());
        assert_eq!(ring.submit(), Ok(1));
        until("it was consumed", || ring.submission().is_empty());
        drop(ring);
        drop(reader);
        // The request holds the other end of the pipe as long as it lives.
        until(name, || {
            let mut ends = [rustix::event::PollFd::new(&writer, rustix::event::PollFlags::empty())];
            let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
            rustix::event::poll(&mut ends, Some(&now)).unwrap();
            ends[0].revents().contains(rustix::event::PollFlags::ERR)
        });
        assert_eq!(*buffer, [MARK; 64], "{name}");
    }
}

/// A ring with the completion of an accept that nobody has read, and the client of that connection.
fn accepted(slot: Option<DestinationSlot>) -> (IoUring, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ring = IoUring::new(8).unwrap();
    let mut accept = opcode::Accept::new(fd(&listener), null_mut(), null_mut());
    if let Some(slot) = slot {
        ring.submitter().register_files(&[-1]).unwrap();
        accept = accept.file_index(slot);
    }
    push(&mut ring, accept.build());
    assert_eq!(ring.submit(), Ok(1));
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    ring.submitter().wait(1).unwrap();
    (ring, client)
}

/// Whether the other side of a connection has closed it.
fn is_closed(client: &mut TcpStream) -> bool {
    client.set_nonblocking(true).unwrap();
    match client.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    }
}

/// The accepted descriptor belongs to the process since the accept, and only the completion tells its number.
#[test]
fn an_accepted_descriptor_in_a_completion_that_nobody_read_stays_open() {
    let (ring, mut client) = accepted(None);
    drop(ring);
    thread::sleep(Duration::from_millis(100));
    assert!(!is_closed(&mut client));
}

#[test]
fn a_drain_hands_over_the_completion_that_holds_an_accepted_descriptor() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let (mut ring, mut client) = accepted(None);
    let mut come = None;
    let drained = ring.cancel_and_drain(PATIENT, |cqe| {
        come = Some(cqe.outcome());
        true
    });
    assert_eq!(drained, Ok(()));
    drop(ring);
    // SAFETY: the descriptor is the connection's, and nobody else's.
    drop(unsafe { OwnedFd::from_raw_fd(come.expect("a completion").unwrap().cast_signed()) });
    until("the connection is closed", || is_closed(&mut client));
}

#[test]
fn a_connection_accepted_into_a_slot_ends_with_the_ring() {
    needs!(5, 15, "direct descriptors");
    let (ring, mut client) = accepted(DestinationSlot::at(0));
    drop(ring);
    until("the connection is closed", || is_closed(&mut client));
}

/// Rings come and go with requests in flight, as fast as they can: the machine keeps up, and every one works.
#[test]
fn hundreds_of_rings_end_with_requests_in_flight() {
    bounded(|| {
        for (name, builder) in builders() {
            for _ in 0..200 {
                let (reader, _writer) = std::io::pipe().unwrap();
                let buffer = Box::leak(Box::new([MARK; 8]));
                let mut ring = builder.build(8).unwrap();
                push(&mut ring, opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 8).build());
                push(&mut ring, nop(7).flags(squeue::Flags::ASYNC));
                assert_eq!(ring.submit_and_wait(1), Ok(2), "{name}");
                assert_eq!(taken(&mut ring), [(7, 0)], "{name}");
            }
        }
    });
}

/// A region of the kernel's is a mapping of the ring, and keeps it and all that is in flight.
#[test]
fn a_ring_whose_region_is_mapped_is_let_go_of_with_the_region() {
    const TEST: &str = "a_ring_whose_region_is_mapped_is_let_go_of_with_the_region";
    let mut ring = IoUring::new(8).unwrap();
    let region = match ring.submitter().map_mem_region(65_536) {
        Err(Errno::EINVAL) => return common::skip(TEST, "IORING_REGISTER_MEM_REGION"),
        region => region.unwrap(),
    };
    let (reader, writer) = std::io::pipe().unwrap();
    let buffer = Box::leak(Box::new([MARK; 64]));
    push(&mut ring, opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 64).build());
    assert_eq!(ring.submit(), Ok(1));
    drop(ring);
    drop(reader);
    let is_let_go_of = |milliseconds: i64| {
        let mut ends = [rustix::event::PollFd::new(&writer, rustix::event::PollFlags::empty())];
        let time = rustix::time::Timespec { tv_sec: 0, tv_nsec: milliseconds * 1_000_000 };
        rustix::event::poll(&mut ends, Some(&time)).unwrap();
        ends[0].revents().contains(rustix::event::PollFlags::ERR)
    };
    assert!(!is_let_go_of(200));
    drop(region);
    until(TEST, || is_let_go_of(1));
}
