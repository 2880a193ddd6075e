//! Copies, fills and compares memory: the functions that the compiler inserts calls to.
//!
//! Each works byte by byte, to be small and simple: in these programs the kernel moves the data.
//!
//! A compiler that recognises such a loop replaces it with a call to the function itself, which then never returns. To
//! prevent that, each iteration has an empty asm block, which counts as an access to any memory.
//!
//! In a test the functions keep their Rust names, because the C library's functions exist beside them.
#![allow(clippy::multiple_unsafe_ops_per_block, reason = "a place and the access to it have one reason to be valid")]
#![allow(clippy::missing_safety_doc, reason = "their contracts are those of C")]

use core::arch::asm;
use core::ffi::{c_char, c_int};

/// Keeps the compiler from recognising the loop around the call.
#[inline(always)]
fn keep_loop() {
    // SAFETY: the block has no instruction.
    unsafe { asm!("", options(nostack, preserves_flags)) };
}

/// Copies `len` bytes between areas that don't overlap.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    let mut at = 0;
    while at < len {
        // SAFETY: both pointers are valid for `len` bytes, and `at` is less than `len`.
        unsafe { to.add(at).write(from.add(at).read()) };
        keep_loop();
        at += 1;
    }
    to
}

/// Copies `len` bytes between areas that may overlap.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // An upward copy overwrites no byte before reading it, unless `to` lies within the source: then the distance is
    // less than `len`. If `to` lies below `from`, the distance wraps and is large.
    if to.addr().wrapping_sub(from.addr()) >= len {
        // SAFETY: the pointers are valid by the caller's contract, and an upward copy is right for this distance.
        return unsafe { memcpy(to, from, len) };
    }
    let mut at = len;
    while at > 0 {
        at -= 1;
        // SAFETY: both pointers are valid for `len` bytes, and `at` is less than `len`.
        unsafe { to.add(at).write(from.add(at).read()) };
        keep_loop();
    }
    to
}

/// Fills `len` bytes with the lowest byte of `value`.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memset(to: *mut u8, value: c_int, len: usize) -> *mut u8 {
    let mut at = 0;
    while at < len {
        // SAFETY: `to` is valid for `len` bytes, and `at` is less than `len`. The cast takes the lowest byte.
        unsafe { to.add(at).write(value as u8) };
        keep_loop();
        at += 1;
    }
    to
}

/// Compares `len` bytes. The result is negative, zero or positive, by the first byte that differs.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, len: usize) -> c_int {
    let mut at = 0;
    while at < len {
        // SAFETY: both pointers are valid for `len` bytes, and `at` is less than `len`.
        let (a, b) = unsafe { (one.add(at).read(), other.add(at).read()) };
        if a != b {
            return c_int::from(a) - c_int::from(b);
        }
        keep_loop();
        at += 1;
    }
    0
}

/// Compares `len` bytes. The result is zero if they are equal.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, len: usize) -> c_int {
    // SAFETY: the contract of `memcmp` is that of this function.
    unsafe { memcmp(one, other, len) }
}

/// Returns the number of bytes before the first zero. It is not called `strlen`, as the function that `CStr::from_ptr`
/// calls: the compiler calls that name through a table of addresses, for which the program would need a segment.
///
/// # Safety
///
/// `string` must be valid for reads up to and including a zero byte.
#[must_use]
pub unsafe fn until_zero(string: *const c_char) -> usize {
    let mut len = 0;
    // SAFETY: no byte before this one is zero, so this one belongs to the string.
    while unsafe { string.add(len).read() } != 0 {
        keep_loop();
        len += 1;
    }
    len
}
