//! Sending, with the data copied.

use crate::flags::net::transfer;
use crate::opcode::on_memory;
use crate::squeue::Entry;
use crate::types::sealed::UseFixed;
use crate::types::{IoVec, MsgHdr};
use crate::uapi::io_uring_op::{IORING_OP_SEND, IORING_OP_SENDMSG};

/// Sends on a socket, as `send(2)` and `sendto(2)`.
///
/// Since 5.6. The buffer (of a vectored send each of its pieces; of a bundle or with a buffer group, the provided
/// buffer) must stay valid and unchanged until the completion; an address, and the array of a vectored send, until the
/// entry was submitted.
///
/// # Completion
///
/// The number of bytes sent, which on a stream can be less than asked for unless the flags have
/// [`WAITALL`](crate::types::MsgFlags::WAITALL). `EPIPE`, `ECONNRESET`: the peer is gone; no signal is raised.
/// `ENOTCONN`, `EDESTADDRREQ`: no peer and no address. `EMSGSIZE`: too long for a datagram. `EAGAIN`: no room, and the
/// flags say not to wait ([`DONTWAIT`](crate::types::MsgFlags::DONTWAIT); that the socket is non-blocking says nothing). `ENOBUFS`: the group has no buffer. `ENOENT`: there is no such group.
/// `ENOTSOCK`: `fd` is no socket. `EINVAL`: a facet that this kernel does not have, an address of more than 128 bytes.
/// `EFAULT`, `EBADF`, `EINTR`, and others as `send(2)`. `ECANCELED`: [cancelled](crate::opcode#cancelling) while it
/// waited for room; with `WAITALL`, what was sent until then is the result instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SEND")]
#[doc(alias = "io_uring_prep_send")]
#[doc(alias = "io_uring_prep_sendto")]
#[repr(transparent)]
pub struct Send(Entry);

request!(Send, IORING_OP_SEND);

impl Send {
    /// Sends `len` bytes from `buf` on `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *const u8, len: u32) -> Self {
        Self(on_memory(Self::CODE, fd, buf, len))
    }
}

vectored! {
    /// Sends the `count` pieces at `iovec`, one after the other, without the header that [`SendMsg`] needs. Since 6.17.
    Send
}

transfer!(Send);
addressed!(Send, "Since 6.1.");

buf_group! {
    /// Sends from the next buffer of this group; the request's length limits it, 0 does not, and its address is not
    /// used. The completion has the buffer's id. Since 6.10.
    Send
}

bundle! {
    /// With [`buf_group`](Self::buf_group): sends the buffers of the group, in its order, as many as there are. Each
    /// completion but the last carries `MORE`; each names the first buffer that it sent, and counts the bytes of all.
    /// Since 6.10 (`FEAT_RECVSEND_BUNDLE`).
    #[doc(alias = "io_uring_prep_send_bundle")]
    Send
}

fixed_buffer! {
    /// The buffer lies within this registered one, which must stay registered until the completion. Since 7.2; `EINVAL`
    /// before. Not together with a group.
    Send
}

/// Sends a message on a socket, as `sendmsg(2)`.
///
/// Since 5.3. The header, its array of pieces and the address must stay valid until the entry was submitted; the pieces
/// and the control data, unchanged, until the completion.
///
/// # Completion
///
/// The number of bytes sent; errors as those of [`Send`], and `EMSGSIZE`: more than 1024 pieces; `ENOBUFS`, `EINVAL`:
/// control data that the socket does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SENDMSG")]
#[doc(alias = "io_uring_prep_sendmsg")]
#[repr(transparent)]
pub struct SendMsg(Entry);

request!(SendMsg, IORING_OP_SENDMSG);

impl SendMsg {
    /// Sends the message that `message` describes on `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, message: *const MsgHdr) -> Self {
        Self(on_memory(Self::CODE, fd, message, 1))
    }
}

transfer!(SendMsg);
