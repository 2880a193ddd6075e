//! Receiving.

use crate::flags::net::transfer;
use crate::opcode::on_memory;
use crate::squeue::Entry;
use crate::types::MsgHdr;
use crate::types::sealed::UseFixed;
use crate::uapi::io_uring_op::{IORING_OP_RECV, IORING_OP_RECVMSG};

/// Receives from a socket, as `recv(2)`.
///
/// Since 5.6. The buffer must stay valid, and be used by nothing else, until the completion. With a buffer group this
/// holds for the group's buffers, until the completion without `MORE`.
///
/// # Completion
///
/// The number of bytes received; 0: the peer sends nothing more (or an empty datagram). The flag `SOCK_NONEMPTY` says
/// that there is more to receive. `ENOBUFS`: the group has no buffer left or does not exist, which ends a multishot too
/// (give buffers back, and push the request again). `ENOTCONN`: the socket is not connected. `ECONNRESET`: the peer is
/// gone. `EAGAIN`: there is nothing to receive, and the flags say not to wait
/// ([`DONTWAIT`](crate::types::MsgFlags::DONTWAIT); whether the socket is non-blocking does not matter). `ENOTSOCK`:
/// `fd` is no socket. `EINVAL`: the kernel does not have an option that was set, or multishot without a group.
/// `ECANCELED`: [cancelled](crate::opcode#cancelling), at once. `EBADF`, `EFAULT`, `EINTR` and others as `recv(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_RECV")]
#[doc(alias = "io_uring_prep_recv")]
#[repr(transparent)]
pub struct Recv(Entry);

request!(Recv, IORING_OP_RECV);

impl Recv {
    /// Receives at most `len` bytes from `fd` into `buf`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *mut u8, len: u32) -> Self {
        Self(on_memory(Self::CODE, fd, buf, len))
    }

    /// Receives repeatedly, each time into the next buffer of this group, until a completion without `MORE`. It stands
    /// for [`new`](Self::new) without a buffer, [`buf_group`](Self::buf_group), and [`multishot`](Self::multishot).
    ///
    /// ```
    /// use std::io::Write;
    /// use std::os::fd::AsRawFd;
    /// use std::os::unix::net::UnixStream;
    ///
    /// use bare_uring::opcode;
    /// use bare_uring::register::buf_ring::{BufRingMemory, BufRingOptions, BufferState};
    /// use bare_uring::types::Fd;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut ring = match bare_uring::IoUring::new(8) {
    /// #     Ok(ring) => ring,
    /// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
    /// # };
    /// # fn for_ever<T: Clone>(item: T, count: usize) -> &'static mut [T] { vec![item; count].leak() }
    /// // Four buffers of 64 bytes, which are never freed. The kernel provides the memory for their list.
    /// let (buffers, states) = (for_ever(0, 256), for_ever(BufferState::NEW, 4));
    /// let memory = BufRingMemory { entries: &mut [], buffers, states };
    /// let group = ring.submitter().register_buf_ring_mapped(3, memory, BufRingOptions::new());
    /// # if matches!(group, Err(bare_uring::Errno::EINVAL)) { println!("skipped: before Linux 6.4"); return Ok(()) }
    /// let mut group = group?;
    ///
    /// let (mut peer, socket) = UnixStream::pair()?;
    /// let receive = opcode::Recv::multi(Fd(socket.as_raw_fd()), 3).build();
    /// // SAFETY: the request uses only the group's buffers, which are never freed.
    /// unsafe { ring.submission().push(receive)? };
    /// for text in ["one request,", "any number of completions"] {
    ///     peer.write_all(text.as_bytes())?;
    ///     ring.submit_and_wait(1)?;
    ///     let cqe = ring.completion().next().expect("waited for one");
    ///     // SAFETY: the completion is this ring's, and is taken once.
    ///     let buffer = unsafe { group.take(&cqe) }.expect("names a buffer");
    ///     assert_eq!((&*buffer, cqe.more()), (text.as_bytes(), true));
    ///     group.recycle(buffer).expect("is of this group");
    ///     group.publish();
    /// }
    /// drop(peer);
    /// ring.submit_and_wait(1)?;
    /// let cqe = ring.completion().next().expect("waited for one");
    /// assert_eq!((cqe.outcome(), cqe.more()), (Ok(0), false));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    #[doc(alias = "io_uring_prep_recv_multishot")]
    pub fn multi(fd: impl UseFixed, group: u16) -> Self {
        // kernel: io_uring/net.c io_recvmsg_prep (6.12.117): multishot without a buffer group, or with `MSG_WAITALL`,
        // is `EINVAL`, and so is a nonzero `off` or `file_index`.
        // kernel: io_uring/net.c io_recv_finish (6.12.117): a multishot whose completion finds the queue full posts it
        // as the last one, without `MORE`; it ends likewise on an error, on 0 bytes, and when the group is empty.
        Self(Entry::new(Self::CODE).target(fd.into_target())).buf_group(group).multishot()
    }

    /// Receives repeatedly, until a completion without `MORE`. Needs [`buf_group`](Self::buf_group), and no
    /// `MSG_WAITALL`. Since 6.0.
    ///
    /// The request's length limits each receive. Before 6.17 the length must be 0 (`EINVAL`).
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_RECV_MULTISHOT")]
    pub const fn multishot(mut self) -> Self {
        self.0.ioprio |= transfer::MULTISHOT;
        self
    }

    /// Ends a [`multishot`](Self::multishot) when this many bytes have been received in all; 0 means no limit. The last
    /// piece may exceed the limit, except in a [`bundle`](Self::bundle). Since 6.17; `EINVAL` before, and without
    /// multishot.
    #[inline]
    #[must_use]
    pub const fn limit(mut self, bytes: u32) -> Self {
        self.0.file_index = bytes;
        self
    }
}

transfer!(Recv);

buf_group! {
    /// Lets the kernel pick a buffer of this group. The request's length limits the receive, unless it is 0; the
    /// completion has the buffer's id. Since 5.7.
    Recv
}

bundle! {
    /// Fills several buffers of the [`buf_group`](Self::buf_group) at once, as many as the kernel chooses. The
    /// completion names the first of them; the others follow in the ring's order. The result is the number of bytes in
    /// all of them ([`BufRing::take_bundle`](crate::register::buf_ring::BufRing::take_bundle)). Since 6.10
    /// (`FEAT_RECVSEND_BUNDLE`).
    ///
    /// ```
    /// use std::io::Write;
    /// use std::os::fd::AsRawFd;
    /// use std::os::unix::net::UnixStream;
    ///
    /// use bare_uring::opcode;
    /// use bare_uring::register::buf_ring::{BufRingMemory, BufRingOptions, BufferState};
    /// use bare_uring::types::Fd;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut ring = match bare_uring::IoUring::new(8) {
    /// #     Ok(ring) => ring,
    /// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
    /// # };
    /// # fn for_ever<T: Clone>(item: T, count: usize) -> &'static mut [T] { vec![item; count].leak() }
    /// // Eight buffers of 4 bytes.
    /// let (buffers, states) = (for_ever(0, 32), for_ever(BufferState::NEW, 8));
    /// let memory = BufRingMemory { entries: &mut [], buffers, states };
    /// let group = ring.submitter().register_buf_ring_mapped(3, memory, BufRingOptions::new());
    /// # if matches!(group, Err(bare_uring::Errno::EINVAL)) { println!("skipped: before Linux 6.4"); return Ok(()) }
    /// let mut group = group?;
    /// let (mut peer, socket) = UnixStream::pair()?;
    /// peer.write_all(b"0123456789")?;
    /// let receive = opcode::Recv::new(Fd(socket.as_raw_fd()), std::ptr::null_mut(), 0).buf_group(3).bundle().build();
    /// // SAFETY: the request uses only the group's buffers, which are never freed.
    /// unsafe { ring.submission().push(receive)? };
    /// ring.submit_and_wait(1)?;
    /// let cqe = ring.completion().next().expect("waited for one");
    /// # if cqe.outcome() == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 6.10"); return Ok(()) }
    /// // All ten bytes, or fewer: a bundle can be any part of what is there.
    /// let received = cqe.outcome()? as usize;
    /// // SAFETY: the completion is this ring's, and is taken once.
    /// let taken: Vec<_> = unsafe { group.take_bundle(&cqe) }.collect();
    /// let mut text = Vec::new();
    /// for buffer in taken {
    ///     text.extend_from_slice(&buffer);
    ///     group.recycle(buffer).expect("is of this group");
    /// }
    /// group.publish();
    /// assert_eq!(text, b"0123456789"[..received]);
    /// # Ok(())
    /// # }
    /// ```
    Recv
}

fixed_buffer! {
    /// Says that the buffer lies within this registered buffer, which must stay registered until the completion. Since
    /// 7.2; `EINVAL` before. Not together with a group.
    Recv
}

/// Receives a message from a socket, as `recvmsg(2)`.
///
/// Since 5.3. The header, and what it points to, must stay valid, and be used by nothing else, until the completion:
/// the kernel writes the lengths and the flags into the header. The header's array of pieces is needed only until the
/// entry has been submitted. A [multishot](Self::multishot) needs the header only until the entry has been submitted,
/// and writes nothing into it.
///
/// # Completion
///
/// The number of bytes received. The errors are those of [`Recv`], and `EMSGSIZE`: there are more than 1024 pieces;
/// `EINVAL`: there is more than one piece together with a group; `EFAULT`, of a multishot: the buffer is too short for
/// the header and its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_RECVMSG")]
#[doc(alias = "io_uring_prep_recvmsg")]
#[repr(transparent)]
pub struct RecvMsg(Entry);

request!(RecvMsg, IORING_OP_RECVMSG);

impl RecvMsg {
    /// Receives from `fd` as `message` describes.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, message: *mut MsgHdr) -> Self {
        // kernel: io_uring/net.c io_msg_copy_hdr (6.12.117): the header and its array are copied at submission; with a
        // buffer group more than one piece is `EINVAL`, and of one piece only the length is read.
        // kernel: io_uring/net.c io_recvmsg (6.12.117): a one-shot receive writes lengths and flags to the header when
        // it completes.
        Self(on_memory(Self::CODE, fd, message, 1))
    }

    /// Receives repeatedly, until a completion without `MORE`, which an empty datagram causes too. Needs
    /// [`buf_group`](Self::buf_group), and no `MSG_WAITALL`. Since 6.0.
    ///
    /// Each buffer begins with a header of its own, then address and control data: take it apart with
    /// [`RecvMsgOut`](crate::types::RecvMsgOut).
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use std::os::fd::AsRawFd;
    ///
    /// use bare_uring::opcode;
    /// use bare_uring::register::buf_ring::{BufRingMemory, BufRingOptions, BufferState};
    /// use bare_uring::types::{Fd, MsgHdr, RecvMsgOut, SockAddr};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut ring = match bare_uring::IoUring::new(8) {
    /// #     Ok(ring) => ring,
    /// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
    /// # };
    /// # fn for_ever<T: Clone>(item: T, count: usize) -> &'static mut [T] { vec![item; count].leak() }
    /// # let (buffers, states) = (for_ever(0, 1024), for_ever(BufferState::NEW, 4));
    /// # let memory = BufRingMemory { entries: &mut [], buffers, states };
    /// # let group = ring.submitter().register_buf_ring_mapped(3, memory, BufRingOptions::new());
    /// # if matches!(group, Err(bare_uring::Errno::EINVAL)) { println!("skipped: before Linux 6.4"); return Ok(()) }
    /// # let mut group = group?;
    /// let (socket, peer) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// // The header has room for an address, and no control data and no piece: messages go to the group's buffers.
    /// let mut message = MsgHdr::new(std::ptr::null(), 0).from(std::ptr::null_mut(), 128);
    /// let receive = opcode::RecvMsg::new(Fd(socket.as_raw_fd()), &raw mut message).buf_group(3).multishot().build();
    /// // SAFETY: the header stays until the submission below, and the group's buffers are never freed.
    /// unsafe { ring.submission().push(receive)? };
    /// peer.send_to(b"datagram", socket.local_addr()?)?;
    /// ring.submit_and_wait(1)?;
    /// let cqe = ring.completion().next().expect("waited for one");
    /// // SAFETY: the completion is this ring's, and is taken once.
    /// let buffer = unsafe { group.take(&cqe) }.expect("names a buffer");
    /// let out = RecvMsgOut::parse(&buffer, &message).expect("the buffer has room for the header and an address");
    /// assert_eq!(out.payload_data(), b"datagram");
    /// let from = SockAddr::from_bytes(out.name_data()).and_then(|from| from.to_ip());
    /// assert_eq!(from, Some(peer.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_RECV_MULTISHOT")]
    #[doc(alias = "io_uring_prep_recvmsg_multishot")]
    pub const fn multishot(mut self) -> Self {
        // kernel: io_uring/net.c io_recvmsg_prep_multishot (6.12.117): a buffer begins with a header, then room for the
        // address and for the control data, as much as the message header has; a shorter buffer is `EFAULT`.
        self.0.ioprio |= transfer::MULTISHOT;
        self
    }
}

transfer!(RecvMsg);

buf_group! {
    /// Lets the kernel pick a buffer of this group for the payload. The header has no piece, or one whose length limits
    /// the payload. Since 5.7.
    RecvMsg
}
