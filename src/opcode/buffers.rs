//! Buffers handed to the kernel one request at a time. A [`BufRing`](crate::register::BufRing) does the same without a
//! request, and is what new programs take.

use crate::squeue::Entry;
use crate::types::address;
use crate::uapi::io_uring_op::{IORING_OP_PROVIDE_BUFFERS, IORING_OP_REMOVE_BUFFERS};

/// Gives the kernel buffers, from which requests with `buf_group` are served.
///
/// Since 5.7. The memory must stay valid, and nobody else's, until each buffer was used (a completion names its id) or
/// taken back by [`RemoveBuffers`].
///
/// # Completion
///
/// 0 on success. `E2BIG`: no buffer at all. `EINVAL`: the ids would pass 65,535; the group is a registered ring of
/// buffers. `EFAULT`, `EOVERFLOW`: the memory reaches out of the address space. `ENOMEM`: the kernel has no memory for
/// its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_PROVIDE_BUFFERS")]
#[doc(alias = "io_uring_prep_provide_buffers")]
#[repr(transparent)]
pub struct ProvideBuffers(Entry);

request!(ProvideBuffers, IORING_OP_PROVIDE_BUFFERS);

impl ProvideBuffers {
    /// Adds `count` buffers of `len` bytes each, one after the other from `buf` on, to `buf_group`. The first has the
    /// id `first_id`, the next the number after it, and so on.
    #[inline]
    #[must_use]
    pub fn new(buf: *mut u8, len: u32, count: u16, buf_group: u16, first_id: u16) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = i32::from(count);
        entry.addr = address(buf);
        entry.len = len;
        entry.off = u64::from(first_id);
        entry.buf_index = buf_group;
        Self(entry)
    }
}

/// Takes buffers back that [`ProvideBuffers`] gave and no request has used.
///
/// Since 5.7. Points to nothing.
///
/// # Completion
///
/// The number of buffers taken back, which can be less than asked for, and 0 of a group that is empty. Which ones they
/// were, the kernel does not say. `ENOENT`: there is no such group. `EINVAL`: none was asked for; the group is a
/// registered ring of buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_REMOVE_BUFFERS")]
#[doc(alias = "io_uring_prep_remove_buffers")]
#[repr(transparent)]
pub struct RemoveBuffers(Entry);

request!(RemoveBuffers, IORING_OP_REMOVE_BUFFERS);

impl RemoveBuffers {
    /// Takes at most `count` buffers from `buf_group`.
    #[inline]
    #[must_use]
    pub const fn new(count: u16, buf_group: u16) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = count as i32;
        entry.buf_index = buf_group;
        Self(entry)
    }
}
