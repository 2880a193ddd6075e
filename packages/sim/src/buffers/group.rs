//! One registered ring of buffers: its descriptors, and how far the kernel is.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::coverage::{Coverage, Mark};
use crate::memory::Area;

/// A registered ring of buffers (`struct io_buffer_list`).
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) descriptors: NonNull<u8>,
    pub(crate) entries: u16,
    pub(crate) head: u16,
    pub(crate) incremental: bool,
    /// A buffer with fewer bytes left counts as used up.
    pub(crate) min_left: u32,
    /// The memory, where the kernel provides it.
    pub(crate) area: Option<Area>,
}

// SAFETY: an address of memory that belongs to the process; it is used under the lock of the whole simulation.
unsafe impl Send for Group {}

/// A descriptor, as it was read: a buffer, or what is left of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picked {
    pub(crate) address: u64,
    pub(crate) len: u32,
    pub(crate) id: u16,
}

impl Group {
    fn descriptor(&self, at: u16) -> NonNull<u8> {
        let slot = usize::from(at & (self.entries - 1));
        // SAFETY: the ring has that many descriptors of 16 bytes (contract of the registration).
        unsafe { self.descriptors.add(slot * 16) }
    }

    pub(crate) fn tail(&self) -> u16 {
        // SAFETY: the tail stands in the last two bytes of the first descriptor.
        let place = unsafe { self.descriptors.add(14) };
        // SAFETY: it is aligned, valid as long as the ring is registered, and used as an atomic by both sides.
        unsafe { AtomicU16::from_ptr(place.as_ptr().cast()) }.load(Ordering::Acquire)
    }

    fn read(&self, at: u16) -> Picked {
        let mut bytes = [0; 14];
        // SAFETY: nobody else is in the simulation now, and the last two bytes, which may be the tail, are left alone.
        unsafe { self.descriptor(at).copy_to_nonoverlapping(NonNull::from(&mut bytes).cast(), 14) };
        let [address @ .., _, _, _, _, _, _] = bytes;
        let [.., a, b, c, d, e, f] = bytes;
        Picked {
            address: u64::from_ne_bytes(address),
            len: u32::from_ne_bytes([a, b, c, d]),
            id: u16::from_ne_bytes([e, f]),
        }
    }

    /// All that the kernel may use, in order. Those that are not published are not among them. A user who publishes more
    /// than the ring has finds some of them twice.
    pub(crate) fn ready(&self) -> Vec<Picked> {
        let left = u32::from(self.tail().wrapping_sub(self.head)).min(2 * u32::from(self.entries)) as u16;
        (0..left).map(|ahead| self.read(self.head.wrapping_add(ahead))).collect()
    }

    /// The next buffer, which stays where it is until it is committed.
    pub(crate) fn next(&self) -> Option<Picked> {
        if self.head == self.tail() { None } else { Some(self.read(self.head)) }
    }

    /// The next buffers, as many as `wanted` bytes need (`io_ring_buffers_peek()`); 0: one. Of a plain group the last one
    /// is only among them if it is needed whole, or is the first.
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

    /// So many bytes, in so many buffers, were used; whether the last of them is used up (`io_kbuf_commit()`).
    pub(crate) fn commit(&mut self, count: u32, buffers: u16, coverage: &mut Coverage) -> bool {
        if self.incremental {
            return self.commit_some(count, coverage);
        }
        self.head = self.head.wrapping_add(buffers);
        true
    }

    /// Goes on by so many bytes, also beyond the buffer that was picked, if it does not have so many
    /// (`io_kbuf_inc_commit()`).
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

    /// Writes the address and length of the descriptor at the head.
    fn write(&self, address: u64, len: u32) {
        let place = self.descriptor(self.head);
        // SAFETY: the descriptor is the kernel's; its first eight bytes are the address.
        unsafe { place.cast::<u64>().write(address) };
        // SAFETY: the length stands behind it.
        let place = unsafe { place.add(8) };
        // SAFETY: as for the address.
        unsafe { place.cast::<u32>().write(len) };
    }
}
