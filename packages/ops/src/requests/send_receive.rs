//! What sockets send and receive.

use bare_uring::types::MsgFlags;
use bare_uring::{Errno, opcode};

use crate::buffer::Buffer;
use crate::file::File;
use crate::group::GROUP;
use crate::message::{can_receive, can_send};
use crate::op::Op;
use crate::output::Moved;
use crate::slab::Slab;
use crate::slot::Effect;
use crate::stream::Stream;

/// What sockets send and receive.
impl Slab {
    /// Receives into the room after the buffer's window. 0: the other side sends no more, or has sent an empty datagram.
    /// Since 5.6.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: the buffer has no room; [`clear`](Buffer::clear) or [`compact`](Buffer::compact) it. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Recv`](opcode::Recv).
    pub fn receive(&'static self, socket: &File, buffer: Buffer) -> Op<Moved> {
        self.receive_with(socket, buffer, MsgFlags(0))
    }

    /// Receives with flags into the room after the buffer's window. With [`MsgFlags::TRUNC`] the result may be more than
    /// the window has grown by: it is the whole length of a datagram, or of what was thrown away on a stream. Since 5.6.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a flag is none of [`OOB`](MsgFlags::OOB), [`PEEK`](MsgFlags::PEEK), [`TRUNC`](MsgFlags::TRUNC),
    /// [`DONTWAIT`](MsgFlags::DONTWAIT), [`WAITALL`](MsgFlags::WAITALL), [`ERRQUEUE`](MsgFlags::ERRQUEUE). The errors of
    /// [`receive`](Self::receive).
    pub fn receive_with(&'static self, socket: &File, buffer: Buffer, flags: MsgFlags) -> Op<Moved> {
        if !can_receive(flags) {
            return Op::refused_with(self, Errno::EINVAL, Some(buffer));
        }
        self.transfer(Effect::Fill, socket, buffer, |fd, parts| {
            opcode::Recv::new(fd, parts.space.0, parts.space.1).flags(flags).build()
        })
    }

    /// Sends from the buffer's window. What was sent is taken off the window: go on until the window is empty. Since
    /// 5.6.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Send`](opcode::Send).
    pub fn send(&'static self, socket: &File, buffer: Buffer) -> Op<Moved> {
        self.send_with(socket, buffer, MsgFlags(0))
    }

    /// Sends with flags from the buffer's window. With [`MsgFlags::WAITALL`] the kernel goes on until the window is empty.
    /// Since 5.6.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a flag is none of [`OOB`](MsgFlags::OOB), [`DONTWAIT`](MsgFlags::DONTWAIT), [`EOR`](MsgFlags::EOR),
    /// [`WAITALL`](MsgFlags::WAITALL), [`MORE`](MsgFlags::MORE), [`NOSIGNAL`](MsgFlags::NOSIGNAL), `MSG_DONTROUTE`,
    /// `MSG_CONFIRM`, `MSG_FASTOPEN`. The errors of [`send`](Self::send).
    pub fn send_with(&'static self, socket: &File, buffer: Buffer, flags: MsgFlags) -> Op<Moved> {
        if !can_send(flags) {
            return Op::refused_with(self, Errno::EINVAL, Some(buffer));
        }
        self.transfer(Effect::Drain, socket, buffer, |fd, parts| {
            opcode::Send::new(fd, parts.window.0, parts.window.1).flags(flags).build()
        })
    }

    /// Sends from the buffer's window without a copy, with flags. The buffer comes back when the network no longer uses it:
    /// often not before the other side has acknowledged all of it. Since 6.0.
    ///
    /// An older kernel copies ([`send_with`](Self::send_with)), and the loopback device copies on every kernel.
    ///
    /// A small send costs more without a copy than with one. One that is cancelled or has a time limit ends the wait for
    /// room in the socket, and not the wait for the network.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: a socket of this kind has no zero copy, as Unix sockets have none: call [`send`](Self::send).
    /// `ENOMEM`, `ENOBUFS`: too much memory is pinned; wait until sends have ended, or call [`send`](Self::send). The errors
    /// of [`send_with`](Self::send_with), and the kernel's for [`SendZc`](opcode::SendZc).
    pub fn send_zero_copy(&'static self, socket: &File, buffer: Buffer, flags: MsgFlags) -> Op<Moved> {
        if !can_send(flags) || !self.known().has_zero_copy() {
            return self.send_with(socket, buffer, flags);
        }
        self.transfer(Effect::Lend, socket, buffer, |fd, parts| {
            opcode::SendZc::new(fd, parts.window.0, parts.window.1).flags(flags).build()
        })
    }

    /// Receives into the buffers that the driver [provides](crate::Driver::provide), as long as data comes. Ends where
    /// the other side sends no more. Since 6.0.
    ///
    /// An empty datagram brings nothing here, and the stream goes on. [`datagrams`](Self::datagrams) brings it.
    ///
    /// # Errors
    ///
    /// [`Stream::poll_next`] lists them. The kernel's are those of [`Recv`](opcode::Recv).
    pub fn pieces(&'static self, socket: &File) -> Stream<Buffer> {
        let fd = socket.fd();
        Stream::of_socket(self, Effect::Receive, socket, |_| opcode::Recv::multi(fd, GROUP).build())
    }
}
