//! Groups of provided buffers as the kernel sees them: a number, and the address of a ring.
//!
//! [`buf_ring`](super::buf_ring) builds on this; by itself it serves a caller that manages the buffers in its own way.

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
    /// Registers a ring of descriptors by its address, for a caller that manages the buffers itself.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a number of entries that is no power of two or above 32,768, flags that the kernel does not
    /// know, an address that is no page. `EEXIST`, `ENOMEM`, `EFAULT`.
    ///
    /// # Safety
    ///
    /// With `ring_addr` not 0, it is the address of `ring_entries` descriptors that stay valid for reads and writes
    /// until the group was unregistered or the ring closed, and what they name, until no request uses it any more.
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
        // SAFETY: the argument is the operation's own and alive; the caller answers for the memory it names.
        unsafe { self.register(IORING_REGISTER_PBUF_RING as u32, address, 1) }.map(drop)
    }

    /// Unregisters the group. Requests that took a buffer of it before keep that until they end. Since 5.19.
    ///
    /// # Errors
    ///
    /// `ENOENT`: there is no such group. `EINVAL`: the group is not a ring; before 6.9 also if it is not there.
    #[doc(alias = "IORING_UNREGISTER_PBUF_RING")]
    #[doc(alias = "io_uring_unregister_buf_ring")]
    pub fn unregister_buf_ring(&self, group: u16) -> Result<(), Errno> {
        let mut argument = io_uring_buf_reg { ring_addr: 0, ring_entries: 0, bgid: group, flags: 0, resv: [0; 3] };
        let address = from_mut(&mut argument).cast();
        // SAFETY: the argument is the operation's own, alive, and read during the call only.
        unsafe { self.register(IORING_UNREGISTER_PBUF_RING as u32, address, 1) }.map(drop)
    }

    /// The head of the group's ring: how many of its buffers the kernel has taken so far, modulo 65,536. Since 6.8.
    ///
    /// # Errors
    ///
    /// `ENOENT`: there is no such group. `EINVAL`: it is not a ring, or the kernel is older.
    #[doc(alias = "IORING_REGISTER_PBUF_STATUS")]
    #[doc(alias = "io_uring_buf_ring_head")]
    pub fn buf_ring_head(&self, group: u16) -> Result<u16, Errno> {
        let mut argument = io_uring_buf_status { buf_group: u32::from(group), head: 0, resv: [0; 8] };
        let address = from_mut(&mut argument).cast();
        // SAFETY: the argument is the operation's own and alive; the kernel writes to it during the call only.
        unsafe { self.register(IORING_REGISTER_PBUF_STATUS as u32, address, 1) }?;
        // The head counts in 16 bits.
        Ok(argument.head as u16)
    }
}
