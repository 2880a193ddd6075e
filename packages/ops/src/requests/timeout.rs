//! Time.

use bare_uring::opcode;
use bare_uring::types::Timespec;

use crate::deadlines::Clock;
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

    /// Waits until this point of time has come, by this clock, and then gives `ETIME`, which here is no failure. A point of
    /// time that has passed has come. Since 5.4.
    ///
    /// # Errors
    ///
    /// `EINVAL`: the kernel does not know the clock (before 5.15). The [errors of any
    /// operation](Slab#errors-of-operations), and the kernel's for [`Timeout`](opcode::Timeout).
    pub fn timeout_at(&'static self, clock: Clock, at: impl Into<Timespec>) -> Op<Done> {
        self.plain(None, Argument { time: at.into() }, |_, parts| {
            opcode::Timeout::new(parts.argument.cast_const().cast()).flags(clock.flags()).build()
        })
    }
}
