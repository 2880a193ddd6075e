//! Checks of the end of a ring: what a drain says, that a drop returns, and that hundreds of rings leave nothing.

use bare_uring::squeue::Entry;
use bare_uring::types::{RawFd, Timespec};
use bare_uring::{Builder, Errno, IoUring, cqueue, opcode};

use super::{ENTRIES, Limit, nop, patience, used};
use crate::checks::os;
use crate::checks::report::Report;

/// Rings that are made and dropped one after the other.
const MANY: u32 = 300;

/// The time of a request that is in flight at the end of its ring. Short, because some kernels wait for it.
static SOON: Timespec = Timespec::new(0, 300_000_000);

/// `timeouts` says whether there are timeouts, and with them timed waits. The checks need something that is in flight.
pub(super) fn check(report: &mut Report, timeouts: bool) -> Option<()> {
    many(report)?;
    if timeouts {
        drain(report)?;
        drop_with_a_timeout(report);
    } else {
        report.skip("cancel_and_drain", "needs timeouts");
    }
    Some(())
}

/// Makes a ring. The memory of rings that were dropped may come back a little later, so a lack of memory is waited for.
fn another(report: &mut Report) -> Option<IoUring> {
    let mut limit = Limit::new();
    loop {
        match Builder::<Entry, cqueue::Entry>::new().build(ENTRIES) {
            Ok(ring) => return Some(ring),
            Err(error) if error.errno() == Errno::ENOMEM && limit.goes_on() => {}
            Err(error) => {
                report.equal("another ring", Some(error), None);
                return None;
            }
        }
    }
}

fn many(report: &mut Report) -> Option<()> {
    let mut highest: RawFd = 0;
    let mut lowest = RawFd::MAX;
    for _ in 0..MANY {
        let ring = another(report)?;
        highest = highest.max(ring.fd());
        lowest = lowest.min(ring.fd());
        used(ring, |ring| nop(report, "one of many rings", ring))?;
    }
    report.check("the numbers of dropped rings are free again", highest - lowest < MANY.cast_signed() / 2);
    Some(())
}

/// Makes a ring with a timeout in flight.
fn with_a_timeout(report: &mut Report) -> Option<IoUring> {
    let mut ring = another(report)?;
    let timeout = opcode::Timeout::new(&raw const SOON).build().user_data(7);
    // SAFETY: the timespec is a static.
    let pushed = unsafe { ring.submission().push(timeout) };
    report.equal("a timeout in flight", (pushed.is_ok(), ring.submit(), ring.completion().len()), (true, Ok(1), 0));
    Some(ring)
}

/// Checks that a drain hands out the completion of what was in flight, cancelled or not.
fn drain(report: &mut Report) -> Option<()> {
    let mut ring = with_a_timeout(report)?;
    let mut outcome = None;
    let drained = ring.cancel_and_drain(Timespec::new(30, 0), |cqe| {
        outcome = Some((cqe.user_data(), cqe.outcome()));
        true
    });
    // A kernel that does not cancel lets the timeout end by itself.
    if outcome == Some((7, Err(Errno::ETIME))) {
        report.skip("cancellation of everything", "the request ended by itself");
        report.equal("cancel_and_drain", drained, Ok(()));
    } else {
        report.equal("cancel_and_drain", (drained, outcome), (Ok(()), Some((7, Err(Errno::ECANCELED)))));
    }
    Some(())
}

/// Checks that a drop returns, though a timeout is in flight: at once, or when the timeout has ended.
fn drop_with_a_timeout(report: &mut Report) {
    let Some(ring) = with_a_timeout(report) else { return };
    let before = os::monotonic();
    drop(ring);
    report.check("a drop with a timeout in flight", os::monotonic() - before < patience());
    let Some(ring) = another(report) else { return };
    used(ring, |ring| nop(report, "a ring after that drop", ring));
}
