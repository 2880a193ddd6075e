//! Messages to a ring, from a thread that has no ring.

use core::ptr::from_mut;

use crate::error::Errno;
use crate::flags::CqeFlags;
use crate::kernel::Kernel;
use crate::squeue::Entry;
use crate::types::Fd;
use crate::uapi::IORING_MSG_RING_FLAGS_PASS;
use crate::uapi::io_uring_op::IORING_OP_MSG_RING;
use crate::uapi::io_uring_register_op::IORING_REGISTER_SEND_MSG_RING;

/// A completion for another ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message(Entry);

impl Message {
    /// Makes a message for the ring `target`, with this user data and a result of 0.
    #[must_use]
    pub const fn new(target: Fd, user_data: u64) -> Self {
        // The command (`addr`) is 0, which is IORING_MSG_DATA.
        // kernel: io_uring/msg_ring.c io_uring_sync_msg_ring (7.3): without a source ring any other command is EINVAL.
        let mut entry = Entry::new(IORING_OP_MSG_RING as u8);
        entry.fd = target.0;
        entry.off = user_data;
        Self(entry)
    }

    /// Sets the result of the completion: any number.
    #[must_use]
    pub const fn result(mut self, result: i32) -> Self {
        self.0.len = result.cast_unsigned();
        self
    }

    /// Sets the flags of the completion, which has no flags at first. A message can carry flags since 6.3.
    #[must_use]
    #[doc(alias = "IORING_MSG_RING_FLAGS_PASS")]
    pub const fn flags(mut self, flags: CqeFlags) -> Self {
        self.0.op_flags = IORING_MSG_RING_FLAGS_PASS;
        self.0.file_index = flags.bits();
        self
    }
}

/// Posts a completion to another ring, without a ring of the caller's. The completion is there when the call returns.
/// On a ring with DEFER_TASKRUN it appears when the ring's task next enters the kernel for completions. Since 6.13.
///
/// ```no_run
/// use bare_uring::{IoUring, Linux, register, types};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = IoUring::new(8)?;
/// let message = register::Message::new(types::Fd(ring.fd()), 7).result(1);
/// // SAFETY: the ring is this function's, which has no request of the number 7.
/// unsafe { register::register_sync_msg(&Linux, &message)? };
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// `EBADF`: no such descriptor. `EBADFD`: the descriptor is no ring, or a disabled one. `EINVAL`: the kernel is older.
/// `EOVERFLOW`, `ENOMEM`: no memory for the completion. `EOWNERDEAD`: the ring's task is gone. `EACCES`: the calling
/// task is [restricted](super::restrict_task) (since 7.3, where the restrictions must allow this operation too).
///
/// # Safety
///
/// - The ring is the caller's own, or its owner expects messages with this user data. Otherwise its owner could take
///   this completion for the end of a request, and free memory that the kernel still uses.
///
/// (Posting completions to a ring through its own [`Submitter`](crate::Submitter), as
/// [tags](crate::Submitter::register_files_tags) do, is safe: the ring's owner has handed it out. This function reaches
/// any ring by its number, also one of code that does not expect it.)
#[doc(alias = "IORING_REGISTER_SEND_MSG_RING")]
#[doc(alias = "io_uring_register_sync_msg")]
pub unsafe fn register_sync_msg<K: Kernel>(kernel: &K, message: &Message) -> Result<(), Errno> {
    let mut entry = message.0;
    // kernel: io_uring/msg_ring.c __io_msg_ring_data (7.3): a ring with DEFER_TASKRUN gets the completion as task work;
    // a disabled ring is EBADFD.
    // SAFETY: the argument is an entry of 64 bytes, which the kernel reads during the call only, and which names no
    // memory. The caller guarantees that the ring's owner expects the completion.
    unsafe { kernel.register(-1, IORING_REGISTER_SEND_MSG_RING as u32, from_mut(&mut entry).cast(), 1) }.map(drop)
}
