//! An eventfd on the real kernel: what raises it, what does not, and how it is switched off and on.

mod common;

use std::os::fd::{AsRawFd, OwnedFd};

use bare_uring::squeue::Flags;
use bare_uring::{Errno, IoUring, Kernel, cqueue, opcode, squeue};
use common::requests::{CLOSED, Recorder, fd, file, ring, ring_on};
use common::{nop, push};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

fn counter() -> OwnedFd {
    eventfd(0, EventfdFlags::NONBLOCK).unwrap()
}

/// How often it was raised since the last look.
fn raised(counter: &OwnedFd) -> u64 {
    let mut count = [0_u8; 8];
    match rustix::io::read(counter, &mut count) {
        Ok(8) => u64::from_ne_bytes(count),
        Err(rustix::io::Errno::AGAIN) => 0,
        other => panic!("an eventfd read {other:?}"),
    }
}

/// Waits until it is raised, for five seconds at most; how often it was.
fn until_raised(counter: &OwnedFd) -> u64 {
    let five_seconds = Timespec { tv_sec: 5, tv_nsec: 0 };
    poll(&mut [PollFd::new(counter, PollFlags::IN)], Some(&five_seconds)).unwrap();
    raised(counter)
}

/// Submits a nop, and takes its completion.
fn complete<K: Kernel>(ring: &mut IoUring<squeue::Entry, cqueue::Entry, K>, flags: Flags) {
    push(ring, nop(1).flags(flags));
    assert_eq!(ring.submit_and_wait(1), Ok(1));
    assert_eq!(ring.completion().map(|cqe| cqe.outcome()).collect::<Vec<_>>(), [Ok(0)]);
}

#[test]
fn completions_raise_the_eventfd() {
    let (mut ring, counter) = (ring(), counter());
    assert_eq!(ring.submitter().register_eventfd(counter.as_raw_fd()), Ok(()));
    assert_eq!(raised(&counter), 0);
    complete(&mut ring, Flags::empty());
    assert_eq!(raised(&counter), 1);
    complete(&mut ring, Flags::empty());
    complete(&mut ring, Flags::empty());
    assert_eq!(raised(&counter), 2);
}

#[test]
fn a_completion_that_comes_by_itself_raises_the_eventfd() {
    let (mut ring, counter) = (ring(), counter());
    assert_eq!(ring.submitter().register_eventfd(counter.as_raw_fd()), Ok(()));
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let mut buffer = [0_u8; 1];
    push(&mut ring, opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 1).build());
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(raised(&counter), 0);
    rustix::io::write(&writer, b"x").unwrap();
    assert_eq!(until_raised(&counter), 1);
    assert_eq!(ring.completion().map(|cqe| cqe.outcome()).collect::<Vec<_>>(), [Ok(1)]);
}

#[test]
fn an_async_eventfd_is_raised_by_workers_only() {
    let (mut ring, counter) = (ring(), counter());
    assert_eq!(ring.submitter().register_eventfd_async(counter.as_raw_fd()), Ok(()));
    complete(&mut ring, Flags::empty());
    assert_eq!(raised(&counter), 0);
    complete(&mut ring, Flags::ASYNC);
    assert_eq!(until_raised(&counter), 1);
}

#[test]
fn an_eventfd_that_is_switched_off_counts_nothing() {
    let (mut ring, counter) = (ring(), counter());
    assert_eq!(ring.submitter().register_eventfd(counter.as_raw_fd()), Ok(()));
    assert!(!ring.completion().eventfd_disabled());
    // Twice is no other than once.
    for _ in 0..2 {
        assert_eq!(ring.completion().disable_eventfd(), Ok(()));
        assert!(ring.completion().eventfd_disabled());
    }
    complete(&mut ring, Flags::empty());
    assert_eq!(raised(&counter), 0);
    ring.completion().enable_eventfd();
    assert!(!ring.completion().eventfd_disabled());
    assert_eq!(raised(&counter), 0, "what came meanwhile is not made up for");
    complete(&mut ring, Flags::empty());
    assert_eq!(raised(&counter), 1);
}

/// Kernels before 5.8 report no place for the flags.
#[test]
fn a_kernel_without_the_flags_says_so() {
    // SAFETY: no registration here has an argument but one `int`.
    let mut kernel = unsafe { Recorder::new(4) };
    kernel.tweak = |params| params.cq_off.flags = 0;
    let (mut ring, counter) = (ring_on(&kernel), counter());
    assert_eq!(ring.submitter().register_eventfd(counter.as_raw_fd()), Ok(()));
    assert_eq!(ring.completion().disable_eventfd(), Err(Errno::EOPNOTSUPP));
    assert!(!ring.completion().eventfd_disabled());
    ring.completion().enable_eventfd();
    complete(&mut ring, Flags::empty());
    assert_eq!(raised(&counter), 1);
}

#[test]
fn an_unregistered_eventfd_counts_nothing() {
    let (mut ring, counter) = (ring(), counter());
    assert_eq!(ring.submitter().register_eventfd(counter.as_raw_fd()), Ok(()));
    assert_eq!(ring.submitter().unregister_eventfd(), Ok(()));
    complete(&mut ring, Flags::empty());
    assert_eq!(raised(&counter), 0);
}

#[test]
fn there_is_one_eventfd_of_either_kind() {
    let (ring, counter) = (ring(), counter());
    let (submitter, number) = (ring.submitter(), counter.as_raw_fd());
    assert_eq!(submitter.unregister_eventfd(), Err(Errno::ENXIO));
    assert_eq!(submitter.register_eventfd(number), Ok(()));
    assert_eq!(submitter.register_eventfd(number), Err(Errno::EBUSY));
    assert_eq!(submitter.register_eventfd_async(number), Err(Errno::EBUSY));
    assert_eq!(submitter.unregister_eventfd(), Ok(()));
    assert_eq!(submitter.register_eventfd_async(number), Ok(()));
    assert_eq!(submitter.register_eventfd(number), Err(Errno::EBUSY));
    assert_eq!(submitter.unregister_eventfd(), Ok(()));
    assert_eq!(submitter.unregister_eventfd(), Err(Errno::ENXIO));
}

#[test]
fn what_is_no_eventfd_is_refused() {
    let (ring, file) = (ring(), file(b""));
    for (number, errno) in [(CLOSED, Errno::EBADF), (-1, Errno::EBADF), (file.as_raw_fd(), Errno::EINVAL)] {
        assert_eq!(ring.submitter().register_eventfd(number), Err(errno), "{number}");
        assert_eq!(ring.submitter().register_eventfd_async(number), Err(errno), "{number}");
    }
    assert_eq!(ring.submitter().unregister_eventfd(), Err(Errno::ENXIO));
}
