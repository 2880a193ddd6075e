//! What the tests on the simulated kernel begin with.

use bare_uring::Builder;
use bare_uring::types::RawFd;
use bare_uring_ops::{Driver, File, Slab, Storage};
use bare_uring_sim::{Profile, SimKernel};

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

/// Limits the test's time, and makes a slab with a driver on a simulated Linux 6.12. The storage is never freed.
pub fn driven<const SLOTS: usize, const FILES: usize, const BUFFERS: usize, const SIZE: usize>(
    entries: u32,
) -> (SimKernel, &'static Slab, Driver<SimKernel>) {
    limit_this_test();
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let slab = Box::leak(Box::new(Storage::<SLOTS, FILES, BUFFERS, SIZE>::new())).start().expect("fresh");
    let driver = Driver::new(slab, kernel.clone(), &Builder::new(), entries).expect("a ring");
    (kernel, slab, driver)
}
