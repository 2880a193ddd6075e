//! Making, naming, connecting and closing sockets.

use crate::flags::net::{AddressFamily, ShutdownHow, SocketFlags, SocketType, accept};
use crate::opcode::address;
use crate::squeue::Entry;
use crate::types::sealed::UseFixed;
use crate::types::{DestinationSlot, SockAddrStorage};
use crate::uapi::io_uring_op::{
    IORING_OP_ACCEPT, IORING_OP_BIND, IORING_OP_CONNECT, IORING_OP_LISTEN, IORING_OP_SHUTDOWN, IORING_OP_SOCKET,
};

/// Makes a socket, as `socket(2)`.
///
/// Since 5.19. Points to nothing.
///
/// # Completion
///
/// The new file descriptor, which is the caller's to close; with [`file_index`](Self::file_index) 0, or the slot
/// allocated. `EAFNOSUPPORT`, `EPROTONOSUPPORT`, `ESOCKTNOSUPPORT`: no such sockets. `EMFILE`, `ENFILE`: no descriptor,
/// or no slot, is free. `ENXIO`: no registered files. `EINVAL`: unknown flags, close-on-exec together with a slot, no
/// such slot. `EACCES`, `EPERM` as `socket(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SOCKET")]
#[doc(alias = "io_uring_prep_socket")]
#[doc(alias = "io_uring_prep_socket_direct")]
#[doc(alias = "io_uring_prep_socket_direct_alloc")]
#[repr(transparent)]
pub struct Socket(Entry);

request!(Socket, IORING_OP_SOCKET);

impl Socket {
    /// A socket of this domain and type; protocol 0 is the usual one.
    #[inline]
    #[must_use]
    pub const fn new(domain: AddressFamily, socket_type: SocketType, protocol: u32) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = domain.0.cast_signed();
        entry.off = socket_type.0 as u64;
        entry.len = protocol;
        Self(entry)
    }

    /// Close-on-exec, non-blocking.
    #[inline]
    #[must_use]
    pub const fn flags(mut self, flags: SocketFlags) -> Self {
        self.0.off |= flags.0 as u64;
        self
    }
}

file_index! {
    /// Puts the socket among the registered files, without a file descriptor.
    Socket
}

/// An entry about a socket and an address of `len` bytes.
fn named(code: u8, fd: impl UseFixed, addr: *const SockAddrStorage, len: u32) -> Entry {
    let mut entry = Entry::new(code).target(fd.into_target());
    entry.addr = address(addr);
    entry.off = u64::from(len);
    entry
}

/// Gives a socket its address, as `bind(2)`.
///
/// Since 6.11. The address must stay valid until the entry was submitted.
///
/// # Completion
///
/// 0 on success. `EADDRINUSE`: taken. `EADDRNOTAVAIL`: not of this machine. `EINVAL`: bound already, or a length that
/// does not fit. `EACCES`, `EAFNOSUPPORT`, `ENOTSOCK`, `EBADF`, `EFAULT` and others as `bind(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_BIND")]
#[doc(alias = "io_uring_prep_bind")]
#[repr(transparent)]
pub struct Bind(Entry);

request!(Bind, IORING_OP_BIND);

impl Bind {
    /// Binds `fd` to an address of `len` bytes.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, addr: *const SockAddrStorage, len: u32) -> Self {
        Self(named(Self::CODE, fd, addr, len))
    }
}

/// Lets a socket be connected to, as `listen(2)`.
///
/// Since 6.11. Points to nothing.
///
/// # Completion
///
/// 0 on success. `EADDRINUSE`, `EOPNOTSUPP`, `EINVAL`, `ENOTSOCK`, `EBADF` as `listen(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_LISTEN")]
#[doc(alias = "io_uring_prep_listen")]
#[repr(transparent)]
pub struct Listen(Entry);

request!(Listen, IORING_OP_LISTEN);

impl Listen {
    /// Listens on `fd`; about `backlog` connections may wait to be accepted.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, backlog: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.len = backlog;
        Self(entry)
    }
}

/// Connects a socket, as `connect(2)`.
///
/// Since 5.5. The address must stay valid until the entry was submitted.
///
/// # Completion
///
/// 0 on success. `ECONNREFUSED`: nobody listens. `ETIMEDOUT`: no answer. `EISCONN`: connected already. `EAGAIN`, of a
/// unix socket: the queue is full. `ECANCELED`, `EINTR`: cancelled; the connection may be made still, and the socket is
/// best closed. `EADDRNOTAVAIL`, `EAFNOSUPPORT`, `EINVAL`, `ENETUNREACH`, `ENOTSOCK`, `EBADF`, `EFAULT` and others as
/// `connect(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_CONNECT")]
#[doc(alias = "io_uring_prep_connect")]
#[repr(transparent)]
pub struct Connect(Entry);

request!(Connect, IORING_OP_CONNECT);

impl Connect {
    /// Connects `fd` to an address of `len` bytes.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, addr: *const SockAddrStorage, len: u32) -> Self {
        Self(named(Self::CODE, fd, addr, len))
    }
}

/// Accepts a connection, as `accept4(2)`.
///
/// Since 5.5. The address and its length must stay valid, and nobody else's, until the completion: the kernel reads the
/// room and writes the peer's address. Both may be null.
///
/// # Completion
///
/// The new file descriptor, which is the caller's to close (also if the completion is never looked at); with
/// [`file_index`](Self::file_index) 0, or the slot allocated. The flag `SOCK_NONEMPTY` says that another connection
/// waits. `EAGAIN`: none there, with [`dontwait`](Self::dontwait) (on a non-blocking socket it waits nevertheless, but for 5.10
/// with ASYNC). `EMFILE`, `ENFILE`: no
/// descriptor, or no slot, is free. `EINVAL`: the socket does not listen; unknown flags; close-on-exec together with a
/// slot; multishot with a slot other than [`ALLOCATE`](DestinationSlot::ALLOCATE). `ECONNABORTED`, `EBADF`, `EFAULT`,
/// `ENOTSOCK`, `ENXIO` (no registered files), `EOPNOTSUPP` and others as `accept(2)`. `ECANCELED`:
/// [cancelled](crate::opcode#cancelling), at once. After `EMFILE`, `ENFILE` and `ECONNABORTED`, which end a multishot,
/// push the request anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_ACCEPT")]
#[doc(alias = "io_uring_prep_accept")]
#[doc(alias = "io_uring_prep_accept_direct")]
#[repr(transparent)]
pub struct Accept(Entry);

request!(Accept, IORING_OP_ACCEPT);

impl Accept {
    /// Accepts from `fd`. The peer's address goes to `addr`, its length to `addrlen`, which at first is the room for
    /// it: both from [`SockAddr::out`](crate::types::SockAddr::out), or both null.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, addr: *mut SockAddrStorage, addrlen: *mut u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.addr = address(addr);
        entry.off = address(addrlen);
        Self(entry)
    }

    /// Accepts again and again, without addresses. The same as [`new`](Self::new) with nulls and
    /// [`multishot`](Self::multishot).
    ///
    /// ```
    /// use std::net::{TcpListener, TcpStream};
    /// use std::os::fd::AsRawFd;
    ///
    /// use bare_uring::opcode::Accept;
    /// use bare_uring::types::{DestinationSlot, Fd};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut ring = match bare_uring::IoUring::new(8) {
    /// #     Ok(ring) => ring,
    /// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
    /// # };
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// // Into free slots among eight: no connection ever has a descriptor.
    /// let slots = ring.submitter().register_files_sparse(8);
    /// # if slots == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 5.19"); return Ok(()) }
    /// slots?;
    /// let accept = Accept::multi(Fd(listener.as_raw_fd())).file_index(DestinationSlot::ALLOCATE).build();
    /// // SAFETY: it points to nothing.
    /// unsafe { ring.submission().push(accept)? };
    /// for slot in 0..2 {
    ///     let _peer = TcpStream::connect(listener.local_addr()?)?;
    ///     ring.submit_and_wait(1)?;
    ///     let cqe = ring.completion().next().expect("waited for one");
    ///     assert_eq!((cqe.outcome(), cqe.more()), (Ok(slot), true));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[must_use]
    #[doc(alias = "io_uring_prep_multishot_accept")]
    pub fn multi(fd: impl UseFixed) -> Self {
        Self(Entry::new(Self::CODE).target(fd.into_target())).multishot()
    }

    /// Accepts again and again, until a completion without `MORE`. All peers' addresses go to the same place: pass
    /// nulls. Since 5.19.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_ACCEPT_MULTISHOT")]
    pub const fn multishot(mut self) -> Self {
        self.0.ioprio |= accept::MULTISHOT;
        self
    }

    /// Completes with `EAGAIN` if no connection is there. Since 6.10.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_ACCEPT_DONTWAIT")]
    pub const fn dontwait(mut self) -> Self {
        self.0.ioprio |= accept::DONTWAIT;
        self
    }

    /// Does not try at once, but waits first until a connection is there. Since 6.10.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_ACCEPT_POLL_FIRST")]
    pub const fn poll_first(mut self) -> Self {
        self.0.ioprio |= accept::POLL_FIRST;
        self
    }
}

file_index! {
    /// Puts the connection among the registered files, without a file descriptor. Since 5.15;
    /// [`ALLOCATE`](DestinationSlot::ALLOCATE), the only one that multishot takes, since 5.19.
    #[doc(alias = "io_uring_prep_multishot_accept_direct")]
    Accept
}

op_flags! {
    /// The new file's flags.
    Accept, SocketFlags
}

/// Closes one or both directions of a connection, as `shutdown(2)`.
///
/// Since 5.11. Points to nothing. It runs in a worker.
///
/// # Completion
///
/// 0 on success. `ENOTCONN`: not connected. `EINVAL`: no such direction. `ENOTSOCK`, `EBADF`: no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SHUTDOWN")]
#[doc(alias = "io_uring_prep_shutdown")]
#[repr(transparent)]
pub struct Shutdown(Entry);

request!(Shutdown, IORING_OP_SHUTDOWN);

impl Shutdown {
    /// Closes these directions of `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, how: ShutdownHow) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.len = how.0;
        Self(entry)
    }
}
