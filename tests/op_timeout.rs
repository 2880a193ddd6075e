//! Timeouts on every kind of ring: by time, by count, again and again, changed, removed, and as limits of others.

mod common;

use common::needs;

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use bare_uring::squeue::Flags;
use bare_uring::types::{Fd, PollEvents, TimeoutFlags, Timespec};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, on_each};
use rustix::time::{ClockId, clock_gettime};

const SOON: Timespec = Timespec::new(0, 10_000_000);
const LONG: Timespec = Timespec::new(1000, 0);

/// A little after now, by this clock.
fn at(clock: ClockId) -> Timespec {
    let now = clock_gettime(clock);
    let nanoseconds = now.tv_nsec + SOON.nanoseconds();
    Timespec::new(now.tv_sec + nanoseconds / 1_000_000_000, u32::try_from(nanoseconds % 1_000_000_000).unwrap())
}

fn complete<const N: usize>(ring: &mut dyn AnyRing) -> [(u64, Result<u32, Errno>); N] {
    let seen: Vec<_> = ring.complete(N).into_iter().map(|seen| (seen.user_data, seen.outcome)).collect();
    seen.try_into().unwrap()
}

#[test]
fn a_span_passes_by_every_clock() {
    on_each(|ring| {
        for clock in [TimeoutFlags::empty(), TimeoutFlags::BOOTTIME, TimeoutFlags::REALTIME] {
            let start = Instant::now();
            let timeout = opcode::Timeout::new(&SOON).flags(clock).build();
            assert_eq!(ring.run(timeout), Err(Errno::ETIME), "{} {clock:?}", ring.kind());
            assert!(start.elapsed() >= Duration::from_millis(10));
        }
    });
}

#[test]
fn a_point_of_time_comes_by_every_clock() {
    on_each(|ring| {
        for (flags, clock) in [
            (TimeoutFlags::empty(), ClockId::Monotonic),
            (TimeoutFlags::BOOTTIME, ClockId::Boottime),
            (TimeoutFlags::REALTIME, ClockId::Realtime),
        ] {
            let (start, deadline) = (Instant::now(), at(clock));
            let timeout = opcode::Timeout::new(&deadline).flags(TimeoutFlags::ABS.union(flags)).build();
            assert_eq!(ring.run(timeout), Err(Errno::ETIME), "{} {flags:?}", ring.kind());
            assert!((9..900).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        }
    });
}

#[test]
fn enough_completions_end_it_before() {
    on_each(|ring| {
        ring.push(opcode::Timeout::new(&LONG).count(2).build().user_data(1));
        ring.push(opcode::Nop::new().build().user_data(2));
        ring.push(opcode::Nop::new().build().user_data(3));
        assert_eq!(complete(ring), [(1, Ok(0)), (2, Ok(0)), (3, Ok(0))], "{}", ring.kind());
    });
}

#[test]
fn a_multishot_one_comes_as_often_as_it_was_told() {
    needs!(6, 4, "IORING_TIMEOUT_MULTISHOT");
    on_each(|ring| {
        let timeout = opcode::Timeout::new(&SOON).flags(TimeoutFlags::MULTISHOT).count(3).build().user_data(1);
        ring.push(timeout);
        let seen: Vec<_> = ring.complete(3).iter().map(|seen| (seen.outcome, seen.plain.more())).collect();
        let time = Err(Errno::ETIME);
        assert_eq!(seen, [(time, true), (time, true), (time, false)], "{}", ring.kind());
    });
}

#[test]
fn an_expired_one_breaks_a_link_unless_that_is_success() {
    needs!(5, 16, "IORING_TIMEOUT_ETIME_SUCCESS");
    on_each(|ring| {
        for (flags, second) in [(TimeoutFlags::empty(), Err(Errno::ECANCELED)), (TimeoutFlags::ETIME_SUCCESS, Ok(0))] {
            let timeout = opcode::Timeout::new(&SOON).flags(flags).build();
            ring.push(timeout.user_data(1).flags(Flags::IO_LINK));
            ring.push(opcode::Nop::new().build().user_data(2));
            assert_eq!(complete(ring), [(1, Err(Errno::ETIME)), (2, second)], "{}", ring.kind());
        }
    });
}

#[test]
fn refused() {
    needs!(6, 4, "IORING_TIMEOUT_MULTISHOT");
    on_each(|ring| {
        let negative = Timespec::new(-1, 0);
        let nowhere: *const Timespec = core::ptr::without_provenance(8);
        let clocks = TimeoutFlags::BOOTTIME.union(TimeoutFlags::REALTIME);
        for (entry, errno) in [
            (opcode::Timeout::new(&negative).build(), Errno::EINVAL),
            (opcode::Timeout::new(nowhere).build(), Errno::EFAULT),
            (opcode::Timeout::new(&SOON).flags(clocks).build(), Errno::EINVAL),
            (
                opcode::Timeout::new(&SOON).flags(TimeoutFlags::MULTISHOT.union(TimeoutFlags::ABS)).build(),
                Errno::EINVAL,
            ),
            (opcode::TimeoutRemove::new(9).build(), Errno::ENOENT),
            (opcode::TimeoutUpdate::new(9, &SOON).build(), Errno::ENOENT),
            (opcode::TimeoutUpdate::new(9, &SOON).link().build(), Errno::ENOENT),
            (opcode::TimeoutUpdate::new(9, &negative).build(), Errno::EINVAL),
            (opcode::TimeoutUpdate::new(9, nowhere).build(), Errno::EFAULT),
            (opcode::LinkTimeout::new(&SOON).build(), Errno::EINVAL),
        ] {
            assert_eq!(ring.run(entry), Err(errno), "{} {entry:?}", ring.kind());
        }
    });
}

#[test]
fn it_is_removed_or_cancelled() {
    on_each(|ring| {
        for way in [opcode::TimeoutRemove::new(1).build(), opcode::AsyncCancel::new(1).build()] {
            ring.push(opcode::Timeout::new(&LONG).build().user_data(1));
            ring.push(way.user_data(2));
            assert_eq!(complete(ring), [(1, Err(Errno::ECANCELED)), (2, Ok(0))], "{}", ring.kind());
        }
    });
}

#[test]
fn an_update_gives_it_another_time() {
    on_each(|ring| {
        let deadline = at(ClockId::Monotonic);
        for update in
            [opcode::TimeoutUpdate::new(1, &SOON), opcode::TimeoutUpdate::new(1, &deadline).flags(TimeoutFlags::ABS)]
        {
            let start = Instant::now();
            ring.push(opcode::Timeout::new(&LONG).build().user_data(1));
            ring.push(update.build().user_data(2));
            assert_eq!(complete(ring), [(1, Err(Errno::ETIME)), (2, Ok(0))], "{}", ring.kind());
            assert!(start.elapsed() < Duration::from_secs(5));
        }
    });
}

#[test]
fn a_link_timeout_limits_the_request_before_it() {
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each(|ring| {
        let poll = opcode::PollAdd::new(Fd(reader.as_raw_fd()), PollEvents(1)).build();
        ring.push(poll.user_data(1).flags(Flags::IO_LINK));
        ring.push(opcode::LinkTimeout::new(&SOON).build().user_data(2));
        assert_eq!(complete(ring), [(1, Err(Errno::ECANCELED)), (2, Err(Errno::ETIME))], "{}", ring.kind());
        // Which ends before.
        ring.push(opcode::Nop::new().build().user_data(1).flags(Flags::IO_LINK));
        ring.push(opcode::LinkTimeout::new(&LONG).build().user_data(2));
        assert_eq!(complete(ring), [(1, Ok(0)), (2, Err(Errno::ECANCELED))], "{}", ring.kind());
    });
}

#[test]
fn a_link_timeout_ends_with_its_request_alone() {
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each(|ring| {
        let poll = opcode::PollAdd::new(Fd(reader.as_raw_fd()), PollEvents(1)).build().user_data(1);
        ring.push(poll.flags(Flags::IO_LINK));
        ring.push(opcode::LinkTimeout::new(&LONG).build().user_data(2));
        assert_eq!(ring.run(opcode::AsyncCancel::new(2).build()), Err(Errno::ENOENT), "{}", ring.kind());
        assert_eq!(ring.run(opcode::TimeoutRemove::new(2).build()), Err(Errno::ENOENT), "{}", ring.kind());
        ring.push(opcode::AsyncCancel::new(1).build().user_data(3));
        let mut seen = complete(ring);
        seen.sort_by_key(|&(user_data, _)| user_data);
        assert_eq!(seen, [(1, Err(Errno::ECANCELED)), (2, Err(Errno::ECANCELED)), (3, Ok(0))], "{}", ring.kind());
    });
}

#[test]
fn an_update_gives_a_link_timeout_another_time() {
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each(|ring| {
        let poll = opcode::PollAdd::new(Fd(reader.as_raw_fd()), PollEvents(1)).build();
        ring.push(poll.user_data(1).flags(Flags::IO_LINK));
        ring.push(opcode::LinkTimeout::new(&LONG).build().user_data(2));
        ring.push(opcode::TimeoutUpdate::new(2, &SOON).link().build().user_data(3));
        let expected = [(1, Err(Errno::ECANCELED)), (2, Err(Errno::ETIME)), (3, Ok(0))];
        assert_eq!(complete(ring), expected, "{}", ring.kind());
    });
}

#[test]
fn a_time_in_the_entry_itself_passes_or_is_refused() {
    on_each(|ring| match ring.run(opcode::Timeout::immediate(10_000_000).build()) {
        Err(Errno::EINVAL) => {
            common::refused("a_time_in_the_entry_itself_passes_or_is_refused", "IORING_TIMEOUT_IMMEDIATE_ARG", (7, 1));
            assert_eq!(ring.run(opcode::TimeoutUpdate::immediate(9, 1).build()), Err(Errno::EINVAL));
        }
        outcome => {
            assert_eq!(outcome, Err(Errno::ETIME), "{}", ring.kind());
            assert_eq!(ring.run(opcode::TimeoutUpdate::immediate(9, 1).build()), Err(Errno::ENOENT));
            ring.push(opcode::Nop::new().build().user_data(1).flags(Flags::IO_LINK));
            ring.push(opcode::LinkTimeout::immediate(1_000_000_000_000).build().user_data(2));
            assert_eq!(complete(ring), [(1, Ok(0)), (2, Err(Errno::ECANCELED))], "{}", ring.kind());
        }
    });
}
