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
/// Since 5.19. Refers to no memory of the caller.
///
/// # Completion
///
/// The new file descriptor, which the caller must close; with [`file_index`](Self::file_index) 0, or the index that was
/// allocated. `EAFNOSUPPORT`, `EPROTONOSUPPORT`, `ESOCKTNOSUPPORT`: there are no such sockets. `EMFILE`, `ENFILE`: no
/// descriptor, or no index, is free. `ENXIO`: there are no registered files. `EINVAL`: a flag is unknown; close-on-exec
/// together with an index; or there is no such index. `EACCES`, `EPERM` as `socket(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SOCKET")]
#[doc(alias = "io_uring_prep_socket")]
#[doc(alias = "io_uring_prep_socket_direct")]
#[doc(alias = "io_uring_prep_socket_direct_alloc")]
#[repr(transparent)]
pub struct Socket(Entry);

request!(Socket, IORING_OP_SOCKET);

impl Socket {
    /// Makes a socket of this domain and type. Protocol 0 is the type's default.
    #[inline]
    #[must_use]
    pub const fn new(domain: AddressFamily, socket_type: SocketType, protocol: u32) -> Self {
        let mut entry = Entry::new(Self::CODE);
        // kernel: io_uring/net.c io_socket_prep (6.12.117): the domain is read from `fd`, the type and its flags from
        // `off`, the protocol from `len`; `addr`, `buf_index` and `rw_flags` must be 0.
        entry.fd = domain.0.cast_signed();
        entry.off = socket_type.0 as u64;
        entry.len = protocol;
        Self(entry)
    }

    /// Sets close-on-exec and non-blocking.
    #[inline]
    #[must_use]
    pub const fn flags(mut self, flags: SocketFlags) -> Self {
        self.0.off |= flags.0 as u64;
        self
    }
}

file_index! {
    /// Puts the socket at this index of the registered files, without a file descriptor.
    Socket
}

/// Builds an entry about a socket and an address of `len` bytes.
fn named(code: u8, fd: impl UseFixed, addr: *const SockAddrStorage, len: u32) -> Entry {
    let mut entry = Entry::new(code).target(fd.into_target());
    entry.addr = address(addr);
    // kernel: io_uring/net.c io_connect_prep, io_bind_prep (6.12.117): the address's length is read from `off`; the
    // address is copied at submission; `len`, `buf_index`, `rw_flags` and `file_index` must be 0.
    entry.off = u64::from(len);
    entry
}

/// Gives a socket its address, as `bind(2)`.
///
/// Since 6.11. The address must stay valid until the entry has been submitted.
///
/// # Completion
///
/// 0 on success. `EADDRINUSE`: the address is in use. `EADDRNOTAVAIL`: this machine does not have the address.
/// `EINVAL`: the socket is bound already, or the length does not fit. `EACCES`, `EAFNOSUPPORT`, `ENOTSOCK`, `EBADF`,
/// `EFAULT` and others as `bind(2)`.
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

/// Makes a socket accept connections, as `listen(2)`.
///
/// Since 6.11. Refers to no memory of the caller.
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
/// Since 5.5. The address must stay valid until the entry has been submitted.
///
/// # Completion
///
/// 0 on success. `ECONNREFUSED`: no socket listens there. `ETIMEDOUT`: there was no answer. `EISCONN`: the socket is
/// connected already. `EAGAIN`, of a unix socket: the listener's queue is full. `ECANCELED`, `EINTR`: cancelled; the
/// connection may still be made, so the socket is best closed. `EADDRNOTAVAIL`, `EAFNOSUPPORT`, `EINVAL`,
/// `ENETUNREACH`, `ENOTSOCK`, `EBADF`, `EFAULT` and others as `connect(2)`.
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
/// Since 5.5. The address and its length must stay valid, and be used by nothing else, until the completion: the kernel
/// reads how much room there is, and writes the peer's address. Both may be null.
///
/// # Completion
///
/// The new file descriptor, which the caller must close (even if the completion is never looked at); with
/// [`file_index`](Self::file_index) 0, or the index that was allocated. The flag `SOCK_NONEMPTY` says that another
/// connection waits. `EAGAIN`: with [`dontwait`](Self::dontwait), no connection waits (without it, a request on a
/// non-blocking socket waits nevertheless, except for 5.10 with ASYNC). `EMFILE`, `ENFILE`: no descriptor, or no index,
/// is free. `EINVAL`: the socket does not listen; a flag is unknown; close-on-exec together with an index; or multishot
/// with an index other than [`ALLOCATE`](DestinationSlot::ALLOCATE). `ECONNABORTED`, `EBADF`, `EFAULT`, `ENOTSOCK`,
/// `ENXIO` (there are no registered files), `EOPNOTSUPP` and others as `accept(2)`. `ECANCELED`:
/// [cancelled](crate::opcode#cancelling), at once. After `EMFILE`, `ENFILE` and `ECONNABORTED`, which end a multishot,
/// push the request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_ACCEPT")]
#[doc(alias = "io_uring_prep_accept")]
#[doc(alias = "io_uring_prep_accept_direct")]
#[repr(transparent)]
pub struct Accept(Entry);

request!(Accept, IORING_OP_ACCEPT);

impl Accept {
    /// Accepts a connection on `fd`. The peer's address is written to `addr` and its length to `addrlen`, which holds
    /// the room at `addr` before. Both come from [`SockAddr::out`](crate::types::SockAddr::out), or both are null.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, addr: *mut SockAddrStorage, addrlen: *mut u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.addr = address(addr);
        // kernel: io_uring/net.c io_accept_prep (6.12.117): both addresses are kept as numbers, and used when a
        // connection is accepted; `len` and `buf_index` must be 0.
        entry.off = address(addrlen);
        Self(entry)
    }

    /// Accepts repeatedly, without addresses. It stands for [`new`](Self::new) with nulls and
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
    /// // Each connection gets a free index of eight; none has a descriptor.
    /// let sparse = ring.submitter().register_files_sparse(8);
    /// # if sparse == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 5.19"); return Ok(()) }
    /// sparse?;
    /// let accept = Accept::multi(Fd(listener.as_raw_fd())).file_index(DestinationSlot::ALLOCATE).build();
    /// // SAFETY: the request refers to no memory.
    /// unsafe { ring.submission().push(accept)? };
    /// for index in 0..2 {
    ///     let _peer = TcpStream::connect(listener.local_addr()?)?;
    ///     ring.submit_and_wait(1)?;
    ///     let cqe = ring.completion().next().expect("waited for one");
    ///     assert_eq!((cqe.outcome(), cqe.more()), (Ok(index), true));
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

    /// Accepts repeatedly, until a completion without `MORE`. All peers' addresses would be written to the same place:
    /// pass nulls. Since 5.19.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_ACCEPT_MULTISHOT")]
    pub const fn multishot(mut self) -> Self {
        // kernel: io_uring/net.c io_accept (6.12.117): a multishot accept ends with the first error; if its completion
        // finds the queue full, the completion is posted as the last one, without `MORE`.
        self.0.ioprio |= accept::MULTISHOT;
        self
    }

    /// Completes with `EAGAIN` if no connection waits. Since 6.10.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_ACCEPT_DONTWAIT")]
    pub const fn dontwait(mut self) -> Self {
        self.0.ioprio |= accept::DONTWAIT;
        self
    }

    /// Waits first until a connection is there, instead of trying at once. Since 6.10.
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
    /// Sets the new file's flags.
    Accept, SocketFlags
}

/// Closes one or both directions of a connection, as `shutdown(2)`.
///
/// Since 5.11. Refers to no memory of the caller. The request always runs in a worker.
///
/// # Completion
///
/// 0 on success. `ENOTCONN`: the socket is not connected. `EINVAL`: there is no such direction. `ENOTSOCK`, `EBADF`:
/// the file is no socket, or not open.
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
