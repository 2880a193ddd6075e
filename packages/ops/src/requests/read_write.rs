//! The bytes of a file.

use bare_uring::opcode;
use bare_uring::types::RwFlags;

use crate::buffer::Buffer;
use crate::file::File;
use crate::group::GROUP;
use crate::op::Op;
use crate::output::Moved;
use crate::slab::Slab;
use crate::slot::Effect;
use crate::stream::Stream;
use crate::vectored::Vectored;
use crate::whole::Whole;

/// The bytes of a file.
impl Slab {
    /// Reads into the room after the buffer's window, from this offset of the file in bytes, or at its
    /// [`CURRENT`](crate::CURRENT)
    /// position. 0 is the end of the file. Since 5.6.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: the buffer has no room; [`clear`](Buffer::clear) or [`compact`](Buffer::compact) it. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Read`](opcode::Read).
    pub fn read(&'static self, file: &File, buffer: Buffer, offset: u64) -> Op<Moved> {
        self.read_with(file, buffer, offset, RwFlags(0))
    }

    /// Reads as [`read`](Self::read) does, with flags. Since 5.6.
    ///
    /// # Errors
    ///
    /// The errors of [`read`](Self::read). `EOPNOTSUPP`: the kernel or the file does not know a flag. `EAGAIN`: with
    /// [`NOWAIT`](RwFlags::NOWAIT), the data is not in the page cache; read without the flag.
    pub fn read_with(&'static self, file: &File, buffer: Buffer, offset: u64, flags: RwFlags) -> Op<Moved> {
        self.transfer(Effect::Fill, file, buffer, |fd, parts| {
            opcode::Read::new(fd, parts.space.0, parts.space.1).offset(offset).rw_flags(flags).build()
        })
    }

    /// Reads until the buffer is full or the file ends: each read goes on where the one before came short. Since 5.6.
    ///
    /// # Errors
    ///
    /// The errors of [`read`](Self::read). What was read before the error is counted, and lies in the buffer's window.
    pub fn read_full(&'static self, file: &File, buffer: Buffer, offset: u64) -> Whole {
        Whole::read(self, file, buffer, offset)
    }

    /// Reads into the room of several buffers, the first one first. Since 5.1.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: no buffer has room. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`Readv`](opcode::Readv).
    pub fn read_vectored<const N: usize>(&'static self, file: &File, buffers: [Buffer; N], offset: u64) -> Vectored<N> {
        Vectored::read(self, file, buffers, offset)
    }

    /// Reads into the buffers that the driver [provides](crate::Driver::provide), as long as data comes, from a file
    /// that can be waited for: a pipe, a terminal, a socket. Ends at the end of the file. Since 6.7.
    ///
    /// # Errors
    ///
    /// `EBADFD`: the file can't be waited for; use [`read`](Self::read). [`Stream::poll_next`] lists the others. The
    /// kernel's are those of [`ReadMulti`](opcode::ReadMulti).
    pub fn read_pieces(&'static self, file: &File) -> Stream<Buffer> {
        Stream::new(self, Effect::Receive, file, opcode::ReadMulti::new(file.fd(), GROUP).build())
    }

    /// Writes from the buffer's window, at this offset of the file in bytes, or at its [`CURRENT`](crate::CURRENT)
    /// position. What was
    /// written is taken off the window: go on until the window is empty. Since 5.6.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Write`](opcode::Write).
    pub fn write(&'static self, file: &File, buffer: Buffer, offset: u64) -> Op<Moved> {
        self.write_with(file, buffer, offset, RwFlags(0))
    }

    /// Writes as [`write`](Self::write) does, with flags. Since 5.6.
    ///
    /// # Errors
    ///
    /// The errors of [`write`](Self::write). `EOPNOTSUPP`: the kernel or the file does not know a flag. `EAGAIN`: with
    /// [`NOWAIT`](RwFlags::NOWAIT), the write would wait; write without the flag.
    pub fn write_with(&'static self, file: &File, buffer: Buffer, offset: u64, flags: RwFlags) -> Op<Moved> {
        self.transfer(Effect::Drain, file, buffer, |fd, parts| {
            opcode::Write::new(fd, parts.window.0, parts.window.1).offset(offset).rw_flags(flags).build()
        })
    }

    /// Writes from the buffer's window to the end of the file, wherever that is then. The file's position stays. Since
    /// 5.6.
    ///
    /// # Errors
    ///
    /// The errors of [`write`](Self::write).
    // kernel: man pwritev2(2) (man-pages 6.03): with RWF_APPEND the offset changes nothing, and the file's position moves
    // only if the offset is -1.
    pub fn append(&'static self, file: &File, buffer: Buffer) -> Op<Moved> {
        self.write_with(file, buffer, 0, RwFlags::APPEND)
    }

    /// Writes until the buffer's window is empty: each write goes on where the one before came short. Since 5.6.
    ///
    /// # Errors
    ///
    /// The errors of [`write`](Self::write). What was written before the error is counted, and taken off the window.
    /// `EIO`: a write took nothing, and named no reason.
    pub fn write_all(&'static self, file: &File, buffer: Buffer, offset: u64) -> Whole {
        Whole::write(self, file, buffer, offset)
    }

    /// Writes from the windows of several buffers, the first one first. What was written is taken off the windows. Since
    /// 5.1.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Writev`](opcode::Writev).
    pub fn write_vectored<const N: usize>(
        &'static self,
        file: &File,
        buffers: [Buffer; N],
        offset: u64,
    ) -> Vectored<N> {
        Vectored::write(self, file, buffers, offset)
    }
}
