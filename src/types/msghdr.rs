//! The header of a message.

use core::ffi::c_void;
use core::mem::{offset_of, size_of};
use core::ptr;

use super::{IoVec, SockAddrStorage};
use crate::flags::net::MsgFlags;

/// The header of a message (`struct msghdr` of `sendmsg(2)`): its address, its pieces, its control data.
///
/// Of the process's own width: a 32-bit process under a 64-bit kernel uses its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "msghdr")]
#[doc(alias = "user_msghdr")]
#[repr(C)]
pub struct MsgHdr {
    name: *mut SockAddrStorage,
    name_len: i32,
    pieces: *mut IoVec,
    count: usize,
    control: *mut c_void,
    control_len: usize,
    flags: u32,
}

impl MsgHdr {
    /// The message in the `count` pieces at `pieces`, without an address, without control data.
    ///
    /// For a receive into provided buffers: no piece, or one whose length limits the buffer.
    #[must_use]
    pub const fn new(pieces: *const IoVec, count: usize) -> Self {
        Self {
            name: ptr::null_mut(),
            name_len: 0,
            pieces: pieces.cast_mut(),
            count,
            control: ptr::null_mut(),
            control_len: 0,
            flags: 0,
        }
    }

    /// Where to: the address of a send, of `len` bytes.
    #[must_use]
    pub const fn to(mut self, address: *const SockAddrStorage, len: u32) -> Self {
        self.name = address.cast_mut();
        self.name_len = len.cast_signed();
        self
    }

    /// Where from: the address of a receive is written here, `len` bytes at most.
    ///
    /// A multishot receive writes it into the buffer instead: there `len` alone counts, and the pointer is not used.
    #[must_use]
    pub const fn from(mut self, address: *mut SockAddrStorage, len: u32) -> Self {
        self.name = address;
        self.name_len = len.cast_signed();
        self
    }

    /// Control data, of a send to read from, of a receive to write to. For a multishot receive, `len` alone counts.
    #[must_use]
    pub const fn control(mut self, control: *mut c_void, len: usize) -> Self {
        self.control = control;
        self.control_len = len;
        self
    }

    /// The address's length; after a receive, that of the one received from.
    #[must_use]
    pub const fn name_len(&self) -> u32 {
        self.name_len.cast_unsigned()
    }

    /// The control data's length; after a receive, that of what was received.
    #[must_use]
    pub const fn control_len(&self) -> usize {
        self.control_len
    }

    /// After a receive: what the kernel says of the message (`MSG_TRUNC`, `MSG_CTRUNC`, …).
    #[must_use]
    pub const fn flags(&self) -> MsgFlags {
        MsgFlags(self.flags)
    }
}

impl Default for MsgHdr {
    fn default() -> Self {
        Self::new(ptr::null(), 0)
    }
}

// As `struct user_msghdr` of the kernel's include/linux/socket.h (and `struct compat_msghdr` for 32 bits): each field
// after the second at a multiple of a pointer's size.
const _: () = {
    const WIDTH: usize = size_of::<usize>();

    assert!(offset_of!(MsgHdr, name) == 0);
    assert!(offset_of!(MsgHdr, name_len) == WIDTH);
    assert!(offset_of!(MsgHdr, pieces) == 2 * WIDTH);
    assert!(offset_of!(MsgHdr, count) == 3 * WIDTH);
    assert!(offset_of!(MsgHdr, control) == 4 * WIDTH);
    assert!(offset_of!(MsgHdr, control_len) == 5 * WIDTH);
    assert!(offset_of!(MsgHdr, flags) == 6 * WIDTH);
    assert!(size_of::<MsgHdr>() == 7 * WIDTH);
    assert!(size_of::<MsgHdr>() == if cfg!(target_pointer_width = "64") { 56 } else { 28 });
};
