//! What set-up may combine, and how much memory it takes: pure functions of what was asked.
#![forbid(unsafe_code)]

use super::{Builder, MAX_CQ_ENTRIES, MAX_ENTRIES};
use crate::error::SetupError;
use crate::flags::SetupFlags;
use crate::memory::{Header, MemorySize};
use crate::{cqueue, squeue};

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> Builder<S, C> {
    /// Computes how much memory this ring takes if it is provided ([`build_provided`](Self::build_provided)). The size is
    /// enough with and without an index array, so that both can be tried.
    ///
    /// In a `const`, it gives the size of a `static`:
    ///
    /// ```
    /// use bare_uring::{Builder, MemorySize, cqueue, squeue};
    ///
    /// const SIZE: MemorySize = match Builder::<squeue::Entry, cqueue::Entry>::new().memory_size(64) {
    ///     Ok(size) => size,
    ///     Err(_) => panic!("64 entries are no ring"),
    /// };
    /// assert_eq!(SIZE.sqes, 64 * 64);
    /// ```
    ///
    /// The size counts one cache line for the ring's header, as kernels for this architecture have it. When the ring is made, the
    /// kernel is asked for the size of its header (`IORING_REGISTER_QUERY`, since 6.19), and its answer counts.
    ///
    /// # Errors
    ///
    /// [`SetupError`] names the size or the combination of flags of which no ring can be made.
    #[doc(alias = "io_uring_memory_size")]
    #[doc(alias = "io_uring_memory_size_params")]
    pub const fn memory_size(&self, entries: u32) -> Result<MemorySize, SetupError> {
        self.memory_size_with(entries, Header::USUAL)
    }

    pub(super) const fn memory_size_with(&self, entries: u32, header: Header) -> Result<MemorySize, SetupError> {
        let (sq, cq) = match self.check(entries) {
            Ok(sizes) => sizes,
            Err(error) => return Err(error),
        };
        match MemorySize::compute(self.flags, sq, cq, header) {
            Some(size) => Ok(size),
            None => Err(SetupError::Garbled),
        }
    }

    /// Checks what the kernel would refuse, and returns the sizes of both queues. Inlined, so that nothing is left to check at
    /// run time if sizes and flags are constants.
    #[inline(always)]
    pub(super) const fn check(&self, entries: u32) -> Result<(u32, u32), SetupError> {
        if let Some(error) = refused_combination(self.flags, S::SETUP.union(C::SETUP)) {
            return Err(error);
        }
        let sq = match round_up(entries, MAX_ENTRIES, self.flags) {
            Ok(sq) => sq,
            Err(error) => return Err(error),
        };
        let cq = if self.flags.contains(SetupFlags::CQSIZE) {
            match round_up(self.cq_entries, MAX_CQ_ENTRIES, self.flags) {
                Ok(cq) => cq,
                Err(error) => return Err(error),
            }
        } else {
            2 * sq
        };
        // kernel: io_uring/io_uring.c io_uring_fill_params (7.3): a completion queue below the submission queue is EINVAL;
        // without CQSIZE it has twice the slots.
        if cq < sq {
            return Err(SetupError::CqSmallerThanSq { sq, cq });
        }
        // A large entry may need a filler before its two slots, which a ring of two could never hold.
        // kernel: io_uring/io_uring.c rings_size (7.3): a mixed queue of fewer than two slots is EOVERFLOW.
        if self.flags.contains(SetupFlags::SQE_MIXED) && sq < 4 || self.flags.contains(SetupFlags::CQE_MIXED) && cq < 2
        {
            return Err(SetupError::TooFewForMixed);
        }
        Ok((sq, cq))
    }
}

/// Rounds a size up to a power of two.
// kernel: io_uring/io_uring.c io_uring_fill_params (7.3): 0 is EINVAL, and so is a size above the limit unless the ring has
// CLAMP, which cuts it to the limit. Other sizes are rounded up to a power of two.
#[inline(always)]
const fn round_up(entries: u32, limit: u32, flags: SetupFlags) -> Result<u32, SetupError> {
    if entries == 0 {
        Err(SetupError::NoEntries)
    } else if entries <= limit {
        Ok(entries.next_power_of_two())
    } else if flags.contains(SetupFlags::CLAMP) {
        Ok(limit)
    } else {
        Err(SetupError::TooManyEntries { entries, limit })
    }
}

/// Returns an error for the first rule that a combination of flags breaks.
// kernel: io_uring/io_uring.c io_uring_sanitise_params (7.3): the conflicts and needs below are EINVAL, but for SQ_AFF.
// kernel: io_uring/sqpoll.c io_sq_offload_create (7.3): SQ_AFF without SQPOLL is EINVAL.
// kernel: io_uring/io_uring.c io_uring_create (6.12.117): the conflicts of SQPOLL with the flags of task work, and what
// DEFER_TASKRUN and TASKRUN_FLAG need, are EINVAL there too.
#[inline(always)]
pub(super) const fn refused_combination(flags: SetupFlags, of_entries: SetupFlags) -> Option<SetupError> {
    // The entry types alone are never refused.
    if flags.bits() == of_entries.bits() { None } else { refused_by_hand(flags, of_entries) }
}

const fn refused_by_hand(flags: SetupFlags, of_entries: SetupFlags) -> Option<SetupError> {
    use SetupFlags as F;

    const LAYOUT: SetupFlags = F::SQE128.union(F::CQE32).union(F::CQE_MIXED).union(F::SQE_MIXED);
    const NOT_BY_HAND: SetupFlags = LAYOUT.union(F::NO_MMAP).union(F::REGISTERED_FD_ONLY);
    const CONFLICTS: &[(SetupFlags, SetupFlags)] = &[
        (F::SQPOLL, F::COOP_TASKRUN),
        (F::SQPOLL, F::TASKRUN_FLAG),
        (F::SQPOLL, F::DEFER_TASKRUN),
        (F::SQPOLL, F::SQ_REWIND),
    ];
    const NEEDS: &[(SetupFlags, SetupFlags)] = &[
        (F::SQ_AFF, F::SQPOLL),
        (F::HYBRID_IOPOLL, F::IOPOLL),
        (F::DEFER_TASKRUN, F::SINGLE_ISSUER),
        (F::TASKRUN_FLAG, F::COOP_TASKRUN.union(F::DEFER_TASKRUN)),
        (F::SQ_REWIND, F::NO_SQARRAY),
    ];

    let by_hand = flags.difference(of_entries).intersection(NOT_BY_HAND);
    if !by_hand.is_empty() {
        return Some(SetupError::NotByHand(by_hand));
    }
    let mut i = 0;
    while i < CONFLICTS.len() {
        let (a, b) = CONFLICTS[i];
        if flags.contains(a) && flags.contains(b) {
            return Some(SetupError::Conflict(a, b));
        }
        i += 1;
    }
    let mut i = 0;
    while i < NEEDS.len() {
        let (flag, needed) = NEEDS[i];
        if flags.contains(flag) && !flags.intersects(needed) {
            return Some(SetupError::Needs(flag, needed));
        }
        i += 1;
    }
    None
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
