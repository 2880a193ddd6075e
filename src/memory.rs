//! Ring memory, mapped from the kernel or provided by the caller: the only place that turns offsets into references.
//!
//! A ring is two areas. *Rings* has the heads, tails, masks and flags of both queues, the completion entries, and
//! (unless `NO_SQARRAY`) an array of indices; a kernel without `FEAT_SINGLE_MMAP` maps it as two. *Sqes* has the
//! submission entries. The kernel reports where everything lies; what it reports is checked against the length of the
//! memory once, here, and never read again.

use core::mem::{MaybeUninit, size_of};
use core::ptr::NonNull;

use crate::error::{Area, Call, SetupError};
use crate::flags::{Features, SetupFlags};
use crate::index::Slots;
use crate::kernel::Kernel;
use crate::sync::{AtomicU32, Ordering};
use crate::types::RawFd;
use crate::uapi::{
    IORING_OFF_CQ_RING, IORING_OFF_SQ_RING, IORING_OFF_SQES, io_cqring_offsets, io_sqring_offsets, io_uring_params,
};

/// Bytes of one 32-bit word of a ring.
const WORD: usize = size_of::<u32>();

/// Where the entry of index `at` lies.
///
/// # Safety
///
/// `entries` are as many `T`s as `ring` has slots.
#[inline(always)]
pub(crate) unsafe fn slot<T>(entries: NonNull<u8>, ring: Slots, at: u32) -> NonNull<T> {
    // SAFETY: a slot's number is below the number of slots.
    unsafe { entries.cast::<T>().add(ring.slot(at) as usize) }
}

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
    sqe: usize,
    cqe: usize,
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

/// A piece of memory that the ring uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: an address and a length; what is done with them is proven where it is done.
unsafe impl Send for Region {}

impl Region {
    pub(crate) fn of(memory: NonNull<[u8]>) -> Self {
        Self { base: memory.cast(), len: memory.len() }
    }

    /// Memory of the caller's, borrowed for ever.
    pub(crate) fn of_slice(memory: &'static mut [MaybeUninit<u8>]) -> Self {
        let len = memory.len();
        Self { base: NonNull::from(memory).cast(), len }
    }

    pub(crate) fn address(self) -> u64 {
        self.base.as_ptr().expose_provenance() as u64
    }

    /// Refuses what the kernel would write past, or would not take.
    pub(crate) fn fits(self, area: Area, needed: usize) -> Result<(), SetupError> {
        // The kernel's pages are 4 KiB or a multiple; where they are larger it refuses itself, with EINVAL.
        if !self.base.addr().get().is_multiple_of(4096) {
            return Err(SetupError::Unaligned(area));
        }
        if self.len < needed {
            return Err(SetupError::TooShort { area, needed, given: self.len });
        }
        Ok(())
    }

    /// Writes zeroes.
    ///
    /// # Safety
    ///
    /// The memory is valid for writes, and nobody else uses it.
    pub(crate) unsafe fn clear(self) {
        // SAFETY: the caller's contract.
        unsafe { self.base.write_bytes(0, self.len) };
    }

    fn aligned(self, to: usize) -> bool {
        self.base.addr().get().is_multiple_of(to)
    }
}

/// The regions of one ring, and whether they are mappings of ours.
#[derive(Debug)]
pub(crate) struct Regions {
    sq: Region,
    /// The same as `sq` where both queues are one area.
    cq: Region,
    sqes: Region,
    mapped: bool,
    dontfork: bool,
}

impl Regions {
    /// Memory of somebody else's: never unmapped.
    pub(crate) fn provided(sq: Region, cq: Region, sqes: Region) -> Self {
        Self { sq, cq, sqes, mapped: false, dontfork: false }
    }

    /// Maps the ring `fd` as `params` reports it. If a step fails, those before it are undone.
    pub(crate) fn map<K: Kernel>(
        kernel: &K,
        fd: RawFd,
        params: &io_uring_params,
        dontfork: bool,
    ) -> Result<Self, SetupError> {
        let need = Extent::reported(params).ok_or(SetupError::Garbled)?;
        let mut undo = Undo { kernel, mapped: [None; 3] };
        let single = Features::from_bits_retain(params.features).contains(Features::SINGLE_MMAP);
        let (sq, cq) = if single {
            let both = undo.map(0, need.sq.max(need.cq), fd, IORING_OFF_SQ_RING, dontfork)?;
            (both, both)
        } else {
            (
                undo.map(0, need.sq, fd, IORING_OFF_SQ_RING, dontfork)?,
                undo.map(1, need.cq, fd, IORING_OFF_CQ_RING, dontfork)?,
            )
        };
        let sqes = undo.map(2, need.sqes, fd, IORING_OFF_SQES, dontfork)?;
        core::mem::forget(undo);
        Ok(Self { sq, cq, sqes, mapped: true, dontfork })
    }

    /// Whether the memory is mapped from the kernel.
    pub(crate) fn are_mapped(&self) -> bool {
        self.mapped
    }

    /// Maps the same ring anew, as `params` reports it after a change of its size.
    pub(crate) fn map_again<K: Kernel>(
        &self,
        kernel: &K,
        fd: RawFd,
        params: &io_uring_params,
    ) -> Result<Self, SetupError> {
        Self::map(kernel, fd, params, self.dontfork)
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
        let second = (self.cq.base != self.sq.base).then_some(self.cq);
        drop(Undo { kernel, mapped: [Some(self.sq), second, Some(self.sqes)] });
    }
}

/// Mappings made so far; dropped, it unmaps them. A failure to unmap leaves nothing to be done.
struct Undo<'a, K: Kernel> {
    kernel: &'a K,
    mapped: [Option<Region>; 3],
}

impl<K: Kernel> Undo<'_, K> {
    /// Maps one part and notes it at `place` (0 to 2).
    fn map(&mut self, place: usize, len: usize, fd: RawFd, offset: u32, dontfork: bool) -> Result<Region, SetupError> {
        let base = self.kernel.map(len, fd, u64::from(offset)).map_err(|errno| SetupError::Kernel(Call::Map, errno))?;
        let region = Region { base, len };
        if let Some(entry) = self.mapped.get_mut(place) {
            *entry = Some(region);
        }
        if dontfork {
            // SAFETY: address and length are those of the mapping just made.
            unsafe { self.kernel.keep_from_fork(base, len) }
                .map_err(|errno| SetupError::Kernel(Call::KeepFromFork, errno))?;
        }
        Ok(region)
    }
}

impl<K: Kernel> Drop for Undo<'_, K> {
    fn drop(&mut self) {
        for region in self.mapped.into_iter().flatten() {
            // SAFETY: the region came from a successful `map`; either no reference into it was made yet (set-up
            // failed), or `release`'s caller promised that nothing uses it any more.
            let _ = unsafe { self.kernel.unmap(region.base, region.len) };
        }
    }
}

/// How far each region must reach to hold everything that the kernel reports in it.
#[derive(Debug, PartialEq, Eq)]
struct Extent {
    sq: usize,
    cq: usize,
    sqes: usize,
}

impl Extent {
    /// `None` if a number is nonsense: not aligned, or past the end of the address space.
    fn reported(params: &io_uring_params) -> Option<Self> {
        let setup = SetupFlags::from_bits_retain(params.flags);
        let sizes = EntrySizes::of(setup);
        let sq_slots = usize::try_from(params.sq_entries).ok()?;
        let cq_slots = usize::try_from(params.cq_entries).ok()?;
        let io_sqring_offsets { head, tail, ring_mask, ring_entries, flags, dropped, array, .. } = params.sq_off;
        let mut sq = furthest_word(&[head, tail, ring_mask, ring_entries, flags, dropped])?;
        if array != 0 {
            sq = sq.max(end_of(array, WORD, sq_slots, WORD)?);
        }
        let io_cqring_offsets { head, tail, ring_mask, ring_entries, overflow, cqes, flags, .. } = params.cq_off;
        let words = furthest_word(&[head, tail, ring_mask, ring_entries, overflow, flags])?;
        let cq = words.max(end_of(cqes, 8, cq_slots, sizes.cqe)?);
        Some(Self { sq, cq, sqes: sq_slots.checked_mul(sizes.sqe)? })
    }
}

/// The end of the last of the words at `offsets`; `None` if one is not aligned.
fn furthest_word(offsets: &[u32]) -> Option<usize> {
    offsets.iter().try_fold(0, |end, &offset| Some(end.max(end_of(offset, WORD, 1, WORD)?)))
}

/// The end of `count` things of `size` bytes at `offset`; `None` if it is not aligned, or too far.
fn end_of(offset: u32, align: usize, count: usize, size: usize) -> Option<usize> {
    let start = usize::try_from(offset).ok()?;
    if !start.is_multiple_of(align) {
        return None;
    }
    count.checked_mul(size)?.checked_add(start)
}

/// Pointers to everything in a ring that both sides use.
///
/// # Invariants
///
/// Each pointer is valid for the life of the value, aligned, and inside the ring's regions with all that it points to
/// (`sqes` and `cqes`: `sq.count()` and `cq.count()` entries of the ring's sizes; `array`: `sq.count()` words). Nobody changes the fields after
/// set-up. Who writes what they point to:
///
/// | field | writer |
/// |--|--|
/// | `sq_head`, `sq_dropped`, `sq_flags` | the kernel |
/// | `sq_tail`, `array` | us |
/// | `sqes` | us, in slots between the tail and the head; the kernel reads those between the head and the tail |
/// | `cq_tail`, `cq_overflow` | the kernel |
/// | `cq_head`, `cq_flags` | us |
/// | `cqes` | the kernel, in slots between the tail and the head; we read those between the head and the tail |
#[derive(Debug)]
pub(crate) struct Rings {
    sq_head: NonNull<AtomicU32>,
    sq_tail: NonNull<AtomicU32>,
    sq_flags: NonNull<AtomicU32>,
    sq_dropped: NonNull<AtomicU32>,
    cq_head: NonNull<AtomicU32>,
    cq_tail: NonNull<AtomicU32>,
    cq_overflow: NonNull<AtomicU32>,
    cq_flags: Option<NonNull<AtomicU32>>,
    array: Option<NonNull<AtomicU32>>,
    pub(crate) sqes: NonNull<u8>,
    pub(crate) cqes: NonNull<u8>,
    pub(crate) sq: Slots,
    pub(crate) cq: Slots,
}

// SAFETY: the shared words are atomics, and the entries are reached only through a queue handle, of which there is one
// for each queue; which thread holds it makes no difference to the memory.
unsafe impl Send for Rings {}
// SAFETY: as for `Send`; through a shared reference only the atomics can be reached without `unsafe`.
unsafe impl Sync for Rings {}

impl Rings {
    /// Finds everything in the regions.
    ///
    /// # Errors
    ///
    /// [`SetupError::Garbled`] if something does not lie inside its region, is not aligned, or if the sizes in the
    /// memory differ from the reported ones.
    ///
    /// # Safety
    ///
    /// - The regions are valid for reads and writes for the life of the value.
    /// - They are a ring's, with whose kernel alone they are shared; no other [`Rings`] is made of them meanwhile.
    pub(crate) unsafe fn locate(params: &io_uring_params, regions: &Regions) -> Result<Self, SetupError> {
        let Regions { sq, cq, sqes, .. } = *regions;
        let need = Extent::reported(params).ok_or(SetupError::Garbled)?;
        let inside = need.sq <= sq.len && need.cq <= cq.len && need.sqes <= sqes.len;
        let aligned = sq.aligned(WORD) && cq.aligned(8) && sqes.aligned(8);
        let (Some(sq_slots), Some(cq_slots)) = (Slots::new(params.sq_entries), Slots::new(params.cq_entries)) else {
            return Err(SetupError::Garbled);
        };
        if !inside || !aligned {
            return Err(SetupError::Garbled);
        }
        let (so, co) = (&params.sq_off, &params.cq_off);
        // SAFETY: `Extent::reported` found each offset aligned and its word within `need`, which is within the region,
        // which the caller promises to be valid and aligned.
        let word = |region: Region, offset: u32| unsafe { region.base.add(offset as usize) }.cast::<AtomicU32>();
        // SAFETY: the same; the words are atomics and live as long as the regions.
        let load = |region, offset| unsafe { word(region, offset).as_ref() }.load(Ordering::Relaxed);

        let sizes_agree = load(sq, so.ring_entries) == params.sq_entries
            && load(sq, so.ring_mask) == params.sq_entries - 1
            && load(cq, co.ring_entries) == params.cq_entries
            && load(cq, co.ring_mask) == params.cq_entries - 1;
        if !sizes_agree {
            return Err(SetupError::Garbled);
        }
        Ok(Self {
            sq_head: word(sq, so.head),
            sq_tail: word(sq, so.tail),
            sq_flags: word(sq, so.flags),
            sq_dropped: word(sq, so.dropped),
            cq_head: word(cq, co.head),
            cq_tail: word(cq, co.tail),
            cq_overflow: word(cq, co.overflow),
            // Kernels before 5.8 have no flags here and report offset 0.
            cq_flags: (co.flags != 0).then(|| word(cq, co.flags)),
            array: (so.array != 0).then(|| word(sq, so.array)),
            sqes: sqes.base,
            // SAFETY: `cqes` and all its entries lie within `need.cq`, and so within the region.
            cqes: unsafe { cq.base.add(co.cqes as usize) },
            sq: sq_slots,
            cq: cq_slots,
        })
    }

    /// Whether entries before the tail go through an index array of somebody else's making.
    pub(crate) fn have_foreign_indices(&self) -> bool {
        self.array.is_some() && self.sq_head().load(Ordering::Relaxed) != self.sq_tail().load(Ordering::Relaxed)
    }

    /// Makes the index array, where there is one, an identity map: entry n is in slot n from now on. To be done before
    /// the first entry is made visible, or while the array is new and the kernel reads nothing of it.
    pub(crate) fn write_indices(&self) {
        let Some(first) = self.array else { return };
        for slot in 0..self.sq.count() {
            // SAFETY: the array has that many words (invariant).
            let index = unsafe { first.add(slot as usize) };
            // SAFETY: the type's invariant.
            unsafe { index.as_ref() }.store(slot, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    pub(crate) fn sq_head(&self) -> &AtomicU32 {
        // SAFETY: the type's invariant.
        unsafe { self.sq_head.as_ref() }
    }

    #[inline(always)]
    pub(crate) fn sq_tail(&self) -> &AtomicU32 {
        // SAFETY: the type's invariant.
        unsafe { self.sq_tail.as_ref() }
    }

    #[inline(always)]
    pub(crate) fn sq_flags(&self) -> &AtomicU32 {
        // SAFETY: the type's invariant.
        unsafe { self.sq_flags.as_ref() }
    }

    pub(crate) fn sq_dropped(&self) -> &AtomicU32 {
        // SAFETY: the type's invariant.
        unsafe { self.sq_dropped.as_ref() }
    }

    #[inline(always)]
    pub(crate) fn cq_head(&self) -> &AtomicU32 {
        // SAFETY: the type's invariant.
        unsafe { self.cq_head.as_ref() }
    }

    #[inline(always)]
    pub(crate) fn cq_tail(&self) -> &AtomicU32 {
        // SAFETY: the type's invariant.
        unsafe { self.cq_tail.as_ref() }
    }

    pub(crate) fn cq_overflow(&self) -> &AtomicU32 {
        // SAFETY: the type's invariant.
        unsafe { self.cq_overflow.as_ref() }
    }

    pub(crate) fn cq_flags(&self) -> Option<&AtomicU32> {
        // SAFETY: the type's invariant.
        self.cq_flags.map(|flags| unsafe { flags.as_ref() })
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
