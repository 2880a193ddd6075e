//! Synchronous cancellation: requests are cancelled by a system call, and not by another request.

use core::ffi::c_void;
use core::mem::size_of;
use core::ptr::from_mut;

use crate::error::Errno;
use crate::flags::CancelFlags;
use crate::kernel::Kernel;
use crate::submitter::{Core, Submitter};
use crate::types::sealed::{Target, UseFixed};
use crate::types::{RawFd, Timespec};
use crate::uapi::io_uring_register_op::IORING_REGISTER_SYNC_CANCEL;
use crate::uapi::{__kernel_timespec, io_uring_sync_cancel_reg};

/// The requests to cancel.
///
/// Each constructor sets one key. The `with_` methods add keys, and a request must match all of them. Only the first
/// request that matches is cancelled, or with [`all`](Self::all) every one that matches.
///
/// ```
/// use bare_uring::opcode;
/// use bare_uring::types::{CancelBuilder, Fd, Fixed};
///
/// let one = CancelBuilder::user_data(42);
/// let all_of_a_file = CancelBuilder::fd(Fixed(3)).all();
/// let reads_of_a_file = CancelBuilder::opcode(opcode::Read::CODE).with_fd(Fd(0)).all();
/// # let _ = (one, all_of_a_file, reads_of_a_file);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelBuilder {
    flags: CancelFlags,
    user_data: Option<u64>,
    /// A descriptor, or an index, depending on the flags. -1 if the flags name no file.
    fd: RawFd,
    opcode: u8,
}

impl CancelBuilder {
    const NONE: Self = Self { flags: CancelFlags::empty(), user_data: None, fd: -1, opcode: 0 };

    /// Matches every request in flight. Since 5.19.
    #[doc(alias = "IORING_ASYNC_CANCEL_ANY")]
    #[must_use]
    pub const fn any() -> Self {
        Self { flags: CancelFlags::ANY, ..Self::NONE }
    }

    /// Matches a request that carries this user data.
    #[must_use]
    pub const fn user_data(user_data: u64) -> Self {
        Self::NONE.with_user_data(user_data)
    }

    /// Matches a request on this file: a [`Fd`](crate::types::Fd), or a [`Fixed`](crate::types::Fixed) one (since 6.0).
    /// Since 5.19.
    ///
    /// The kernel compares the open file, and not the number: a request by another descriptor of the same open file
    /// matches too.
    #[doc(alias = "IORING_ASYNC_CANCEL_FD")]
    #[doc(alias = "IORING_ASYNC_CANCEL_FD_FIXED")]
    #[must_use]
    pub fn fd(fd: impl UseFixed) -> Self {
        Self::NONE.with_fd(fd)
    }

    /// Matches a request with this opcode (`opcode::Read::CODE`, for example). Since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_OP")]
    #[must_use]
    pub const fn opcode(opcode: u8) -> Self {
        Self::NONE.with_opcode(opcode)
    }

    /// Requires this user data too. Together with a file or an opcode since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_USERDATA")]
    #[must_use]
    pub const fn with_user_data(self, user_data: u64) -> Self {
        Self { user_data: Some(user_data), ..self.narrowed() }
    }

    /// Requires this file too.
    #[must_use]
    pub fn with_fd(self, fd: impl UseFixed) -> Self {
        let (by, fd) = match fd.into_target() {
            Target::Fd(fd) => (CancelFlags::FD, fd.0),
            // The kernel takes the number for unsigned again.
            Target::Fixed(slot) => (CancelFlags::FD.union(CancelFlags::FD_FIXED), slot.0.cast_signed()),
        };
        let this = self.narrowed();
        Self { flags: this.flags.difference(CancelFlags::FD_FIXED).union(by), fd, ..this }
    }

    /// Requires this opcode too. Since 6.6.
    #[must_use]
    pub const fn with_opcode(self, opcode: u8) -> Self {
        let this = self.narrowed();
        Self { flags: this.flags.union(CancelFlags::OP), opcode, ..this }
    }

    /// Cancels all requests that match, and not only the first. [`any`](Self::any) always means all of them. Since
    /// 5.19.
    #[doc(alias = "IORING_ASYNC_CANCEL_ALL")]
    #[must_use]
    pub const fn all(self) -> Self {
        Self { flags: self.flags.union(CancelFlags::ALL), ..self }
    }

    /// Replaces ANY by ALL before a key is added, so that the key narrows the choice.
    const fn narrowed(self) -> Self {
        // kernel: io_uring/cancel.c io_cancel_req_match (7.3): with ANY no other key is compared.
        if !self.flags.contains(CancelFlags::ANY) {
            return self;
        }
        Self { flags: self.flags.difference(CancelFlags::ANY).union(CancelFlags::ALL), ..self }
    }

    /// Returns the flags for the kernel. Without a file or an opcode they leave USERDATA out, which kernels before 6.6
    /// do not know.
    #[must_use]
    pub(crate) const fn flags(self) -> CancelFlags {
        // kernel: io_uring/cancel.c io_cancel_req_match (7.3): without FD and OP the user data is compared in any case.
        let others = CancelFlags::FD.union(CancelFlags::OP);
        if self.user_data.is_some() && self.flags.intersects(others) {
            self.flags.union(CancelFlags::USERDATA)
        } else {
            self.flags
        }
    }

    /// Returns the user data, the file and the opcode for the kernel: 0, -1 and 0 where a key is not set.
    #[must_use]
    pub(crate) const fn keys(self) -> (u64, RawFd, u8) {
        let user_data = match self.user_data {
            Some(user_data) => user_data,
            None => 0,
        };
        (user_data, self.fd, self.opcode)
    }

    /// Makes the argument of a cancellation that waits as long as `timeout`.
    const fn argument(self, timeout: Timespec) -> io_uring_sync_cancel_reg {
        let (user_data, fd, opcode) = self.keys();
        io_uring_sync_cancel_reg {
            addr: user_data,
            fd,
            flags: self.flags().bits(),
            timeout: __kernel_timespec { tv_sec: timeout.seconds(), tv_nsec: timeout.nanoseconds() },
            opcode,
            pad: [0; 7],
            pad2: [0; 3],
        }
    }
}

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

/// Cancels all requests in flight, without waiting. A failure leaves nothing to do: either the kernel is older than
/// 6.0, or there was nothing to cancel.
pub(crate) fn cancel_everything<K: Kernel>(core: &Core<K>) {
    // kernel: io_uring/cancel.c __io_async_cancel (7.3): with ALL or ANY the result is a count and never EALREADY, so
    // that io_sync_cancel does not wait.
    let _ = sync_cancel(Timespec::ZERO, CancelBuilder::any().all(), |argument| {
        // SAFETY: the argument is the operation's own structure, alive, and read during the call only.
        unsafe { core.kernel.register(core.fd, IORING_REGISTER_SYNC_CANCEL as u32, argument, 1) }
    });
}

/// Makes the argument, and calls the kernel with it.
fn sync_cancel(
    timeout: Timespec,
    builder: CancelBuilder,
    register: impl FnOnce(*mut c_void) -> Result<u32, Errno>,
) -> Result<u32, Errno> {
    let mut argument = builder.argument(timeout);
    register(from_mut(&mut argument).cast())
}

const _: () = assert!(size_of::<io_uring_sync_cancel_reg>() == 64);
