//! Waits with a timeout on a kernel that has no argument for one: a timeout request of the crate's own ends them, and
//! nobody sees it.

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use bare_uring::squeue::{Entry, Entry128};
use bare_uring::types::SubmitArgs;
use bare_uring::{Builder, EnterFlags, Errno, Features, IoUring, Kernel, cqueue, squeue};
use common::kernels::{Call, Trace};
use common::old_kernel::{FAR, POLLIN, Ring, milliseconds, old, poll, push_in_time, takes};
use common::ring_memory::{bounded, nops, taken};
use common::{builders, from_now, needs, nop, push};

/// Linux as from 5.11 to 6.11: no absolute time.
fn middle_aged() -> Trace {
    Trace::without(Features::MIN_TIMEOUT.union(Features::NO_IOWAIT))
}

/// Whether a call asks for what the kernel does not have.
fn asks_too_much(call: &Call) -> bool {
    let new = EnterFlags::EXT_ARG.union(EnterFlags::ABS_TIMER).union(EnterFlags::EXT_ARG_REG);
    matches!(call, Call::Enter { flags, .. } if EnterFlags::from_bits_retain(*flags).intersects(new))
}

#[test]
fn a_timeout_that_passes_is_etime() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            let long = milliseconds(50);
            let args = SubmitArgs::new().timespec(&long);
            let outcome = takes(50, || ring.submitter().submit_with_args(1, &args));
            assert_eq!(outcome, Err(Errno::ETIME), "{name}");
            assert_eq!(takes(50, || ring.submitter().wait_with_args(1, &args)), Err(Errno::ETIME), "{name}");
            assert_eq!((taken(&mut ring), ring.submission().len()), (vec![], 0), "{name}");
            assert!(ring.completion().is_empty(), "{name}");
            assert!(!trace.take().iter().any(asks_too_much), "{name}");
        }
    });
}

#[test]
fn the_timeout_request_is_not_among_those_that_wait() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            let long = milliseconds(10);
            let args = SubmitArgs::new().timespec(&long);
            assert_eq!(ring.submitter().submit_with_args(1, &args), Err(Errno::ETIME), "{name}");
            let cq = ring.completion();
            assert_eq!((cq.len(), cq.is_empty()), (0, true), "{name}");
        }
    });
}

#[test]
fn an_absolute_timeout_is_a_point_of_time() {
    bounded(|| {
        for trace in [old(), middle_aged()] {
            let ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
            let deadline = from_now(60);
            let args = SubmitArgs::new().timespec(&deadline).absolute();
            assert_eq!(takes(0, || ring.submitter().submit_with_args(1, &args)), Err(Errno::ETIME));
            assert!(from_now(0) >= deadline, "before its time");
            assert_eq!(takes(0, || ring.submitter().wait_with_args(1, &args)), Err(Errno::ETIME));
            assert!(!trace.take().iter().any(asks_too_much));
        }
    });
}

#[test]
fn only_an_absolute_timeout_needs_a_request_where_a_relative_one_is_an_argument() {
    bounded(|| {
        let trace = middle_aged();
        let ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
        trace.take();
        let long = milliseconds(20);
        let args = SubmitArgs::new().timespec(&long);
        assert_eq!(takes(20, || ring.submitter().submit_with_args(1, &args)), Err(Errno::ETIME));
        let flags = EnterFlags::GETEVENTS.union(EnterFlags::EXT_ARG).bits();
        let fd = ring.fd();
        assert_eq!(trace.take(), [Call::Enter { fd, to_submit: 0, min_complete: 1, flags, size: 24 }]);
    });
}

#[test]
fn enough_completions_end_the_wait_at_once() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            let args = SubmitArgs::new().timespec(&FAR);
            for user_data in 0..3 {
                push(&mut ring, nop(user_data));
            }
            assert_eq!(takes(0, || ring.submitter().submit_with_args(3, &args)), Ok(3), "{name}");
            assert_eq!(taken(&mut ring), nops(0..3), "{name}");
        }
    });
}

#[test]
fn a_completion_during_the_wait_ends_it() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            let (reader, mut writer) = std::io::pipe().unwrap();
            push(&mut ring, poll(&reader, 1));
            push(&mut ring, nop(0));
            assert_eq!(ring.submit(), Ok(2), "{name}");
            let args = SubmitArgs::new().timespec(&FAR);
            std::thread::scope(|scope| {
                let start = Instant::now();
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(30));
                    writer.write_all(b"x").unwrap();
                    std::thread::sleep(Duration::from_millis(30));
                });
                assert_eq!(ring.submitter().submit_with_args(2, &args), Ok(0), "{name}");
                let took = start.elapsed();
                assert!(took >= Duration::from_millis(30) && took < Duration::from_secs(5), "{name}: {took:?}");
            });
            assert_eq!(taken(&mut ring), [(0, 0), (1, POLLIN)], "{name}");
            assert_eq!((ring.submit(), taken(&mut ring)), (Ok(0), vec![]), "{name}");
        }
    });
}

#[test]
fn a_full_queue_is_handed_over_first() {
    bounded(|| {
        for (submits, (name, builder)) in
            [true, false].into_iter().flat_map(|way| builders().into_iter().map(move |ring| (way, ring)))
        {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 4).unwrap();
            for user_data in 0..4 {
                push(&mut ring, nop(user_data));
            }
            let (args, submitter) = (SubmitArgs::new().timespec(&FAR), ring.submitter());
            // A wait that takes entries along leaves it to the next submit to count them.
            let told = if submits {
                submitter.submit_with_args(4, &args)
            } else {
                submitter.wait_with_args(4, &args).and_then(|()| submitter.submit())
            };
            assert_eq!((told, taken(&mut ring)), (Ok(4), nops(0..4)), "{name}");
        }
    });
}

/// `EBUSY`, as documented where there is no slot for the request; not a wait for ever.
#[test]
fn a_ring_too_small_for_the_request_says_so() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 1).unwrap();
            let long = milliseconds(20);
            let args = SubmitArgs::new().timespec(&long);
            let outcome = ring.submitter().submit_with_args(1, &args);
            assert_eq!(outcome, Err(Errno::EBUSY), "{name}");
            push_in_time(&mut ring, nop(1));
            assert_eq!((ring.submit_and_wait(1), taken(&mut ring)), (Ok(1), nops(1..2)), "{name}");
        }
    });
}

fn round_trips<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel>(
    mut ring: IoUring<S, C, K>,
    user_data: fn(&C) -> u64,
) {
    let short = milliseconds(20);
    let args = SubmitArgs::new().timespec(&short);
    assert_eq!(takes(20, || ring.submitter().submit_with_args(1, &args)), Err(Errno::ETIME));
    let args = SubmitArgs::new().timespec(&FAR);
    for round in 0..100 {
        push(&mut ring, nop(round));
        assert_eq!(takes(0, || ring.submitter().submit_with_args(1, &args)), Ok(1));
        let all: Vec<u64> = ring.completion().map(|cqe| user_data(&cqe)).collect();
        assert_eq!(all, [round]);
    }
}

#[test]
fn rings_with_large_entries_wait_so_too() {
    needs!(5, 19, "IORING_SETUP_SQE128");
    bounded(|| {
        let trace = old();
        round_trips(Builder::<Entry128>::new().build_with(&trace, 4).unwrap(), cqueue::Entry::user_data);
        let large = Builder::<Entry, cqueue::Entry32>::new().build_with(&trace, 4).unwrap();
        round_trips(large, |cqe| cqe.user_data());
        let both = Builder::<Entry128, cqueue::Entry32>::new().build_with(&trace, 4).unwrap();
        round_trips(both, |cqe| cqe.user_data());
    });
}

#[test]
fn the_completing_half_says_that_it_cannot() {
    let trace = old();
    let mut ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
    let (_, mut completion) = ring.halves().unwrap();
    assert_eq!(completion.wait_with_args(1, &SubmitArgs::new().timespec(&FAR)), Err(Errno::EOPNOTSUPP));
}
