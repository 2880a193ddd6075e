//! The clock of a ring's waits.

mod common;

use std::time::{Duration, Instant};

use bare_uring::register::Clock;
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_CLOCK;
use bare_uring::{Errno, IoUring};
use common::answering::{Answering, Fields};
use common::refused;
use common::requests::{ring, ring_on};
use common::ring_memory::bounded;
use rustix::time::{ClockId, clock_gettime};

/// A ring that goes by this clock; `None` if the kernel can't.
fn by(test: &str, clock: Clock) -> Option<IoUring> {
    let ring = ring();
    match ring.submitter().register_clock(clock) {
        Ok(()) => Some(ring),
        Err(Errno::EINVAL) => {
            refused(test, "IORING_REGISTER_CLOCK", (6, 12));
            None
        }
        other => panic!("{other:?}"),
    }
}

/// Returns the time `milliseconds` from now, by this clock.
fn soon(clock: ClockId, milliseconds: i64) -> Timespec {
    let now = clock_gettime(clock);
    let nanoseconds = i64::from(u32::try_from(now.tv_nsec).unwrap()) + milliseconds * 1_000_000;
    Timespec::new(now.tv_sec + nanoseconds / 1_000_000_000, u32::try_from(nanoseconds % 1_000_000_000).unwrap())
}

/// Waits on a ring with nothing to come, until so many milliseconds from now by this clock; how long it took.
fn wait_for(ring: &IoUring, clock: ClockId, milliseconds: i64) -> (Result<(), Errno>, Duration) {
    let start = Instant::now();
    let deadline = soon(clock, milliseconds);
    let outcome = ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&deadline).absolute());
    (outcome, start.elapsed())
}

#[track_caller]
fn took((outcome, took): (Result<(), Errno>, Duration), least: u64) {
    assert_eq!(outcome, Err(Errno::ETIME));
    let least = Duration::from_millis(least);
    assert!(took >= least && took < least + Duration::from_secs(2), "{took:?}");
}

/// The timeout counts by the registered clock.
#[test]
fn an_absolute_timeout_by_the_boot_clock_ends_on_time() {
    bounded(|| {
        let test = "an_absolute_timeout_by_the_boot_clock_ends_on_time";
        let Some(ring) = by(test, Clock::BOOTTIME) else { return };
        // The two clocks differ by the time that the machine was suspended: where it never was, this tells the clock
        // from the wall clock only.
        took(wait_for(&ring, ClockId::Boottime, 40), 39);
        let suspended = clock_gettime(ClockId::Boottime).tv_sec - clock_gettime(ClockId::Monotonic).tv_sec;
        println!("suspended for {suspended} s");
        if suspended > 0 {
            took(wait_for(&ring, ClockId::Monotonic, 500), 0);
        }
    });
}

#[test]
fn a_deadline_that_has_passed_ends_at_once() {
    bounded(|| {
        let Some(ring) = by("a_deadline_that_has_passed_ends_at_once", Clock::BOOTTIME) else { return };
        took(wait_for(&ring, ClockId::Boottime, 0), 0);
    });
}

#[test]
fn a_relative_timeout_ends_on_time_by_either_clock() {
    bounded(|| {
        let test = "a_relative_timeout_ends_on_time_by_either_clock";
        for clock in [Clock::MONOTONIC, Clock::BOOTTIME] {
            let Some(ring) = by(test, clock) else { return };
            let start = Instant::now();
            let span = Timespec::new(0, 30_000_000);
            let outcome = ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&span));
            took((outcome, start.elapsed()), 30);
        }
    });
}

#[test]
fn it_can_be_changed_back() {
    bounded(|| {
        let Some(ring) = by("it_can_be_changed_back", Clock::BOOTTIME) else { return };
        assert_eq!(ring.submitter().register_clock(Clock::BOOTTIME), Ok(()));
        assert_eq!(ring.submitter().register_clock(Clock::MONOTONIC), Ok(()));
        took(wait_for(&ring, ClockId::Monotonic, 40), 39);
    });
}

#[test]
fn other_clocks_are_refused() {
    let Some(ring) = by("other_clocks_are_refused", Clock::MONOTONIC) else { return };
    // The wall clock, one of a process, and none.
    for number in [0, 2, 8, u32::MAX] {
        assert_eq!(ring.submitter().register_clock(Clock(number)), Err(Errno::EINVAL), "{number}");
    }
}

#[test]
fn exactly_these_bytes_are_handed_over() {
    // SAFETY: the operation takes 16 bytes.
    let kernel = unsafe { Answering::yes(16) };
    let ring = ring_on(&kernel);
    assert_eq!(ring.submitter().register_clock(Clock::BOOTTIME), Ok(()));
    assert_eq!(ring.submitter().register_clock(Clock(0x0102_0304)), Ok(()));
    let call = |clock| (ring.fd(), IORING_REGISTER_CLOCK as u32, 0, Fields::new().u32(&[clock, 0, 0, 0]).0);
    assert_eq!(kernel.asked(), [call(7), call(0x0102_0304)]);
}
