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
///
/// # Checklist
///
/// An implementer must get the following right. The function `conformance::check` of the crate `bare-uring-sim` checks each
/// point by its name, on any kernel. Points that say "if" may be left out: the crate works without them.
///
/// Making a ring:
/// - **ring**: a ring can be made and its memory is there, mapped or provided.
/// - **refusal**: an unknown flag, no entries, and too many entries are `EINVAL`, and leave `params` as it is.
/// - **sizes**: the reported sizes are powers of two. The submission queue has at least `entries` slots, and the completion
///   queue no fewer.
/// - **offsets**: each word, the index array and the CQEs lie inside the memory, aligned (words to 4 bytes, CQEs to 8), and
///   overlap nothing.
/// - **words**: sizes and masks in the memory are the reported ones. The heads equal the tails, and the counts of dropped
///   entries and completions are 0.
/// - **rings-apart**: two rings have two numbers. What is submitted to one completes in that one.
/// - **provided**: if `NO_MMAP` is accepted, the ring lies in the given memory, and its indices start at 0.
/// - **no-sqarray**: if `NO_SQARRAY` is accepted, an entry's slot is its index, whatever stands in the memory.
/// - **cq-size**: if `CQSIZE` is accepted, the completion queue has at least as many slots as asked for.
/// - **submit-all**: if `SUBMIT_ALL` is accepted, a refused entry does not end the batch.
/// - **defer-taskrun**: if `DEFER_TASKRUN` is accepted, a call with `GETEVENTS` brings deferred completions.
///
/// Submitting:
/// - **count**: a call consumes at most `to_submit` entries, moves the head by their number (with release), and returns that
///   number. An error means that none was consumed. Entries that were not consumed stay for the next call.
/// - **reuse**: once the head has passed an entry, its slot may be written again. The kernel needs the entry no more.
/// - **empty**: a call with nothing to submit and nothing to wait for returns 0.
/// - **no-ring**: a number that names no ring is `EBADF`.
/// - **enter-flags**: if unknown flags are refused, then with `EINVAL`.
/// - **unknown-request**: an entry that the kernel does not know is consumed, and completes with an error. Entries behind it
///   work, in the same call or in the next.
///
/// Waiting:
/// - **timers**: if there is `IORING_OP_TIMEOUT`, it completes with `ETIME` after its time, and not before.
/// - **wait**: a wait ends when `min_complete` completions are in the queue; it may end earlier. A signal ends it too, with
///   `EINTR` if the queue is empty. (The check sends no signal.)
/// - **submit-and-wait**: the count of consumed entries is returned, whatever ended the wait behind it.
/// - **timed-wait**: a wait with a timeout ends with `ETIME` if nothing has come, by `EXT_ARG` or by a timeout request.
/// - **ext-arg**: `FEAT_EXT_ARG` promises that `EXT_ARG` is understood. An argument of another size is `EINVAL`.
/// - **signal-mask**: if a wait takes a signal mask, the mask has 8 bytes.
///
/// Completing:
/// - **completions**: each entry has one completion, with all 64 bits of its user data. The CQE is written before the tail
///   moves (with release).
/// - **slots**: indices count on and wrap at 2<sup>32</sup>. The slot is the index masked.
/// - **full**: the kernel reads the head (with acquire) and overwrites nothing between head and tail. All slots can be in use.
/// - **overflow-counted**: a completion that finds no room is kept or dropped. A dropped one adds 1 to the overflow word.
/// - **nodrop**: `FEAT_NODROP` promises that none is dropped (while there is memory).
/// - **flush**: while completions are kept, `IORING_SQ_CQ_OVERFLOW` is set. A call with `GETEVENTS` moves them to the queue as
///   far as there is room, and clears the flag behind the last.
///
/// Registering:
/// - **register-unknown**: an unknown operation is `EINVAL`; `ENOSYS` if there are no registrations.
/// - **register-no-ring**: -1 with an operation that needs a ring, and any other number that names no ring, are `EBADF` or
///   `EINVAL`.
/// - **probe**: if there is `REGISTER_PROBE`, it tells the truth.
/// - **ring-fd**: if there is `REGISTER_RING_FDS`, `REGISTERED_RING` names the ring by its index.
///
/// Memory:
/// - **map**: mappings are aligned to 64 bytes and do not overlap. An unknown offset is an error. `unmap` succeeds.
/// - **single-mmap**: `FEAT_SINGLE_MMAP` promises that the mapping of the submission queue has the completion queue too.
/// - **close**: `close` succeeds, and its number names no ring afterwards.
/// - **quiet**: after `close`, and after the completion of all that was in flight, writes to the ring's memory come to an end.
///   The kernel says nowhere when: Linux still stores the completion tail when a worker frees the ring.
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
