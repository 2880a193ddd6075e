//! Time.

use crate::flags::TimeoutFlags;
use crate::squeue::Entry;
use crate::types::Timespec;
use crate::types::address;
use crate::uapi::io_uring_op::{IORING_OP_LINK_TIMEOUT, IORING_OP_TIMEOUT, IORING_OP_TIMEOUT_REMOVE};

/// How the time is meant; which flags have a meaning differs.
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

/// A time, or where it stands.
const fn expiring(code: u8, time: u64, flags: TimeoutFlags) -> Entry {
    let mut entry = Entry::new(code);
    entry.addr = time;
    // The kernel wants one timespec, also where there is none.
    entry.len = 1;
    entry.op_flags = flags.bits();
    entry
}

/// Completes when a time has come, or when so many completions have.
///
/// Since 5.4. The timespec must stay valid until the entry was submitted.
///
/// # Completion
///
/// `ETIME`: the time has come (with `MORE`, and it comes again). 0: so many completions came before
/// ([`count`](Self::count)). `ECANCELED`: removed or cancelled. `EINVAL`: a negative time; two clocks, or
/// [`MULTISHOT`](TimeoutFlags::MULTISHOT) with [`ABS`](TimeoutFlags::ABS). `EFAULT`: the timespec can't be read.
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
/// // Three ticks, a millisecond apart; without a count, they would come until the request is removed.
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
    /// Completes after the span at `timespec`, by CLOCK_MONOTONIC.
    #[inline]
    #[must_use]
    pub fn new(timespec: *const Timespec) -> Self {
        Self(expiring(Self::CODE, address(timespec), TimeoutFlags::empty()))
    }

    /// Completes after so many nanoseconds, which stand in the entry itself: points to nothing. Since 7.1; `EINVAL`
    /// before.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_TIMEOUT_IMMEDIATE_ARG")]
    pub const fn immediate(nanoseconds: u64) -> Self {
        Self(expiring(Self::CODE, nanoseconds, TimeoutFlags::IMMEDIATE_ARG))
    }

    /// Also completes, with 0, when this many other completions have come since. With
    /// [`MULTISHOT`](TimeoutFlags::MULTISHOT): how often the time comes; 0 is without end.
    #[inline]
    #[must_use]
    pub const fn count(mut self, count: u32) -> Self {
        self.0.off = count as u64;
        self
    }
}

flags! {
    /// Which clock, span or point of time, once or again and again; added to what is set.
    Timeout
}

/// Ends a timeout, found by its user data.
///
/// Since 5.5. Points to nothing.
///
/// # Completion
///
/// 0; the timeout itself completes with `ECANCELED`. `ENOENT`: there is no such timeout, or it is a [`LinkTimeout`].
/// `EALREADY`, `EBUSY`: it is just expiring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_TIMEOUT_REMOVE")]
#[doc(alias = "io_uring_prep_timeout_remove")]
#[repr(transparent)]
pub struct TimeoutRemove(Entry);

request!(TimeoutRemove, IORING_OP_TIMEOUT_REMOVE);

impl TimeoutRemove {
    /// Ends the timeout that carries `user_data`.
    #[inline]
    #[must_use]
    pub const fn new(user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        Self(entry)
    }
}

/// Gives a running timeout, found by its user data, another time.
///
/// Since 5.11. The timespec must stay valid until the entry was submitted. The timeout keeps its clock and its other
/// flags, and forgets its [`count`](Timeout::count).
///
/// # Completion
///
/// 0: changed. `ENOENT`: there is no such timeout. `EALREADY`: it is just expiring. `EINVAL`: a negative time, or a
/// flag that has no meaning here. `EFAULT`: the timespec can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_TIMEOUT_REMOVE")]
#[doc(alias = "IORING_TIMEOUT_UPDATE")]
#[doc(alias = "io_uring_prep_timeout_update")]
#[repr(transparent)]
pub struct TimeoutUpdate(Entry);

request!(TimeoutUpdate, IORING_OP_TIMEOUT_REMOVE);

impl TimeoutUpdate {
    /// The timeout that carries `user_data` expires when the span at `timespec` has passed from now on.
    #[inline]
    #[must_use]
    pub fn new(user_data: u64, timespec: *const Timespec) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        entry.off = address(timespec);
        entry.op_flags = TimeoutFlags::UPDATE.bits();
        Self(entry)
    }

    /// The timeout that carries `user_data` expires after so many nanoseconds from now on, which stand in the entry
    /// itself: points to nothing. Since 7.1; `EINVAL` before.
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

    /// It is a [`LinkTimeout`]. Since 5.15.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_LINK_TIMEOUT_UPDATE")]
    pub const fn link(mut self) -> Self {
        self.0.op_flags |= TimeoutFlags::LINK_UPDATE.bits();
        self
    }
}

flags! {
    /// [`TimeoutFlags::ABS`]: the time is a point of time of the timeout's own clock. Added to what is set.
    TimeoutUpdate
}

/// A limit for the request before it, which must carry [`IO_LINK`](crate::squeue::Flags::IO_LINK).
///
/// Since 5.5. The timespec must stay valid until the entry was submitted.
///
/// # Completion
///
/// `ETIME`: the time came, and the request was [cancelled](crate::opcode#cancelling); up to 6.18 at least 1 instead, if
/// that is a wait for a futex or a child. `ECANCELED`: the request ended before. `EALREADY`: the time came while the
/// request was running in a worker, which got a signal. `ENOENT`: the time came, and a device had the request.
/// `EINVAL`: no request is linked before it; a negative time, or a flag that has no meaning here. `EFAULT`: the
/// timespec can't be read.
///
/// By itself it can't be cancelled: it ends with its request. (An [`AsyncCancel`](super::AsyncCancel) or a
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
/// // SAFETY: the span stays until the submission, the buffer until the receive's completion. Both are pushed at once,
/// // so that nothing comes between the request and its limit.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_LINK_TIMEOUT")]
#[doc(alias = "io_uring_prep_link_timeout")]
#[repr(transparent)]
pub struct LinkTimeout(Entry);

request!(LinkTimeout, IORING_OP_LINK_TIMEOUT);

impl LinkTimeout {
    /// The span at `timespec`, from the start of the request before, by CLOCK_MONOTONIC.
    #[inline]
    #[must_use]
    pub fn new(timespec: *const Timespec) -> Self {
        Self(expiring(Self::CODE, address(timespec), TimeoutFlags::empty()))
    }

    /// So many nanoseconds, which stand in the entry itself: points to nothing. Since 7.1; `EINVAL` before.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_TIMEOUT_IMMEDIATE_ARG")]
    pub const fn immediate(nanoseconds: u64) -> Self {
        Self(expiring(Self::CODE, nanoseconds, TimeoutFlags::IMMEDIATE_ARG))
    }
}

flags! {
    /// Which clock, span or point of time; added to what is set.
    LinkTimeout
}
