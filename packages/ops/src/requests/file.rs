//! An open file as a whole.

use bare_uring::opcode;
use bare_uring::types::FsyncFlags;

use crate::file::File;
use crate::op::Op;
use crate::output::Done;
use crate::slab::Slab;
use crate::slot::Argument;

/// An open file as a whole.
impl Slab {
    /// Brings what was written to the device. Since 5.1.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Fsync`](opcode::Fsync).
    pub fn fsync(&'static self, file: &File, flags: FsyncFlags) -> Op<Done> {
        self.plain(Some(file), Argument::NONE, |fd, _| opcode::Fsync::new(fd).flags(flags).build())
    }

    /// Cuts a file to `len` bytes, or extends it with zeros. Since 6.9.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Ftruncate`](opcode::Ftruncate).
    pub fn ftruncate(&'static self, file: &File, len: u64) -> Op<Done> {
        self.plain(Some(file), Argument::NONE, |fd, _| opcode::Ftruncate::new(fd, len).build())
    }
}
