//! Signals and waits: the mask is 8 bytes, and says which signals end the wait.

mod common;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bare_uring::squeue::Entry;
use bare_uring::types::{PollEvents, Sigset, SubmitArgs, Timespec};
use bare_uring::{Builder, Errno, Features, IoUring, cqueue, opcode};
use common::kernels::{Call, Trace};
use common::ring_memory::{bounded, fd, taken};
use common::signals::{self, CAUGHT, SIGNAL};
use common::{nop, push};

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Trace>;

/// Runs the test on a thread with the signal blocked and pending.
fn with_pending_signal(body: impl FnOnce() + Send + 'static) {
    bounded(|| signals::with_pending_signal(body));
}

/// The kernel as it is, and as one whose waits take no argument but the mask.
fn kernels() -> [Trace; 2] {
    [Trace::new(), Trace::without(Features::EXT_ARG.union(Features::MIN_TIMEOUT))]
}

#[test]
fn a_blocked_signal_does_not_end_the_wait() {
    with_pending_signal(|| {
        for trace in kernels() {
            let ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
            let (mask, long) = (Sigset::EMPTY.with(SIGNAL), Timespec::new(0, 50_000_000));
            let args = SubmitArgs::new().sigmask(&mask).timespec(&long);
            let start = Instant::now();
            assert_eq!(ring.submitter().submit_with_args(1, &args), Err(Errno::ETIME));
            assert_eq!(ring.submitter().wait_with_args(1, &args), Err(Errno::ETIME));
            assert!(start.elapsed() >= 2 * Duration::from_millis(50));
        }
    });
}

#[test]
fn an_unblocked_signal_ends_the_wait() {
    for trace in kernels() {
        with_pending_signal(move || {
            let mut ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
            let long = Timespec::new(20, 0);
            let args = SubmitArgs::new().sigmask(&Sigset::EMPTY).timespec(&long);
            let before = CAUGHT.load(Ordering::SeqCst);
            assert_eq!(ring.submitter().submit_with_args(1, &args), Err(Errno::EINTR));
            assert!(CAUGHT.load(Ordering::SeqCst) > before);
            assert_eq!(taken(&mut ring), []);
        });
    }
}

#[test]
fn without_a_timeout_the_mask_counts_too() {
    for trace in kernels() {
        with_pending_signal(move || {
            let extended = trace.hide.is_empty();
            let mut ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
            trace.take();
            let args = SubmitArgs::new().sigmask(&Sigset::EMPTY);
            assert_eq!(ring.submitter().wait_with_args(1, &args), Err(Errno::EINTR));
            let enters = trace.take();
            let size = if extended { 24 } else { 8 };
            assert!(matches!(enters[..], [Call::Enter { to_submit: 0, size: of, .. }] if of == size), "{enters:?}");
            assert_eq!(taken(&mut ring), []);
        });
    }
}

#[test]
fn the_count_is_told_though_a_signal_ended_the_wait() {
    for trace in kernels() {
        with_pending_signal(move || {
            let (reader, _writer) = std::io::pipe().unwrap();
            let mut ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
            push(&mut ring, opcode::PollAdd::new(fd(&reader), PollEvents(1)).build());
            let args = SubmitArgs::new().sigmask(&Sigset::EMPTY);
            assert_eq!(ring.submitter().submit_with_args(1, &args), Ok(1));
            assert_eq!(taken(&mut ring), []);
        });
    }
}

#[test]
fn the_mask_is_the_threads_own_again_after_the_wait() {
    with_pending_signal(|| {
        let ring = IoUring::new(8).unwrap();
        let long = Timespec::new(20, 0);
        let args = SubmitArgs::new().sigmask(&Sigset::EMPTY).timespec(&long);
        assert_eq!(ring.submitter().wait_with_args(1, &args), Err(Errno::EINTR));
        // Raised again it stays pending: a wait that keeps the thread's own mask does not see it.
        signals::raise();
        let long = Timespec::new(0, 30_000_000);
        let args = SubmitArgs::new().timespec(&long);
        assert_eq!(ring.submitter().wait_with_args(1, &args), Err(Errno::ETIME));
    });
}

/// Signals a thread that waits, again and again, until its wait has ended.
fn interrupt(wait: impl FnOnce() -> Result<(), Errno> + Send) -> Result<(), Errno> {
    signals::interrupted(Duration::from_millis(5), wait)
}

#[test]
fn a_signal_during_the_wait_is_eintr() {
    bounded(|| {
        let ring = IoUring::new(8).unwrap();
        let outcome = interrupt(move || ring.submitter().wait(1));
        assert_eq!(outcome, Err(Errno::EINTR));
    });
}

#[test]
fn an_absolute_deadline_holds_through_interruptions() {
    bounded(|| {
        let ring = IoUring::new(8).unwrap();
        let start = Instant::now();
        let outcome = interrupt(move || {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            let deadline = Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32) + Duration::from_millis(80);
            let deadline = Timespec::from(deadline);
            let args = SubmitArgs::new().timespec(&deadline).absolute();
            loop {
                match ring.submitter().wait_with_args(1, &args) {
                    Err(Errno::EINTR) => {}
                    outcome => return outcome,
                }
            }
        });
        let took = start.elapsed();
        assert_eq!(outcome, Err(Errno::ETIME));
        assert!(took >= Duration::from_millis(79) && took < Duration::from_secs(1), "{took:?}");
    });
}

/// With something in the queue a signal is no error, as the kernel has it, and no reason to wait on.
#[test]
fn a_signal_ends_a_wait_for_more_than_there_is() {
    bounded(|| {
        for trace in kernels() {
            let start = Instant::now();
            let outcome = interrupt(move || {
                let mut ring: Ring<'_> = IoUring::with_kernel(&trace, 8).unwrap();
                push(&mut ring, nop(1));
                assert_eq!(ring.submit(), Ok(1));
                let outcome = ring.submitter().wait_with_args(2, &SubmitArgs::new().timespec(&Timespec::new(20, 0)));
                assert_eq!(taken(&mut ring), [(1, 0)]);
                outcome
            });
            let took = start.elapsed();
            assert_eq!(outcome, Ok(()));
            assert!(took < Duration::from_secs(10), "{took:?}");
        }
    });
}
