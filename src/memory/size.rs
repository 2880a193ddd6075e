//! How large a ring and its parts are, before there is one.

use super::WORD;
use crate::flags::SetupFlags;

/// How many bytes a ring in provided memory needs, for each of its two areas.
///
/// From [`Builder::memory_size`](crate::Builder::memory_size).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemorySize {
    /// For heads, tails and flags, completion entries and index array.
    pub rings: usize,
    /// For submission entries.
    pub sqes: usize,
}

/// The head of a ring in provided memory, which no offset reports before the ring is made (`io_uring_query_scq`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes before the completion entries.
    pub(crate) size: usize,
    /// What the part before the index array is rounded up to.
    pub(crate) align: usize,
}

impl Header {
    /// What kernels for this architecture use: one cache line each.
    pub(crate) const USUAL: Self = Self { size: crate::arch::CACHE_LINE, align: crate::arch::CACHE_LINE };

    /// What Linux 6.5 uses, where each head and tail still has a cache line of its own.
    pub(crate) const LINUX_6_5: Self = Self { size: 5 * crate::arch::CACHE_LINE, align: crate::arch::CACHE_LINE };
}

/// The size of one entry of each queue, from the ring's set-up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntrySizes {
    pub(super) sqe: usize,
    pub(super) cqe: usize,
}

impl EntrySizes {
    pub(crate) const fn of(setup: SetupFlags) -> Self {
        Self {
            sqe: if setup.contains(SetupFlags::SQE128) { 128 } else { 64 },
            cqe: if setup.contains(SetupFlags::CQE32) { 32 } else { 16 },
        }
    }
}

impl MemorySize {
    /// The kernel's own computation (`rings_size()` in io_uring/io_uring.c), whose doubling for 32-byte completions
    /// takes the head along. `None` if it does not fit in an address.
    pub(crate) const fn compute(setup: SetupFlags, sq: u32, cq: u32, header: Header) -> Option<Self> {
        let rings = if setup.contains(SetupFlags::NO_SQARRAY) {
            until_array(setup, cq, Header { align: 1, ..header })
        } else {
            match until_array(setup, cq, header) {
                Some(array) => plus_product(array, sq, WORD),
                None => None,
            }
        };
        let Some(rings) = rings else { return None };
        let Some(sqes) = plus_product(0, sq, EntrySizes::of(setup).sqe) else { return None };
        Some(Self { rings, sqes })
    }
}

const fn plus_product(sum: usize, count: u32, size: usize) -> Option<usize> {
    match (count as usize).checked_mul(size) {
        Some(product) => sum.checked_add(product),
        None => None,
    }
}

/// Where the index array starts: after the head and the completions, rounded up.
pub(crate) const fn until_array(setup: SetupFlags, cq: u32, header: Header) -> Option<usize> {
    let Some(rings) = plus_product(header.size, cq, 16) else { return None };
    let doubled = if setup.contains(SetupFlags::CQE32) { rings.checked_mul(2) } else { Some(rings) };
    match doubled {
        Some(rings) => rings.checked_next_multiple_of(header.align),
        None => None,
    }
}
