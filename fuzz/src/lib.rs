//! What the targets share: bytes taken one number at a time, and kernels that answer with them.

use core::ffi::c_void;
use core::ptr::NonNull;
use std::cell::RefCell;

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::{Errno, Kernel};

/// The input, consumed from its start; after its end, zeroes.
#[derive(Debug, Clone)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fills a piece of memory.
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

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// Memory at a page, of exactly this many bytes, so that an access beside it is noticed. Given back when dropped.
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

    /// All of it, for as long as nothing else refers to it.
    ///
    /// # Safety
    ///
    /// Nobody else refers to the memory while the slice lives.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn bytes(&self) -> &mut [u8] {
        // SAFETY: the memory is this value's; the caller's contract.
        unsafe { &mut *self.whole().as_ptr() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// A kernel that writes the input's bytes into whatever it is asked to fill, and answers with the input's numbers.
#[derive(Debug)]
pub struct Hostile<'a> {
    /// How many bytes an argument has.
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

// SAFETY: `register` writes to the argument's bytes only, as many as its operation has; nothing else touches memory.
unsafe impl Kernel for Hostile<'_> {
    unsafe fn setup(&self, _: u32, _: &mut io_uring_params) -> Result<u32, Errno> {
        Err(Errno::ENOSYS)
    }

    unsafe fn enter(&self, _: RawFd, _: u32, _: u32, _: u32, _: *const c_void, _: usize) -> Result<u32, Errno> {
        self.answer()
    }

    unsafe fn register(&self, _: RawFd, _: u32, argument: *mut c_void, _: u32) -> Result<u32, Errno> {
        if !argument.is_null() {
            // SAFETY: whoever made the kernel says how many bytes all its arguments have.
            let argument = unsafe { core::slice::from_raw_parts_mut(argument.cast::<u8>(), self.size) };
            self.answers.borrow_mut().fill(argument);
        }
        self.answer()
    }

    unsafe fn close(&self, _: RawFd) -> Result<(), Errno> {
        Ok(())
    }
}

/// A good layout of a ring: four and eight slots, with an index array. The areas have 208 and 256 bytes.
pub fn layout() -> io_uring_params {
    // SAFETY: integers only.
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

/// The sizes of the good layout's areas.
pub const RINGS: usize = 224;
pub const SQES: usize = 256;

/// Writes what a kernel has in the head of the good layout.
pub fn lay_out(rings: &mut [u8]) {
    for (offset, value) in [(16, 3_u32), (20, 7), (24, 4), (28, 8)] {
        rings[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }
}
