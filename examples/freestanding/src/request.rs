//! One request after the other, for a program or the part of one that has nothing to do meanwhile.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{AtFlags, Fd, OpenFlags, RawFd, StatxBuffer, StatxMask};
use bare_uring::{Errno, IoUring, opcode};
use linux_raw_sys::general::{AT_EMPTY_PATH, O_CLOEXEC, O_LARGEFILE, STATX_BASIC_STATS};

/// What the completions of these requests carry.
const MINE: u64 = u64::MAX;

/// `ERESTARTSYS` of the kernel's include/linux/errno.h, which no system call returns. An open that waited for the other
/// end of a pipe, and was interrupted, completes with it.
const ERESTARTSYS: u16 = 512;

/// Submits one request and waits for its end; completions of other requests that arrive meanwhile are dropped.
///
/// # Errors
///
/// The request's own, or the ring's.
///
/// # Safety
///
/// As [`push`](bare_uring::SubmissionQueue::push), until the call returns; if it returns an error of the ring's, for
/// ever.
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

/// Submits what was pushed, and waits for a completion.
///
/// # Errors
///
/// The ring's, but for those after which one has only to take completions and come back.
#[inline]
pub fn submit_and_wait(ring: &IoUring) -> Result<(), Errno> {
    match ring.submit_and_wait(1) {
        Ok(_) | Err(Errno::EINTR | Errno::EAGAIN | Errno::EBUSY) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Opens a file, close-on-exec, of more than 2 GiB on 32 bit too.
///
/// With `wait`, opening a pipe waits for its other end, as `open(2)` does. Without, the kernel tries the open without
/// blocking first, and gives a pipe that nobody writes to as one that has ended.
///
/// A program that is killed just after such an open was submitted, before a thread of the kernel's has begun with it, ends
/// only when the pipe's other end is opened: the kernel (seen with 6.18) still makes the open, which no signal ends then.
///
/// # Errors
///
/// As `open(2)`.
pub fn open(ring: &mut IoUring, path: &CStr, flags: u32, mode: u32, wait: bool) -> Result<RawFd, Errno> {
    let flags = OpenFlags(flags | O_CLOEXEC | O_LARGEFILE);
    let entry = opcode::OpenAt::new(Fd::CWD, path.as_ptr()).flags(flags).mode(mode).build();
    let entry = if wait { entry.flags(Flags::ASYNC) } else { entry };
    loop {
        // SAFETY: the path lives until the call returns, and is not needed after the submission.
        match unsafe { run(ring, entry) } {
            // The program was stopped and goes on: `open(2)` would be restarted.
            Err(errno) if errno == Errno::EINTR || errno.raw() == ERESTARTSYS => {}
            opened => return opened.map(u32::cast_signed),
        }
    }
}

/// Closes a file.
///
/// # Errors
///
/// As `close(2)`: what an earlier write could not tell.
pub fn close(ring: &mut IoUring, fd: RawFd) -> Result<(), Errno> {
    // SAFETY: the request points to nothing. Whose the descriptor is, the program knows.
    unsafe { run(ring, opcode::Close::new(Fd(fd)).build()) }.map(drop)
}

/// What there is to know about the file at `path`; symbolic links are followed.
///
/// # Errors
///
/// As `statx(2)`.
pub fn stat(ring: &mut IoUring, path: &CStr) -> Result<StatxBuffer, Errno> {
    stat_at(ring, Fd::CWD, path, 0)
}

/// What there is to know about an open file.
///
/// # Errors
///
/// As `statx(2)`.
pub fn stat_fd(ring: &mut IoUring, fd: RawFd) -> Result<StatxBuffer, Errno> {
    stat_at(ring, Fd(fd), c"", AT_EMPTY_PATH)
}

fn stat_at(ring: &mut IoUring, dir: Fd, path: &CStr, flags: u32) -> Result<StatxBuffer, Errno> {
    let mut buffer = MaybeUninit::<StatxBuffer>::zeroed();
    let entry = opcode::Statx::new(dir, path.as_ptr(), buffer.as_mut_ptr())
        .flags(AtFlags(flags))
        .mask(StatxMask(STATX_BASIC_STATS))
        .build();
    // SAFETY: path and buffer live until the call returns. The ring fails only before the request was taken, or
    // where the kernel is broken beyond what a program can see to.
    unsafe { run(ring, entry) }?;
    // SAFETY: the structure consists of integers, for which zeroes are values too.
    Ok(unsafe { buffer.assume_init() })
}
