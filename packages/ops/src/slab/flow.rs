//! Streams that are stopped and go on: one request after the other in one slot.
#![forbid(unsafe_code)]

use super::Slab;
use crate::slot::{Phase, Slot};

impl Slab {
    /// Notes that the program wants nothing more of a stream for now.
    pub(crate) fn pause(&self, index: u16) {
        let Some(slot) = self.slot(index) else { return };
        if slot.flow.paused.replace(true) {
            return;
        }
        if slot.in_flight.get() {
            slot.flow.stopped.set(true);
            self.queue(index, slot);
        } else if slot.queued.get() && slot.entry.get().is_some() {
            // The driver has not pushed the request yet.
            self.hold_back(slot);
        }
    }

    /// Takes back the request of a stream that is paused, which the kernel does not know.
    pub(super) fn hold_back(&self, slot: &Slot) {
        self.uncount(slot);
        slot.entry.set(None);
        slot.flow.idle.set(true);
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
            let asks = slot.phase.get() == Phase::Asks;
            slot.entry.set(if asks { Some(Self::question(slot)) } else { flow.again.get() });
            self.queue(index, slot);
        }
    }

    /// Lets a stream go on after the last completion of a request: with the next one at once, or later if it is held back.
    pub(super) fn go_on(&self, index: u16, slot: &Slot) {
        slot.flow.stopped.set(false);
        slot.flow.idle.set(true);
        self.refill(index, slot);
        if slot.flow.idle.get() {
            self.uncount(slot);
        }
    }
}
