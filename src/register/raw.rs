//! Raw registrations, for operations that no method covers.

use core::ffi::c_void;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;

impl<K: Kernel> Submitter<'_, K> {
    /// Calls `io_uring_register(2)` on this ring with exactly these arguments.
    ///
    /// # Errors
    ///
    /// The errors of the operation. `EINVAL`: the kernel does not know the operation.
    ///
    /// # Safety
    ///
    /// - `argument` and `count` are what `operation` expects. What the operation registers stays valid for as long as
    ///   the operation requires.
    /// - The operation does not change the ring's memory (`IORING_REGISTER_RESIZE_RINGS`) or its registered descriptor.
    /// - `operation` lacks the bit `IORING_REGISTER_USE_REGISTERED_RING`. With that bit, the number of the descriptor
    ///   would mean another ring.
    /// - The operation does not release resources that another value owns, as a
    ///   [`BufRing`](crate::register::buf_ring::BufRing) owns its group.
    #[doc(alias = "io_uring_register")]
    pub unsafe fn register(&self, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        // SAFETY: the caller's contract.
        unsafe { self.core.kernel.register(self.core.fd, operation, argument, count) }
    }
}

/// Calls `io_uring_register(2)` without a ring: with -1 in place of the ring's descriptor.
///
/// # Errors
///
/// The errors of the operation. `EINVAL`: the kernel does not know the operation, or the operation needs a ring.
///
/// # Safety
///
/// - `argument` and `count` are what `operation` expects. What the operation registers stays valid for as long as the
///   operation requires.
/// - A message goes to a ring whose owner expects it ([`register_sync_msg`](super::register_sync_msg)).
#[doc(alias = "io_uring_register")]
pub unsafe fn without_ring<K: Kernel>(
    kernel: &K,
    operation: u32,
    argument: *mut c_void,
    count: u32,
) -> Result<u32, Errno> {
    // kernel: io_uring/register.c io_uring_register_blind (7.3): without a ring there are
    // IORING_REGISTER_SEND_MSG_RING, IORING_REGISTER_QUERY, IORING_REGISTER_RESTRICTIONS and
    // IORING_REGISTER_BPF_FILTER; all others are EINVAL.
    // SAFETY: the caller's contract.
    unsafe { kernel.register(-1, operation, argument, count) }
}
