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

impl Timeout {
    /// The opcode's number.
    pub const CODE: u8 = IORING_OP_TIMEOUT as u8;

    /// Completes after the span at `timespec`, by CLOCK_MONOTONIC.
    #[inline]
    #[must_use]
    pub fn new(timespec: *const Timespec) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = address(timespec);
        entry.len = 1;
        Self(entry)
    }

    /// The same, with the timespec in the last 16 bytes of the entry itself, whose address in the ring is `place`: no
    /// memory but the ring's needs to stay. Kernels that can wait with a timeout themselves may refuse such bytes.
    pub(crate) const fn inline(timespec: Timespec, place: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = place;
        entry.len = 1;
        entry.addr3 = timespec.seconds().cast_unsigned();
        entry.optval = timespec.nanoseconds().cast_unsigned();
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

    /// The entry to push.
    #[inline]
    #[must_use]
    pub const fn build(self) -> Entry {
        self.0
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

impl TimeoutRemove {
    /// The opcode's number.
    pub const CODE: u8 = IORING_OP_TIMEOUT_REMOVE as u8;

    /// Ends the timeout that carries `user_data`.
    #[inline]
    #[must_use]
    pub const fn new(user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        Self(entry)
    }

    /// The entry to push.
    #[inline]
    #[must_use]
    pub const fn build(self) -> Entry {
        self.0
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

impl LinkTimeout {
    /// The opcode's number.
    pub const CODE: u8 = IORING_OP_LINK_TIMEOUT as u8;

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

    /// The entry to push.
    #[inline]
    #[must_use]
    pub const fn build(self) -> Entry {
        self.0
    }
}
