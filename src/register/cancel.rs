//! Cancelling from outside the queue.

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

/// Which requests are to be cancelled.
///
/// The constructors name one key each, the `with_` methods further ones that a request must match as well. The first
/// request that matches is meant, or with [`all`](Self::all) every one.
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
    /// A descriptor or an index, as the flags say; -1 where they name no file.
    fd: RawFd,
    opcode: u8,
}

impl CancelBuilder {
    const NONE: Self = Self { flags: CancelFlags::empty(), user_data: None, fd: -1, opcode: 0 };

    /// Every request in flight. Since 5.19.
    #[doc(alias = "IORING_ASYNC_CANCEL_ANY")]
    #[must_use]
    pub const fn any() -> Self {
        Self { flags: CancelFlags::ANY, ..Self::NONE }
    }

    /// A request that carries this user data.
    #[must_use]
    pub const fn user_data(user_data: u64) -> Self {
        Self::NONE.with_user_data(user_data)
    }

    /// A request on this file: a [`Fd`](crate::types::Fd), or a [`Fixed`](crate::types::Fixed) one (since 6.0). Since
    /// 5.19.
    ///
    /// It is the file that must be the same, not the number: another descriptor of the same open file matches.
    #[doc(alias = "IORING_ASYNC_CANCEL_FD")]
    #[doc(alias = "IORING_ASYNC_CANCEL_FD_FIXED")]
    #[must_use]
    pub fn fd(fd: impl UseFixed) -> Self {
        Self::NONE.with_fd(fd)
    }

    /// A request with this opcode (as `opcode::Read::CODE`). Since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_OP")]
    #[must_use]
    pub const fn opcode(opcode: u8) -> Self {
        Self::NONE.with_opcode(opcode)
    }

    /// Only one that carries this user data too. Together with a file or an opcode since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_USERDATA")]
    #[must_use]
    pub const fn with_user_data(self, user_data: u64) -> Self {
        Self { user_data: Some(user_data), ..self.narrowed() }
    }

    /// Only one on this file too.
    #[must_use]
    pub fn with_fd(self, fd: impl UseFixed) -> Self {
        let (by, fd) = match fd.into_target() {
            Target::Fd(fd) => (CancelFlags::FD, fd.0),
            // The kernel reads the number back as unsigned.
            Target::Fixed(slot) => (CancelFlags::FD.union(CancelFlags::FD_FIXED), slot.0.cast_signed()),
        };
        let this = self.narrowed();
        Self { flags: this.flags.difference(CancelFlags::FD_FIXED).union(by), fd, ..this }
    }

    /// Only one with this opcode too. Since 6.6.
    #[must_use]
    pub const fn with_opcode(self, opcode: u8) -> Self {
        let this = self.narrowed();
        Self { flags: this.flags.union(CancelFlags::OP), opcode, ..this }
    }

    /// All that match, not the first only. [`any`](Self::any) means all of them anyway. Since 5.19.
    #[doc(alias = "IORING_ASYNC_CANCEL_ALL")]
    #[must_use]
    pub const fn all(self) -> Self {
        Self { flags: self.flags.union(CancelFlags::ALL), ..self }
    }

    /// Makes room for a key: the kernel ignores or refuses keys beside ANY, which are meant to narrow it.
    const fn narrowed(self) -> Self {
        if !self.flags.contains(CancelFlags::ANY) {
            return self;
        }
        Self { flags: self.flags.difference(CancelFlags::ANY).union(CancelFlags::ALL), ..self }
    }

    /// The flags for the kernel. Without a file or an opcode it goes by the user data unasked, and before 6.6 it does
    /// not know the flag that asks for it.
    #[must_use]
    pub(crate) const fn flags(self) -> CancelFlags {
        let others = CancelFlags::FD.union(CancelFlags::OP);
        if self.user_data.is_some() && self.flags.intersects(others) {
            self.flags.union(CancelFlags::USERDATA)
        } else {
            self.flags
        }
    }

    /// The user data, file and opcode for the kernel, where there is one of each.
    #[must_use]
    pub(crate) const fn keys(self) -> (u64, RawFd, u8) {
        let user_data = match self.user_data {
            Some(user_data) => user_data,
            None => 0,
        };
        (user_data, self.fd, self.opcode)
    }

    /// The argument of a cancellation that waits as long as `timeout`.
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

/// Cancels all that is in flight, without waiting. A failure leaves nothing to be done: either the kernel is older than
/// 6.0, or nothing was there to be cancelled.
pub(crate) fn cancel_everything<K: Kernel>(core: &Core<K>) {
    let _ = sync_cancel(Timespec::ZERO, CancelBuilder::any().all(), |argument| {
        // SAFETY: the argument is the operation's own, alive, and read during the call only.
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
