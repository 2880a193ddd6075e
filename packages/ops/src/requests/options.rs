//! Options of sockets.

use bare_uring::opcode;

use crate::file::File;
use crate::op::Op;
use crate::options::sealed::{Gettable, Settable};
use crate::options::{self, OptionValue, SocketOption};
use crate::output::{Done, Got};
use crate::slab::{Draft, Slab};
use crate::slot::{Argument, Effect};

/// Options of sockets.
impl Slab {
    /// Sets an option of a socket, as `setsockopt(2)`. Since 6.7.
    ///
    /// ```
    /// # use bare_uring::Errno;
    /// # use bare_uring_ops::{File, Slab, SocketOption};
    /// # async fn f(slab: &'static Slab, socket: &File) -> Result<(), Errno> {
    /// slab.set_option(socket, SocketOption::NO_DELAY, true).await?;
    /// let bytes: i32 = slab.option(socket, SocketOption::RECEIVE_BUFFER).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: the kernel is older, or the file is no socket. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`SetSockOpt`](opcode::SetSockOpt).
    pub fn set_option<T: OptionValue, A: Settable>(
        &'static self,
        socket: &File,
        option: SocketOption<T, A>,
        value: T,
    ) -> Op<Done> {
        let (bytes, len) = value.write();
        self.plain(Some(socket), Argument { option: bytes }, |fd, parts| {
            opcode::SetSockOpt::new(fd, option.level(), option.name(), parts.argument.cast(), len).build()
        })
    }

    /// Gets an option of a socket, as `getsockopt(2)`. Since 6.7.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: the kernel is older, the file is no socket, or the option is of another level than `SOL_SOCKET`
    /// ([`SocketOption::number`] can name one). `EINVAL`: the kernel has told something that is no value of this type. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`GetSockOpt`](opcode::GetSockOpt).
    pub fn option<T: OptionValue, A: Gettable>(&'static self, socket: &File, option: SocketOption<T, A>) -> Op<Got<T>> {
        let argument = Argument { option: options::Bytes::default() };
        let draft = Draft { effect: Effect::Plain, file: Some(socket), buffer: None, argument };
        let fd = socket.fd();
        Op::new(self, draft, |parts| {
            opcode::GetSockOpt::new(fd, option.level(), option.name(), parts.argument.cast(), T::SIZE).build()
        })
    }
}
