//! Time.

use super::address;
use crate::flags::TimeoutFlags;
use crate::squeue::Entry;
use crate::types::Timespec;
use crate::uapi::io_uring_op::{IORING_OP_LINK_TIMEOUT, IORING_OP_TIMEOUT, IORING_OP_TIMEOUT_REMOVE};

/// Completes when a time has come, or when so many completions have.
///
/// Since 5.4. The timespec must stay valid until the entry was submitted.
///
/// # Completion
///
/// `ETIME`: the time has come. 0: so many completions came before ([`count`](Self::count)). `ECANCELED`: removed or
/// cancelled. `EINVAL`: a negative timespec, or 1,000,000,000 nanoseconds and more.
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
        let mut entry = Entry::new(Self::CODE);
        entry.addr = address(timespec);
        entry.len = 1;
        Self(entry)
    }

    /// Also completes, with 0, when this many other completions have come since.
    #[inline]
    #[must_use]
    pub const fn count(mut self, count: u32) -> Self {
        self.0.off = count as u64;
        self
    }

    /// Which clock, span or point of time, once or again and again.
    #[inline]
    #[must_use]
    pub const fn flags(mut self, flags: TimeoutFlags) -> Self {
        self.0.op_flags = flags.bits();
        self
    }
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

/// A limit for the request before it, which must carry [`IO_LINK`](crate::squeue::Flags::IO_LINK).
///
/// Since 5.5. The timespec must stay valid until the entry was submitted.
///
/// # Completion
///
/// `ETIME`: the time came, and the request was cancelled. `ECANCELED`: the request ended before. `EALREADY`: the time
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
        let mut entry = Entry::new(Self::CODE);
        entry.addr = address(timespec);
        entry.len = 1;
        Self(entry)
    }

    /// Which clock, span or point of time.
    #[inline]
    #[must_use]
    pub const fn flags(mut self, flags: TimeoutFlags) -> Self {
        self.0.op_flags = flags.bits();
        self
    }
}
