//! Signals as fast as they can be sent, to a thread that works with a ring: nothing is lost, and deadlines hold.

mod common;

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bare_uring::types::{PollEvents, SubmitArgs, Timespec};
use bare_uring::{Builder, Errno, Features, IoUring, Kernel, cqueue, opcode, squeue};
use common::kernels::Trace;
use common::ring_memory::{bounded, fd, taken};
use common::signals::{CAUGHT, interrupted};
use common::{builders, from_now, needs, nop, older_than, push, skip};

/// Between two signals.
const PAUSE: Duration = Duration::from_micros(50);

/// Whether a signal that comes while io_uring has work for the task sends it to address 0, whatever kind of ring that is:
/// so it is on PowerPC, where a kernel that runs the work may set the handler's frame up and not load it.
fn is_fatal() -> bool {
    cfg!(target_arch = "powerpc64") && older_than(7, 2)
}

/// Runs rounds in a storm until they have felt a hundred signals, some of them while waiting: each round says how many.
fn in_a_storm(mut round: impl FnMut() -> u32 + Send + 'static) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    if is_fatal() {
        return skip("signal_storm", "a PowerPC kernel that delivers signals beside task work (Linux before 7.2)");
    }
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    bounded(move || {
        let before = CAUGHT.load(Ordering::SeqCst);
        interrupted(PAUSE, || {
            let mut interruptions = 0;
            while interruptions == 0 || CAUGHT.load(Ordering::SeqCst) - before < 100 {
                interruptions += round();
            }
        });
    });
}

/// Waits until a deadline through all interruptions: how many, and how long that took.
fn until_deadline<S, C, K>(ring: &IoUring<S, C, K>, milliseconds: u64) -> (u32, Duration)
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker,
    K: Kernel,
{
    let start = Instant::now();
    let deadline = from_now(milliseconds);
    let mut interruptions = 0;
    loop {
        match ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&deadline).absolute()) {
            Err(Errno::EINTR) => interruptions += 1,
            outcome => {
                assert_eq!(outcome, Err(Errno::ETIME));
                return (interruptions, start.elapsed());
            }
        }
    }
}

/// A deadline of 100 ms was kept, though the wait for it was interrupted; how often.
fn kept((interruptions, took): (u32, Duration), name: &str) -> u32 {
    assert!(took >= Duration::from_millis(99) && took < Duration::from_secs(2), "{name}: {took:?}");
    interruptions
}

#[test]
fn an_absolute_deadline_holds_on_every_kind_of_ring() {
    needs!(6, 12, "IORING_ENTER_ABS_TIMER");
    for (name, builder) in builders() {
        in_a_storm(move || kept(until_deadline(&builder.build(8).unwrap(), 100), name));
    }
}

/// Where the kernel has no argument for it, a timeout request of the crate's stands in: one for each wait, and none is
/// left over.
#[test]
fn an_absolute_deadline_holds_where_a_request_stands_in_for_it() {
    for (name, builder) in builders() {
        in_a_storm(move || {
            let trace = Trace::without(Features::EXT_ARG.union(Features::MIN_TIMEOUT));
            let mut ring: IoUring<squeue::Entry, cqueue::Entry, &Trace> = builder.build_with(&trace, 8).unwrap();
            let interruptions = kept(until_deadline(&ring, 100), name);
            push(&mut ring, nop(1));
            let mut told = 0;
            while ring.completion().is_empty() {
                told += match ring.submit_and_wait(1) {
                    Err(Errno::EINTR) => 0,
                    outcome => outcome.unwrap(),
                };
            }
            assert_eq!((told, taken(&mut ring)), (1, vec![(1, 0)]), "{name}");
            interruptions
        });
    }
}

/// A relative timeout starts anew with each wait, and is the caller's to shorten: what is left of it by the clock keeps
/// the deadline.
#[test]
fn a_relative_timeout_that_the_caller_shortens_keeps_its_deadline() {
    for (name, builder) in builders() {
        in_a_storm(move || {
            let ring = builder.build(8).unwrap();
            let (start, whole, mut interruptions) = (Instant::now(), Duration::from_millis(100), 0);
            loop {
                let left = Timespec::from(whole.saturating_sub(start.elapsed()));
                match ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&left)) {
                    Err(Errno::EINTR) => interruptions += 1,
                    outcome => break assert_eq!(outcome, Err(Errno::ETIME), "{name}"),
                }
            }
            kept((interruptions, start.elapsed()), name)
        });
    }
}

/// Everything that is pushed comes back once, and the counts add up, whatever is interrupted.
#[test]
fn no_request_and_no_count_is_lost() {
    const ALL: u64 = 20_000;
    for (name, builder) in builders() {
        in_a_storm(move || {
            let mut ring = builder.build(16).unwrap();
            let (mut pushed, mut submitted, mut come, mut interruptions) = (0, 0, Vec::new(), 0);
            while (come.len() as u64) < ALL {
                while pushed < ALL && !ring.submission().is_full() && pushed - (come.len() as u64) < 24 {
                    push(&mut ring, nop(pushed));
                    pushed += 1;
                }
                match ring.submit_and_wait(1 + pushed as usize % 8) {
                    Ok(count) => submitted += count as u64,
                    Err(Errno::EINTR) => interruptions += 1,
                    Err(errno) => assert_eq!(errno, Errno::EBUSY, "{name}"),
                }
                come.extend(ring.completion().map(|cqe| cqe.user_data()));
                if ring.submission().is_full() {
                    ring.submitter().squeue_wait().unwrap();
                }
            }
            come.sort_unstable();
            assert!(come.into_iter().eq(0..ALL), "{name}");
            assert_eq!(submitted, ALL, "{name}");
            // Most signals arrive outside of waits, or in one that has something to tell.
            interruptions + 1
        });
    }
}

/// A drain goes on through signals; patience that they use up ends it early with `ETIME`, and never late.
#[test]
fn a_drain_sees_it_through_or_says_that_it_did_not() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    for (name, builder) in builders() {
        in_a_storm(move || {
            for _ in 0..50 {
                let (reader, _writer) = std::io::pipe().unwrap();
                let buffer = Box::leak(Box::new([0_u8; 8]));
                let mut ring = builder.build(8).unwrap();
                push(&mut ring, opcode::Read::new(fd(&reader), buffer.as_mut_ptr(), 8).build());
                push(&mut ring, opcode::PollAdd::new(fd(&reader), PollEvents(1)).build());
                while ring.submit() == Err(Errno::EINTR) {}
                let mut left = 2;
                let start = Instant::now();
                let mut each = |_| {
                    left -= 1;
                    left == 0
                };
                let mut drained = Err(Errno::ETIME);
                while drained == Err(Errno::ETIME) {
                    drained = ring.cancel_and_drain(Timespec::new(1, 0), &mut each);
                }
                assert_eq!((drained, left), (Ok(()), 0), "{name}");
                assert!(start.elapsed() < Duration::from_secs(5), "{name}");
            }
            1
        });
    }
}

/// Patience is the most that it takes, with nothing to come at all.
#[test]
fn a_drain_that_waits_in_vain_is_never_late() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    in_a_storm(|| {
        let mut ring: IoUring = Builder::new().build(8).unwrap();
        let start = Instant::now();
        assert_eq!(ring.cancel_and_drain(Timespec::new(0, 300_000_000), |_| false), Err(Errno::ETIME));
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        // Sixteen waits make up its patience: those that were interrupted made it shorter.
        u32::from(start.elapsed() < Duration::from_millis(299))
    });
}
