//! The interface to the kernel: the trait [`Kernel`], and [`Linux`], the only caller of the system call shims.
//!
//! Everything else in the crate reaches the kernel through the trait. So a unikernel can put its own entry points
//! behind it, and a test can put a decorator there that fails a call, records it, or simulates a whole kernel.

use core::ffi::c_void;
use core::ptr::NonNull;

use crate::error::Errno;
use crate::types::RawFd;
use crate::uapi::io_uring_params;

mod adapted;

pub use adapted::{Adapted, Quirks};

/// The raw system calls of io_uring: numbers and addresses in, a number or an [`Errno`] out.
///
/// A kernel that is entered by a function call supplies [`setup`](Self::setup), [`enter`](Self::enter),
/// [`register`](Self::register) and [`close`](Self::close); rings are then built over provided memory. The other
/// methods return `ENOSYS` unless they are supplied too.
///
/// # Safety
///
/// Implementation safety, per method:
/// - `setup`: writes to `params` only. On `EINVAL`, `params` must be unchanged, because the caller retries with the
///   same structure and other flags. On success the return value means a ring that stays valid until it is given to
///   `close`. The sizes and offsets in `params` are those of that ring; the ring's words come before its entries and
///   its array, and these do not overlap. (Sizes and offsets are still checked against the memory before use; a wrong
///   one is an error.)
/// - `enter`, `register`: access only the ring's memory, memory that queued requests or registered resources name, and
///   what `argument` means for the given flags or operation. They act as a compiler barrier for that memory: no access
///   of the caller's moves across them.
/// - `map`: on success the memory is valid for reads and writes of `length` bytes, aligned to at least 64 bytes, and
///   stays so until it is given to `unmap`. It is shared with the kernel and with nothing else.
/// - `unmap`, `keep_from_fork`, `close`: act only on what they are given.
pub unsafe trait Kernel {
    /// Makes a ring (`io_uring_setup(2)`). Returns the new ring's fd, or its registered index where `params` asks for
    /// that.
    ///
    /// # Safety
    ///
    /// If `params` asks for a ring in provided memory (`IORING_SETUP_NO_MMAP`), the two addresses in `params` are valid
    /// for reads and writes of the ring's size until the kernel has released the ring, and nothing else uses that
    /// memory.
    ///
    /// # Errors
    ///
    /// The table at [`SetupError::Kernel`](crate::SetupError::Kernel) lists them.
    #[doc(alias = "io_uring_setup")]
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno>;

    /// Submits entries, wakes the SQPOLL thread, and waits (`io_uring_enter(2)`). Returns the number of entries
    /// consumed.
    ///
    /// # Safety
    ///
    /// - Every entry in the ring that the call may consume satisfies the contract of
    ///   [`SubmissionQueue::push`](crate::SubmissionQueue::push). In a ring with SQ_REWIND these are the first
    ///   `to_submit` entries.
    /// - `argument` and `size` are what `flags` calls for: a signal set, a `struct io_uring_getevents_arg`, an
    ///   offset, or null and 0.
    ///
    /// # Errors
    ///
    /// [`Submitter::submit`](crate::Submitter::submit) lists them.
    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno>;

    /// Registers or unregisters a resource (`io_uring_register(2)`). `fd` is -1 for operations that need no ring; any
    /// other negative number names no ring (`EBADF`).
    ///
    /// # Safety
    ///
    /// `argument` and `count` are what `operation` calls for, and what it registers stays valid for as long as that
    /// operation says.
    ///
    /// # Errors
    ///
    /// Each operation has errors of its own; see [`register`](crate::register).
    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno>;

    /// Maps a part of the ring `fd` (`mmap(2)`): shared, readable, writable and populated.
    ///
    /// `offset` is an `IORING_OFF_*` number.
    ///
    /// # Errors
    ///
    /// `ENOSYS` where a kernel does not map rings; `ENOMEM`, `EINVAL`, `EBADF`, `EAGAIN`, `EPERM` as `mmap(2)`.
    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        let _ = (length, fd, offset);
        Err(Errno::ENOSYS)
    }

    /// Unmaps memory (`munmap(2)`).
    ///
    /// # Safety
    ///
    /// `address` and `length` are those of a successful [`map`](Self::map), and nothing uses the memory after the call.
    ///
    /// # Errors
    ///
    /// `ENOSYS` where a kernel does not map rings.
    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        let _ = (address, length);
        Err(Errno::ENOSYS)
    }

    /// Keeps memory from child processes (`madvise(2)` with `MADV_DONTFORK`), which then do not inherit it.
    ///
    /// # Safety
    ///
    /// `address` and `length` are those of a successful [`map`](Self::map).
    ///
    /// # Errors
    ///
    /// `ENOSYS` where there is no fork.
    unsafe fn keep_from_fork(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        let _ = (address, length);
        Err(Errno::ENOSYS)
    }

    /// Closes a ring (`close(2)`).
    ///
    /// # Safety
    ///
    /// `fd` came from [`setup`](Self::setup), and nothing uses it after the call.
    ///
    /// # Errors
    ///
    /// The caller can do nothing about an error: the ring is gone, whatever the result.
    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno>;
}

// SAFETY: every method passes its arguments on unchanged, so that `K`'s implementation meets each obligation.
unsafe impl<K: Kernel> Kernel for &K {
    #[inline]
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is this method's own.
        unsafe { (**self).setup(entries, params) }
    }

    #[inline]
    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is this method's own.
        unsafe { (**self).enter(fd, to_submit, min_complete, flags, argument, size) }
    }

    #[inline]
    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is this method's own.
        unsafe { (**self).register(fd, operation, argument, count) }
    }

    #[inline]
    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        (**self).map(length, fd, offset)
    }

    #[inline]
    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller's contract is this method's own.
        unsafe { (**self).unmap(address, length) }
    }

    #[inline]
    unsafe fn keep_from_fork(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller's contract is this method's own.
        unsafe { (**self).keep_from_fork(address, length) }
    }

    #[inline]
    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        // SAFETY: the caller's contract is this method's own.
        unsafe { (**self).close(fd) }
    }
}

crate::arch::linux! {
    {
        mod linux;
        pub use linux::Linux;

        /// The kernel that a ring uses unless told otherwise.
        pub(crate) type DefaultKernel = Linux;
    } else {
        /// Replaces [`Linux`](https://docs.rs/bare-uring/latest/x86_64-unknown-linux-gnu/bare_uring/struct.Linux.html)
        /// on targets that do not have it: no value of this type exists, and rings must name their kernel.
        #[derive(Debug, Clone, Copy)]
        pub enum NoKernel {}

        pub(crate) type DefaultKernel = NoKernel;

        // SAFETY: no value of this type exists, so that no method can be called.
        unsafe impl Kernel for NoKernel {
            unsafe fn setup(&self, _: u32, _: &mut io_uring_params) -> Result<u32, Errno> {
                match *self {}
            }

            unsafe fn enter(&self, _: RawFd, _: u32, _: u32, _: u32, _: *const c_void, _: usize) -> Result<u32, Errno> {
                match *self {}
            }

            unsafe fn register(&self, _: RawFd, _: u32, _: *mut c_void, _: u32) -> Result<u32, Errno> {
                match *self {}
            }

            unsafe fn close(&self, _: RawFd) -> Result<(), Errno> {
                match *self {}
            }
        }
    }
}
