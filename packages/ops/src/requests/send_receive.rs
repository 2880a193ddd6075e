//! What sockets send and receive.

use bare_uring::opcode;

use crate::buffer::Buffer;
use crate::file::File;
use crate::group::GROUP;
use crate::op::Op;
use crate::output::Moved;
use crate::slab::Slab;
use crate::slot::Effect;
use crate::stream::Stream;

/// What sockets send and receive.
impl Slab {
    /// Receives into the room after the buffer's window. 0: the other side sends no more. Since 5.6.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: the buffer has no room; [`clear`](Buffer::clear) or [`compact`](Buffer::compact) it. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Recv`](opcode::Recv).
    pub fn receive(&'static self, socket: &File, buffer: Buffer) -> Op<Moved> {
        self.transfer(Effect::Fill, socket, buffer, |fd, parts| {
            opcode::Recv::new(fd, parts.space.0, parts.space.1).build()
        })
    }

    /// Sends from the buffer's window. What was sent is taken off the window: go on until the window is empty. Since
    /// 5.6.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Send`](opcode::Send).
    pub fn send(&'static self, socket: &File, buffer: Buffer) -> Op<Moved> {
        self.transfer(Effect::Drain, socket, buffer, |fd, parts| {
            opcode::Send::new(fd, parts.window.0, parts.window.1).build()
        })
    }

    /// Receives into the buffers that the driver [provides](crate::Driver::provide), as long as data comes. Ends where
    /// the other side sends no more. Since 6.0.
    ///
    /// The kernel also ends it at an empty datagram, and tells that in the same way. On a socket of datagrams, make
    /// another stream after `None`.
    ///
    /// # Errors
    ///
    /// [`Stream::poll_next`] lists them. The kernel's are those of [`Recv`](opcode::Recv).
    pub fn pieces(&'static self, socket: &File) -> Stream<Buffer> {
        Stream::new(self, Effect::Receive, socket, opcode::Recv::multi(socket.fd(), GROUP).build())
    }
}
