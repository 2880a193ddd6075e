//! Sockets.
//!
//! What sends and receives have in common stands here; each family has its file.

/// What every send and receive has: polling first.
macro_rules! poll_first {
    ($name:ident) => {
        impl $name {
            /// Does not try at once, but waits first until the socket is ready: saves the attempt where it would fail.
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

/// What all of them have that go by a system call's rules: its flags beside it.
macro_rules! transfer {
    ($name:ident) => {
        poll_first!($name);

        impl $name {
            /// `MSG_*` flags, as `send(2)` and `recv(2)` take them.
            #[inline]
            #[must_use]
            pub const fn flags(mut self, flags: crate::flags::net::MsgFlags) -> Self {
                self.0.op_flags = flags.0;
                self
            }
        }
    };
}

/// The address of a send that is no `sendmsg`.
macro_rules! addressed {
    ($name:ident, $since:literal) => {
        impl $name {
            /// Where to, for a socket that is not connected: an address of `len` bytes, as `sendto(2)`, which must stay
            /// valid until the entry was submitted.
            #[doc = $since]
            #[inline]
            #[must_use]
            #[doc(alias = "io_uring_prep_send_set_addr")]
            pub fn dest_addr(mut self, address: *const crate::types::SockAddrStorage, len: u32) -> Self {
                self.0.off = crate::opcode::address(address);
                // 16 bits, the first half of the field. What does not fit is as invalid as its largest number: the
                // kernel takes 128 bytes at most.
                let [a, b] = u16::try_from(len).unwrap_or(u16::MAX).to_ne_bytes();
                self.0.file_index = u32::from_ne_bytes([a, b, 0, 0]);
                self
            }
        }
    };
}

/// Several pieces without a header; what goes together with it differs.
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

/// Several buffers of a group at once; what that means differs between sending and receiving.
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

/// Memory within a registered buffer; since when, and what of it, differs.
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
