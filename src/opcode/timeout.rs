//! Timeouts.

use crate::flags::TimeoutFlags;
use crate::squeue::Entry;
use crate::types::Timespec;
use crate::types::address;
use crate::uapi::io_uring_op::{IORING_OP_LINK_TIMEOUT, IORING_OP_TIMEOUT, IORING_OP_TIMEOUT_REMOVE};

/// Defines `flags`, which say how the time is meant; each opcode documents the flags that it takes.
macro_rules! flags {
    ($(#[$doc:meta])+ $name:ident) => {
        impl $name {
            $(#[$doc])+
            #[inline]
            #[must_use]
            pub const fn flags(mut self, flags: TimeoutFlags) -> Self {
                self.0.op_flags |= flags.bits();
                self
            }
        }
    };
}

/// Builds an entry with a time, or with the address of one.
const fn expiring(code: u8, time: u64, flags: TimeoutFlags) -> Entry {
    let mut entry = Entry::new(code);
    entry.addr = time;
    // The kernel expects a count of one timespec, even if the time is in the entry.
    // kernel: io_uring/timeout.c __io_timeout_prep (6.12.117): a `len` other than 1 is `EINVAL`, and so is a nonzero
    // `buf_index`, `file_index` or `addr3`; the timespec is copied at submission.
    entry.len = 1;
    entry.op_flags = flags.bits();
    entry
}

/// Completes when a time has come, or when a number of other completions have come.
///
/// Since 5.4. The timespec must stay valid until the entry has been submitted.
///
/// # Completion
///
/// `ETIME`: the time has come (with `MORE`, it will come again). 0: the number of completions came first
/// ([`count`](Self::count)). `ECANCELED`: removed or cancelled. `EINVAL`: the time is negative; there are two clocks;
/// or [`MULTISHOT`](TimeoutFlags::MULTISHOT) together with [`ABS`](TimeoutFlags::ABS). `EFAULT`: the timespec cannot be
/// read.
///
/// ```
/// use bare_uring::opcode::Timeout;
/// use bare_uring::types::{TimeoutFlags, Timespec};
/// use bare_uring::Errno;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// // Three ticks, a millisecond apart; without a count, they would go on until the request is removed.
/// let span = Timespec::new(0, 1_000_000);
/// let ticks = Timeout::new(&span).flags(TimeoutFlags::MULTISHOT).count(3).build();
/// // SAFETY: the span stays until the submission.
/// unsafe { ring.submission().push(ticks)? };
/// for left in [2, 1, 0] {
///     ring.submit_and_wait(1)?;
///     let cqe = ring.completion().next().expect("waited for one");
/// #   if cqe.outcome() == Err(Errno::EINVAL) { println!("skipped: before Linux 6.4"); return Ok(()) }
///     assert_eq!((cqe.outcome(), cqe.more()), (Err(Errno::ETIME), left > 0));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_TIMEOUT")]
#[doc(alias = "io_uring_prep_timeout")]
#[repr(transparent)]
pub struct Timeout(Entry);

request!(Timeout, IORING_OP_TIMEOUT);

impl Timeout {
    /// Completes after the span at `timespec`, measured by CLOCK_MONOTONIC.
    #[inline]
    #[must_use]
    pub fn new(timespec: *const Timespec) -> Self {
        Self(expiring(Self::CODE, address(timespec), TimeoutFlags::empty()))
    }

    /// Completes after this many nanoseconds. The time is in the entry itself: refers to no memory of the caller. Since
    /// 7.1; `EINVAL` before.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_TIMEOUT_IMMEDIATE_ARG")]
    pub const fn immediate(nanoseconds: u64) -> Self {
        Self(expiring(Self::CODE, nanoseconds, TimeoutFlags::IMMEDIATE_ARG))
    }

    /// Limits the timeout to this many other completions, after which it completes with 0. With
    /// [`MULTISHOT`](TimeoutFlags::MULTISHOT) it is instead how often the time comes; 0 means without end.
    #[inline]
    #[must_use]
    pub const fn count(mut self, count: u32) -> Self {
        // kernel: io_uring/timeout.c __io_timeout_prep (6.12.117): the lower 32 bits of `off` are the number of
        // completions, or of repeats if the timeout is multishot.
        self.0.off = count as u64;
        self
    }
}

flags! {
    /// Sets the clock, whether the time is a span or a point of time, and whether it comes once or repeatedly. Adds to
    /// the flags that are set.
    Timeout
}

/// Cancels a timeout, which is found by its user data.
///
/// Since 5.5. Refers to no memory of the caller.
///
/// # Completion
///
/// 0; the timeout itself completes with `ECANCELED`. `ENOENT`: there is no such timeout, or it is a [`LinkTimeout`].
/// `EALREADY`, `EBUSY`: the timeout is just expiring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_TIMEOUT_REMOVE")]
#[doc(alias = "io_uring_prep_timeout_remove")]
#[repr(transparent)]
pub struct TimeoutRemove(Entry);

request!(TimeoutRemove, IORING_OP_TIMEOUT_REMOVE);

impl TimeoutRemove {
    /// Cancels the timeout that carries `user_data`.
    #[inline]
    #[must_use]
    pub const fn new(user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        Self(entry)
    }
}

/// Sets a new time for a running timeout, which is found by its user data.
///
/// Since 5.11. The timespec must stay valid until the entry has been submitted. The timeout keeps its clock and its
/// other flags, and forgets its [`count`](Timeout::count).
///
/// # Completion
///
/// 0: the time was changed. `ENOENT`: there is no such timeout. `EALREADY`: the timeout is just expiring. `EINVAL`: the
/// time is negative, or a flag has no meaning here. `EFAULT`: the timespec cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_TIMEOUT_REMOVE")]
#[doc(alias = "IORING_TIMEOUT_UPDATE")]
#[doc(alias = "io_uring_prep_timeout_update")]
#[repr(transparent)]
pub struct TimeoutUpdate(Entry);

request!(TimeoutUpdate, IORING_OP_TIMEOUT_REMOVE);

impl TimeoutUpdate {
    /// Makes the timeout that carries `user_data` expire when the span at `timespec` has passed from now on.
    #[inline]
    #[must_use]
    pub fn new(user_data: u64, timespec: *const Timespec) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        entry.off = address(timespec);
        // kernel: io_uring/timeout.c io_timeout_remove_prep (6.12.117): the timespec's address is read from `off`, and
        // the timespec is copied at submission; a nonzero `len`, `buf_index`, `file_index` or `addr3` is `EINVAL`.
        entry.op_flags = TimeoutFlags::UPDATE.bits();
        Self(entry)
    }

    /// Makes the timeout that carries `user_data` expire after this many nanoseconds from now on. The time is in the
    /// entry itself: refers to no memory of the caller. Since 7.1; `EINVAL` before.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_TIMEOUT_IMMEDIATE_ARG")]
    pub const fn immediate(user_data: u64, nanoseconds: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        entry.off = nanoseconds;
        entry.op_flags = TimeoutFlags::UPDATE.union(TimeoutFlags::IMMEDIATE_ARG).bits();
        Self(entry)
    }

    /// Says that the timeout is a [`LinkTimeout`]. Since 5.15.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_LINK_TIMEOUT_UPDATE")]
    pub const fn link(mut self) -> Self {
        self.0.op_flags |= TimeoutFlags::LINK_UPDATE.bits();
        self
    }
}

flags! {
    /// Sets flags. With [`TimeoutFlags::ABS`] the time is a point of time by the timeout's own clock. Adds to the flags
    /// that are set.
    TimeoutUpdate
}

/// Limits the time of the request before it, which must carry [`IO_LINK`](crate::squeue::Flags::IO_LINK).
///
/// Since 5.5. The timespec must stay valid until the entry has been submitted.
///
/// # Completion
///
/// `ETIME`: the time came, and the request was [cancelled](crate::opcode#cancelling); up to 6.18 at least, 1 instead if
/// the request is a wait for a futex or a child. `ECANCELED`: the request ended first. `EALREADY`: the time came while
/// the request was running in a worker, which got a signal. `ENOENT`: the time came while a device had the request.
/// `EINVAL`: no request is linked before it; the time is negative; or a flag has no meaning here. `EFAULT`: the
/// timespec cannot be read.
///
/// A link timeout cannot be cancelled by itself: it ends with its request. (An [`AsyncCancel`](super::AsyncCancel) or a
/// [`TimeoutRemove`] that names it finds nothing, up to 6.18 at least.)
///
/// ```
/// use std::os::fd::AsRawFd;
/// use std::os::unix::net::UnixStream;
///
/// use bare_uring::opcode::{LinkTimeout, Recv};
/// use bare_uring::squeue::Flags;
/// use bare_uring::types::{Fd, Timespec};
/// use bare_uring::Errno;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// let (socket, _peer) = UnixStream::pair()?;
/// let mut buffer = [0; 64];
/// let limit = Timespec::new(0, 10_000_000);
/// let receive = Recv::new(Fd(socket.as_raw_fd()), buffer.as_mut_ptr(), 64).build().user_data(1);
/// let timeout = LinkTimeout::new(&limit).build().user_data(2);
/// // SAFETY: the span stays until the submission, the buffer until the receive's completion. Both are pushed
/// // together, so that nothing comes between the request and its limit.
/// unsafe { ring.submission().push_multiple(&[receive.flags(Flags::IO_LINK), timeout]).expect("there is room") };
/// ring.submit_and_wait(2)?;
/// let mut seen = [(0, Ok(0)); 2];
/// for (seen, cqe) in seen.iter_mut().zip(ring.completion()) {
///     *seen = (cqe.user_data(), cqe.outcome());
/// }
/// seen.sort_by_key(|&(user_data, _)| user_data);
/// # if seen.contains(&(1, Err(Errno::EINVAL))) { println!("skipped: before Linux 5.6"); return Ok(()) }
/// assert_eq!(seen, [(1, Err(Errno::ECANCELED)), (2, Err(Errno::ETIME))]);
/// # Ok(())
/// # }
/// ```
// kernel: io_uring/timeout.c __io_timeout_prep (6.12.117): the timeout belongs to the request just before it in the
// same chain; without a chain, or behind another link timeout, it is `EINVAL`.
// kernel: io_uring/timeout.c io_req_task_link_timeout (6.12.117): the result is what the cancellation of the request
// said, or `ETIME` if that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_LINK_TIMEOUT")]
#[doc(alias = "io_uring_prep_link_timeout")]
#[repr(transparent)]
pub struct LinkTimeout(Entry);

request!(LinkTimeout, IORING_OP_LINK_TIMEOUT);

impl LinkTimeout {
    /// Limits the request to the span at `timespec`, from the request's start, measured by CLOCK_MONOTONIC.
    #[inline]
    #[must_use]
    pub fn new(timespec: *const Timespec) -> Self {
        Self(expiring(Self::CODE, address(timespec), TimeoutFlags::empty()))
    }

    /// Limits the request to this many nanoseconds. The time is in the entry itself: refers to no memory of the caller.
    /// Since 7.1; `EINVAL` before.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_TIMEOUT_IMMEDIATE_ARG")]
    pub const fn immediate(nanoseconds: u64) -> Self {
        Self(expiring(Self::CODE, nanoseconds, TimeoutFlags::IMMEDIATE_ARG))
    }
}

flags! {
    /// Sets the clock, and whether the time is a span or a point of time. Adds to the flags that are set.
    LinkTimeout
}
