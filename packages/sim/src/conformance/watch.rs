//! [`Watch`]: a decorator that records what a kernel reports and maps, for the points about set-up and memory.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::{Errno, Kernel};

/// A mapping of a ring.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    /// The `IORING_OFF_*` number of the part.
    pub(super) offset: u64,
    pub(super) address: usize,
    pub(super) len: usize,
    /// The words of the memory, as they were when the mapping ended.
    pub(super) words: Vec<u32>,
    /// The result of unmapping; `None` before that.
    pub(super) unmapped: Option<Result<(), Errno>>,
}

/// What was recorded.
#[derive(Debug)]
pub(super) struct Log {
    /// What the last successful set-up has reported.
    pub(super) params: Cell<Option<io_uring_params>>,
    pub(super) mappings: RefCell<Vec<Mapping>>,
    /// The most entries that a call may ask the kernel to consume.
    pub(super) limit: Cell<u32>,
    /// The result of the last close.
    pub(super) closed: Cell<Option<Result<(), Errno>>>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            params: Cell::new(None),
            mappings: RefCell::default(),
            limit: Cell::new(u32::MAX),
            closed: Cell::new(None),
        }
    }
}

/// Copies ring memory, word by word.
///
/// # Safety
///
/// The memory at `address` is valid for reads of `len` bytes and aligned to 4, and both sides use it as atomics or leave it alone now.
pub(super) unsafe fn words_at(address: NonNull<u8>, len: usize) -> Vec<u32> {
    let word = |at: usize| {
        // SAFETY: the word lies within the memory (caller's contract).
        let word = unsafe { address.cast::<u32>().add(at) };
        // SAFETY: the memory is valid and aligned (caller's contract).
        unsafe { AtomicU32::from_ptr(word.as_ptr()) }.load(Ordering::Relaxed)
    };
    (0..len / 4).map(word).collect()
}

/// A kernel whose answers are recorded.
#[derive(Debug)]
pub(super) struct Watch<'k, K> {
    pub(super) kernel: &'k K,
    pub(super) log: &'k Log,
}

// SAFETY: each call is handed on. Submitting fewer entries is what any caller may do.
unsafe impl<K: Kernel> Kernel for Watch<'_, K> {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is the same.
        let made = unsafe { self.kernel.setup(entries, params) };
        if made.is_ok() {
            self.log.params.set(Some(*params));
        }
        made
    }

    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        want: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        let to_submit = to_submit.min(self.log.limit.get());
        // SAFETY: the caller's contract is the same.
        unsafe { self.kernel.enter(fd, to_submit, want, flags, argument, size) }
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.kernel.register(fd, operation, argument, count) }
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        let address = self.kernel.map(length, fd, offset)?;
        self.log.mappings.borrow_mut().push(Mapping {
            offset,
            address: address.addr().get(),
            len: length,
            words: Vec::new(),
            unmapped: None,
        });
        Ok(address)
    }

    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        let mut mappings = self.log.mappings.borrow_mut();
        let known = |mapping: &&mut Mapping| mapping.address == address.addr().get() && mapping.unmapped.is_none();
        let mapping = mappings.iter_mut().find(known);
        // SAFETY: the memory is mapped until the call below, and its ring is at rest. A mapping that is not aligned is
        // not read.
        let words = address.addr().get().is_multiple_of(4).then(|| unsafe { words_at(address, length) });
        // SAFETY: the caller's contract is the same.
        let unmapped = unsafe { self.kernel.unmap(address, length) };
        if let Some(mapping) = mapping {
            mapping.words = words.unwrap_or_default();
            mapping.unmapped = Some(unmapped);
        }
        unmapped
    }

    unsafe fn keep_from_fork(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.kernel.keep_from_fork(address, length) }
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        // SAFETY: the caller's contract is the same.
        let closed = unsafe { self.kernel.close(fd) };
        self.log.closed.set(Some(closed));
        closed
    }
}
