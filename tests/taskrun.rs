//! Completion work that waits inside the task: a plain submit fetches it, so that nobody is left stranded.

mod common;

use std::io::Write;

use bare_uring::types::PollEvents;
use bare_uring::{Builder, IoUring, SetupFlags, SqFlags, opcode};
use common::ring_memory::{bounded, fd, taken, until};
use common::{needs, nop, push};

const POLLIN: i32 = 1;

fn coop() -> Builder {
    Builder::new().setup_coop_taskrun().clone()
}

fn defer() -> Builder {
    Builder::new().setup_single_issuer().setup_defer_taskrun().clone()
}

fn poll(file: &impl std::os::fd::AsRawFd) -> opcode::PollAdd {
    opcode::PollAdd::new(fd(file), PollEvents::from(POLLIN))
}

#[test]
fn the_flag_that_shows_it_is_added() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let both = SetupFlags::TASKRUN_FLAG.union(SetupFlags::COOP_TASKRUN);
    assert!(coop().build(4).unwrap().params().setup().contains(both));
    let both = SetupFlags::TASKRUN_FLAG.union(SetupFlags::DEFER_TASKRUN);
    assert!(defer().build(4).unwrap().params().setup().contains(both));
    assert!(!Builder::<bare_uring::squeue::Entry>::new().build(4).unwrap().params().setup().intersects(both));
}

#[test]
fn submits_alone_complete_a_poll_that_became_ready() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    bounded(|| {
        for builder in [coop(), defer()] {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let mut ring = builder.build(4).unwrap();
            push(&mut ring, poll(&reader).build().user_data(7));
            assert_eq!((ring.submit(), taken(&mut ring)), (Ok(1), vec![]));
            writer.write_all(b"x").unwrap();
            let mut all = Vec::new();
            until("the poll completes", || {
                assert_eq!(ring.submit(), Ok(0));
                all.extend(taken(&mut ring));
                !all.is_empty()
            });
            assert_eq!(all, [(7, POLLIN)]);
        }
    });
}

#[test]
fn submits_alone_complete_a_read_that_became_ready() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    bounded(|| {
        for builder in [coop(), defer()] {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let mut buffer = [0_u8; 8];
            let mut ring = builder.build(4).unwrap();
            let read = opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 8).build().user_data(8);
            push(&mut ring, read);
            assert_eq!((ring.submit(), taken(&mut ring)), (Ok(1), vec![]));
            writer.write_all(b"hello").unwrap();
            let mut all = Vec::new();
            until("the read completes", || {
                assert_eq!(ring.submit(), Ok(0));
                all.extend(taken(&mut ring));
                !all.is_empty()
            });
            assert_eq!((all, &buffer[..5]), (vec![(8, 5)], &b"hello"[..]));
        }
    });
}

#[test]
fn a_write_by_another_thread_is_seen_by_submits_alone() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    bounded(|| {
        for builder in [coop(), defer()] {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let mut ring = builder.build(4).unwrap();
            push(&mut ring, poll(&reader).build().user_data(9));
            assert_eq!(ring.submit(), Ok(1));
            std::thread::scope(|scope| {
                scope.spawn(move || writer.write_all(b"x").unwrap());
                until("the poll completes", || {
                    assert_eq!(ring.submit(), Ok(0));
                    ring.completion().len() == 1
                });
            });
            // The hang-up may have come before the look at the events.
            let all = taken(&mut ring);
            assert_eq!(
                all.iter().map(|&(user_data, events)| (user_data, events & POLLIN)).collect::<Vec<_>>(),
                [(9, POLLIN)]
            );
        }
    });
}

#[test]
fn deferred_work_waits_for_the_submit_and_shows_in_the_flags() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut ring = defer().build(4).unwrap();
    push(&mut ring, poll(&reader).build().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(ring.submission().flags(), SqFlags::empty());
    writer.write_all(b"x").unwrap();
    assert_eq!((ring.submission().flags(), taken(&mut ring)), (SqFlags::TASKRUN, vec![]));
    assert_eq!((ring.submit(), taken(&mut ring)), (Ok(0), vec![(1, POLLIN)]));
    assert_eq!(ring.submission().flags(), SqFlags::empty());
}

#[test]
fn deferred_work_is_fetched_by_a_submit_of_something_else_too() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut ring = defer().build(4).unwrap();
    push(&mut ring, poll(&reader).build().user_data(1));
    assert_eq!(ring.submit(), Ok(1));
    writer.write_all(b"x").unwrap();
    push(&mut ring, nop(2));
    assert_eq!(ring.submit(), Ok(1));
    let mut all = taken(&mut ring);
    all.sort_unstable();
    assert_eq!(all, [(1, POLLIN), (2, 0)]);
}

#[test]
fn work_for_more_than_the_kernel_does_at_once_is_done_by_more_submits() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    bounded(|| {
        for builder in [coop(), defer()] {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let mut ring: IoUring = builder.build(128).unwrap();
            for user_data in 0..100 {
                push(&mut ring, poll(&reader).build().user_data(user_data));
            }
            assert_eq!(ring.submit(), Ok(100));
            writer.write_all(b"x").unwrap();
            let mut all = Vec::new();
            until("all polls complete", || {
                assert_eq!(ring.submit(), Ok(0));
                all.extend(taken(&mut ring));
                all.len() >= 100
            });
            all.sort_unstable();
            assert_eq!(all, (0..100).map(|user_data| (user_data, POLLIN)).collect::<Vec<_>>());
            assert_eq!((ring.submit(), taken(&mut ring)), (Ok(0), vec![]));
        }
    });
}
