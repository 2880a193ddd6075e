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
