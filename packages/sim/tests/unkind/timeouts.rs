//! What timeouts count, and how they are removed, by release.

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, TimeoutFlags, Timespec};
use bare_uring::{SetupFlags, opcode};
use bare_uring_sim::{Fault, Mark, Profile, SimKernel};

use crate::raw::{Raw, kind, nop};

const ECANCELED: i32 = -125;
const EINVAL: i32 = -22;
const ETIME: i32 = -62;
const MORE: u32 = 1 << 1;

/// A time that no test waits for.
const LONG: Timespec = Timespec::new(1000, 0);

fn ring(profile: Profile) -> Raw {
    let kernel = SimKernel::new(profile, 5);
    Raw::of(kernel, kind(), SetupFlags::empty(), 16, 32)
}

/// Submits entries, lets happen what needs no time, and returns the completions.
fn submit(ring: &Raw, entries: impl IntoIterator<Item = Entry>) -> Vec<(u64, i32, u32)> {
    let before = ring.sq_tail();
    ring.push_all(entries);
    let count = ring.sq_tail().wrapping_sub(before);
    assert_eq!(ring.submit(count), Ok(count));
    ring.kernel.settle();
    ring.take()
}

fn timer(time: &Timespec, count: u32, user_data: u64) -> Entry {
    opcode::Timeout::new(time).count(count).build().user_data(user_data)
}

fn remove(of: u64, user_data: u64) -> Entry {
    opcode::TimeoutRemove::new(of).build().user_data(user_data)
}

#[test]
fn a_count_leaves_other_timeouts_out() {
    for profile in [Profile::linux(5, 6), Profile::linux(5, 8), Profile::linux(6, 18), Profile::linux(7, 3)] {
        let ring = ring(profile);
        let soon = Timespec::new(0, 1);
        assert_eq!(submit(&ring, [timer(&LONG, 2, 1), timer(&soon, 0, 2)]), []);
        assert_eq!((ring.wait(1), ring.take()), (Ok(0), vec![(2, ETIME, 0)]));
        assert_eq!(submit(&ring, [nop(3)]), [(3, 0, 0)]);
        assert_eq!(submit(&ring, [nop(4)]), [(4, 0, 0), (1, 0, 0)]);
        assert_eq!(ring.count(Mark::CountReached), 1);
    }
}

#[test]
fn until_5_7_requests_before_the_timeout_count_too() {
    for (profile, before_count) in [(Profile::linux(5, 7), true), (Profile::linux(5, 8), false)] {
        let ring = ring(profile);
        let (reader, writer) = ring.kernel.pipe();
        let mut byte = 0;
        let read = opcode::Read::new(Fd(reader), &raw mut byte, 1).build().user_data(1);
        assert_eq!(submit(&ring, [read, timer(&LONG, 1, 2)]), []);
        let with_nop = submit(&ring, [nop(3)]);
        assert_eq!(ring.kernel.write(writer, &[7]), Ok(1));
        ring.kernel.settle();
        let (early, late) = (vec![(3, 0, 0), (2, 0, 0)], vec![(1, 1, 0), (2, 0, 0)]);
        let expected = if before_count { (vec![(3, 0, 0)], late) } else { (early, vec![(1, 1, 0)]) };
        assert_eq!((with_nop, ring.take()), expected);
    }
}

#[test]
fn a_timeout_is_removed_once() {
    let ring = ring(Profile::linux(7, 1));
    assert_eq!(submit(&ring, [timer(&LONG, 0, 1), remove(1, 2)]), [(2, 0, 0), (1, ECANCELED, 0)]);
    assert_eq!(submit(&ring, [remove(1, 3)]), [(3, -2, 0)]);
    assert_eq!((ring.count(Mark::TimeoutChanged), ring.kernel.in_flight(0)), (1, vec![]));
}

#[test]
fn a_timeout_whose_count_is_reached_is_not_removed() {
    let ring = ring(Profile::linux(6, 18));
    assert_eq!(submit(&ring, [timer(&LONG, 1, 1), nop(2), remove(1, 3)]), [(2, 0, 0), (3, -2, 0), (1, 0, 0)]);
}

#[test]
fn since_7_3_a_removed_timeout_counts_as_one_that_ended() {
    for (profile, reached) in [(Profile::linux(7, 1), true), (Profile::linux(7, 3), false)] {
        let ring = ring(profile);
        // The removal's own completion is the first of two.
        let seen = submit(&ring, [timer(&LONG, 2, 1), timer(&LONG, 0, 2), remove(2, 3)]);
        let mut expected = vec![(3, 0, 0), (2, ECANCELED, 0)];
        expected.extend(reached.then_some((1, 0, 0)));
        assert_eq!(seen, expected);
    }
}

#[test]
fn since_7_3_a_repeated_timeout_keeps_its_repeats() {
    let repeated = |profile| {
        let ring = ring(profile);
        let (time, other) = (Timespec::new(0, 10_000), Timespec::new(0, 20_000));
        let multishot = opcode::Timeout::new(&time).count(2).flags(TimeoutFlags::MULTISHOT).build().user_data(1);
        let update = opcode::TimeoutUpdate::new(1, &other).build().user_data(2);
        assert_eq!(submit(&ring, [multishot, update]), [(2, 0, 0)]);
        let mut all = Vec::new();
        for _ in 0..2 {
            assert_eq!(ring.wait(1), Ok(0));
            all.extend(ring.take());
        }
        all
    };
    assert_eq!(repeated(Profile::linux(7, 1)), [(1, ETIME, MORE), (1, ETIME, MORE)]);
    assert_eq!(repeated(Profile::linux(7, 3)), [(1, ETIME, MORE), (1, ETIME, 0)]);
}

#[test]
fn flags_came_one_by_one() {
    let refused = |profile, entry| {
        let ring = ring(profile);
        ring.push(entry);
        assert_eq!(ring.submit(1), Ok(1));
        ring.kernel.settle();
        ring.take() == [(1, EINVAL, 0)]
    };
    let timeout = |flags| opcode::Timeout::new(&LONG).flags(flags).build().user_data(1);
    for (flags, (major, minor)) in [
        (TimeoutFlags::ABS, (5, 5)),
        (TimeoutFlags::BOOTTIME, (5, 15)),
        (TimeoutFlags::ETIME_SUCCESS, (5, 16)),
        (TimeoutFlags::MULTISHOT, (6, 4)),
    ] {
        let outcome = [minor - 1, minor].map(|minor| refused(Profile::linux(major, minor), timeout(flags)));
        assert_eq!(outcome, [true, false], "{flags:?}");
    }
    let immediate = || opcode::Timeout::immediate(1).build().user_data(1);
    assert_eq!([0, 1].map(|minor| refused(Profile::linux(7, minor), immediate())), [true, false]);
    // Linux 5.4 takes no entry flag with a timeout.
    let flagged = || timeout(TimeoutFlags::empty()).flags(Flags::IO_DRAIN);
    assert_eq!([4, 5].map(|minor| refused(Profile::linux(5, minor), flagged())), [true, false]);
}

#[test]
fn a_time_in_the_entry_is_a_time() {
    let ring = ring(Profile::linux(7, 1));
    let before = ring.kernel.now();
    assert_eq!(submit(&ring, [opcode::Timeout::immediate(5_000_000).build().user_data(1)]), []);
    assert_eq!((ring.wait(1), ring.take()), (Ok(0), vec![(1, ETIME, 0)]));
    assert_eq!((ring.kernel.now() - before).as_millis(), 5);
}

#[test]
fn since_7_3_a_wait_returns_what_finds_no_room() {
    for (profile, ends) in [(Profile::linux(7, 1), false), (Profile::linux(7, 3), true)] {
        let ring = Raw::of(SimKernel::new(profile, 5), kind(), SetupFlags::CQE_MIXED, 4, 4);
        assert_eq!(submit(&ring, [nop(1), nop(2)]).len(), 2);
        ring.push_all([nop(3), nop(4), nop(5), opcode::Nop::new().big([1, 2]).build().user_data(6)]);
        // A slot is free, and not at the end of the queue; the last completion takes two.
        assert_eq!((ring.submit(4), ring.ready(), ring.wait(4)), (Ok(4), 3, Ok(0)));
        let stuck = Fault::Stuck { ring: 0, asleep_over: 0 };
        let faults = if ends { vec![] } else { vec![stuck] };
        assert_eq!((ring.count(Mark::EndedByOverflow), ring.kernel.faults()), (u64::from(ends), faults));
    }
}
