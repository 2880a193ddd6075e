//! The refill ring: gives chunks of an area back to the kernel.

use core::mem::{offset_of, size_of};
use core::ptr::NonNull;

use super::{Chunk, Instance};
use crate::arch::CACHE_LINE;
use crate::error::SetupError;
use crate::index::Slots;
use crate::sync::{self, AtomicU32, Ordering};
use crate::uapi::io_uring_zcrx_rqe;

/// The only producer of an instance's refill ring. No system call is needed: the kernel looks when it is short of
/// buffers.
///
/// # Invariants
///
/// - `head`, `tail` and the `slots.count()` entries from `entries` on lie within memory that is valid for the life of
///   the value, aligned, and apart from each other. Nobody changes the fields but `next`, which is the tail.
/// - `head` is written by the kernel; `tail` and the entries by this value alone. The kernel reads the entries between
///   head and tail.
#[derive(Debug)]
#[doc(alias = "io_uring_zcrx_rq")]
pub struct RefillRing {
    head: NonNull<AtomicU32>,
    tail: NonNull<AtomicU32>,
    entries: NonNull<io_uring_zcrx_rqe>,
    slots: Slots,
    next: u32,
}

// SAFETY: the shared words are atomics, and the entries are written through `&mut self` only.
unsafe impl Send for RefillRing {}

impl RefillRing {
    /// How many bytes the memory of a ring of `entries` needs (rounded up to a power of two, as the kernel does), before
    /// rounding up to whole pages. `header` is what the kernel says of it
    /// ([`rq_hdr_size`](crate::uapi::io_uring_query_zcrx), since 6.19); `None` for what kernels used before. `None` if
    /// it does not fit in an address.
    #[must_use]
    pub const fn memory_size(entries: u32, header: Option<usize>) -> Option<usize> {
        let header = match header {
            Some(size) => size,
            None => CACHE_LINE,
        };
        let Some(entries) = entries.checked_next_power_of_two() else { return None };
        match (entries as usize).checked_mul(size_of::<io_uring_zcrx_rqe>()) {
            Some(size) => size.checked_add(header),
            None => None,
        }
    }

    /// Finds the ring in its memory: the memory that was registered, or that which was mapped for it.
    ///
    /// # Errors
    ///
    /// [`SetupError::Garbled`] if what the kernel reported does not lie within the memory, is not aligned, or overlaps.
    ///
    /// # Safety
    ///
    /// - The memory is valid for reads and writes for the life of the value, and is that of `instance`.
    /// - There is no other refill ring over it, and nobody but the kernel uses it.
    pub unsafe fn new(instance: &Instance, memory: NonNull<[u8]>) -> Result<Self, SetupError> {
        const WORD: usize = size_of::<u32>();
        let slots = Slots::new(instance.entries).ok_or(SetupError::Garbled)?;
        let offsets = &instance.offsets;
        let [head, tail, entries] = [offsets.head, offsets.tail, offsets.rqes].map(|offset| offset as usize);
        let size = (slots.count() as usize).checked_mul(size_of::<io_uring_zcrx_rqe>()).ok_or(SetupError::Garbled)?;
        let fits = |start: usize, size: usize, align: usize| {
            start.is_multiple_of(align) && start.checked_add(size).is_some_and(|end| end <= memory.len())
        };
        let start = memory.cast::<u8>();
        let inside = fits(head, WORD, WORD) && fits(tail, WORD, WORD) && fits(entries, size, 8);
        if !start.addr().get().is_multiple_of(8) || !inside {
            return Err(SetupError::Garbled);
        }
        // None of these sums can overflow: all of it lies within the memory.
        let among_entries = |word: usize| word + WORD > entries && word < entries + size;
        if head == tail || among_entries(head) || among_entries(tail) {
            return Err(SetupError::Garbled);
        }
        // SAFETY: each offset is within the memory, which the caller promises to be valid.
        let at = |offset: usize| unsafe { start.add(offset) };
        let tail = at(tail).cast::<AtomicU32>();
        // SAFETY: the tail lies within the memory, is aligned, and is used as an atomic only.
        let next = unsafe { tail.as_ref() }.load(Ordering::Relaxed);
        Ok(Self { head: at(head).cast(), tail, entries: at(entries).cast(), slots, next })
    }

    /// How many chunks it has room for.
    #[must_use]
    pub fn free(&self) -> usize {
        // SAFETY: the type's invariant.
        let head = unsafe { self.head.as_ref() };
        // Acquire: pairs with the kernel's release of the head (`io_zcrx_ring_refill()`); it has read the entries before
        // that, and so we may write over them.
        self.slots.free(head.load(Ordering::Acquire), self.next) as usize
    }

    /// Gives chunks back, as many as there is room for, and tells the kernel once. How many it took: the others are
    /// still the caller's. A chunk that was given back must not be read any more.
    ///
    /// A chunk that is given back twice is passed over by the kernel.
    pub fn refill(&mut self, chunks: &[Chunk]) -> usize {
        let taken = chunks.get(..self.free()).unwrap_or(chunks);
        let mut next = self.next;
        for chunk in taken {
            let entry = io_uring_zcrx_rqe { off: chunk.offset | chunk.area, len: chunk.length, __pad: 0 };
            // SAFETY: the slot's number is below the number of entries, all of which lie within the memory.
            let slot = unsafe { self.entries.add(self.slots.slot(next) as usize) };
            // SAFETY: the slot is free, so that the kernel does not read it, and nobody else writes to it.
            unsafe { sync::write(slot, entry) };
            next = next.wrapping_add(1);
        }
        if next != self.next {
            self.next = next;
            // SAFETY: the type's invariant.
            // Release: pairs with the kernel's acquire of the tail; the entries are written before it is visible.
            unsafe { self.tail.as_ref() }.store(next, Ordering::Release);
        }
        taken.len()
    }
}

const _: () = {
    assert!(offset_of!(io_uring_zcrx_rqe, len) == 8);
    assert!(align_of::<io_uring_zcrx_rqe>() <= 8);
};

#[cfg(all(test, loom))]
#[path = "refill_models.rs"]
mod models;
