//! Registered buffers, whose pages the kernel pins once, for `ReadFixed` and `WriteFixed`.

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

/// The ring that buffers are cloned from, named by its descriptor or by its index in the calling task's table.
///
/// A value is made from a [`RawFd`], from a reference to a ring, or from a reference to a [`LocalRing`]. A `LocalRing`
/// is named by its index, because it may have no descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferSource {
    number: u32,
    flags: CloneBuffersFlags,
}

impl BufferSource {
    /// Names the ring with this descriptor.
    #[must_use]
    pub const fn fd(fd: RawFd) -> Self {
        Self { number: fd.cast_unsigned(), flags: CloneBuffersFlags::empty() }
    }

    /// Names the ring that is registered with the calling task under this index.
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
    /// Registers buffers: the kernel pins their pages, and requests name the buffers by index. Since 5.1.
    ///
    /// A null pointer with length 0 leaves the index empty, a hole (5.13), for
    /// [`register_buffers_update`](Self::register_buffers_update) to fill.
    ///
    /// # Errors
    ///
    /// After an error nothing is registered. `EBUSY`: the ring has registered buffers already. `EINVAL`: no buffers, or
    /// more than 16,384 (1,024 before 5.13), or (since 7.2) a buffer of more than 1 TiB. `EFAULT`: a buffer of no
    /// bytes, (before 7.2) a buffer of more than 1 GiB, or memory that the process does not have. `ENOMEM`: above
    /// RLIMIT_MEMLOCK. `EOVERFLOW`: an end past the address space.
    ///
    /// # Safety
    ///
    /// - The memory stays the process's own, and mapped at its address, until the buffers are unregistered or the ring
    ///   is gone, and the requests that use the buffers have completed. The kernel keeps the pages pinned: a request
    ///   may write to them even after something else was mapped at their address.
    ///
    /// The kernel reads the `IoVec`s themselves during the call only.
    #[doc(alias = "IORING_REGISTER_BUFFERS")]
    #[doc(alias = "io_uring_register_buffers")]
    pub unsafe fn register_buffers(&self, buffers: &[IoVec]) -> Result<(), Errno> {
        let count = resource::count(buffers.len())?;
        let first = buffers.as_ptr().cast_mut().cast();
        // kernel: io_uring/rsrc.c io_validate_user_buf_range (7.3): no bytes is EFAULT, more than 1 TiB EINVAL, an end
        // past the address space EOVERFLOW.
        // kernel: io_uring/rsrc.c io_sqe_buffers_register (7.3): an error unregisters what the call had registered, and
        // posts no tag for it.
        // SAFETY: `first` and `count` describe the slice, which the kernel only reads. The caller guarantees the memory
        // that the entries name.
        unsafe { self.register(IORING_REGISTER_BUFFERS as u32, first, count) }.map(drop)
    }

    /// Registers buffers, each with a tag. Since 5.13.
    ///
    /// Once a buffer was unregistered or replaced, and no request uses it any more, the kernel posts a completion with
    /// the buffer's tag as user data and result 0. A buffer with tag 0 has no such completion.
    ///
    /// Buffers that are still registered when the ring is closed give no completion: there is no queue left.
    ///
    /// # Errors
    ///
    /// The errors of [`register_buffers`](Self::register_buffers). `EINVAL` also for a number of tags that is not the
    /// number of buffers (found before the kernel is asked), for a hole with a tag, and before 5.13.
    ///
    /// # Safety
    ///
    /// The conditions of [`register_buffers`](Self::register_buffers). A buffer's memory is free from its tag's
    /// completion on.
    #[doc(alias = "IORING_REGISTER_BUFFERS2")]
    #[doc(alias = "io_uring_register_buffers_tags")]
    pub unsafe fn register_buffers2(&self, buffers: &[IoVec], tags: &[u64]) -> Result<(), Errno> {
        // kernel: io_uring/rsrc.c io_free_rsrc_node (7.3): the last user of a resource with a tag posts the tag with
        // result 0 and no flags.
        // SAFETY: the operation's list is one of `iovec`s. The caller guarantees the memory that they name.
        unsafe { resource::register(self, IORING_REGISTER_BUFFERS2 as u32, buffers, tags) }
    }

    /// Makes a table of `count` holes, for [`register_buffers_update`](Self::register_buffers_update) to fill. Since
    /// 5.19.
    ///
    /// # Errors
    ///
    /// `EBUSY`: the ring has registered buffers already. `EINVAL`: a count of 0 or above 16,384, or a kernel before
    /// 5.19. `ENOMEM`: no memory for the table.
    #[doc(alias = "IORING_REGISTER_BUFFERS2")]
    #[doc(alias = "IORING_RSRC_REGISTER_SPARSE")]
    #[doc(alias = "io_uring_register_buffers_sparse")]
    pub fn register_buffers_sparse(&self, count: u32) -> Result<(), Errno> {
        resource::register_sparse(self, IORING_REGISTER_BUFFERS2 as u32, count)
    }

    /// Replaces the buffers from `offset` on, and returns how many it replaced. A null pointer with length 0 leaves a
    /// hole. Since 5.13.
    ///
    /// Requests in flight keep the buffers that they started with. If the old buffers have tags, their completions say
    /// when no request uses them any more.
    ///
    /// If the result is smaller than the number of buffers given, the kernel refused the next one, and its index is as
    /// it was. Another call that begins there returns the reason.
    ///
    /// # Errors
    ///
    /// `ENXIO`: the ring has no registered buffers. `EINVAL`: no buffers given, indices past the end of the table, a
    /// hole with a tag, or (found before the kernel is asked) a number of tags that is not the number of buffers.
    /// `EOVERFLOW`: indices past `u32::MAX`. If the kernel refuses the first buffer, also `EFAULT`, `EINVAL`, `ENOMEM`
    /// and `EOVERFLOW` as in [`register_buffers`](Self::register_buffers).
    ///
    /// # Safety
    ///
    /// The conditions of [`register_buffers`](Self::register_buffers), for the new buffers. The memory of the replaced
    /// buffers is free when no request uses it any more.
    #[doc(alias = "IORING_REGISTER_BUFFERS_UPDATE")]
    #[doc(alias = "io_uring_register_buffers_update_tag")]
    pub unsafe fn register_buffers_update(
        &self,
        offset: u32,
        buffers: &[IoVec],
        tags: Option<&[u64]>,
    ) -> Result<usize, Errno> {
        // SAFETY: the operation's list is one of `iovec`s. The caller guarantees the memory that they name.
        unsafe { resource::update(self, IORING_REGISTER_BUFFERS_UPDATE as u32, offset, buffers, tags) }
    }

    /// Clones all registered buffers of another ring, which keeps them. The kernel pins no page again. Since 6.12.
    ///
    /// Tags are not cloned.
    ///
    /// # Errors
    ///
    /// The errors of [`register_buffers_clone_offset`](Self::register_buffers_clone_offset).
    ///
    /// # Safety
    ///
    /// The condition of [`register_buffers_clone_offset`](Self::register_buffers_clone_offset).
    #[doc(alias = "IORING_REGISTER_CLONE_BUFFERS")]
    #[doc(alias = "io_uring_clone_buffers")]
    pub unsafe fn register_buffers_clone(&self, source: impl Into<BufferSource>) -> Result<(), Errno> {
        // SAFETY: the caller meets the condition of the function called, since this function has the same one.
        unsafe { self.register_buffers_clone_offset(source, 0, 0, 0, CloneBuffersFlags::empty()) }
    }

    /// Clones `count` registered buffers of another ring, from its index `source_offset` on, to the indices from
    /// `offset` on. A count of 0 means all of them, and both offsets must be 0 then. Since 6.13; a plain clone of all
    /// since 6.12.
    ///
    /// With [`DST_REPLACE`](CloneBuffersFlags::DST_REPLACE) the kernel replaces the buffers at these indices (and posts
    /// their tags), keeps the buffers at other indices, and makes the table longer if necessary. The source can then be
    /// this ring itself. Without the flag this ring must have no buffers.
    ///
    /// # Errors
    ///
    /// `ENXIO`: the source has no buffers. `EBUSY`: this ring has some, and `DST_REPLACE` is not given. `EINVAL`: more
    /// than the source has, an offset without a count, indices above 16,384, an index above 15 or an unknown flag; the
    /// two rings account memory to different users or processes; or the kernel does not know ranges (6.12).
    /// `EOVERFLOW`: a range that ends past the source's table. `EBADF`: the source's descriptor is closed, or nothing
    /// is registered under its index. `EOPNOTSUPP`: the source is no ring. `EEXIST`: the source is SINGLE_ISSUER, and
    /// the calling task is not its task. `ENOMEM`: no memory for the table.
    ///
    /// # Safety
    ///
    /// - The memory of the cloned buffers stays the process's own, and mapped at its address, until this ring too has
    ///   unregistered them or is gone, and the requests that use them have completed. The clones stay registered here
    ///   after the source has unregistered its own; the code that registered them with the source may not expect that.
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
        // kernel: io_uring/rsrc.c io_clone_buffers (7.3): a clone shares the pinned pages by a reference count, has no
        // tag, and needs both rings to account memory to the same user and process.
        // SAFETY: the argument is the operation's own structure, alive, and read during the call only. The caller
        // guarantees the buffers' memory.
        unsafe { self.register(IORING_REGISTER_CLONE_BUFFERS as u32, address, 1) }.map(drop)
    }

    /// Unregisters all buffers. Requests in flight keep their buffers until they end. Since 5.1.
    ///
    /// Before 6.13 the call waits for these requests.
    ///
    /// # Errors
    ///
    /// `ENXIO`: the ring has no registered buffers.
    #[doc(alias = "IORING_UNREGISTER_BUFFERS")]
    #[doc(alias = "io_uring_unregister_buffers")]
    pub fn unregister_buffers(&self) -> Result<(), Errno> {
        // SAFETY: the operation takes no argument and touches no memory.
        unsafe { self.register(IORING_UNREGISTER_BUFFERS as u32, null_mut(), 0) }.map(drop)
    }
}

const _: () = assert!(size_of::<io_uring_clone_buffers>() == 32);
