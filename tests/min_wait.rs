//! A minimum time: for so long a wait gathers all that were asked for, after that the first one ends it.

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use bare_uring::squeue::Entry;
use bare_uring::types::{PollEvents, SubmitArgs, Timespec};
use bare_uring::{Builder, EnterFlags, Errno, Features, IoUring, cqueue, opcode};
use common::kernels::{Call, Trace};
use common::ring_memory::{bounded, fd, nops, taken};
use common::{nop, push, refused};

const POLLIN: i32 = 1;
const FAR: Timespec = Timespec::new(20, 0);
const MIN: u32 = 30_000;

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Trace>;

fn rings() -> [Builder; 2] {
    [Builder::new(), Builder::new().setup_single_issuer().setup_defer_taskrun().clone()]
}

fn takes<T>(least: Duration, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = run();
    let took = start.elapsed();
    assert!(took >= least && took < least + Duration::from_secs(1), "{took:?}");
    value
}

fn lacking(ring: &Ring<'_>) -> bool {
    if !ring.params().features().contains(Features::MIN_TIMEOUT) {
        refused("min_wait", "IORING_FEAT_MIN_TIMEOUT", (6, 12));
        return true;
    }
    false
}

/// With and without a timeout.
fn ways() -> [SubmitArgs<'static>; 2] {
    [SubmitArgs::new().min_wait_usec(MIN), SubmitArgs::new().min_wait_usec(MIN).timespec(&FAR)]
}

#[test]
fn one_of_several_ends_the_wait_after_the_minimum_time() {
    bounded(|| {
        for (builder, args) in rings().iter().flat_map(|builder| ways().map(|args| (builder, args))) {
            let trace = Trace::new();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            if lacking(&ring) {
                return;
            }
            trace.take();
            push(&mut ring, nop(0));
            let wait = || ring.submitter().submit_with_args(8, &args);
            assert_eq!(takes(Duration::from_micros(MIN.into()), wait), Ok(1), "{args:?}");
            let flags = EnterFlags::GETEVENTS.union(EnterFlags::EXT_ARG).bits();
            let fd = ring.fd();
            assert_eq!(trace.take(), [Call::Enter { fd, to_submit: 1, min_complete: 8, flags, size: 24 }]);
            assert_eq!(taken(&mut ring), nops(0..1));
        }
    });
}

#[test]
fn all_of_them_end_the_wait_at_once() {
    bounded(|| {
        for (builder, timed) in rings().iter().flat_map(|builder| [(builder, false), (builder, true)]) {
            let trace = Trace::new();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            if lacking(&ring) {
                return;
            }
            let mut args = SubmitArgs::new().min_wait_usec(20_000_000);
            if timed {
                args = args.timespec(&FAR);
            }
            push(&mut ring, nop(0));
            push(&mut ring, nop(1));
            assert_eq!(takes(Duration::ZERO, || ring.submitter().submit_with_args(2, &args)), Ok(2));
            assert_eq!(taken(&mut ring), nops(0..2));
        }
    });
}

#[test]
fn the_first_one_ends_the_wait_when_the_minimum_time_is_over() {
    bounded(|| {
        for (builder, args) in rings().iter().flat_map(|builder| ways().map(|args| (builder, args))) {
            let trace = Trace::new();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            if lacking(&ring) {
                return;
            }
            let (reader, mut writer) = std::io::pipe().unwrap();
            push(&mut ring, opcode::PollAdd::new(fd(&reader), PollEvents::from(POLLIN)).build().user_data(1));
            assert_eq!(ring.submit(), Ok(1));
            std::thread::scope(|scope| {
                let start = Instant::now();
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(100));
                    writer.write_all(b"x").unwrap();
                });
                assert_eq!(ring.submitter().submit_with_args(8, &args), Ok(0), "{args:?}");
                let took = start.elapsed();
                assert!(took >= Duration::from_millis(100) && took < Duration::from_secs(5), "{args:?}: {took:?}");
            });
            assert_eq!(taken(&mut ring), [(1, POLLIN)]);
        }
    });
}

#[test]
fn the_timeout_ends_a_wait_for_nothing() {
    bounded(|| {
        for builder in rings() {
            let trace = Trace::new();
            let ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            if lacking(&ring) {
                return;
            }
            let long = Timespec::new(0, 60_000_000);
            let args = SubmitArgs::new().min_wait_usec(MIN).timespec(&long);
            let wait = || ring.submitter().wait_with_args(1, &args);
            assert_eq!(takes(Duration::from_millis(60), wait), Err(Errno::ETIME));
        }
    });
}

#[test]
fn a_kernel_without_it_says_so_before_anything_is_submitted() {
    let trace = Trace::without(Features::MIN_TIMEOUT);
    let mut ring: Ring<'_> = IoUring::with_kernel(&trace, 8).unwrap();
    trace.take();
    push(&mut ring, nop(0));
    for args in ways() {
        assert_eq!(ring.submitter().submit_with_args(1, &args), Err(Errno::EOPNOTSUPP));
        assert_eq!(ring.submitter().wait_with_args(1, &args), Err(Errno::EOPNOTSUPP));
    }
    assert_eq!((trace.take(), ring.submission().len()), (vec![], 1));
    assert_eq!((ring.submit(), taken(&mut ring)), (Ok(1), nops(0..1)));
}
