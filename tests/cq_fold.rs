//! Taking all completions at once, by `fold` and what is built on it: the same ones as by `next`, whatever state the queue is in.

mod common;

use std::mem::{ManuallyDrop, forget};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bare_uring::cqueue::{CompletionQueue, EntryMarker};
use bare_uring::squeue::{self, Entry};
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{IoUring, SetupFlags, cqueue};
use common::ring_memory::{Fake, slot};
use common::{HIDDEN, nop, push};

type Ring<'a, C = cqueue::Entry> = IoUring<Entry, C, &'a Fake>;

const PLAIN: SetupFlags = SetupFlags::empty();
const FILLER: u32 = cqueue::Flags::SKIP.bits();
const LARGE: u32 = cqueue::Flags::BIG.bits();

/// Where head and tail of the completion queue start: with and without a step over the end.
const STARTS: [u32; 6] = [0, 5, 7, u32::MAX - 5, u32::MAX - 1, u32::MAX];

/// Returns a handle: the ring's own, or one that stands beside a submitter.
fn handle<'a, S: squeue::EntryMarker, C: EntryMarker>(
    ring: &'a mut IoUring<S, C, &Fake>,
    split: bool,
) -> CompletionQueue<'a, C> {
    if split { ring.split().2 } else { ring.completion() }
}

fn folded(queue: CompletionQueue<'_>) -> Vec<u64> {
    let mut all = Vec::new();
    queue.for_each(|cqe| {
        all.push(cqe.user_data());
        assert!(all.len() < 100, "no queue here holds so many");
    });
    all
}

fn post(fake: &Fake, user_data: std::ops::Range<u64>) {
    user_data.for_each(|user_data| fake.post(slot(user_data, 0, 0)));
}

/// The head that the kernel sees follows each time.
#[test]
fn each_comes_once_and_in_order_after_some_were_taken_one_by_one() {
    for split in [false, true] {
        for start in STARTS {
            let fake = Fake::new(PLAIN, 4, 8, (0, start));
            let mut ring: Ring<'_> = fake.ring();
            let mut done = 0;
            // Each number at once, each number taken before, and how many come after the look for those.
            for (there, before, more) in
                (0..=8).flat_map(|all| (0..=all).flat_map(move |n| [0, 8 - all].map(|m| (all, n, m))))
            {
                post(&fake, done..done + there);
                let mut cq = handle(&mut ring, split);
                let mut taken: Vec<_> = cq.by_ref().take(before as usize).map(|cqe| cqe.user_data()).collect();
                post(&fake, done + there..done + there + more);
                taken.extend(folded(cq));
                let end = done + there + more;
                assert_eq!(
                    taken,
                    (done..end).collect::<Vec<_>>(),
                    "{there}, {before} before, {more} more, from {start}"
                );
                let at = start.wrapping_add(end as u32);
                assert_eq!((fake.cq(), ring.completion().len()), ((at, at), 0));
                done = end;
            }
        }
    }
}

#[test]
fn what_is_built_on_it_gives_the_same() {
    for split in [false, true] {
        let fake = Fake::new(PLAIN, 4, 8, (0, u32::MAX - 4));
        let mut ring: Ring<'_> = fake.ring();
        // The first look of a ring, and later ones.
        for _ in 0..2 {
            post(&fake, 1..8);
            assert_eq!(handle(&mut ring, split).count(), 7);
            post(&fake, 1..8);
            assert_eq!(handle(&mut ring, split).last().map(|cqe| cqe.user_data()), Some(7));
            post(&fake, 1..8);
            assert_eq!(handle(&mut ring, split).map(|cqe| cqe.user_data()).sum::<u64>(), 28);
            post(&fake, 1..8);
            assert_eq!(handle(&mut ring, split).skip(2).fold(1, |product, cqe| product * cqe.user_data()), 2520);
            assert_eq!((handle(&mut ring, split).count(), handle(&mut ring, split).last().is_none()), (0, true));
        }
    }
}

#[test]
fn entries_of_32_bytes_come_whole() {
    for split in [false, true] {
        let fake = Fake::new(SetupFlags::CQE32, 4, 4, (0, u32::MAX - 1));
        let mut ring: Ring<'_, cqueue::Entry32> = fake.ring();
        for round in 0..3_u32 {
            let start = (u32::MAX - 1).wrapping_add(4 * round);
            for number in 0..4 {
                let at = start.wrapping_add(number) % 4 * 2;
                fake.write_cqe(at, slot(u64::from(number), 0, LARGE | FILLER));
                fake.write_cqe(at + 1, [u64::from(number) << 32, u64::MAX]);
            }
            fake.set_cq_tail(start.wrapping_add(4));
            let mut all = Vec::new();
            handle(&mut ring, split).for_each(|cqe| all.push((cqe.user_data(), cqe.big())));
            assert_eq!(all, [0, 1, 2, 3].map(|number| (number, [number << 32, u64::MAX])), "round {round}");
        }
    }
}

/// User data, and the second half of those that have one.
fn mixed(queue: CompletionQueue<'_, cqueue::EntryMixed>) -> Vec<(u64, Option<u64>)> {
    let mut all = Vec::new();
    queue.for_each(|cqe| all.push((cqe.user_data(), cqe.big().map(|big| big[0]))));
    all
}

#[test]
fn a_filler_at_the_end_of_the_array_is_stepped_over() {
    for split in [false, true] {
        // The filler comes at the end of the array in each round: the first look, and later ones.
        let fake = Fake::new(SetupFlags::CQE_MIXED, 4, 8, (0, u32::MAX - 2));
        let mut ring: Ring<'_, cqueue::EntryMixed> = fake.ring();
        for round in 0..3 {
            fake.post(slot(1, 0, 0));
            fake.post(slot(2, 0, 0));
            fake.post(slot(9, 0, FILLER));
            fake.post(slot(3, 0, LARGE));
            fake.post([4, 0]);
            fake.post(slot(5, 0, LARGE));
            fake.post([6, 0]);
            fake.post(slot(7, 0, 0));
            assert_eq!(
                mixed(handle(&mut ring, split)),
                [(1, None), (2, None), (3, Some(4)), (5, Some(6)), (7, None)],
                "{round}"
            );
            let at = (u32::MAX - 2).wrapping_add(8 * (round + 1));
            assert_eq!(fake.cq(), (at, at));
        }
    }
}

/// A kernel that publishes half of a large completion: what follows its tail is not read, and the end is not missed.
#[test]
fn half_of_a_large_completion_comes_as_it_is() {
    for split in [false, true] {
        for start in STARTS {
            let fake = Fake::new(SetupFlags::CQE_MIXED, 4, 8, (0, start));
            let mut ring: Ring<'_, cqueue::EntryMixed> = fake.ring();
            for round in 0..10 {
                fake.post(slot(round, 0, 0));
                fake.post(slot(100, 0, LARGE));
                let expected = [(round, None), (100, None)];
                assert_eq!(mixed(handle(&mut ring, split)), expected, "{round} from {start}");
            }
        }
    }
}

/// Completions of fillers, of which any number may come at any time.
#[test]
fn hidden_ones_do_not_surface_wherever_they_stand() {
    for split in [false, true] {
        for hidden in 0..1 << 5_u32 {
            let fake = Fake::new(SetupFlags::SQE_MIXED, 4, 8, (0, u32::MAX - 2));
            let mut ring: IoUring<squeue::EntryMixed, cqueue::Entry, &Fake> = fake.ring();
            for round in 0..2 {
                let is_hidden = |at: &u64| hidden >> at & 1 != 0;
                for at in 0..5 {
                    fake.post(slot(if is_hidden(&at) { HIDDEN } else { at }, 0, 0));
                }
                let expected: Vec<u64> = (0..5).filter(|at| !is_hidden(at)).collect();
                assert_eq!(folded(handle(&mut ring, split)), expected, "{hidden:b}, {round}");
                assert_eq!((ring.completion().count(), fake.cq().0), (0, fake.cq().1));
            }
        }
    }
}

/// The timer of a wait on a kernel that has no timed one.
#[test]
fn a_timer_of_the_crate_does_not_surface_and_the_ring_is_as_before() {
    for split in [false, true] {
        let fake = Fake::new(PLAIN, 8, 16, (0, u32::MAX - 3));
        let mut ring: Ring<'_> = fake.ring();
        let args = SubmitArgs::new().timespec(&const { Timespec::new(1, 0) });
        for round in 0..3 {
            // Some that are known of, when the timer is not yet.
            post(&fake, 0..3);
            assert_eq!(ring.completion().next().map(|cqe| cqe.user_data()), Some(0));
            push(&mut ring, nop(3));
            assert_eq!(ring.submitter().submit_with_args(4, &args), Ok(1), "round {round}");
            post(&fake, 4..6);
            assert_eq!(folded(handle(&mut ring, split)), [1, 2, 3, 4, 5], "round {round}");
            // Nothing is hidden any more, nor taken for hidden.
            post(&fake, HIDDEN + 1..HIDDEN + 3);
            assert_eq!(folded(handle(&mut ring, split)), [HIDDEN + 1, HIDDEN + 2], "round {round}");
        }
    }
}

#[test]
fn what_a_closure_got_before_it_panicked_is_taken_and_the_rest_comes_again() {
    for split in [false, true] {
        for start in STARTS {
            let fake = Fake::new(PLAIN, 4, 8, (0, start));
            let mut ring: Ring<'_> = fake.ring();
            for round in 0..4_u32 {
                post(&fake, 0..5);
                let mut got = Vec::new();
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    handle(&mut ring, split).for_each(|cqe| {
                        got.push(cqe.user_data());
                        assert!(got.len() < 3, "the closure's own panic");
                    });
                }));
                assert_eq!((outcome.is_err(), got), (true, vec![0, 1, 2]));
                let start = start.wrapping_add(5 * round);
                assert_eq!(fake.cq(), (start.wrapping_add(3), start.wrapping_add(5)), "round {round}");
                assert_eq!(ring.completion().len(), 2);
                let mut queue = handle(&mut ring, split);
                let rest = if round % 2 == 0 {
                    // One by one, and no more than there are.
                    std::iter::from_fn(|| queue.next()).take(9).map(|cqe| cqe.user_data()).collect()
                } else {
                    folded(queue)
                };
                assert_eq!(rest, [3, 4]);
            }
        }
    }
}

/// What the closure submits completes on the spot, and comes in the same loop.
#[test]
fn beside_a_submitter_the_closure_may_submit_and_wait() {
    for start in STARTS {
        let fake = Fake::new(PLAIN, 4, 4, (start, start));
        let mut ring: Ring<'_> = fake.ring();
        post(&fake, 0..4);
        let (submitter, mut sq, cq) = ring.split();
        let (mut got, mut next) = (Vec::new(), 4);
        cq.for_each(|cqe| {
            got.push(cqe.user_data());
            if next < 20 {
                // SAFETY: a nop points to nothing.
                unsafe { sq.push(nop(next)) }.unwrap();
                assert_eq!(submitter.submit_and_wait(1), Ok(1));
                // The slots up to this one are the kernel's again.
                assert_eq!(fake.cq().0, start.wrapping_add(got.len() as u32));
                next += 1;
            }
        });
        assert_eq!(got, (0..20).collect::<Vec<_>>());
        assert_eq!((ring.completion().overflow(), fake.cq()), (0, (start.wrapping_add(20), start.wrapping_add(20))));
    }
}

#[test]
fn slots_that_the_submitter_has_given_back_are_not_given_back_again() {
    for start in STARTS {
        let fake = Fake::new(PLAIN, 4, 4, (0, start));
        let mut ring: Ring<'_> = fake.ring();
        post(&fake, 0..4);
        let (submitter, _, mut cq) = ring.split();
        assert_eq!([cq.next(), cq.next()].map(|cqe| cqe.unwrap().user_data()), [0, 1]);
        assert_eq!((submitter.submit(), fake.cq().0), (Ok(0), start.wrapping_add(2)));
        post(&fake, 4..6);
        assert_eq!(folded(cq), [2, 3, 4, 5]);
        assert_eq!((fake.cq(), ring.completion().overflow()), ((start.wrapping_add(6), start.wrapping_add(6)), 0));
    }
}

#[test]
fn slots_given_back_by_sync_may_be_filled_before_the_rest_is_taken() {
    for start in STARTS {
        let fake = Fake::new(PLAIN, 4, 4, (0, start));
        let mut ring: Ring<'_> = fake.ring();
        for round in 0..3 {
            post(&fake, 0..4);
            let mut cq = ring.completion();
            assert_eq!([cq.next(), cq.next()].map(|cqe| cqe.unwrap().user_data()), [0, 1]);
            cq.sync();
            post(&fake, 4..6);
            let given = fake.cq().0;
            // One look more, by a handle that was made before.
            assert_eq!([cq.next(), cq.next(), cq.next()].map(|cqe| cqe.unwrap().user_data()), [2, 3, 4]);
            assert_eq!(fake.cq().0, given, "round {round} from {start}");
            assert_eq!(folded(cq), [5], "round {round} from {start}");
            assert_eq!(fake.cq().0, fake.cq().1);
        }
    }
}

#[test]
fn a_tail_that_jumped_yields_no_more_than_the_ring_holds() {
    for split in [false, true] {
        for start in STARTS {
            for jump in [9, 1000, 0x8000_0000, u32::MAX - 20, u32::MAX] {
                let fake = Fake::new(PLAIN, 4, 8, (0, start));
                let mut ring: Ring<'_> = fake.ring();
                (0..8).for_each(|at| fake.write_cqe(at, slot(5, 0, 0)));
                // At the first look, and at later ones: where all is the kernel's, and after some were taken.
                for before in [0, 0, 3] {
                    let head = fake.cq().0;
                    fake.set_cq_tail(head.wrapping_add(jump));
                    let mut cq = handle(&mut ring, split);
                    assert_eq!(cq.by_ref().take(before).count(), before);
                    // A tail that is at most a ring's worth ahead of what was taken is taken as it is.
                    let left = jump as usize - before;
                    let most = if left <= 8 && !split { left } else { 8 - before };
                    assert_eq!(folded(cq), vec![5; most], "jumped by {jump} from {start}");
                    assert_eq!(fake.cq().0, head.wrapping_add((before + most) as u32));
                }
                // A kernel that comes to its senses.
                fake.set_cq_tail(fake.cq().0);
                post(&fake, 1..4);
                assert_eq!(folded(handle(&mut ring, split)), [1, 2, 3]);
            }
        }
    }
}

#[test]
fn a_tail_that_went_back_behind_what_was_taken_yields_nothing() {
    for split in [false, true] {
        for start in STARTS {
            for back in 0..4_u32 {
                let fake = Fake::new(PLAIN, 4, 8, (0, start));
                let mut ring: Ring<'_> = fake.ring();
                // The first look of the ring, and a later one.
                for round in 0..2 {
                    let start = fake.cq().0;
                    post(&fake, 0..4);
                    let mut cq = handle(&mut ring, split);
                    assert_eq!(cq.by_ref().take(4).map(|cqe| cqe.user_data()).collect::<Vec<_>>(), [0, 1, 2, 3]);
                    fake.set_cq_tail(start.wrapping_add(back));
                    assert_eq!(folded(cq), [], "{back} of 4 from {start}, round {round}");
                    fake.set_cq_tail(start.wrapping_add(4));
                    post(&fake, 4..6);
                    assert_eq!(folded(handle(&mut ring, split)), [4, 5]);
                }
            }
        }
    }
}

#[test]
fn after_a_forgotten_handle_it_goes_on_where_that_stood() {
    for (split, start) in [false, true].into_iter().flat_map(|split| STARTS.map(|start| (split, start))) {
        for jump in [None, Some(100), Some(u32::MAX)] {
            let fake = Fake::new(PLAIN, 4, 8, (0, start));
            let mut ring: Ring<'_> = fake.ring();
            for at in 0..8 {
                fake.write_cqe(start.wrapping_add(at) % 8, slot(u64::from(at), 0, 0));
            }
            fake.set_cq_tail(start.wrapping_add(5));
            let mut cq = ManuallyDrop::new(handle(&mut ring, split));
            assert_eq!(cq.by_ref().take(3).map(|cqe| cqe.user_data()).collect::<Vec<_>>(), [0, 1, 2]);
            assert_eq!(fake.cq().0, start, "the kernel does not know yet");
            fake.set_cq_tail(jump.map_or(start.wrapping_add(8), |jump| start.wrapping_add(jump)));
            let mut all = folded(handle(&mut ring, split));
            let taken = start.wrapping_add(3 + all.len() as u32);
            // The bound of a tail that jumped is counted from what the kernel has got back: a handle beside a submitter gives
            // back when it is made.
            if split && jump.is_some() {
                assert_eq!(all.split_off(5), [0, 1, 2], "{jump:?} from {start}");
            }
            assert_eq!((all, fake.cq().0), ((3..8).collect(), taken), "{split}, {jump:?} from {start}");
        }
    }
}

/// Ways to take what is there, and to leave a handle behind without its drop.
#[test]
fn forgotten_handles_of_every_kind_in_any_order_lose_nothing() {
    type Way = fn(&mut Ring<'_>, &mut Vec<u64>);
    fn next(mut cq: CompletionQueue<'_>, all: &mut Vec<u64>, most: usize) {
        all.extend(cq.by_ref().take(most).map(|cqe| cqe.user_data()));
        forget(cq);
    }
    const WAYS: [Way; 8] = [
        |ring, all| next(ring.completion(), all, 1),
        |ring, all| next(ring.completion(), all, 99),
        |ring, all| next(ring.split().2, all, 1),
        |ring, all| next(ring.split().2, all, 99),
        |ring, _| forget(ring.split()),
        |ring, all| {
            let mut cq = ManuallyDrop::new(ring.completion());
            all.extend(cq.next().map(|cqe| cqe.user_data()));
            cq.sync();
        },
        |ring, all| all.extend(folded(ring.completion())),
        |ring, all| all.extend(folded(ring.split().2)),
    ];
    let ways = WAYS.into_iter().enumerate();
    for ((a, first), (b, second), (c, third)) in ways
        .clone()
        .flat_map(|a| ways.clone().map(move |b| (a, b)))
        .flat_map(|(a, b)| ways.clone().map(move |c| (a, b, c)))
    {
        let fake = Fake::new(PLAIN, 2, 4, (u32::MAX, u32::MAX - 2));
        let mut ring: Ring<'_> = fake.ring();
        let (mut all, mut number) = (Vec::new(), 0);
        // What the queue has no room for is lost on this kernel, so that no more is pushed than there is.
        for way in [first, second, third, third, second, first] {
            let (head, tail) = fake.cq();
            if tail.wrapping_sub(head) <= 2 {
                (0..2).for_each(|more| push(&mut ring, nop(number + more)));
                assert_eq!(ring.submit_and_wait(1), Ok(2));
                number += 2;
            }
            way(&mut ring, &mut all);
        }
        ring.completion().for_each(|cqe| all.push(cqe.user_data()));
        assert_eq!(all, (0..number).collect::<Vec<_>>(), "{a}, {b}, {c}");
        assert_eq!((fake.cq().0, ring.completion().overflow()), (fake.cq().1, 0));
    }
}

/// A program that never drops a handle: each look gives back what the forgotten handles before it have taken.
#[test]
fn the_next_look_gives_back_what_a_forgotten_handle_took() {
    for split in [false, true] {
        let fake = Fake::new(PLAIN, 4, 8, (0, u32::MAX - 9));
        let mut ring: Ring<'_> = fake.ring();
        let mut all = Vec::new();
        for round in 0..20 {
            post(&fake, 3 * round..3 * round + 3);
            for _ in 0..2 {
                let mut cq = ManuallyDrop::new(handle(&mut ring, split));
                all.extend(cq.by_ref().map(|cqe| cqe.user_data()));
            }
            assert_eq!(ring.submit(), Ok(0));
        }
        assert_eq!((all, ring.completion().overflow()), ((0..60).collect::<Vec<_>>(), 0), "{split}");
    }
}
