//! Rings of provided buffers: the kernel picks a buffer when data is there, and says in the completion which.
//!
//! A [`BufRing`] is a ring of descriptors that the kernel reads, and the buffers that they stand for, all of one size.
//! A buffer is out at the kernel until a completion names it. [`BufRing::take`] then gives a [`Buffer`], which is read
//! and recycled; it moves into [`BufRing::recycle`], so that no buffer is recycled twice. What was recycled becomes
//! visible to the kernel with [`BufRing::publish`], one store for any number of buffers.

use core::fmt;
use core::mem::{MaybeUninit, offset_of, size_of};
use core::ptr::NonNull;

use crate::cqueue;
use crate::error::Errno;
use crate::index::Slots;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::sync::{self, AtomicU16, Ordering};
use crate::uapi::{IORING_OFF_MMAP_MASK, IORING_OFF_PBUF_RING, IORING_OFF_PBUF_SHIFT, io_uring_buf};

/// The most buffers that one ring can have.
pub const MAX_BUFFERS: u16 = 32_768;

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

    /// A buffer is filled piece by piece, by several completions, until it is full; all but the last carry `BUF_MORE`.
    /// Since 6.12.
    #[must_use]
    #[doc(alias = "IOU_PBUF_RING_INC")]
    pub const fn incremental(mut self) -> Self {
        self.incremental = true;
        self
    }

    /// With [`incremental`](Self::incremental): a buffer with fewer bytes left than this counts as full. Since 7.1;
    /// `EINVAL` before.
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
#[derive(Debug, Clone, Copy, Default)]
pub struct BufferState {
    /// The place in the ring where it was added last.
    place: u16,
    /// Pieces handed out and not yet recycled.
    out: u16,
    /// Bytes handed out so far.
    used: u32,
    /// Whether the kernel fills it no further.
    done: bool,
}

impl BufferState {
    /// For filling an array.
    pub const NEW: Self = Self { place: 0, out: 0, used: 0, done: false };
}

/// The memory of a [`BufRing`], all of the caller's, for ever: the kernel may write to it as long as a request that
/// took a buffer is in flight, also after the ring of buffers was unregistered.
#[derive(Debug)]
pub struct BufRingMemory {
    /// The ring, as many descriptors as there are buffers (a power of two), starting at a page. Ignored (may be empty)
    /// where the kernel provides it.
    pub descriptors: &'static mut [MaybeUninit<Descriptor>],
    /// The buffers, one after the other; their size is this length divided by the number of states.
    pub buffers: &'static mut [MaybeUninit<u8>],
    /// One for each buffer: their number is the ring's size.
    pub states: &'static mut [BufferState],
}

/// A registered ring of provided buffers.
///
/// # Invariants
///
/// - `ring` points to `slots.count()` descriptors, valid for reads and writes as long as the value lives. Of them the
///   kernel reads those between its head and the published tail (and with incremental use writes to the first); we write
///   the others. The tail, inside the first descriptor, is ours to write.
/// - `buffers` points to `slots.count()` buffers of `size` bytes, valid for reads and writes for ever. A buffer's bytes
///   are the kernel's from its publication until a completion names them, and the [`Buffer`]'s from then on.
/// - Nobody changes the fields but `tail` and `states` after registration.
pub struct BufRing {
    ring: NonNull<Descriptor>,
    buffers: NonNull<u8>,
    states: &'static mut [BufferState],
    slots: Slots,
    size: u32,
    tail: u16,
    group: u16,
    incremental: bool,
    /// Bytes to unmap, where the kernel provided the ring.
    mapped: usize,
}

// SAFETY: the memory is reached through this value alone (and through buffers, each by one owner); which thread holds it
// makes no difference.
unsafe impl Send for BufRing {}

impl fmt::Debug for BufRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufRing")
            .field("group", &self.group)
            .field("buffers", &self.slots.count())
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Bytes that the kernel has filled: a buffer, or with incremental use a piece of one.
///
/// Give it back with [`BufRing::recycle`]; dropped, its buffer is never used again.
#[must_use = "a buffer that is not recycled is never used again"]
pub struct Buffer {
    start: NonNull<u8>,
    len: u32,
    id: u16,
    group: u16,
}

// SAFETY: the bytes are this value's alone; which thread holds it makes no difference.
unsafe impl Send for Buffer {}

impl Buffer {
    /// The buffer's number in its group.
    #[must_use]
    pub const fn id(&self) -> u16 {
        self.id
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("group", &self.group).field("id", &self.id).field("len", &self.len).finish()
    }
}

impl core::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the kernel has filled these bytes, and they are this value's alone.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len as usize) }
    }
}

impl core::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: the kernel has filled these bytes, and they are this value's alone.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len as usize) }
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Registers a ring of provided buffers as `group`, with all of its buffers in it. Since 5.19.
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
    pub fn register_buf_ring(
        &self,
        group: u16,
        memory: BufRingMemory,
        options: BufRingOptions,
    ) -> Result<BufRing, Errno> {
        let ring = NonNull::from(&mut *memory.descriptors).cast::<Descriptor>();
        let aligned = ring.addr().get().is_multiple_of(4096);
        if memory.descriptors.len() != memory.states.len() || !aligned {
            return Err(Errno::EINVAL);
        }
        let (slots, size) = BufRing::measure(&memory)?;
        let address = ring.as_ptr().expose_provenance() as u64;
        // SAFETY: the descriptors are borrowed for ever, and as many as the slots.
        unsafe { self.register_buf_ring_with_flags(address, slots.count(), group, options.flags(), options.min_left) }?;
        Ok(BufRing::fill(ring, slots, size, group, options, memory, 0))
    }

    /// The same, with a ring that the kernel provides (`IOU_PBUF_RING_MMAP`), which [`BufRing::unregister`] unmaps.
    /// Since 6.4.
    ///
    /// # Errors
    ///
    /// As [`register_buf_ring`](Self::register_buf_ring), and those of mapping: `EBADF`, where the ring has no
    /// descriptor to map. `EINVAL`, without asking the kernel: a group above 2047, of which the place to map keeps no
    /// more than 11 bits, so that another group's ring might be mapped.
    #[doc(alias = "IOU_PBUF_RING_MMAP")]
    pub fn register_buf_ring_mapped(
        &self,
        group: u16,
        memory: BufRingMemory,
        options: BufRingOptions,
    ) -> Result<BufRing, Errno> {
        const MMAP: u16 = crate::uapi::io_uring_register_pbuf_ring_flags::IOU_PBUF_RING_MMAP as u16;

        if u32::from(group) > !IORING_OFF_MMAP_MASK >> IORING_OFF_PBUF_SHIFT {
            return Err(Errno::EINVAL);
        }
        let (slots, size) = BufRing::measure(&memory)?;
        // SAFETY: the kernel provides the memory itself.
        unsafe {
            self.register_buf_ring_with_flags(0, slots.count(), group, options.flags() | MMAP, options.min_left)
        }?;
        let len = slots.count() as usize * size_of::<Descriptor>();
        let offset = u64::from(IORING_OFF_PBUF_RING) | u64::from(group) << IORING_OFF_PBUF_SHIFT;
        match self.core.kernel.map(len, self.core.fd, offset) {
            Ok(ring) => Ok(BufRing::fill(ring.cast(), slots, size, group, options, memory, len)),
            Err(errno) => {
                let _ = self.unregister_buf_ring(group);
                Err(errno)
            }
        }
    }
}

impl BufRing {
    /// The number of buffers, and the size of each.
    fn measure(memory: &BufRingMemory) -> Result<(Slots, u32), Errno> {
        let count = u32::try_from(memory.states.len()).map_err(|_| Errno::EINVAL)?;
        let slots = Slots::new(count).ok_or(Errno::EINVAL)?;
        let size = memory.buffers.len().checked_div(memory.states.len()).unwrap_or(0);
        let size = u32::try_from(size).map_err(|_| Errno::EINVAL)?;
        if count > u32::from(MAX_BUFFERS) || size == 0 { Err(Errno::EINVAL) } else { Ok((slots, size)) }
    }

    /// Puts every buffer into the ring.
    fn fill(
        ring: NonNull<Descriptor>,
        slots: Slots,
        size: u32,
        group: u16,
        options: BufRingOptions,
        memory: BufRingMemory,
        mapped: usize,
    ) -> Self {
        let buffers = NonNull::from(memory.buffers).cast::<u8>();
        // The kernel goes by addresses.
        let _ = buffers.as_ptr().expose_provenance();
        let incremental = options.incremental;
        let mut this = Self { ring, buffers, states: memory.states, slots, size, tail: 0, group, incremental, mapped };
        // At most 32,768, which fits.
        for id in 0..slots.count() as u16 {
            this.add(id);
        }
        this.publish();
        this
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

    /// Writes the descriptor of a whole buffer at the tail. It stays ours until [`publish`](Self::publish).
    fn add(&mut self, id: u16) {
        let place = self.tail;
        let start = u64::from(self.size) * u64::from(id);
        let address = self.buffers.as_ptr().addr() as u64 + start;
        let descriptor = self.descriptor(place);
        // SAFETY: each field lies within the descriptor.
        let len = unsafe { descriptor.byte_add(offset_of!(Descriptor, len)) }.cast::<u32>();
        // SAFETY: the same.
        let number = unsafe { descriptor.byte_add(offset_of!(Descriptor, id)) }.cast::<u16>();
        // SAFETY: the descriptor is not between the kernel's head and the published tail, since each buffer is in the
        // ring once at most. Of the first one the kernel reads the tail meanwhile, which is not written here: the fields
        // are written one by one.
        unsafe { sync::write(descriptor.cast::<u64>(), address) };
        // SAFETY: the same.
        unsafe { sync::write(len, self.size) };
        // SAFETY: the same.
        unsafe { sync::write(number, id) };
        if let Some(state) = self.states.get_mut(usize::from(id)) {
            *state = BufferState { place, ..BufferState::default() };
        }
        self.tail = place.wrapping_add(1);
    }

    /// Makes what was recycled visible to the kernel: one store.
    #[doc(alias = "io_uring_buf_ring_advance")]
    pub fn publish(&mut self) {
        // SAFETY: the tail lies in the first descriptor.
        let tail = unsafe { self.ring.byte_add(offset_of!(Descriptor, reserved)) }.cast::<AtomicU16>();
        // SAFETY: it is aligned to two bytes, and written here only.
        let tail = unsafe { tail.as_ref() };
        // Release: pairs with the kernel's acquire of `br->tail`; the descriptors are written before it is visible.
        tail.store(self.tail, Ordering::Release);
    }

    /// The bytes that a completion with a buffer id brings, as one [`Buffer`]. For a bundle, which may fill several
    /// buffers, take them with [`take_bundle`](Self::take_bundle).
    ///
    /// `None` if the completion names no buffer, or one that this ring does not have, or more bytes than are left in it.
    ///
    /// # Safety
    ///
    /// The completion is one of a request on this group, and was not taken before.
    pub unsafe fn take(&mut self, cqe: &cqueue::Entry) -> Option<Buffer> {
        let id = cqe.buffer_id()?;
        let len = u32::try_from(cqe.result()).unwrap_or(0);
        self.piece(id, len, cqe.flags().contains(cqueue::Flags::BUF_MORE))
    }

    /// The buffers that the completion of a bundle brings, one after the other, each filled but the last.
    ///
    /// # Safety
    ///
    /// As [`take`](Self::take).
    pub unsafe fn take_bundle(&mut self, cqe: &cqueue::Entry) -> Bundle<'_> {
        let next = cqe.buffer_id();
        let left = u32::try_from(cqe.result()).unwrap_or(0);
        let more = cqe.flags().contains(cqueue::Flags::BUF_MORE);
        Bundle { ring: self, next, left, more }
    }

    /// The next `len` bytes of a buffer.
    fn piece(&mut self, id: u16, len: u32, more: bool) -> Option<Buffer> {
        let state = self.states.get_mut(usize::from(id))?;
        if state.done || len > self.size.saturating_sub(state.used) {
            return None;
        }
        let offset = u64::from(self.size) * u64::from(id) + u64::from(state.used);
        state.used += len;
        state.out += 1;
        state.done = !(self.incremental && more);
        // SAFETY: `id` is below the number of buffers, and `used + len` at most the size of one, so that the piece lies
        // within the buffers, whose length fits an address.
        let start = unsafe { self.buffers.add(offset as usize) };
        Some(Buffer { start, len, id, group: self.group })
    }

    /// Takes a buffer back. When no piece of it is out any more, and the kernel fills it no further, it goes into the
    /// ring again; the kernel sees it after [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// A buffer of another group comes back.
    #[doc(alias = "io_uring_buf_ring_add")]
    pub fn recycle(&mut self, buffer: Buffer) -> Result<(), Buffer> {
        let ours = self.buffers.addr().get();
        let end = ours + self.size as usize * self.slots.count() as usize;
        let inside = (ours..end).contains(&buffer.start.addr().get()) || buffer.len == 0;
        let Some(state) = self.states.get_mut(usize::from(buffer.id)) else { return Err(buffer) };
        if buffer.group != self.group || !inside || state.out == 0 {
            return Err(buffer);
        }
        state.out -= 1;
        if state.out == 0 && state.done {
            self.add(buffer.id);
        }
        Ok(())
    }

    /// Buffers that the kernel has left. Since 6.8.
    ///
    /// # Errors
    ///
    /// As [`Submitter::buf_ring_head`].
    #[doc(alias = "io_uring_buf_ring_available")]
    pub fn available<K: Kernel>(&self, submitter: &Submitter<'_, K>) -> Result<u16, Errno> {
        Ok(self.tail.wrapping_sub(submitter.buf_ring_head(self.group)?))
    }

    /// Unregisters the group, and unmaps the ring where the kernel provided it. Buffers that are out stay readable;
    /// those of requests in flight are filled still.
    ///
    /// # Errors
    ///
    /// As [`Submitter::unregister_buf_ring`]; the ring comes back.
    pub fn unregister<K: Kernel>(self, submitter: &Submitter<'_, K>) -> Result<(), (Self, Errno)> {
        if let Err(errno) = submitter.unregister_buf_ring(self.group) {
            return Err((self, errno));
        }
        if self.mapped != 0 {
            // SAFETY: the mapping was made for this ring, and its only user ends here.
            let _ = unsafe { submitter.core.kernel.unmap(self.ring.cast(), self.mapped) };
        }
        Ok(())
    }
}

/// The buffers of a bundle; see [`BufRing::take_bundle`].
#[derive(Debug)]
pub struct Bundle<'a> {
    ring: &'a mut BufRing,
    next: Option<u16>,
    left: u32,
    more: bool,
}

impl Iterator for Bundle<'_> {
    type Item = Buffer;

    fn next(&mut self) -> Option<Buffer> {
        let id = self.next.take()?;
        let state = *self.ring.states.get(usize::from(id))?;
        let len = self.left.min(self.ring.size.saturating_sub(state.used));
        self.left -= len;
        let last = self.left == 0;
        if !last {
            // The kernel fills the buffers in the order of the ring.
            let following = self.ring.descriptor(state.place.wrapping_add(1));
            // SAFETY: the field lies within the descriptor.
            let number = unsafe { following.byte_add(offset_of!(Descriptor, id)) }.cast::<u16>();
            // SAFETY: the kernel has taken this descriptor, and nothing was added in its place since, so that nobody
            // writes to it.
            self.next = Some(unsafe { sync::read(number) });
        }
        self.ring.piece(id, len, last && self.more)
    }
}

#[cfg(all(test, loom))]
#[path = "buf_ring_models.rs"]
mod models;
