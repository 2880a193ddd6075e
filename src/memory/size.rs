//! How large a ring and its parts are, computed before the ring is made.

use super::WORD;
use crate::flags::SetupFlags;

/// The bytes that a ring in provided memory needs, for each of its two areas.
///
/// Made by [`Builder::memory_size`](crate::Builder::memory_size).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemorySize {
    /// For the header (heads, tails, flags), the CQEs and the index array.
    pub rings: usize,
    /// For the SQEs.
    pub sqes: usize,
}

/// The header of a ring in provided memory (`io_uring_query_scq`). Before the ring is made, no offset reports its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes before the CQEs.
    pub(crate) size: usize,
    /// The length before the index array is a multiple of this.
    pub(crate) align: usize,
}

impl Header {
    /// The header of kernels for this architecture: one cache line.
    // kernel: include/linux/io_uring_types.h struct io_rings (6.12.117): heads, tails and all other words take 48 bytes,
    // and the CQEs start at the next cache line.
    pub(crate) const USUAL: Self = Self { size: crate::arch::CACHE_LINE, align: crate::arch::CACHE_LINE };

    /// The header of Linux 6.5, in which each head and tail has a cache line of its own.
    pub(crate) const LINUX_6_5: Self = Self { size: 5 * crate::arch::CACHE_LINE, align: crate::arch::CACHE_LINE };
}

/// The size of one entry of each queue, as the set-up flags say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntrySizes {
    pub(super) sqe: usize,
    pub(super) cqe: usize,
}

impl EntrySizes {
    /// Returns the sizes of a ring made with `setup`.
    // kernel: io_uring/io_uring.c rings_size (7.3): mixed queues have slots of the small size.
    pub(crate) const fn of(setup: SetupFlags) -> Self {
        Self {
            sqe: if setup.contains(SetupFlags::SQE128) { 128 } else { 64 },
            cqe: if setup.contains(SetupFlags::CQE32) { 32 } else { 16 },
        }
    }
}

impl MemorySize {
    /// Computes the size as the kernel does: for 32-byte CQEs the header doubles too. Returns `None` if the size does not fit in
    /// an address.
    // kernel: io_uring/io_uring.c rings_size (7.3): header and CQEs together, twice that with CQE32, rounded up to a cache
    // line on kernels for several processors; then the index array, one word for each SQE, unless NO_SQARRAY. 6.12.117
    // computes the size so too.
    #[inline]
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

/// Computes `sum + count * size`.
const fn plus_product(sum: usize, count: u32, size: usize) -> Option<usize> {
    match (count as usize).checked_mul(size) {
        Some(product) => sum.checked_add(product),
        None => None,
    }
}

/// Computes where the index array starts: behind the header and the CQEs, at the next multiple of the alignment.
#[inline]
pub(crate) const fn until_array(setup: SetupFlags, cq: u32, header: Header) -> Option<usize> {
    let Some(rings) = plus_product(header.size, cq, 16) else { return None };
    let doubled = if setup.contains(SetupFlags::CQE32) { rings.checked_mul(2) } else { Some(rings) };
    match doubled {
        Some(rings) => rings.checked_next_multiple_of(header.align),
        None => None,
    }
}
