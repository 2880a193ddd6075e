//! Ending requests that are in flight.

use crate::flags::CancelFlags;
use crate::squeue::Entry;
use crate::uapi::io_uring_op::IORING_OP_ASYNC_CANCEL;

/// Ends a request that is in flight.
///
/// Since 5.5. Points to nothing.
///
/// # Completion
///
/// 0: cancelled, and the request completes with `ECANCELED` (where a worker was interrupted in the middle, `EINTR` or
/// its own -512). With [`all`](Self::all), how often something was found, which for several polls at once is less than
/// their number. `ENOENT`: there is none. `EALREADY`: it is running where it can't be stopped, and will complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_ASYNC_CANCEL")]
#[doc(alias = "io_uring_prep_cancel")]
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
        let mut entry = Entry::new(Self::CODE);
        entry.op_flags = CancelFlags::ANY.bits();
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
