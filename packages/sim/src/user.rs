//! The user's memory: copies from it and to it.

use std::ptr::{NonNull, with_exposed_provenance_mut};

use crate::errno::EINVAL;

/// Writes `bytes` to the user's memory.
///
/// # Safety
///
/// The memory at `address` is valid for as many bytes, and the request's alone.
pub(crate) unsafe fn copy_to_user(address: u64, bytes: &[u8]) {
    let to = with_exposed_provenance_mut::<u8>(address as usize);
    // SAFETY: the caller's contract.
    unsafe { to.copy_from(bytes.as_ptr(), bytes.len()) };
}

/// Reads `len` bytes of the user's memory.
///
/// # Safety
///
/// The memory at `address` is valid for `len` bytes, and no other thread writes to it.
pub(crate) unsafe fn copy_from_user(address: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; len];
    let from = with_exposed_provenance_mut::<u8>(address as usize);
    // SAFETY: the caller's contract.
    unsafe { from.copy_to(bytes.as_mut_ptr(), len) };
    bytes
}

/// Returns a pointer to the user's memory; `None` for address 0.
pub(crate) fn pointer_to(address: u64) -> Option<NonNull<u8>> {
    NonNull::new(with_exposed_provenance_mut::<u8>(address as usize))
}

/// Reads a `struct __kernel_timespec` of the user's memory, in nanoseconds. Negative parts are `EINVAL`.
///
/// # Safety
///
/// A timespec stands at `address`.
pub(crate) unsafe fn timespec(address: u64) -> Result<u64, i32> {
    // SAFETY: the caller's contract.
    let bytes = unsafe { copy_from_user(address, 16) };
    let part = |at: usize| bytes[at..at + 8].try_into().map(i64::from_ne_bytes).unwrap_or(-1);
    let (seconds, nanoseconds) = (u64::try_from(part(0)), u64::try_from(part(8)));
    match (seconds, nanoseconds) {
        (Ok(seconds), Ok(nanoseconds)) => Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)),
        _ => Err(EINVAL),
    }
}
