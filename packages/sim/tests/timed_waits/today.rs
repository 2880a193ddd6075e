//! The kernels without `EXT_ARG`, and those on which timed waits fail today.

use bare_uring_sim::Profile;

/// Timed waits put completions of the crate's own into the queue, where they can take the places of the caller's. Until
/// that is mended, a failure on these kernels is no failure of a test. An empty list makes every failure count. A kernel
/// on which nothing fails any more must be taken out of the list, or the test fails.
pub const FAILS_TODAY: &[&str] = &[];

/// Returns the kernels: their names, and their profiles.
pub fn kernels() -> [(&'static str, Profile); 6] {
    [
        ("Linux 5.4", Profile::linux(5, 4)),
        ("Linux 5.6", Profile::linux(5, 6)),
        ("Linux 5.10", Profile::linux(5, 10)),
        ("OSv", Profile::osv()),
        ("Nanos", Profile::nanos()),
        ("StarryOS", Profile::starry()),
    ]
}
