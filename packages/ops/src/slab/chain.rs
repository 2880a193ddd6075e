//! Two operations that the kernel gets as a chain.
#![forbid(unsafe_code)]

use bare_uring::Errno;
use bare_uring::squeue::{Entry, Flags};

use super::limits::chained;
use super::{Slab, Step};
use crate::slot::Slot;
use crate::token::{Role, Token};

impl Slab {
    /// Links an operation behind another one. Neither was started. Ends the first if the kernel has no links.
    pub(crate) fn put_behind(&self, first: u16, second: u16) {
        if !self.known.links() {
            self.end_unstarted(first, Errno::EOPNOTSUPP);
        } else if let Some(slot) = self.slot(first) {
            slot.behind.set(second.saturating_add(1));
        }
    }

    /// Tells whether an operation has a time limit.
    pub(crate) fn is_limited(&self, index: u16) -> bool {
        self.slot(index).is_some_and(|slot| slot.limited.get())
    }

    /// Ends an operation with this error, if the kernel does not know it and it has not ended. Nobody waits for it.
    pub(crate) fn end_unstarted(&self, index: u16, errno: Errno) {
        if let Some(slot) = self.slot(index)
            && slot.entry.take().is_some()
        {
            // Whatever the error is, it does not come from a time limit.
            slot.cancelled.set(true);
            slot.result.set(Some(-i32::from(errno.raw())));
        }
    }

    /// Takes the operation that is linked behind this one, if it is still to be started: its index, slot and entry.
    pub(super) fn take_behind(&'static self, slot: &Slot) -> Option<(u16, &'static Slot, Entry)> {
        let index = slot.behind.take().checked_sub(1)?;
        let behind = self.slot(index).filter(|behind| behind.held.get())?;
        Some((index, behind, behind.entry.get()?))
    }

    /// Makes the chain of an operation and the one behind it.
    pub(super) fn chain(&self, first: Entry, (index, behind, entry): (u16, &'static Slot, Entry)) -> Step {
        behind.entry.set(None);
        self.note_in_flight(behind);
        let token = Token { role: Role::Operation, index, generation: behind.generation.get() };
        Step::Chain(chained(first, Flags::IO_LINK), chained(entry, Flags::empty()).user_data(token.encode()))
    }

    /// Ends the first operation of each chain that waits, because the kernel has no links.
    pub(super) fn refuse_chains(&self) {
        for slot in self.slots.iter().filter(|slot| slot.behind.get() != 0 && slot.entry.get().is_some()) {
            self.refuse(slot, Errno::EOPNOTSUPP);
        }
    }
}
