//! Waiting for child processes.

use crate::squeue::Entry;
use crate::types::address;
use crate::types::{IdType, SigInfo, WaitOptions};
use crate::uapi::io_uring_op::IORING_OP_WAITID;

/// Waits until a child process ends, stops or continues, as `waitid(2)`.
///
/// Since 6.7. The buffer of [`infop`](Self::infop) must stay valid, and be used by nothing else, until the completion.
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
/// 0, and the buffer is filled. `ECHILD`: there is no such child. `ECANCELED`: the request was cancelled; the buffer
/// then says that no child had changed state. `EINVAL`: the kernel does not know an option, or the options name nothing
/// to wait for. `EFAULT`: the buffer cannot be written to; the child has been waited for all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_WAITID")]
#[doc(alias = "io_uring_prep_waitid")]
#[repr(transparent)]
pub struct WaitId(Entry);

request!(WaitId, IORING_OP_WAITID);

impl WaitId {
    /// Waits for the events in `options`, of the children that `idtype` and `id` name.
    #[inline]
    #[must_use]
    pub const fn new(idtype: IdType, id: u32, options: WaitOptions) -> Self {
        let mut entry = Entry::new(Self::CODE);
        // kernel: io_uring/waitid.c io_waitid_prep (6.12.117): the kind of id is read from `len`, the id from `fd`, the
        // options from `file_index`, the buffer from `off`; `addr`, `buf_index`, `addr3` and the flags must be 0.
        entry.len = idtype.0;
        entry.fd = id.cast_signed();
        entry.file_index = options.0;
        Self(entry)
    }

    /// Sets the buffer that receives which child it was, and what became of it.
    #[inline]
    #[must_use]
    pub fn infop(mut self, info: *mut SigInfo) -> Self {
        // kernel: io_uring/waitid.c io_waitid_complete (6.12.117): the buffer is written just before the completion,
        // also if a request cancelled the wait.
        self.0.off = address(info);
        self
    }
}
