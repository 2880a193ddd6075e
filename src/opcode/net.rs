//! Sockets.
//!
//! This file has what sends and receives share; each family has a file of its own.

/// Defines `poll_first`, for every send and receive.
macro_rules! poll_first {
    ($name:ident) => {
        impl $name {
            /// Waits first until the socket is ready, instead of trying at once: saves the attempt if it would fail.
            /// Since 5.19; for zero-copy sends since 6.0.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_RECVSEND_POLL_FIRST")]
            pub const fn poll_first(mut self) -> Self {
                self.0.ioprio |= crate::flags::net::transfer::POLL_FIRST;
                self
            }
        }
    };
}

/// Defines the system call's flags, and `poll_first`.
macro_rules! transfer {
    ($name:ident) => {
        poll_first!($name);

        impl $name {
            /// Sets `MSG_*` flags, as `send(2)` and `recv(2)` take them.
            #[inline]
            #[must_use]
            pub const fn flags(mut self, flags: crate::flags::net::MsgFlags) -> Self {
                self.0.op_flags = flags.0;
                self
            }
        }
    };
}

/// Defines the address of a send that has no header.
macro_rules! addressed {
    ($name:ident, $since:literal) => {
        impl $name {
            /// Sets the destination for a socket that is not connected: an address of `len` bytes, as `sendto(2)` takes
            /// it, which must stay valid until the entry has been submitted.
            #[doc = $since]
            #[inline]
            #[must_use]
            #[doc(alias = "io_uring_prep_send_set_addr")]
            pub fn dest_addr(mut self, address: *const crate::types::SockAddrStorage, len: u32) -> Self {
                // kernel: io_uring/net.c io_sendmsg_prep (6.12.117): a send's address is read from `off` and its length
                // from the first 16 bits of `file_index`; the other 16 bits must be 0. io_send_setup copies the address
                // at submission.
                self.0.off = crate::types::address(address);
                // The length has 16 bits, the first half of the field. A longer one becomes the largest number, which
                // the kernel refuses as well: it takes 128 bytes at most.
                let [a, b] = u16::try_from(len).unwrap_or(u16::MAX).to_ne_bytes();
                self.0.file_index = u32::from_ne_bytes([a, b, 0, 0]);
                self
            }
        }
    };
}

/// Defines `vectored`: several pieces without a header. Each opcode documents what cannot be combined with it.
macro_rules! vectored {
    ($(#[$doc:meta])+ $name:ident) => {
        impl $name {
            $(#[$doc])+
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_SEND_VECTORIZED")]
            pub fn vectored(fd: impl UseFixed, iovec: *const IoVec, count: u32) -> Self {
                let mut entry = on_memory(Self::CODE, fd, iovec, count);
                entry.ioprio = transfer::VECTORIZED;
                Self(entry)
            }
        }
    };
}

/// Defines `bundle`: several buffers of a group at once. Its meaning differs between sending and receiving.
macro_rules! bundle {
    ($(#[$doc:meta])+ $name:ident) => {
        impl $name {
            $(#[$doc])+
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_RECVSEND_BUNDLE")]
            pub const fn bundle(mut self) -> Self {
                self.0.ioprio |= crate::flags::net::transfer::BUNDLE;
                self
            }
        }
    };
}

/// Defines `buf_index`: memory in a registered buffer. Each opcode documents the first version and which memory.
macro_rules! fixed_buffer {
    ($(#[$doc:meta])+ $name:ident) => {
        impl $name {
            $(#[$doc])+
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_RECVSEND_FIXED_BUF")]
            pub const fn buf_index(mut self, index: u16) -> Self {
                self.0.buf_index = index;
                self.0.ioprio |= crate::flags::net::transfer::FIXED_BUF;
                self
            }
        }
    };
}

mod recv;
mod send;
mod socket;
mod zero_copy;

pub use recv::{Recv, RecvMsg};
pub use send::{Send, SendMsg};
pub use socket::{Accept, Bind, Connect, Listen, Shutdown, Socket};
pub use zero_copy::{RecvZc, SendMsgZc, SendZc};
