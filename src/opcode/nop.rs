//! Doing nothing.

use crate::flags::NopFlags;
use crate::squeue::Entry;
use crate::types::Timespec;
use crate::uapi::io_uring_op::IORING_OP_NOP;

/// Does nothing, and completes with 0. For measuring, and for waking whoever waits.
///
/// Since 5.1. Points to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_NOP")]
#[doc(alias = "io_uring_prep_nop")]
#[repr(transparent)]
pub struct Nop(Entry);

request!(Nop, IORING_OP_NOP);

impl Nop {
    /// A request that does nothing.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self(Entry::new(Self::CODE))
    }

    /// Completes with this result instead of 0. Since 6.10; `EINVAL` before.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_NOP_INJECT_RESULT")]
    pub const fn result(mut self, result: i32) -> Self {
        self.0.op_flags |= NopFlags::INJECT_RESULT.bits();
        self.0.len = result.cast_unsigned();
        self
    }

    /// A request that only keeps a timespec in the ring's memory, [`TIMESPEC`](Self::TIMESPEC) bytes into its entry.
    pub(crate) const fn carrying(timespec: Timespec) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.off = timespec.seconds().cast_unsigned();
        entry.addr = timespec.nanoseconds().cast_unsigned();
        Self(entry)
    }

    /// Where [`carrying`](Self::carrying) keeps the timespec: in two fields that follow each other.
    pub(crate) const TIMESPEC: usize = core::mem::offset_of!(Entry, off);
}

impl Default for Nop {
    fn default() -> Self {
        Self::new()
    }
}
