//! Cancelling from outside the queue.

use core::ptr::from_mut;

use crate::flags::CancelFlags;
use crate::kernel::Kernel;
use crate::submitter::Core;
use crate::uapi::io_uring_register_op::IORING_REGISTER_SYNC_CANCEL;
use crate::uapi::{__kernel_timespec, io_uring_sync_cancel_reg};

/// Cancels all that is in flight (`IORING_REGISTER_SYNC_CANCEL`, since 6.0), without waiting. A failure leaves nothing
/// to be done: either the kernel is older, or nothing was there to be cancelled.
pub(crate) fn cancel_everything<K: Kernel>(core: &Core<K>) {
    let mut argument = io_uring_sync_cancel_reg {
        addr: 0,
        fd: -1,
        flags: CancelFlags::ALL.union(CancelFlags::ANY).bits(),
        timeout: __kernel_timespec { tv_sec: 0, tv_nsec: 0 },
        opcode: 0,
        pad: [0; 7],
        pad2: [0; 3],
    };
    let address = from_mut(&mut argument).cast();
    // SAFETY: the argument is the operation's own, alive, and read during the call only.
    let _ = unsafe { core.kernel.register(core.fd, IORING_REGISTER_SYNC_CANCEL as u32, address, 1) };
}
