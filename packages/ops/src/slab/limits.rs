//! Time limits of operations.
#![forbid(unsafe_code)]

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::Timespec;
use bare_uring::{Errno, opcode};

use super::{Slab, Step, refuse};
use crate::known::{Request, Set};
use crate::slot::Slot;
use crate::timers::tick_of;
use crate::token::Token;

impl Slab {
    /// Gives a time limit to an operation that was not started yet. Refuses the operation if the kernel can't limit it.
    pub(crate) fn limit(&self, index: u16, span: Timespec) {
        if let Some(slot) = self.slot(index)
            && slot.entry.get().is_some()
            && !slot.queued.get()
        {
            slot.limit.set(span);
            slot.limited.set(true);
            if !self.known.has(Request::WITHIN) {
                refuse_limit(slot);
            }
        }
    }

    /// Notes what the kernel of a new driver lacks, and refuses the operations that wait for a limit that it can't give.
    pub(crate) fn meet(&self, lacks: Set) {
        self.known.note(lacks);
        self.timers.reset();
        if !self.known.has(Request::WITHIN) {
            for slot in self.slots.iter().filter(|slot| slot.limited.get() && slot.entry.get().is_some()) {
                refuse_limit(slot);
            }
        }
    }

    /// Starts an operation with a time limit: by ticks, or by a linked timeout where the kernel can't do that.
    pub(super) fn limited(&self, index: u16, slot: &Slot, entry: Entry, token: Token) -> Step {
        if self.known.ticks() {
            self.timers.start(self.slots, index, slot.limit.get());
            return Step::Start(entry, None);
        }
        let limit = opcode::LinkTimeout::new(slot.limit.as_ptr()).build();
        Step::Start(entry.flags(Flags::IO_LINK), Some(limit.user_data(token.encode())))
    }

    /// Tells whether limits wait for a timeout of the kernel.
    pub(crate) fn has_silent_timers(&self) -> bool {
        self.timers.is_any_silent() && !self.is_ending()
    }

    /// Makes the timeout of a class of limits that has none.
    pub(crate) fn next_tick(&self) -> Option<Entry> {
        let class = self.timers.next_silent()?;
        Some(opcode::Timeout::new(tick_of(class)).build().user_data(Token::tick(class).encode()))
    }

    /// Takes in the end of such a timeout, and has the operations cancelled that are late.
    ///
    /// A timeout that has failed counts as well, so that one that always fails ends. One that has ended for another reason
    /// (kernels that count other completions) does not.
    pub(crate) fn tick(&self, class: u16, outcome: Result<u32, Errno>) {
        self.timers.tick(self.slots, class, outcome.is_err(), |index, slot| self.queue(index, slot));
    }
}

/// Ends an operation that the kernel does not know, because that kernel can't limit it.
fn refuse_limit(slot: &Slot) {
    slot.limited.set(false);
    refuse(slot, Errno::EOPNOTSUPP);
}
