//! Pipes that a request makes.

use bare_uring::types::OpenFlags;

use crate::errno::{EFAULT, EINVAL};
use crate::files::CAPACITY;
use crate::sqe::Sqe;
use crate::user::copy_to_user;
use crate::world::World;

/// The flags that a pipe takes. `O_NOTIFICATION_PIPE` is `O_EXCL`.
const FLAGS: OpenFlags = OpenFlags::NONBLOCK.with(OpenFlags::DIRECT).with(OpenFlags::CLOEXEC).with(OpenFlags::EXCL);

impl World {
    /// Makes a pipe, and writes the descriptors of its two ends. A pipe among the registered files is not simulated:
    /// `EINVAL`.
    // kernel: io_uring/openclose.c io_pipe_prep (7.2): EINVAL unless `fd`, `off` and `addr3` are 0, and for a flag that
    // is unknown.
    // kernel: io_uring/openclose.c io_pipe_fd (7.2): writes the numbers, first that of the end to read from. If it
    // can't, both are free again, and the result is EFAULT.
    pub(super) fn make_pipe(&mut self, sqe: &Sqe) -> i32 {
        if sqe.fd != 0 || sqe.off != 0 || sqe.addr3 != 0 || sqe.op_flags & !FLAGS.0 != 0 || sqe.file_index != 0 {
            return EINVAL;
        }
        if sqe.addr == 0 {
            return EFAULT;
        }
        let (reader, writer) = self.files.pipe(CAPACITY);
        let [first, second] = [reader, writer].map(i32::to_ne_bytes);
        // SAFETY: the contract of `push`: the two numbers are valid, and the request's alone.
        unsafe { copy_to_user(sqe.addr, &[first, second].concat()) };
        0
    }
}
