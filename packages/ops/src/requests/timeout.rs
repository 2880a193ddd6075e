//! Time.

use bare_uring::opcode;
use bare_uring::types::Timespec;

use crate::op::Op;
use crate::output::Done;
use crate::slab::Slab;
use crate::slot::Argument;

/// Time.
impl Slab {
    /// Waits until this span has passed, and then gives `ETIME`, which here is no failure. Since 5.4.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Timeout`](opcode::Timeout).
    pub fn timeout(&'static self, span: impl Into<Timespec>) -> Op<Done> {
        self.plain(None, Argument { time: span.into() }, |_, parts| {
            opcode::Timeout::new(parts.argument.cast_const().cast()).build()
        })
    }
}
