//! The flag words of requests on sockets and on epoll.

use crate::uapi;

open_words! {
    /// `MSG_*` of `send(2)` and `recv(2)`.
    MsgFlags
    /// `SOCK_CLOEXEC` and `SOCK_NONBLOCK`, as `accept4(2)` and `socket(2)` take them.
    SocketFlags
    /// `AF_*`: the domain of a socket.
    AddressFamily
    /// `SOCK_*`: the type of a socket, without its flags.
    SocketType
    /// `SHUT_*`: the directions that `shutdown(2)` closes.
    ShutdownHow
    /// `EPOLL_CTL_*`: what `epoll_ctl(2)` does.
    EpollOp
}

/// The numbers are the same on every architecture.
impl MsgFlags {
    /// Out-of-band data.
    pub const OOB: Self = Self(0x1);
    /// Leaves the data in the queue.
    pub const PEEK: Self = Self(0x2);
    /// A part of the control data had no room. The kernel sets it.
    pub const CTRUNC: Self = Self(0x8);
    /// A part of the datagram had no room. As a flag of a receive: the result is the whole length of the datagram.
    pub const TRUNC: Self = Self(0x20);
    /// Does not wait; the result is `EAGAIN` instead.
    pub const DONTWAIT: Self = Self(0x40);
    /// Ends a record.
    pub const EOR: Self = Self(0x80);
    /// Continues until everything is sent or received.
    pub const WAITALL: Self = Self(0x100);
    /// Receives from the socket's error queue.
    pub const ERRQUEUE: Self = Self(0x2000);
    /// Raises no SIGPIPE. The kernel adds the flag to every send of io_uring.
    // kernel: io_uring/net.c io_sendmsg_prep, io_send_zc_prep (6.12.117): a send's flags always get the one for no
    // signal.
    pub const NOSIGNAL: Self = Self(0x4000);
    /// More data will follow.
    pub const MORE: Self = Self(0x8000);

    /// Returns both sets of flags together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether all of these flags are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl SocketFlags {
    /// The descriptor is closed by `execve(2)`.
    pub const CLOEXEC: Self = Self(linux_raw_sys::general::O_CLOEXEC);
    /// Calls on the file do not wait.
    pub const NONBLOCK: Self = Self(linux_raw_sys::general::O_NONBLOCK);

    /// Returns both sets of flags together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl AddressFamily {
    /// Sockets within the machine, by path or by abstract name.
    pub const UNIX: Self = Self(1);
    /// IPv4.
    pub const INET: Self = Self(2);
    /// IPv6.
    pub const INET6: Self = Self(10);
}

impl SocketType {
    /// A stream of bytes, connected.
    pub const STREAM: Self = Self(1);
    /// Datagrams.
    pub const DGRAM: Self = Self(2);
    /// Records in sequence, connected.
    pub const SEQPACKET: Self = Self(5);
}

impl ShutdownHow {
    /// Ends receiving.
    pub const READ: Self = Self(0);
    /// Ends sending.
    pub const WRITE: Self = Self(1);
    /// Ends both.
    pub const BOTH: Self = Self(2);
}

impl EpollOp {
    /// Adds a file.
    pub const ADD: Self = Self(1);
    /// Removes a file.
    pub const DEL: Self = Self(2);
    /// Changes the events of a file.
    pub const MOD: Self = Self(3);
}

/// The bits of `sqe->ioprio` that sends and receives have, 16 wide as the field is.
pub(crate) mod transfer {
    use super::uapi;

    pub(crate) const POLL_FIRST: u16 = uapi::IORING_RECVSEND_POLL_FIRST as u16;
    pub(crate) const MULTISHOT: u16 = uapi::IORING_RECV_MULTISHOT as u16;
    pub(crate) const FIXED_BUF: u16 = uapi::IORING_RECVSEND_FIXED_BUF as u16;
    pub(crate) const REPORT_USAGE: u16 = uapi::IORING_SEND_ZC_REPORT_USAGE as u16;
    pub(crate) const BUNDLE: u16 = uapi::IORING_RECVSEND_BUNDLE as u16;
    pub(crate) const VECTORIZED: u16 = uapi::IORING_SEND_VECTORIZED as u16;
}

/// The bits of `sqe->ioprio` that accept has.
pub(crate) mod accept {
    use super::uapi;

    pub(crate) const MULTISHOT: u16 = uapi::IORING_ACCEPT_MULTISHOT as u16;
    pub(crate) const DONTWAIT: u16 = uapi::IORING_ACCEPT_DONTWAIT as u16;
    pub(crate) const POLL_FIRST: u16 = uapi::IORING_ACCEPT_POLL_FIRST as u16;
}
