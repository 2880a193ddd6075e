//! Rings of provided buffers: the kernel picks a buffer when data is there, and says in the completion which.
//!
//! A [`BufRing`] is a ring of descriptors that the kernel reads, and the buffers that they stand for, all of one size.
//! A buffer is the kernel's until a completion names it. [`BufRing::take`] then gives a [`Buffer`], which is read
//! and recycled; it moves into [`BufRing::recycle`], so that no buffer is recycled twice. What was recycled becomes
//! visible to the kernel with [`BufRing::publish`], one store for any number of buffers.
//!
//! Call [`take`](BufRing::take) before you look at a completion's [`outcome`](crate::cqueue::Entry::outcome): completions that
//! end in an error, and those at the end of a file, can carry a buffer too, which would be lost. A datagram that is
//! longer than a buffer is cut at the buffer's end.

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

/// The most buffers that one ring can have.
pub const MAX_BUFFERS: u16 = 32_768;

/// The largest group whose number fits between the two others in the offset of a mapping (`io_uring/memmap.c`). The
/// highest bit of a larger one would be lost, and the mapping be that of another group.
const MAX_MAPPED_GROUP: u16 = (!IORING_OFF_MMAP_MASK >> IORING_OFF_PBUF_SHIFT) as u16;

/// The smallest page that a kernel has; one with larger pages refuses itself what is not at one.
const PAGE: usize = 4096;

/// In place of a buffer's number: there is none.
const NO_BUFFER: u16 = u16::MAX;

/// How the buffers of a group are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BufRingOptions {
    incremental: bool,
    min_left: u32,
}

impl BufRingOptions {
    /// Each buffer is used once, whatever part of it is filled.
    #[must_use]
    pub const fn new() -> Self {
        Self { incremental: false, min_left: 0 }
    }

    /// A buffer is filled piece by piece, by several completions, until it is full. Since 6.12.
    ///
    /// Requests on such a group must ask for length 0, which means all that is left: see [`BufRing::take`].
    ///
    /// No request on such a group may carry `MSG_TRUNC`, nor be a bundle on kernels from 6.13 to 6.16: see there too.
    #[must_use]
    #[doc(alias = "IOU_PBUF_RING_INC")]
    pub const fn incremental(mut self) -> Self {
        self.incremental = true;
        self
    }

    /// With [`incremental`](Self::incremental): a buffer with fewer bytes left than this counts as full. Without it, a
    /// multishot `recvmsg` ends with `EFAULT` once less is left of a buffer than its header needs. Since 7.1, and in the
    /// long-term kernels 6.12.117 and 6.18.44; `EINVAL` before. No request on such a group may be a bundle.
    #[must_use]
    pub const fn min_left(mut self, bytes: u32) -> Self {
        self.min_left = bytes;
        self
    }

    const fn flags(self) -> u16 {
        if self.incremental { crate::uapi::io_uring_register_pbuf_ring_flags::IOU_PBUF_RING_INC as u16 } else { 0 }
    }
}

/// One descriptor of the ring, as the kernel reads it (`struct io_uring_buf`).
///
/// An array of them is the ring's memory; it must start at a page.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Descriptor {
    address: u64,
    len: u32,
    id: u16,
    /// In the first descriptor of a ring: its tail.
    reserved: u16,
}

impl Descriptor {
    /// For filling an array.
    pub const EMPTY: Self = Self { address: 0, len: 0, id: 0, reserved: 0 };
}

const _: () = {
    use crate::uapi::io_uring_buf_ring__bindgen_ty_1__bindgen_ty_1 as Head;

    assert!(size_of::<Descriptor>() == size_of::<io_uring_buf>());
    assert!(offset_of!(Descriptor, address) == offset_of!(io_uring_buf, addr));
    assert!(offset_of!(Descriptor, len) == offset_of!(io_uring_buf, len));
    assert!(offset_of!(Descriptor, id) == offset_of!(io_uring_buf, bid));
    assert!(offset_of!(Descriptor, reserved) == offset_of!(Head, tail));
};

/// What a ring knows about one buffer.
#[derive(Debug, Clone, Copy)]
pub struct BufferState {
    /// Pieces handed out and not yet recycled. A count that reaches its limit stays there: the buffer is never used again.
    out: u32,
    /// Bytes handed out so far.
    used: u32,
    /// With incremental use: how far the kernel had filled it when a completion was last taken.
    stood: u32,
    /// The place in the ring where it was added last.
    place: u16,
    /// The buffer that was added after it, or [`NO_BUFFER`].
    next: u16,
    /// Whether the kernel fills it no further.
    done: bool,
}

impl BufferState {
    /// For filling an array.
    pub const NEW: Self = Self { out: 0, used: 0, stood: 0, place: 0, next: 0, done: false };
}

impl Default for BufferState {
    fn default() -> Self {
        Self::NEW
    }
}

/// The memory of a [`BufRing`], all of the caller's, for ever: the kernel may write to it as long as a request that
/// took a buffer is in flight, also after the ring of buffers was unregistered.
#[derive(Debug)]
pub struct BufRingMemory {
    /// The ring, as many descriptors as there are buffers (a power of two), starting at a page. Ignored (may be empty)
    /// where the kernel provides it.
    pub descriptors: &'static mut [MaybeUninit<Descriptor>],
    /// The buffers, one after the other; their size is this length divided by the number of states. They are initialised,
    /// since kernels count bytes that nobody has written: the gaps of a multishot `recvmsg`, the rest of a datagram that
    /// was cut.
    pub buffers: &'static mut [u8],
    /// One for each buffer: their number is the ring's size.
    pub states: &'static mut [BufferState],
}

/// A registered ring of provided buffers.
///
/// Dropped, it unmaps what [`register_buf_ring_mapped`](Submitter::register_buf_ring_mapped) has mapped. The group stays
/// registered until [`unregister`](Self::unregister) or the end of the ring, and the kernel uses up the buffers that are
/// published: drop has no ring to ask, and the number of a descriptor may be another ring's by then.
///
/// A mapped one keeps the ring alive: as long as this value is there, the kernel does not end the ring, though its
/// descriptor is closed. Drop it before the ring, or soon after.
///
/// # Invariants
///
/// - `ring` points to `slots.count()` descriptors, valid for reads and writes as long as the value lives. Of them the
///   kernel reads those between its head and the published tail (and with incremental use writes to the first); we write
///   the others. The tail, inside the first descriptor, is ours to write.
/// - `buffers` points to `slots.count()` buffers of `size` bytes, initialised, valid for reads and writes for ever, and
///   this value's alone: no other ring of buffers has ever had them. A buffer's bytes are the kernel's from its publication
///   until a completion names them, and the [`Buffer`]'s from then on.
/// - Each buffer is in the ring once at most: from when it is added until the completion that ends its use is taken, it
///   is not `done`, and only a buffer that is `done` is added.
/// - If there is a `mapper`, it has mapped the ring, as long as `slots` say, and nobody else unmaps it.
/// - Nobody changes the fields but `tail`, `last` and `states` after registration.
pub struct BufRing<K: Kernel = DefaultKernel> {
    ring: NonNull<Descriptor>,
    buffers: NonNull<u8>,
    states: &'static mut [BufferState],
    slots: Slots,
    size: u32,
    tail: u16,
    /// The buffer that was added last.
    last: u16,
    group: u16,
    incremental: bool,
    /// Whether an error that carries a buffer has used that up.
    errors_consume: bool,
    /// The ring's, see [`Identity`](crate::submitter::Identity).
    identity: u32,
    mapper: Option<K>,
}

// SAFETY: the memory is reached through this value alone (and through buffers, each by one owner); which thread holds it
// makes no difference. Only the mapper may be bound to a thread.
unsafe impl<K: Kernel + Send> Send for BufRing<K> {}

impl<K: Kernel> fmt::Debug for BufRing<K> {
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
            // SAFETY: the mapping is this value's own (invariant), made by the same kernel, and gone with it. A failure
            // leaves nothing to be done.
            let _ = unsafe { kernel.unmap(self.ring.cast(), Self::bytes(self.slots)) };
        }
    }
}

/// Bytes that the kernel has filled: a buffer, or with incremental use a piece of one.
///
/// Give it back with [`BufRing::recycle`]; dropped, its buffer is never used again.
///
/// # Invariants
///
/// `buffer` is where a buffer of one ring starts, and so tells that ring from all others. `offset + len` is at most the
/// buffer's size, and these bytes are this value's alone.
#[must_use = "a buffer that is not recycled is never used again"]
pub struct Buffer {
    buffer: NonNull<u8>,
    offset: u32,
    len: u32,
    id: u16,
}

// SAFETY: the bytes are this value's alone; which thread holds it makes no difference.
unsafe impl Send for Buffer {}
// SAFETY: a shared reference only reads the bytes.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// The buffer's number in its group.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("id", &self.id).field("offset", &self.offset).field("len", &self.len).finish()
    }
}

impl core::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: these bytes are initialised, as all buffers are, and this value's alone (invariant).
        unsafe { core::slice::from_raw_parts(self.start(), self.len as usize) }
    }
}

impl core::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`.
        unsafe { core::slice::from_raw_parts_mut(self.start(), self.len as usize) }
    }
}

/// The memory of a group without its ring.
struct Rest {
    buffers: NonNull<u8>,
    states: &'static mut [BufferState],
    slots: Slots,
    size: u32,
}

impl Rest {
    /// Where the ring is, if it is the caller's, and the rest; `EINVAL` for a number or size that there can't be.
    fn of(memory: BufRingMemory) -> Result<(NonNull<Descriptor>, Self), Errno> {
        let BufRingMemory { descriptors, buffers, states } = memory;
        let count = u32::try_from(states.len()).map_err(|_| Errno::EINVAL)?;
        let slots = Slots::new(count).ok_or(Errno::EINVAL)?;
        let size = buffers.len().checked_div(states.len()).unwrap_or(0);
        let size = u32::try_from(size).map_err(|_| Errno::EINVAL)?;
        if count > u32::from(MAX_BUFFERS) || size == 0 {
            return Err(Errno::EINVAL);
        }
        let buffers = NonNull::from(buffers).cast::<u8>();
        // The kernel goes by addresses.
        let _ = buffers.as_ptr().expose_provenance();
        Ok((NonNull::from(descriptors).cast(), Self { buffers, states, slots, size }))
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Registers a ring of provided buffers as `group`, with all of its buffers in it. Since 5.19.
    ///
    /// The borrow of the memory never ends, even if the call fails.
    ///
    /// # Errors
    ///
    /// `EINVAL`, before the kernel is asked: a number of states that is no power of two or more than [`MAX_BUFFERS`], a
    /// ring of another length or not at a page, buffers of no size; from the kernel: options that it does not know, or
    /// (before 6.10) a ring in the high memory that kernels of 32 bits have. `EEXIST`: the group is there
    /// already. `ENOMEM`: above RLIMIT_MEMLOCK.
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
        if memory.descriptors.len() != memory.states.len() || !memory.descriptors.as_ptr().addr().is_multiple_of(PAGE) {
            return Err(Errno::EINVAL);
        }
        // The kernel looks at the tail from the moment of registration. A request that waits for the group must find
        // nothing of what stood in this memory before, and no descriptor that is half written: so the tail is 0 until all
        // of them are.
        memory.descriptors.fill(MaybeUninit::new(Descriptor::EMPTY));
        let (ring, rest) = Rest::of(memory)?;
        let address = ring.as_ptr().expose_provenance() as u64;
        let count = rest.slots.count();
        let mut this = self.fill(ring, group, options, rest);
        // SAFETY: the descriptors are borrowed for ever, and as many as the slots.
        unsafe { self.register_buf_ring_with_flags(address, count, group, options.flags(), options.min_left) }?;
        this.publish();
        Ok(this)
    }

    /// [`register_buf_ring`](Self::register_buf_ring) with a ring that the kernel provides (`IOU_PBUF_RING_MMAP`) and the
    /// [`BufRing`] unmaps. Since 6.4.
    ///
    /// # Errors
    ///
    /// As [`register_buf_ring`](Self::register_buf_ring), and those of mapping: `EBADF`, where the ring has no
    /// descriptor to map. `EINVAL` also: the group is above 2047, for which the offset of a mapping has no room.
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
        // The clone maps, so that it is the one to unmap.
        let kernel = self.core.kernel.clone();
        // SAFETY: the kernel provides the memory itself, all of it zero.
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

    /// Writes the descriptors of all buffers; the tail stays what it is.
    fn fill(&self, ring: NonNull<Descriptor>, group: u16, options: BufRingOptions, rest: Rest) -> BufRing<K> {
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
        // At most 32,768, which fits.
        for id in 0..slots.count() as u16 {
            this.add(id);
        }
        this
    }

    /// Whether an error that carries a buffer has used that up, as it has on every kernel but some of 6.10 to 6.17:
    /// there, a `Read` from a socket that ends in an error names the next buffer and leaves it in the ring (mended by
    /// the commit "io_uring/rw: recycle buffers manually for non-mshot reads" of 6.17). The first of them has bundles,
    /// and the first that is right for sure has queries.
    fn errors_consume(&self) -> bool {
        // SAFETY: an empty list of questions names no memory.
        let has_queries = || unsafe { self.core.kernel.register(-1, IORING_REGISTER_QUERY, null_mut(), 0) }.is_ok();
        !self.core.params.features().contains(Features::RECVSEND_BUNDLE) || has_queries()
    }
}

impl<K: Kernel> BufRing<K> {
    /// Bytes of so many descriptors.
    const fn bytes(slots: Slots) -> usize {
        slots.count() as usize * size_of::<Descriptor>()
    }

    /// The group's number.
    #[must_use]
    pub const fn group(&self) -> u16 {
        self.group
    }

    /// Bytes of each buffer.
    #[must_use]
    pub const fn buffer_size(&self) -> u32 {
        self.size
    }

    /// The descriptor at a place of the ring.
    fn descriptor(&self, place: u16) -> NonNull<Descriptor> {
        let slot = self.slots.slot(u32::from(place)) as usize;
        // SAFETY: the slot is below the number of descriptors.
        unsafe { self.ring.add(slot) }
    }

    /// Where the buffer `id` starts.
    fn buffer(&self, id: u16) -> NonNull<u8> {
        debug_assert!(u32::from(id) < self.slots.count());
        // SAFETY: `id` is below the number of buffers, which lie within one slice.
        unsafe { self.buffers.add(self.size as usize * usize::from(id)) }
    }
}

#[cfg(all(test, loom))]
mod models;
