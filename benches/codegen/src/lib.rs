//! The hot functions of the ring path, each as a user would write it. `ci/codegen.sh` compares their assembly with the golden
//! files `x86_64.s` and `aarch64.s` beside this crate.
//!
//! To add a function, write it here with `#[unsafe(no_mangle)]`, then run `ci/codegen.sh --write`. The golden files have the
//! functions in the order of this file. Behind them come the functions of `bare_uring` that the compiler instantiates
//! for these ones and does not inline, except cold ones.
#![no_std]

use bare_uring::{Errno, IoUring, LocalRing, SetupError, opcode, squeue, types};

fn nop(user_data: u64) -> squeue::Entry {
    opcode::Nop::new().build().user_data(user_data)
}

/// Pushes one request through a handle of its own.
#[unsafe(no_mangle)]
pub fn push_one(ring: &mut IoUring, user_data: u64) -> bool {
    #[cfg(feature = "one-load-more")]
    let user_data = {
        // SAFETY: the reference is valid for a read of its first byte, and any byte is a valid `MaybeUninit`.
        let _ = unsafe { core::ptr::from_ref(ring).cast::<core::mem::MaybeUninit<u8>>().read_volatile() };
        user_data
    };
    // SAFETY: the request points to nothing.
    unsafe { ring.submission().push(nop(user_data)) }.is_ok()
}

/// Pushes a batch through one handle.
#[unsafe(no_mangle)]
pub fn push_batch(ring: &mut IoUring, batch: u64) -> bool {
    let mut queue = ring.submission();
    for user_data in 0..batch {
        // SAFETY: the request points to nothing.
        if unsafe { queue.push(nop(user_data)) }.is_err() {
            return false;
        }
    }
    true
}

/// Pushes a batch with a closure. Returns how many requests there was room for.
#[unsafe(no_mangle)]
pub fn push_with(ring: &mut IoUring, batch: usize) -> usize {
    let mut user_data = 0;
    let entry = || {
        user_data += 1;
        nop(user_data)
    };
    // SAFETY: the requests point to nothing.
    unsafe { ring.submission().push_with(batch, entry) }
}

/// Pushes a request whose fields all come at run time.
///
/// # Safety
///
/// - The buffer is valid for writes of `len` bytes until the request's completion, and nothing else uses it.
#[unsafe(no_mangle)]
pub unsafe fn push_read(ring: &mut IoUring, fd: i32, buffer: *mut u8, len: u32, offset: u64, user_data: u64) -> bool {
    let read = opcode::Read::new(types::Fd(fd), buffer, len).offset(offset).build().user_data(user_data);
    // SAFETY: the caller answers for the buffer.
    unsafe { ring.submission().push(read) }.is_ok()
}

/// Submits. With nothing pushed, the call takes the shortest way through.
#[unsafe(no_mangle)]
pub fn submit(ring: &IoUring) -> Result<usize, Errno> {
    ring.submit()
}

/// Submits and waits, in one system call.
#[unsafe(no_mangle)]
pub fn submit_and_wait(ring: &IoUring, want: usize) -> Result<usize, Errno> {
    ring.submit_and_wait(want)
}

/// Submits on a ring with an SQPOLL thread, by the submit for such rings.
#[unsafe(no_mangle)]
pub fn submit_sqpoll(ring: &IoUring) -> Result<usize, Errno> {
    ring.submit_sqpoll()
}

/// Submits on a ring with a registered descriptor.
#[unsafe(no_mangle)]
pub fn submit_local(ring: &LocalRing) -> Result<usize, Errno> {
    ring.submit()
}

/// Takes all completions in a `for` loop.
#[unsafe(no_mangle)]
pub fn reap_for(ring: &mut IoUring) -> u64 {
    let mut sum = 0_u64;
    for cqe in ring.completion() {
        sum = sum.wrapping_add(cqe.user_data());
    }
    sum
}

/// Takes all completions with `fold`, which `for_each` and `sum` call as well.
#[unsafe(no_mangle)]
pub fn reap_fold(ring: &mut IoUring) -> u64 {
    ring.completion().fold(0, |sum, cqe| sum.wrapping_add(cqe.user_data()))
}

/// A whole round: pushes a batch, submits and waits, takes all completions.
#[unsafe(no_mangle)]
pub fn round(ring: &mut IoUring, batch: usize) -> Option<u64> {
    let mut queue = ring.submission();
    for user_data in 0..batch {
        // SAFETY: the request points to nothing.
        unsafe { queue.push(nop(user_data as u64)) }.ok()?;
    }
    ring.submit_and_wait(batch).ok()?;
    let mut sum = 0_u64;
    for cqe in ring.completion() {
        sum = sum.wrapping_add(cqe.user_data());
    }
    Some(sum)
}

/// A whole round in the fastest form: the requests come from a closure, and the completions go to one.
#[unsafe(no_mangle)]
pub fn round_by_closures(ring: &mut IoUring, batch: usize) -> Option<u64> {
    let mut user_data = 0;
    let entry = || {
        user_data += 1;
        nop(user_data)
    };
    // SAFETY: the requests point to nothing.
    let pushed = unsafe { ring.submission().push_with(batch, entry) };
    ring.submit_and_wait(pushed).ok()?;
    let mut sum = 0_u64;
    ring.completion().for_each(|cqe| sum = sum.wrapping_add(cqe.user_data()));
    Some(sum)
}

/// Makes a ring with an SQPOLL thread, so that the compiler instantiates what such a ring's submit calls through a pointer:
/// `submit_to_thread` is a submit while the thread is awake. This function itself is not compared.
///
/// # Errors
///
/// Those of [`build`](bare_uring::Builder::build).
// Compared too: submit_to_thread
#[inline(never)]
pub fn sqpoll() -> Result<IoUring, SetupError> {
    IoUring::builder().setup_sqpoll(1000).build(8)
}
