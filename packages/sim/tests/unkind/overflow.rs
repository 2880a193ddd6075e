//! Completions that find no room.

use bare_uring::{Errno, SetupFlags, SqFlags, opcode};
use bare_uring_sim::{Event, Mark, Profile, SimKernel};

use crate::raw::{ALWAYS, Raw, kind, linux, nop, with};

/// Makes a ring of four submission queue slots and four completion queue slots, with five completions.
fn overflown(profile: Profile) -> Raw {
    let ring = Raw::of(SimKernel::new(profile, 5), kind(), SetupFlags::empty(), 4, 4);
    ring.push_all((1..=4).map(nop));
    assert_eq!(ring.submit(4), Ok(4));
    ring.push(nop(5));
    assert_eq!(ring.submit(1), Ok(1));
    assert_eq!(ring.ready(), 4);
    ring
}

fn plain(user_data: impl IntoIterator<Item = u64>) -> Vec<(u64, i32, u32)> {
    user_data.into_iter().map(|user_data| (user_data, 0, 0)).collect()
}

#[test]
fn what_waits_outside_the_queue_comes_with_a_wait_only() {
    let ring = overflown(linux());
    assert_eq!(ring.flags(), SqFlags::CQ_OVERFLOW);
    assert_eq!(ring.take(), plain(1..=4));
    ring.kernel.run(50);
    // While the overflow list is not empty, later completions go to its end.
    ring.push_all([nop(6), nop(7)]);
    assert_eq!(ring.submit(2), Ok(2));
    assert_eq!((ring.take(), ring.flags()), (vec![], SqFlags::CQ_OVERFLOW));
    assert_eq!((ring.count(Mark::Listed), ring.count(Mark::Flushed)), (3, 0));
    assert_eq!(ring.wait(0), Ok(0));
    assert_eq!((ring.take(), ring.flags()), (plain(5..=7), SqFlags::empty()));
    assert_eq!((ring.count(Mark::Flushed), ring.load(ring.params.cq_off.overflow)), (3, 0));
}

#[test]
fn only_as_many_are_moved_as_there_is_room_for() {
    let ring = overflown(linux());
    ring.push_all([nop(6), nop(7), nop(8)]);
    assert_eq!(ring.submit(3), Ok(3));
    // Two completions are taken.
    ring.store(ring.params.cq_off.head, 2);
    assert_eq!(ring.wait(1), Ok(0));
    assert_eq!((ring.flags(), ring.ready()), (SqFlags::CQ_OVERFLOW, 4));
    assert_eq!(ring.take(), plain(3..=6));
    assert_eq!(ring.wait(2), Ok(0));
    assert_eq!((ring.take(), ring.flags()), (plain(7..=8), SqFlags::empty()));
}

#[test]
fn kernels_before_5_19_refuse_entries_while_any_wait_outside() {
    let ring = overflown(Profile::linux(5, 18));
    ring.push(nop(6));
    assert_eq!(ring.submit(1), Err(Errno::EBUSY));
    assert_eq!((ring.sq_head(), ring.count(Mark::Busy)), (5, 1));
    // Such a submit also flushes the overflow list, as far as there is room.
    assert_eq!(ring.take(), plain(1..=4));
    assert_eq!(ring.submit(1), Ok(1));
    assert_eq!(ring.take(), plain(5..=6));
    let ring = overflown(Profile::linux(5, 19));
    ring.push(nop(6));
    assert_eq!(ring.submit(1), Ok(1));
}

#[test]
fn a_kernel_without_a_list_drops_and_counts() {
    let kernel = SimKernel::new(Profile::linux(5, 4), 5);
    let ring = Raw::of(kernel, kind(), SetupFlags::empty(), 2, 4);
    for user_data in [1, 3, 5] {
        ring.push_all([nop(user_data), nop(user_data + 1)]);
        assert_eq!(ring.submit(2), Ok(2));
    }
    assert_eq!((ring.ready(), ring.load(ring.params.cq_off.overflow), ring.flags()), (4, 2, SqFlags::empty()));
    let dropped: Vec<u64> = ring
        .kernel
        .events(0)
        .iter()
        .filter_map(|event| if let Event::Dropped(completion) = event { Some(completion.user_data) } else { None })
        .collect();
    assert_eq!(dropped, [5, 6]);
    assert_eq!((ring.count(Mark::Dropped), ring.count(Mark::Listed)), (2, 0));
    assert_eq!(ring.take(), plain(1..=4));
    // No wait reports the loss.
    ring.push(nop(7));
    assert_eq!((ring.submit(1), ring.wait(1)), (Ok(1), Ok(0)));
    assert_eq!(ring.take(), plain([7]));
}

#[test]
fn a_completion_that_is_lost_is_told_once() {
    let ring = overflown(linux());
    ring.kernel.set_chaos(with(|chaos| chaos.lost_completions = ALWAYS));
    ring.push(nop(6));
    assert_eq!(ring.submit(1), Ok(1));
    assert_eq!((ring.load(ring.params.cq_off.overflow), ring.count(Mark::Lost)), (1, 1));
    assert_eq!((ring.take(), ring.wait(1)), (plain(1..=4), Ok(0)));
    assert_eq!(ring.take(), plain([5]));
    let (reader, _) = ring.kernel.pipe();
    let byte = Box::leak(Box::new(0));
    ring.push(opcode::Read::new(bare_uring::types::Fd(reader), byte, 1).build().user_data(7));
    ring.push(opcode::Timeout::new(&bare_uring::types::Timespec::new(1, 0)).build().user_data(8));
    assert_eq!((ring.submit(2), ring.wait(1)), (Ok(2), Err(Errno::EBADR)));
    assert_eq!((ring.count(Mark::LossTold), ring.wait(1)), (1, Ok(0)));
    assert_eq!(ring.take(), [(8, -62, 0)]);
}

#[test]
fn a_large_completion_is_never_split() {
    let kernel = SimKernel::new(linux(), 5);
    let ring = Raw::of(kernel, kind(), SetupFlags::CQE_MIXED, 4, 4);
    ring.push_all([nop(1), nop(2), nop(3)]);
    assert_eq!((ring.submit(3), ring.take()), (Ok(3), plain(1..=3)));
    ring.push(opcode::Nop::new().big([8, 9]).build().user_data(4));
    assert_eq!(ring.submit(1), Ok(1));
    const SKIP: u32 = 1 << 5;
    const LARGE: u32 = 1 << 15;
    assert_eq!(ring.take(), [(0, 0, SKIP), (4, 0, LARGE), (8, 9, 0)]);
    assert_eq!(ring.count(Mark::Filler), 1);
}

#[test]
fn of_a_large_completion_that_finds_no_room_nothing_is_written() {
    let kernel = SimKernel::new(linux(), 5);
    let ring = Raw::of(kernel, kind(), SetupFlags::CQE_MIXED, 4, 4);
    ring.push_all([nop(1), nop(2), nop(3)]);
    assert_eq!(ring.submit(3), Ok(3));
    ring.push(opcode::Nop::new().big([8, 9]).build().user_data(4));
    assert_eq!(ring.submit(1), Ok(1));
    // The filler took the last slot.
    assert_eq!((ring.ready(), ring.flags()), (4, SqFlags::CQ_OVERFLOW));
    ring.take();
    assert_eq!((ring.wait(2), ring.ready()), (Ok(0), 2));
    assert_eq!(ring.take()[0].0, 4);
}
