//! Waits with a timeout on a kernel that has no argument for one: no count, no entry and no completion gets lost, and nothing
//! of the crate's own request stays behind.

mod common;

use std::io::Write;
use std::time::Duration;

use bare_uring::squeue::Entry;
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, Errno};
use common::kernels::{Call, Trace};
use common::old_kernel::{FAR, POLLIN, Ring, milliseconds, old, poll, push_in_time, takes};
use common::ring_memory::{bounded, calls_of_set_up, nops, taken, until};
use common::{builders, nop, older_than, push};

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
fn nothing_is_made_where_enough_completions_are_there() {
    bounded(|| {
        let trace = old();
        let mut ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
        let args = SubmitArgs::new().timespec(&FAR);
        push(&mut ring, nop(0));
        push(&mut ring, nop(1));
        assert_eq!(ring.submit_and_wait(2), Ok(2));
        trace.take();
        assert_eq!([1, 2].map(|want| ring.submitter().wait_with_args(want, &args)), [Ok(()), Ok(())]);
        assert_eq!((trace.take(), taken(&mut ring)), (vec![], nops(0..2)));
    });
}

#[test]
fn a_timer_ends_by_itself_when_the_completions_have_come() {
    bounded(|| {
        let trace = old();
        let mut ring: Ring<'_> = Builder::new().build_with(&trace, 8).unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        push(&mut ring, poll(&reader, 0));
        push(&mut ring, nop(1));
        assert_eq!(ring.submit(), Ok(2));
        trace.take();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                (&writer).write_all(b"x").unwrap();
            });
            assert_eq!(ring.submitter().wait_with_args(2, &SubmitArgs::new().timespec(&FAR)), Ok(()));
        });
        // One request of the crate's, and no removal.
        let submitted: u32 =
            trace.take().iter().map(|call| if let Call::Enter { to_submit, .. } = call { *to_submit } else { 0 }).sum();
        assert_eq!((submitted, taken(&mut ring)), (1, vec![(1, 0), (0, POLLIN)]));
    });
}
