//! The kernel-side SQPOLL thread.

use bare_uring::{EnterFlags, Errno, SetupFlags, SqFlags};
use bare_uring_sim::{Event, Fault, Mark, Profile, Rate};

use crate::raw::{ALWAYS, Raw, kind, linux, nop, with};

/// Makes a ring whose thread has fallen asleep.
fn asleep() -> Raw {
    let ring = Raw::new(linux(), with(|chaos| chaos.sleepy = ALWAYS), SetupFlags::SQPOLL, 8);
    assert_eq!(ring.flags(), SqFlags::empty());
    ring.kernel.run(20);
    assert_eq!(ring.flags(), SqFlags::NEED_WAKEUP);
    assert_eq!(ring.count(Mark::ThreadSlept), 1);
    ring
}

#[test]
fn a_sleeping_thread_does_nothing_until_it_is_woken() {
    let ring = asleep();
    ring.push_all([nop(1), nop(2)]);
    ring.kernel.run(200);
    for flags in [EnterFlags::empty(), EnterFlags::GETEVENTS] {
        assert_eq!(ring.enter(2, 0, flags), Ok(2));
    }
    assert_eq!((ring.sq_head(), ring.flags(), ring.take()), (0, SqFlags::NEED_WAKEUP, vec![]));
    assert!(ring.count(Mark::ThreadSleptOver) > 50);
    ring.kernel.set_chaos(kind());
    assert_eq!(ring.enter(2, 0, EnterFlags::SQ_WAKEUP), Ok(2));
    assert_eq!((ring.flags(), ring.count(Mark::ThreadWoken)), (SqFlags::empty(), 1));
    ring.kernel.run(20);
    assert_eq!((ring.sq_head(), ring.results()), (2, vec![(1, 0), (2, 0)]));
    assert_eq!(ring.kernel.faults(), []);
}

#[test]
fn a_wait_on_a_sleeping_thread_is_told() {
    let ring = asleep();
    ring.push_all([nop(1), nop(2)]);
    assert_eq!(ring.wait(1), Err(Errno::EINTR));
    assert_eq!(ring.kernel.faults(), [Fault::Stuck { ring: 0, asleep_over: 2 }]);
}

#[test]
fn a_wait_for_room_does_not_wake_the_thread() {
    let ring = asleep();
    ring.push_all((1..=8).map(nop));
    assert_eq!(ring.enter(0, 0, EnterFlags::SQ_WAIT), Err(Errno::EINTR));
    assert_eq!(ring.kernel.faults(), [Fault::Stuck { ring: 0, asleep_over: 8 }]);
    assert_eq!(ring.enter(0, 0, EnterFlags::SQ_WAIT | EnterFlags::SQ_WAKEUP), Ok(0));
    assert!(ring.sq_head() > 0);
    assert_eq!(ring.kernel.faults(), []);
}

#[test]
fn a_wait_for_room_may_end_before_there_is_any() {
    let chaos = with(|chaos| chaos.early_returns = ALWAYS);
    let ring = Raw::new(linux(), chaos, SetupFlags::SQPOLL, 8);
    let mut early = 0;
    for _ in 0..20 {
        let (head, tail) = (ring.sq_head(), ring.sq_tail());
        (tail..head + 8).for_each(|user_data| ring.push(nop(user_data.into())));
        assert_eq!(ring.enter(0, 0, EnterFlags::SQ_WAIT), Ok(0));
        early += u32::from(ring.sq_tail() - ring.sq_head() == 8);
        ring.take();
    }
    assert!(early > 2, "{early} of 20");
    assert_eq!(ring.kernel.faults(), []);
}

#[test]
fn a_thread_consumes_part_of_what_it_sees() {
    let ring = Raw::new(linux(), kind(), SetupFlags::SQPOLL, 16);
    let mut heads = Vec::new();
    for _ in 0..10 {
        ring.push_all((0..16).map(nop));
        let start = ring.sq_head();
        while ring.sq_head() != ring.sq_tail() {
            ring.kernel.run(1);
            heads.push(ring.sq_head() - start);
        }
        ring.take();
    }
    heads.retain(|&head| head != 0 && head != 16);
    heads.sort_unstable();
    heads.dedup();
    assert!(heads.len() > 5, "it stopped at {heads:?} of 16 only");
}

#[test]
fn a_thread_that_never_sleeps_needs_nobody() {
    let ring = Raw::new(linux(), with(|chaos| chaos.sleepy = Rate(0)), SetupFlags::SQPOLL, 8);
    ring.kernel.run(50);
    ring.push(nop(1));
    ring.kernel.run(20);
    assert_eq!((ring.flags(), ring.results()), (SqFlags::empty(), vec![(1, 0)]));
}

#[test]
fn a_disabled_ring_is_left_alone() {
    let ring = Raw::new(linux(), kind(), SetupFlags::SQPOLL | SetupFlags::R_DISABLED, 8);
    ring.push(nop(1));
    ring.kernel.run(50);
    assert_eq!(ring.wait(0), Err(Errno::EBADFD));
    assert_eq!((ring.sq_head(), ring.kernel.events(0)), (0, vec![]));
    assert_eq!(ring.count(Mark::Disabled), 1);
}

#[test]
fn a_thread_consumes_nothing_while_completions_wait_outside() {
    let kernel = bare_uring_sim::SimKernel::new(Profile::linux(5, 10), 5);
    let ring = Raw::of(kernel, kind(), SetupFlags::SQPOLL, 4, 4);
    for user_data in 1..=5 {
        ring.push(nop(user_data));
        ring.kernel.run(20);
    }
    assert_eq!((ring.sq_head(), ring.flags(), ring.ready()), (5, SqFlags::CQ_OVERFLOW, 4));
    ring.push(nop(6));
    ring.kernel.run(50);
    assert_eq!(ring.sq_head(), 5);
    ring.take();
    // Room in the queue does not help: only a wait flushes the overflow list.
    ring.kernel.run(50);
    assert_eq!((ring.sq_head(), ring.ready()), (5, 0));
    assert_eq!(ring.wait(0), Ok(0));
    ring.kernel.run(50);
    assert_eq!((ring.sq_head(), ring.flags(), ring.results()), (6, SqFlags::empty(), vec![(5, 0), (6, 0)]));
    ring.kernel.events(0).iter().for_each(|event| assert!(!matches!(event, Event::Dropped(_))));
}
