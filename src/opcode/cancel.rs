//! Ending requests that are in flight.

use crate::flags::CancelFlags;
use crate::squeue::Entry;
use crate::types::CancelBuilder;
use crate::uapi::io_uring_op::IORING_OP_ASYNC_CANCEL;

/// Ends a request that is in flight.
///
/// Since 5.5. Points to nothing. [`register_sync_cancel`](crate::Submitter::register_sync_cancel) does the same from
/// outside the queue.
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
/// 0 (up to 6.18 at least 1, of a wait for a futex or a child): cancelled, and the request completes with `ECANCELED`
/// (where a worker was interrupted in the middle, `EINTR` or its own -512). With [`all`](Self::all), how often
/// something was found, which for several polls at once is less than their number. `ENOENT`: there is none, or a worker is
/// taking it up at this moment, in which the kernel finds it nowhere: ask again. `EALREADY`: it is running where it can't
/// be stopped, and will complete. `EBADF`: the key is a file that is not open, or not registered. `EINVAL`: the kernel does
/// not know a key.
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
    /// Ends the request that carries `user_data`.
    #[inline]
    #[must_use]
    pub const fn new(user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        Self(entry)
    }

    /// Ends any request, whatever it carries. Since 5.19.
    #[inline]
    #[must_use]
    pub const fn any() -> Self {
        Self::matching(CancelBuilder::any())
    }

    /// Ends what matches these keys: user data, file, opcode, or several of them. Since 5.19; registered files since
    /// 6.0, opcodes and user data beside another key since 6.6.
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

    /// Ends all that match, not the first only. Since 5.19.
    #[inline]
    #[must_use]
    pub const fn all(mut self) -> Self {
        self.0.op_flags |= CancelFlags::ALL.bits();
        self
    }
}
