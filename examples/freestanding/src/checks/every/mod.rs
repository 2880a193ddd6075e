//! Checks for every kernel with an io_uring: Linux of any version, a unikernel, an emulation.
//!
//! The checks ask the kernel what it has: its features, its probe, and what it refuses. They check that what is there works,
//! and name what is not there. Whatever the kernel does, they end:
//!
//! - A request is made only if it cannot block: a read of a pipe that has bytes, a write to a pipe that has room, a short
//!   timeout.
//! - Completions are looked for again and again, with a time limit, by submits that wait for nothing.
//! - The kernel is asked to wait only for completions that are there or that were seen to come at once, or with a time limit
//!   that was tried before.
//!
//! The checks stop at a request that does not complete: the kernel may still use the request's memory, and the end of the
//! ring may wait for the request.

mod ends;
mod queues;
mod rings;
mod transfer;
mod waits;

use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicU32, Ordering};

use bare_uring::register::Probe;
use bare_uring::squeue::Entry;
use bare_uring::{Errno, Features, IoUring, cqueue, opcode};

use super::report::Report;
use super::{os, shims};

/// Submission entries of a ring.
const ENTRIES: u32 = 8;

/// Seconds within which a completion has to come: more than an emulated machine takes that shares its processor.
static PATIENCE: AtomicU32 = AtomicU32::new(30);

/// Sets the number of seconds within which a completion has to come.
pub fn set_patience(seconds: u32) {
    PATIENCE.store(seconds, Ordering::Relaxed);
}

/// Returns that time in nanoseconds.
fn patience() -> u64 {
    u64::from(PATIENCE.load(Ordering::Relaxed)) * 1_000_000_000
}

/// Runs all checks.
pub fn check(report: &mut Report) {
    report.topic("system calls");
    shims::check(report);
    report.topic("a ring");
    match IoUring::new(ENTRIES) {
        Ok(ring) => {
            let known = Known::ask(report, &ring);
            if check_all(report, &known, ring).is_none() {
                report.check("the checks after that", false);
            }
        }
        Err(error) if error.is_unavailable() => report.absent("io_uring", error.errno()),
        Err(error) => report.equal("a ring", Some(error), None),
    }
}

/// Runs all checks that need a ring. `None`: a request has not completed.
fn check_all(report: &mut Report, known: &Known, ring: IoUring) -> Option<()> {
    let timeouts = used(ring, |ring| {
        report.topic("queues");
        queues::check(report, known, ring)?;
        report.topic("reads and writes");
        transfer::check(report, known, ring)?;
        report.topic("waits");
        waits::check(report, known, ring)
    })?;
    report.topic("rings");
    rings::check(report)?;
    report.topic("the end of a ring");
    ends::check(report, timeouts)
}

/// What the kernel says of itself.
struct Known {
    features: Features,
    /// `None`: the kernel can't be asked for its opcodes.
    probe: Option<Probe>,
}

impl Known {
    fn ask(report: &mut Report, ring: &IoUring) -> Self {
        let mut probe = Probe::new();
        let asked = ring.submitter().register_probe(&mut probe);
        if let Err(errno) = asked {
            report.absent("the probe", errno);
        }
        let features = ring.params().features();
        if !features.contains(Features::NODROP) {
            report.skip("FEAT_NODROP", "not among the features");
        }
        if !features.contains(Features::EXT_ARG) {
            report.skip("FEAT_EXT_ARG", "not among the features");
        }
        Self { features, probe: asked.is_ok().then_some(probe) }
    }

    /// Tries a request that the kernel may lack. Returns whether the kernel has it.
    ///
    /// The probe is asked first. Some kernels' probes promise every opcode, so that a refusal counts whatever the probe says.
    fn tried(
        &self,
        report: &mut Report,
        name: &'static str,
        code: u8,
        run: impl FnOnce(&mut Report) -> Option<Result<u32, Errno>>,
        expected: Result<u32, Errno>,
    ) -> Option<bool> {
        if self.probe.as_ref().is_some_and(|probe| !probe.is_supported(code)) {
            report.skip(name, "not in the probe");
            return Some(false);
        }
        let outcome = run(report)?;
        match outcome {
            Err(errno @ (Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP)) => report.absent(name, errno),
            outcome => report.equal(name, outcome, expected),
        }
        Some(outcome == expected)
    }
}

/// The end of a time limit. Where the kernel has no clock, the turns are counted.
struct Limit {
    started: u64,
    turns: u32,
}

impl Limit {
    fn new() -> Self {
        Self { started: os::monotonic(), turns: 0 }
    }

    /// Sleeps for a moment. Returns `false` when the time is over.
    fn goes_on(&mut self) -> bool {
        self.turns += 1;
        // Most completions come at once, or from another thread that only needs a moment.
        if self.turns > 10 {
            os::sleep(1);
        }
        self.turns < 20_000_000 && os::monotonic() - self.started < patience()
    }
}

/// Uses a ring, and drops it if no request is in flight afterwards. Otherwise the drop could wait for ever.
fn used<T>(ring: IoUring, with: impl FnOnce(&mut IoUring) -> Option<T>) -> Option<T> {
    let mut ring = ManuallyDrop::new(ring);
    let value = with(&mut ring)?;
    drop(ManuallyDrop::into_inner(ring));
    Some(value)
}

/// Takes completions until there were `want`, without a wait in the kernel. Returns the sum of what the submits told.
fn collect(
    report: &mut Report,
    name: &str,
    ring: &mut IoUring,
    want: usize,
    mut each: impl FnMut(cqueue::Entry),
) -> Option<usize> {
    let (mut seen, mut told, mut limit) = (0, 0, Limit::new());
    loop {
        for cqe in ring.completion() {
            seen += 1;
            each(cqe);
        }
        if seen >= want {
            return Some(told);
        }
        match ring.submit() {
            Ok(count) => told += count,
            Err(Errno::EINTR | Errno::EAGAIN | Errno::EBUSY) => {}
            Err(errno) => {
                report.equal(name, Err(errno), Ok(()));
                return None;
            }
        }
        if !limit.goes_on() {
            report.equal(name, ("completions in time", seen), ("completions in time", want));
            return None;
        }
    }
}

/// Runs one request. Returns its outcome, and `None` if it does not complete in time.
///
/// # Safety
///
/// The contract of [`push`](bare_uring::SubmissionQueue::push) must hold for ever.
unsafe fn run(report: &mut Report, name: &str, ring: &mut IoUring, entry: Entry) -> Option<Result<u32, Errno>> {
    const MINE: u64 = 0x1234_5678_9abc_def0;

    // SAFETY: the caller's contract.
    let pushed = unsafe { ring.submission().push(entry.user_data(MINE)) };
    let mut last = None;
    let told = collect(report, name, ring, 1, |cqe| last = Some(cqe))?;
    let user_data = last.map(|cqe| cqe.user_data());
    let left = ring.completion().len();
    if (pushed.is_ok(), told, user_data, left) != (true, 1, Some(MINE), 0) {
        report.equal(name, (pushed.is_ok(), told, user_data, left), (true, 1, Some(MINE), 0));
    }
    last.map(|cqe| cqe.outcome())
}

/// Runs a nop, which has to succeed.
fn nop(report: &mut Report, name: &str, ring: &mut IoUring) -> Option<()> {
    // SAFETY: the request points to nothing.
    let outcome = unsafe { run(report, name, ring, opcode::Nop::new().build()) }?;
    report.equal(name, outcome, Ok(0));
    Some(())
}
