//! Submits and waits that end early or fail.

use std::time::Duration;

use bare_uring::types::{Fd, Timespec};
use bare_uring::{EnterFlags, Errno, SetupFlags, SqFlags, opcode};
use bare_uring_sim::{Chaos, Fault, Mark, Profile, Rate};

use crate::raw::{ALWAYS, Raw, kind, limits, linux, nop, with};

fn ring(chaos: Chaos) -> Raw {
    Raw::new(linux(), chaos, SetupFlags::empty(), 8)
}

/// Pushes a read that does not end without help.
fn endless(ring: &Raw, user_data: u64) {
    let (reader, _) = ring.kernel.pipe();
    let byte = Box::leak(Box::new(0));
    ring.push(opcode::Read::new(Fd(reader), byte, 1).build().user_data(user_data));
}

fn timeout(time: &Timespec, user_data: u64) -> bare_uring::squeue::Entry {
    opcode::Timeout::new(time).build().user_data(user_data)
}

#[test]
fn a_wait_is_interrupted() {
    let ring = ring(with(|chaos| chaos.interrupted = ALWAYS));
    let time = Timespec::new(1, 0);
    ring.push(timeout(&time, 1));
    assert_eq!((ring.submit(1), ring.wait(1)), (Ok(1), Err(Errno::EINTR)));
    assert_eq!((ring.ready(), ring.count(Mark::Interrupted)), (0, 1));
    // With a completion in the queue, an interrupted wait is no error.
    ring.push(nop(2));
    assert_eq!((ring.submit(1), ring.wait(2), ring.take()), (Ok(1), Ok(0), vec![(2, 0, 0)]));
    assert_eq!((ring.count(Mark::Interrupted), ring.count(Mark::InterruptedWithSome)), (1, 1));
    // The count of a submit hides an error.
    ring.push(timeout(&time, 3));
    assert_eq!(ring.enter(1, 1, EnterFlags::GETEVENTS), Ok(1));
    assert_eq!(ring.kernel.faults(), []);
}

#[test]
fn a_wait_that_has_what_it_asked_for_is_not_interrupted() {
    let ring = ring(with(|chaos| (chaos.interrupted, chaos.early_returns) = (ALWAYS, ALWAYS)));
    ring.push(nop(1));
    assert_eq!((ring.submit(1), ring.wait(1), ring.ready()), (Ok(1), Ok(0), 1));
    assert_eq!(ring.count(Mark::InterruptedWithSome), 0);
}

#[test]
fn a_wait_ends_early() {
    let ring = ring(with(|chaos| chaos.early_returns = ALWAYS));
    let time = Timespec::new(1, 0);
    ring.push(timeout(&time, 1));
    let before = ring.kernel.now();
    assert_eq!((ring.submit(1), ring.wait(1), ring.ready()), (Ok(1), Ok(0), 0));
    assert_eq!(ring.count(Mark::EarlyReturn), 1);
    assert!(ring.kernel.now() - before < Duration::from_millis(1));
}

#[test]
fn submits_are_short() {
    let ring = ring(with(|chaos| chaos.short_submits = Rate(80)));
    let (mut counts, mut refused) = (Vec::new(), 0);
    for _ in 0..50 {
        ring.push_all((0..8).map(nop));
        let mut left = 8;
        while left != 0 {
            let before = ring.sq_head();
            let outcome = ring.submit(left);
            let consumed = ring.sq_head() - before;
            match outcome {
                Ok(count) => {
                    assert_eq!(count, consumed);
                    left -= count;
                    counts.push(count);
                }
                Err(errno) => {
                    assert_eq!((errno, consumed), (Errno::EAGAIN, 0));
                    refused += 1;
                }
            }
        }
        assert_eq!(ring.take().len(), 8);
    }
    assert!(refused > 20 && counts.contains(&8), "{refused} refused, {counts:?}");
    assert!((1..8).all(|short| counts.contains(&short)), "{counts:?}");
    assert_eq!(ring.count(Mark::NoMemory), refused);
    assert!(ring.count(Mark::ShortSubmit) > 50);
}

#[test]
fn the_time_of_a_wait_ends_it() {
    let ring = ring(kind());
    endless(&ring, 1);
    let time = Timespec::new(2, 0);
    let before = ring.kernel.now();
    assert_eq!((ring.submit(1), ring.wait_with(1, &limits(Some(&time), 0))), (Ok(1), Err(Errno::ETIME)));
    let passed = ring.kernel.now() - before;
    assert!(passed >= Duration::from_secs(2) && passed < Duration::from_millis(2001), "{passed:?}");
    ring.push(nop(2));
    assert_eq!((ring.submit(1), ring.wait_with(2, &limits(Some(&time), 0))), (Ok(1), Ok(0)));
    assert_eq!((ring.take(), ring.count(Mark::TimeOver)), (vec![(2, 0, 0)], 2));
    // A wait with a time limit of 0 ends at once.
    let none = Timespec::new(0, 0);
    let before = ring.kernel.now();
    assert_eq!(ring.wait_with(1, &limits(Some(&none), 0)), Err(Errno::ETIME));
    assert!(ring.kernel.now() - before < Duration::from_micros(3));
}

#[test]
fn the_least_time_of_a_wait_ends_it_with_what_is_there() {
    let ring = ring(kind());
    endless(&ring, 1);
    let (soon, time) = (Timespec::new(0, 50_000), Timespec::new(5, 0));
    ring.push(timeout(&soon, 2));
    assert_eq!(ring.submit(2), Ok(2));
    // The timer ends before the wait begins, so it does not end the wait.
    ring.kernel.run(40);
    assert_eq!(ring.take(), [(2, -62, 0)]);
    ring.push(nop(3));
    let before = ring.kernel.now();
    assert_eq!((ring.submit(1), ring.wait_with(3, &limits(Some(&time), 1000))), (Ok(1), Ok(0)));
    let passed = ring.kernel.now() - before;
    assert!(passed >= Duration::from_millis(1) && passed < Duration::from_millis(2), "{passed:?}");
    assert_eq!((ring.take(), ring.count(Mark::MinimumOver)), (vec![(3, 0, 0)], 1));
    // With an empty queue, the wait goes on for one completion.
    assert_eq!(ring.wait_with(3, &limits(Some(&time), 1000)), Err(Errno::ETIME));
    assert!(ring.kernel.now() - before > Duration::from_secs(5));
}

#[test]
fn a_timeout_of_a_request_ends_a_wait_for_more() {
    let ring = ring(kind());
    endless(&ring, 1);
    let time = Timespec::new(0, 50_000);
    ring.push(timeout(&time, 2));
    assert_eq!((ring.submit(2), ring.wait(2), ring.take()), (Ok(2), Ok(0), vec![(2, -62, 0)]));
    assert_eq!((ring.count(Mark::EndedByTimeout), ring.kernel.faults()), (1, vec![]));
}

#[test]
fn work_of_the_task_waits_until_it_waits() {
    let setup = SetupFlags::DEFER_TASKRUN | SetupFlags::SINGLE_ISSUER | SetupFlags::TASKRUN_FLAG;
    let ring = Raw::new(linux(), with(|chaos| chaos.delayed = ALWAYS), setup, 32);
    ring.push_all((0..30).map(nop));
    assert_eq!(ring.submit(30), Ok(30));
    ring.kernel.run(200);
    let deferred = ring.count(Mark::WorkDeferred);
    assert!(deferred > 25, "{deferred}");
    // The few completions that were not delayed are there.
    let there = ring.take().len();
    assert!(there < 5, "{there} came by themselves");
    assert_eq!(ring.submit(0), Ok(0));
    assert_eq!((ring.ready(), ring.flags()), (0, SqFlags::TASKRUN));
    // A wait runs 20 pieces of work at once.
    assert_eq!((ring.wait(1), ring.take().len(), ring.flags()), (Ok(0), 20, SqFlags::TASKRUN));
    assert_eq!((ring.wait(1), ring.take().len(), ring.flags()), (Ok(0), 10 - there, SqFlags::empty()));
}

#[test]
fn cooperative_work_runs_in_any_call() {
    let setup = SetupFlags::COOP_TASKRUN | SetupFlags::TASKRUN_FLAG;
    let ring = Raw::new(linux(), with(|chaos| chaos.delayed = ALWAYS), setup, 8);
    ring.push_all((0..8).map(nop));
    assert_eq!(ring.submit(8), Ok(8));
    ring.kernel.run(100);
    assert!(ring.take().len() < 4);
    assert_eq!(ring.flags(), SqFlags::TASKRUN);
    assert_eq!((ring.submit(0), ring.flags()), (Ok(0), SqFlags::empty()));
    assert!(ring.take().len() > 4);
}

#[test]
fn without_a_flag_for_it_deferred_work_does_not_show() {
    let setup = SetupFlags::DEFER_TASKRUN | SetupFlags::SINGLE_ISSUER;
    let ring = Raw::new(linux(), with(|chaos| chaos.delayed = ALWAYS), setup, 8);
    ring.push_all((0..8).map(nop));
    assert_eq!(ring.submit(8), Ok(8));
    ring.kernel.run(100);
    assert!(ring.count(Mark::WorkDeferred) > 4);
    assert_eq!(ring.flags(), SqFlags::empty());
}

#[test]
fn no_more_is_waited_for_than_the_queue_holds() {
    let ring = Raw::of(bare_uring_sim::SimKernel::new(linux(), 5), kind(), SetupFlags::empty(), 4, 4);
    ring.push_all((0..4).map(nop));
    assert_eq!((ring.submit(4), ring.wait(100)), (Ok(4), Ok(0)));
    assert_eq!(ring.kernel.faults(), []);
}

#[test]
fn a_wait_that_nothing_can_end_is_told_and_given_up_in_the_end() {
    let ring = ring(kind());
    endless(&ring, 1);
    assert_eq!(ring.submit(1), Ok(1));
    for _ in 1..1000 {
        assert_eq!(ring.wait(1), Err(Errno::EINTR));
        assert_eq!(ring.kernel.faults(), [Fault::Stuck { ring: 0, asleep_over: 0 }]);
    }
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ring.wait(1))).is_err());
}

#[test]
fn only_the_thread_that_made_the_ring_may_enter_where_it_was_said_so() {
    let from_another = |setup| {
        let ring = Raw::new(linux(), kind(), setup, 8);
        let (kernel, fd) = (ring.kernel.clone(), ring.fd);
        let enter = move || {
            use bare_uring::Kernel;
            // SAFETY: nothing is submitted.
            unsafe { kernel.enter(fd, 0, 0, 0, std::ptr::null(), 0) }
        };
        std::thread::spawn(enter).join().expect("no panic")
    };
    assert_eq!(from_another(SetupFlags::SINGLE_ISSUER), Err(Errno::EEXIST));
    assert_eq!(from_another(SetupFlags::empty()), Ok(0));
}

#[test]
fn flags_and_sizes_that_are_unknown_are_refused() {
    let ring = ring(kind());
    assert_eq!(ring.enter(0, 0, EnterFlags::from_bits_retain(1 << 30)), Err(Errno::EINVAL));
    assert_eq!(ring.enter(0, 0, EnterFlags::GETEVENTS | EnterFlags::from_bits_retain(1 << 30)), Err(Errno::EINVAL));
    let old = Raw::new(Profile::linux(5, 10), kind(), SetupFlags::empty(), 8);
    assert_eq!(old.wait_with(0, &limits(None, 0)), Err(Errno::EINVAL));
    let mut bad = limits(None, 0);
    (bad.sigmask, bad.sigmask_sz) = (1, 128);
    assert_eq!(ring.wait_with(0, &bad), Err(Errno::EINVAL));
}

#[test]
fn the_nth_call_fails_and_does_nothing() {
    let ring = ring(kind());
    ring.push_all([nop(1), nop(2)]);
    ring.kernel.fail_call(1, Errno::EOWNERDEAD);
    assert_eq!((ring.submit(1), ring.submit(1), ring.sq_head()), (Ok(1), Err(Errno::EOWNERDEAD), 1));
    assert_eq!((ring.submit(1), ring.sq_head()), (Ok(1), 2));
}

#[test]
fn things_happen_between_two_calls() {
    let ring = ring(with(|chaos| chaos.delayed = ALWAYS));
    ring.push_all((0..8).map(nop));
    assert_eq!(ring.submit(8), Ok(8));
    let there: Vec<u32> = (0..10).map(|_| ring.submit(0).map_or(0, |_| ring.ready())).collect();
    assert!(there[0] < 8 && there[9] == 8 && there.is_sorted(), "{there:?}");
}
