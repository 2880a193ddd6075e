//! What the tests on the simulated kernel begin with.

use bare_uring::types::RawFd;
use bare_uring_ops::{File, Slab};

use crate::shared::limit;

/// Limits the time of the test that this thread runs.
pub fn limit_this_test() {
    limit(std::thread::current().name().unwrap_or("a test"));
}

/// Makes a file of a descriptor that the simulated kernel has just opened for the test.
pub fn adopt(slab: &'static Slab, fd: RawFd) -> File {
    // SAFETY: the number is an open descriptor of the simulated kernel, and the test closes it in no other way. A
    // number that were wrong could harm files of the simulated kernel only.
    unsafe { slab.adopt(fd) }.expect("a place")
}
