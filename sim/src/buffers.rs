//! Rings of provided buffers.

use std::ptr::{NonNull, with_exposed_provenance_mut};
use std::sync::atomic::{AtomicU16, Ordering};

use bare_uring::uapi::{IORING_CQE_BUFFER_SHIFT, IORING_CQE_F_BUF_MORE, IORING_CQE_F_BUFFER};

use crate::memory::Area;

/// A registered ring of buffers.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) descriptors: NonNull<u8>,
    pub(crate) entries: u16,
    pub(crate) head: u16,
    pub(crate) incremental: bool,
    /// The memory, where the kernel provides it.
    pub(crate) area: Option<Area>,
}

// SAFETY: an address of memory that belongs to the process; it is used under the lock of the whole simulation.
unsafe impl Send for Group {}

/// A buffer that was picked.
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

    fn tail(&self) -> u16 {
        // SAFETY: the tail stands in the last two bytes of the first descriptor.
        let place = unsafe { self.descriptors.add(14) };
        // SAFETY: it is aligned, valid as long as the ring is registered, and used as an atomic by both sides.
        unsafe { AtomicU16::from_ptr(place.as_ptr().cast()) }.load(Ordering::Acquire)
    }

    /// The next buffer, which stays where it is until [`used`](Self::used).
    pub(crate) fn next(&self) -> Option<Picked> {
        if self.head == self.tail() {
            return None;
        }
        let mut bytes = [0; 14];
        // SAFETY: what lies before the tail is the kernel's to read, and the last two bytes are left alone.
        unsafe { self.descriptor(self.head).copy_to_nonoverlapping(NonNull::from(&mut bytes).cast(), 14) };
        let [address @ .., _, _, _, _, _, _] = bytes;
        let [.., a, b, c, d, e, f] = bytes;
        Some(Picked {
            address: u64::from_ne_bytes(address),
            len: u32::from_ne_bytes([a, b, c, d]),
            id: u16::from_ne_bytes([e, f]),
        })
    }

    /// So many bytes of the picked buffer were filled: the flags of the completion that says so.
    pub(crate) fn used(&mut self, picked: Picked, count: u32) -> u32 {
        let flags = u32::from(picked.id) << IORING_CQE_BUFFER_SHIFT | IORING_CQE_F_BUFFER;
        let left = picked.len - count;
        if !self.incremental || left == 0 {
            self.head = self.head.wrapping_add(1);
            return flags;
        }
        let place = self.descriptor(self.head);
        // SAFETY: the descriptor is the kernel's; its first eight bytes are the address.
        unsafe { place.cast::<u64>().write(picked.address + u64::from(count)) };
        // SAFETY: the length stands behind it.
        let len = unsafe { place.add(8) };
        // SAFETY: the same.
        unsafe { len.cast::<u32>().write(left) };
        flags | IORING_CQE_F_BUF_MORE
    }
}

/// Fills the user's memory.
///
/// # Safety
///
/// The memory is valid for so many bytes, and the request's alone.
pub(crate) unsafe fn copy_to_user(address: u64, bytes: &[u8]) {
    let to = with_exposed_provenance_mut::<u8>(address as usize);
    // SAFETY: the caller's contract.
    unsafe { to.copy_from(bytes.as_ptr(), bytes.len()) };
}

/// Reads the user's memory.
///
/// # Safety
///
/// The memory is valid for so many bytes, and nobody writes to it.
pub(crate) unsafe fn copy_from_user(address: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; len];
    let from = with_exposed_provenance_mut::<u8>(address as usize);
    // SAFETY: the caller's contract.
    unsafe { from.copy_to(bytes.as_mut_ptr(), len) };
    bytes
}
