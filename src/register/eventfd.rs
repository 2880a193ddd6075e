//! An eventfd that the kernel raises when it posts completions. [`CompletionQueue`](crate::CompletionQueue) can switch
//! it off and on.

use core::ptr::{from_mut, null_mut};

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::types::RawFd;
use crate::uapi::io_uring_register_op::{
    IORING_REGISTER_EVENTFD, IORING_REGISTER_EVENTFD_ASYNC, IORING_UNREGISTER_EVENTFD,
};

impl<K: Kernel> Submitter<'_, K> {
    /// Registers an eventfd, which the kernel raises when it posts completions. Since 5.2.
    ///
    /// Completions posted together may raise the eventfd once: its value does not count them. The kernel holds the
    /// eventfd from now on, so that the descriptor can be closed.
    ///
    /// # Errors
    ///
    /// `EBUSY`: the ring has an eventfd already, of either kind. `EBADF`: the descriptor is not open. `EINVAL`: the
    /// descriptor is no eventfd. `ENOMEM`: no memory.
    #[doc(alias = "IORING_REGISTER_EVENTFD")]
    #[doc(alias = "io_uring_register_eventfd")]
    pub fn register_eventfd(&self, eventfd: RawFd) -> Result<(), Errno> {
        self.register_eventfd_by(IORING_REGISTER_EVENTFD as u32, eventfd)
    }

    /// Registers an eventfd, which the kernel raises only for completions that a worker thread posts, and not for
    /// requests that a submit or a wait of this task completes itself. Since 5.6.
    ///
    /// # Errors
    ///
    /// The errors of [`register_eventfd`](Self::register_eventfd).
    #[doc(alias = "IORING_REGISTER_EVENTFD_ASYNC")]
    #[doc(alias = "io_uring_register_eventfd_async")]
    pub fn register_eventfd_async(&self, eventfd: RawFd) -> Result<(), Errno> {
        self.register_eventfd_by(IORING_REGISTER_EVENTFD_ASYNC as u32, eventfd)
    }

    /// Unregisters the eventfd, of either kind. Since 5.2.
    ///
    /// # Errors
    ///
    /// `ENXIO`: the ring has no eventfd.
    #[doc(alias = "IORING_UNREGISTER_EVENTFD")]
    #[doc(alias = "io_uring_unregister_eventfd")]
    pub fn unregister_eventfd(&self) -> Result<(), Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_EVENTFD as u32, null_mut(), 0) }.map(drop)
    }

    fn register_eventfd_by(&self, operation: u32, mut eventfd: RawFd) -> Result<(), Errno> {
        // kernel: io_uring/eventfd.c io_eventfd_register (7.3): a ring has one eventfd, of either kind; a second is
        // EBUSY.
        // kernel: io_uring/eventfd.c io_eventfd_signal (7.3): signals if the completion tail has moved since the last
        // signal, however far.
        // kernel: io_uring/eventfd.c io_eventfd_trigger (7.3): with IORING_REGISTER_EVENTFD_ASYNC only a worker thread
        // signals.
        // SAFETY: the argument is one `int`, alive, and read during the call only.
        unsafe { self.register(operation, from_mut(&mut eventfd).cast(), 1) }.map(drop)
    }
}
