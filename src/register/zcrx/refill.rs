//! The refill ring: gives chunks of an area back to the kernel.

use core::fmt;
use core::mem::{offset_of, size_of};
use core::ptr::NonNull;

use super::{Chunk, Instance};
use crate::arch::CACHE_LINE;
use crate::error::{Call, Errno, SetupError};
use crate::index::Slots;
use crate::kernel::{DefaultKernel, Kernel};
use crate::submitter::Submitter;
use crate::sync::{self, AtomicU32, Ordering};
use crate::uapi::io_uring_zcrx_rqe;

/// The only producer of an instance's refill ring. No system call is needed: the kernel looks when it is short of
/// buffers.
///
/// From [`map_refill_ring`](Submitter::map_refill_ring) it owns its mapping, with the kernel that unmaps it, and drop does so.
/// Such a mapping holds the ring: while it lives, the ring and what is in flight on it are not released, though its descriptor
/// be closed. Drop it before the ring, or soon after. Over memory of the caller's ([`new`](RefillRing::new)) it owns nothing,
/// and drop does nothing.
///
/// # Invariants
///
/// - If there is a `mapping`, this kernel has mapped it, and nobody else unmaps it.
#[doc(alias = "io_uring_zcrx_rq")]
pub struct RefillRing<K: Kernel = DefaultKernel> {
    queue: Queue,
    mapping: Option<(K, NonNull<[u8]>)>,
}

// SAFETY: the shared words are atomics, and the entries are written through `&mut self` only; only the kernel may be bound
// to a thread.
unsafe impl<K: Kernel + Send> Send for RefillRing<K> {}

/// Where a refill ring is, and how far it is filled.
///
/// # Invariants
///
/// - `head`, `tail` and the `slots.count()` entries from `entries` on lie within memory that is valid for the life of
///   the value, aligned, and apart from each other. Nobody changes the fields but `next`, which is the tail.
/// - `head` is written by the kernel; `tail` and the entries by this value alone. The kernel reads the entries between
///   head and tail.
struct Queue {
    head: NonNull<AtomicU32>,
    tail: NonNull<AtomicU32>,
    entries: NonNull<io_uring_zcrx_rqe>,
    slots: Slots,
    next: u32,
}

impl<K: Kernel> fmt::Debug for RefillRing<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mapped = self.mapping.is_some();
        f.debug_struct("RefillRing")
            .field("entries", &self.queue.slots.count())
            .field("mapped", &mapped)
            .finish_non_exhaustive()
    }
}

impl<K: Kernel> Drop for RefillRing<K> {
    fn drop(&mut self) {
        if let Some((kernel, memory)) = &self.mapping {
            // SAFETY: the mapping is this value's own, made by the same kernel, and gone with it. A failure leaves
            // nothing to be done.
            let _ = unsafe { kernel.unmap(memory.cast(), memory.len()) };
        }
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Maps the refill ring of an instance that was registered [with memory of the kernel's](super::Ifq::with_kernel_memory).
    /// The value owns the mapping.
    ///
    /// # Errors
    ///
    /// [`SetupError::Kernel`] from mapping: `EINVAL`, before the kernel is asked: the memory is the caller's. `EBADF`: the ring
    /// has no descriptor to map. `ENOSYS`, `ENOMEM`. [`SetupError::Garbled`] as [`RefillRing::new`].
    ///
    /// # Safety
    ///
    /// - `instance` is one of this ring's, as [`register_ifq`](Self::register_ifq) gave it.
    /// - There is no other refill ring of that instance.
    pub unsafe fn map_refill_ring(&self, instance: &Instance) -> Result<RefillRing<K>, SetupError>
    where
        K: Clone,
    {
        let failed = |errno| SetupError::Kernel(Call::Map, errno);
        // What is not the kernel's has no offset; at 0 lies the submission ring.
        if instance.map_offset == 0 {
            return Err(failed(Errno::EINVAL));
        }
        let length = usize::try_from(instance.size).map_err(|_| SetupError::Garbled)?;
        // The clone maps, so that it is the one to unmap.
        let kernel = self.core.kernel.clone();
        let start = kernel.map(length, self.core.fd, instance.map_offset).map_err(failed)?;
        let memory = NonNull::slice_from_raw_parts(start, length);
        // SAFETY: mapped just now, and valid until the value is dropped; the caller answers for what it is.
        match unsafe { Queue::find(instance, memory) } {
            Ok(queue) => Ok(RefillRing { queue, mapping: Some((kernel, memory)) }),
            Err(error) => {
                // SAFETY: the mapping was made just now, and nothing refers to it.
                let _ = unsafe { kernel.unmap(start, length) };
                Err(error)
            }
        }
    }
}

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

    /// Finds the ring in the memory of the caller's that was registered for it. (What the kernel provides
    /// [`map_refill_ring`](Submitter::map_refill_ring) maps.)
    ///
    /// # Errors
    ///
    /// [`SetupError::Garbled`] if what the kernel reported does not lie within the memory, is not aligned, or overlaps.
    ///
    /// # Safety
    ///
    /// - `instance` is what [`register_ifq`](Submitter::register_ifq) gave for this memory, which is valid for reads and writes
    ///   for the life of the value.
    /// - There is no other refill ring over it, and nobody but the kernel uses it.
    pub unsafe fn new(instance: &Instance, memory: NonNull<[u8]>) -> Result<Self, SetupError> {
        // SAFETY: the caller's contract is the same.
        Ok(Self { queue: unsafe { Queue::find(instance, memory) }?, mapping: None })
    }
}

impl<K: Kernel> RefillRing<K> {
    /// How many chunks it has room for.
    #[must_use]
    pub fn free(&self) -> usize {
        // SAFETY: the type's invariant.
        let head = unsafe { self.queue.head.as_ref() };
        // Acquire: pairs with the kernel's release of the head (`io_zcrx_ring_refill()`); it has read the entries before
        // that, and so we may write over them.
        self.queue.slots.free(head.load(Ordering::Acquire), self.queue.next) as usize
    }

    /// Gives chunks back, as many as there is room for, and tells the kernel once. How many it took: the others are
    /// still the caller's. A chunk that was given back must not be read any more.
    ///
    /// A chunk that is given back twice is passed over by the kernel.
    pub fn refill(&mut self, chunks: &[Chunk]) -> usize {
        let taken = chunks.get(..self.free()).unwrap_or(chunks);
        let mut next = self.queue.next;
        for chunk in taken {
            let entry = io_uring_zcrx_rqe { off: chunk.offset | chunk.area, len: chunk.length, __pad: 0 };
            // SAFETY: the slot's number is below the number of entries, all of which lie within the memory.
            let slot = unsafe { self.queue.entries.add(self.queue.slots.slot(next) as usize) };
            // SAFETY: the slot is free, so that the kernel does not read it, and nobody else writes to it.
            unsafe { sync::write(slot, entry) };
            next = next.wrapping_add(1);
        }
        if next != self.queue.next {
            self.queue.next = next;
            // SAFETY: the type's invariant.
            // Release: pairs with the kernel's acquire of the tail; the entries are written before it is visible.
            unsafe { self.queue.tail.as_ref() }.store(next, Ordering::Release);
        }
        taken.len()
    }
}

impl Queue {
    /// Finds everything in the memory.
    ///
    /// # Safety
    ///
    /// As [`RefillRing::new`].
    unsafe fn find(instance: &Instance, memory: NonNull<[u8]>) -> Result<Self, SetupError> {
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
}

const _: () = {
    assert!(offset_of!(io_uring_zcrx_rqe, len) == 8);
    assert!(align_of::<io_uring_zcrx_rqe>() <= 8);
};

#[cfg(all(test, loom))]
#[path = "refill_models.rs"]
mod models;
