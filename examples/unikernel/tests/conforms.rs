//! The kernel interface of the package does what the crate relies on, with a conforming kernel behind the function.

mod linked;

use bare_uring_sim::conformance::{Outcome, check};
use bare_uring_sim::{Fault, Profile, SimKernel};
use unikernel::Unikernel;

#[test]
fn the_interface_conforms() {
    let kernel = SimKernel::new(Profile::linux(6, 12), 7);
    linked::link(&kernel, |_| {});

    let report = check(&Unikernel);
    assert_eq!(report.broken().count(), 0, "{report}");
    // All memory is provided, so nothing is mapped.
    let shortfalls: Vec<&str> = report.shortfalls().map(|finding| finding.point).collect();
    assert_eq!(shortfalls, ["map", "single-mmap"]);
    let passed = report.findings().iter().filter(|finding| finding.outcome == Outcome::Passed).count();
    assert_eq!(passed, report.findings().len() - 2, "{report}");
    // The check names what is no ring on purpose: -1, -2, and a descriptor that it has closed.
    assert!(kernel.faults().iter().all(|fault| matches!(fault, Fault::NoRing { .. })));
}
