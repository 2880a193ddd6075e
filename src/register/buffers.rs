//! Buffers that the kernel knows beforehand, for `ReadFixed` and `WriteFixed`.

use core::mem::size_of;
use core::ptr::{from_mut, null_mut};

use super::resource;
use crate::error::Errno;
use crate::flags::CloneBuffersFlags;
use crate::kernel::Kernel;
use crate::ring::IoUring;
use crate::ring::ring_fd::LocalRing;
use crate::submitter::Submitter;
use crate::types::{IoVec, RawFd};
use crate::uapi::io_uring_clone_buffers;
use crate::uapi::io_uring_register_op::{
    IORING_REGISTER_BUFFERS, IORING_REGISTER_BUFFERS_UPDATE, IORING_REGISTER_BUFFERS2, IORING_REGISTER_CLONE_BUFFERS,
    IORING_UNREGISTER_BUFFERS,
};
use crate::{cqueue, squeue};

/// The ring that buffers are cloned from: by its descriptor, or by its index in the calling task's table.
///
/// Made from a [`RawFd`], from a reference to a ring, or from a reference to a [`LocalRing`], which goes by its index
/// (it need not have a descriptor at all).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferSource {
    number: u32,
    flags: CloneBuffersFlags,
}

impl BufferSource {
    /// The ring with this descriptor.
    #[must_use]
    pub const fn fd(fd: RawFd) -> Self {
        Self { number: fd.cast_unsigned(), flags: CloneBuffersFlags::empty() }
    }

    /// The ring registered with the calling task under this index.
    #[doc(alias = "IORING_REGISTER_SRC_REGISTERED")]
    #[must_use]
    pub const fn registered(index: u32) -> Self {
        Self { number: index, flags: CloneBuffersFlags::SRC_REGISTERED }
    }
}

impl From<RawFd> for BufferSource {
    fn from(fd: RawFd) -> Self {
        Self::fd(fd)
    }
}

impl<S, C> From<&IoUring<S, C>> for BufferSource {
    fn from(ring: &IoUring<S, C>) -> Self {
        Self::fd(ring.fd())
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> From<&LocalRing<S, C, K>> for BufferSource {
    fn from(ring: &LocalRing<S, C, K>) -> Self {
        Self::registered(ring.registered_index())
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Registers buffers: the kernel pins their pages and finds them by index from now on. Since 5.1.
    ///
    /// A null pointer with length 0 leaves a hole (5.13), to be filled by
    /// [`register_buffers_update`](Self::register_buffers_update).
    ///
    /// # Errors
    ///
    /// Nothing is registered then. `EBUSY`: there are registered buffers already. `EINVAL`: none, or more than 16,384
    /// (1,024 before 5.13). `EFAULT`: a buffer of no bytes or of more than 1 GiB, or memory that the process does not
    /// have. `ENOMEM`: above RLIMIT_MEMLOCK. `EOVERFLOW`: an end past the address space.
    ///
    /// # Safety
    ///
    /// - The memory stays the process's own, and mapped where it is, until the buffers are unregistered or the ring is
    ///   gone, and the requests that use them have completed: the kernel keeps the pages pinned, and a request may
    ///   write to them even where something else has been mapped in their place.
    ///
    /// The `IoVec`s themselves are read during the call only.
    #[doc(alias = "IORING_REGISTER_BUFFERS")]
    #[doc(alias = "io_uring_register_buffers")]
    pub unsafe fn register_buffers(&self, buffers: &[IoVec]) -> Result<(), Errno> {
        let count = resource::count(buffers.len())?;
        let first = buffers.as_ptr().cast_mut().cast();
        // SAFETY: `first` and `count` describe the slice, which the kernel reads only; the caller answers for what the
        // entries name.
        unsafe { self.register(IORING_REGISTER_BUFFERS as u32, first, count) }.map(drop)
    }

    /// Registers buffers, each with a tag: when a buffer has been unregistered or replaced and no request uses it any
    /// more, a completion with its tag as user data and result 0 says so. Tag 0 stands for none. Since 5.13.
    ///
    /// Buffers that are still registered when the ring is closed give no completion: there is no queue left.
    ///
    /// # Errors
    ///
    /// As [`register_buffers`](Self::register_buffers). `EINVAL` also if there are not as many tags as buffers, which
    /// is found before the kernel is asked; for a hole with a tag; and before 5.13.
    ///
    /// # Safety
    ///
    /// As [`register_buffers`](Self::register_buffers). A buffer's memory is free from its tag's completion on.
    #[doc(alias = "IORING_REGISTER_BUFFERS2")]
    #[doc(alias = "io_uring_register_buffers_tags")]
    pub unsafe fn register_buffers2(&self, buffers: &[IoVec], tags: &[u64]) -> Result<(), Errno> {
        // SAFETY: the operation's list is one of `iovec`s; the caller answers for what they name.
        unsafe { resource::register(self, IORING_REGISTER_BUFFERS2 as u32, buffers, tags) }
    }

    /// Makes a table of `count` holes, to be filled by
    /// [`register_buffers_update`](Self::register_buffers_update). Since 5.19.
    ///
    /// # Errors
    ///
    /// `EBUSY`: there are registered buffers already. `EINVAL`: a count of 0 or above 16,384, or a kernel before 5.19.
    /// `ENOMEM`: no memory for the table.
    #[doc(alias = "IORING_REGISTER_BUFFERS2")]
    #[doc(alias = "IORING_RSRC_REGISTER_SPARSE")]
    #[doc(alias = "io_uring_register_buffers_sparse")]
    pub fn register_buffers_sparse(&self, count: u32) -> Result<(), Errno> {
        resource::register_sparse(self, IORING_REGISTER_BUFFERS2 as u32, count)
    }

    /// Replaces the buffers from `offset` on; how many were replaced. A null pointer with length 0 leaves a hole.
    /// Since 5.13.
    ///
    /// Requests in flight keep the buffers that they started with. If those carry tags, their completions say when.
    ///
    /// If the number is smaller than that of the buffers, the one after them was refused: its place is as it was, and
    /// another call that begins there hears why.
    ///
    /// # Errors
    ///
    /// `ENXIO`: there are no registered buffers. `EINVAL`: no buffers given, places past the end of the table, a hole
    /// with a tag, or (found before the kernel is asked) not as many tags as buffers. `EOVERFLOW`: places past
    /// `u32::MAX`. For the first buffer also `EFAULT`, `ENOMEM` and `EOVERFLOW` as
    /// [`register_buffers`](Self::register_buffers).
    ///
    /// # Safety
    ///
    /// As [`register_buffers`](Self::register_buffers), for the new buffers. The memory of those replaced is free when
    /// no request uses it any more.
    #[doc(alias = "IORING_REGISTER_BUFFERS_UPDATE")]
    #[doc(alias = "io_uring_register_buffers_update_tag")]
    pub unsafe fn register_buffers_update(
        &self,
        offset: u32,
        buffers: &[IoVec],
        tags: Option<&[u64]>,
    ) -> Result<usize, Errno> {
        // SAFETY: the operation's list is one of `iovec`s; the caller answers for what they name.
        unsafe { resource::update(self, IORING_REGISTER_BUFFERS_UPDATE as u32, offset, buffers, tags) }
    }

    /// Takes over all registered buffers of another ring, which keeps them: nothing is pinned anew. Since 6.12.
    ///
    /// Tags are not cloned.
    ///
    /// # Errors
    ///
    /// As [`register_buffers_clone_offset`](Self::register_buffers_clone_offset).
    ///
    /// # Safety
    ///
    /// As there.
    #[doc(alias = "IORING_REGISTER_CLONE_BUFFERS")]
    #[doc(alias = "io_uring_clone_buffers")]
    pub unsafe fn register_buffers_clone(&self, source: impl Into<BufferSource>) -> Result<(), Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.register_buffers_clone_offset(source, 0, 0, 0, CloneBuffersFlags::empty()) }
    }

    /// Takes over `count` registered buffers of another ring, those from `source_offset` on, to the places from
    /// `offset` on. A count of 0 means all of them, with both offsets 0. Since 6.13; a plain clone of all since 6.12.
    ///
    /// With [`DST_REPLACE`](CloneBuffersFlags::DST_REPLACE) what stands in these places is replaced (and its tags
    /// come), what stands elsewhere stays, and the table grows if it must; without it this ring must have no buffers.
    /// The source can then be this ring itself.
    ///
    /// # Errors
    ///
    /// `ENXIO`: the source has no buffers. `EBUSY`: this ring has some, and `DST_REPLACE` is not given. `EINVAL`: more
    /// than the source has, an offset without a count, places above 16,384, an index above 15 or an unknown flag; the
    /// two rings account memory to different users or processes; or the kernel does not know ranges (6.12).
    /// `EOVERFLOW`: a range that ends past the source's table. `EBADF`: the source's descriptor is closed, or nothing
    /// is registered under its index. `EOPNOTSUPP`: it is no ring. `EEXIST`: it is SINGLE_ISSUER, and this is not its
    /// task. `ENOMEM`: no memory for the table.
    ///
    /// # Safety
    ///
    /// - The memory of the cloned buffers stays the process's own, and mapped where it is, until this ring too has
    ///   unregistered them or is gone, and the requests that use them have completed. That the source unregisters them
    ///   ends nothing here, which whoever registered them there may not expect.
    #[doc(alias = "IORING_REGISTER_CLONE_BUFFERS")]
    #[doc(alias = "io_uring_clone_buffers_offset")]
    #[doc(alias = "__io_uring_clone_buffers")]
    #[doc(alias = "__io_uring_clone_buffers_offset")]
    pub unsafe fn register_buffers_clone_offset(
        &self,
        source: impl Into<BufferSource>,
        source_offset: u32,
        offset: u32,
        count: u32,
        flags: CloneBuffersFlags,
    ) -> Result<(), Errno> {
        let source = source.into();
        let mut argument = io_uring_clone_buffers {
            src_fd: source.number,
            flags: source.flags.union(flags).bits(),
            src_off: source_offset,
            dst_off: offset,
            nr: count,
            pad: [0; 3],
        };
        let address = from_mut(&mut argument).cast();
        // SAFETY: the argument is the operation's own, alive, and read during the call only; the caller answers for the
        // buffers' memory.
        unsafe { self.register(IORING_REGISTER_CLONE_BUFFERS as u32, address, 1) }.map(drop)
    }

    /// Unregisters them. Requests in flight keep theirs until they end. Since 5.1.
    ///
    /// Before 6.13 the call waits for them.
    ///
    /// # Errors
    ///
    /// `ENXIO`: there are none.
    #[doc(alias = "IORING_UNREGISTER_BUFFERS")]
    #[doc(alias = "io_uring_unregister_buffers")]
    pub fn unregister_buffers(&self) -> Result<(), Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_BUFFERS as u32, null_mut(), 0) }.map(drop)
    }
}

const _: () = assert!(size_of::<io_uring_clone_buffers>() == 32);
