//! Synchronous cancellation: requests are cancelled by a system call, and not by another request.

use core::ffi::c_void;
use core::mem::size_of;
use core::ptr::from_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::ring::IoUring;
use crate::submitter::{Core, Submitter, polls_in_wait};
use crate::types::{CancelBuilder, SubmitArgs, Timespec};
use crate::uapi::io_uring_register_op::IORING_REGISTER_SYNC_CANCEL;
use crate::uapi::{__kernel_timespec, io_uring_sync_cancel_reg};
use crate::{cqueue, squeue};

/// The longest wait in one call, if the caller sets no limit.
///
/// The waiting kernel looks for the request again whenever a completion is posted. The worker that posted that
/// completion may still be busy with the request at that moment. Then the kernel takes the request for running and
/// sleeps again, although nothing will wake it (seen with 6.1: 69 times of 300). So no call lets the kernel sleep for
/// ever.
// kernel: io_uring/cancel.c io_sync_cancel (7.3): looks again only after a wake-up of the completion queue's waiters,
// and sleeps between without a limit if the timeout is -1.
const A_WHILE: Timespec = Timespec::new(0, 100_000_000);

impl<K: Kernel> Submitter<'_, K> {
    /// Cancels requests that were submitted, and returns the kernel's count. The call waits for a request that is
    /// running: as long as the timeout, or without one until the request ends. With [`all`](CancelBuilder::all) or
    /// [`any`](CancelBuilder::any) it waits for none. Since 6.0.
    ///
    /// With `all` and `any` the count is 0 if no request matched. A higher count says how often the kernel found
    /// something: any number of requests for worker threads, or for futexes, count as one, and a running request may
    /// end before it is counted. Without `all` and `any` the count is 0, or 1 for a futex; success alone says that the
    /// request was found.
    ///
    /// The requests still complete, and use their memory until then: with `ECANCELED`, or, if they were running, with
    /// `EINTR` or, before 7.3, a number that is internal to the kernel (512, of an `OpenAt` that waits for a fifo). An
    /// entry that is queued and not submitted is not found.
    ///
    /// # Errors
    ///
    /// `ENOENT`: no request matches, or a worker is taking the request up at this moment, when the kernel finds it
    /// nowhere; with `all` or `any` that is a count of 0.
    /// `ETIME`: a request is still running when the timeout (a span) is over. `EINTR`: a signal came while waiting.
    /// `EBADF`: the key is a file that is not open, or not registered. `EINVAL`: the kernel does not know a key, or is
    /// older than 6.0.
    #[doc(alias = "IORING_REGISTER_SYNC_CANCEL")]
    #[doc(alias = "io_uring_register_sync_cancel")]
    pub fn register_sync_cancel(&self, timeout: Option<Timespec>, builder: CancelBuilder) -> Result<u32, Errno> {
        let cancel = |timeout| {
            sync_cancel(timeout, builder, |argument| {
                // SAFETY: the argument is the operation's own structure, alive, and read during the call only.
                unsafe { self.register(IORING_REGISTER_SYNC_CANCEL as u32, argument, 1) }
            })
        };
        if let Some(timeout) = timeout {
            return cancel(timeout);
        }
        let mut outcome = cancel(A_WHILE);
        if outcome != Err(Errno::ETIME) {
            return outcome;
        }
        while outcome == Err(Errno::ETIME) {
            outcome = cancel(A_WHILE);
        }
        // An earlier call found the request running, and it has ended since.
        outcome.or_else(|errno| if errno == Errno::ENOENT { Ok(0) } else { Err(errno) })
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// Cancels everything in flight, and hands each CQE that arrives to `each`, until `each` says that it was the last. Call this
    /// before you free the memory of requests.
    ///
    /// The kernel cannot be asked whether a request is still in flight: a read under way in a device can neither be cancelled nor
    /// found. So the caller counts, and `each` returns `true` when no request is outstanding any more. SQEs that were pushed and
    /// not submitted stay queued. (Where a wait with a timeout takes a request, see [`Submitter::submit_with_args`], they are
    /// submitted before it.)
    ///
    /// The call cancels again and again, because a request may escape a cancellation while it moves, or before an SQPOLL thread
    /// has consumed it. It gives up when no CQE arrives for as long as `patience`, or in 16 waits that end early. Signals end
    /// waits early. On an IOPOLL ring no wait has a time: a wait ends when a device answers, or at once when no device has a
    /// request of this ring.
    ///
    /// # Errors
    ///
    /// - `ETIME`: no CQE came for so long. Keep the memory of the requests that are outstanding.
    /// - `EBUSY`: no CQE came, and the kernel refused to wait, or a timed wait is not possible there: on a kernel that drops CQEs,
    ///   all but one slot of the completion queue are spoken for (see [`Submitter::submit_with_args`]). Keep the memory.
    /// - The errors of [`Submitter::wait_with_args`].
    ///
    /// Kernels before 6.0 cannot cancel from outside the queue. There this call only waits: cancel requests that never end by
    /// themselves with [`opcode::AsyncCancel`] first. [The guide for unikernels](crate::guides::unikernel) says what other
    /// kernels cancel.
    ///
    /// [`opcode::AsyncCancel`]: crate::opcode::AsyncCancel
    pub fn cancel_and_drain(&mut self, patience: Timespec, mut each: impl FnMut(C) -> bool) -> Result<(), Errno> {
        /// The number of waits that make up the caller's patience. After each wait all requests are cancelled anew.
        const SLICES: u32 = 16;

        let slice = patience.divided_by(SLICES);
        let args = SubmitArgs::new().timespec(&slice);
        let (mut fruitless, mut refused) = (0, false);
        loop {
            cancel_everything(self.parts().0);
            let mut some = false;
            let done = self.completion().any(|cqe| {
                some = true;
                each(cqe)
            });
            if done {
                return Ok(());
            }
            if some {
                fruitless = 0;
            }
            if fruitless == SLICES {
                return Err(if refused { Errno::EBUSY } else { Errno::ETIME });
            }
            fruitless += 1;
            let waited = if polls_in_wait(self.params().setup()) {
                // A wait that only looks would be over long before any device can answer.
                self.submitter().wait(1)
            } else {
                self.submitter().wait_with_args(1, &args)
            };
            match waited {
                // How the wait ended does not matter: the loop looks for CQEs.
                Ok(()) | Err(Errno::ETIME | Errno::EINTR | Errno::EAGAIN | Errno::EBUSY) => {
                    refused = waited == Err(Errno::EBUSY);
                }
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// Cancels all requests in flight, without waiting. A failure needs no action: either the kernel is older than 6.0, or there was
/// no request to cancel.
fn cancel_everything<K: Kernel>(core: &Core<K>) {
    let _ = sync_cancel(Timespec::ZERO, CancelBuilder::any().all(), |argument| {
        // SAFETY: the argument is the operation's own structure, alive, and read during the call only.
        unsafe { core.kernel.register(core.fd, IORING_REGISTER_SYNC_CANCEL as u32, argument, 1) }
    });
}

/// Returns the argument of a cancellation that waits as long as `timeout`.
const fn argument(builder: CancelBuilder, timeout: Timespec) -> io_uring_sync_cancel_reg {
    let (user_data, fd, opcode) = builder.keys();
    io_uring_sync_cancel_reg {
        addr: user_data,
        fd,
        flags: builder.flags().bits(),
        timeout: __kernel_timespec { tv_sec: timeout.seconds(), tv_nsec: timeout.nanoseconds() },
        opcode,
        pad: [0; 7],
        pad2: [0; 3],
    }
}

/// Makes the argument, and calls the kernel with it.
fn sync_cancel(
    timeout: Timespec,
    builder: CancelBuilder,
    register: impl FnOnce(*mut c_void) -> Result<u32, Errno>,
) -> Result<u32, Errno> {
    let mut argument = argument(builder, timeout);
    register(from_mut(&mut argument).cast())
}

const _: () = assert!(size_of::<io_uring_sync_cancel_reg>() == 64);
