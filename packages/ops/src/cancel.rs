//! Cancelling from elsewhere than the handle.
#![forbid(unsafe_code)]

use crate::slab::Slab;

/// Cancels one operation or stream from elsewhere: from another task of the thread, or while the handle is awaited. From
/// [`Op::canceller`](crate::Op::canceller) and [`Stream::canceller`](crate::Stream::canceller).
///
/// A canceller owns nothing. Once the operation's result was taken, or its handle dropped, it does nothing, whatever its
/// slot is used for then. (Only after 2^32 operations in that one slot would it mean another.) To end a whole task or
/// connection, keep a canceller of each operation that it awaits.
#[derive(Clone, Copy)]
#[must_use = "a canceller that is dropped cancels nothing"]
pub struct Canceller {
    slab: &'static Slab,
    index: u16,
    uses: u32,
}

impl Canceller {
    /// Makes a canceller of what has this slot now.
    pub(crate) fn new(slab: &'static Slab, index: u16) -> Option<Self> {
        Some(Self { slab, index, uses: slab.slot(index)?.uses.get() })
    }

    /// Asks the kernel to end the operation, as [`Op::cancel`](crate::Op::cancel) does.
    pub fn cancel(self) {
        if self.slab.slot(self.index).is_some_and(|slot| slot.held.get() && slot.uses.get() == self.uses) {
            self.slab.cancel(self.index);
        }
    }
}

impl core::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Canceller").field("index", &self.index).finish_non_exhaustive()
    }
}
