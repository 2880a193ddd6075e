//! Checks of queues that are full or overflow, and of a kernel thread that sleeps.

use bare_uring::{Builder, Errno, IoUring, SqFlags, cqueue, opcode, squeue};
use freestanding::checks::os;
use freestanding::checks::report::Report;

use crate::facts::Facts;
use crate::many;
use crate::rings::round_trip;

pub(crate) fn check(report: &mut Report, facts: &Facts) {
    let plain = Builder::<squeue::Entry, cqueue::Entry>::new();
    overflow(report, "overflow", &plain);
    let mut polled = plain.clone();
    polled.setup_sqpoll(1);
    overflow(report, "overflow under SQPOLL", &polled);
    if facts.since(6, 1) {
        let mut deferred = plain.clone();
        deferred.setup_single_issuer().setup_defer_taskrun();
        overflow(report, "overflow under DEFER_TASKRUN", &deferred);
    }
    wake(report, &polled);
    room(report, &polled);
}

/// Checks that no completion is lost or doubled if there are more than the queue holds.
fn overflow(report: &mut Report, name: &str, builder: &Builder<squeue::Entry, cqueue::Entry>) {
    const BATCH: u64 = 4;
    const ALL: u64 = 10 * BATCH;
    let Some(mut ring) = report.value(name, builder.build(BATCH as u32)) else { return };
    let (mut submitted, mut seen, mut overflowed, mut refused) = (0, 0_u64, false, false);
    // A bit for each completion that arrived. On old kernels new completions can overtake those on the overflow list,
    // so the order is not checked.
    let mut each = 0_u64;
    let started = os::monotonic();
    while seen < ALL && os::monotonic() - started < 60_000_000_000 {
        let nop = opcode::Nop::new().build();
        // SAFETY: the request points to nothing.
        while submitted < ALL && !refused && unsafe { ring.submission().push(nop.user_data(submitted)) }.is_ok() {
            submitted += 1;
        }
        match ring.submit() {
            Ok(_) => {}
            // Kernels before 5.19 refuse more requests until completions were taken, as documented.
            Err(Errno::EBUSY) => refused = true,
            Err(errno) => return report.equal(name, Err::<(), _>(errno), Ok(())),
        }
        overflowed |= ring.submission().flags().contains(SqFlags::CQ_OVERFLOW);
        if submitted == ALL || refused || overflowed {
            for cqe in ring.completion() {
                each |= u64::from(cqe.outcome() == Ok(0)) << cqe.user_data();
                seen += 1;
            }
            refused = false;
        }
    }
    report.equal(name, (seen, overflowed, each), (ALL, true, (1 << ALL) - 1));
    report.equal("completions dropped", ring.completion().overflow(), 0);
    report.equal("a nop after the overflow", round_trip(&mut ring, 77), Ok(Ok(0)));
}

/// Gives the kernel thread a request, and waits until the thread sleeps. Returns `false` if it never does.
///
/// A thread without any request yet measures its idle time from time 0. On 32-bit kernels that is five minutes after
/// the start of the machine, and until then the thread does not sleep.
fn asleep(ring: &mut IoUring) -> bool {
    if round_trip(ring, 70) != Ok(Ok(0)) {
        return false;
    }
    let started = os::monotonic();
    while !ring.submission().flags().contains(SqFlags::NEED_WAKEUP) {
        if os::monotonic() - started > 60_000_000_000 {
            return false;
        }
        os::sleep(1);
    }
    true
}

/// Checks that a submit wakes a thread that sleeps.
fn wake(report: &mut Report, builder: &Builder<squeue::Entry, cqueue::Entry>) {
    let Some(mut ring) = report.value("SQPOLL", builder.build(4)) else { return };
    for number in 0..3 {
        report.check("the thread sleeps", asleep(&mut ring));
        report.equal("an empty submit", ring.submit(), Ok(0));
        report.equal("a nop that wakes the thread", round_trip(&mut ring, number), Ok(Ok(0)));
    }
}

/// Checks that a wait for room ends even if the thread sleeps when the wait begins.
fn room(report: &mut Report, builder: &Builder<squeue::Entry, cqueue::Entry>) {
    let Some(mut ring) = report.value("SQPOLL", builder.build(4)) else { return };
    report.check("the thread sleeps", asleep(&mut ring));
    let nop = opcode::Nop::new().build();
    // SAFETY: the request points to nothing.
    while unsafe { ring.submission().push(nop.user_data(1)) }.is_ok() {}
    report.check("a wait for room", ring.submitter().squeue_wait().is_ok());
    report.check("room", !ring.submission().is_full());
    let _ = ring.submit();
    report.equal("the completions of a full queue", many::wait::<4, _>(&mut ring), [Some((1, Ok(0))); 4]);
}
