//! A thread of the kernel consumes the submissions: it is woken only from sleep, and each entry counts once.

mod common;

use std::time::{Duration, Instant};

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, EnterFlags, Errno, IoUring, SetupFlags, SqFlags, cqueue, opcode};
use common::kernels::{Call, Trace};
use common::ring_memory::{Fake, bounded, calls_of_set_up, nops, taken, until};
use common::{needs, nop, push};

const ECANCELED: i32 = -125;

/// Idle times in milliseconds: the thread stays awake for a whole test, or sleeps as soon as it can.
const AWAKE: u32 = 20_000;
const DROWSY: u32 = 1;

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Trace>;

/// A ring with a round trip behind it: a thread that is new may sleep at once, whatever its idle time.
fn ring(trace: &Trace, idle: u32, entries: u32) -> Ring<'_> {
    let mut ring = Builder::new().setup_sqpoll(idle).build_with(trace, entries).unwrap();
    push(&mut ring, nop(0));
    assert_eq!((ring.submit_and_wait(1), taken(&mut ring)), (Ok(1), nops(0..1)));
    trace.take();
    ring
}

fn asleep(ring: &mut Ring<'_>) {
    until("the thread sleeps", || ring.submission().flags().contains(SqFlags::NEED_WAKEUP));
}

fn waking(ring: &Ring<'_>, to_submit: u32, flags: EnterFlags) -> Call {
    Call::Enter { fd: ring.fd(), to_submit, min_complete: 0, flags: flags.bits(), size: 0 }
}

#[test]
fn an_awake_thread_consumes_without_a_system_call() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring = ring(&trace, AWAKE, 8);
        for round in 0..20 {
            let first = round * 3;
            for user_data in first..first + 3 {
                push(&mut ring, nop(user_data));
            }
            assert_eq!(ring.submit(), Ok(3));
            until("three completions", || ring.completion().len() == 3);
            assert_eq!(taken(&mut ring), nops(first..first + 3));
        }
        assert_eq!(trace.take(), []);
    });
}

#[test]
fn a_sleeping_thread_is_woken_by_one_call() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring = ring(&trace, DROWSY, 8);
        for round in 0..5 {
            asleep(&mut ring);
            push(&mut ring, nop(round));
            push(&mut ring, nop(round));
            assert_eq!(ring.submit(), Ok(2));
            assert_eq!(trace.take(), [waking(&ring, 2, EnterFlags::SQ_WAKEUP)]);
            until("two completions", || ring.completion().len() == 2);
            assert_eq!(taken(&mut ring), [(round, 0), (round, 0)]);
        }
    });
}

#[test]
fn an_empty_submit_wakes_nobody() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring = ring(&trace, DROWSY, 8);
        asleep(&mut ring);
        assert_eq!([ring.submit(), ring.submit(), ring.submit_and_wait(0)], [Ok(0); 3]);
        assert!(ring.submission().flags().contains(SqFlags::NEED_WAKEUP));
        assert_eq!(trace.take(), []);
    });
}

#[test]
fn a_submit_that_waits_wakes_in_the_same_call() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring = ring(&trace, DROWSY, 8);
        asleep(&mut ring);
        push(&mut ring, nop(1));
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        let flags = EnterFlags::SQ_WAKEUP.union(EnterFlags::GETEVENTS).bits();
        let fd = ring.fd();
        assert_eq!(trace.take(), [Call::Enter { fd, to_submit: 1, min_complete: 1, flags, size: 0 }]);
        assert_eq!(taken(&mut ring), nops(1..2));
    });
}

#[test]
fn the_counts_of_all_submits_add_up_to_what_was_pushed() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring = ring(&trace, DROWSY, 4);
        let (mut pushed, mut counted, mut completed) = (0, 0, Vec::new());
        for round in 0..3000_u64 {
            for _ in 0..round % 4 {
                until("there is room", || ring.submitter().squeue_wait() == Ok(0) && !ring.submission().is_full());
                push(&mut ring, nop(pushed));
                pushed += 1;
            }
            counted += ring.submit().unwrap() as u64;
            assert_eq!(counted, pushed, "round {round}");
            if round % 500 == 0 {
                asleep(&mut ring);
            }
            completed.extend(taken(&mut ring));
        }
        until("all completions", || {
            completed.extend(taken(&mut ring));
            ring.submit() == Ok(0) && completed.len() as u64 == pushed
        });
        assert_eq!(completed, nops(0..pushed));
    });
}

#[test]
fn after_an_error_the_next_submit_hands_over_and_counts_all() {
    bounded(|| {
        for errno in [Errno::EAGAIN, Errno::EBUSY, Errno::EINTR] {
            let trace = Trace::failing(calls_of_set_up(), errno);
            let mut ring: Ring<'_> = Builder::new().setup_sqpoll(DROWSY).build_with(&trace, 8).unwrap();
            asleep(&mut ring);
            push(&mut ring, nop(0));
            push(&mut ring, nop(1));
            assert_eq!(ring.submit(), Err(errno));
            push(&mut ring, nop(2));
            asleep(&mut ring);
            assert_eq!(ring.submit(), Ok(3));
            until("three completions", || ring.completion().len() == 3);
            assert_eq!((taken(&mut ring), ring.submit()), (nops(0..3), Ok(0)));
        }
    });
}

#[test]
fn waiting_for_room_wakes_a_sleeping_thread() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring = ring(&trace, DROWSY, 4);
        asleep(&mut ring);
        for user_data in 0..4 {
            push(&mut ring, nop(user_data));
        }
        assert!(ring.submission().is_full());
        assert_eq!(ring.submitter().squeue_wait(), Ok(0));
        assert!(!ring.submission().is_full());
        assert_eq!(trace.take(), [waking(&ring, 0, EnterFlags::SQ_WAKEUP.union(EnterFlags::SQ_WAIT))]);
        until("four completions", || ring.completion().len() == 4);
        assert_eq!((ring.submit(), taken(&mut ring)), (Ok(4), nops(0..4)));
    });
}

#[test]
fn waiting_for_room_makes_no_call_where_there_is_room() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring = ring(&trace, DROWSY, 4);
        asleep(&mut ring);
        assert_eq!(ring.submitter().squeue_wait(), Ok(0));
        push(&mut ring, nop(0));
        assert_eq!(ring.submitter().squeue_wait(), Ok(0));
        assert_eq!(trace.take(), []);
    });
}

#[test]
fn waiting_for_room_makes_no_call_without_a_thread() {
    let trace = Trace::new();
    let mut ring: Ring<'_> = Builder::new().build_with(&trace, 4).unwrap();
    trace.take();
    for user_data in 0..4 {
        push(&mut ring, nop(user_data));
    }
    assert_eq!(ring.submitter().squeue_wait(), Ok(0));
    assert_eq!((ring.submission().len(), trace.take()), (4, vec![]));
}

/// Time enough for an awake thread to take up what it can see.
fn linger() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(5) {
        std::thread::yield_now();
    }
}

/// A chain whose first request fails: the others are cancelled, if the chain was taken up whole.
fn chain() -> [Entry; 3] {
    let failing = opcode::Nop::new().result(-5).build().user_data(0);
    [failing.flags(Flags::IO_LINK), nop(1).flags(Flags::IO_LINK), nop(2)]
}

#[test]
fn a_chain_becomes_visible_whole() {
    needs!(6, 12, "EIO for a failed read");
    bounded(|| {
        let trace = Trace::new();
        let mut ring = ring(&trace, AWAKE, 8);
        for (i, entry) in chain().into_iter().enumerate() {
            push(&mut ring, entry);
            linger();
            assert_eq!(ring.submission().len(), i + 1, "the thread has seen nothing");
        }
        assert_eq!(ring.submit(), Ok(3));
        until("three completions", || ring.completion().len() == 3);
        assert_eq!(taken(&mut ring), [(0, -5), (1, ECANCELED), (2, ECANCELED)]);
    });
}

/// Where the thread could see it, a chain would be torn. (The test plays the thread.)
#[test]
fn asking_for_room_that_is_there_shows_nothing_of_what_was_pushed() {
    let fake = Fake::new(SetupFlags::SQPOLL, 4, 8, (u32::MAX, u32::MAX));
    let mut ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
    push(&mut ring, nop(0).flags(Flags::IO_LINK));
    assert_eq!(ring.submitter().squeue_wait(), Ok(0));
    assert_eq!((fake.sq(), fake.enters()), ((u32::MAX, u32::MAX), vec![]));
    push(&mut ring, nop(1));
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(fake.sq(), (u32::MAX, 1));
}

/// Linux ends the wait without an error when a signal or work for the task arrives. (The test plays the thread.)
#[test]
fn waiting_for_room_goes_on_until_there_is_room() {
    bounded(|| {
        let fake = Fake::new(SetupFlags::SQPOLL, 4, 8, (0, 0));
        let mut ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
        for user_data in 0..4 {
            push(&mut ring, nop(user_data));
        }
        fake.early.set(3);
        assert_eq!(ring.submitter().squeue_wait(), Ok(0));
        assert_eq!((ring.submission().len(), fake.early.get()), (3, 0));
        push(&mut ring, nop(4));
    });
}

/// The end of one ring is work for its task, which interrupts waits for a while.
#[test]
fn waiting_for_room_goes_on_though_another_ring_ended() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring = ring(&trace, AWAKE, 4);
        let mut pushed = 0;
        for _ in 0..200 {
            let mut other = IoUring::new(4).unwrap();
            push(&mut other, nop(0));
            assert_eq!(other.submit(), Ok(1));
            drop(other);
            for _ in 0..8 {
                ring.submit().unwrap();
                ring.submitter().squeue_wait().unwrap();
                assert!(!ring.submission().is_full());
                push(&mut ring, nop(pushed));
                pushed += 1;
            }
            taken(&mut ring);
        }
    });
}

/// Kernels from 5.5 to 5.18 consume nothing then. (The test plays the thread.)
#[test]
fn a_timed_wait_does_not_spin_for_room_while_completions_wait_outside() {
    bounded(|| {
        let fake = Fake::new(SetupFlags::SQPOLL, 8, 16, (0, 0));
        fake.set_sq_flags(SqFlags::CQ_OVERFLOW);
        let mut ring: IoUring<Entry, cqueue::Entry, &Fake> = fake.ring();
        for user_data in 0..8 {
            push(&mut ring, nop(user_data));
        }
        let args = SubmitArgs::new().timespec(&Timespec::ZERO);
        assert_eq!(ring.submitter().wait_with_args(1, &args), Err(Errno::EBUSY));
    });
}
