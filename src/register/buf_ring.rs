//! Provided buffer rings: the kernel picks a buffer when data is there, and names the buffer in the completion.
//!
//! A [`BufRing`] is a ring of entries, which the kernel reads, and the buffers that they describe, all of one size.
//! A buffer belongs to the kernel until a completion names it. [`BufRing::take`] then returns a [`Buffer`] to read.
//! [`BufRing::recycle`] consumes the `Buffer`, so that no buffer is recycled twice. [`BufRing::publish`] makes all
//! recycled buffers visible to the kernel with one store.
//!
//! Call [`take`](BufRing::take) before you look at a completion's [`outcome`](crate::cqueue::Entry::outcome):
//! completions that end in an error, and those at the end of a file, can carry a buffer too, which would be lost. A
//! datagram that is longer than a buffer is cut at the buffer's end.

use core::fmt;
use core::mem::{MaybeUninit, offset_of, size_of};
use core::ptr::{NonNull, null_mut};

use crate::error::Errno;
use crate::flags::Features;
use crate::index::Slots;
use crate::kernel::{DefaultKernel, Kernel};
use crate::submitter::Submitter;
use crate::uapi::{
    IORING_OFF_MMAP_MASK, IORING_OFF_PBUF_RING, IORING_OFF_PBUF_SHIFT, IORING_REGISTER_QUERY, io_uring_buf,
};

mod give;
mod take;

pub use take::Bundle;

/// The largest number of buffers in one ring.
// kernel: io_uring/kbuf.c io_register_pbuf_ring (7.3): the number of entries is a power of two below 65,536.
pub const MAX_BUFFERS: u16 = 32_768;

/// The largest group number that fits into the offset of a mapping. Of a larger number the highest bits would be lost,
/// and the mapping would be that of another group.
// kernel: io_uring/memmap.c io_mmap_get_region (7.3): the group is in bits 16 to 26 of the offset.
const MAX_MAPPED_GROUP: u16 = (!IORING_OFF_MMAP_MASK >> IORING_OFF_PBUF_SHIFT) as u16;

/// The smallest page that a kernel has. A kernel with larger pages checks the alignment to them itself.
const PAGE: usize = 4096;

/// The number that stands for no buffer.
const NO_BUFFER: u16 = u16::MAX;

/// How the buffers of a group are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BufRingOptions {
    incremental: bool,
    min_left: u32,
}

impl BufRingOptions {
    /// Makes the options of a ring whose buffers are used once each, even if only a part of a buffer is filled.
    #[must_use]
    pub const fn new() -> Self {
        Self { incremental: false, min_left: 0 }
    }

    /// Fills each buffer piece by piece, over several completions, until it is full. Since 6.12.
    ///
    /// Requests on such a group must ask for length 0, which means all that is left of the buffer. No request may carry
    /// `MSG_TRUNC`, and none may be a bundle on kernels from 6.13 to 6.16. [`BufRing::take`] says why.
    #[must_use]
    #[doc(alias = "IOU_PBUF_RING_INC")]
    pub const fn incremental(mut self) -> Self {
        self.incremental = true;
        self
    }

    /// Makes a buffer with fewer bytes left than this count as full; needs [`incremental`](Self::incremental). Without
    /// it, a multishot `recvmsg` ends with `EFAULT` once a buffer has less room left than the header needs. Since 7.1,
    /// and in the long-term kernels 6.12.117 and 6.18.44; `EINVAL` before. No request on the group may be a bundle.
    #[must_use]
    pub const fn min_left(mut self, bytes: u32) -> Self {
        self.min_left = bytes;
        self
    }

    const fn flags(self) -> u16 {
        if self.incremental { crate::uapi::io_uring_register_pbuf_ring_flags::IOU_PBUF_RING_INC as u16 } else { 0 }
    }
}

/// One entry of the ring, as the kernel reads it (`struct io_uring_buf`).
///
/// The ring's memory is an array of entries, which must start at a page.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct BufRingEntry {
    address: u64,
    len: u32,
    id: u16,
    /// In the first entry of a ring: its tail.
    reserved: u16,
}

impl BufRingEntry {
    /// An entry of no buffer, to fill an array with.
    pub const EMPTY: Self = Self { address: 0, len: 0, id: 0, reserved: 0 };
}

const _: () = {
    use crate::uapi::io_uring_buf_ring__bindgen_ty_1__bindgen_ty_1 as Header;

    assert!(size_of::<BufRingEntry>() == size_of::<io_uring_buf>());
    assert!(offset_of!(BufRingEntry, address) == offset_of!(io_uring_buf, addr));
    assert!(offset_of!(BufRingEntry, len) == offset_of!(io_uring_buf, len));
    assert!(offset_of!(BufRingEntry, id) == offset_of!(io_uring_buf, bid));
    assert!(offset_of!(BufRingEntry, reserved) == offset_of!(Header, tail));
};

/// The ring's own record of one buffer.
#[derive(Debug, Clone, Copy)]
pub struct BufferState {
    /// Pieces handed out and not yet recycled. A count that reaches its limit stays there: the buffer is never used
    /// again.
    out: u32,
    /// Bytes handed out so far.
    used: u32,
    /// With incremental use: how far the kernel had filled the buffer when a completion was last taken.
    stood: u32,
    /// The place in the ring where the buffer was added last.
    place: u16,
    /// The buffer that was added next, or [`NO_BUFFER`].
    next: u16,
    /// Whether the kernel fills the buffer no further.
    done: bool,
}

impl BufferState {
    /// The state of a buffer that was not used yet, to fill an array with.
    pub const NEW: Self = Self { out: 0, used: 0, stood: 0, place: 0, next: 0, done: false };
}

impl Default for BufferState {
    fn default() -> Self {
        Self::NEW
    }
}

/// The memory of a [`BufRing`], which the caller gives away for ever. The kernel may write to it as long as a request
/// that has taken a buffer is in flight, also after the ring of buffers was unregistered.
#[derive(Debug)]
pub struct BufRingMemory {
    /// One entry for each buffer (a power of two), starting at a page. Ignored if the kernel provides the ring.
    pub entries: &'static mut [MaybeUninit<BufRingEntry>],
    /// The buffers, one after the other. The size of one is this length divided by the number of states. The buffers
    /// must be initialised, because kernels count bytes that were never written: the gaps of a multishot `recvmsg`, and
    /// the rest of a datagram that was cut.
    pub buffers: &'static mut [u8],
    /// One state for each buffer. Their number is the ring's size.
    pub states: &'static mut [BufferState],
}

/// A registered provided buffer ring.
///
/// Drop unmaps a ring that [`register_buf_ring_mapped`](Submitter::register_buf_ring_mapped) has mapped. The group
/// stays registered until [`unregister`](Self::unregister) or the end of the io_uring, and the kernel can use up the
/// published buffers: drop has no io_uring to call, and the number of its descriptor may mean another one by then.
///
/// A mapped ring of buffers keeps the io_uring alive, even after its descriptor was closed. Drop this value before the
/// io_uring, or soon after.
///
/// # Invariants
///
/// - `ring` points to `slots.count()` entries, valid for reads and writes as long as the value lives. The kernel
///   reads the entries between its head and the published tail, and with incremental use writes to the first of
///   them. This value writes the other entries, and the tail, which lies inside the first entry.
/// - `buffers` points to `slots.count()` buffers of `size` bytes, initialised, valid for reads and writes for ever, and
///   used by this value only: no other ring of buffers has ever had them. A buffer's bytes belong to the kernel from
///   its publication until a completion names them, and then to the [`Buffer`].
/// - Each buffer is in the ring once at most: from when it is added until the completion that ends its use is taken, it
///   is not `done`, and only a buffer that is `done` is added.
/// - If there is a `mapper`, it has mapped the ring, with the length that `slots` gives, and only this value unmaps it.
/// - After registration, only `tail`, `last` and `states` change.
pub struct BufRing<K: Kernel = DefaultKernel> {
    ring: NonNull<BufRingEntry>,
    buffers: NonNull<u8>,
    states: &'static mut [BufferState],
    slots: Slots,
    size: u32,
    tail: u16,
    /// The buffer that was added last.
    last: u16,
    group: u16,
    incremental: bool,
    /// Whether an error that carries a buffer has used the buffer up.
    errors_consume: bool,
    /// The identity of the io_uring, see [`Identity`](crate::submitter::Identity).
    identity: u32,
    mapper: Option<K>,
}

// SAFETY: only this value accesses the memory (and each `Buffer` its own bytes), in whichever thread it is. Only the
// mapper may be bound to a thread.
unsafe impl<K: Kernel + Send> Send for BufRing<K> {}

impl<K: Kernel> fmt::Debug for BufRing<K> {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufRing")
            .field("group", &self.group)
            .field("buffers", &self.slots.count())
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl<K: Kernel> Drop for BufRing<K> {
    fn drop(&mut self) {
        if let Some(kernel) = &self.mapper {
            // SAFETY: this value owns the mapping (invariant), the same kernel made it, and nothing uses it after the
            // value. A failure leaves nothing to do.
            let _ = unsafe { kernel.unmap(self.ring.cast(), Self::bytes(self.slots)) };
        }
    }
}

/// Bytes that the kernel has filled: a buffer, or with incremental use a piece of one.
///
/// Give the value back with [`BufRing::recycle`]. If it is dropped, its buffer is never used again.
///
/// # Invariants
///
/// - `buffer` is the start of a buffer of one ring, and so identifies that ring among all.
/// - `offset + len` is at most the buffer's size, and only this value accesses these bytes.
#[must_use = "a buffer that is not recycled is never used again"]
pub struct Buffer {
    buffer: NonNull<u8>,
    offset: u32,
    len: u32,
    id: u16,
}

// SAFETY: only this value accesses the bytes (invariant), in whichever thread it is.
unsafe impl Send for Buffer {}
// SAFETY: a shared reference only reads the bytes.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Returns the buffer's number in its group.
    #[must_use]
    pub const fn id(&self) -> u16 {
        self.id
    }

    fn start(&self) -> *mut u8 {
        // SAFETY: the offset is at most the buffer's size (invariant).
        unsafe { self.buffer.add(self.offset as usize) }.as_ptr()
    }
}

impl fmt::Debug for Buffer {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("id", &self.id).field("offset", &self.offset).field("len", &self.len).finish()
    }
}

impl core::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: these bytes are initialised, as all buffers are, and only this value accesses them (invariant).
        unsafe { core::slice::from_raw_parts(self.start(), self.len as usize) }
    }
}

impl core::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: these bytes are initialised, and only this value, borrowed mutably, accesses them (invariant).
        unsafe { core::slice::from_raw_parts_mut(self.start(), self.len as usize) }
    }
}

/// The memory of a group, without the ring of entries.
struct Rest {
    buffers: NonNull<u8>,
    states: &'static mut [BufferState],
    slots: Slots,
    size: u32,
}

impl Rest {
    /// Returns the start of the entries, and the rest. `EINVAL`: an invalid number or size of buffers.
    fn of(memory: BufRingMemory) -> Result<(NonNull<BufRingEntry>, Self), Errno> {
        let BufRingMemory { entries, buffers, states } = memory;
        let count = u32::try_from(states.len()).map_err(|_| Errno::EINVAL)?;
        let slots = Slots::new(count).ok_or(Errno::EINVAL)?;
        let size = buffers.len().checked_div(states.len()).unwrap_or(0);
        let size = u32::try_from(size).map_err(|_| Errno::EINVAL)?;
        if count > u32::from(MAX_BUFFERS) || size == 0 {
            return Err(Errno::EINVAL);
        }
        let buffers = NonNull::from(buffers).cast::<u8>();
        // The kernel accesses the buffers by their addresses.
        let _ = buffers.as_ptr().expose_provenance();
        Ok((NonNull::from(entries).cast(), Self { buffers, states, slots, size }))
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Registers a provided buffer ring as `group`, with all of its buffers in it. Since 5.19.
    ///
    /// The borrow of the memory never ends, even if the call fails.
    ///
    /// # Errors
    ///
    /// `EINVAL`, before the kernel is asked: a number of states that is no power of two or more than [`MAX_BUFFERS`],
    /// another number of entries, entries that do not start at a page, or buffers of no size. `EINVAL`, from
    /// the kernel: options that it does not know, or (before 6.10) entries in the high memory of a 32-bit kernel.
    /// `EEXIST`: the group exists already. `ENOMEM`: above RLIMIT_MEMLOCK.
    #[doc(alias = "IORING_REGISTER_PBUF_RING")]
    #[doc(alias = "io_uring_register_buf_ring")]
    #[doc(alias = "io_uring_setup_buf_ring")]
    #[doc(alias = "io_uring_buf_ring_init")]
    pub fn register_buf_ring(
        &self,
        group: u16,
        memory: BufRingMemory,
        options: BufRingOptions,
    ) -> Result<BufRing<K>, Errno> {
        if memory.entries.len() != memory.states.len() || !memory.entries.as_ptr().addr().is_multiple_of(PAGE) {
            return Err(Errno::EINVAL);
        }
        // The kernel reads the tail as soon as the group is registered. A waiting request must not find former contents
        // of this memory, or a half-written entry. So the tail is 0 until all entries are written.
        // kernel: io_uring/kbuf.c io_register_pbuf_ring (7.3): the caller's memory stays as it is; the head is 0.
        memory.entries.fill(MaybeUninit::new(BufRingEntry::EMPTY));
        let (ring, rest) = Rest::of(memory)?;
        let address = ring.as_ptr().expose_provenance() as u64;
        let count = rest.slots.count();
        let mut this = self.fill(ring, group, options, rest);
        // SAFETY: the entries are borrowed for ever, and there are as many as slots.
        unsafe { self.register_buf_ring_with_flags(address, count, group, options.flags(), options.min_left) }?;
        this.publish();
        Ok(this)
    }

    /// Registers a provided buffer ring whose entries are in the kernel's memory (`IOU_PBUF_RING_MMAP`), and maps
    /// it. The [`BufRing`] unmaps it. Since 6.4.
    ///
    /// # Errors
    ///
    /// The errors of [`register_buf_ring`](Self::register_buf_ring), and those of mapping: `EBADF`, if the io_uring has
    /// no descriptor to map. `EINVAL` also if the group is above 2047, which does not fit into a mapping's offset.
    #[doc(alias = "IOU_PBUF_RING_MMAP")]
    pub fn register_buf_ring_mapped(
        &self,
        group: u16,
        memory: BufRingMemory,
        options: BufRingOptions,
    ) -> Result<BufRing<K>, Errno>
    where
        K: Clone,
    {
        const MMAP: u16 = crate::uapi::io_uring_register_pbuf_ring_flags::IOU_PBUF_RING_MMAP as u16;

        if group > MAX_MAPPED_GROUP {
            return Err(Errno::EINVAL);
        }
        let (_, rest) = Rest::of(memory)?;
        let (count, bytes) = (rest.slots.count(), BufRing::<K>::bytes(rest.slots));
        // The clone maps the memory, and becomes the mapper that unmaps it.
        let kernel = self.core.kernel.clone();
        // kernel: io_uring/memmap.c io_region_allocate_pages (7.3): memory of the kernel's starts with all bytes zero.
        // SAFETY: the call names no memory of the caller's, since the kernel provides it.
        unsafe { self.register_buf_ring_with_flags(0, count, group, options.flags() | MMAP, options.min_left) }?;
        let offset = u64::from(IORING_OFF_PBUF_RING) | u64::from(group) << IORING_OFF_PBUF_SHIFT;
        match kernel.map(bytes, self.core.fd, offset) {
            Ok(ring) => {
                let mut this = self.fill(ring.cast(), group, options, rest);
                this.mapper = Some(kernel);
                this.publish();
                Ok(this)
            }
            Err(errno) => {
                let _ = self.unregister_buf_ring(group);
                Err(errno)
            }
        }
    }

    /// Writes the entries of all buffers, and leaves the published tail as it is.
    fn fill(&self, ring: NonNull<BufRingEntry>, group: u16, options: BufRingOptions, rest: Rest) -> BufRing<K> {
        let Rest { buffers, states, slots, size } = rest;
        let mut this = BufRing {
            ring,
            buffers,
            states,
            slots,
            size,
            tail: 0,
            last: NO_BUFFER,
            group,
            incremental: options.incremental,
            errors_consume: self.errors_consume(),
            identity: self.core.identity(),
            mapper: None,
        };
        // The count is at most 32,768, which fits into 16 bits.
        for id in 0..slots.count() as u16 {
            this.add(id);
        }
        this
    }

    /// Returns whether an error that carries a buffer has used it up, as on every kernel except some of 6.10 to 6.17.
    /// There, a `Read` from a socket that ends in an error names the next buffer and leaves it in the ring (corrected
    /// in 6.17: "io_uring/rw: recycle buffers manually for non-mshot reads"). The first wrong kernel has bundles, and
    /// the first kernel that is certainly right has queries.
    fn errors_consume(&self) -> bool {
        // SAFETY: an empty list of questions names no memory.
        let has_queries = || unsafe { self.core.kernel.register(-1, IORING_REGISTER_QUERY, null_mut(), 0) }.is_ok();
        !self.core.params.features().contains(Features::RECVSEND_BUNDLE) || has_queries()
    }
}

impl<K: Kernel> BufRing<K> {
    /// Returns the length of the ring of entries in bytes.
    const fn bytes(slots: Slots) -> usize {
        slots.count() as usize * size_of::<BufRingEntry>()
    }

    /// Returns the group's number.
    #[must_use]
    pub const fn group(&self) -> u16 {
        self.group
    }

    /// Returns the size of each buffer in bytes.
    #[must_use]
    pub const fn buffer_size(&self) -> u32 {
        self.size
    }

    /// Returns the entry at a place of the ring.
    fn entry(&self, place: u16) -> NonNull<BufRingEntry> {
        let slot = self.slots.slot(u32::from(place)) as usize;
        // SAFETY: the slot is below the number of entries.
        unsafe { self.ring.add(slot) }
    }

    /// Returns the start of the buffer `id`.
    fn buffer(&self, id: u16) -> NonNull<u8> {
        debug_assert!(u32::from(id) < self.slots.count());
        // SAFETY: `id` is below the number of buffers, which lie within one slice.
        unsafe { self.buffers.add(self.size as usize * usize::from(id)) }
    }
}

#[cfg(all(test, loom))]
mod models;
