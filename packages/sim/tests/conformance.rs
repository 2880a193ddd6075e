//! Linux does all that the crate relies on. One test, so that no other thread makes rings meanwhile.

use bare_uring::Linux;
use bare_uring_sim::conformance::check;

#[test]
fn linux_conforms() {
    let report = check(&Linux);
    print!("{report}");
    let broken: Vec<_> = report.broken().collect();
    assert!(broken.is_empty(), "{report}");
}
