//! What the tests share.
#![allow(dead_code, reason = "each test takes what it needs")]

pub mod answering;
pub mod any_ring;
pub mod files;
pub mod kernels;
pub mod raw;
pub mod requests;
pub mod ring_memory;
pub mod sockets;
pub mod sqe;

use bare_uring::{IoUring, Kernel, cqueue, opcode, squeue};

/// Pushes a request whose memory the test keeps until its completion.
pub fn push<S, C, K>(ring: &mut IoUring<S, C, K>, entry: impl Into<S>)
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker,
    K: Kernel,
{
    // SAFETY: each test keeps what its requests point to until their completions.
    unsafe { ring.submission().push(entry.into()) }.expect("there is room");
}

/// A piece of memory for a ring, aligned to a page of any size, that is never freed.
pub fn memory(bytes: usize) -> &'static mut [std::mem::MaybeUninit<u8>] {
    let layout = std::alloc::Layout::from_size_align(bytes.max(1), 65_536).expect("a sensible size");
    // SAFETY: the size is not zero.
    let start = unsafe { std::alloc::alloc_zeroed(layout) };
    assert!(!start.is_null());
    // SAFETY: the allocation has that many bytes, and is this slice's alone and for ever.
    unsafe { std::slice::from_raw_parts_mut(start.cast(), bytes) }
}

/// Says why a test is not run here.
pub fn skip(test: &str, lacking: &str) {
    println!("skipped: {test}: {lacking}");
}

/// A request that does nothing and carries `user_data`.
pub fn nop(user_data: u64) -> squeue::Entry {
    opcode::Nop::new().build().user_data(user_data)
}
