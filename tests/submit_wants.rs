//! How many completions a submit waits for, and whether it makes a call: for each count, queue and kind of ring.

mod common;

use bare_uring::squeue::Entry;
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, EnterFlags, Errno, IoUring, SetupFlags, SqFlags, cqueue};
use common::kernels::{Call, Trace};
use common::ring_memory::{Fake, nops, taken};
use common::{builders, needs, nop, push};

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Fake>;
type Mixed<'a> = IoUring<Entry, cqueue::EntryMixed, &'a Fake>;

const PLAIN: SetupFlags = SetupFlags::empty();

/// The counts around the size of a queue, and those whose low halves are small.
fn wants(cq: u32) -> Vec<usize> {
    let count = cq as usize;
    let mut wants =
        vec![0, 1, 2, 3, count, count + 1, 100, i32::MAX as usize, i32::MAX as usize + 1, u32::MAX as usize];
    wants.extend([count.saturating_sub(3), count.saturating_sub(2), count.saturating_sub(1)]);
    // On 32 bits these are 0, 2 and the largest number.
    wants.extend([usize::MAX - u32::MAX as usize, (usize::MAX - u32::MAX as usize).wrapping_add(2), usize::MAX]);
    wants
}

/// The call that a submit of `pending` entries makes, as the manual says when one is needed.
fn call(setup: SetupFlags, cq: u32, pending: u32, want: usize, sq: SqFlags) -> Vec<(u32, u32, u32)> {
    let limit = if setup.contains(SetupFlags::CQE_MIXED) { cq.saturating_sub(2).max(1) } else { cq };
    let want = want.min(limit as usize) as u32;
    let thread = setup.contains(SetupFlags::SQPOLL);
    let complete = want > 0 || !sq.is_empty() || setup.contains(SetupFlags::IOPOLL);
    if !complete && (thread || pending == 0) {
        return vec![];
    }
    let flags = if complete { EnterFlags::GETEVENTS } else { EnterFlags::empty() };
    vec![(pending, want, flags.bits())]
}

/// Each kind of ring, with each size of queue, with and without an entry, and with each flag that asks for a call.
#[test]
fn each_count_is_limited_to_what_the_queue_holds() {
    let setups = [PLAIN, SetupFlags::SQPOLL, SetupFlags::IOPOLL, SetupFlags::SQ_REWIND, SetupFlags::CQE_MIXED];
    for (setup, cq) in setups.into_iter().flat_map(|setup| [1, 2, 4, 8].map(|cq| (setup, cq))) {
        let fake = Fake::new(setup, 1, cq, (0, u32::MAX));
        // Without completions that are there, so that a wait for entries of a mixed queue is over after one call.
        fake.answer.set(Some(1));
        let mixed = setup.contains(SetupFlags::CQE_MIXED);
        let mut plain: Option<Ring<'_>> = (!mixed).then(|| fake.ring());
        let mut other: Option<Mixed<'_>> = mixed.then(|| fake.ring());
        for (want, pending) in wants(cq).into_iter().flat_map(|want| [(want, 0), (want, 1)]) {
            for sq in [SqFlags::empty(), SqFlags::CQ_OVERFLOW, SqFlags::TASKRUN] {
                fake.set_sq_flags(sq);
                for beside in [false, true] {
                    fake.answer.set(Some(pending));
                    if pending != 0 {
                        if let Some(ring) = &mut plain {
                            push(ring, nop(0))
                        }
                        if let Some(ring) = &mut other {
                            push(ring, nop(0))
                        }
                    }
                    let done = match (&plain, &other) {
                        (Some(ring), _) if beside => ring.submitter().submit_and_wait(want),
                        (Some(ring), _) => ring.submit_and_wait(want),
                        (_, Some(ring)) if beside => ring.submitter().submit_and_wait(want),
                        (_, ring) => ring.as_ref().unwrap().submit_and_wait(want),
                    };
                    let what = format!("{setup:?}, {cq} slots, {pending} pending, want {want}, {sq:?}, {beside}");
                    assert_eq!(
                        (done, fake.enters()),
                        (Ok(pending as usize), call(setup, cq, pending, want, sq)),
                        "{what}"
                    );
                    if !setup.contains(SetupFlags::SQ_REWIND) {
                        assert_eq!(fake.sq().1, fake.sq().0.wrapping_add(pending), "{what}");
                        fake.set_sq_head(fake.sq().1);
                    }
                }
            }
        }
    }
}

/// A wait whose timeout is an entry of the crate's own hands over what was queued; the next submit tells its count.
#[test]
fn a_count_that_is_owed_is_told_by_whichever_submit_comes_next() {
    for cq in [4, 8] {
        for want in wants(cq) {
            let fake = Fake::new(PLAIN, 4, cq, (u32::MAX, u32::MAX));
            let mut ring: Ring<'_> = fake.ring();
            let args = SubmitArgs::new().timespec(&const { Timespec::new(1, 0) });
            for _ in 0..2 {
                push(&mut ring, nop(0));
                assert_eq!(ring.submitter().wait_with_args(2, &args), Ok(()), "{cq}, {want}");
                assert_eq!(taken(&mut ring), nops(0..1));
                push(&mut ring, nop(1));
                fake.enters();
                assert_eq!(ring.submit_and_wait(want), Ok(2), "{cq}, {want}");
                assert_eq!(fake.enters(), call(PLAIN, cq, 1, want, SqFlags::empty()), "{cq}, {want}");
                assert_eq!(taken(&mut ring), nops(1..2));
                // Nothing is owed any more.
                push(&mut ring, nop(2));
                assert_eq!(ring.submit_and_wait(want), Ok(1), "{cq}, {want}");
                assert_eq!(fake.enters(), call(PLAIN, cq, 1, want, SqFlags::empty()), "{cq}, {want}");
                assert_eq!(taken(&mut ring), nops(2..3));
            }
        }
    }
}

#[test]
fn the_largest_count_waits_for_a_full_queue() {
    for (name, builder) in builders() {
        let mut ring = builder.build(4).unwrap();
        for round in 0..3 {
            // SAFETY: nops point to nothing.
            assert_eq!(unsafe { ring.submission().push_with(4, || nop(round)) }, 4);
            assert_eq!(ring.submit(), Ok(4), "{name}");
            ring.submitter().squeue_wait().unwrap();
            while !ring.submission().is_empty() {
                std::thread::yield_now();
            }
            // SAFETY: nops point to nothing.
            assert_eq!(unsafe { ring.submission().push_with(4, || nop(round)) }, 4);
            assert_eq!(ring.submit_and_wait(usize::MAX), Ok(4), "{name}");
            assert_eq!(taken(&mut ring), [(round, 0); 8], "{name}");
        }
    }
}

/// After a change of size, a count is measured by the new one.
#[test]
fn counts_follow_the_queue_to_another_size() {
    needs!(6, 13, "IORING_REGISTER_RESIZE_RINGS");
    let trace = Trace::new();
    let builder: Builder = Builder::new().setup_single_issuer().setup_defer_taskrun().clone();
    let mut ring = builder.build_with(&trace, 8).unwrap();
    let flags = EnterFlags::GETEVENTS.bits();
    for cq in [16, 8, 32, 16] {
        assert_eq!(ring.register_resize_rings(8, Some(cq)), Ok(()));
        assert_eq!(ring.params().cq_entries(), cq);
        for want in [cq as usize - 2, cq as usize - 1, cq as usize, cq as usize + 1, usize::MAX] {
            let min_complete = want.min(cq as usize) as u32;
            // Filled but for the last entries, so that each wait ends.
            let mut there = 0;
            while there < cq as usize {
                // SAFETY: nops point to nothing.
                let pushed = unsafe { ring.submission().push_with((cq as usize - there).min(8), || nop(1)) };
                there += pushed;
                trace.take();
                let asked = if there < cq as usize { ring.submit() } else { ring.submit_and_wait(want) };
                assert_eq!(asked, Ok(pushed), "{want} of {cq}");
            }
            let call = Call::Enter { fd: ring.fd(), to_submit: 8, min_complete, flags, size: 0 };
            assert_eq!(trace.enters(), [call], "{want} of {cq}");
            let mut count = 0;
            ring.completion().for_each(|cqe| count += cqe.user_data());
            assert_eq!(count, u64::from(cq), "{want} of {cq}");
        }
    }
}

/// The fake thread consumes when the test says so.
#[test]
fn a_submit_to_a_thread_makes_a_call_only_when_the_flags_ask_for_one() {
    let (wake, events) = (EnterFlags::SQ_WAKEUP.bits(), EnterFlags::GETEVENTS.bits());
    for start in [0, u32::MAX - 1] {
        for beside in [false, true] {
            let fake = Fake::new(SetupFlags::SQPOLL, 8, 16, (start, 0));
            let mut ring: Ring<'_> = fake.ring();
            let mut submit = |count: u64| {
                (0..count).for_each(|_| push(&mut ring, nop(0)));
                let done = if beside { ring.submitter().submit_sqpoll() } else { ring.submit_sqpoll() };
                (done, fake.enters())
            };
            assert_eq!([submit(0), submit(2), submit(0)], [(Ok(0), vec![]), (Ok(2), vec![]), (Ok(0), vec![])]);
            assert_eq!(fake.sq().1, start.wrapping_add(2));
            // Asleep, with entries that were told already and one that was not; woken once and not again.
            fake.set_sq_flags(SqFlags::NEED_WAKEUP);
            fake.failures.borrow_mut().push(Errno::EAGAIN);
            assert_eq!(submit(1), (Err(Errno::EAGAIN), vec![(1, 0, wake)]));
            assert_eq!(submit(0), (Ok(1), vec![(1, 0, wake)]));
            fake.set_sq_flags(SqFlags::empty());
            assert_eq!(submit(1), (Ok(1), vec![]));
            assert_eq!(fake.consume(9), 4);
            // Nothing to do for a thread that sleeps; then completions that wait outside the queue, with and without entries.
            fake.set_sq_flags(SqFlags::NEED_WAKEUP);
            assert_eq!(submit(0), (Ok(0), vec![]));
            fake.set_sq_flags(SqFlags::CQ_OVERFLOW);
            assert_eq!([submit(0), submit(1)], [(Ok(0), vec![(0, 0, events)]), (Ok(1), vec![(1, 0, events)])]);
            fake.set_sq_flags(SqFlags::CQ_OVERFLOW | SqFlags::NEED_WAKEUP);
            assert_eq!(submit(1), (Ok(1), vec![(1, 0, events | wake)]));
        }
    }
}

#[test]
fn a_submit_to_a_thread_is_a_submit_on_a_ring_without_one() {
    let events = EnterFlags::GETEVENTS.bits();
    for (setup, nothing, flags) in [(PLAIN, vec![], 0), (SetupFlags::IOPOLL, vec![(0, 0, events)], events)] {
        let fake = Fake::new(setup, 8, 16, (u32::MAX, 0));
        let mut ring: Ring<'_> = fake.ring();
        assert_eq!((ring.submit_sqpoll(), fake.enters()), (Ok(0), nothing));
        push(&mut ring, nop(0));
        assert_eq!((ring.submit_sqpoll(), fake.enters()), (Ok(1), vec![(1, 0, flags)]));
        assert_eq!(taken(&mut ring), nops(0..1));
        // A count that is owed. (Rings that poll take no timers.)
        if !setup.is_empty() {
            continue;
        }
        let args = SubmitArgs::new().timespec(&const { Timespec::new(1, 0) });
        push(&mut ring, nop(1));
        assert_eq!(ring.submitter().wait_with_args(2, &args), Ok(()));
        push(&mut ring, nop(2));
        assert_eq!([ring.submit_sqpoll(), ring.submit_sqpoll()], [Ok(2), Ok(0)]);
        assert_eq!(taken(&mut ring), nops(1..3));
    }
}

/// The thread of a real kernel, awake and asleep, with the ring's descriptor and with a registered one.
#[test]
fn a_real_thread_gets_each_entry_once() {
    needs!(5, 18, "IORING_REGISTER_RING_FDS");
    let mut ring = Builder::<Entry>::new().setup_sqpoll(1).build(8).unwrap();
    let mut number = 0;
    let mut rounds = |ring: &mut dyn FnMut(u64) -> (usize, Vec<(u64, i32)>)| {
        for round in 0..60 {
            if round % 20 == 19 {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            assert_eq!(ring(number), (3, nops(number..number + 3)), "round {round}");
            number += 3;
        }
    };
    macro_rules! round {
        ($ring:ident) => {
            rounds(&mut |first| {
                (first..first + 3).for_each(|number| push(&mut $ring, nop(number)));
                let told = $ring.submit_sqpoll().unwrap();
                let mut all = Vec::new();
                while all.len() < 3 {
                    $ring.submitter().wait(1).unwrap();
                    $ring.completion().for_each(|cqe| all.push((cqe.user_data(), cqe.result())));
                }
                (told, all)
            })
        };
    }
    round!(ring);
    let mut ring = ring.register_ring_fd().unwrap();
    round!(ring);
}
