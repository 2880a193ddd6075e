//! Puts any kernel through the behaviours that [`bare_uring`] relies on.
//!
//! [`check`] takes a [`Kernel`], makes rings on it with the crate's own builder, and goes through the checklist in the
//! documentation of that trait, point by point. It runs on Linux, on the simulated kernels, and on a kernel that is
//! being written:
//!
//! ```
//! use bare_uring_sim::{Profile, SimKernel, conformance};
//!
//! let report = conformance::check(&SimKernel::new(Profile::nanos(), 1));
//! print!("{report}");
//! assert_eq!(report.broken().count(), 0);
//! let shortfalls: Vec<_> = report.shortfalls().map(|finding| finding.point).collect();
//! assert!(shortfalls.contains(&"nodrop"));
//! ```
//!
//! The check needs no requests but nops and timeouts. It makes no wait without a timeout in flight that ends the wait,
//! and gives up on a completion that has not come after many calls and most of a second. So it comes to its end on a
//! broken kernel too, except where a call blocks that has nothing to wait for.
//!
//! Rings in provided memory leave that memory behind, about 8 KiB each, because a kernel may still write to it.

use bare_uring::Kernel;

mod enter;
mod lab;
mod memory;
mod overflow;
mod register;
mod report;
mod setup;
mod wait;
mod watch;

use lab::Lab;
use report::Verdict;
pub use report::{Finding, Outcome, Report};

/// The check of one point.
type Check<K> = fn(&Lab<'_, K>) -> Verdict;

/// Returns the points behind those that decide how rings are made, in the order of the checklist.
fn points<K: Kernel>() -> [(&'static str, Check<K>); 33] {
    [
        ("refusal", setup::refusal),
        ("sizes", setup::sizes),
        ("offsets", setup::offsets),
        ("words", setup::words),
        ("rings-apart", setup::rings_apart),
        ("provided", setup::provided),
        ("no-sqarray", setup::no_array),
        ("cq-size", setup::cq_size),
        ("submit-all", setup::submit_all_flag),
        ("defer-taskrun", setup::defers),
        ("count", enter::count),
        ("reuse", enter::reuse),
        ("empty", enter::empty),
        ("no-ring", enter::no_ring),
        ("enter-flags", enter::flags),
        ("unknown-request", enter::unknown_request),
        ("wait", wait::wait),
        ("submit-and-wait", wait::submit_and_wait),
        ("timed-wait", wait::timed_wait),
        ("ext-arg", wait::ext_arg),
        ("signal-mask", wait::signal_mask),
        ("completions", enter::completions),
        ("slots", enter::slots),
        ("full", enter::full),
        ("overflow-counted", overflow::counted),
        ("nodrop", overflow::kept),
        ("flush", overflow::flushed),
        ("register-unknown", register::unknown),
        ("register-no-ring", register::no_ring),
        ("probe", register::probe),
        ("ring-fd", register::ring_fd),
        ("map", memory::map),
        ("single-mmap", memory::single_mapping),
    ]
}

/// Puts a kernel through all points of the checklist, each with rings of its own.
///
/// The check tells by a closed descriptor whether a ring is gone. Let no other thread make rings meanwhile.
pub fn check<K: Kernel>(kernel: &K) -> Report {
    let mut lab = Lab::new(kernel);
    let mut findings = Vec::new();
    let mut found = |point, verdict: Verdict| {
        let outcome = verdict.err().unwrap_or(Outcome::Passed);
        findings.push(Finding { point, outcome });
    };
    // These two say how the others can be checked.
    found("ring", setup::ring(&mut lab));
    found("timers", enter::timers(&mut lab));
    for (point, check) in points() {
        found(point, check(&lab));
    }
    found("close", memory::close(&lab));
    found("quiet", memory::quiet(&lab));
    Report(findings)
}
