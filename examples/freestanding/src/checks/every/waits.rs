//! Checks of waits with a time limit, which the library makes with `FEAT_EXT_ARG`, and elsewhere with a timeout request.

use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Errno, Features, IoUring, opcode};

use super::{Known, nop, run};
use crate::checks::os;
use crate::checks::report::Report;

static SHORT: Timespec = Timespec::new(0, 2_000_000);
static LONG: Timespec = Timespec::new(30, 0);

/// Returns whether timeouts work, and with them timed waits.
pub(super) fn check(report: &mut Report, known: &Known, ring: &mut IoUring) -> Option<bool> {
    let request = timeout(report, known, ring)?;
    if !request && !known.features.contains(Features::EXT_ARG) {
        report.skip("timed waits", "neither FEAT_EXT_ARG nor a timeout that lasts");
        return Some(false);
    }
    nothing_comes(report, ring);
    something_is_there(report, ring)?;
    // Where a wait takes no absolute time, the library makes a timeout request, whatever the kernel has for relative times.
    if request || known.features.contains(Features::MIN_TIMEOUT) {
        deadlines(report, ring);
    } else {
        report.skip("waits until a time", "neither FEAT_MIN_TIMEOUT nor a timeout that lasts");
    }
    leave_nothing(report, ring)?;
    Some(request)
}

/// Runs `wait`. Returns its result, and whether it lasted as long as [`SHORT`].
fn timed<T>(wait: impl FnOnce() -> T) -> (T, bool) {
    let before = os::monotonic();
    let value = wait();
    let after = os::monotonic();
    // A kernel without a clock measures nothing.
    (value, after == 0 || after - before >= 2_000_000)
}

/// Tries a timeout request. Returns whether the kernel has them, and they last.
fn timeout(report: &mut Report, known: &Known, ring: &mut IoUring) -> Option<bool> {
    let entry = opcode::Timeout::new(&raw const SHORT).build();
    let mut lasted = false;
    let once = |report: &mut Report| {
        // SAFETY: the timespec is a static.
        let (outcome, long) = timed(|| unsafe { run(report, "Timeout", ring, entry) });
        lasted = long;
        outcome
    };
    let has = known.tried(report, "Timeout", opcode::Timeout::CODE, once, Err(Errno::ETIME))?;
    if has && !lasted {
        report.skip("Timeout", "ends at once");
    }
    Some(has && lasted)
}

fn nothing_comes(report: &mut Report, ring: &IoUring) {
    let args = SubmitArgs::new().timespec(&SHORT);
    let waited = timed(|| ring.submitter().wait_with_args(1, &args));
    report.equal("a wait for what does not come", waited, (Err(Errno::ETIME), true));
    let waited = timed(|| ring.submitter().submit_with_args(3, &args));
    report.equal("a submit that waits for what does not come", waited, (Err(Errno::ETIME), true));
}

fn something_is_there(report: &mut Report, ring: &mut IoUring) -> Option<()> {
    for want in [1, 2] {
        let limit = if want == 1 { &LONG } else { &SHORT };
        // SAFETY: the request points to nothing.
        let pushed = unsafe { ring.submission().push(opcode::Nop::new().build().user_data(5)) };
        let told = ring.submitter().submit_with_args(want, &SubmitArgs::new().timespec(limit));
        let seen = super::collect(report, "a submit that waits", ring, 1, |_| ())?;
        let left = ring.completion().len();
        let told = told.map(|count| count + seen);
        report.equal("a submit that waits", (pushed.is_ok(), told, left), (true, Ok(1), 0));
    }
    Some(())
}

fn deadlines(report: &mut Report, ring: &IoUring) {
    let past = Timespec::new(0, 1_000_000);
    let args = SubmitArgs::new().timespec(&past).absolute();
    match ring.submitter().wait_with_args(1, &args) {
        Err(errno @ (Errno::EINVAL | Errno::EOPNOTSUPP)) => report.absent("waits until a time", errno),
        waited => report.equal("a wait until a time that is over", waited, Err(Errno::ETIME)),
    }
}

/// Checks that many timed waits leave neither a completion nor a count behind.
fn leave_nothing(report: &mut Report, ring: &mut IoUring) -> Option<()> {
    let args = SubmitArgs::new().timespec(&SHORT);
    let mut others = 0;
    for _ in 0..50 {
        others += u32::from(ring.submitter().wait_with_args(1, &args) != Err(Errno::ETIME));
    }
    let completions = ring.completion().len();
    let entries = ring.submission().len();
    report.equal("what fifty timed waits leave", (others, completions, entries, ring.submit()), (0, 0, 0, Ok(0)));
    nop(report, "a nop after timed waits", ring)
}
