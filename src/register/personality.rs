//! Credentials that single requests run with.

use core::ptr::null_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::{IORING_REGISTER_PERSONALITY, IORING_UNREGISTER_PERSONALITY};

impl<K: Kernel> Submitter<'_, K> {
    /// Registers the credentials that the calling task has now; the number to give to
    /// [`Entry::personality`](crate::squeue::Entry::personality), never 0. Since 5.6.
    ///
    /// A request with a number that is not registered completes with `EINVAL`.
    ///
    /// # Errors
    ///
    /// `EBUSY`: all 65,535 numbers are taken. `ENOMEM`: no memory. `EOVERFLOW`: the kernel gave a number that an entry
    /// has no room for.
    #[doc(alias = "IORING_REGISTER_PERSONALITY")]
    #[doc(alias = "io_uring_register_personality")]
    pub fn register_personality(&self) -> Result<u16, Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        let id = unsafe { self.register(IORING_REGISTER_PERSONALITY as u32, null_mut(), 0) }?;
        u16::try_from(id).map_err(|_| Errno::EOVERFLOW)
    }

    /// Unregisters credentials. Requests that run with them keep them. Since 5.6.
    ///
    /// # Errors
    ///
    /// `EINVAL`: the number is not registered.
    #[doc(alias = "IORING_UNREGISTER_PERSONALITY")]
    #[doc(alias = "io_uring_unregister_personality")]
    pub fn unregister_personality(&self, personality: u16) -> Result<(), Errno> {
        let id = u32::from(personality);
        // SAFETY: the operation takes no argument (the number goes where others have a count) and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_PERSONALITY as u32, null_mut(), id) }.map(drop)
    }
}
