//! An eventfd that counts completions. [`CompletionQueue`](crate::CompletionQueue) can switch it off and on.

use core::ptr::{from_mut, null_mut};

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::types::RawFd;
use crate::uapi::io_uring_register_op::{
    IORING_REGISTER_EVENTFD, IORING_REGISTER_EVENTFD_ASYNC, IORING_UNREGISTER_EVENTFD,
};

impl<K: Kernel> Submitter<'_, K> {
    /// Registers an eventfd, which is raised when completions are posted. Since 5.2.
    ///
    /// Completions posted together may raise it once: it says that there are some, not how many. The kernel holds the
    /// eventfd from now on, so that the descriptor can be closed.
    ///
    /// # Errors
    ///
    /// `EBUSY`: there is one already, of either kind. `EBADF`: not open. `EINVAL`: no eventfd. `ENOMEM`: no memory.
    #[doc(alias = "IORING_REGISTER_EVENTFD")]
    #[doc(alias = "io_uring_register_eventfd")]
    pub fn register_eventfd(&self, eventfd: RawFd) -> Result<(), Errno> {
        self.register_eventfd_by(IORING_REGISTER_EVENTFD as u32, eventfd)
    }

    /// Registers an eventfd, which is raised only for completions that a worker thread posts: not for what a submit or
    /// a wait of this task completes itself. Since 5.6.
    ///
    /// # Errors
    ///
    /// As [`register_eventfd`](Self::register_eventfd).
    #[doc(alias = "IORING_REGISTER_EVENTFD_ASYNC")]
    #[doc(alias = "io_uring_register_eventfd_async")]
    pub fn register_eventfd_async(&self, eventfd: RawFd) -> Result<(), Errno> {
        self.register_eventfd_by(IORING_REGISTER_EVENTFD_ASYNC as u32, eventfd)
    }

    /// Unregisters it, of either kind. Since 5.2.
    ///
    /// # Errors
    ///
    /// `ENXIO`: there is none.
    #[doc(alias = "IORING_UNREGISTER_EVENTFD")]
    #[doc(alias = "io_uring_unregister_eventfd")]
    pub fn unregister_eventfd(&self) -> Result<(), Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_EVENTFD as u32, null_mut(), 0) }.map(drop)
    }

    fn register_eventfd_by(&self, operation: u32, mut eventfd: RawFd) -> Result<(), Errno> {
        // SAFETY: the argument is one `int`, alive, and read during the call only.
        unsafe { self.register(operation, from_mut(&mut eventfd).cast(), 1) }.map(drop)
    }
}
