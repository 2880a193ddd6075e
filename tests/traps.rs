//! Traps: what kernels do to users of rings, and the documentation warns of.

mod common;

use std::io::Write;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::time::Duration;

use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, MsgFlags, PollEvents, Timespec};
use bare_uring::{Builder, Errno, IoUring, opcode};
use common::ring_memory::{fd, until};
use common::{needs, push, skip};
use rustix::event::epoll;
use rustix::io::Errno as SystemErrno;

const POLLIN: PollEvents = PollEvents(1);

/// A read of a pipe, submitted by a thread that ends before there is something to read: what comes of it.
fn read_of_a_thread_that_ends(builder: &Builder, in_halves: bool) -> Option<Result<u32, Errno>> {
    let mut ring: IoUring = builder.build(8).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let buffer: &'static mut [u8; 8] = Box::leak(Box::default());
    let read = opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 8).build();
    if in_halves {
        let (mut submitting, _completing) = ring.halves().unwrap();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                // SAFETY: the buffer lives for ever.
                unsafe { submitting.queue().push(read) }.unwrap();
                assert_eq!(submitting.submit(), Ok(1));
            });
            // Without it the scope ends with the closure, a little before the thread does.
            thread.join().unwrap();
        });
    } else {
        ring = std::thread::spawn(move || {
            push(&mut ring, read);
            assert_eq!(ring.submit(), Ok(1));
            until("it was consumed", || ring.submission().is_empty());
            ring
        })
        .join()
        .unwrap();
    }
    writer.write_all(&[1]).unwrap();
    let soon = Timespec::new(1, 0);
    let args = bare_uring::types::SubmitArgs::new().timespec(&soon);
    let _ = ring.submitter().wait_with_args(1, &args);
    ring.completion().next().map(|cqe| cqe.outcome())
}

#[test]
fn a_thread_that_ends_takes_its_requests_along_but_with_sqpoll() {
    needs!(5, 19, "IORING_SETUP_COOP_TASKRUN");
    let cancelled = Some(Err(Errno::ECANCELED));
    assert_eq!(read_of_a_thread_that_ends(&Builder::new(), false), cancelled, "sent back");
    assert_eq!(read_of_a_thread_that_ends(&Builder::new(), true), cancelled, "a half");
    assert_eq!(read_of_a_thread_that_ends(Builder::new().setup_coop_taskrun(), false), cancelled, "COOP_TASKRUN");
    assert_eq!(read_of_a_thread_that_ends(Builder::new().setup_sqpoll(100), false), Some(Ok(1)), "SQPOLL");
}

/// Whether a request is still in flight after a tenth of a second; it is cancelled with the ring.
fn waits(entry: Entry) -> bool {
    let mut ring = IoUring::new(8).unwrap();
    push(&mut ring, entry);
    let soon = Timespec::new(0, 100_000_000);
    let args = bare_uring::types::SubmitArgs::new().timespec(&soon);
    let _ = ring.submitter().submit_with_args(1, &args);
    let outcome = ring.completion().next().map(|cqe| cqe.outcome());
    assert!(matches!(outcome, None | Some(Err(Errno::EAGAIN))), "{outcome:?}");
    outcome.is_none()
}

#[test]
fn a_file_that_does_not_block_is_waited_for_nevertheless() {
    needs!(5, 11, "FEAT_EXT_ARG");
    let buffer: &'static mut [u8; 8] = Box::leak(Box::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(waits(opcode::Accept::new(fd(&listener), null_mut(), null_mut()).build()));
    let (left, _right) = std::os::unix::net::UnixStream::pair().unwrap();
    left.set_nonblocking(true).unwrap();
    let at = buffer.as_mut_ptr();
    assert!(waits(opcode::Recv::new(fd(&left), at, 8).build()));
    assert!(!waits(opcode::Recv::new(fd(&left), at, 8).flags(MsgFlags::DONTWAIT).build()));
    assert!(waits(opcode::Read::new(fd(&left), at, 8).build()));
    while (&left).write(&[0; 4096]).is_ok() {}
    assert!(waits(opcode::Send::new(fd(&left), at, 8).build()));
    assert!(!waits(opcode::Send::new(fd(&left), at, 8).flags(MsgFlags::DONTWAIT).build()));
}

/// What an `epoll_wait(2)` of a thread ends with while a request of its ring completes. (A thread of its own: the end
/// of a ring interrupts as well, a little later.)
fn epoll_meanwhile(builder: &Builder) -> Result<usize, SystemErrno> {
    std::thread::scope(|scope| scope.spawn(|| epoll_here(builder)).join().unwrap())
}

fn epoll_here(builder: &Builder) -> Result<usize, SystemErrno> {
    let mut ring: IoUring = builder.build(8).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let (idle, _other) = std::io::pipe().unwrap();
    push(&mut ring, opcode::PollAdd::new(fd(&reader), POLLIN).build());
    assert_eq!(ring.submit(), Ok(1));
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        writer.write_all(&[1]).unwrap();
        writer
    });
    let half_a_second = rustix::event::Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
    let epoll = epoll::create(epoll::CreateFlags::empty()).unwrap();
    epoll::add(&epoll, &idle, epoll::EventData::new_u64(1), epoll::EventFlags::IN).unwrap();
    let mut events = Vec::with_capacity(1);
    let outcome = epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&half_a_second));
    drop(later.join());
    outcome
}

#[test]
fn completions_end_other_calls_of_the_thread_but_with_deferred_work() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let interrupted = Err(SystemErrno::INTR);
    assert_eq!(epoll_meanwhile(&Builder::new()), interrupted);
    assert_eq!(epoll_meanwhile(Builder::new().setup_coop_taskrun()), interrupted);
    assert_eq!(epoll_meanwhile(Builder::new().setup_single_issuer().setup_defer_taskrun()), Ok(0));
    assert_eq!(epoll_meanwhile(Builder::new().setup_sqpoll(1000)), Ok(0));
}

#[test]
fn a_block_device_has_another_word_for_an_unknown_command_than_a_socket() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let command = |fd| {
        let mut ring = IoUring::new(4).unwrap();
        push(&mut ring, opcode::UringCmd16::new(Fd(fd), 0x7fff).build());
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        ring.completion().next().unwrap().outcome()
    };
    needs!(6, 12, "commands of block devices");
    assert_eq!(command(socket.as_raw_fd()), Err(Errno::EOPNOTSUPP));
    let Some(device) =
        ["/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0"].iter().find_map(|it| std::fs::File::open(it).ok())
    else {
        return skip("a_block_device_has_another_word_for_an_unknown_command_than_a_socket", "a block device to open");
    };
    assert_eq!(command(device.as_raw_fd()), Err(Errno::EINVAL));
}
