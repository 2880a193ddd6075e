//! What a socket receives, a limited part at a time.

use bare_uring::opcode;

use crate::buffer::Buffer;
use crate::file::File;
use crate::group::GROUP;
use crate::slab::Slab;
use crate::slot::Effect;
use crate::stream::Stream;

/// What a socket receives, a limited part at a time.
impl Slab {
    /// Receives into the buffers that the driver [provides](crate::Driver::provide), like [`pieces`](Self::pieces), but
    /// holds at most `share` of them (one at least), beside those that the program has taken. While as many wait in the
    /// stream, the rest stays in the socket, and then holds the sender back. Since 5.19.
    ///
    /// So a client that sends and does not read can't take the buffers of the others. The limit is exact, because each
    /// request brings one piece. The next request goes with the next turn, and so costs no system call, but an entry.
    ///
    /// # Errors
    ///
    /// [`Stream::poll_next`] lists them. The kernel's are those of [`Recv`](opcode::Recv).
    pub fn pieces_at_most(&'static self, socket: &File, share: u16) -> Stream<Buffer> {
        let receive = opcode::Recv::new(socket.fd(), core::ptr::null_mut(), 0).buf_group(GROUP).build();
        Stream::of_socket(self, Effect::Receive, socket, |_| receive).with_share(share)
    }
}
