//! Streams that are stopped and go on: one request after the other in one slot.
#![forbid(unsafe_code)]

use bare_uring::{Errno, cqueue};

use super::Slab;
use crate::slot::{Effect, Slot};

impl Slab {
    /// Notes that the program wants nothing more of a stream for now.
    pub(crate) fn pause(&self, index: u16) {
        let Some(slot) = self.slot(index) else { return };
        if slot.flow.paused.replace(true) || !slot.in_flight.get() {
            return;
        }
        slot.flow.stopped.set(true);
        self.queue(index, slot);
    }

    /// Notes that the program wants a stream to go on.
    pub(crate) fn resume(&self, index: u16) {
        let Some(slot) = self.slot(index) else { return };
        slot.flow.paused.set(false);
        self.refill(index, slot);
    }

    /// Makes a stream's request again, if it has none and may have more.
    pub(crate) fn refill(&self, index: u16, slot: &Slot) {
        let flow = &slot.flow;
        let has_room = flow.share.get() == 0 || slot.backlog.len() < flow.share.get();
        if flow.idle.get() && !flow.paused.get() && has_room {
            flow.idle.set(false);
            slot.tries.set(0);
            // A cancellation of the request before may be under way still, and must not find this one.
            slot.generation.set(slot.generation.get().wrapping_add(1));
            slot.entry.set(flow.again.get());
            self.queue(index, slot);
        }
    }

    /// Tells whether a stream goes on after the last completion of a request: because the request was one of several, or
    /// because the pause has ended it.
    pub(super) fn goes_on(&self, index: u16, slot: &Slot, cqe: &cqueue::Entry) -> bool {
        let flow = &slot.flow;
        // A stream whose handle is gone has its slot freed instead.
        let goes_on = !slot.cancelled.get()
            && match cqe.outcome() {
                Ok(count) => flow.share.get() > 0 && slot.effect.get() == Effect::Receive && count > 0,
                Err(Errno::ECANCELED) => flow.stopped.get(),
                Err(_) => false,
            };
        if goes_on {
            flow.stopped.set(false);
            flow.idle.set(true);
            self.refill(index, slot);
        }
        goes_on
    }
}
