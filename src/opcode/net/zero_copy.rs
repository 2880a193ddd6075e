//! Sends and receives without a copy.

use crate::flags::net::transfer;
use crate::opcode::on_memory;
use crate::squeue::Entry;
use crate::types::sealed::UseFixed;
use crate::types::{IoVec, MsgHdr};
use crate::uapi::io_uring_op::{IORING_OP_RECV_ZC, IORING_OP_SEND_ZC, IORING_OP_SENDMSG_ZC};

/// Defines what both zero-copy sends have.
macro_rules! notifies {
    ($name:ident) => {
        impl $name {
            /// Makes the notification say whether data was copied after all:
            /// [`zc_copied`](crate::cqueue::Entry::zc_copied). Since 6.2.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_SEND_ZC_REPORT_USAGE")]
            pub const fn report_usage(mut self) -> Self {
                // kernel: io_uring/notif.c io_notif_tw_complete (6.12.117): the notification's result says "copied" if
                // any part was copied, or if no part was sent without a copy.
                self.0.ioprio |= transfer::REPORT_USAGE;
                self
            }

            /// Sets the user data of the notification; 0 means the request's own. Since 7.1; `EINVAL` before.
            #[inline]
            #[must_use]
            pub const fn notification_user_data(mut self, user_data: u64) -> Self {
                self.0.addr3 = user_data;
                self
            }
        }
    };
}

/// Sends on a socket out of the caller's memory, without a copy of it.
///
/// Since 6.0. The buffer must stay valid and unchanged **until the notification**: a second completion, with the flag
/// `NOTIF`, which follows each first completion that carries `MORE`. For a vectored send this means each of its pieces,
/// and for a registered buffer its registration. An address, and the array of a vectored send, must stay valid until
/// the entry has been submitted.
///
/// # Completion
///
/// There are two completions. The first has the number of bytes sent or an error, with `MORE` if a notification follows
/// (which can be the case after an error too). The second is the notification, with result 0 or, with
/// [`report_usage`](Self::report_usage), whether data was copied ([`Entry::notif`](crate::cqueue::Entry::notif) tells
/// them apart). `EOPNOTSUPP`: sockets of this kind, unix sockets for example, have no zero copy. `ENOMEM`, `ENOBUFS`:
/// too much memory is pinned (RLIMIT_MEMLOCK, or the socket's limit). `EINVAL`: the request has
/// [`SKIP_SUCCESS`](crate::squeue::Flags::SKIP_SUCCESS), or the kernel does not have an option that was set. `EFAULT`:
/// the memory is not within the registered buffer, or there is no such buffer. The other errors are those of
/// [`Send`](super::Send).
///
/// Cancelling works as for a [`Send`](super::Send). The notification still comes if the first completion has `MORE`.
///
/// The loopback device always copies the data.
///
/// ```
/// use std::io::Read;
/// use std::net::{TcpListener, TcpStream};
/// use std::os::fd::AsRawFd;
///
/// use bare_uring::opcode::SendZc;
/// use bare_uring::types::Fd;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let socket = TcpStream::connect(listener.local_addr()?)?;
/// let (mut peer, _) = listener.accept()?;
/// let data = *b"straight out of here";
/// let send = SendZc::new(Fd(socket.as_raw_fd()), data.as_ptr(), 20).report_usage().build();
/// // SAFETY: `data` stays as it is until the notification.
/// unsafe { ring.submission().push(send)? };
/// ring.submit_and_wait(1)?;
/// let sent = ring.completion().next().expect("waited for one");
/// # if sent.outcome() == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 6.2"); return Ok(()) }
/// assert_eq!((sent.outcome(), sent.notif(), sent.more()), (Ok(20), false, true));
/// // The network uses `data` until the peer has all of it.
/// peer.read_exact(&mut [0; 20])?;
/// ring.submit_and_wait(1)?;
/// let done = ring.completion().next().expect("waited for one");
/// assert!(done.notif() && !done.more());
/// println!("copied after all: {}", done.zc_copied());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SEND_ZC")]
#[doc(alias = "io_uring_prep_send_zc")]
#[repr(transparent)]
pub struct SendZc(Entry);

request!(SendZc, IORING_OP_SEND_ZC);

impl SendZc {
    /// Sends `len` bytes from `buf` on `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *const u8, len: u32) -> Self {
        // kernel: io_uring/net.c io_send_zc, io_sendrecv_fail (6.12.117): a completion of an attempt to send always has
        // `MORE`, also with an error; a request that fails in another way has it once its notification exists.
        // kernel: io_uring/notif.c io_tx_ubuf_complete (6.12.117): the notification is posted when the last packet that
        // holds the memory lets go of it.
        // kernel: io_uring/net.c io_send_zc_prep (6.12.117): the flag to skip a successful completion is `EINVAL`.
        Self(on_memory(Self::CODE, fd, buf, len))
    }
}

vectored! {
    /// Sends the `count` pieces at `iovec`, one after the other. Since 6.17; `EINVAL` together with
    /// [`buf_index`](Self::buf_index) there.
    SendZc
}

transfer!(SendZc);
addressed!(SendZc, "Since 6.0.");
notifies!(SendZc);

fixed_buffer! {
    /// Says that the buffer lies within this registered buffer, whose pages then need not be pinned again.
    #[doc(alias = "io_uring_prep_send_zc_fixed")]
    SendZc
}

/// Sends a message on a socket out of the caller's memory, without a copy of it.
///
/// Since 6.1. The header, its array of pieces and the address must stay valid until the entry has been submitted.
/// Control data must stay valid until the first completion. The pieces must stay valid and unchanged **until the
/// notification** (as with [`SendZc`]).
///
/// # Completion
///
/// There are two completions, which are those of [`SendZc`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SENDMSG_ZC")]
#[doc(alias = "io_uring_prep_sendmsg_zc")]
#[repr(transparent)]
pub struct SendMsgZc(Entry);

request!(SendMsgZc, IORING_OP_SENDMSG_ZC);

impl SendMsgZc {
    /// Sends the message that `message` describes on `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, message: *const MsgHdr) -> Self {
        Self(on_memory(Self::CODE, fd, message, 1))
    }
}

transfer!(SendMsgZc);
notifies!(SendMsgZc);

fixed_buffer! {
    /// Says that each piece lies within this registered buffer. Since 6.15; `EINVAL` before.
    #[doc(alias = "io_uring_prep_sendmsg_zc_fixed")]
    SendMsgZc
}

/// Receives from a socket into a registered area, without a copy: see [`register::zcrx`](crate::register::zcrx).
///
/// Since 6.15. It is always multishot, and only works on rings with 32-byte completions (all, or mixed ones). Refers to
/// no memory of the caller; the area belongs to the kernel until the pieces that completions name have gone back
/// through the refill ring.
///
/// # Completion
///
/// Each piece has a completion with `MORE`: the number of bytes received, and in the further 16 bytes where they are
/// (`RegisteredArea::chunk`). The last completion, without `MORE`, has one of these results: 0: the peer sends nothing
/// more, or the [`len`](Self::len) is reached. `ENOSPC`: the completion queue was full; take the completions, and push
/// the request again. `EINVAL`: there is no such instance. `ENOMEM`: no chunk is free. `ENOTSOCK`, `EOPNOTSUPP`,
/// `EBADF`: `fd` is no TCP socket. `ENOTCONN`, `ECONNRESET`, `ECANCELED` as those of [`Recv`](super::Recv).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_RECV_ZC")]
#[repr(transparent)]
pub struct RecvZc(Entry);

request!(RecvZc, IORING_OP_RECV_ZC);

impl RecvZc {
    /// Receives from `fd` into the area of the registered instance `id`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, id: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.file_index = id;
        // The kernel refuses the request without this flag.
        entry.ioprio = transfer::MULTISHOT;
        Self(entry)
    }

    /// Ends the request after this many bytes. The default, 0, means no limit.
    #[inline]
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a setter")]
    pub const fn len(mut self, len: u32) -> Self {
        self.0.len = len;
        self
    }
}

poll_first!(RecvZc);
