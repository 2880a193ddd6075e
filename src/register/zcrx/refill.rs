//! The refill ring, which gives chunks of an area back to the kernel.

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

/// The only producer of an instance's refill ring. No system call is needed: the kernel reads the ring when it is short
/// of buffers.
///
/// A value from [`map_refill_ring`](Submitter::map_refill_ring) owns its mapping, and drop unmaps it. Such a mapping
/// keeps the io_uring alive: while the value lives, the io_uring and its requests in flight are not released, even
/// after its descriptor was closed. Drop the value before the io_uring, or soon after. A value over memory of the
/// caller's ([`new`](RefillRing::new)) owns nothing, and drop does nothing.
///
/// # Invariants
///
/// - If there is a `mapping`, its kernel has mapped it, and only this value unmaps it.
#[doc(alias = "io_uring_zcrx_rq")]
pub struct RefillRing<K: Kernel = DefaultKernel> {
    queue: Queue,
    mapping: Option<(K, NonNull<[u8]>)>,
}

// SAFETY: the shared words are atomics, and the entries are written through `&mut self` only. Only the `Kernel` may be
// bound to a thread.
unsafe impl<K: Kernel + Send> Send for RefillRing<K> {}

/// The places of a refill ring's parts, and its tail.
///
/// # Invariants
///
/// - `head`, `tail` and the `slots.count()` entries from `entries` on lie within memory that is valid for the life of
///   the value. They are aligned, and do not overlap. Only the field `next`, which is the tail, changes.
/// - The kernel alone writes `head`. This value alone writes `tail` and the entries. The kernel reads the entries
///   between head and tail.
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
            // SAFETY: this value owns the mapping (invariant), the same kernel made it, and nothing uses it after the
            // value. A failure leaves nothing to do.
            let _ = unsafe { kernel.unmap(memory.cast(), memory.len()) };
        }
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Maps the refill ring of an instance that was registered [with memory of the
    /// kernel's](super::Ifq::with_kernel_memory). The value owns the mapping.
    ///
    /// # Errors
    ///
    /// [`SetupError::Kernel`] if the mapping fails. `EINVAL`, before the kernel is asked: the memory is the caller's.
    /// `EBADF`: the io_uring has no descriptor to map. `ENOSYS`: the [`Kernel`] does not map. `ENOMEM`: no memory.
    /// [`SetupError::Garbled`] as in [`RefillRing::new`].
    ///
    /// # Safety
    ///
    /// - `instance` is an instance of this io_uring, as [`register_ifq`](Self::register_ifq) returned it.
    /// - There is no other refill ring of that instance.
    pub unsafe fn map_refill_ring(&self, instance: &Instance) -> Result<RefillRing<K>, SetupError>
    where
        K: Clone,
    {
        let failed = |errno| SetupError::Kernel(Call::Map, errno);
        // Memory of the caller's has no offset. Offset 0 would map the submission ring.
        // kernel: io_uring/memmap.c io_region_allocate_pages (7.3): only a region of the kernel's memory gets an
        // offset.
        if instance.map_offset == 0 {
            return Err(failed(Errno::EINVAL));
        }
        let length = usize::try_from(instance.size).map_err(|_| SetupError::Garbled)?;
        // The clone maps the memory, and later unmaps it.
        let kernel = self.core.kernel.clone();
        let start = kernel.map(length, self.core.fd, instance.map_offset).map_err(failed)?;
        let memory = NonNull::slice_from_raw_parts(start, length);
        // SAFETY: the memory was mapped just now, and is valid until the value is dropped. The caller guarantees that
        // it is the only refill ring of `instance`.
        match unsafe { Queue::find(instance, memory) } {
            Ok(queue) => Ok(RefillRing { queue, mapping: Some((kernel, memory)) }),
            Err(error) => {
                // SAFETY: the mapping was made just now, and there is no reference into it.
                let _ = unsafe { kernel.unmap(start, length) };
                Err(error)
            }
        }
    }
}

impl RefillRing {
    /// Returns how many bytes a refill ring of `entries` (rounded up to a power of two, as the kernel does) needs,
    /// before rounding up to whole pages. `header` is the size that the kernel reports
    /// ([`rq_hdr_size`](crate::uapi::io_uring_query_zcrx), since 6.19), or `None` for the size that kernels used
    /// before. The result is `None` if the size does not fit into a `usize`.
    #[must_use]
    pub const fn memory_size(entries: u32, header: Option<usize>) -> Option<usize> {
        // kernel: io_uring/zcrx.c io_fill_zcrx_offsets (7.3): the entries start at the header's size, rounded up to a
        // cache line.
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

    /// Locates the refill ring in the caller's memory that was registered for it.
    /// [`map_refill_ring`](Submitter::map_refill_ring) does this for memory of the kernel's.
    ///
    /// # Errors
    ///
    /// [`SetupError::Garbled`] if a part that the kernel reported does not lie within the memory, is not aligned, or
    /// overlaps another.
    ///
    /// # Safety
    ///
    /// - `instance` is what [`register_ifq`](Submitter::register_ifq) returned for this memory, which is valid for
    ///   reads and writes for the life of the value.
    /// - There is no other refill ring over the memory, and only the kernel uses it besides.
    #[inline]
    pub unsafe fn new(instance: &Instance, memory: NonNull<[u8]>) -> Result<Self, SetupError> {
        // SAFETY: the caller meets the conditions of `find`, since they are those of this function.
        Ok(Self { queue: unsafe { Queue::find(instance, memory) }?, mapping: None })
    }
}

impl<K: Kernel> RefillRing<K> {
    /// Returns how many chunks the ring has room for.
    #[must_use]
    pub fn free(&self) -> usize {
        // SAFETY: the head is valid, aligned, and used as an atomic only (invariant).
        let head = unsafe { self.queue.head.as_ref() };
        // kernel: io_uring/zcrx.c io_zcrx_ring_refill (7.3): stores the head with release, after it has read the
        // entries.
        // Acquire: pairs with the kernel's release of the head. The kernel has read the entries before that, so that
        // this value may overwrite them.
        self.queue.slots.free(head.load(Ordering::Acquire), self.queue.next) as usize
    }

    /// Gives chunks back, as many as there is room for, with one store of the tail, and returns how many. The other
    /// chunks still belong to the caller. A chunk that was given back must not be read any more.
    ///
    /// The kernel ignores a chunk that is given back twice.
    pub fn refill(&mut self, chunks: &[Chunk]) -> usize {
        // kernel: io_uring/zcrx.c io_zcrx_put_niov_uref (7.3): a buffer that the program does not hold is passed over.
        // kernel: io_uring/zcrx.c io_parse_rqe (7.3): the offset names the area and the buffer, the padding must be 0,
        // and the length is not read.
        let taken = chunks.get(..self.free()).unwrap_or(chunks);
        let mut next = self.queue.next;
        for chunk in taken {
            let entry = io_uring_zcrx_rqe { off: chunk.offset | chunk.area, len: chunk.length, __pad: 0 };
            // SAFETY: the slot's number is below the number of entries, all of which lie within the memory.
            let slot = unsafe { self.queue.entries.add(self.queue.slots.slot(next) as usize) };
            // SAFETY: the slot is free, so that the kernel does not read it. Only this value writes to it.
            unsafe { sync::write(slot, entry) };
            next = next.wrapping_add(1);
        }
        if next != self.queue.next {
            self.queue.next = next;
            // SAFETY: the tail is valid, aligned, and used as an atomic only (invariant).
            // kernel: io_uring/zcrx.c zcrx_rq_iter_next (7.3): loads the tail with acquire before it reads entries.
            // Release: pairs with the kernel's acquire of the tail. The entries are written before the tail is visible.
            unsafe { self.queue.tail.as_ref() }.store(next, Ordering::Release);
        }
        taken.len()
    }
}

impl Queue {
    /// Locates head, tail and entries in the memory.
    ///
    /// # Safety
    ///
    /// The conditions of [`RefillRing::new`].
    #[inline]
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
        // None of these sums can overflow, because all parts lie within the memory.
        let among_entries = |word: usize| word + WORD > entries && word < entries + size;
        if head == tail || among_entries(head) || among_entries(tail) {
            return Err(SetupError::Garbled);
        }
        // SAFETY: each offset is within the memory, which is valid by the caller's contract.
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
