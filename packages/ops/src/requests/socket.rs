//! Sockets, from their making to their end.

use core::net::SocketAddr;

use bare_uring::opcode;
use bare_uring::types::{AddressFamily, ShutdownHow, SockAddr, SocketFlags, SocketType};

use crate::file::File;
use crate::op::Op;
use crate::output::{Done, Made};
use crate::slab::Slab;
use crate::slot::{Argument, Effect};
use crate::stream::Stream;

/// Sockets.
impl Slab {
    /// Makes a socket, close-on-exec. Since 5.19.
    ///
    /// # Errors
    ///
    /// `EMFILE`: the table of files has no place. The [errors of any operation](Slab#errors-of-operations), and the
    /// kernel's for [`Socket`](opcode::Socket).
    pub fn socket(&'static self, domain: AddressFamily, kind: SocketType, protocol: u32) -> Op<Made> {
        self.make(None, |_| opcode::Socket::new(domain, kind, protocol).flags(SocketFlags::CLOEXEC).build())
    }

    /// Sets an option that is a number, as `setsockopt(2)`. Since 6.7.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`SetSockOpt`](opcode::SetSockOpt).
    pub fn set_option(&'static self, socket: &File, level: u32, name: u32, value: i32) -> Op<Done> {
        const SIZE: u32 = size_of::<i32>() as u32;

        self.plain(Some(socket), Argument { option: value }, |fd, parts| {
            opcode::SetSockOpt::new(fd, level, name, parts.argument.cast(), SIZE).build()
        })
    }

    /// Gives a socket its address. Since 6.11.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Bind`](opcode::Bind).
    pub fn bind(&'static self, socket: &File, address: SocketAddr) -> Op<Done> {
        let address = SockAddr::from(address);
        let len = address.len();
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
    pub fn connect(&'static self, socket: &File, address: SocketAddr) -> Op<Done> {
        let address = SockAddr::from(address);
        let len = address.len();
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

    /// Accepts connections, close-on-exec, one after the other. Since 5.19.
    ///
    /// # Errors
    ///
    /// [`Stream::poll_next`] lists them. The kernel's are those of [`Accept`](opcode::Accept).
    pub fn incoming(&'static self, socket: &File) -> Stream<File> {
        let entry = opcode::Accept::multi(socket.fd()).flags(SocketFlags::CLOEXEC).build();
        Stream::new(self, Effect::Accept, socket, entry)
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
