//! How large a ring and its parts are, computed before the ring is made.

use super::WORD;
use crate::flags::SetupFlags;

/// The bytes that a ring in provided memory needs, for each of its two areas.
///
/// From [`Builder::memory_size`](crate::Builder::memory_size).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemorySize {
    /// For the header (heads, tails, flags), the CQEs and the index array.
    pub rings: usize,
    /// For the SQEs.
    pub sqes: usize,
}

/// The header of a ring in provided memory, whose size no offset reports before the ring is made (`io_uring_query_scq`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes before the CQEs.
    pub(crate) size: usize,
    /// The length before the index array is a multiple of this.
    pub(crate) align: usize,
}

impl Header {
    /// The header of kernels for this architecture: one cache line.
    pub(crate) const USUAL: Self = Self { size: crate::arch::CACHE_LINE, align: crate::arch::CACHE_LINE };

    /// The header of Linux 6.5, where each head and tail still has a cache line of its own.
    pub(crate) const LINUX_6_5: Self = Self { size: 5 * crate::arch::CACHE_LINE, align: crate::arch::CACHE_LINE };
}

/// The size of one entry of each queue, as the set-up flags say.
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
    /// Computes the size as the kernel does, which for 32-byte CQEs doubles the header too. `None` if the size does not fit in
    /// an address.
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

/// Computes where the index array starts: after the header and the CQEs, rounded up.
pub(crate) const fn until_array(setup: SetupFlags, cq: u32, header: Header) -> Option<usize> {
    let Some(rings) = plus_product(header.size, cq, 16) else { return None };
    let doubled = if setup.contains(SetupFlags::CQE32) { rings.checked_mul(2) } else { Some(rings) };
    match doubled {
        Some(rings) => rings.checked_next_multiple_of(header.align),
        None => None,
    }
}
