//! Messages: bytes with an address, control data and files.

use bare_uring::types::{MsgFlags, SockAddr};
use bare_uring::{Errno, opcode};

use crate::buffer::Buffer;
use crate::control::{PASSED, ROOM};
use crate::file::File;
use crate::group::GROUP;
use crate::message::{CLOSE_ON_EXEC, Datagram, NAME, Outgoing, can_receive, can_send};
use crate::op::Op;
use crate::output::{Moved, Received};
use crate::passed::Passed;
use crate::slab::{Draft, Slab};
use crate::slot::{Argument, Effect};
use crate::stream::Stream;

/// Messages: bytes with an address, control data and files.
impl Slab {
    /// Sends the buffer's window to an address, as one datagram. What was sent is taken off the window. Since 5.3.
    ///
    /// # Errors
    ///
    /// The errors of [`send_message`](Self::send_message).
    pub fn send_to(&'static self, socket: &File, buffer: Buffer, address: impl Into<SockAddr>) -> Op<Moved> {
        self.send_message(socket, buffer, Outgoing::new().to(address))
    }

    /// Sends the buffer's window as a message. What was sent is taken off the window. Since 5.3.
    ///
    /// The operation has handles of its own to the files that the message passes, until it has completed. On a stream, files
    /// and control data go only with a byte at least.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a flag is none of those of [`send_with`](Self::send_with), or the address is longer than any that sockets
    /// have. `EMSGSIZE`: there are more than 16 files, or files and control data have no room together; or the window is too
    /// long for a datagram. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`SendMsg`](opcode::SendMsg).
    pub fn send_message(&'static self, socket: &File, buffer: Buffer, message: Outgoing<'_>) -> Op<Moved> {
        let Outgoing { to, control, files, flags } = message;
        if !can_send(flags) || to.is_some_and(|to| to.len() > NAME) {
            return Op::refused_with(self, Errno::EINVAL, Some(buffer));
        }
        let mut descriptors = [0; PASSED];
        descriptors.iter_mut().zip(files).for_each(|(number, file)| *number = file.as_raw_fd());
        let whole = match descriptors.get(..files.len()) {
            Some([]) => Some(control),
            Some(descriptors) => control.with_descriptors(descriptors),
            None => None,
        };
        let Some(control) = whole else { return Op::refused_with(self, Errno::EMSGSIZE, Some(buffer)) };
        self.transfer(Effect::Pass, socket, buffer, |fd, parts| {
            opcode::SendMsg::new(fd, parts.outgoing(to.as_ref(), &control, files)).flags(flags).build()
        })
    }

    /// Receives a message into the room after the buffer's window, and tells the address of its sender. Since
    /// 5.3.
    ///
    /// Files that come with the message are not taken, and its control data is not told:
    /// [`receive_message`](Self::receive_message) does both.
    ///
    /// # Errors
    ///
    /// The errors of [`receive_message`](Self::receive_message).
    pub fn receive_from(&'static self, socket: &File, buffer: Buffer, flags: MsgFlags) -> Op<Received> {
        self.incoming_message(socket, buffer, flags, 0, 0)
    }

    /// Receives a message into the room after the buffer's window, with its control data, and with up to this number of
    /// files (16 at most), close-on-exec. Since 5.3.
    ///
    /// The table of files keeps as many places for them. More files than that can come, and the operation takes them, too,
    /// as far as the table has places; the others are closed. Whatever becomes of the operation, no file stays open that
    /// nobody has.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a flag is none of those of [`receive_with`](Self::receive_with), or there are to be more than 16 files.
    /// `EMFILE`: the table of files has too few places, which is found before the kernel is asked. `ENOBUFS`: the buffer has
    /// no room. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`RecvMsg`](opcode::RecvMsg).
    pub fn receive_message(
        &'static self,
        socket: &File,
        buffer: Buffer,
        flags: MsgFlags,
        files: usize,
    ) -> Op<Received> {
        self.incoming_message(socket, buffer, flags, files, ROOM)
    }

    fn incoming_message(
        &'static self,
        socket: &File,
        buffer: Buffer,
        flags: MsgFlags,
        files: usize,
        control: usize,
    ) -> Op<Received> {
        if !can_receive(flags) || files > PASSED {
            return Op::refused_with(self, Errno::EINVAL, Some(buffer));
        }
        let Some(places) = Passed::reserve(&self.files, files) else {
            return Op::refused_with(self, Errno::EMFILE, Some(buffer));
        };
        let fd = socket.fd();
        let draft =
            Draft { effect: Effect::Message, file: Some(socket), buffer: Some(buffer), argument: Argument::NONE };
        Op::new(self, draft, |parts| {
            let flags = flags.with(CLOSE_ON_EXEC);
            opcode::RecvMsg::new(fd, parts.incoming(control, places)).flags(flags).build()
        })
    }

    /// Receives messages with their senders into the buffers that the driver [provides](crate::Driver::provide), as long as
    /// the other side may send. Since 6.0.
    ///
    /// The first 128 bytes of each buffer hold what the kernel says of the message. Files and control data that come with a
    /// message are dropped. An empty message is brought if it has a sender, and the stream goes on in any case.
    ///
    /// # Errors
    ///
    /// `EFAULT`: a provided buffer has less than 128 bytes. [`Stream::poll_next`] lists the others. The kernel's are those of
    /// [`RecvMsg`](opcode::RecvMsg).
    pub fn datagrams(&'static self, socket: &File) -> Stream<Datagram> {
        let fd = socket.fd();
        Stream::of_socket(self, Effect::Datagrams, socket, |parts| {
            opcode::RecvMsg::new(fd, parts.header()).buf_group(GROUP).multishot().build()
        })
    }
}
