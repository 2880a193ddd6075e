//! The functions that compiled code calls without being told to: copying, filling and comparing memory.
//!
//! Byte by byte, for size and plainness: the programs here have the kernel move their data.
//!
//! A compiler that recognises such a loop makes it a call to the very function that it stands in, which never returns.
//! So each turn has an empty asm block in it, which stands for an access to any memory and can't be merged with others.
//!
//! In a test they are functions like any other, beside those of its C library.
#![allow(clippy::multiple_unsafe_ops_per_block, reason = "a place and the access to it have one reason to be valid")]
#![allow(clippy::missing_safety_doc, reason = "their contracts are those of C")]

use core::arch::asm;
use core::ffi::{c_char, c_int};

/// Keeps the loop around it from being recognised.
#[inline(always)]
fn keep_loop() {
    // SAFETY: there is no instruction in it.
    unsafe { asm!("", options(nostack, preserves_flags)) };
}

/// Copies `len` bytes between places that don't overlap.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    let mut at = 0;
    while at < len {
        // SAFETY: both are valid for `len` bytes, and `at` is below that.
        unsafe { to.add(at).write(from.add(at).read()) };
        keep_loop();
        at += 1;
    }
    to
}

/// Copies `len` bytes between places that may overlap.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // Upwards, no byte is overwritten before it was read, unless `to` lies within the source. The distance then is less
    // than `len`; if `to` lies below, it wraps and is a large one.
    if to.addr().wrapping_sub(from.addr()) >= len {
        // SAFETY: the same contract; where the places overlap, the copy goes upwards.
        return unsafe { memcpy(to, from, len) };
    }
    let mut at = len;
    while at > 0 {
        at -= 1;
        // SAFETY: both are valid for `len` bytes, and `at` is below that.
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
        // SAFETY: `to` is valid for `len` bytes, and `at` is below that. The cast is meant to cut.
        unsafe { to.add(at).write(value as u8) };
        keep_loop();
        at += 1;
    }
    to
}

/// Compares `len` bytes: negative, zero or positive, as the first byte that differs is.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, len: usize) -> c_int {
    let mut at = 0;
    while at < len {
        // SAFETY: both are valid for `len` bytes, and `at` is below that.
        let (a, b) = unsafe { (one.add(at).read(), other.add(at).read()) };
        if a != b {
            return c_int::from(a) - c_int::from(b);
        }
        keep_loop();
        at += 1;
    }
    0
}

/// Compares `len` bytes: zero if they are equal.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, len: usize) -> c_int {
    // SAFETY: the same contract.
    unsafe { memcmp(one, other, len) }
}

/// The number of bytes before the first zero. Not by the name of C's, which `CStr::from_ptr` calls: a compiler that knows
/// the name makes the call by way of a table of addresses, for which the program would have a segment.
///
/// # Safety
///
/// `string` is valid for reads up to a zero byte.
#[must_use]
pub unsafe fn until_zero(string: *const c_char) -> usize {
    let mut len = 0;
    // SAFETY: no byte up to here was zero, so that this one belongs to the string too.
    while unsafe { string.add(len).read() } != 0 {
        keep_loop();
        len += 1;
    }
    len
}
