//! Waits with a timeout on a kernel that has no argument for one: a timeout request of the crate's own ends them, and
//! nobody sees it.

mod common;

use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use bare_uring::squeue::{Entry, Entry128};
use bare_uring::types::{PollEvents, SubmitArgs, Timespec};
use bare_uring::{Builder, EnterFlags, Errno, Features, IoUring, Kernel, cqueue, opcode, squeue};
use common::kernels::{Call, Trace};
use common::ring_memory::{bounded, calls_of_set_up, fd, nops, taken, until};
use common::{builders, from_now, needs, nop, older_than, push};

const POLLIN: i32 = 1;
const FAR: Timespec = Timespec::new(20, 0);

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Trace>;

/// Linux as before 5.11.
fn old() -> Trace {
    Trace::without(Features::EXT_ARG.union(Features::MIN_TIMEOUT).union(Features::NO_IOWAIT))
}

/// Linux as from 5.11 to 6.11: no absolute time.
fn middle_aged() -> Trace {
    Trace::without(Features::MIN_TIMEOUT.union(Features::NO_IOWAIT))
}

fn milliseconds(count: u64) -> Timespec {
    Timespec::from(Duration::from_millis(count))
}

fn takes<T>(least: u64, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = run();
    let (took, least) = (start.elapsed(), Duration::from_millis(least));
    assert!(took >= least && took < least + Duration::from_secs(1), "{took:?}");
    value
}

fn poll(file: &impl AsRawFd, user_data: u64) -> Entry {
    opcode::PollAdd::new(fd(file), PollEvents::from(POLLIN)).build().user_data(user_data)
}

/// Pushes when there is room: under SQPOLL, requests of the crate's own may still be queued.
fn push_in_time(ring: &mut Ring<'_>, entry: Entry) {
    until("there is room", || !ring.submission().is_full());
    push(ring, entry);
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
fn the_count_is_told_though_the_time_passed() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            let (reader, _writer) = std::io::pipe().unwrap();
            push(&mut ring, poll(&reader, 0));
            push(&mut ring, poll(&reader, 1));
            let long = milliseconds(30);
            let args = SubmitArgs::new().timespec(&long);
            assert_eq!(takes(30, || ring.submitter().submit_with_args(1, &args)), Ok(2), "{name}");
            assert_eq!((taken(&mut ring), ring.submit()), (vec![], Ok(0)), "{name}");
        }
    });
}

#[test]
fn a_short_submit_loses_no_count() {
    bounded(|| {
        for (trace, counts) in [(Trace::new(), Some([Ok(2), Ok(2), Ok(0)])), (old(), None)] {
            let mut ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
            let mut refused = nop(1).to_bytes();
            refused[0] = 255;
            for entry in [nop(0), Entry::from_bytes(refused), nop(2), nop(3)] {
                push(&mut ring, entry);
            }
            let args = SubmitArgs::new().timespec(&FAR);
            let told = [0; 3].map(|_| ring.submitter().submit_with_args(4, &args));
            // The timer goes behind all that was queued, so that it may take the rest along.
            assert_eq!(told, counts.unwrap_or(told));
            assert_eq!(told.into_iter().map(Result::unwrap).sum::<usize>(), 4);
            let mut come = taken(&mut ring);
            // Before 6.12 the refused entry's completion overtook those of the same submit.
            if older_than(6, 12) {
                come.sort_unstable();
            }
            assert_eq!(come, [(0, 0), (1, -22), (2, 0), (3, 0)]);
        }
    });
}

#[test]
fn a_timer_behind_a_refused_entry_stays_hidden_on_a_ring_in_use() {
    bounded(|| {
        let trace = old();
        let mut ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
        // From here on the kernel is believed to fill slots as it likes.
        push(&mut ring, nop(0));
        assert_eq!((ring.submit_and_wait(1), taken(&mut ring)), (Ok(1), nops(0..1)));
        let mut refused = nop(1).to_bytes();
        refused[0] = 255;
        push(&mut ring, Entry::from_bytes(refused));
        // The batch ends with the refused entry, so that the timer starts only together with its removal.
        assert_eq!(ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&FAR)), Ok(()));
        push(&mut ring, nop(2));
        ring.submit().unwrap();
        let mut come = Vec::new();
        until("both completions", || {
            come.extend(taken(&mut ring));
            come.len() >= 2
        });
        assert_eq!(come, [(1, -22), (2, 0)]);
        assert_eq!(taken(&mut ring), []);
    });
}

#[test]
fn entries_that_a_wait_took_along_are_counted_by_the_next_submit() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            let args = SubmitArgs::new().timespec(&FAR);
            push(&mut ring, nop(0));
            push(&mut ring, nop(1));
            assert_eq!(ring.submitter().wait_with_args(2, &args), Ok(()), "{name}");
            push(&mut ring, nop(2));
            assert_eq!([ring.submit(), ring.submit()], [Ok(3), Ok(0)], "{name}");
            let mut all = Vec::new();
            until("three completions", || {
                all.extend(taken(&mut ring));
                all.len() >= 3
            });
            assert_eq!(all, nops(0..3), "{name}");
        }
    });
}

#[test]
fn an_error_on_the_way_loses_no_entry_and_no_count() {
    bounded(|| {
        // The calls of one such wait, in turn: the caller's entries, the timer, the wait, the removal of the timer.
        for call in 0..4 {
            for errno in [Errno::EAGAIN, Errno::EBUSY, Errno::EINTR] {
                let mut trace = old();
                trace.fail = Some((calls_of_set_up() + call, errno));
                let mut ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
                let args = SubmitArgs::new().timespec(&FAR);
                push(&mut ring, nop(0));
                push(&mut ring, nop(1));
                let mut told = 0;
                for _ in 0..2 {
                    told += ring.submitter().submit_with_args(2, &args).unwrap_or_default();
                }
                // One call fails at most; it may as well be one of these.
                let again = |ring: &Ring<'_>| ring.submit().or_else(|_| ring.submit());
                told += again(&ring).unwrap();
                assert_eq!((told, taken(&mut ring)), (2, nops(0..2)), "{call}, {errno}");
                push(&mut ring, nop(2));
                assert_eq!((again(&ring), taken(&mut ring)), (Ok(1), nops(2..3)), "{call}, {errno}");
            }
        }
    });
}

#[test]
fn thousands_of_waits_leave_nothing_behind() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 4).unwrap();
            let args = SubmitArgs::new().timespec(&FAR);
            trace.take();
            for round in 0..1000 {
                push_in_time(&mut ring, nop(round));
                assert_eq!(ring.submitter().submit_with_args(1, &args), Ok(1), "{name}");
                assert_eq!(taken(&mut ring), nops(round..round + 1), "{name}");
            }
            let enters = trace.enters().len();
            assert!(enters <= 1000 * 6, "{name}: {enters} calls for 1000 waits");
            until("nothing of ours is left", || {
                assert_eq!((ring.submit(), taken(&mut ring)), (Ok(0), vec![]), "{name}");
                ring.submission().is_empty()
            });
            assert_eq!(ring.completion().overflow(), 0, "{name}");
        }
    });
}

/// After ETIME a caller has no reason to look at the queue.
#[test]
fn waits_that_time_out_one_after_the_other_do_not_fill_the_queue() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 4).unwrap();
            let long = Timespec::new(0, 200_000);
            let args = SubmitArgs::new().timespec(&long);
            for round in 0..100 {
                let outcome = ring.submitter().submit_with_args(1, &args);
                assert_eq!(outcome, Err(Errno::ETIME), "{name}, wait {round}");
            }
            push(&mut ring, nop(1));
            assert_eq!((ring.submit_and_wait(1), taken(&mut ring)), (Ok(1), nops(1..2)), "{name}");
        }
    });
}

#[test]
fn an_untimed_wait_afterwards_counts_completions_of_the_caller_only() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 8).unwrap();
            let (reader, writer) = std::io::pipe().unwrap();
            let args = SubmitArgs::new().timespec(&FAR);
            push(&mut ring, nop(0));
            assert_eq!(ring.submitter().submit_with_args(1, &args), Ok(1), "{name}");
            assert_eq!(taken(&mut ring), nops(0..1), "{name}");
            push(&mut ring, poll(&reader, 1));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(20));
                    (&writer).write_all(b"x").unwrap();
                });
                // A wait may end early, as any may; it must not end for ever.
                let mut waits = 0;
                let mut all = Vec::new();
                assert_eq!(ring.submit(), Ok(1));
                while all.is_empty() {
                    waits += 1;
                    ring.submitter().wait(1).unwrap();
                    all = taken(&mut ring);
                }
                assert_eq!(all, [(1, POLLIN)], "{name}");
                assert!(waits <= 4, "{name}: {waits} waits");
            });
        }
    });
}

#[test]
fn completions_in_between_come_once_and_in_order() {
    bounded(|| {
        for (name, builder) in builders() {
            let trace = old();
            let mut ring: Ring<'_> = builder.build_with(&trace, 4).unwrap();
            let short = Timespec::new(0, 50_000);
            let args = [SubmitArgs::new().timespec(&short), SubmitArgs::new().timespec(&FAR)];
            let (mut pushed, mut told, mut all) = (0, 0, Vec::new());
            for round in 0..400 {
                for _ in 0..round % 4 {
                    push_in_time(&mut ring, nop(pushed));
                    pushed += 1;
                }
                let want = if round % 4 == 0 { 1 } else { round as usize % 4 };
                let outcome = ring.submitter().submit_with_args(want, &args[usize::from(round % 4 != 0)]);
                told += outcome.unwrap_or_default() as u64;
                if round % 4 == 0 {
                    let untaken = pushed - all.len() as u64;
                    assert!(untaken > 0 || outcome == Err(Errno::ETIME), "{name}, {round}: {outcome:?}");
                }
                if round % 3 != 0 {
                    all.extend(taken(&mut ring));
                }
            }
            all.extend(taken(&mut ring));
            assert_eq!((told, all), (pushed, nops(0..pushed)), "{name}");
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
