//! Headers of messages.

use core::ffi::c_void;
use core::mem::{offset_of, size_of};
use core::ptr;

use super::{IoVec, SockAddrStorage};
use crate::flags::net::MsgFlags;

/// The header of a message (`struct msghdr` of `sendmsg(2)`): the address, the pieces and the control data.
///
/// The fields have the process's own width: a 32-bit process under a 64-bit kernel uses 32-bit fields.
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
    /// Makes the header of a message in the `count` pieces at `pieces`, without an address and without control data.
    ///
    /// A receive into provided buffers has no piece, or one whose length limits the buffer.
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

    /// Sets the destination of a send, an address of `len` bytes.
    #[must_use]
    pub const fn to(mut self, address: *const SockAddrStorage, len: u32) -> Self {
        self.name = address.cast_mut();
        self.name_len = len.cast_signed();
        self
    }

    /// Sets where the sender's address of a receive is written, `len` bytes at most.
    ///
    /// A multishot receive writes the address into its buffer instead: only `len` counts, and the pointer is not used.
    #[must_use]
    pub const fn from(mut self, address: *mut SockAddrStorage, len: u32) -> Self {
        self.name = address;
        self.name_len = len.cast_signed();
        self
    }

    /// Sets the control data, which a send reads and a receive writes. For a multishot receive only `len` counts.
    #[must_use]
    pub const fn control(mut self, control: *mut c_void, len: usize) -> Self {
        self.control = control;
        self.control_len = len;
        self
    }

    /// Returns the address's length; after a receive, the length of the sender's address.
    #[must_use]
    pub const fn name_len(&self) -> u32 {
        self.name_len.cast_unsigned()
    }

    /// Returns the control data's length; after a receive, the length of what was received.
    #[must_use]
    pub const fn control_len(&self) -> usize {
        self.control_len
    }

    /// Returns the kernel's flags after a receive (`MSG_TRUNC`, `MSG_CTRUNC`, …).
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

// The layout is that of `struct user_msghdr` in the kernel's include/linux/socket.h (and of `struct compat_msghdr` for
// 32 bits): each field after the second is at a multiple of a pointer's size.
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
