//! Shared code of registered buffers and registered files: tags, empty indices (holes) and updates.

use core::mem::size_of;
use core::ptr::from_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::types::address;
use crate::uapi::{IORING_RSRC_REGISTER_SPARSE, io_uring_rsrc_register, io_uring_rsrc_update2};

/// Converts a number of resources to the 32 bits that the kernel takes.
pub(super) fn count(length: usize) -> Result<u32, Errno> {
    u32::try_from(length).map_err(|_| Errno::EINVAL)
}

/// Returns the number of resources, and refuses a list of tags of another length. The kernel takes one count for both
/// lists: with different lengths it would read the shorter list past its end, or cut the longer one.
fn count_with(resources: usize, tags: usize) -> Result<u32, Errno> {
    if resources == tags { count(resources) } else { Err(Errno::EINVAL) }
}

/// Registers `resources`, each under its tag, by one of the operations that take an `io_uring_rsrc_register`.
///
/// # Safety
///
/// - `T` is the type of the items in the operation's list.
/// - What the resources name meets the operation's conditions.
pub(super) unsafe fn register<T, K: Kernel>(
    submitter: &Submitter<'_, K>,
    operation: u32,
    resources: &[T],
    tags: &[u64],
) -> Result<(), Errno> {
    // kernel: io_uring/rsrc.c io_register_rsrc (7.3): the call's count is the size of the argument in bytes, and any
    // other size is EINVAL.
    let mut argument = io_uring_rsrc_register {
        nr: count_with(resources.len(), tags.len())?,
        flags: 0,
        resv2: 0,
        data: address(resources.as_ptr()),
        tags: address(tags.as_ptr()),
    };
    let size = size_of::<io_uring_rsrc_register>() as u32;
    // SAFETY: the argument is the operation's own structure, of the size that the call states. `count_with` has checked
    // that both lists have `nr` items. The kernel reads the lists during the call only. The caller guarantees what the
    // items name.
    unsafe { submitter.register(operation, from_mut(&mut argument).cast(), size) }.map(drop)
}

/// Makes a table of `count` empty indices, by one of the operations that take an `io_uring_rsrc_register`.
pub(super) fn register_sparse<K: Kernel>(
    submitter: &Submitter<'_, K>,
    operation: u32,
    count: u32,
) -> Result<(), Errno> {
    // kernel: io_uring/rsrc.c io_register_rsrc (7.3): with IORING_RSRC_REGISTER_SPARSE the address of the list must be
    // 0.
    let mut argument =
        io_uring_rsrc_register { nr: count, flags: IORING_RSRC_REGISTER_SPARSE, resv2: 0, data: 0, tags: 0 };
    let size = size_of::<io_uring_rsrc_register>() as u32;
    // SAFETY: the argument is the operation's own structure, of the size that the call states, and names no memory.
    unsafe { submitter.register(operation, from_mut(&mut argument).cast(), size) }.map(drop)
}

/// Replaces the resources from `offset` on, by one of the operations that take an `io_uring_rsrc_update2`, and returns
/// how many it replaced.
///
/// # Safety
///
/// The conditions of [`register`].
pub(super) unsafe fn update<T, K: Kernel>(
    submitter: &Submitter<'_, K>,
    operation: u32,
    offset: u32,
    resources: &[T],
    tags: Option<&[u64]>,
) -> Result<usize, Errno> {
    // kernel: io_uring/rsrc.c __io_sqe_files_update (7.3): an error ends the update; the result is the number done
    // before it, and the error itself only if that number is 0. __io_sqe_buffers_update has the same rule.
    let mut argument = io_uring_rsrc_update2 {
        offset,
        resv: 0,
        data: address(resources.as_ptr()),
        tags: tags.map_or(0, |tags| address(tags.as_ptr())),
        nr: count_with(resources.len(), tags.map_or(resources.len(), <[u64]>::len))?,
        resv2: 0,
    };
    let size = size_of::<io_uring_rsrc_update2>() as u32;
    // SAFETY: the argument is the operation's own structure, of the size that the call states, and `count_with` has
    // checked that its lists have `nr` items. Without tags their address is null, and the kernel reads no tags. The
    // caller guarantees what the resources name.
    let done = unsafe { submitter.register(operation, from_mut(&mut argument).cast(), size) }?;
    Ok(done as usize)
}

const _: () = {
    assert!(size_of::<io_uring_rsrc_register>() == 32);
    assert!(size_of::<io_uring_rsrc_update2>() == 32);
};
