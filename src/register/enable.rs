//! Enabling a ring that was made disabled.

use core::ptr::null_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::IORING_REGISTER_ENABLE_RINGS;

impl<K: Kernel> Submitter<'_, K> {
    /// Enables a ring made with [`setup_r_disabled`](crate::Builder::setup_r_disabled). On a SINGLE_ISSUER ring, the
    /// calling task is the one that submits from now on. Since 5.10.
    ///
    /// # Errors
    ///
    /// `EBADFD`: the ring is not disabled.
    #[doc(alias = "IORING_REGISTER_ENABLE_RINGS")]
    #[doc(alias = "io_uring_enable_rings")]
    pub fn register_enable_rings(&self) -> Result<(), Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_REGISTER_ENABLE_RINGS as u32, null_mut(), 0) }.map(drop)
    }
}
