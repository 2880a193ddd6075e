//! Buffers: pieces of the static memory, each with one owner.

use core::fmt;
use core::ptr::NonNull;

use bare_uring::register::buf_ring::Buffer as Piece;

use crate::list::{Link, List};
use crate::slab::Slab;

/// The memory of a slab's buffers.
///
/// # Invariants
///
/// `base` points to `links.len()` buffers of `size` bytes, initialised, valid for reads and writes for ever, and reached
/// through this pool only. The bytes of a buffer that is not in the list `free` are those of the one [`Buffer`] with its
/// index; where that lies in a slot whose operation is in flight, the kernel's.
pub(crate) struct Pool {
    pub(crate) base: NonNull<u8>,
    pub(crate) size: u32,
    pub(crate) links: &'static [Link],
    pub(crate) free: List,
}

/// Bytes of the static memory, and in them a window: what was received and not yet used.
///
/// Reads fill the space after the window and extend it, writes take from its start and narrow it. Giving a buffer to an
/// operation moves it; it comes back with the result. Dropped, it goes back to where it came from; forgotten, it is lost.
///
/// The window is what a buffer is as a slice.
pub struct Buffer {
    slab: &'static Slab,
    /// Where it goes back to, if it is one that the kernel was provided with.
    piece: Option<Piece>,
    /// Which of the pool's buffers it is, if it is one of those. (An enum would say it better. But then no buffer at all,
    /// as a slot has it at first, would not be all zero, and a static of slots would fill the program's file.)
    index: u16,
    /// Invariant: the first of `capacity` initialised bytes that are this value's alone.
    base: NonNull<u8>,
    capacity: u32,
    /// Invariant: `start <= end <= capacity`.
    start: u32,
    end: u32,
}

impl Buffer {
    /// A piece that the kernel has filled.
    pub(crate) fn provided(slab: &'static Slab, mut piece: Piece) -> Self {
        let bytes: &mut [u8] = &mut piece;
        // At most the size of a provided buffer, which fits.
        let len = bytes.len() as u32;
        let base = NonNull::from(bytes).cast();
        Self { slab, piece: Some(piece), index: 0, base, capacity: len, start: 0, end: len }
    }

    /// The piece back, where the kernel has provided it.
    pub(crate) fn into_piece(mut self) -> Option<Piece> {
        let piece = self.piece.take()?;
        // Without its piece it is nothing to give back.
        core::mem::forget(self);
        Some(piece)
    }

    /// All bytes that it has room for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Bytes free after the window.
    #[must_use]
    pub const fn room(&self) -> usize {
        (self.capacity - self.end) as usize
    }

    /// Empties the window, and moves it to the front.
    pub const fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Takes `count` bytes off the window's start, or all if it has fewer.
    pub fn consume(&mut self, count: usize) {
        self.start = count.checked_add(self.start as usize).map_or(self.end, |start| self.end.min(cut(start)));
    }

    /// Takes bytes off the window's end until it has at most `len`.
    pub fn truncate(&mut self, len: usize) {
        self.end = len.checked_add(self.start as usize).map_or(self.end, |end| self.end.min(cut(end)));
    }

    /// Moves the window's bytes to the front, so that the room after them is as large as can be.
    pub fn compact(&mut self) {
        let (start, end) = (self.start as usize, self.end as usize);
        self.all().copy_within(start..end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Appends as much as there is room for; how much it was.
    pub fn extend(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        let end = self.end as usize;
        if let (Some(to), Some(from)) = (self.all().get_mut(end..end + count), bytes.get(..count)) {
            to.copy_from_slice(from);
            // No more than the room, which fits.
            self.end += count as u32;
        }
        count
    }

    /// Every byte, those outside the window too.
    fn all(&mut self) -> &mut [u8] {
        // SAFETY: by the invariant these bytes are initialised, and this value's alone.
        unsafe { core::slice::from_raw_parts_mut(self.base.as_ptr(), self.capacity as usize) }
    }

    /// Where the kernel may write, and how much.
    pub(crate) fn space(&mut self) -> (*mut u8, u32) {
        // SAFETY: `end` is at most the capacity.
        (unsafe { self.base.add(self.end as usize) }.as_ptr(), self.capacity - self.end)
    }

    /// Where the kernel may read, and how much.
    pub(crate) fn window(&self) -> (*const u8, u32) {
        // SAFETY: `start` is at most the capacity.
        (unsafe { self.base.add(self.start as usize) }.as_ptr(), self.end - self.start)
    }

    /// The kernel has filled so many bytes; more than there was room for is as much as there was.
    pub(crate) fn filled(&mut self, count: u32) {
        self.end = self.end.saturating_add(count).min(self.capacity);
    }
}

/// As 32 bits, cut to the largest that there is: above every capacity.
fn cut(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl core::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let (start, len) = self.window();
        // SAFETY: the window lies within the bytes, which are initialised, and this value's alone.
        unsafe { core::slice::from_raw_parts(start, len as usize) }
    }
}

impl core::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let (start, len) = self.window();
        // SAFETY: the window lies within the bytes, which are initialised, and this value's alone.
        unsafe { core::slice::from_raw_parts_mut(start.cast_mut(), len as usize) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        match self.piece.take() {
            Some(piece) => self.slab.shelve(piece, &self.slab.returned),
            None => self.slab.pool.free.push_front(self.slab.pool.links, self.index),
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("capacity", &self.capacity)
            .field("start", &self.start)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Slab {
    /// A buffer with an empty window. `None`: all are taken.
    #[must_use]
    pub fn buffer(&'static self) -> Option<Buffer> {
        let index = self.pool.free.pop(self.pool.links)?;
        let offset = self.pool.size as usize * usize::from(index);
        // SAFETY: the pool has more buffers than `index`, each of this size (its invariant).
        let base = unsafe { self.pool.base.add(offset) };
        Some(Buffer { slab: self, piece: None, index, base, capacity: self.pool.size, start: 0, end: 0 })
    }
}
