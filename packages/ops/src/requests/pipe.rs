//! Pipes.

use bare_uring::types::OpenFlags;
use bare_uring::{Errno, opcode};

use crate::op::Op;
use crate::output::Piped;
use crate::slab::{Draft, Slab};
use crate::slot::{Argument, Effect};

/// Pipes.
impl Slab {
    /// Makes a pipe, close-on-exec: the end to read from, and the end to write to. Since 6.16.
    ///
    /// # Errors
    ///
    /// `EMFILE`: the table of files has no two places, or the process has no descriptors left. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Pipe`](opcode::Pipe).
    pub fn pipe(&'static self, flags: OpenFlags) -> Op<Piped> {
        let (Some(reader), Some(writer)) = (self.files.reserve(), self.files.reserve()) else {
            return Op::refused(self, Errno::EMFILE);
        };
        // A kernel that says that it has made a pipe, and writes no numbers, has made none.
        let argument = Argument { ends: [-1; 2] };
        let draft = Draft { effect: Effect::Pipe, file: None, buffer: None, argument };
        let operation = Op::new(self, draft, |parts| {
            opcode::Pipe::new(parts.argument.cast()).flags(flags.with(OpenFlags::CLOEXEC)).build()
        });
        operation.with_made(reader).with_other(Some(writer))
    }
}
