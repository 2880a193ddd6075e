//! Checks of polls, timeouts, waits and cancels.

use bare_uring::squeue::Flags;
use bare_uring::types::{
    CancelBuilder, Fd, PollEvents, RawFd, ShutdownHow, Sigset, SubmitArgs, TimeoutFlags, Timespec,
};
use bare_uring::{Errno, Features, IoUring, cqueue, opcode};
use freestanding::checks::os;
use freestanding::checks::report::Report;
use freestanding::{request, sys};

use crate::facts::Facts;
use crate::many::{self, PATIENCE};

static SHORT: Timespec = Timespec::new(0, 2_000_000);
static HOUR: Timespec = Timespec::new(3600, 0);

const POLLIN: u32 = 0x1;
const POLLOUT: u32 = 0x4;
const POLLHUP: u32 = 0x10;
const POLLRDHUP: u32 = 0x2000;
/// `EPOLLEXCLUSIVE`, which lies in the upper half of the events.
const EXCLUSIVE: u32 = 1 << 28;

pub(crate) fn check(report: &mut Report, facts: &Facts, ring: &mut IoUring) {
    polls(report, ring);
    repeated_poll(report, ring);
    timeouts(report, ring);
    waits(report, facts, ring);
    cancels(report, facts, ring);
}

/// Checks polls. Their events lie in a word whose halves big-endian kernels want in the other order.
fn polls(report: &mut Report, ring: &mut IoUring) {
    let Some([one, other]) = report.value("sockets", sys::socket_pair()) else { return };
    let poll = |events| opcode::PollAdd::new(Fd(one), PollEvents(events)).build();
    // SAFETY: the request points to nothing.
    report.equal("writable", unsafe { request::run(ring, poll(POLLOUT | POLLIN)) }, Ok(POLLOUT));

    // Events that were not asked for don't end a poll: neither poll ends before the write.
    let write = opcode::Write::new(Fd(other), c"x".as_ptr().cast(), 1).build();
    // SAFETY: the write points to a constant.
    let seen = unsafe { many::run(ring, [poll(POLLIN), poll(POLLIN | POLLRDHUP | EXCLUSIVE), write]) };
    report.equal("readable", seen, [Ok(POLLIN), Ok(POLLIN), Ok(1)]);

    let shut = |fd: RawFd| os::shutdown(fd, ShutdownHow::WRITE);
    // SAFETY: the requests point to nothing.
    let submitted = unsafe { many::submit(ring, &[poll(POLLRDHUP)]) };
    report.equal("a poll that waits", (submitted, ring.completion().len()), (Ok(1), 0));
    report.equal("shutdown", shut(other), Ok(()));
    report.equal("the other side shut down", many::wait::<1, _>(ring), [Some((1, Ok(POLLRDHUP)))]);
    // SAFETY: the request points to nothing.
    let all = unsafe { request::run(ring, poll(POLLIN | POLLRDHUP | POLLOUT)) };
    report.equal("all events at once", all, Ok(POLLIN | POLLOUT | POLLRDHUP));
    os::close(other);
    // SAFETY: the request points to nothing.
    let gone = unsafe { request::run(ring, poll(POLLIN)) };
    // io_uring reports both hang-ups, whether they were asked for or not.
    report.equal("a closed peer", gone, Ok(POLLIN | POLLHUP | POLLRDHUP));
    os::close(one);
}

/// Checks a multishot poll: it repeats, is changed, and is removed.
fn repeated_poll(report: &mut Report, ring: &mut IoUring) {
    let Some([from, to]) = report.value("a pipe", os::pipe()) else { return };
    let poll = opcode::PollAdd::new(Fd(from), PollEvents(POLLIN)).multi().build();
    // SAFETY: the request points to nothing.
    let submitted = unsafe { many::submit(ring, &[poll]) };
    report.equal("a multishot poll", submitted, Ok(1));
    for _ in 0..3 {
        report.equal("write", sys::write(to, b"y"), Ok(1));
        let seen = next(ring).map(|cqe| (cqe.user_data(), cqe.outcome(), cqe.more()));
        report.equal("each event", seen, Some((1, Ok(POLLIN), true)));
    }
    let update = opcode::PollUpdate::user_data(1, 8).build().user_data(7);
    // SAFETY: the request points to nothing.
    let pushed = unsafe { ring.submission().push(update) };
    report.check("push", pushed.is_ok() && ring.submit() == Ok(1));
    report.equal("the new user data", next(ring).map(|cqe| (cqe.user_data(), cqe.outcome())), Some((7, Ok(0))));
    // SAFETY: the request points to nothing.
    let removed = unsafe { request::run(ring, opcode::PollRemove::new(1).build()) };
    report.equal("the old user data", removed, Err(Errno::ENOENT));
    let remove = opcode::PollRemove::new(8).build().user_data(9);
    // SAFETY: the request points to nothing.
    let pushed = unsafe { ring.submission().push(remove) };
    report.check("push", pushed.is_ok() && ring.submit() == Ok(1));
    let ends = [Some((8, Err(Errno::ECANCELED))), Some((9, Ok(0)))];
    report.equal("the removed poll", many::wait::<2, _>(ring), ends);
    os::close(from);
    os::close(to);
}

/// Waits for the next completion and takes it.
fn next(ring: &mut IoUring) -> Option<cqueue::Entry> {
    if ring.completion().is_empty() {
        let _ = ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&PATIENCE));
    }
    ring.completion().next()
}

fn timeouts(report: &mut Report, ring: &mut IoUring) {
    let before = os::monotonic();
    let timeout = opcode::Timeout::new(&raw const SHORT).build();
    // SAFETY: the timespec is a static.
    let passed = unsafe { request::run(ring, timeout) };
    report.equal("a timeout", passed, Err(Errno::ETIME));
    report.check("the timeout lasted long enough", os::monotonic() - before >= 2_000_000);

    let past = Timespec::new(1, 0);
    let timeout = opcode::Timeout::new(&raw const past).flags(TimeoutFlags::ABS).build();
    // SAFETY: the timespec lives until the completion.
    report.equal("a timeout in the past", unsafe { request::run(ring, timeout) }, Err(Errno::ETIME));

    let counted = opcode::Timeout::new(&raw const HOUR).count(1).build();
    let nop = opcode::Nop::new().build();
    // SAFETY: the timespec is a static.
    let seen = unsafe { many::run(ring, [counted, nop]) };
    report.equal("a timeout that counts", seen, [Ok(0), Ok(0)]);

    let long = opcode::Timeout::new(&raw const HOUR).build();
    // SAFETY: the timespecs are statics.
    let seen = unsafe { many::run(ring, [long, opcode::TimeoutRemove::new(1).build()]) };
    report.equal("a timeout that is removed", seen, [Err(Errno::ECANCELED), Ok(0)]);
    let update = opcode::TimeoutUpdate::new(1, &raw const SHORT).build();
    // SAFETY: the timespecs are statics.
    let seen = unsafe { many::run(ring, [long, update]) };
    report.equal("a timeout that is changed", seen, [Err(Errno::ETIME), Ok(0)]);

    let Some([from, to]) = report.value("a pipe", os::pipe()) else { return };
    let mut buffer = [0_u8; 8];
    let read = opcode::Read::new(Fd(from), buffer.as_mut_ptr(), 8).build().flags(Flags::IO_LINK);
    let limit = opcode::LinkTimeout::new(&raw const SHORT).build();
    // SAFETY: the buffer lives until both completions have arrived, and the timespec is a static.
    let seen = unsafe { many::run(ring, [read, limit]) };
    report.equal("a read that takes too long", seen, [Err(Errno::ECANCELED), Err(Errno::ETIME)]);
    os::close(from);
    os::close(to);
}

/// Checks waits with a time limit.
fn waits(report: &mut Report, facts: &Facts, ring: &mut IoUring) {
    let args = SubmitArgs::new().timespec(&SHORT);
    let before = os::monotonic();
    report.equal("a wait for nothing", ring.submitter().wait_with_args(1, &args), Err(Errno::ETIME));
    report.check("the wait lasted long enough", os::monotonic() - before >= 2_000_000);
    let masked = args.sigmask(&Sigset::EMPTY);
    report.equal("a wait with a signal mask", ring.submitter().wait_with_args(1, &masked), Err(Errno::ETIME));
    let past = Timespec::new(1, 0);
    let absolute = SubmitArgs::new().timespec(&past).absolute();
    report.equal("a wait until a time in the past", ring.submitter().wait_with_args(1, &absolute), Err(Errno::ETIME));

    let nop = opcode::Nop::new().build().user_data(5);
    // SAFETY: the request points to nothing.
    let pushed = unsafe { ring.submission().push(nop) };
    let patient = SubmitArgs::new().timespec(&PATIENCE);
    report.check("submit and wait", pushed.is_ok() && ring.submitter().submit_with_args(1, &patient) == Ok(1));
    report.equal("the completion", ring.completion().next().map(|cqe| cqe.user_data()), Some(5));
    report.equal("nothing else", ring.completion().next(), None);

    // Waits for two completions; one is enough when the minimum time is over.
    // SAFETY: the request points to nothing.
    let pushed = unsafe { ring.submission().push(nop) };
    let minimum = patient.min_wait_usec(3000);
    let before = os::monotonic();
    let outcome = ring.submitter().submit_with_args(2, &minimum);
    if facts.has_feature(Features::MIN_TIMEOUT) {
        report.equal("a minimum time", (pushed.is_ok(), outcome), (true, Ok(1)));
        report.check("the minimum time passed", os::monotonic() - before >= 3_000_000);
    } else {
        report.equal("no minimum time", (pushed.is_ok(), outcome), (true, Err(Errno::EOPNOTSUPP)));
        report.equal("the request stays queued", ring.submit_and_wait(1), Ok(1));
    }
    report.equal("the completion", ring.completion().next().map(|cqe| cqe.user_data()), Some(5));
    let iowait = if facts.has_feature(Features::NO_IOWAIT) { Ok(()) } else { Err(Errno::EOPNOTSUPP) };
    report.equal("switching I/O accounting of waits off", ring.set_iowait(false), iowait);
    report.equal("a wait without accounting", ring.submitter().wait_with_args(1, &args), Err(Errno::ETIME));
    report.equal("switching it on", ring.set_iowait(true), Ok(()));
}

/// Checks cancels of requests that do not end by themselves, one by one and all together.
fn cancels(report: &mut Report, facts: &Facts, ring: &mut IoUring) {
    let Some([from, to]) = report.value("a pipe", os::pipe()) else { return };
    let mut buffer = [0_u8; 8];
    let read = opcode::Read::new(Fd(from), buffer.as_mut_ptr(), 8).build();
    // SAFETY: the buffer lives until both completions have arrived.
    let seen = unsafe { many::run(ring, [read, opcode::AsyncCancel::new(1).build()]) };
    report.equal("a read that is cancelled", seen, [Err(Errno::ECANCELED), Ok(0)]);
    // SAFETY: the request points to nothing.
    let nothing = unsafe { request::run(ring, opcode::AsyncCancel::new(1).build()) };
    report.equal("nothing to cancel", nothing, Err(Errno::ENOENT));

    // SAFETY: the buffer lives until the completion.
    let submitted = unsafe { many::submit(ring, &[read]) };
    report.equal("a read that waits", submitted, Ok(1));
    let cancelled = ring.submitter().register_sync_cancel(None, CancelBuilder::user_data(1));
    if facts.since(6, 0) {
        report.equal("synchronous cancel", cancelled, Ok(0));
        report.equal("the cancelled read", many::wait::<1, _>(ring), [Some((1, Err(Errno::ECANCELED)))]);
    } else {
        report.equal("no synchronous cancel", cancelled, Err(Errno::EINVAL));
        // SAFETY: the request points to nothing.
        let pushed = unsafe { ring.submission().push(opcode::AsyncCancel::new(1).build().user_data(2)) };
        report.check("push", pushed.is_ok() && ring.submit() == Ok(1));
        let ends = [Some((1, Err(Errno::ECANCELED))), Some((2, Ok(0)))];
        report.equal("cancelled", many::wait::<2, _>(ring), ends);
    }
    // SAFETY: the buffer lives until the completion.
    let submitted = unsafe { many::submit(ring, &[read]) };
    report.equal("a read that waits", submitted, Ok(1));
    if !facts.since(6, 0) {
        report.equal("write", sys::write(to, b"end"), Ok(3));
    }
    let mut ends = 0;
    let drained = ring.cancel_and_drain(PATIENCE, |_| {
        ends += 1;
        true
    });
    report.equal("cancel and drain", (drained, ends), (Ok(()), 1));
    os::close(from);
    os::close(to);
}
