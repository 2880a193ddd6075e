//! Shared parts of the targets: the input as a sequence of numbers, a kernel that answers with it, and a ring's memory.

use core::ffi::c_void;
use core::ptr::NonNull;
use std::cell::RefCell;

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::{Errno, IoUring, Kernel, Parameters, cqueue, squeue};

/// The input, which is consumed from its start. After its end come zeroes.
#[derive(Debug, Clone)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fills memory with the next bytes.
    pub fn fill(&mut self, into: &mut [u8]) {
        let (now, later) = self.0.split_at(into.len().min(self.0.len()));
        into.fill(0);
        into[..now.len()].copy_from_slice(now);
        self.0 = later;
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    pub fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// Returns the bytes that are left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// Memory that starts at a page boundary. It has exactly the length asked for, so that AddressSanitizer notices an
/// access beyond it.
pub struct Memory {
    start: NonNull<u8>,
    layout: std::alloc::Layout,
}

impl Memory {
    pub fn new(bytes: usize) -> Self {
        let layout = std::alloc::Layout::from_size_align(bytes.max(1), 4096).expect("a sensible size");
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }).expect("memory");
        Self { start, layout }
    }

    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub fn whole(&self) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(self.start, self.layout.size())
    }

    /// Returns the memory as a slice.
    ///
    /// # Safety
    ///
    /// Nothing else may access the memory while the slice lives.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn bytes(&self) -> &mut [u8] {
        // SAFETY: the memory is this value's, and by the caller's contract nothing else accesses it.
        unsafe { &mut *self.whole().as_ptr() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the memory was allocated with this layout.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// A kernel that fills the arguments of registrations with the input's bytes, and returns the input's numbers.
#[derive(Debug)]
pub struct Hostile<'a> {
    /// Number of bytes of an argument.
    pub size: usize,
    pub answers: RefCell<Bytes<'a>>,
}

impl<'a> Hostile<'a> {
    pub fn new(size: usize, bytes: Bytes<'a>) -> Self {
        Self { size, answers: RefCell::new(bytes) }
    }

    fn answer(&self) -> Result<u32, Errno> {
        let mut answers = self.answers.borrow_mut();
        if answers.u8() & 1 == 0 {
            return Ok(answers.u32());
        }
        Err(Errno::from_result(-i32::from(answers.u16() % 4095) - 1).expect("an errno"))
    }
}

// SAFETY: `register` writes `size` bytes to its argument, and nothing else accesses memory.
unsafe impl Kernel for Hostile<'_> {
    unsafe fn setup(&self, _: u32, _: &mut io_uring_params) -> Result<u32, Errno> {
        Err(Errno::ENOSYS)
    }

    unsafe fn enter(&self, _: RawFd, _: u32, _: u32, _: u32, _: *const c_void, _: usize) -> Result<u32, Errno> {
        self.answer()
    }

    unsafe fn register(&self, _: RawFd, _: u32, argument: *mut c_void, _: u32) -> Result<u32, Errno> {
        if !argument.is_null() {
            // SAFETY: the target that made the kernel gave the size of all its arguments.
            let argument = unsafe { core::slice::from_raw_parts_mut(argument.cast::<u8>(), self.size) };
            self.answers.borrow_mut().fill(argument);
        }
        self.answer()
    }

    unsafe fn close(&self, _: RawFd) -> Result<(), Errno> {
        Ok(())
    }
}

/// Returns a valid layout of a ring: four and eight entries, with an index array. The areas have 208 and 256 bytes.
pub fn layout() -> io_uring_params {
    // SAFETY: the structure consists of integers.
    let mut params: io_uring_params = unsafe { core::mem::zeroed() };
    (params.sq_entries, params.cq_entries) = (4, 8);
    (params.sq_off.head, params.sq_off.tail, params.cq_off.head, params.cq_off.tail) = (0, 4, 8, 12);
    (params.sq_off.ring_mask, params.cq_off.ring_mask) = (16, 20);
    (params.sq_off.ring_entries, params.cq_off.ring_entries) = (24, 28);
    (params.sq_off.dropped, params.sq_off.flags) = (32, 36);
    (params.cq_off.flags, params.cq_off.overflow) = (40, 44);
    (params.cq_off.cqes, params.sq_off.array) = (64, 192);
    params
}

/// Sizes of the areas of [`layout`]: the queues, with 16 bytes to spare, and the submission entries.
pub const RINGS: usize = 224;
/// See [`RINGS`].
pub const SQES: usize = 256;

/// Writes the constants of [`layout`] into the rings' header, as a kernel does.
pub fn lay_out(rings: &mut [u8]) {
    for (offset, value) in [(16, 3_u32), (20, 7), (24, 4), (28, 8)] {
        rings[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }
}

/// Makes a ring over memory that has [`layout`], or that layout with another completion queue.
///
/// # Safety
///
/// The memory must live longer than the ring, and no entry may be queued in it.
pub unsafe fn ring_over<'a, C: cqueue::EntryMarker>(
    kernel: Hostile<'a>,
    params: io_uring_params,
    rings: &Memory,
    sqes: &Memory,
) -> IoUring<squeue::Entry, C, Hostile<'a>> {
    let params = Parameters::from_raw(params);
    // SAFETY: the caller's contract.
    let ring = unsafe { IoUring::from_raw_parts(kernel, 3, params, rings.whole(), rings.whole(), sqes.whole()) };
    ring.expect("a valid layout")
}
