//! Registered credentials (personalities), with which single requests run.

use core::ptr::null_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::{IORING_REGISTER_PERSONALITY, IORING_UNREGISTER_PERSONALITY};

impl<K: Kernel> Submitter<'_, K> {
    /// Registers the credentials that the calling task has now, and returns their number, which is never 0.
    /// [`Entry::personality`](crate::squeue::Entry::personality) takes it. Since 5.6.
    ///
    /// A request with a number that is not registered completes with `EINVAL`.
    ///
    /// # Errors
    ///
    /// `EBUSY`: all 65,535 numbers are taken. `ENOMEM`: no memory. `EOVERFLOW`: the kernel returned a number that does
    /// not fit into an entry.
    #[doc(alias = "IORING_REGISTER_PERSONALITY")]
    #[doc(alias = "io_uring_register_personality")]
    pub fn register_personality(&self) -> Result<u16, Errno> {
        // kernel: io_uring/register.c io_register_personality (7.3): numbers go up to 65,535 and are reused only after
        // all others.
        // SAFETY: the operation takes no argument and touches no memory.
        let id = unsafe { self.register(IORING_REGISTER_PERSONALITY as u32, null_mut(), 0) }?;
        u16::try_from(id).map_err(|_| Errno::EOVERFLOW)
    }

    /// Unregisters credentials. Requests that run with them keep them until they end. Since 5.6.
    ///
    /// # Errors
    ///
    /// `EINVAL`: the number is not registered.
    #[doc(alias = "IORING_UNREGISTER_PERSONALITY")]
    #[doc(alias = "io_uring_unregister_personality")]
    pub fn unregister_personality(&self, personality: u16) -> Result<(), Errno> {
        let id = u32::from(personality);
        // SAFETY: the operation takes no argument (the count's place carries the number) and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_PERSONALITY as u32, null_mut(), id) }.map(drop)
    }
}
