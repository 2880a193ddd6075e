//! Time.

use super::address;
use crate::flags::TimeoutFlags;
use crate::squeue::Entry;
use crate::types::Timespec;
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
/// 0; the timeout itself completes with `ECANCELED`. `ENOENT`: there is no such timeout. `EALREADY`, `EBUSY`: it is
/// just expiring.
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
/// 0: changed. `ENOENT`: there is no such timeout. `EALREADY`: it is just expiring. `EINVAL`: a negative time, or a flag
/// that has no meaning here. `EFAULT`: the timespec can't be read.
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
/// `ETIME`: the time came, and the request was cancelled; up to 6.18 at least 1 instead, if that is a wait for a futex or
/// a child. `ECANCELED`: the request ended before. `EALREADY`: the time
/// came while the request was running, which could not be stopped. `EINVAL`: no request is linked before it.
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
