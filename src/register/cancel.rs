//! Cancelling from outside the queue.

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

/// For how long the kernel is asked to wait at a time, where the caller sets no limit.
///
/// It looks again when a completion comes, and the worker that posted it may still be busy with the request just then:
/// the kernel takes it for running, and sleeps on though nothing is going to wake it (seen with 6.1: 69 times of 300).
/// So it is never let sleep for ever.
const A_WHILE: Timespec = Timespec::new(0, 100_000_000);

impl<K: Kernel> Submitter<'_, K> {
    /// Cancels requests that were submitted: the kernel's count. It waits for one that is running; without a timeout, as
    /// long as it takes. With [`all`](CancelBuilder::all) or [`any`](CancelBuilder::any) it waits for none. Since 6.0.
    ///
    /// With `all` and `any` the count is 0 if nothing matched. What is more is how often the kernel found something:
    /// requests for its workers, or for futexes, count as one, however many they are, and one that was running may end before
    /// it is counted. Without the two it is 0, or 1
    /// for a futex, and the success alone says that the request was found.
    ///
    /// The requests still complete, and their memory is in use until then: with `ECANCELED`, or, if they were running,
    /// with `EINTR` or, before 7.3, a number that the kernel means for itself (512, of an `OpenAt` that waits for a fifo). What is
    /// queued and not submitted is not seen.
    ///
    /// # Errors
    ///
    /// `ENOENT`: none matches, or a worker is taking it up at this moment, in which the kernel finds it nowhere; with
    /// `all` or `any` that is a count of 0.
    /// `ETIME`: one is still running when the timeout (a span) is over. `EINTR`: a signal came while waiting. `EBADF`:
    /// the key is a file that is not open, or not registered. `EINVAL`: the kernel does not know a key, or is older
    /// than 6.0.
    #[doc(alias = "IORING_REGISTER_SYNC_CANCEL")]
    #[doc(alias = "io_uring_register_sync_cancel")]
    pub fn register_sync_cancel(&self, timeout: Option<Timespec>, builder: CancelBuilder) -> Result<u32, Errno> {
        let cancel = |timeout| {
            sync_cancel(timeout, builder, |argument| {
                // SAFETY: the argument is the operation's own, alive, and read during the call only.
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
        // What was running has ended since.
        outcome.or_else(|errno| if errno == Errno::ENOENT { Ok(0) } else { Err(errno) })
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// Cancels everything in flight, and hands the completions that arrive to `each`, until that says that the last one
    /// was among them. For who must free the memory of requests.
    ///
    /// The kernel cannot be asked whether anything is still in flight (a read under way in a device can't be cancelled,
    /// nor found), so it is the caller who counts: `each` returns `true` when nothing is outstanding any more. What was
    /// pushed and not submitted stays queued (where waits with a timeout take a request, see
    /// [`Submitter::submit_with_args`], it is submitted before that).
    ///
    /// What is in flight is cancelled again and again, since a request may escape a cancellation while it moves, or while
    /// an SQPOLL thread has yet to consume it. The call gives up when no completion arrives for as long as `patience`,
    /// or in 16 waits that end early. Signals end them; and on an IOPOLL ring, where no wait has a time, they end when a
    /// device answers, or at once when no device has anything of this ring.
    ///
    /// # Errors
    ///
    /// `ETIME`: no completion for so long; memory of what is outstanding must be kept. Others as
    /// [`Submitter::wait_with_args`]. Kernels before 6.0 cannot cancel from outside the queue: there this call only
    /// waits, and requests that never end by themselves must be cancelled by [`opcode::AsyncCancel`] first.
    ///
    /// [`opcode::AsyncCancel`]: crate::opcode::AsyncCancel
    pub fn cancel_and_drain(&mut self, patience: Timespec, mut each: impl FnMut(C) -> bool) -> Result<(), Errno> {
        /// Waits that make up the caller's patience. After each all is cancelled anew.
        const SLICES: u32 = 16;

        let slice = patience.divided_by(SLICES);
        let args = SubmitArgs::new().timespec(&slice);
        let mut fruitless = 0;
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
                return Err(Errno::ETIME);
            }
            fruitless += 1;
            let waited = if polls_in_wait(self.params().setup()) {
                // A mere look would be over long before any device can answer.
                self.submitter().wait(1)
            } else {
                self.submitter().wait_with_args(1, &args)
            };
            match waited {
                // However it ended: what counts is whether it brought something.
                Ok(()) | Err(Errno::ETIME | Errno::EINTR | Errno::EAGAIN | Errno::EBUSY) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// Cancels all that is in flight, without waiting. A failure leaves nothing to be done: either the kernel is older than
/// 6.0, or nothing was there to be cancelled.
fn cancel_everything<K: Kernel>(core: &Core<K>) {
    let _ = sync_cancel(Timespec::ZERO, CancelBuilder::any().all(), |argument| {
        // SAFETY: the argument is the operation's own, alive, and read during the call only.
        unsafe { core.kernel.register(core.fd, IORING_REGISTER_SYNC_CANCEL as u32, argument, 1) }
    });
}

/// The argument of a cancellation that waits as long as `timeout`.
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
