//! Ring memory, mapped from the kernel or provided by the caller: the only place that turns offsets into references.
//!
//! A ring has two areas. *Rings* starts with the header (heads, tails, masks and flags of both queues); then come the CQEs, and
//! (unless `NO_SQARRAY`) an array of indices. A kernel without `FEAT_SINGLE_MMAP` maps this area as two. *Sqes* has the SQEs.
//! The kernel reports where everything lies. What it reports is checked here against the length of the memory, once, and never
//! read again.

use core::mem::{MaybeUninit, size_of};
use core::ptr::{NonNull, null, null_mut};

use crate::error::{Area, Call, SetupError};
use crate::flags::Features;
use crate::index::Slots;
use crate::kernel::Kernel;
use crate::sync::{AtomicU32, Ordering};
use crate::types::RawFd;
use crate::uapi::{IORING_OFF_CQ_RING, IORING_OFF_SQ_RING, IORING_OFF_SQES, io_uring_params};

mod apart;
mod offsets;
mod size;

use offsets::{
    CQ_CQES, CQ_FLAGS, CQ_OVERFLOW, ENTRIES, HEAD, MASK, MAY_LACK, SQ_ARRAY, SQ_DROPPED, SQ_FLAGS, TAIL, Words,
    cq_words, end_of, extent, sq_words,
};
pub use size::MemorySize;
pub(crate) use size::{EntrySizes, Header, until_array};

/// Bytes of one 32-bit word of a ring.
const WORD: usize = size_of::<u32>();

/// Returns where the entry of index `at` lies.
///
/// # Safety
///
/// `entries` are as many `T`s as `ring` has slots.
#[inline(always)]
pub(crate) unsafe fn slot<T>(entries: NonNull<u8>, ring: Slots, at: u32) -> NonNull<T> {
    // SAFETY: a slot's number is below the number of slots.
    unsafe { entries.cast::<T>().add(ring.slot(at) as usize) }
}

/// A piece of memory of the ring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region {
    /// Null if there is no such piece.
    base: *mut u8,
    len: usize,
}

// SAFETY: an address and a length; what is done with them is proven where it is done.
unsafe impl Send for Region {}

impl Region {
    const NOTHING: Self = Self { base: null_mut(), len: 0 };

    pub(crate) fn of(memory: NonNull<[u8]>) -> Self {
        Self { base: memory.as_ptr().cast(), len: memory.len() }
    }

    /// Takes the caller's memory, which is borrowed for ever.
    pub(crate) fn of_slice(memory: &'static mut [MaybeUninit<u8>]) -> Self {
        let len = memory.len();
        Self { base: memory.as_mut_ptr().cast(), len }
    }

    /// Maps one part of the ring `fd` here.
    fn map<K: Kernel>(
        &mut self,
        kernel: &K,
        len: usize,
        fd: RawFd,
        offset: u32,
        dontfork: bool,
    ) -> Result<(), SetupError> {
        let base = kernel.map(len, fd, u64::from(offset)).map_err(|errno| SetupError::Kernel(Call::Map, errno))?;
        *self = Self { base: base.as_ptr(), len };
        if dontfork {
            // kernel: mm/madvise.c madvise_vma_behavior (6.12.117): the mapping is left out of the child's memory at fork.
            // SAFETY: address and length are those of the mapping just made.
            unsafe { kernel.keep_from_fork(base, len) }
                .map_err(|errno| SetupError::Kernel(Call::KeepFromFork, errno))?;
        }
        Ok(())
    }

    pub(crate) fn address(self) -> u64 {
        self.base.expose_provenance() as u64
    }

    /// Checks length and alignment.
    pub(crate) fn fits(self, area: Area, needed: usize) -> Result<(), SetupError> {
        // The kernel's pages are 4 KiB or a multiple of it. A kernel with larger pages refuses smaller alignment itself (EINVAL).
        if !self.base.addr().is_multiple_of(4096) {
            return Err(SetupError::Unaligned(area));
        }
        if self.len < needed {
            return Err(SetupError::TooShort { area, needed, given: self.len });
        }
        Ok(())
    }

    /// Fills the memory with zeroes.
    ///
    /// # Safety
    ///
    /// The memory is valid for writes, and nobody else uses it.
    pub(crate) unsafe fn clear(self) {
        // SAFETY: the caller's contract.
        unsafe { self.base.write_bytes(0, self.len) };
    }
}

/// The regions of one ring, and whether we have mapped them.
///
/// # Invariants
///
/// Once made for parameters, and for entries of the sizes that their flags say, each region is as long as [`extent`] says for
/// the parameters, and aligned to 8 bytes.
#[derive(Debug)]
pub(crate) struct Regions {
    /// The submission ring, the completion ring, and the SQEs. If one mapping has both rings, it stands in both places.
    parts: [Region; 3],
    mapped: bool,
    dontfork: bool,
}

impl Regions {
    /// No memory yet.
    pub(crate) const NOTHING: Self = Self { parts: [Region::NOTHING; 3], mapped: false, dontfork: false };

    /// Takes memory that others have mapped, and that is never unmapped here. Returns [`SetupError::Garbled`] if `params` report
    /// entries or an array outside the memory, or parts of the ring that overlap.
    #[inline]
    pub(crate) fn provided(
        params: &io_uring_params,
        sizes: EntrySizes,
        parts: [Region; 3],
    ) -> Result<Self, SetupError> {
        for (region, &need) in parts.iter().zip(&extent(params, sizes)) {
            if need > region.len as u64 || !region.base.addr().is_multiple_of(8) {
                return Err(SetupError::Garbled);
            }
        }
        let regions = Self { parts, mapped: false, dontfork: false };
        regions.apart(params, sizes)?;
        Ok(regions)
    }

    /// Checks that no parts of the ring overlap; else returns [`SetupError::Garbled`]. A ring that was made and mapped just now
    /// needs no check, because [`Kernel::setup`] promises it.
    #[inline]
    pub(crate) fn apart(&self, params: &io_uring_params, sizes: EntrySizes) -> Result<(), SetupError> {
        if apart::apart(params, sizes, self.parts) { Ok(()) } else { Err(SetupError::Garbled) }
    }

    /// Maps the ring `fd` as `params` reports it. Mappings are aligned to 64 bytes at least ([`Kernel`]). If a step fails, the
    /// mappings before it are kept here, to be released.
    pub(crate) fn map<K: Kernel>(
        &mut self,
        kernel: &K,
        fd: RawFd,
        params: &io_uring_params,
        sizes: EntrySizes,
        dontfork: bool,
    ) -> Result<(), SetupError> {
        let [array, cqes, sqes] = extent(params, sizes);
        // One mapping has both rings, or the submission ring has one of its own. Without an array that ring has only words, none
        // of which lies beyond the start of the CQEs.
        let (least, cqes) = if Features::from_bits_retain(params.features).contains(Features::SINGLE_MMAP) {
            (cqes, 0)
        } else {
            (u64::from(params.cq_off.cqes), cqes)
        };
        let lengths = [array.max(least), cqes, sqes];
        self.mapped = true;
        self.dontfork = dontfork;
        let mut before = Region::NOTHING;
        for (place, (part, &len)) in self.parts.iter_mut().zip(&lengths).enumerate() {
            if len != 0 {
                let len = usize::try_from(len).map_err(|_| SetupError::Garbled)?;
                part.map(kernel, len, fd, place as u32 * IORING_OFF_CQ_RING, dontfork)?;
            } else {
                *part = before;
            }
            before = *part;
        }
        Ok(())
    }

    /// Tells whether the memory is mapped from the kernel.
    pub(crate) fn are_mapped(&self) -> bool {
        self.mapped
    }

    /// Maps the ring again, as `params` reports it after a change of its size.
    pub(crate) fn map_again<K: Kernel>(
        &self,
        kernel: &K,
        fd: RawFd,
        params: &io_uring_params,
        sizes: EntrySizes,
    ) -> Result<Self, SetupError> {
        let mut regions = Self::NOTHING;
        match regions.map(kernel, fd, params, sizes, self.dontfork) {
            Ok(()) => Ok(regions),
            Err(error) => {
                // SAFETY: no reference into them was made yet.
                unsafe { regions.release(kernel) };
                Err(error)
            }
        }
    }

    /// Unmaps what [`map`](Self::map) mapped; leaves provided memory alone.
    ///
    /// # Safety
    ///
    /// Nothing uses the memory any more.
    pub(crate) unsafe fn release<K: Kernel>(&self, kernel: &K) {
        if !self.mapped {
            return;
        }
        let mut before = null_mut();
        for part in &self.parts {
            // One mapping may stand in two places, and is unmapped once.
            if let Some(base) = NonNull::new(part.base)
                && part.base != before
            {
                before = part.base;
                // SAFETY: the region came from a successful `map`, and nothing uses it any more (caller's contract). If
                // unmapping fails, nothing can be done about it.
                let _ = unsafe { kernel.unmap(base, part.len) };
            }
        }
    }
}

/// Places in [`Regions`].
const SQ: usize = 0;
const CQ: usize = 1;
const SQES: usize = 2;

// The offset that tells the kernel which region to map is the place times one number.
const _: () = {
    assert!(IORING_OFF_SQ_RING == SQ as u32 * IORING_OFF_CQ_RING);
    assert!(IORING_OFF_SQES == SQES as u32 * IORING_OFF_CQ_RING);
};

/// The words of one queue that we share with the kernel, and the queue's size.
///
/// # Invariants
///
/// After [`locate`](Self::locate) has succeeded, each pointer is valid for the life of the value, aligned, and inside its region
/// with the word that it points to; but that of [`MAY_LACK`] is null if the ring lacks what stands there. Nothing reads the fields
/// before that, and nobody changes them after set-up.
#[derive(Debug)]
// In this order the fields that each request uses come first, see `IoUring`.
#[repr(C)]
struct Queue {
    slots: Slots,
    words: [*const AtomicU32; 7],
}

impl Queue {
    const NOWHERE: Self = Self { words: [null(); 7], slots: Slots::ONE };

    /// Finds the words. `None` if a word does not lie inside the region or is not aligned, or if `entries` is not a valid size or
    /// differs from the size in the memory.
    ///
    /// # Safety
    ///
    /// The region is valid for reads and writes for the life of the value, and its words are used as atomics only.
    #[inline(never)]
    unsafe fn locate(&mut self, region: &Region, offsets: &Words, entries: u32) -> Option<()> {
        self.slots = Slots::new(entries)?;
        for (word, &offset) in self.words.iter_mut().zip(offsets) {
            if !offset.is_multiple_of(4) || end_of(offset, 1, WORD) > region.len as u64 {
                return None;
            }
            // SAFETY: the word lies within the region, which the caller promises to be valid.
            *word = unsafe { region.base.add(offset as usize) }.cast();
        }
        if offsets[MAY_LACK] == 0 {
            self.words[MAY_LACK] = null();
        }
        // kernel: io_uring/io_uring.c io_allocate_scq_urings (7.3): the kernel writes mask and size to the ring once, when the
        // ring is made, and goes by its own copies.
        let agree = self.word(ENTRIES).load(Ordering::Relaxed) == entries
            && self.word(MASK).load(Ordering::Relaxed) == entries - 1;
        agree.then_some(())
    }

    #[inline(always)]
    fn word(&self, place: usize) -> &AtomicU32 {
        // SAFETY: the type's invariant; nobody asks for `MAY_LACK` here.
        unsafe { self.words[place].as_ref_unchecked() }
    }
}

/// Pointers to everything in a ring that we share with the kernel.
///
/// # Invariants
///
/// Besides those of [`Queue`], after [`locate`](Self::locate): `sqes`, `cqes` (`CQ_CQES`) and, unless it is null, the index array
/// (`SQ_ARRAY`) are inside the ring's regions, with as many entries and words as the queue has slots. They are aligned to 8
/// bytes (the array to a word), and overlap neither each other nor the words of the queues.
///
/// The writer of each part:
///
/// | | writer |
/// |--|--|
/// | SQ head, dropped, flags | the kernel |
/// | SQ tail, array | us |
/// | `sqes` | us, in slots from the tail up to the head; the kernel reads the slots from the head up to the tail |
/// | CQ tail, overflow | the kernel |
/// | CQ head, flags | us |
/// | `cqes` | the kernel, in slots from the tail up to the head; we read the slots from the head up to the tail |
// kernel: include/linux/io_uring_types.h struct io_rings (7.3): its comments say which side writes each word.
#[derive(Debug)]
// In this order the fields that each request uses come first, see `IoUring`.
#[repr(C)]
pub(crate) struct Rings {
    sqes: *mut u8,
    completion: Queue,
    submission: Queue,
}

// SAFETY: the shared words are atomics. The entries are reached only through a queue handle, of which each queue has one, and
// which thread holds that handle makes no difference to the memory.
unsafe impl Send for Rings {}
// SAFETY: through a shared reference only the atomics can be reached without `unsafe`.
unsafe impl Sync for Rings {}

impl Rings {
    /// Stands in place of a ring whose memory is not there yet.
    pub(crate) const NOWHERE: Self = Self { submission: Queue::NOWHERE, completion: Queue::NOWHERE, sqes: null_mut() };

    /// Locates the words, the entries and the array in the regions.
    ///
    /// # Errors
    ///
    /// [`SetupError::Garbled`] if something does not lie inside its region, is not aligned, or if the sizes in the
    /// memory differ from the reported ones.
    ///
    /// # Safety
    ///
    /// - The regions are valid for reads and writes for the life of the value.
    /// - The regions were made for `params`, and for the sizes of entries that the flags in `params` say.
    /// - The regions are a ring's, and shared with its kernel alone; no other [`Rings`] is made of them meanwhile.
    /// - Words, entries and array don't overlap ([`Regions::apart`]).
    #[inline]
    pub(crate) unsafe fn locate(&mut self, params: &io_uring_params, regions: &Regions) -> Result<(), SetupError> {
        // SAFETY: the caller's contract.
        unsafe { self.find(params, regions) }.ok_or(SetupError::Garbled)
    }

    /// Does the work of [`locate`](Self::locate); `None` is its error.
    #[inline]
    unsafe fn find(&mut self, params: &io_uring_params, regions: &Regions) -> Option<()> {
        if !params.cq_off.cqes.is_multiple_of(8) {
            return None;
        }
        // SAFETY: the caller's contract. Only the place of `cqes` holds no atomic, and it is never used as one.
        unsafe { self.submission.locate(&regions.parts[SQ], sq_words(params), params.sq_entries) }?;
        // SAFETY: the caller's contract, as for the submission queue.
        unsafe { self.completion.locate(&regions.parts[CQ], cq_words(params), params.cq_entries) }?;
        self.sqes = regions.parts[SQES].base;
        Some(())
    }

    /// Returns the slots of the submission queue.
    #[inline(always)]
    pub(crate) fn sq(&self) -> Slots {
        self.submission.slots
    }

    /// Returns the slots of the completion queue.
    #[inline(always)]
    pub(crate) fn cq(&self) -> Slots {
        self.completion.slots
    }

    /// Returns the address of the SQEs.
    #[inline(always)]
    pub(crate) fn sqes(&self) -> NonNull<u8> {
        // SAFETY: the type's invariant.
        unsafe { NonNull::new_unchecked(self.sqes) }
    }

    /// Returns the address of the CQEs.
    #[inline(always)]
    pub(crate) fn cqes(&self) -> NonNull<u8> {
        // SAFETY: the type's invariant.
        unsafe { NonNull::new_unchecked(self.completion.words[CQ_CQES].cast_mut().cast()) }
    }

    /// Tells whether queued SQEs go through an index array that other code has written.
    #[inline]
    pub(crate) fn have_foreign_indices(&self) -> bool {
        !self.array().is_null() && self.sq_head().load(Ordering::Relaxed) != self.sq_tail().load(Ordering::Relaxed)
    }

    /// Sets entry n of the index array to n, if the ring has an array. Must run before the first entry is made visible, or while
    /// the array is new and the kernel reads nothing of it.
    // kernel: io_uring/io_uring.c io_get_sqe (7.3): the array is read for each entry that is consumed, and never written.
    #[inline]
    pub(crate) fn write_indices(&self) {
        let array = self.array();
        if array.is_null() {
            return;
        }
        for slot in 0..self.sq().count() {
            // SAFETY: the array has that many words (invariant).
            let index = unsafe { array.add(slot as usize) };
            // SAFETY: the type's invariant.
            unsafe { index.as_ref_unchecked() }.store(slot, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    pub(crate) fn sq_head(&self) -> &AtomicU32 {
        self.submission.word(HEAD)
    }

    #[inline(always)]
    pub(crate) fn sq_tail(&self) -> &AtomicU32 {
        self.submission.word(TAIL)
    }

    #[inline(always)]
    pub(crate) fn sq_flags(&self) -> &AtomicU32 {
        self.submission.word(SQ_FLAGS)
    }

    pub(crate) fn sq_dropped(&self) -> &AtomicU32 {
        self.submission.word(SQ_DROPPED)
    }

    #[inline(always)]
    pub(crate) fn cq_head(&self) -> &AtomicU32 {
        self.completion.word(HEAD)
    }

    #[inline(always)]
    pub(crate) fn cq_tail(&self) -> &AtomicU32 {
        self.completion.word(TAIL)
    }

    pub(crate) fn cq_overflow(&self) -> &AtomicU32 {
        self.completion.word(CQ_OVERFLOW)
    }

    pub(crate) fn cq_flags(&self) -> Option<&AtomicU32> {
        // SAFETY: the type's invariant: the pointer is valid or null.
        unsafe { self.completion.words[CQ_FLAGS].as_ref() }
    }

    /// Returns the address of the index array; null if the ring has no array.
    fn array(&self) -> *const AtomicU32 {
        self.submission.words[SQ_ARRAY]
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
