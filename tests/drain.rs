//! Draining: everything in flight is cancelled, and its completions are taken, before the memory of requests is freed.

mod common;

use std::time::{Duration, Instant};

use bare_uring::squeue::Entry;
use bare_uring::types::{PollEvents, Timespec};
use bare_uring::{Builder, Errno, Features, IoUring, Kernel, RingMemory, SqFlags, cqueue, opcode};
use common::kernels::Trace;
use common::ring_memory::{bounded, fd, nops, taken, until};
use common::{builders, memory, needs, nop, push};

const ECANCELED: i32 = -125;
const PATIENT: Timespec = Timespec::new(10, 0);
/// Short, and yet enough for an SQPOLL thread of a busy machine to have its turn.
const HASTY: Timespec = Timespec::new(0, 500_000_000);

/// Submits reads, polls and a timeout that never end by themselves, leaves one entry queued, and drains.
fn drains<K: Kernel>(name: &str, mut ring: IoUring<Entry, cqueue::Entry, K>) {
    let (reader, _writer) = std::io::pipe().unwrap();
    let far = Timespec::new(1000, 0);
    let mut buffers = [[0_u8; 16]; 3];
    let mut all = 0;
    let mut submit = |ring: &mut IoUring<Entry, cqueue::Entry, K>, entry: Entry| {
        push(ring, entry.user_data(all));
        all += 1;
    };
    for buffer in &mut buffers {
        submit(&mut ring, opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 16).build());
    }
    for _ in 0..3 {
        submit(&mut ring, opcode::PollAdd::new(fd(&reader), PollEvents(1)).build());
    }
    submit(&mut ring, opcode::PollAdd::new(fd(&reader), PollEvents(1)).multi().build());
    submit(&mut ring, opcode::Timeout::new(&far).build());
    submit(&mut ring, nop(0));
    assert_eq!(ring.submit(), Ok(9), "{name}");
    // The timespec and the entries were consumed, under SQPOLL too, before they go.
    until("everything was consumed", || ring.submission().is_empty());
    push(&mut ring, nop(100));

    let mut outcomes = Vec::new();
    let drained = ring.cancel_and_drain(PATIENT, |cqe| {
        assert!(!cqe.more());
        outcomes.push((cqe.user_data(), cqe.result()));
        outcomes.len() == 9
    });
    outcomes.sort_unstable();
    let mut expected: Vec<(u64, i32)> = (0..8).map(|user_data| (user_data, ECANCELED)).collect();
    expected.push((8, 0));
    assert_eq!((drained, outcomes), (Ok(()), expected), "{name}");

    assert_eq!(ring.submission().len(), 1, "{name}");
    assert_eq!(ring.submit_and_wait(1), Ok(1), "{name}");
    assert_eq!(taken(&mut ring), [(100, 0)], "{name}");
}

#[test]
fn everything_in_flight_comes_back_and_what_is_queued_stays() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    bounded(|| {
        for (name, builder) in builders() {
            drains(name, builder.build(16).unwrap());
        }
    });
}

#[test]
fn it_works_by_the_registered_index_too() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    bounded(|| {
        for (name, builder) in builders() {
            let ring = builder.build(16).unwrap().register_ring_fd().map_err(|(_, errno)| errno).unwrap();
            drains(name, ring);
        }
    });
}

#[test]
fn it_works_without_a_descriptor_too() {
    needs!(6, 5, "IORING_SETUP_REGISTERED_FD_ONLY");
    bounded(|| {
        let builder = Builder::new();
        let size = builder.memory_size(16).unwrap();
        let provided = RingMemory { rings: memory(size.rings), sqes: memory(size.sqes) };
        drains("registered fd only", builder.build_registered(16, provided).unwrap());
    });
}

#[test]
fn it_gives_up_when_nothing_comes_for_so_long() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    bounded(|| {
        for (name, builder) in builders() {
            let (reader, _writer) = std::io::pipe().unwrap();
            let mut ring = builder.build(8).unwrap();
            push(&mut ring, opcode::PollAdd::new(fd(&reader), PollEvents(1)).build().user_data(1));
            assert_eq!(ring.submit(), Ok(1));
            until("everything was consumed", || ring.submission().is_empty());
            push(&mut ring, nop(2));
            let mut outcomes = Vec::new();
            let start = Instant::now();
            let drained = ring.cancel_and_drain(HASTY, |cqe| {
                outcomes.push((cqe.user_data(), cqe.result()));
                false
            });
            let took = start.elapsed();
            assert_eq!(drained, Err(Errno::ETIME), "{name}");
            // An emulated machine takes its time.
            assert!(took >= Duration::from_millis(500) && took < Duration::from_secs(10), "{name}: {took:?}");
            assert_eq!(outcomes, [(1, ECANCELED)], "{name}");
            assert_eq!((ring.submission().len(), ring.submit_and_wait(1)), (1, Ok(1)), "{name}");
            assert_eq!(taken(&mut ring), [(2, 0)], "{name}");
        }
    });
}

/// Submitted is submitted, whether the thread has taken it up or not.
#[test]
fn under_sqpoll_what_was_just_submitted_comes_back_too() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    bounded(|| {
        for round in 0..20 {
            let (reader, _writer) = std::io::pipe().unwrap();
            let mut ring = Builder::<Entry>::new().setup_sqpoll(1).build(8).unwrap();
            until("the thread sleeps", || ring.submission().flags().contains(SqFlags::NEED_WAKEUP));
            push(&mut ring, opcode::PollAdd::new(fd(&reader), PollEvents(1)).build().user_data(1));
            assert_eq!(ring.submit(), Ok(1));
            let mut outcomes = Vec::new();
            let drained = ring.cancel_and_drain(Timespec::new(1, 0), |cqe| {
                outcomes.push((cqe.user_data(), cqe.result()));
                true
            });
            assert_eq!((drained, outcomes), (Ok(()), vec![(1, ECANCELED)]), "round {round}");
        }
    });
}

#[test]
fn completions_that_are_there_already_are_enough() {
    bounded(|| {
        let mut ring = IoUring::new(8).unwrap();
        for user_data in 0..3 {
            push(&mut ring, nop(user_data));
        }
        assert_eq!(ring.submit(), Ok(3));
        let mut outcomes = Vec::new();
        let drained = ring.cancel_and_drain(PATIENT, |cqe| {
            outcomes.push((cqe.user_data(), cqe.result()));
            outcomes.len() == 2
        });
        // The one after the last that the caller asked for stays where it is.
        assert_eq!((drained, outcomes, taken(&mut ring)), (Ok(()), nops(0..2), nops(2..3)));
    });
}

#[test]
fn more_than_the_queue_holds_comes_back() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    bounded(|| {
        for (name, builder) in builders() {
            let (reader, _writer) = std::io::pipe().unwrap();
            let mut ring = builder.clone().setup_cqsize(4).build(4).unwrap();
            for user_data in 0..40 {
                if ring.submission().is_full() {
                    ring.submit().unwrap();
                    until("there is room", || !ring.submission().is_full());
                }
                push(&mut ring, opcode::PollAdd::new(fd(&reader), PollEvents(1)).build().user_data(user_data));
            }
            ring.submit().unwrap();
            until("everything was consumed", || ring.submission().is_empty());
            let mut outcomes = Vec::new();
            let drained = ring.cancel_and_drain(PATIENT, |cqe| {
                outcomes.push((cqe.user_data(), cqe.result()));
                outcomes.len() == 40
            });
            outcomes.sort_unstable();
            let expected: Vec<(u64, i32)> = (0..40).map(|user_data| (user_data, ECANCELED)).collect();
            assert_eq!((drained, outcomes), (Ok(()), expected), "{name}");
        }
    });
}

/// A poll of such a ring returns at once, whatever the time, when no device has anything to do for it.
#[test]
fn on_an_iopoll_ring_it_ends_as_well() {
    bounded(|| {
        let mut ring: IoUring = Builder::new().setup_iopoll().build(8).unwrap();
        assert_eq!(ring.cancel_and_drain(Timespec::new(20, 0), |_| false), Err(Errno::ETIME));
    });
}

#[test]
fn where_a_timed_wait_finds_no_room_it_ends_as_well() {
    bounded(|| {
        let trace = Trace::without(Features::EXT_ARG.union(Features::MIN_TIMEOUT));
        let mut ring: IoUring<Entry, cqueue::Entry, &Trace> = Builder::new().build_with(&trace, 1).unwrap();
        assert_eq!(ring.cancel_and_drain(Timespec::new(20, 0), |_| false), Err(Errno::EBUSY));
    });
}
