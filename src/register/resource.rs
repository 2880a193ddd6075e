//! What registered buffers and registered files have in common: tags, holes and updates.

use core::mem::size_of;
use core::ptr::from_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::types::address;
use crate::uapi::{IORING_RSRC_REGISTER_SPARSE, io_uring_rsrc_register, io_uring_rsrc_update2};

/// A number of resources as the kernel takes it.
pub(super) fn count(length: usize) -> Result<u32, Errno> {
    u32::try_from(length).map_err(|_| Errno::EINVAL)
}

/// The same, where each resource has a tag. The kernel hears one number for both lists, so that lists of different
/// lengths can't be said: one of them would be read past its end, or cut.
fn count_with(resources: usize, tags: usize) -> Result<u32, Errno> {
    if resources == tags { count(resources) } else { Err(Errno::EINVAL) }
}

/// Registers `resources`, each under its tag, by one of the operations that take an `io_uring_rsrc_register`.
///
/// # Safety
///
/// `T` is what the operation's list is made of; what the resources name is as the operation wants it.
pub(super) unsafe fn register<T, K: Kernel>(
    submitter: &Submitter<'_, K>,
    operation: u32,
    resources: &[T],
    tags: &[u64],
) -> Result<(), Errno> {
    let mut argument = io_uring_rsrc_register {
        nr: count_with(resources.len(), tags.len())?,
        flags: 0,
        resv2: 0,
        data: address(resources.as_ptr()),
        tags: address(tags.as_ptr()),
    };
    let size = size_of::<io_uring_rsrc_register>() as u32;
    // SAFETY: the argument is the operation's own, and of the size told. The two lists in it have as many items as it
    // says, and are read during the call only; the caller answers for what they name.
    unsafe { submitter.register(operation, from_mut(&mut argument).cast(), size) }.map(drop)
}

/// Makes a table of holes, by one of the same operations.
pub(super) fn register_sparse<K: Kernel>(
    submitter: &Submitter<'_, K>,
    operation: u32,
    count: u32,
) -> Result<(), Errno> {
    let mut argument =
        io_uring_rsrc_register { nr: count, flags: IORING_RSRC_REGISTER_SPARSE, resv2: 0, data: 0, tags: 0 };
    let size = size_of::<io_uring_rsrc_register>() as u32;
    // SAFETY: the argument is the operation's own, of the size told, and names no memory.
    unsafe { submitter.register(operation, from_mut(&mut argument).cast(), size) }.map(drop)
}

/// Replaces the resources from `offset` on, by one of the operations that take an `io_uring_rsrc_update2`; how many.
///
/// # Safety
///
/// As [`register`].
pub(super) unsafe fn update<T, K: Kernel>(
    submitter: &Submitter<'_, K>,
    operation: u32,
    offset: u32,
    resources: &[T],
    tags: Option<&[u64]>,
) -> Result<usize, Errno> {
    let mut argument = io_uring_rsrc_update2 {
        offset,
        resv: 0,
        data: address(resources.as_ptr()),
        tags: tags.map_or(0, |tags| address(tags.as_ptr())),
        nr: count_with(resources.len(), tags.map_or(resources.len(), <[u64]>::len))?,
        resv2: 0,
    };
    let size = size_of::<io_uring_rsrc_update2>() as u32;
    // SAFETY: as in `register`; without tags their address is null, which the kernel takes for none.
    let done = unsafe { submitter.register(operation, from_mut(&mut argument).cast(), size) }?;
    Ok(done as usize)
}

const _: () = {
    assert!(size_of::<io_uring_rsrc_register>() == 32);
    assert!(size_of::<io_uring_rsrc_update2>() == 32);
};
