//! Any registration, as it is: for what no method does.

use core::ffi::c_void;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;

impl<K: Kernel> Submitter<'_, K> {
    /// `io_uring_register(2)` on this ring, as it is.
    ///
    /// # Errors
    ///
    /// Whatever the operation's are. `EINVAL`: the kernel does not know it.
    ///
    /// # Safety
    ///
    /// - `argument` and `count` are what `operation` calls for, and what it registers stays valid for as long as it
    ///   says.
    /// - It does not change the ring's memory (`IORING_REGISTER_RESIZE_RINGS`) or its registered fd, and lacks the bit
    ///   `IORING_REGISTER_USE_REGISTERED_RING`, by which the number of a descriptor would mean another ring.
    /// - It does not take away what other code holds: resources that a value stands for, as a
    ///   [`BufRing`](crate::register::buf_ring::BufRing) does for its group.
    #[doc(alias = "io_uring_register")]
    pub unsafe fn register(&self, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        // SAFETY: the caller's contract.
        unsafe { self.core.kernel.register(self.core.fd, operation, argument, count) }
    }
}

/// `io_uring_register(2)` without a ring, as it is: with -1 where the ring's descriptor would stand.
///
/// # Errors
///
/// Whatever the operation's are. `EINVAL`: the kernel does not know it, or it needs a ring.
///
/// # Safety
///
/// - `argument` and `count` are what `operation` calls for, and what it registers stays valid for as long as it says.
/// - A message goes to a ring whose owner expects it ([`register_sync_msg`](super::register_sync_msg)).
#[doc(alias = "io_uring_register")]
pub unsafe fn without_ring<K: Kernel>(
    kernel: &K,
    operation: u32,
    argument: *mut c_void,
    count: u32,
) -> Result<u32, Errno> {
    // SAFETY: the caller's contract.
    unsafe { kernel.register(-1, operation, argument, count) }
}
