//! Sockets, from their making to their end.

use bare_uring::opcode;
use bare_uring::types::{AddressFamily, ShutdownHow, SockAddr, SockAddrStorage, SocketFlags, SocketType};

use crate::file::File;
use crate::op::Op;
use crate::output::{Accepted, Done, Made, Named};
use crate::slab::{Draft, Slab};
use crate::slot::{Argument, Effect};
use crate::stream::Stream;

/// Sockets.
///
/// An address is anything that becomes a [`SockAddr`]: an address of `core::net`, the path of a Unix socket
/// ([`SockAddr::unix`]), or its abstract name ([`SockAddr::unix_abstract`]).
impl Slab {
    /// Makes a socket, close-on-exec. Since 5.19.
    ///
    /// # Errors
    ///
    /// `EMFILE`: the table of files has no place. The [errors of any operation](Slab#errors-of-operations), and the
    /// kernel's for [`Socket`](opcode::Socket).
    pub fn socket(&'static self, domain: AddressFamily, kind: SocketType, protocol: u32) -> Op<Made> {
        let effect = if kind == SocketType::STREAM { Effect::MakeBytes } else { Effect::Make };
        let draft = Draft { effect, file: None, buffer: None, argument: Argument::NONE };
        Op::new(self, draft, |_| opcode::Socket::new(domain, kind, protocol).flags(SocketFlags::CLOEXEC).build())
    }

    /// Gives a socket its address. Since 6.11.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Bind`](opcode::Bind).
    pub fn bind(&'static self, socket: &File, address: impl Into<SockAddr>) -> Op<Done> {
        let address = address.into();
        let len = length(&address);
        self.plain(Some(socket), Argument { address }, |fd, parts| {
            opcode::Bind::new(fd, parts.argument.cast(), len).build()
        })
    }

    /// Lets a socket listen. At most `backlog` connections wait to be accepted. Since 6.11.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Listen`](opcode::Listen).
    pub fn listen(&'static self, socket: &File, backlog: u32) -> Op<Done> {
        self.plain(Some(socket), Argument::NONE, |fd, _| opcode::Listen::new(fd, backlog).build())
    }

    /// Connects a socket. Since 5.5.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Connect`](opcode::Connect).
    pub fn connect(&'static self, socket: &File, address: impl Into<SockAddr>) -> Op<Done> {
        let address = address.into();
        let len = length(&address);
        self.plain(Some(socket), Argument { address }, |fd, parts| {
            opcode::Connect::new(fd, parts.argument.cast(), len).build()
        })
    }

    /// Accepts one connection, close-on-exec. Since 5.5.
    ///
    /// # Errors
    ///
    /// `EMFILE`: the table of files has no place, which is found before the kernel is asked, or the process has no file
    /// descriptor left. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`Accept`](opcode::Accept).
    pub fn accept(&'static self, socket: &File) -> Op<Made> {
        let fd = socket.fd();
        self.make(Some(socket), |_| {
            let nowhere = core::ptr::null_mut();
            opcode::Accept::new(fd, nowhere, nowhere.cast()).flags(SocketFlags::CLOEXEC).build()
        })
    }

    /// Accepts one connection, close-on-exec, and tells the address of its other side. Since 5.5.
    ///
    /// # Errors
    ///
    /// The errors of [`accept`](Self::accept).
    pub fn accept_from(&'static self, socket: &File) -> Op<Accepted> {
        let draft = Draft { effect: Effect::Make, file: Some(socket), buffer: None, argument: Argument::NONE };
        let fd = socket.fd();
        Op::new(self, draft, |parts| {
            let (address, len) = parts.address();
            opcode::Accept::new(fd, address, len).flags(SocketFlags::CLOEXEC).build()
        })
    }

    /// Accepts connections, close-on-exec, one after the other. Since 5.19.
    ///
    /// The kernel tells no addresses here: [`accept_from`](Self::accept_from) does, or for a connection that was accepted
    /// [`peer_address`](Self::peer_address).
    ///
    /// # Errors
    ///
    /// [`Stream::poll_next`] lists them. The kernel's are those of [`Accept`](opcode::Accept).
    pub fn incoming(&'static self, socket: &File) -> Stream<File> {
        let entry = opcode::Accept::multi(socket.fd()).flags(SocketFlags::CLOEXEC).build();
        Stream::new(self, Effect::Accept, socket, entry)
    }

    /// Tells the address of a socket, as `getsockname(2)`: for one thing the port that the kernel has chosen. Since 6.19.
    ///
    /// # Errors
    ///
    /// `ENOTSOCK`: the file answers commands, and is no socket. `EOPNOTSUPP`: the kernel is older, and no request tells the address there; call `getsockname(2)` with
    /// [`File::as_raw_fd`], or choose the port. The [errors of any operation](Slab#errors-of-operations), and the
    /// kernel's for [`GetSockName`](opcode::GetSockName).
    pub fn own_address(&'static self, socket: &File) -> Op<Named> {
        self.address(socket, |request| request)
    }

    /// Tells the address of the other side of a socket, as `getpeername(2)`. Since 6.19.
    ///
    /// # Errors
    ///
    /// `ENOTCONN`: the socket is not connected. `EOPNOTSUPP`: the kernel is older; [`accept_from`](Self::accept_from) tells
    /// the address there, or call `getpeername(2)` with [`File::as_raw_fd`]. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`GetSockName`](opcode::GetSockName).
    pub fn peer_address(&'static self, socket: &File) -> Op<Named> {
        self.address(socket, opcode::GetSockName::peer)
    }

    fn address(&'static self, socket: &File, of: impl FnOnce(opcode::GetSockName) -> opcode::GetSockName) -> Op<Named> {
        let draft = Draft { effect: Effect::Plain, file: Some(socket), buffer: None, argument: Argument::NONE };
        let fd = socket.fd();
        Op::new(self, draft, |parts| {
            let (address, len) = parts.address();
            of(opcode::GetSockName::new(fd, address, len)).build()
        })
    }

    /// Closes a connection in one direction or both; the file stays open. Since 5.11.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Shutdown`](opcode::Shutdown).
    pub fn shutdown(&'static self, socket: &File, how: ShutdownHow) -> Op<Done> {
        self.plain(Some(socket), Argument::NONE, |fd, _| opcode::Shutdown::new(fd, how).build())
    }
}

/// Returns the length of an address, as far as there are bytes. (The kernel may have told a longer one.)
fn length(address: &SockAddr) -> u32 {
    address.len().min(SockAddrStorage::SIZE)
}
