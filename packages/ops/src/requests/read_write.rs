//! The bytes of a file.

use bare_uring::opcode;

use crate::buffer::Buffer;
use crate::file::File;
use crate::op::Op;
use crate::output::Moved;
use crate::slab::Slab;
use crate::slot::Effect;

/// The position in a file that moves with each read and write, and the one that pipes and sockets need.
pub const CURRENT: u64 = u64::MAX;

/// The bytes of a file.
impl Slab {
    /// Reads into the room after the buffer's window, from this offset of the file in bytes, or at its [`CURRENT`]
    /// position. 0 is the end of the file. Since 5.6.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: the buffer has no room; [`clear`](Buffer::clear) or [`compact`](Buffer::compact) it. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Read`](opcode::Read).
    pub fn read(&'static self, file: &File, buffer: Buffer, offset: u64) -> Op<Moved> {
        self.transfer(Effect::Fill, file, buffer, |fd, parts| {
            opcode::Read::new(fd, parts.space.0, parts.space.1).offset(offset).build()
        })
    }

    /// Writes from the buffer's window, at this offset of the file in bytes, or at its [`CURRENT`] position. What was
    /// written is taken off the window: go on until the window is empty. Since 5.6.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Write`](opcode::Write).
    pub fn write(&'static self, file: &File, buffer: Buffer, offset: u64) -> Op<Moved> {
        self.transfer(Effect::Drain, file, buffer, |fd, parts| {
            opcode::Write::new(fd, parts.window.0, parts.window.1).offset(offset).build()
        })
    }
}
