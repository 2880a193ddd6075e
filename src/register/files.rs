//! Files that the kernel holds for the ring: requests name them by index, as [`Fixed`](crate::types::Fixed).

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

/// In the list of an update: leave this place as it is. Since 5.12.
#[doc(alias = "IORING_REGISTER_FILES_SKIP")]
pub const SKIP_FILE: RawFd = IORING_REGISTER_FILES_SKIP;

impl<K: Kernel> Submitter<'_, K> {
    /// Registers files: the kernel holds them from now on, so that the descriptors can be closed. -1 leaves a hole
    /// (5.5). Since 5.1.
    ///
    /// # Errors
    ///
    /// Nothing is registered then. `EBUSY`: there are registered files already. `EINVAL`: none given. `EMFILE`: more
    /// than the soft limit of RLIMIT_NOFILE (of descriptors of a process; the table counts by itself, whatever is
    /// open), or more than 1,048,576 (fewer on older kernels). `EBADF`: a number that is no open file, or is an
    /// io_uring. `ENOMEM`: no memory for the table.
    #[doc(alias = "IORING_REGISTER_FILES")]
    #[doc(alias = "io_uring_register_files")]
    pub fn register_files(&self, fds: &[RawFd]) -> Result<(), Errno> {
        let count = resource::count(fds.len())?;
        let first = fds.as_ptr().cast_mut().cast();
        // SAFETY: `first` and `count` describe the slice, which the kernel reads during the call only. The files are
        // the kernel's own references.
        unsafe { self.register(IORING_REGISTER_FILES as u32, first, count) }.map(drop)
    }

    /// Registers files, each with a tag: when a file has been unregistered or replaced and no request uses it any more,
    /// a completion with its tag as user data and result 0 says so. Tag 0 stands for none. Since 5.13.
    ///
    /// Files that are still registered when the ring is closed give no completion.
    ///
    /// A tag can be any number, that of a request among them: see [`user_data`](crate::cqueue::Entry::user_data).
    ///
    /// # Errors
    ///
    /// As [`register_files`](Self::register_files). `EINVAL` also if there are not as many tags as files, which is
    /// found before the kernel is asked; for a hole with a tag; and before 5.13.
    #[doc(alias = "IORING_REGISTER_FILES2")]
    #[doc(alias = "io_uring_register_files_tags")]
    pub fn register_files_tags(&self, fds: &[RawFd], tags: &[u64]) -> Result<(), Errno> {
        // SAFETY: the operation's list is one of `int`s, and names no memory.
        unsafe { resource::register(self, IORING_REGISTER_FILES2 as u32, fds, tags) }
    }

    /// Makes a table of `count` holes, to be filled by an update or by requests that put their file into a
    /// [`DestinationSlot`](crate::types::DestinationSlot). Since 5.19.
    ///
    /// # Errors
    ///
    /// `EBUSY`: there are registered files already. `EINVAL`: a count of 0, or a kernel before 5.19. `EMFILE`: as
    /// [`register_files`](Self::register_files). `ENOMEM`: no memory for the table.
    #[doc(alias = "IORING_REGISTER_FILES2")]
    #[doc(alias = "IORING_RSRC_REGISTER_SPARSE")]
    #[doc(alias = "io_uring_register_files_sparse")]
    pub fn register_files_sparse(&self, count: u32) -> Result<(), Errno> {
        resource::register_sparse(self, IORING_REGISTER_FILES2 as u32, count)
    }

    /// Replaces the files from `offset` on; how many. -1 leaves a hole, [`SKIP_FILE`] what was there, and counts.
    /// Since 5.5.
    ///
    /// Requests in flight keep the files that they started with.
    ///
    /// If the number is smaller than that of the files, the one after them was refused, and its place is a hole now;
    /// another call that begins there hears why.
    ///
    /// # Errors
    ///
    /// `ENXIO`: there are no registered files. `EINVAL`: none given, or places past the end of the table. `EOVERFLOW`:
    /// places past `u32::MAX`. `EBADF`: the first is no open file, or is an io_uring. `ENOMEM`: no memory.
    #[doc(alias = "IORING_REGISTER_FILES_UPDATE")]
    #[doc(alias = "io_uring_register_files_update")]
    pub fn register_files_update(&self, offset: u32, fds: &[RawFd]) -> Result<usize, Errno> {
        let count = resource::count(fds.len())?;
        let mut argument = io_uring_rsrc_update { offset, resv: 0, data: address(fds.as_ptr()) };
        let address = from_mut(&mut argument).cast();
        // SAFETY: the argument is the operation's own; the list in it has as many items as `count` says, and is read
        // during the call only.
        let done = unsafe { self.register(IORING_REGISTER_FILES_UPDATE as u32, address, count) }?;
        Ok(done as usize)
    }

    /// [`register_files_update`](Self::register_files_update), with a tag for each new file. Since 5.13.
    ///
    /// # Errors
    ///
    /// As there. `EINVAL` also if there are not as many tags as files, which is found before the kernel is asked; and
    /// for a tag with -1 or [`SKIP_FILE`].
    #[doc(alias = "IORING_REGISTER_FILES_UPDATE2")]
    #[doc(alias = "io_uring_register_files_update_tag")]
    pub fn register_files_update_tag(&self, offset: u32, fds: &[RawFd], tags: &[u64]) -> Result<usize, Errno> {
        // SAFETY: the operation's list is one of `int`s, and names no memory.
        unsafe { resource::update(self, IORING_REGISTER_FILES_UPDATE2 as u32, offset, fds, Some(tags)) }
    }

    /// Says from which places [`DestinationSlot::ALLOCATE`](crate::types::DestinationSlot::ALLOCATE) takes one:
    /// `length` from `offset` on. At first that is the whole table. Since 6.0.
    ///
    /// Places outside stay reachable by number. When all inside are taken, such a request fails with `ENFILE`.
    ///
    /// # Errors
    ///
    /// `EINVAL`: past the end of the table, or there is none. `EOVERFLOW`: an end past `u32::MAX`.
    #[doc(alias = "IORING_REGISTER_FILE_ALLOC_RANGE")]
    #[doc(alias = "io_uring_register_file_alloc_range")]
    pub fn register_file_alloc_range(&self, offset: u32, length: u32) -> Result<(), Errno> {
        let mut argument = io_uring_file_index_range { off: offset, len: length, resv: 0 };
        let address = from_mut(&mut argument).cast();
        // The manual page says that the count is 1; the kernel refuses all but 0.
        // SAFETY: the argument is the operation's own, alive, and read during the call only.
        unsafe { self.register(IORING_REGISTER_FILE_ALLOC_RANGE as u32, address, 0) }.map(drop)
    }

    /// Unregisters them. Requests in flight keep theirs until they end. Since 5.1.
    ///
    /// Before 6.13 the call waits for them.
    ///
    /// # Errors
    ///
    /// `ENXIO`: there are none.
    #[doc(alias = "IORING_UNREGISTER_FILES")]
    #[doc(alias = "io_uring_unregister_files")]
    pub fn unregister_files(&self) -> Result<(), Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_FILES as u32, null_mut(), 0) }.map(drop)
    }
}

const _: () = assert!(size_of::<io_uring_file_index_range>() == 16);
