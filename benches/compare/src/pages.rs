//! Memory of whole pages that stays for the life of the program, and a ring of buffers in such memory.

use std::alloc::{Layout, alloc_zeroed};
use std::sync::atomic::{AtomicU16, Ordering};

pub const PAGE: usize = 4096;

/// Zeroed memory that starts at a page and is never freed, as rings and registered buffers need it.
pub fn leak(bytes: usize) -> *mut u8 {
    let layout = Layout::from_size_align(bytes.next_multiple_of(PAGE), PAGE).expect("a size that fits");
    assert!(layout.size() != 0);
    // SAFETY: the size is not 0.
    let memory = unsafe { alloc_zeroed(layout) };
    assert!(!memory.is_null(), "out of memory");
    memory
}

/// `struct io_uring_buf`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Descriptor {
    address: u64,
    len: u32,
    id: u16,
    /// In the first one: the tail.
    tail: u16,
}

/// A ring of provided buffers written by hand, for libraries that only register one.
pub struct BufferRing {
    descriptors: *mut Descriptor,
    buffers: *mut u8,
    count: u16,
    size: usize,
    tail: u16,
}

impl BufferRing {
    /// `count` buffers (a power of two) of `size` bytes, all of them in the ring.
    pub fn new(count: u16, size: usize) -> Self {
        let descriptors = leak(usize::from(count) * size_of::<Descriptor>()).cast();
        let buffers = leak(usize::from(count) * size);
        let mut ring = Self { descriptors, buffers, count, size, tail: 0 };
        (0..count).for_each(|id| ring.add(id));
        ring.publish();
        ring
    }

    /// What is registered.
    pub fn address(&self) -> *mut u8 {
        self.descriptors.cast()
    }

    #[inline(always)]
    pub fn buffer(&self, id: u16) -> *const u8 {
        assert!(id < self.count);
        // SAFETY: there is a buffer for each number.
        unsafe { self.buffers.add(usize::from(id) * self.size) }
    }

    #[inline(always)]
    pub fn add(&mut self, id: u16) {
        let address = self.buffer(id).expose_provenance() as u64;
        // SAFETY: the place lies within the ring.
        let place = unsafe { self.descriptors.add(usize::from(self.tail & (self.count - 1))) };
        // The tail, which shares its first descriptor, stays as it is.
        // SAFETY: the kernel does not read a place that is not published.
        unsafe { (&raw mut (*place).address).write(address) };
        // SAFETY: as above.
        unsafe { (&raw mut (*place).len).write(self.size as u32) };
        // SAFETY: as above.
        unsafe { (&raw mut (*place).id).write(id) };
        self.tail = self.tail.wrapping_add(1);
    }

    #[inline(always)]
    pub fn publish(&mut self) {
        // SAFETY: the tail is aligned, lives for ever, and is written here alone.
        let tail = unsafe { AtomicU16::from_ptr(&raw mut (*self.descriptors).tail) };
        tail.store(self.tail, Ordering::Release);
    }
}
