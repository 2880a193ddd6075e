//! Streams that are held back: paused, or with a share.

use super::{Item, State, Stream};
use crate::cancel::Canceller;
use crate::slot::Slot;

impl<T: Item> Stream<T> {
    /// Returns the stream's slot, if it has one.
    pub(super) fn slot(&self) -> Option<&'static Slot> {
        match self.state {
            State::Slot(index) => self.slab.slot(index),
            State::Refused(_) | State::Over => None,
        }
    }

    /// Lets at most this number of items wait in the stream, one at least. The stream's request brings one item.
    pub(crate) fn with_share(self, share: u16) -> Self {
        if let Some(slot) = self.slot() {
            slot.flow.share.set(share.max(1));
        }
        self
    }

    /// Asks the kernel to bring no more. What has come, and what comes until the kernel has done so, waits in the stream
    /// and can be taken. On a kernel without `IORING_OP_ASYNC_CANCEL`, a request that runs goes on.
    ///
    /// A paused stream holds its slot and its file. Its end still comes: [`cancel`](Self::cancel) and
    /// [`Driver::shutdown`](crate::Driver::shutdown) end it.
    pub fn pause(&mut self) {
        if let State::Slot(index) = self.state {
            self.slab.pause(index);
        }
    }

    /// Lets the stream go on after [`pause`](Self::pause). Nothing is lost in between: data waits in the socket, and
    /// connections wait in the queue of the socket that listens.
    pub fn resume(&mut self) {
        if let State::Slot(index) = self.state {
            self.slab.resume(index);
        }
    }

    /// Returns what cancels the stream from elsewhere. `None`: the stream found no slot, or is over.
    pub fn canceller(&self) -> Option<Canceller> {
        match self.state {
            State::Slot(index) => Canceller::new(self.slab, index),
            State::Refused(_) | State::Over => None,
        }
    }

    /// Returns how many items have come and wait to be taken.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.slot().map_or(0, |slot| slot.backlog.len().into())
    }
}
