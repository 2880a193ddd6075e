//! [`Group`]: one registered buffer ring, and how far the kernel has used it.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::coverage::{Coverage, Mark};
use crate::memory::Area;

/// A registered buffer ring (`struct io_buffer_list`).
#[derive(Debug)]
pub(crate) struct Group {
    /// The array of `struct io_uring_buf`.
    pub(crate) bufs: NonNull<u8>,
    pub(crate) entries: u16,
    pub(crate) head: u16,
    /// Whether buffers are used piece by piece (`IOBL_INC`).
    pub(crate) incremental: bool,
    /// A buffer with fewer bytes left counts as used up.
    pub(crate) min_left: u32,
    /// The memory, if the kernel provides it (`IOU_PBUF_RING_MMAP`).
    pub(crate) area: Option<Area>,
}

// SAFETY: an address of memory that belongs to the process; it is used under the lock of the whole simulation.
unsafe impl Send for Group {}

/// A `struct io_uring_buf`, as it was read: a buffer, or what is left of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picked {
    pub(crate) address: u64,
    pub(crate) len: u32,
    pub(crate) id: u16,
}

impl Group {
    /// Returns the buffer entry at this index.
    fn buf(&self, at: u16) -> NonNull<u8> {
        let index = usize::from(at & (self.entries - 1));
        // SAFETY: the ring has `entries` entries of 16 bytes (contract of the registration).
        unsafe { self.bufs.add(index * 16) }
    }

    /// Returns the tail that the user has published.
    pub(crate) fn tail(&self) -> u16 {
        // SAFETY: the tail stands in the last two bytes of the first entry.
        let place = unsafe { self.bufs.add(14) };
        // SAFETY: the tail is aligned, valid as long as the ring is registered, and an atomic for both sides.
        unsafe { AtomicU16::from_ptr(place.as_ptr().cast()) }.load(Ordering::Acquire)
    }

    /// Reads the buffer entry at this index.
    fn read(&self, at: u16) -> Picked {
        let mut bytes = [0; 14];
        // SAFETY: no other thread is in the simulation now, and the last two bytes, which may be the tail, are not
        // read.
        unsafe { self.buf(at).copy_to_nonoverlapping(NonNull::from(&mut bytes).cast(), 14) };
        let [address @ .., _, _, _, _, _, _] = bytes;
        let [.., a, b, c, d, e, f] = bytes;
        Picked {
            address: u64::from_ne_bytes(address),
            len: u32::from_ne_bytes([a, b, c, d]),
            id: u16::from_ne_bytes([e, f]),
        }
    }

    /// Returns all buffers that the user has published, in order. If the user has published more than the ring has
    /// entries, some of the buffers are there twice.
    pub(crate) fn ready(&self) -> Vec<Picked> {
        let left = u32::from(self.tail().wrapping_sub(self.head)).min(2 * u32::from(self.entries)) as u16;
        (0..left).map(|ahead| self.read(self.head.wrapping_add(ahead))).collect()
    }

    /// Returns the next buffer. It stays in the ring until it is committed.
    pub(crate) fn next(&self) -> Option<Picked> {
        if self.head == self.tail() { None } else { Some(self.read(self.head)) }
    }

    /// Returns the next buffers, as many as `wanted` bytes need, or one buffer if `wanted` is 0. The last buffer of a
    /// plain group is left out if a part of it is enough, unless it is the first.
    // kernel: io_uring/kbuf.c io_ring_buffers_peek (7.2): a buffer that is longer than what is still wanted is cut;
    // without IOBL_INC it ends the list, and is not in it unless it is the first.
    pub(crate) fn peek(&self, wanted: u32) -> Vec<Picked> {
        let mut left = if wanted == 0 { u32::MAX } else { wanted };
        let mut pieces = Vec::new();
        for mut piece in self.ready() {
            if piece.len > left && !self.incremental && !pieces.is_empty() {
                break;
            }
            piece.len = piece.len.min(left);
            left -= piece.len;
            pieces.push(piece);
            if left == 0 || wanted == 0 {
                break;
            }
        }
        pieces
    }

    /// Commits `count` bytes in `buffers` buffers. Returns whether the last of the buffers is used up.
    // kernel: io_uring/kbuf.c io_kbuf_commit (7.2): with IOBL_INC the bytes count, else the head moves by the number of
    // buffers, however many bytes were used.
    pub(crate) fn commit(&mut self, count: u32, buffers: u16, coverage: &mut Coverage) -> bool {
        if self.incremental {
            return self.commit_some(count, coverage);
        }
        self.head = self.head.wrapping_add(buffers);
        true
    }

    /// Moves on by `count` bytes, beyond the picked buffer if that has fewer.
    // kernel: io_uring/kbuf.c io_kbuf_inc_commit (7.2): address and length of the entry at the head move on; an entry
    // with less left than `min_left` gets length 0, and the head moves. No byte is committed: the buffer is not used
    // up.
    fn commit_some(&mut self, mut count: u32, coverage: &mut Coverage) -> bool {
        let mut passed = 0;
        while count != 0 {
            let Picked { address, len, .. } = self.read(self.head);
            let now = count.min(len);
            let left = len - now;
            if left >= self.min_left.max(1) || now == 0 {
                self.write(address + u64::from(now), left);
                coverage.mark(Mark::BufferKept);
                return false;
            }
            if left != 0 {
                coverage.mark(Mark::RestTooShort);
            }
            self.write(address, 0);
            self.head = self.head.wrapping_add(1);
            count -= now;
            passed += 1;
        }
        if passed != 0 {
            coverage.mark(Mark::BufferUsedUp);
        }
        passed != 0
    }

    /// Writes the address and length of the entry at the head.
    fn write(&self, address: u64, len: u32) {
        let place = self.buf(self.head);
        // SAFETY: the entry is the kernel's; its first eight bytes are the address.
        unsafe { place.cast::<u64>().write(address) };
        // SAFETY: the length stands behind the address.
        let place = unsafe { place.add(8) };
        // SAFETY: the entry is the kernel's; these four bytes are the length.
        unsafe { place.cast::<u32>().write(len) };
    }
}
