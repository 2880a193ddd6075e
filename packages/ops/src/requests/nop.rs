//! Nothing, by way of the kernel.

use bare_uring::opcode;

use crate::op::Op;
use crate::output::Done;
use crate::slab::Slab;
use crate::slot::Argument;

/// Nothing.
impl Slab {
    /// Does nothing, by way of the kernel. Since 5.1.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations).
    pub fn nop(&'static self) -> Op<Done> {
        self.plain(None, Argument::NONE, |_, _| opcode::Nop::new().build())
    }
}
