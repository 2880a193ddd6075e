//! Buffers that are given to the kernel by requests. A [`BufRing`](crate::register::BufRing) does this without a
//! request; new programs use that.

use crate::squeue::Entry;
use crate::types::address;
use crate::uapi::io_uring_op::{IORING_OP_PROVIDE_BUFFERS, IORING_OP_REMOVE_BUFFERS};

/// Gives the kernel buffers, which requests with `buf_group` then use.
///
/// Since 5.7. The memory must stay valid, and be used by nothing else, until each buffer has been used (a completion
/// names its id) or taken back by [`RemoveBuffers`].
///
/// # Completion
///
/// 0 on success. `E2BIG`: `count` is 0. `EINVAL`: `len` is 0; the ids would pass 65,535; or the group is a registered
/// buffer ring. `EFAULT`, `EOVERFLOW`: the memory reaches beyond the address space. `ENOMEM`: the kernel has no memory
/// for its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_PROVIDE_BUFFERS")]
#[doc(alias = "io_uring_prep_provide_buffers")]
#[repr(transparent)]
pub struct ProvideBuffers(Entry);

request!(ProvideBuffers, IORING_OP_PROVIDE_BUFFERS);

impl ProvideBuffers {
    /// Adds `count` buffers of `len` bytes each, which lie one after the other from `buf` on, to `buf_group`. The first
    /// has the id `first_id`, and each further one the next number.
    #[inline]
    #[must_use]
    pub fn new(buf: *mut u8, len: u32, count: u16, buf_group: u16, first_id: u16) -> Self {
        let mut entry = Entry::new(Self::CODE);
        // kernel: io_uring/kbuf.c io_provide_buffers_prep (6.12.117): the count is read from `fd`, the first id from
        // `off`, the group from `buf_index`; `rw_flags` and `splice_fd_in` must be 0.
        entry.fd = i32::from(count);
        entry.addr = address(buf);
        entry.len = len;
        entry.off = u64::from(first_id);
        entry.buf_index = buf_group;
        Self(entry)
    }
}

/// Takes buffers back that [`ProvideBuffers`] gave and that no request has used.
///
/// Since 5.7. Refers to no memory of the caller.
///
/// # Completion
///
/// The number of buffers taken back, which can be less than asked for, and is 0 for an empty group. The kernel does not
/// say which buffers they were. `ENOENT`: there is no such group. `EINVAL`: `count` is 0; or the group is a registered
/// buffer ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_REMOVE_BUFFERS")]
#[doc(alias = "io_uring_prep_remove_buffers")]
#[repr(transparent)]
pub struct RemoveBuffers(Entry);

request!(RemoveBuffers, IORING_OP_REMOVE_BUFFERS);

impl RemoveBuffers {
    /// Takes at most `count` buffers back from `buf_group`.
    #[inline]
    #[must_use]
    pub const fn new(count: u16, buf_group: u16) -> Self {
        let mut entry = Entry::new(Self::CODE);
        // kernel: io_uring/kbuf.c io_remove_buffers_prep (6.12.117): the count is read from `fd`; `addr`, `len`, `off`,
        // `rw_flags` and `splice_fd_in` must be 0.
        entry.fd = count as i32;
        entry.buf_index = buf_group;
        Self(entry)
    }
}
