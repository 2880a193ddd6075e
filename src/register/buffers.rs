//! Buffers that the kernel knows beforehand, for `ReadFixed` and `WriteFixed`.

use core::ptr::null_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::types::IoVec;
use crate::uapi::io_uring_register_op::{IORING_REGISTER_BUFFERS, IORING_UNREGISTER_BUFFERS};

impl<K: Kernel> Submitter<'_, K> {
    /// Registers buffers: the kernel pins their pages and finds them by index from now on. Since 5.1.
    ///
    /// # Errors
    ///
    /// `EBUSY`: there are registered buffers already. `EINVAL`: none, or more than 16,384 (1,024 before 5.13).
    /// `EFAULT`: a buffer of more than 1 GiB, or memory that the process does not have. `ENOMEM`: above
    /// RLIMIT_MEMLOCK. `EOVERFLOW`: an end past the address space.
    ///
    /// # Safety
    ///
    /// The memory stays the process's own until the buffers are unregistered or the ring is gone: the kernel keeps the
    /// pages pinned, and a request may write to them even where something else has been mapped in their place. The
    /// `IoVec`s themselves are read during the call only.
    #[doc(alias = "IORING_REGISTER_BUFFERS")]
    #[doc(alias = "io_uring_register_buffers")]
    pub unsafe fn register_buffers(&self, buffers: &[IoVec]) -> Result<(), Errno> {
        let count = u32::try_from(buffers.len()).map_err(|_| Errno::EINVAL)?;
        let first = buffers.as_ptr().cast_mut().cast();
        // SAFETY: `first` and `count` describe the slice, which the kernel reads only; the caller answers for what the
        // entries name.
        unsafe { self.register(IORING_REGISTER_BUFFERS as u32, first, count) }.map(drop)
    }

    /// Unregisters them. Requests in flight keep theirs until they end. Since 5.1.
    ///
    /// # Errors
    ///
    /// `ENXIO`: there are none.
    #[doc(alias = "IORING_UNREGISTER_BUFFERS")]
    #[doc(alias = "io_uring_unregister_buffers")]
    pub fn unregister_buffers(&self) -> Result<(), Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_BUFFERS as u32, null_mut(), 0) }.map(drop)
    }
}
