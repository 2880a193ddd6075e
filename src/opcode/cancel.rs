//! Cancelling requests that are in flight.

use crate::flags::CancelFlags;
use crate::squeue::Entry;
use crate::types::CancelBuilder;
use crate::uapi::io_uring_op::IORING_OP_ASYNC_CANCEL;

/// Cancels a request that is in flight.
///
/// Since 5.5. Refers to no memory of the caller. [`register_sync_cancel`](crate::Submitter::register_sync_cancel)
/// cancels without a request of its own.
///
/// ```
/// use bare_uring::opcode;
/// use bare_uring::types::{CancelBuilder, Fd, Fixed};
///
/// let one = opcode::AsyncCancel::new(42);
/// let reads_of_a_file = opcode::AsyncCancel::matching(CancelBuilder::opcode(opcode::Read::CODE).with_fd(Fd(0)).all());
/// let all_of_a_slot = opcode::AsyncCancel::matching(CancelBuilder::fd(Fixed(3)).all());
/// # let _ = (one, reads_of_a_file, all_of_a_slot);
/// ```
///
/// # Completion
///
/// 0: the request was cancelled and completes with `ECANCELED` (if a worker was interrupted in the middle, with `EINTR`
/// or its own -512). For a wait for a futex or a child, up to 6.18 at least, the result is 1 instead of 0. With
/// [`all`](Self::all), the result is how often something was found, which for several polls at once is less than their
/// number. `ENOENT`: no request matches, or a worker is just taking it up, and the kernel finds it nowhere at that
/// moment: try again. `EALREADY`: the request is running where it cannot be stopped, and will complete. `EBADF`: the
/// key is a file that is not open, or not registered. `EINVAL`: the kernel does not know a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_ASYNC_CANCEL")]
#[doc(alias = "io_uring_prep_cancel")]
#[doc(alias = "io_uring_prep_cancel64")]
#[doc(alias = "io_uring_prep_cancel_fd")]
#[doc(alias = "AsyncCancel2")]
#[repr(transparent)]
pub struct AsyncCancel(Entry);

request!(AsyncCancel, IORING_OP_ASYNC_CANCEL);

impl AsyncCancel {
    /// Cancels the request that carries `user_data`.
    #[inline]
    #[must_use]
    pub const fn new(user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        Self(entry)
    }

    /// Cancels every request, whatever user data it carries. Since 5.19.
    #[inline]
    #[must_use]
    pub const fn any() -> Self {
        Self::matching(CancelBuilder::any())
    }

    /// Cancels a request that matches all of these keys: user data, file, opcode. Since 5.19; registered files since
    /// 6.0, opcodes, and user data together with another key, since 6.6.
    #[inline]
    #[must_use]
    pub const fn matching(builder: CancelBuilder) -> Self {
        let mut entry = Entry::new(Self::CODE);
        let (user_data, fd, opcode) = builder.keys();
        entry.addr = user_data;
        entry.fd = fd;
        entry.len = opcode as u32;
        entry.op_flags = builder.flags().bits();
        Self(entry)
    }

    /// Cancels all requests that match, not only the first. Since 5.19.
    #[inline]
    #[must_use]
    pub const fn all(mut self) -> Self {
        self.0.op_flags |= CancelFlags::ALL.bits();
        self
    }
}
