//! Waiting until a file is ready.

use crate::flags::{PollEvents, PollFlags};
use crate::squeue::Entry;
use crate::types::sealed::UseFixed;
use crate::uapi::io_uring_op::{IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE};

/// Waits until a file is ready, as `poll(2)`.
///
/// Since 5.1. Points to nothing.
///
/// # Completion
///
/// The events that are there (`POLL*` bits, those not asked for among them). `ECANCELED`: removed or cancelled.
/// `EBADF`: `fd` is not open. A file that can't be polled
/// is always ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_POLL_ADD")]
#[doc(alias = "io_uring_prep_poll_add")]
#[doc(alias = "io_uring_prep_poll_multishot")]
#[repr(transparent)]
pub struct PollAdd(Entry);

request!(PollAdd, IORING_OP_POLL_ADD);

impl PollAdd {
    /// Waits for `events` on `fd`, once. Above 16 bits since 5.9 (`FEAT_POLL_32BITS`).
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, events: PollEvents) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.op_flags = events.encoded();
        Self(entry)
    }

    /// Reports each time that the file becomes ready, until a completion without `MORE`. Since 5.13.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_POLL_ADD_MULTI")]
    pub const fn multi(mut self) -> Self {
        self.0.len |= PollFlags::ADD_MULTI.bits();
        self
    }
}

/// Ends a poll, found by its user data.
///
/// Since 5.1. Points to nothing.
///
/// # Completion
///
/// 0; the poll itself completes with `ECANCELED`. `ENOENT`: there is no such poll. `EALREADY`: it is just completing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_POLL_REMOVE")]
#[doc(alias = "io_uring_prep_poll_remove")]
#[repr(transparent)]
pub struct PollRemove(Entry);

request!(PollRemove, IORING_OP_POLL_REMOVE);

impl PollRemove {
    /// Ends the poll that carries `user_data`.
    #[inline]
    #[must_use]
    pub const fn new(user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        Self(entry)
    }
}
