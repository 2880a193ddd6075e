//! The seam to the kernel: the trait [`Kernel`], and [`Linux`], which is the only caller of the system call shims.
//!
//! Everything else in the crate speaks to the kernel through the trait. So a unikernel puts its own entry points
//! behind it, and a test a decorator that fails a call, records it, or simulates a whole kernel.

use core::ffi::c_void;
use core::ptr::NonNull;

use crate::error::Errno;
use crate::types::RawFd;
use crate::uapi::io_uring_params;

/// The system calls of io_uring, raw: numbers and addresses in, a number or an [`Errno`] out.
///
/// A kernel that is entered by a function call supplies [`setup`](Self::setup), [`enter`](Self::enter),
/// [`register`](Self::register) and [`close`](Self::close); rings are then built over provided memory. The other
/// methods answer `ENOSYS` unless they are supplied too.
///
/// # Safety
///
/// Implementation safety, per method:
/// - `setup`: writes to `params` only, and not where it answers `EINVAL`: who asks again, with other flags, hands it the
///   same structure. On success the value returned means a ring that stays valid until it is given to `close`, and the
///   sizes and offsets in `params` are those of that ring, whose words come before its entries and its array, which do not
///   overlap. (They are still checked against the memory before use; a wrong one is an error.)
/// - `enter`, `register`: touch no memory but the ring's, that which queued requests or registered resources name,
///   and what `argument` means for the given flags or operation. They act as a compiler barrier for that memory: no
///   access of the caller's moves across them.
/// - `map`: on success the memory is valid for reads and writes of `length` bytes, aligned to at least 64 bytes, and
///   stays so until it is given to `unmap`. It is shared with the kernel and with nobody else.
/// - `unmap`, `keep_from_fork`, `close`: act on nothing but what they are given.
pub unsafe trait Kernel {
    /// `io_uring_setup(2)`: the fd of a new ring, or its registered index where `params` asks for that.
    ///
    /// # Safety
    ///
    /// Where `params` asks for a ring in provided memory (`IORING_SETUP_NO_MMAP`), the two addresses inside are
    /// valid for reads and writes of the ring's size until the kernel has let go of the ring, and nobody else uses
    /// that memory.
    ///
    /// # Errors
    ///
    /// As the table under [`SetupError::Kernel`](crate::SetupError::Kernel).
    #[doc(alias = "io_uring_setup")]
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno>;

    /// `io_uring_enter(2)`: submits, wakes, waits; the number of entries consumed.
    ///
    /// # Safety
    ///
    /// - Every entry in the ring that the call may consume satisfies the contract of
    ///   [`SubmissionQueue::push`](crate::SubmissionQueue::push). In a ring with SQ_REWIND these are the first `to_submit`.
    /// - `argument` and `size` are what `flags` calls for: a signal set, a `struct io_uring_getevents_arg`, an
    ///   offset, or null and 0.
    ///
    /// # Errors
    ///
    /// As under [`Submitter::submit`](crate::Submitter::submit).
    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno>;

    /// `io_uring_register(2)`. `fd` is -1 for the operations that need no ring; any other negative number is that of no ring
    /// (`EBADF`).
    ///
    /// # Safety
    ///
    /// `argument` and `count` are what `operation` calls for, and what it registers stays valid for as long as that
    /// operation says.
    ///
    /// # Errors
    ///
    /// Each operation has its own; see [`register`](crate::register).
    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno>;

    /// `mmap(2)` of a part of the ring `fd`, shared, readable, writable and populated.
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

    /// `munmap(2)`.
    ///
    /// # Safety
    ///
    /// `address` and `length` are those of a successful [`map`](Self::map), and nothing uses the memory any more.
    ///
    /// # Errors
    ///
    /// `ENOSYS` where a kernel does not map rings.
    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        let _ = (address, length);
        Err(Errno::ENOSYS)
    }

    /// `madvise(2)` with `MADV_DONTFORK`: a child process does not inherit the memory.
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

    /// `close(2)` of a ring.
    ///
    /// # Safety
    ///
    /// `fd` came from [`setup`](Self::setup), and nobody uses it afterwards.
    ///
    /// # Errors
    ///
    /// Nothing can be done about one; the ring is gone whatever the answer.
    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno>;
}

// SAFETY: every method hands its arguments on unchanged, so that each obligation is met by `K`'s own.
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

        /// The kernel that a ring speaks to unless told otherwise.
        pub(crate) type DefaultKernel = Linux;
    } else {
        /// Stands where [`Linux`](https://docs.rs/bare-uring/latest/x86_64-unknown-linux-gnu/bare_uring/struct.Linux.html)
        /// would, on targets without one: there is no value of it, and rings name their kernel.
        #[derive(Debug, Clone, Copy)]
        pub enum NoKernel {}

        pub(crate) type DefaultKernel = NoKernel;

        // SAFETY: there is no value to call a method on.
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
