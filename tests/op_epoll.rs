//! Sets of epoll: files come and go, and their events arrive, on every kind of ring.

mod common;

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

use bare_uring::types::{EpollEvent, EpollOp, Fd, Fixed, PollEvents};
use bare_uring::{Errno, opcode};
use common::any_ring::{on_each, on_each_with_file};
use common::sockets::is_cancelled;
use common::{needs, refused};
use rustix::event::epoll::{CreateFlags, create};
use rustix::event::{EventfdFlags, eventfd};

const IN: PollEvents = PollEvents(1);
const OUT: PollEvents = PollEvents(4);

fn set() -> OwnedFd {
    create(CreateFlags::CLOEXEC).unwrap()
}

fn counter(value: u32) -> OwnedFd {
    eventfd(value, EventfdFlags::CLOEXEC).unwrap()
}

/// Room for events, each as no event is.
fn room<const N: usize>() -> [EpollEvent; N] {
    [EpollEvent::new(PollEvents(u32::MAX), u64::MAX); N]
}

#[test]
fn files_are_added_changed_and_taken_out() {
    let (set, counter) = (set(), counter(1));
    on_each_with_file(&set, |ring, file| {
        let control = |op, event: &EpollEvent| {
            opcode::EpollCtl::new(Fd(set.as_raw_fd()), Fd(counter.as_raw_fd()), op, event).build()
        };
        let mut events = room::<2>();
        let start = events.as_mut_ptr();
        let wait = for_file!(file, |fd| opcode::EpollWait::new(fd, start, 2).build());
        assert_eq!(ring.run(control(EpollOp::ADD, &EpollEvent::new(IN, 1 << 63))), Ok(0), "{}", ring.kind());
        match ring.run(wait) {
            Err(Errno::EINVAL) => refused("epoll_wait", "IORING_OP_EPOLL_WAIT", (6, 15)),
            outcome => {
                assert_eq!(outcome, Ok(1), "{}", ring.kind());
                assert_eq!(events[0], EpollEvent::new(IN, 1 << 63), "{}", ring.kind());
                assert_eq!(ring.run(control(EpollOp::MOD, &EpollEvent::new(OUT, 7))), Ok(0), "{}", ring.kind());
                assert_eq!(ring.run(wait), Ok(1), "{}", ring.kind());
                assert_eq!(events[0], EpollEvent::new(OUT, 7), "{}", ring.kind());
                assert_eq!(events[1], room::<1>()[0], "{}", ring.kind());
            }
        }
        let none = std::ptr::null();
        let delete = opcode::EpollCtl::new(Fd(set.as_raw_fd()), Fd(counter.as_raw_fd()), EpollOp::DEL, none).build();
        assert_eq!(ring.run(delete), Ok(0), "{}", ring.kind());
        assert_eq!(ring.run(delete), Err(Errno::ENOENT), "{}", ring.kind());
    });
}

#[test]
fn a_wait_ends_when_an_event_comes() {
    on_each(|ring| {
        let (set, counter) = (set(), counter(0));
        let event = EpollEvent::new(IN, 5);
        let add = opcode::EpollCtl::new(Fd(set.as_raw_fd()), Fd(counter.as_raw_fd()), EpollOp::ADD, &event).build();
        assert_eq!(ring.run(add), Ok(0), "{}", ring.kind());
        let mut events = room::<4>();
        ring.push(opcode::EpollWait::new(Fd(set.as_raw_fd()), events.as_mut_ptr(), 4).build());
        ring.hand_over();
        rustix::io::write(&counter, &1_u64.to_ne_bytes()).unwrap();
        match ring.complete(1)[0].outcome {
            Err(Errno::EINVAL) => refused("epoll_wait", "IORING_OP_EPOLL_WAIT", (6, 15)),
            outcome => assert_eq!((outcome, events[0]), (Ok(1), event), "{}", ring.kind()),
        }
    });
}

/// The kernel would take the number of a slot for a descriptor: here descriptors are meant, and slots are not touched.
#[test]
fn the_descriptors_are_those_of_the_process() {
    on_each(|ring| {
        let (set, counter, other) = (set(), counter(1), counter(1));
        // Slots with the descriptors' numbers hold other files, as far as the table goes.
        let slots = vec![other.as_raw_fd(); 64];
        ring.register_files(&slots);
        let event = EpollEvent::new(IN, 5);
        let add = opcode::EpollCtl::new(Fd(set.as_raw_fd()), Fd(counter.as_raw_fd()), EpollOp::ADD, &event).build();
        assert_eq!(ring.run(add), Ok(0), "{}", ring.kind());
        assert_eq!(ring.run(add), Err(Errno::EEXIST), "{}", ring.kind());
    });
}

#[test]
fn what_is_wrong_is_refused() {
    needs!(6, 15, "IORING_OP_EPOLL_WAIT");
    let (set, counter) = (set(), counter(0));
    let regular = File::open("Cargo.toml").unwrap();
    on_each(|ring| {
        let kind = ring.kind().to_owned();
        let event = EpollEvent::new(IN, 0);
        let (set, counter, regular) = (Fd(set.as_raw_fd()), Fd(counter.as_raw_fd()), Fd(regular.as_raw_fd()));
        let nowhere: *const EpollEvent = std::ptr::without_provenance(8);
        for (set, fd, op, event, errno) in [
            (Fd(-1), counter, EpollOp::ADD, &raw const event, Errno::EBADF),
            (set, Fd(-1), EpollOp::ADD, &raw const event, Errno::EBADF),
            (counter, set, EpollOp::ADD, &raw const event, Errno::EINVAL),
            (set, set, EpollOp::ADD, &raw const event, Errno::EINVAL),
            (set, regular, EpollOp::ADD, &raw const event, Errno::EPERM),
            (set, counter, EpollOp::MOD, &raw const event, Errno::ENOENT),
            (set, counter, EpollOp(9), &raw const event, Errno::EINVAL),
            (set, counter, EpollOp::ADD, nowhere, Errno::EFAULT),
        ] {
            assert_eq!(ring.run(opcode::EpollCtl::new(set, fd, op, event).build()), Err(errno), "{kind}");
        }
        let mut events = room::<1>();
        let start = events.as_mut_ptr();
        assert_eq!(ring.run(opcode::EpollWait::new(counter, start, 1).build()), Err(Errno::EINVAL), "{kind}");
        assert_eq!(ring.run(opcode::EpollWait::new(set, start, 0).build()), Err(Errno::EINVAL), "{kind}");
        assert_eq!(ring.run(opcode::EpollWait::new(Fd(-1), start, 1).build()), Err(Errno::EBADF), "{kind}");
        assert_eq!(ring.run(opcode::EpollWait::new(Fixed(9), start, 1).build()), Err(Errno::EBADF), "{kind}");
    });
}

#[test]
fn a_wait_without_events_is_cancelled() {
    needs!(6, 15, "IORING_OP_EPOLL_WAIT");
    let set = set();
    on_each_with_file(&set, |ring, file| {
        let mut events = room::<1>();
        let start = events.as_mut_ptr();
        let wait = for_file!(file, |fd| opcode::EpollWait::new(fd, start, 1).build());
        is_cancelled(ring, wait);
    });
}
