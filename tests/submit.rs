//! Submitting: no call without need, and every entry handed over once and in order, whatever happened before.

mod common;

use std::mem::ManuallyDrop;

use bare_uring::squeue::{Entry, PushError};
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, EnterFlags, Errno, IoUring, cqueue};
use common::kernels::{Call, Trace};
use common::ring_memory::{calls_of_set_up, nops, taken};
use common::{needs, nop, older_than, push};

const EINVAL: i32 = -22;

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Trace>;

/// A way to submit, some with a timeout.
type Way = fn(&Ring<'_>, &Timespec) -> Result<usize, Errno>;

fn builder() -> Builder {
    Builder::new()
}

/// A request that the kernel refuses at once.
fn refused(user_data: u64) -> Entry {
    let mut bytes = nop(user_data).to_bytes();
    bytes[0] = 255;
    Entry::from_bytes(bytes)
}

/// Kernels before 6.12 complete what they refuse before what they did of the same batch.
fn in_order(mut completions: Vec<(u64, i32)>) -> Vec<(u64, i32)> {
    if older_than(6, 12) {
        completions.sort_unstable();
    }
    completions
}

#[test]
fn an_empty_submit_makes_no_system_call() {
    needs!(5, 19, "IORING_SETUP_COOP_TASKRUN");
    for builder in [
        builder(),
        builder().setup_coop_taskrun().clone(),
        builder().setup_single_issuer().clone(),
        builder().setup_single_issuer().setup_defer_taskrun().clone(),
        builder().setup_submit_all().clone(),
    ] {
        let trace = Trace::new();
        let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
        let nothing = [ring.submit(), ring.submit(), ring.submit_and_wait(0)];
        assert_eq!((nothing, trace.enters()), ([Ok(0); 3], vec![]), "{builder:?}");

        push(&mut ring, nop(1));
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        assert_eq!(trace.enters().len(), 1);
        assert_eq!((ring.submit(), trace.enters()), (Ok(0), vec![]), "after a round trip, {builder:?}");
    }
}

#[test]
fn an_empty_submit_on_an_iopoll_ring_polls_the_device() {
    let trace = Trace::new();
    let ring = builder().setup_iopoll().build_with(&trace, 8).unwrap();
    let fd = ring.fd();
    assert_eq!(ring.submit(), Ok(0));
    let flags = EnterFlags::GETEVENTS.bits();
    assert_eq!(trace.enters(), [Call::Enter { fd, to_submit: 0, min_complete: 0, flags, size: 0 }]);
}

#[test]
fn a_submit_of_several_is_one_call() {
    let trace = Trace::new();
    let mut ring = builder().build_with(&trace, 8).unwrap();
    let fd = ring.fd();
    for user_data in 0..5 {
        push(&mut ring, nop(user_data));
    }
    assert_eq!(ring.submit(), Ok(5));
    assert_eq!(trace.enters(), [Call::Enter { fd, to_submit: 5, min_complete: 0, flags: 0, size: 0 }]);
    assert_eq!(taken(&mut ring), nops(0..5));
}

#[test]
fn what_a_short_submit_left_goes_with_the_next() {
    let trace = Trace::new();
    let mut ring = builder().build_with(&trace, 8).unwrap();
    for entry in [nop(0), refused(1), nop(2), nop(3)] {
        push(&mut ring, entry);
    }
    assert_eq!(ring.submit(), Ok(2));
    assert_eq!(ring.submission().len(), 2);
    assert_eq!(in_order(taken(&mut ring)), [(0, 0), (1, EINVAL)]);

    push(&mut ring, nop(4));
    assert_eq!(ring.submit(), Ok(3));
    assert_eq!(taken(&mut ring), nops(2..5));
    assert_eq!((ring.submission().len(), ring.submit()), (0, Ok(0)));
}

#[test]
fn a_wait_with_a_short_submit_tells_the_short_count() {
    let mut ring = IoUring::new(8).unwrap();
    for entry in [refused(0), nop(1), refused(2), nop(3)] {
        push(&mut ring, entry);
    }
    // The kernel does not wait after a short submit.
    assert_eq!([ring.submit_and_wait(4), ring.submit_and_wait(4), ring.submit_and_wait(4)], [Ok(1), Ok(2), Ok(1)]);
    assert_eq!(in_order(taken(&mut ring)), [(0, EINVAL), (1, 0), (2, EINVAL), (3, 0)]);
}

#[test]
fn submit_all_goes_on_past_a_refused_entry() {
    needs!(5, 18, "IORING_SETUP_SUBMIT_ALL");
    let mut ring = builder().setup_submit_all().build(8).unwrap();
    for entry in [nop(0), refused(1), nop(2), refused(3)] {
        push(&mut ring, entry);
    }
    assert_eq!(ring.submit(), Ok(4));
    assert_eq!(in_order(taken(&mut ring)), [(0, 0), (1, EINVAL), (2, 0), (3, EINVAL)]);
}

#[test]
fn an_error_leaves_the_entries_queued_and_the_next_submit_hands_them_over() {
    let far = Timespec::new(10, 0);
    let ways: &[Way] = &[
        |ring, _| ring.submit(),
        |ring, _| ring.submit_and_wait(1),
        |ring, far| ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(far)),
    ];
    let before = calls_of_set_up();
    for errno in [Errno::EAGAIN, Errno::EBUSY, Errno::EINTR] {
        for submit in ways {
            let trace = Trace::failing(before, errno);
            let mut ring = builder().build_with(&trace, 8).unwrap();
            for user_data in 0..3 {
                push(&mut ring, nop(user_data));
            }
            assert_eq!(submit(&ring, &far), Err(errno));
            assert_eq!((ring.submission().len(), taken(&mut ring)), (3, vec![]));
            push(&mut ring, nop(3));
            assert_eq!(submit(&ring, &far), Ok(4));
            assert_eq!((ring.submission().len(), taken(&mut ring)), (0, nops(0..4)));
            assert_eq!(ring.submit(), Ok(0));
        }
    }
}

#[test]
fn pushing_then_submitting_needs_no_sync() {
    let mut ring = IoUring::new(8).unwrap();
    let (submitter, mut sq, mut cq) = ring.split();
    for user_data in 0..20 {
        // SAFETY: a nop points to nothing.
        unsafe { sq.push(nop(user_data)) }.unwrap();
        assert_eq!(submitter.submit(), Ok(1));
        assert_eq!(cq.next().map(|cqe| cqe.user_data()), Some(user_data));
    }
}

#[test]
fn handles_that_are_forgotten_lose_nothing() {
    let mut ring = IoUring::new(4).unwrap();
    for user_data in 0..50 {
        // SAFETY: a nop points to nothing.
        unsafe { ManuallyDrop::new(ring.submission()).push(nop(user_data)) }.unwrap();
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        let mut cq = ManuallyDrop::new(ring.completion());
        assert_eq!(cq.next().map(|cqe| cqe.user_data()), Some(user_data));
    }
}

#[test]
fn a_full_queue_hands_the_entry_back() {
    let mut ring = IoUring::new(4).unwrap();
    let mut sq = ring.submission();
    for user_data in 0..4 {
        // SAFETY: a nop points to nothing.
        unsafe { sq.push(nop(user_data)) }.unwrap();
    }
    let mut bytes = [0xa5; 64];
    bytes[0] = 0;
    let entry = Entry::from_bytes(bytes);
    // SAFETY: the entry is never handed to the kernel, since the queue is full.
    let refusal = unsafe { sq.push(entry) };
    assert_eq!(refusal.map_err(|PushError(entry)| entry.to_bytes()), Err(bytes));
    assert_eq!(ring.submit(), Ok(4));
    assert_eq!(taken(&mut ring), nops(0..4));
}

#[test]
fn several_are_pushed_all_or_none() {
    let entries: Vec<Entry> = (0..9).map(nop).collect();
    let mut ring = IoUring::new(8).unwrap();
    // What is queued already, how many more are pushed, whether they fit.
    for (queued, more, fits) in [(0, 0, true), (0, 8, true), (0, 9, false), (3, 5, true), (3, 6, false), (8, 0, true)] {
        let mut sq = ring.submission();
        // SAFETY: nops point to nothing.
        unsafe { sq.push_multiple(&entries[..queued]) }.unwrap();
        // SAFETY: nops point to nothing.
        let outcome = unsafe { sq.push_multiple(&entries[..more]) };
        assert_eq!(outcome, if fits { Ok(()) } else { Err(PushError(&entries[..more])) });
        let pushed = if fits { queued + more } else { queued };
        assert_eq!(sq.len(), pushed);
        assert_eq!(ring.submit(), Ok(pushed));
        let mut expected = nops(0..queued as u64);
        expected.extend(nops(0..(pushed - queued) as u64));
        assert_eq!(taken(&mut ring), expected);
    }
}

#[test]
fn the_queue_tells_its_length() {
    let mut ring = IoUring::new(5).unwrap();
    for round in 0..3 {
        for len in 0..8 {
            let sq = ring.submission();
            assert_eq!((sq.len(), sq.is_empty(), sq.is_full(), sq.capacity()), (len, len == 0, false, 8), "{round}");
            push(&mut ring, nop(len as u64));
        }
        let sq = ring.submission();
        assert_eq!((sq.len(), sq.is_empty(), sq.is_full(), sq.dropped()), (8, false, true, 0));
        assert_eq!(ring.submit(), Ok(8));
        let cq = ring.completion();
        assert_eq!((cq.len(), cq.is_empty(), cq.is_full(), cq.capacity()), (8, false, false, 16));
        drop(cq);
        assert_eq!(taken(&mut ring), nops(0..8));
        let cq = ring.completion();
        assert_eq!((cq.len(), cq.is_empty(), cq.is_full()), (0, true, false));
    }
}

#[test]
fn small_rings_go_round_many_thousand_times() {
    for entries in [1, 2, 4] {
        let mut ring = IoUring::new(entries).unwrap();
        let mut user_data = 0;
        for round in 0..10_000 {
            let count = 1 + round % u64::from(entries);
            for i in 0..count {
                push(&mut ring, nop(user_data + i));
            }
            assert_eq!(ring.submit(), Ok(count as usize));
            for i in 0..count {
                assert_eq!(ring.completion().next().map(|cqe| cqe.user_data()), Some(user_data + i));
            }
            assert!(ring.completion().next().is_none());
            user_data += count;
        }
    }
}
