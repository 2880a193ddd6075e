//! Waiting for child processes.

use crate::squeue::Entry;
use crate::types::address;
use crate::types::{IdType, SigInfo, WaitOptions};
use crate::uapi::io_uring_op::IORING_OP_WAITID;

/// Waits until a child ends, stops or goes on, as `waitid(2)`.
///
/// Since 6.7. The buffer of [`infop`](Self::infop), and nobody else's, must stay valid until the completion.
///
/// ```
/// use bare_uring::opcode;
/// use bare_uring::types::{IdType, SigInfo, WaitOptions};
///
/// let mut info = SigInfo::new();
/// let wait = opcode::WaitId::new(IdType::PID, 4711, WaitOptions::EXITED).infop(&raw mut info);
/// # let _ = wait;
/// ```
///
/// # Completion
///
/// 0, and the buffer filled. `ECHILD`: there is no such child. `ECANCELED`: cancelled; the buffer then says that no
/// child had anything to tell. `EINVAL`: options that the kernel does not know, or none of what to wait for. `EFAULT`:
/// the buffer can't be written to; the child was waited for all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_WAITID")]
#[doc(alias = "io_uring_prep_waitid")]
#[repr(transparent)]
pub struct WaitId(Entry);

request!(WaitId, IORING_OP_WAITID);

impl WaitId {
    /// Waits for what `options` say, of the children that `idtype` and `id` name.
    #[inline]
    #[must_use]
    pub const fn new(idtype: IdType, id: u32, options: WaitOptions) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.len = idtype.0;
        entry.fd = id.cast_signed();
        entry.file_index = options.0;
        Self(entry)
    }

    /// Tells here which child it was, and what became of it.
    #[inline]
    #[must_use]
    pub fn infop(mut self, info: *mut SigInfo) -> Self {
        self.0.off = address(info);
        self
    }
}
