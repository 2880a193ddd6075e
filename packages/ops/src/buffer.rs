//! Buffers: pieces of the static memory, each with one owner.

use core::fmt;
use core::ptr::NonNull;

use bare_uring::register::buf_ring::Buffer as Piece;

use crate::group::Shelves;
use crate::list::{Link, List};

/// The memory of a slab's buffers, and the way back for those that the kernel was provided with.
///
/// # Invariants
///
/// - `base` points to `links.len()` buffers of `size` bytes. They are initialised, valid for reads and writes for ever,
///   and reached through this pool only.
/// - The bytes of a buffer that is not in the list `free` belong to the one [`Buffer`] with its index. While that lies in
///   a slot whose operation is in flight, the bytes are the kernel's.
pub(crate) struct Pool {
    pub(crate) base: NonNull<u8>,
    pub(crate) size: u32,
    pub(crate) links: &'static [Link],
    pub(crate) free: List,
    pub(crate) shelves: Shelves,
}

impl Pool {
    /// Takes a buffer, with an empty window. `None`: all are taken.
    pub(crate) fn take(&'static self) -> Option<Buffer> {
        self.pop_own(&self.free)
    }

    /// Takes the first of the pool's own buffers out of a list, with an empty window.
    pub(crate) fn pop_own(&'static self, list: &List) -> Option<Buffer> {
        let index = list.pop(self.links)?;
        let offset = self.size as usize * usize::from(index);
        // SAFETY: the pool has more buffers than `index`, each of this size (its invariant).
        let base = unsafe { self.base.add(offset) };
        Some(Buffer { pool: self, piece: None, index, base, capacity: self.size, start: 0, end: 0 })
    }

    /// Takes the first buffer out of a backlog.
    pub(crate) fn pop_from(&'static self, backlog: &List) -> Option<Buffer> {
        self.shelves.take(backlog).map(|piece| Buffer::provided(self, piece))
    }
}

/// Bytes of the static memory, and in them a window: what was received and not yet used.
///
/// A read fills the room after the window and extends the window; a write takes bytes from the window's start and
/// narrows it. Giving a buffer to an operation moves it; the buffer comes back with the result. A buffer that is
/// dropped goes back to where it came from; one that is forgotten is lost.
///
/// As a slice, a buffer is its window.
pub struct Buffer {
    pool: &'static Pool,
    /// The provided buffer that goes back to the kernel, if this is one.
    piece: Option<Piece>,
    /// The index among the pool's buffers, if this is one of those. (An enum would say it better. But with an enum, the
    /// `None` that a new slot holds would not be all zero, and a static of slots would fill the program's file.)
    index: u16,
    /// Invariant: points to `capacity` initialised bytes that belong to this value alone.
    base: NonNull<u8>,
    capacity: u32,
    /// Invariant: `start <= end <= capacity`.
    start: u32,
    end: u32,
}

impl Buffer {
    /// Makes a buffer of a piece that the kernel has filled.
    pub(crate) fn provided(pool: &'static Pool, mut piece: Piece) -> Self {
        let bytes: &mut [u8] = &mut piece;
        // The length is at most the size of a provided buffer, which fits.
        let len = bytes.len() as u32;
        let base = NonNull::from(bytes).cast();
        Self { pool, piece: Some(piece), index: 0, base, capacity: len, start: 0, end: len }
    }

    /// Puts a provided buffer at the end of a backlog. Any other goes back to the pool.
    pub(crate) fn push_to(mut self, backlog: &List) {
        if let Some(piece) = self.piece.take() {
            self.pool.shelves.put(piece, backlog);
            // Without its piece, dropping the buffer would free one of the pool.
            core::mem::forget(self);
        }
    }

    /// Makes a buffer without bytes, which goes back to nowhere: no buffer of the pool has this index.
    pub(crate) const fn none(pool: &'static Pool) -> Self {
        Self { pool, piece: None, index: u16::MAX, base: NonNull::dangling(), capacity: 0, start: 0, end: 0 }
    }

    /// Puts a buffer of the pool's own at the end of a list. A provided buffer goes back to the kernel.
    pub(crate) fn push_own_to(self, list: &List) {
        if self.piece.is_none() {
            list.push(self.pool.links, self.index);
            // The list takes over what this value stands for.
            core::mem::forget(self);
        }
    }

    /// Tells whether the kernel was provided with this buffer.
    pub(crate) const fn is_provided(&self) -> bool {
        self.piece.is_some()
    }

    /// Returns where the window begins and ends.
    pub(crate) const fn bounds(&self) -> (u32, u32) {
        (self.start, self.end)
    }

    /// Sets the window. One that does not lie in the buffer becomes one that does.
    pub(crate) fn set_bounds(&mut self, (start, end): (u32, u32)) {
        self.end = end.min(self.capacity);
        self.start = start.min(self.end);
    }

    /// Returns the number of bytes that the buffer has in all.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Returns the number of bytes that are free after the window.
    #[must_use]
    pub const fn room(&self) -> usize {
        (self.capacity - self.end) as usize
    }

    /// Empties the window, and moves it to the front of the buffer.
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

    /// Moves the window's bytes to the front of the buffer, so that the room after them is as large as can be.
    pub fn compact(&mut self) {
        let (start, end) = (self.start as usize, self.end as usize);
        self.all().copy_within(start..end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Appends as many of the bytes as there is room for, and returns their number. The others did not fit.
    ///
    /// [`write!`](core::write) appends text, and fails if it does not fit.
    #[must_use = "bytes after this number did not fit"]
    pub fn extend(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        let end = self.end as usize;
        if let (Some(to), Some(from)) = (self.all().get_mut(end..end + count), bytes.get(..count)) {
            to.copy_from_slice(from);
            // The count is at most the room, which fits.
            self.end += count as u32;
        }
        count
    }

    /// Returns the room after the window, to be written to. [`grow`](Self::grow) then takes what was written into the
    /// window.
    ///
    /// The bytes are what was there before: of an earlier use of this memory, if not of this one.
    pub fn spare(&mut self) -> &mut [u8] {
        let end = self.end as usize;
        self.all().get_mut(end..).unwrap_or_default()
    }

    /// Takes `count` bytes after the window into it, or all if there are fewer.
    pub fn grow(&mut self, count: usize) {
        self.filled(cut(count));
    }

    /// Returns every byte, also those outside the window.
    fn all(&mut self) -> &mut [u8] {
        // SAFETY: these bytes are initialised, and belong to this value alone (invariant of `base`).
        unsafe { core::slice::from_raw_parts_mut(self.base.as_ptr(), self.capacity as usize) }
    }

    /// Returns where the kernel may write, and how many bytes: the room after the window.
    pub(crate) fn space(&mut self) -> (*mut u8, u32) {
        // SAFETY: `end` is at most the capacity (invariant of `end`).
        (unsafe { self.base.add(self.end as usize) }.as_ptr(), self.capacity - self.end)
    }

    /// Returns where the kernel may read, and how many bytes: the window.
    pub(crate) fn window(&self) -> (*const u8, u32) {
        // SAFETY: `start` is at most the capacity (invariant of `start`).
        (unsafe { self.base.add(self.start as usize) }.as_ptr(), self.end - self.start)
    }

    /// Extends the window by the bytes that the kernel says it has filled. A count larger than the room fills the room.
    pub(crate) fn filled(&mut self, count: u32) {
        self.end = self.end.saturating_add(count).min(self.capacity);
    }
}

/// Converts a count to 32 bits. One that does not fit becomes `u32::MAX`, which is above every capacity.
fn cut(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Appends text to the window.
impl fmt::Write for Buffer {
    /// Appends the text if all of it fits. Otherwise appends nothing of it, and fails; parts that were written before it
    /// stay.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.room() || self.extend(text.as_bytes()) < text.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

impl core::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let (start, len) = self.window();
        // SAFETY: the window lies within the bytes, which are initialised and belong to this value alone (invariants).
        unsafe { core::slice::from_raw_parts(start, len as usize) }
    }
}

impl core::ops::DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let (start, len) = self.window();
        // SAFETY: the window lies within the bytes, which are initialised and belong to this value alone (invariants).
        unsafe { core::slice::from_raw_parts_mut(start.cast_mut(), len as usize) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        match self.piece.take() {
            Some(piece) => self.pool.shelves.give_back(piece),
            None => self.pool.free.push_front(self.pool.links, self.index),
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
