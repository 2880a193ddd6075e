//! Waiting: what ends a wait, what it submits, and what it tells.

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use bare_uring::squeue::Entry;
use bare_uring::types::{PollEvents, Sigset, SubmitArgs, Timespec};
use bare_uring::{Builder, EnterFlags, Errno, Features, IoUring, cqueue, opcode};
use common::kernels::{Call, Trace};
use common::ring_memory::{bounded, fd, nops, taken};
use common::{from_now, needs, nop, older_than, push, skip};

const POLLIN: i32 = 1;
const FAR: Timespec = Timespec::new(20, 0);

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Trace>;

fn milliseconds(count: u64) -> Timespec {
    Timespec::from(Duration::from_millis(count))
}

/// Runs it, and asserts how long that took: at least `least` milliseconds, and less than a second more.
fn takes<T>(least: u64, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = run();
    let took = start.elapsed();
    let least = Duration::from_millis(least);
    assert!(took >= least && took < least + Duration::from_secs(1), "{took:?}");
    value
}

/// A poll for something that nobody writes.
fn poll(reader: &std::io::PipeReader, user_data: u64) -> Entry {
    opcode::PollAdd::new(fd(reader), PollEvents::from(POLLIN)).build().user_data(user_data)
}

fn waiting(ring: &Ring<'_>, to_submit: u32, min_complete: u32, more: EnterFlags, size: usize) -> Call {
    let flags = EnterFlags::GETEVENTS.union(more).bits();
    Call::Enter { fd: ring.fd(), to_submit, min_complete, flags, size }
}

#[test]
fn a_wait_submits_nothing() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring: Ring<'_> = IoUring::with_kernel(&trace, 8).unwrap();
        push(&mut ring, nop(0));
        assert_eq!(ring.submit(), Ok(1));
        push(&mut ring, nop(1));
        trace.take();
        assert_eq!(ring.submitter().wait(1), Ok(()));
        assert_eq!(trace.take(), [waiting(&ring, 0, 1, EnterFlags::empty(), 0)]);
        assert_eq!((taken(&mut ring), ring.submission().len()), (nops(0..1), 1));

        let args = SubmitArgs::new();
        let (some, long) = (milliseconds(20), milliseconds(20));
        let mut timed = vec![args.timespec(&some)];
        if older_than(6, 12) {
            skip("a_wait_submits_nothing", "IORING_FEAT_MIN_TIMEOUT");
        } else {
            timed.push(args.timespec(&long).min_wait_usec(1000));
        }
        for args in timed {
            assert_eq!(takes(20, || ring.submitter().wait_with_args(1, &args)), Err(Errno::ETIME));
        }
        assert_eq!((taken(&mut ring), ring.submission().len()), (vec![], 1));
        assert_eq!((ring.submit(), taken(&mut ring)), (Ok(1), nops(1..2)));
    });
}

#[test]
fn submitting_and_waiting_is_one_call() {
    bounded(|| {
        let trace = Trace::new();
        let mut ring: Ring<'_> = IoUring::with_kernel(&trace, 8).unwrap();
        trace.take();
        for user_data in 0..3 {
            push(&mut ring, nop(user_data));
        }
        assert_eq!(ring.submit_and_wait(3), Ok(3));
        assert_eq!(trace.take(), [waiting(&ring, 3, 3, EnterFlags::empty(), 0)]);
        assert_eq!(taken(&mut ring), nops(0..3));
    });
}

#[test]
fn a_wait_ends_when_the_last_one_has_come() {
    bounded(|| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut ring = IoUring::new(8).unwrap();
        push(&mut ring, nop(0));
        push(&mut ring, poll(&reader, 1));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                writer.write_all(b"x").unwrap();
            });
            assert_eq!(ring.submit_and_wait(2), Ok(2));
        });
        assert_eq!(taken(&mut ring), [(0, 0), (1, POLLIN)]);
    });
}

#[test]
fn wanting_more_than_the_queue_holds_means_all_that_it_holds() {
    bounded(|| {
        let builder = Builder::<Entry>::new().setup_cqsize(4).clone();
        for want in [5, u32::MAX as usize, usize::MAX, usize::MAX << (usize::BITS / 2)] {
            let trace = Trace::new();
            let mut ring: Ring<'_> = builder.build_with(&trace, 4).unwrap();
            for user_data in 0..4 {
                push(&mut ring, nop(user_data));
            }
            trace.take();
            assert_eq!(ring.submit_and_wait(want), Ok(4));
            assert_eq!(trace.take(), [waiting(&ring, 4, 4, EnterFlags::empty(), 0)]);
            assert_eq!(ring.submitter().wait(want), Ok(()));
            assert_eq!(ring.submitter().wait_with_args(want, &SubmitArgs::new().timespec(&FAR)), Ok(()));
            assert_eq!(taken(&mut ring), nops(0..4));
        }
    });
}

#[test]
fn a_timeout_that_passes_is_etime() {
    bounded(|| {
        let trace = Trace::new();
        let ring: Ring<'_> = IoUring::with_kernel(&trace, 8).unwrap();
        trace.take();
        let long = milliseconds(50);
        let args = SubmitArgs::new().timespec(&long);
        assert_eq!(takes(50, || ring.submitter().submit_with_args(1, &args)), Err(Errno::ETIME));
        assert_eq!(takes(50, || ring.submitter().wait_with_args(1, &args)), Err(Errno::ETIME));
        let call = waiting(&ring, 0, 1, EnterFlags::EXT_ARG, 24);
        assert_eq!(trace.take(), [call, call]);
        let args = SubmitArgs::new().timespec(&Timespec::ZERO);
        assert_eq!(takes(0, || ring.submitter().submit_with_args(1, &args)), Err(Errno::ETIME));
    });
}

#[test]
fn arguments_without_a_wait_make_no_call() {
    let trace = Trace::new();
    let ring: Ring<'_> = IoUring::with_kernel(&trace, 8).unwrap();
    trace.take();
    assert_eq!(ring.submitter().submit_with_args(0, &SubmitArgs::new().timespec(&FAR)), Ok(0));
    assert_eq!(trace.take(), []);
}

#[test]
fn the_count_is_told_though_a_completion_was_there_already() {
    bounded(|| {
        let mut ring = IoUring::new(8).unwrap();
        let args = SubmitArgs::new().timespec(&FAR);
        push(&mut ring, nop(0));
        assert_eq!(ring.submit(), Ok(1));
        push(&mut ring, nop(1));
        push(&mut ring, nop(2));
        assert_eq!(takes(0, || ring.submitter().submit_with_args(1, &args)), Ok(2));
        assert_eq!(taken(&mut ring), nops(0..3));
    });
}

#[test]
fn the_count_is_told_though_the_time_passed() {
    bounded(|| {
        let (reader, _writer) = std::io::pipe().unwrap();
        let mut ring = IoUring::new(8).unwrap();
        push(&mut ring, poll(&reader, 0));
        push(&mut ring, poll(&reader, 1));
        let long = milliseconds(30);
        let args = SubmitArgs::new().timespec(&long);
        assert_eq!(takes(30, || ring.submitter().submit_with_args(1, &args)), Ok(2));
        assert_eq!((taken(&mut ring), ring.submission().len()), (vec![], 0));
        assert_eq!(takes(30, || ring.submitter().submit_with_args(1, &args)), Err(Errno::ETIME));
    });
}

#[test]
fn a_timeout_with_fewer_than_wanted_is_no_error() {
    bounded(|| {
        let (reader, _writer) = std::io::pipe().unwrap();
        let mut ring = IoUring::new(8).unwrap();
        push(&mut ring, nop(0));
        push(&mut ring, poll(&reader, 1));
        assert_eq!(ring.submit(), Ok(2));
        let long = milliseconds(30);
        let args = SubmitArgs::new().timespec(&long);
        assert_eq!(takes(30, || ring.submitter().submit_with_args(2, &args)), Ok(0));
        assert_eq!(takes(30, || ring.submitter().wait_with_args(2, &args)), Ok(()));
        assert_eq!(taken(&mut ring), nops(0..1));
    });
}

#[test]
fn an_absolute_timeout_is_a_point_of_time() {
    needs!(6, 12, "IORING_ENTER_ABS_TIMER");
    bounded(|| {
        let trace = Trace::new();
        let ring: Ring<'_> = IoUring::with_kernel(&trace, 8).unwrap();
        trace.take();
        let deadline = from_now(60);
        let args = SubmitArgs::new().timespec(&deadline).absolute();
        assert_eq!(takes(0, || ring.submitter().submit_with_args(1, &args)), Err(Errno::ETIME));
        assert!(from_now(0) >= deadline, "before its time");
        // It has passed: the next wait for it ends at once.
        assert_eq!(takes(0, || ring.submitter().wait_with_args(1, &args)), Err(Errno::ETIME));
        let call = waiting(&ring, 0, 1, EnterFlags::EXT_ARG.union(EnterFlags::ABS_TIMER), 24);
        assert_eq!(trace.take(), [call, call]);
    });
}

#[test]
fn a_wait_counts_only_what_was_not_taken() {
    bounded(|| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut ring = IoUring::new(8).unwrap();
        push(&mut ring, nop(0));
        push(&mut ring, poll(&reader, 1));
        assert_eq!(ring.submit(), Ok(2));
        let (submitter, _, mut cq) = ring.split();
        assert_eq!(cq.next().map(|cqe| cqe.user_data()), Some(0));

        let long = milliseconds(30);
        let args = SubmitArgs::new().timespec(&long);
        assert_eq!(takes(30, || submitter.wait_with_args(1, &args)), Err(Errno::ETIME));
        assert_eq!(takes(30, || submitter.submit_with_args(1, &args)), Err(Errno::ETIME));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                writer.write_all(b"x").unwrap();
            });
            assert_eq!(submitter.submit_and_wait(1), Ok(0));
        });
        assert_eq!(cq.next().map(|cqe| cqe.user_data()), Some(1));
    });
}

#[test]
fn only_waits_go_without_being_counted_as_io() {
    needs!(6, 15, "IORING_FEAT_NO_IOWAIT");
    bounded(|| {
        let trace = Trace::new();
        let mut ring: Ring<'_> = IoUring::with_kernel(&trace, 8).unwrap();
        trace.take();
        let args = SubmitArgs::new().timespec(&FAR);
        for count in [false, true] {
            assert_eq!(ring.set_iowait(count), Ok(()));
            let more = if count { EnterFlags::empty() } else { EnterFlags::NO_IOWAIT };
            push(&mut ring, nop(0));
            assert_eq!(ring.submit(), Ok(1));
            push(&mut ring, nop(1));
            assert_eq!(ring.submit_and_wait(1), Ok(1));
            assert_eq!(ring.submitter().wait(2), Ok(()));
            assert_eq!(ring.submitter().wait_with_args(2, &args), Ok(()));
            let submit = Call::Enter { fd: ring.fd(), to_submit: 1, min_complete: 0, flags: 0, size: 0 };
            let expected = [
                submit,
                waiting(&ring, 1, 1, more, 0),
                waiting(&ring, 0, 2, more, 0),
                waiting(&ring, 0, 2, more.union(EnterFlags::EXT_ARG), 24),
            ];
            assert_eq!((trace.take(), taken(&mut ring)), (expected.to_vec(), nops(0..2)));
        }
    });
}

/// On a ring whose device is polled every submit asks for events; it waits for none.
#[test]
fn a_submit_that_asks_for_events_is_no_wait() {
    needs!(6, 15, "IORING_FEAT_NO_IOWAIT");
    let trace = Trace::new();
    let mut ring: Ring<'_> = Builder::new().setup_iopoll().build_with(&trace, 8).unwrap();
    assert_eq!(ring.set_iowait(false), Ok(()));
    trace.take();
    assert_eq!(ring.submit(), Ok(0));
    assert_eq!(trace.take(), [waiting(&ring, 0, 0, EnterFlags::empty(), 0)]);
}

#[test]
fn a_kernel_that_counts_all_waits_says_so() {
    let trace = Trace::without(Features::NO_IOWAIT);
    let mut ring: Ring<'_> = IoUring::with_kernel(&trace, 8).unwrap();
    assert_eq!([ring.set_iowait(false), ring.set_iowait(true)], [Err(Errno::EOPNOTSUPP), Ok(())]);
}

/// The kernel would ignore them, and wait on.
#[test]
fn a_ring_that_polls_its_device_refuses_times_and_masks() {
    let ring: IoUring = Builder::new().setup_iopoll().build(8).unwrap();
    for args in [
        SubmitArgs::new().timespec(&Timespec::ZERO),
        SubmitArgs::new().sigmask(&Sigset::EMPTY),
        SubmitArgs::new().min_wait_usec(1),
    ] {
        assert_eq!(ring.submitter().wait_with_args(1, &args), Err(Errno::EOPNOTSUPP));
        assert_eq!(ring.submitter().submit_with_args(1, &args), Err(Errno::EOPNOTSUPP));
    }
}
