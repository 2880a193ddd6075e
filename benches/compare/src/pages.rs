//! Whole pages of memory that are never freed, and a provided buffer ring in such memory.

use std::alloc::{Layout, alloc_zeroed};
use std::sync::atomic::{AtomicU16, Ordering};

pub const PAGE: usize = 4096;

/// Allocates zeroed memory that starts at a page boundary and is never freed, for rings and registered buffers.
pub fn leak(bytes: usize) -> *mut u8 {
    let layout = Layout::from_size_align(bytes.next_multiple_of(PAGE), PAGE).expect("a size that fits");
    assert!(layout.size() != 0);
    // SAFETY: the assertion above: the size is not 0.
    let memory = unsafe { alloc_zeroed(layout) };
    assert!(!memory.is_null(), "out of memory");
    memory
}

/// `struct io_uring_buf`, an entry of a provided buffer ring.
#[derive(Clone, Copy)]
#[repr(C)]
struct BufferEntry {
    address: u64,
    len: u32,
    id: u16,
    /// The tail of the ring, in the first entry only.
    tail: u16,
}

/// A provided buffer ring written by hand, for libraries that can only register one.
pub struct BufferRing {
    entries: *mut BufferEntry,
    buffers: *mut u8,
    count: u16,
    size: usize,
    tail: u16,
}

impl BufferRing {
    /// Makes a ring of `count` buffers (a power of two) of `size` bytes, and adds all of them.
    pub fn new(count: u16, size: usize) -> Self {
        let entries = leak(usize::from(count) * size_of::<BufferEntry>()).cast();
        let buffers = leak(usize::from(count) * size);
        let mut ring = Self { entries, buffers, count, size, tail: 0 };
        (0..count).for_each(|id| ring.add(id));
        ring.publish();
        ring
    }

    /// Returns the address to register.
    pub fn address(&self) -> *mut u8 {
        self.entries.cast()
    }

    #[inline(always)]
    pub fn buffer(&self, id: u16) -> *const u8 {
        assert!(id < self.count);
        // SAFETY: the assertion above: the buffer exists.
        unsafe { self.buffers.add(usize::from(id) * self.size) }
    }

    #[inline(always)]
    pub fn add(&mut self, id: u16) {
        let address = self.buffer(id).expose_provenance() as u64;
        // SAFETY: the mask keeps the index within the ring.
        let entry = unsafe { self.entries.add(usize::from(self.tail & (self.count - 1))) };
        // Writes field by field, because the first entry also holds the tail.
        // SAFETY: the entry is not published, so the kernel does not read it.
        unsafe { (&raw mut (*entry).address).write(address) };
        // SAFETY: the entry is not published, so the kernel does not read it.
        unsafe { (&raw mut (*entry).len).write(self.size as u32) };
        // SAFETY: the entry is not published, so the kernel does not read it.
        unsafe { (&raw mut (*entry).id).write(id) };
        self.tail = self.tail.wrapping_add(1);
    }

    #[inline(always)]
    pub fn publish(&mut self) {
        // SAFETY: the tail is aligned, never freed, and written only here.
        let tail = unsafe { AtomicU16::from_ptr(&raw mut (*self.entries).tail) };
        tail.store(self.tail, Ordering::Release);
    }
}
