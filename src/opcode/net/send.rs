//! Sends that copy the data.

use crate::flags::net::transfer;
use crate::opcode::on_memory;
use crate::squeue::Entry;
use crate::types::sealed::UseFixed;
use crate::types::{IoVec, MsgHdr};
use crate::uapi::io_uring_op::{IORING_OP_SEND, IORING_OP_SENDMSG};

/// Sends on a socket, as `send(2)` and `sendto(2)`.
///
/// Since 5.6. The buffer must stay valid and unchanged until the completion; for a vectored send this means each of its
/// pieces, and for a bundle or with a buffer group, the provided buffer. An address, and the array of a vectored send,
/// must stay valid until the entry has been submitted.
///
/// # Completion
///
/// The number of bytes sent, which on a stream can be less than asked for unless the flags have
/// [`WAITALL`](crate::types::MsgFlags::WAITALL). `EPIPE`, `ECONNRESET`: the peer is gone; no signal is raised.
/// `ENOTCONN`, `EDESTADDRREQ`: there is no peer and no address. `EMSGSIZE`: the data is too long for a datagram.
/// `EAGAIN`: there is no room, and the flags say not to wait ([`DONTWAIT`](crate::types::MsgFlags::DONTWAIT); whether
/// the socket is non-blocking does not matter). `ENOBUFS`: the group has no buffer. `ENOENT`: there is no such group.
/// `ENOTSOCK`: `fd` is no socket. `EINVAL`: the kernel does not have an option that was set, or the address has more
/// than 128 bytes. `EFAULT`, `EBADF`, `EINTR`, and others as `send(2)`. `ECANCELED`:
/// [cancelled](crate::opcode#cancelling) while it waited for room; with `WAITALL`, the result is instead what was sent
/// until then.
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
        // kernel: io_uring/net.c io_sendmsg_prep (6.12.117): `MSG_NOSIGNAL` is always added; a negative length and
        // flags in `ioprio` that the kernel does not know are `EINVAL`.
        // kernel: io_uring/net.c io_sendrecv_fail (6.12.117): if a send is cancelled after it sent a part, the result
        // is that part.
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
    /// Sends from the next buffer of this group. The request's length limits the send unless it is 0, and its address
    /// is not used. The completion has the buffer's id. Since 6.10.
    Send
}

bundle! {
    /// Sends the buffers of the [`buf_group`](Self::buf_group), in the group's order, as many as there are. Each
    /// completion except the last carries `MORE`; each names the first buffer that it sent, and counts the bytes of all
    /// its buffers. Since 6.10 (`FEAT_RECVSEND_BUNDLE`).
    #[doc(alias = "io_uring_prep_send_bundle")]
    Send
}

fixed_buffer! {
    /// Says that the buffer lies within this registered buffer, which must stay registered until the completion. Since
    /// 7.2; `EINVAL` before. Not together with a group.
    Send
}

/// Sends a message on a socket, as `sendmsg(2)`.
///
/// Since 5.3. The header, its array of pieces and the address must stay valid until the entry has been submitted. The
/// pieces and the control data must stay valid and unchanged until the completion.
///
/// # Completion
///
/// The number of bytes sent. The errors are those of [`Send`], and `EMSGSIZE`: there are more than 1024 pieces;
/// `ENOBUFS`, `EINVAL`: the socket does not take the control data.
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
        // kernel: io_uring/net.c io_sendmsg_copy_hdr (6.12.117): the header, its array and the address are copied at
        // submission; of the control data only the address is kept.
        Self(on_memory(Self::CODE, fd, message, 1))
    }
}

transfer!(SendMsg);
