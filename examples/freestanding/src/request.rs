//! Requests one at a time: each function submits a request and waits for its completion.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{AtFlags, Fd, OpenFlags, RawFd, StatxBuffer, StatxMask};
use bare_uring::{Errno, IoUring, opcode};
use linux_raw_sys::general::{AT_EMPTY_PATH, O_CLOEXEC, O_LARGEFILE, STATX_BASIC_STATS};

/// User data of the requests made here.
const MINE: u64 = u64::MAX;

/// `ERESTARTSYS` of the kernel's include/linux/errno.h, which no system call returns. It is the result of an open that
/// was interrupted while it waited for the other end of a pipe.
const ERESTARTSYS: u16 = 512;

/// Submits one request and waits for its completion. Drops completions of other requests that arrive meanwhile.
///
/// # Errors
///
/// The errors of the request, and those of [`submit_and_wait`]. `EBUSY`: the submission queue is full.
///
/// # Safety
///
/// The contract of [`push`](bare_uring::SubmissionQueue::push) must hold until the call returns. If the call fails with
/// an error of the ring, it must hold for ever.
pub unsafe fn run(ring: &mut IoUring, entry: Entry) -> Result<u32, Errno> {
    // SAFETY: the caller's contract.
    unsafe { ring.submission().push(entry.user_data(MINE)) }.map_err(|_| Errno::EBUSY)?;
    loop {
        submit_and_wait(ring)?;
        while let Some(cqe) = ring.completion().next() {
            if cqe.user_data() == MINE {
                return cqe.outcome();
            }
        }
    }
}

/// Submits what was pushed and waits for a completion.
///
/// # Errors
///
/// The errors of [`IoUring::submit_and_wait`], but for `EINTR`, `EAGAIN` and `EBUSY`: after these the caller takes
/// completions and tries again.
#[inline]
pub fn submit_and_wait(ring: &IoUring) -> Result<(), Errno> {
    match ring.submit_and_wait(1) {
        Ok(_) | Err(Errno::EINTR | Errno::EAGAIN | Errno::EBUSY) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Opens a file with `O_CLOEXEC` and `O_LARGEFILE`, so that it may be larger than 2 GiB on 32-bit architectures too.
///
/// With `wait`, opening a pipe waits for its other end, as `open(2)` does. Without `wait`, the kernel first tries to
/// open without blocking; a pipe without a writer then opens at once and reads as ended.
///
/// A program that is killed just after an open with `wait` was submitted, before a kernel worker thread has begun it,
/// ends only when the pipe's other end is opened: the kernel (seen with 6.18) still makes the open, and no signal ends
/// it.
///
/// # Errors
///
/// The errors of `open(2)`.
pub fn open(ring: &mut IoUring, path: &CStr, flags: u32, mode: u32, wait: bool) -> Result<RawFd, Errno> {
    let flags = OpenFlags(flags | O_CLOEXEC | O_LARGEFILE);
    let entry = opcode::OpenAt::new(Fd::CWD, path.as_ptr()).flags(flags).mode(mode).build();
    let entry = if wait { entry.flags(Flags::ASYNC) } else { entry };
    loop {
        // SAFETY: the path lives until the call returns, and is not needed after the submission.
        match unsafe { run(ring, entry) } {
            // The program was stopped and continued; the kernel would restart `open(2)`.
            Err(errno) if errno == Errno::EINTR || errno.raw() == ERESTARTSYS => {}
            opened => return opened.map(u32::cast_signed),
        }
    }
}

/// Closes a file.
///
/// # Errors
///
/// The errors of `close(2)`, which may be those of an earlier write.
pub fn close(ring: &mut IoUring, fd: RawFd) -> Result<(), Errno> {
    // SAFETY: the request points to nothing. The caller owns the file descriptor.
    unsafe { run(ring, opcode::Close::new(Fd(fd)).build()) }.map(drop)
}

/// Returns the status of the file at `path`. Follows symbolic links.
///
/// # Errors
///
/// The errors of `statx(2)`.
pub fn stat(ring: &mut IoUring, path: &CStr) -> Result<StatxBuffer, Errno> {
    stat_at(ring, Fd::CWD, path, 0)
}

/// Returns the status of an open file.
///
/// # Errors
///
/// The errors of `statx(2)`.
pub fn stat_fd(ring: &mut IoUring, fd: RawFd) -> Result<StatxBuffer, Errno> {
    stat_at(ring, Fd(fd), c"", AT_EMPTY_PATH)
}

fn stat_at(ring: &mut IoUring, dir: Fd, path: &CStr, flags: u32) -> Result<StatxBuffer, Errno> {
    let mut buffer = MaybeUninit::<StatxBuffer>::zeroed();
    let entry = opcode::Statx::new(dir, path.as_ptr(), buffer.as_mut_ptr())
        .flags(AtFlags(flags))
        .mask(StatxMask(STATX_BASIC_STATS))
        .build();
    // SAFETY: path and buffer live until the call returns. On a kernel that works, the ring fails only before it has
    // taken the request.
    unsafe { run(ring, entry) }?;
    // SAFETY: the structure consists of integers, for which zeroes are valid values.
    Ok(unsafe { buffer.assume_init() })
}
