//! A message to a ring, from a thread that has none.

use core::ptr::from_mut;

use crate::error::Errno;
use crate::flags::CqeFlags;
use crate::kernel::Kernel;
use crate::squeue::Entry;
use crate::types::Fd;
use crate::uapi::IORING_MSG_RING_FLAGS_PASS;
use crate::uapi::io_uring_op::IORING_OP_MSG_RING;
use crate::uapi::io_uring_register_op::IORING_REGISTER_SEND_MSG_RING;

/// A completion that is to appear in another ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message(Entry);

impl Message {
    /// For the ring `target`, with this user data and a result of 0.
    #[must_use]
    pub const fn new(target: Fd, user_data: u64) -> Self {
        // The command (`addr`) is 0, which is IORING_MSG_DATA: the only one that needs no ring to come from.
        let mut entry = Entry::new(IORING_OP_MSG_RING as u8);
        entry.fd = target.0;
        entry.off = user_data;
        Self(entry)
    }

    /// Its result: any number.
    #[must_use]
    pub const fn result(mut self, result: i32) -> Self {
        self.0.len = result.cast_unsigned();
        self
    }

    /// Its flags, none at first. Since 6.3 a message can carry them.
    #[must_use]
    #[doc(alias = "IORING_MSG_RING_FLAGS_PASS")]
    pub const fn flags(mut self, flags: CqeFlags) -> Self {
        self.0.op_flags = IORING_MSG_RING_FLAGS_PASS;
        self.0.file_index = flags.bits();
        self
    }
}

/// Posts a completion to another ring, without a ring to send it from; it is there when the call returns, or, on a ring
/// with DEFER_TASKRUN, when its task next asks. Since 6.13.
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
/// `EBADF`: no such descriptor. `EBADFD`: it is no ring, or a disabled one. `EINVAL`: the kernel is older.
/// `EOVERFLOW`, `ENOMEM`: no memory to keep the completion in. `EOWNERDEAD`: the ring's task is gone. `EACCES`: the calling
/// task is [restricted](super::restrict_task) (since 7.3, where it must allow this operation too).
///
/// # Safety
///
/// - The ring is the caller's own, or its owner expects messages with this user data: nobody mistakes this completion for the
///   end of a request, and frees memory that the kernel still uses.
///
/// (What posts completions to a ring that one holds, as [tags](crate::Submitter::register_files_tags) do, is safe: its owner
/// has handed it out. This reaches any ring by its number, of code that can't know.)
#[doc(alias = "IORING_REGISTER_SEND_MSG_RING")]
#[doc(alias = "io_uring_register_sync_msg")]
pub unsafe fn register_sync_msg<K: Kernel>(kernel: &K, message: &Message) -> Result<(), Errno> {
    let mut entry = message.0;
    // SAFETY: the argument is an entry of 64 bytes which the kernel reads during the call only, and names no memory; for
    // what the completion means the caller answers.
    unsafe { kernel.register(-1, IORING_REGISTER_SEND_MSG_RING as u32, from_mut(&mut entry).cast(), 1) }.map(drop)
}
