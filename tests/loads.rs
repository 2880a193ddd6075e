//! How often each call touches the words that a ring shares with its kernel: counted, access by access.
#![cfg(all(target_arch = "x86_64", target_pointer_width = "64", target_os = "linux"))]

mod common;
#[path = "common/watched.rs"]
mod watched;

use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;

use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{EnterFlags, Errno, SetupFlags, SqFlags};
use common::{nop, push};
use watched::*;

const PLAIN: SetupFlags = SetupFlags::empty();

/// Pushes `count` entries and watches the submit.
fn submit(memory: &Watched, ring: &mut Ring<'_>, count: u64) -> Seen<Result<usize, Errno>> {
    (0..count).for_each(|user_data| push(ring, nop(user_data)));
    memory.watch(|| ring.submit())
}

#[test]
fn the_watch_tells_loads_from_stores_and_misses_none() {
    let memory = Watched::new(PLAIN);
    let word = |page| &words(memory.rings, page)[0];
    let (sum, counts, _) = memory.watch(|| {
        word(SQ_TAIL).store(5, Ordering::Release);
        word(CQ_HEAD).store(6, Ordering::Release);
        let sum: u32 = (0..3).map(|_| word(SQ_TAIL).load(Ordering::Acquire)).sum();
        sum + word(CQ_HEAD).swap(7, Ordering::SeqCst) + word(REST).load(Ordering::Relaxed)
    });
    assert_eq!(sum, 15 + 6 + (SQ - 1));
    let (sq_tail, cq_head) = (Accesses { loads: 3, stores: 1 }, Accesses { loads: 0, stores: 2 });
    assert_eq!(counts, Counts { sq_tail, cq_head, rest: LOAD, ..QUIET });
    assert_eq!(memory.watch(|| ()).1, QUIET);
}

#[test]
fn an_sqpoll_submit_stores_the_tail_once_and_loads_the_flags_once() {
    let memory = Watched::new(SetupFlags::SQPOLL);
    let mut ring = memory.ring();
    let awake = Counts { sq_tail: STORE, sq_flags: LOAD, ..QUIET };
    assert_eq!(submit(&memory, &mut ring, 2), (Ok(2), awake, vec![]));
    // Of a thread that sleeps, the head says whether it has anything to do.
    memory.set_flags(SqFlags::NEED_WAKEUP);
    let asleep = Counts { sq_head: LOAD, sq_tail: STORE, sq_flags: LOAD, ..QUIET };
    assert_eq!(submit(&memory, &mut ring, 1), (Ok(1), asleep, vec![(1, 0, EnterFlags::SQ_WAKEUP)]));
    // What a flag leads to is decided on the same load.
    memory.set_flags(SqFlags::CQ_OVERFLOW);
    assert_eq!(submit(&memory, &mut ring, 1), (Ok(1), awake, vec![(1, 0, EnterFlags::GETEVENTS)]));

    // The submit for such rings makes the same accesses, and on a plain ring those of a plain submit.
    memory.set_flags(SqFlags::empty());
    let submit = |ring: &mut Ring<'_>, count| {
        (0..count).for_each(|user_data| push(ring, nop(user_data)));
        memory.watch(|| ring.submit_sqpoll())
    };
    memory.consume(4);
    assert_eq!(submit(&mut ring, 2), (Ok(2), awake, vec![]));
    assert_eq!(submit(&mut ring, 0), (Ok(0), Counts { sq_flags: LOAD, ..QUIET }, vec![]));
    memory.set_flags(SqFlags::NEED_WAKEUP);
    assert_eq!(submit(&mut ring, 1), (Ok(1), asleep, vec![(1, 0, EnterFlags::SQ_WAKEUP)]));

    let memory = Watched::new(PLAIN);
    let mut ring = memory.ring();
    push(&mut ring, nop(0));
    let plain = Counts { sq_head: LOAD, ..awake };
    assert_eq!(memory.watch(|| ring.submit_sqpoll()), (Ok(1), plain, vec![(1, 0, EnterFlags::empty())]));
}

#[test]
fn a_plain_submit_stores_the_tail_once_and_loads_the_head_once_and_the_flags_if_it_may_stay_out() {
    let memory = Watched::new(PLAIN);
    let mut ring = memory.ring();
    let once = Counts { sq_head: LOAD, sq_tail: STORE, sq_flags: LOAD, ..QUIET };
    assert_eq!(submit(&memory, &mut ring, 3), (Ok(3), once, vec![(3, 0, EnterFlags::empty())]));

    // A wait enters whatever the flags say.
    let once = Counts { sq_head: LOAD, sq_tail: STORE, ..QUIET };
    push(&mut ring, nop(3));
    let waiting = vec![(1, 2, EnterFlags::GETEVENTS)];
    assert_eq!(memory.watch(|| ring.submit_and_wait(2)), (Ok(1), once, waiting));
    // With nothing pushed the store changes nothing. A count that may be too large goes the same way.
    for (want, limited) in [(1, 1), (CQ as usize - 2, CQ - 2), (CQ as usize - 1, CQ - 1), (usize::MAX, CQ)] {
        let waiting = vec![(0, limited, EnterFlags::GETEVENTS)];
        assert_eq!(memory.watch(|| ring.submit_and_wait(want)), (Ok(0), once, waiting), "{want}");
    }
    let nothing = Counts { sq_head: LOAD, sq_flags: LOAD, ..QUIET };
    assert_eq!(memory.watch(|| ring.submit_and_wait(0)), (Ok(0), nothing, vec![]));

    push(&mut ring, nop(4));
    let args = SubmitArgs::new().timespec(&const { Timespec::new(1, 0) });
    let waiting = vec![(1, 2, EnterFlags::GETEVENTS.union(EnterFlags::EXT_ARG))];
    assert_eq!(memory.watch(|| ring.submitter().submit_with_args(2, &args)), (Ok(1), once, waiting));
}

#[test]
fn an_empty_submit_stores_nothing_and_loads_as_a_full_one() {
    let memory = Watched::new(PLAIN);
    let both = Counts { sq_head: LOAD, sq_flags: LOAD, ..QUIET };
    assert_eq!(submit(&memory, &mut memory.ring(), 0), (Ok(0), both, vec![]));

    let memory = Watched::new(SetupFlags::SQPOLL);
    let mut ring = memory.ring();
    assert_eq!(submit(&memory, &mut ring, 0), (Ok(0), Counts { sq_flags: LOAD, ..QUIET }, vec![]));
    memory.set_flags(SqFlags::NEED_WAKEUP);
    assert_eq!(submit(&memory, &mut ring, 0), (Ok(0), both, vec![]));
}

#[test]
fn a_push_loads_the_head_only_when_the_last_look_shows_no_room() {
    let memory = Watched::new(PLAIN);
    let mut ring = memory.ring();
    let mut push = |user_data| {
        // SAFETY: a nop points to nothing.
        let (pushed, counts, _) = memory.watch(|| unsafe { ring.submission().push(nop(user_data)) });
        (pushed.is_ok(), counts)
    };
    let looked = Counts { sq_head: LOAD, ..QUIET };
    // The first finds out what there is.
    assert_eq!([push(0), push(1), push(2), push(3)], [(true, looked), (true, QUIET), (true, QUIET), (true, QUIET)]);
    assert_eq!([push(4), push(4)], [(false, looked); 2]);
    // Only the head says what was consumed: the tail need not be published for that.
    memory.consume(2);
    assert_eq!([push(4), push(5), push(6)], [(true, looked), (true, QUIET), (false, looked)]);
    memory.consume(4);
    let three = [nop(6), nop(7), nop(8)];
    // SAFETY: nops point to nothing.
    let several = memory.watch(|| unsafe { ring.submission().push_multiple(&three) }.is_ok());
    assert_eq!(several, (true, looked, vec![]));
}

#[test]
fn a_batch_that_a_closure_makes_loads_the_head_once_if_the_last_look_shows_too_little_room() {
    let memory = Watched::new(PLAIN);
    let mut ring = memory.ring();
    let mut push = |count| {
        // SAFETY: nops point to nothing.
        let (pushed, counts, _) = memory.watch(|| unsafe { ring.submission().push_with(count, || nop(0)) });
        (pushed, counts)
    };
    let looked = Counts { sq_head: LOAD, ..QUIET };
    // The first finds out what there is.
    assert_eq!([push(1), push(2), push(1)], [(1, looked), (2, QUIET), (1, QUIET)]);
    assert_eq!([push(1), push(usize::MAX)], [(0, looked); 2]);
    memory.consume(3);
    assert_eq!([push(4), push(1)], [(3, looked), (0, looked)]);
    memory.consume(4);
    assert_eq!([push(2), push(3)], [(2, looked), (2, looked)]);

    // Beside a submitter: one by one, and what the last look showed is used up first.
    memory.consume(4);
    let (_submitter, mut queue, _) = ring.split();
    // SAFETY: nops point to nothing.
    let mut push = |count| memory.watch(|| unsafe { queue.push_with(count, || nop(0)) });
    assert_eq!([push(3), push(3)], [(3, looked, vec![]), (1, looked, vec![])]);
}

#[test]
fn a_fold_looks_once_and_gives_back_once() {
    let memory = Watched::new(PLAIN);
    let mut ring = memory.ring();
    let sum = |ring: &mut Ring<'_>| memory.watch(|| ring.completion().fold(0, |sum, cqe| sum * 10 + cqe.user_data()));
    assert_eq!(sum(&mut ring), (0, Counts { cq_tail: LOAD, ..QUIET }, vec![]));
    // The first look that finds any bounds the tail, and looks on until the queue is empty.
    let careful = Counts { cq_head: STORE, cq_tail: Accesses { loads: 3, stores: 0 }, ..QUIET };
    memory.post(1..5);
    assert_eq!(sum(&mut ring), (1234, careful, vec![]));
    let usual = Counts { cq_head: STORE, cq_tail: LOAD, ..QUIET };
    for _ in 0..3 {
        memory.post(1..8);
        assert_eq!(sum(&mut ring), (1_234_567, usual, vec![]));
        assert_eq!(sum(&mut ring), (0, Counts { cq_tail: LOAD, ..QUIET }, vec![]));
    }
    // What was taken before goes back with the rest.
    memory.post(1..4);
    let mut rest = || {
        let mut cq = ring.completion();
        (cq.next().map(|cqe| cqe.user_data()), cq.map(|cqe| cqe.user_data()).sum::<u64>())
    };
    let twice = Counts { cq_head: STORE, cq_tail: TWO_LOADS, ..QUIET };
    assert_eq!(memory.watch(&mut rest), ((Some(1), 5), twice, vec![]));
    // Beside a submitter: one by one, and a look more, which finds nothing.
    memory.post(1..4);
    let mut all = || ring.split().2.fold(0, |sum, cqe| sum * 10 + cqe.user_data());
    assert_eq!(memory.watch(&mut all), (123, careful, vec![]));
}

/// The ring's own submits give back nothing, because each handle has done so when it was dropped.
#[test]
fn slots_that_a_forgotten_handle_read_go_back_with_the_next_look_or_submitter() {
    let memory = Watched::new(PLAIN);
    let mut ring = memory.ring();
    let forget = |ring: &mut Ring<'_>| {
        memory.post(0..2);
        let mut cq = std::mem::ManuallyDrop::new(ring.completion());
        cq.by_ref().for_each(drop);
    };
    let given = Counts { cq_head: STORE, ..QUIET };
    forget(&mut ring);
    let submitted = Counts { sq_head: LOAD, sq_flags: LOAD, ..QUIET };
    assert_eq!(memory.watch(|| ring.submit()), (Ok(0), submitted, vec![]));
    let looked = Counts { cq_tail: LOAD, ..given };
    assert_eq!(memory.watch(|| ring.completion().next().is_none()), (true, looked, vec![]));
    forget(&mut ring);
    assert_eq!(memory.watch(|| ring.completion().count()), (0, looked, vec![]));
    forget(&mut ring);
    assert_eq!(memory.watch(|| ring.submitter().submit()), (Ok(0), Counts { cq_head: STORE, ..submitted }, vec![]));
    forget(&mut ring);
    assert_eq!(memory.watch(|| drop(ring.split())).1, given);
}

#[test]
fn a_batch_of_completions_costs_one_look_and_one_more_when_it_runs_dry() {
    let memory = Watched::new(PLAIN);
    let mut ring = memory.ring();
    let mut all = || memory.watch(|| ring.completion().map(|cqe| cqe.user_data()).collect::<Vec<_>>());
    assert_eq!(all(), (vec![], Counts { cq_tail: LOAD, ..QUIET }, vec![]));
    memory.post(0..5);
    assert_eq!(all(), (vec![0, 1, 2, 3, 4], Counts { cq_head: STORE, cq_tail: TWO_LOADS, ..QUIET }, vec![]));

    // A caller that takes no more completions than there are does not see the queue run dry.
    memory.post(5..8);
    let mut places = [const { MaybeUninit::uninit() }; 2];
    let mut fill = || memory.watch(|| ring.completion().fill(&mut places).iter().map(|cqe| cqe.user_data()).sum());
    assert_eq!(fill(), (5 + 6_u64, Counts { cq_head: STORE, cq_tail: LOAD, ..QUIET }, vec![]));
    memory.post(8..9);
    assert_eq!(fill(), (7 + 8_u64, Counts { cq_head: STORE, cq_tail: LOAD, ..QUIET }, vec![]));

    // What was there at the last look is taken without another.
    memory.post(9..11);
    let one = Counts { cq_head: STORE, ..QUIET };
    let mut next = || memory.watch(|| ring.completion().next().map(|cqe| cqe.user_data()));
    assert_eq!(next(), (Some(9), Counts { cq_tail: LOAD, ..one }, vec![]));
    assert_eq!(next(), (Some(10), one, vec![]));
}

#[test]
fn slots_read_are_given_back_once_before_a_submit_or_a_wait() {
    let memory = Watched::new(PLAIN);
    let mut ring = memory.ring();
    memory.post(0..3);
    let (submitter, _, mut completions) = ring.split();
    let mut take = || completions.next().map(|cqe| cqe.user_data());
    let looked = Counts { cq_tail: LOAD, ..QUIET };
    assert_eq!(memory.watch(|| [take(), take()]), ([Some(0), Some(1)], looked, vec![]));
    let submitted = Counts { sq_head: LOAD, sq_flags: LOAD, cq_head: STORE, ..QUIET };
    assert_eq!(memory.watch(|| submitter.submit()), (Ok(0), submitted, vec![]));
    let waited = || vec![(0, 1, EnterFlags::GETEVENTS)];
    assert_eq!(memory.watch(|| submitter.wait(1)), (Ok(()), QUIET, waited()));
    assert_eq!(take(), Some(2));
    assert_eq!(memory.watch(|| submitter.wait(1)), (Ok(()), Counts { cq_head: STORE, ..QUIET }, waited()));
    assert_eq!(memory.watch(|| drop(completions)).1, QUIET);
    assert_eq!(memory.watch(|| drop(ring)).1, QUIET);
}

#[test]
fn slots_read_are_given_back_once_where_the_caller_says() {
    let memory = Watched::new(PLAIN);
    let mut ring = memory.ring();
    memory.post(0..2);
    let mut completions = ring.completion();
    assert_eq!(completions.next().map(|cqe| cqe.user_data()), Some(0));
    assert_eq!(memory.watch(|| completions.sync()).1, Counts { cq_head: STORE, ..QUIET });
    assert_eq!(memory.watch(|| completions.sync()).1, QUIET);
    assert_eq!(memory.watch(|| drop(completions)).1, QUIET);
}

#[test]
fn a_wait_for_room_loads_the_head_once_if_there_is_some_and_the_flags_once_a_round() {
    let memory = Watched::new(SetupFlags::SQPOLL);
    let mut ring = memory.ring();
    let wait = |ring: &Ring<'_>| memory.watch(|| ring.submitter().squeue_wait());
    assert_eq!(wait(&ring), (Ok(0), Counts { sq_head: LOAD, ..QUIET }, vec![]));

    (0..SQ).for_each(|_| push(&mut ring, nop(0)));
    // A look before the round, and one after it.
    let round = Counts { sq_head: TWO_LOADS, sq_tail: STORE, sq_flags: LOAD, ..QUIET };
    assert_eq!(wait(&ring), (Ok(0), round, vec![(0, 0, EnterFlags::SQ_WAIT)]));
}
