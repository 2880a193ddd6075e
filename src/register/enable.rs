//! Enabling of a ring that was made disabled.

use core::ptr::null_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::IORING_REGISTER_ENABLE_RINGS;

impl<K: Kernel> Submitter<'_, K> {
    /// Enables a ring that was made with [`setup_r_disabled`](crate::Builder::setup_r_disabled). On a SINGLE_ISSUER
    /// ring, only the calling task may submit from now on. Since 5.10.
    ///
    /// # Errors
    ///
    /// `EBADFD`: the ring is not disabled.
    #[doc(alias = "IORING_REGISTER_ENABLE_RINGS")]
    #[doc(alias = "io_uring_enable_rings")]
    pub fn register_enable_rings(&self) -> Result<(), Errno> {
        // kernel: io_uring/register.c io_register_enable_rings (7.3): the task that enables a SINGLE_ISSUER ring
        // becomes its submitter; a ring that is not disabled is EBADFD.
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_REGISTER_ENABLE_RINGS as u32, null_mut(), 0) }.map(drop)
    }
}
