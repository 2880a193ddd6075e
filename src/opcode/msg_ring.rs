//! Messages to other rings. A ring is named by its descriptor: the kernel lets none among registered files.

use crate::flags::CqeFlags;
use crate::squeue::Entry;
use crate::types::sealed::UseFd;
use crate::types::{DestinationSlot, Fixed};
use crate::uapi::io_uring_msg_ring_flags::IORING_MSG_SEND_FD;
use crate::uapi::io_uring_op::IORING_OP_MSG_RING;
use crate::uapi::{IORING_MSG_RING_CQE_SKIP, IORING_MSG_RING_FLAGS_PASS};

/// Posts a completion to another ring, or to this one.
///
/// Since 5.18. Points to nothing. From a thread that has no ring,
/// [`register_sync_msg`](crate::register::register_sync_msg) does it.
///
/// # Completion
///
/// 0: the completion is in the other ring, or on its way to the task of a DEFER_TASKRUN ring. `EBADFD`: the file is no
/// ring, or a disabled one. `EBADF`: it is not open. `EOVERFLOW`, `ENOMEM`: no memory to keep the completion in.
/// `EOWNERDEAD`: the ring's task is gone. `EINVAL`: a personality, or a kernel that does not know a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_MSG_RING")]
#[doc(alias = "IORING_MSG_DATA")]
#[doc(alias = "io_uring_prep_msg_ring")]
#[doc(alias = "io_uring_prep_msg_ring_cqe_flags")]
#[repr(transparent)]
pub struct MsgRingData(Entry);

request!(MsgRingData, IORING_OP_MSG_RING);

impl MsgRingData {
    /// A completion with this result and user data, in the ring `ring`.
    ///
    /// Any result is passed on: a negative one that is no errno too.
    #[inline]
    #[must_use]
    pub fn new(ring: impl UseFd, result: i32, user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = ring.into_fd().0;
        entry.len = result.cast_unsigned();
        entry.off = user_data;
        Self(entry)
    }

    /// The completion's flags, none at first. Since 6.3.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_MSG_RING_FLAGS_PASS")]
    pub const fn flags(mut self, flags: CqeFlags) -> Self {
        self.0.op_flags = IORING_MSG_RING_FLAGS_PASS;
        self.0.file_index = flags.bits();
        self
    }
}

/// Puts one of this ring's registered files among those of another ring.
///
/// Since 6.0. Points to nothing. The other ring gets a completion with the user data and the result below, unless
/// [`skip`](Self::skip).
///
/// # Completion
///
/// 0, or the slot if it was [`ALLOCATE`](DestinationSlot::ALLOCATE)d. `EBADF`: this ring has no such file, or `ring` is
/// not open. `EBADFD`: that is no ring, or a disabled one. `EINVAL`: it is this ring; or it has no such slot. `ENXIO`: it
/// has no registered files. `ENFILE`: no slot is free. `EOVERFLOW`: the file is there, and the other ring was not told.
/// `EOWNERDEAD`: the ring's task is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_MSG_RING")]
#[doc(alias = "IORING_MSG_SEND_FD")]
#[doc(alias = "io_uring_prep_msg_ring_fd")]
#[doc(alias = "io_uring_prep_msg_ring_fd_alloc")]
#[repr(transparent)]
pub struct MsgRingSendFd(Entry);

request!(MsgRingSendFd, IORING_OP_MSG_RING);

impl MsgRingSendFd {
    /// Puts the file in slot `source` into `destination` of the ring `ring`, whose completion carries `user_data`.
    #[inline]
    #[must_use]
    pub fn new(ring: impl UseFd, source: Fixed, destination: DestinationSlot, user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = ring.into_fd().0;
        entry.addr = IORING_MSG_SEND_FD as u64;
        entry.off = user_data;
        entry.addr3 = u64::from(source.0);
        entry.file_index = destination.encoded();
        Self(entry)
    }

    /// The other ring gets no completion.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_MSG_RING_CQE_SKIP")]
    pub const fn skip(mut self) -> Self {
        self.0.op_flags |= IORING_MSG_RING_CQE_SKIP;
        self
    }
}
