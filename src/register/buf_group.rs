//! Groups of provided buffers at the level of system calls: a number, and the address of a ring.
//!
//! [`buf_ring`](super::buf_ring) builds on these methods. By themselves they serve a caller that manages the buffers
//! itself.

use core::mem::size_of;
use core::ptr::from_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::{
    IORING_REGISTER_PBUF_RING, IORING_REGISTER_PBUF_STATUS, IORING_UNREGISTER_PBUF_RING,
};
use crate::uapi::{io_uring_buf_reg, io_uring_buf_status};

const _: () = {
    assert!(size_of::<io_uring_buf_reg>() == 40);
    assert!(size_of::<io_uring_buf_status>() == 40);
};

impl<K: Kernel> Submitter<'_, K> {
    /// Registers a ring of entries by its address, for a caller that manages the buffers itself. Since 5.19.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a number of entries that is no power of two or above 32,768, flags that the kernel does not know, an
    /// address that is not at a page, or the kernel is older. `EEXIST`: the group exists already. `ENOMEM`: no memory.
    /// `EFAULT`: memory that the process does not have.
    ///
    /// # Safety
    ///
    /// If `ring_addr` is not 0:
    ///
    /// - `ring_addr` is the address of `ring_entries` entries, which stay valid for reads and writes until the
    ///   group was unregistered or the ring closed.
    /// - The memory that the entries name stays valid until no request uses it any more.
    #[doc(alias = "IORING_REGISTER_PBUF_RING")]
    pub unsafe fn register_buf_ring_with_flags(
        &self,
        ring_addr: u64,
        ring_entries: u32,
        bgid: u16,
        flags: u16,
        min_left: u32,
    ) -> Result<(), Errno> {
        let mut argument = io_uring_buf_reg { ring_addr, ring_entries, bgid, flags, resv: [0; 3] };
        // `min_left` is newer than the bindings: the first four bytes of what they call reserved.
        let [a, b, c, d] = min_left.to_ne_bytes();
        argument.resv[0] = u64::from_ne_bytes([a, b, c, d, 0, 0, 0, 0]);
        let address = from_mut(&mut argument).cast();
        // kernel: io_uring/kbuf.c io_register_pbuf_ring (7.3): the reserved words must be 0; `min_left` without
        // IOU_PBUF_RING_INC is EINVAL.
        // SAFETY: the argument is the operation's own structure, and alive. The caller guarantees the memory that it
        // names.
        unsafe { self.register(IORING_REGISTER_PBUF_RING as u32, address, 1) }.map(drop)
    }

    /// Unregisters the group. Requests that have taken a buffer of the group keep it until they end. Since 5.19.
    ///
    /// # Errors
    ///
    /// `ENOENT`: there is no such group. `EINVAL`: the group is not a ring; before 6.9 also if there is no such group.
    #[doc(alias = "IORING_UNREGISTER_PBUF_RING")]
    #[doc(alias = "io_uring_unregister_buf_ring")]
    pub fn unregister_buf_ring(&self, group: u16) -> Result<(), Errno> {
        let mut argument = io_uring_buf_reg { ring_addr: 0, ring_entries: 0, bgid: group, flags: 0, resv: [0; 3] };
        let address = from_mut(&mut argument).cast();
        // SAFETY: the argument is the operation's own structure, alive, and read during the call only.
        unsafe { self.register(IORING_UNREGISTER_PBUF_RING as u32, address, 1) }.map(drop)
    }

    /// Returns the head of the group's ring: how many of its buffers the kernel has used up so far, modulo 65,536.
    /// Since 6.8.
    ///
    /// # Errors
    ///
    /// `ENOENT`: there is no such group. `EINVAL`: the group is not a ring, or the kernel is older.
    #[doc(alias = "IORING_REGISTER_PBUF_STATUS")]
    #[doc(alias = "io_uring_buf_ring_head")]
    pub fn buf_ring_head(&self, group: u16) -> Result<u16, Errno> {
        let mut argument = io_uring_buf_status { buf_group: u32::from(group), head: 0, resv: [0; 8] };
        let address = from_mut(&mut argument).cast();
        // SAFETY: the argument is the operation's own structure, and alive. The kernel writes to it during the call
        // only.
        unsafe { self.register(IORING_REGISTER_PBUF_STATUS as u32, address, 1) }?;
        // kernel: io_uring/kbuf.c io_register_pbuf_status (7.3): reports the group's own head, which counts in 16 bits
        // and moves when a buffer is used up.
        Ok(argument.head as u16)
    }
}
