//! Rings of provided buffers, and the user's memory.

use std::ptr::{NonNull, with_exposed_provenance_mut};

mod group;
mod select;

pub(crate) use group::{Group, Picked};
pub(crate) use select::{Held, Progress, Selected, named};

/// Fills the user's memory.
///
/// # Safety
///
/// The memory is valid for so many bytes, and the request's alone.
pub(crate) unsafe fn copy_to_user(address: u64, bytes: &[u8]) {
    let to = with_exposed_provenance_mut::<u8>(address as usize);
    // SAFETY: the caller's contract.
    unsafe { to.copy_from(bytes.as_ptr(), bytes.len()) };
}

/// Reads the user's memory.
///
/// # Safety
///
/// The memory is valid for so many bytes, and nobody writes to it.
pub(crate) unsafe fn copy_from_user(address: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; len];
    let from = with_exposed_provenance_mut::<u8>(address as usize);
    // SAFETY: the caller's contract.
    unsafe { from.copy_to(bytes.as_mut_ptr(), len) };
    bytes
}

/// The memory of a registration: `entries` descriptors at this address.
pub(crate) fn descriptors_at(address: u64) -> Option<NonNull<u8>> {
    NonNull::new(with_exposed_provenance_mut::<u8>(address as usize))
}
