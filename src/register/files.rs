//! Registered files, which the kernel holds for the ring: requests name them by index, as
//! [`Fixed`](crate::types::Fixed).

use core::mem::size_of;
use core::ptr::{from_mut, null_mut};

use super::resource;
use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::types::RawFd;
use crate::types::address;
use crate::uapi::io_uring_register_op::{
    IORING_REGISTER_FILE_ALLOC_RANGE, IORING_REGISTER_FILES, IORING_REGISTER_FILES_UPDATE,
    IORING_REGISTER_FILES_UPDATE2, IORING_REGISTER_FILES2, IORING_UNREGISTER_FILES,
};
use crate::uapi::{IORING_REGISTER_FILES_SKIP, io_uring_file_index_range, io_uring_rsrc_update};

/// Leaves an index as it is, in the list of an update. Since 5.12.
#[doc(alias = "IORING_REGISTER_FILES_SKIP")]
pub const SKIP_FILE: RawFd = IORING_REGISTER_FILES_SKIP;

impl<K: Kernel> Submitter<'_, K> {
    /// Registers files. The kernel holds them from now on, so that the descriptors can be closed. -1 leaves an empty
    /// index, a hole (5.5). Since 5.1.
    ///
    /// # Errors
    ///
    /// After an error nothing is registered. `EBUSY`: the ring has registered files already. `EINVAL`: none given.
    /// `EMFILE`: more than the soft limit of RLIMIT_NOFILE (the length of the table alone is compared, however many
    /// descriptors are open), or more than 1,048,576 (fewer on older kernels). `EBADF`: a number that is no open file,
    /// or is an io_uring. `ENOMEM`: no memory for the table.
    #[doc(alias = "IORING_REGISTER_FILES")]
    #[doc(alias = "io_uring_register_files")]
    pub fn register_files(&self, fds: &[RawFd]) -> Result<(), Errno> {
        let count = resource::count(fds.len())?;
        let first = fds.as_ptr().cast_mut().cast();
        // kernel: io_uring/rsrc.c io_sqe_files_register (7.3): the length of the table is compared with RLIMIT_NOFILE
        // and with 1 << 20; -1 is a hole, and an io_uring is EBADF.
        // SAFETY: `first` and `count` describe the slice, which the kernel reads during the call only. The kernel takes
        // references of its own to the files.
        unsafe { self.register(IORING_REGISTER_FILES as u32, first, count) }.map(drop)
    }

    /// Registers files, each with a tag. Since 5.13.
    ///
    /// Once a file was unregistered or replaced, and no request uses it any more, the kernel posts a completion with
    /// the file's tag as user data and result 0. A file with tag 0 has no such completion.
    ///
    /// Files that are still registered when the ring is closed give no completion.
    ///
    /// A tag can be any number, also the user data of a request: see [`user_data`](crate::cqueue::Entry::user_data).
    ///
    /// # Errors
    ///
    /// The errors of [`register_files`](Self::register_files). `EINVAL` also for a number of tags that is not the
    /// number of files (found before the kernel is asked), for a hole with a tag, and before 5.13.
    #[doc(alias = "IORING_REGISTER_FILES2")]
    #[doc(alias = "io_uring_register_files_tags")]
    pub fn register_files_tags(&self, fds: &[RawFd], tags: &[u64]) -> Result<(), Errno> {
        // SAFETY: the operation's list is one of `int`s, and names no memory.
        unsafe { resource::register(self, IORING_REGISTER_FILES2 as u32, fds, tags) }
    }

    /// Makes a table of `count` holes. An update fills them, or a request that puts its file into a
    /// [`DestinationSlot`](crate::types::DestinationSlot). Since 5.19.
    ///
    /// # Errors
    ///
    /// `EBUSY`: the ring has registered files already. `EINVAL`: a count of 0, or a kernel before 5.19. `EMFILE`: as in
    /// [`register_files`](Self::register_files). `ENOMEM`: no memory for the table.
    #[doc(alias = "IORING_REGISTER_FILES2")]
    #[doc(alias = "IORING_RSRC_REGISTER_SPARSE")]
    #[doc(alias = "io_uring_register_files_sparse")]
    pub fn register_files_sparse(&self, count: u32) -> Result<(), Errno> {
        resource::register_sparse(self, IORING_REGISTER_FILES2 as u32, count)
    }

    /// Replaces the files from `offset` on, and returns how many. -1 leaves a hole. [`SKIP_FILE`] leaves the index as
    /// it was, and counts. Since 5.5.
    ///
    /// Requests in flight keep the files that they started with.
    ///
    /// If the result is smaller than the number of files given, the kernel refused the next one, and its index is a
    /// hole now. Another call that begins there returns the reason.
    ///
    /// # Errors
    ///
    /// `ENXIO`: the ring has no registered files. `EINVAL`: none given, or indices past the end of the table.
    /// `EOVERFLOW`: indices past `u32::MAX`. `EBADF`: the first is no open file, or is an io_uring. `ENOMEM`: no memory.
    #[doc(alias = "IORING_REGISTER_FILES_UPDATE")]
    #[doc(alias = "io_uring_register_files_update")]
    pub fn register_files_update(&self, offset: u32, fds: &[RawFd]) -> Result<usize, Errno> {
        let count = resource::count(fds.len())?;
        let mut argument = io_uring_rsrc_update { offset, resv: 0, data: address(fds.as_ptr()) };
        let address = from_mut(&mut argument).cast();
        // kernel: io_uring/rsrc.c __io_sqe_files_update (7.3): an index is emptied before its new file is looked up, so
        // that a refused file leaves a hole.
        // SAFETY: the argument is the operation's own structure. The list that it names has `count` items, and the
        // kernel reads it during the call only.
        let done = unsafe { self.register(IORING_REGISTER_FILES_UPDATE as u32, address, count) }?;
        Ok(done as usize)
    }

    /// Replaces files as [`register_files_update`](Self::register_files_update) does, with a tag for each new file.
    /// Since 5.13.
    ///
    /// # Errors
    ///
    /// The errors of [`register_files_update`](Self::register_files_update). `EINVAL` also for a number of tags that is
    /// not the number of files (found before the kernel is asked), and for a tag with -1 or [`SKIP_FILE`].
    #[doc(alias = "IORING_REGISTER_FILES_UPDATE2")]
    #[doc(alias = "io_uring_register_files_update_tag")]
    pub fn register_files_update_tag(&self, offset: u32, fds: &[RawFd], tags: &[u64]) -> Result<usize, Errno> {
        // SAFETY: the operation's list is one of `int`s, and names no memory.
        unsafe { resource::update(self, IORING_REGISTER_FILES_UPDATE2 as u32, offset, fds, Some(tags)) }
    }

    /// Sets the range from which [`DestinationSlot::ALLOCATE`](crate::types::DestinationSlot::ALLOCATE) takes an index:
    /// `length` indices from `offset` on. At first the range is the whole table. Since 6.0.
    ///
    /// Indices outside the range stay reachable by number. When all indices inside are taken, a request with `ALLOCATE`
    /// fails with `ENFILE`.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a range past the end of the table, or a ring without a table. `EOVERFLOW`: an end past `u32::MAX`.
    #[doc(alias = "IORING_REGISTER_FILE_ALLOC_RANGE")]
    #[doc(alias = "io_uring_register_file_alloc_range")]
    pub fn register_file_alloc_range(&self, offset: u32, length: u32) -> Result<(), Errno> {
        let mut argument = io_uring_file_index_range { off: offset, len: length, resv: 0 };
        let address = from_mut(&mut argument).cast();
        // The manual page says that the count is 1.
        // kernel: io_uring/register.c __io_uring_register (7.3): any count but 0 is EINVAL for this operation.
        // SAFETY: the argument is the operation's own structure, alive, and read during the call only.
        unsafe { self.register(IORING_REGISTER_FILE_ALLOC_RANGE as u32, address, 0) }.map(drop)
    }

    /// Unregisters all files. Requests in flight keep their files until they end. Since 5.1.
    ///
    /// Before 6.13 the call waits for these requests.
    ///
    /// # Errors
    ///
    /// `ENXIO`: the ring has no registered files.
    #[doc(alias = "IORING_UNREGISTER_FILES")]
    #[doc(alias = "io_uring_unregister_files")]
    pub fn unregister_files(&self) -> Result<(), Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_FILES as u32, null_mut(), 0) }.map(drop)
    }
}

const _: () = assert!(size_of::<io_uring_file_index_range>() == 16);
