//! Commands to block devices.

use super::command::command;
use crate::squeue::Entry;
use crate::types::sealed::UseFixed;
use crate::uapi::BLOCK_URING_CMD_DISCARD;
use crate::uapi::io_uring_op::IORING_OP_URING_CMD;

/// Tells a block device that the content of a range is no longer needed.
///
/// Since 6.12. Refers to no memory of the caller. No reads or writes of the range may be in flight at the same time.
///
/// On Linux 6.12 and 6.13 set `ASYNC`, or the kernel may discard a range that another request names: see
/// [`UringCmd16`](super::UringCmd16).
///
/// # Completion
///
/// 0: the range was discarded. `EOPNOTSUPP`: the file is no block device, or the device cannot discard. `EINVAL`: the
/// range is empty, is not made of the device's blocks, or goes past the device's end. `EBADF`: the file is not open for
/// writing. `EPERM`: the device is read-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "BLOCK_URING_CMD_DISCARD")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[doc(alias = "io_uring_prep_cmd_discard")]
#[repr(transparent)]
pub struct BlockDiscard(Entry);

request!(BlockDiscard, IORING_OP_URING_CMD);

impl BlockDiscard {
    /// Discards `len` bytes of the device `fd`, from `offset` on.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, offset: u64, len: u64) -> Self {
        // kernel: block/ioctl.c blkdev_uring_cmd, blkdev_cmd_discard (6.12.117): the range is read from the entry at
        // each attempt; a first attempt that would take more than one operation is EAGAIN, and repeated in a worker.
        let mut entry = command(Self::CODE, fd, BLOCK_URING_CMD_DISCARD);
        entry.addr = offset;
        entry.addr3 = len;
        Self(entry)
    }
}
