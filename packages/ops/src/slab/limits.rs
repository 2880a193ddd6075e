//! Time limits of operations.
#![forbid(unsafe_code)]

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{TimeoutFlags, Timespec};
use bare_uring::{Errno, opcode};

use super::{Slab, Step};
use crate::deadlines::{Clock, Wanted};
use crate::known::{Request, Set};
use crate::slot::Slot;
use crate::timers::{Timed as _, Timers, tick_of};
use crate::token::Token;

impl Slab {
    /// Gives a time limit to an operation that was not started yet. Refuses the operation if the kernel can't limit it.
    #[inline]
    pub(crate) fn limit(&self, index: u16, limit: Timespec, clock: Option<Clock>) {
        if let Some(slot) = self.slot(index)
            && slot.entry.get().is_some()
            && !slot.queued.get()
        {
            slot.limit.set(limit);
            slot.clock.set(clock);
            if clock.is_none() {
                self.timers.want(slot.timer(), limit);
            }
            slot.limited.set(true);
            if !self.known.ticks() && !self.known.has(Request::WITHIN) {
                self.refuse_limit(slot);
            }
        }
    }

    /// Notes what the kernel of a new driver lacks, and refuses the operations that wait for a limit or a link that it
    /// can't give.
    pub(crate) fn meet(&self, lacks: Set) {
        self.known.note(lacks);
        self.timers.reset(self.slots);
        self.deadlines.reset();
        if !self.known.has(Request::WITHIN) {
            for slot in self.slots.iter().filter(|slot| slot.limited.get() && slot.entry.get().is_some()) {
                self.refuse_limit(slot);
            }
        }
        if !self.known.links() {
            self.refuse_chains();
        }
    }

    /// Ends an operation that the kernel does not know, because that kernel can't limit it.
    fn refuse_limit(&self, slot: &Slot) {
        slot.limited.set(false);
        self.refuse(slot, Errno::EOPNOTSUPP);
    }

    /// Starts the time limit of an operation, unless the kernel lacks what counting needs.
    pub(super) fn count_limit(&self, index: u16, slot: &Slot) -> bool {
        let can_count = self.known.ticks();
        if can_count {
            match slot.clock.get() {
                None => self.timers.start(self.slots, index, slot),
                Some(clock) => {
                    self.timers.leave(self.slots, slot.timer());
                    self.deadlines.start(self.slots, index, clock);
                }
            }
        }
        can_count
    }

    /// Ends the time limit of an operation, if one runs.
    pub(super) fn unlimited(&self, slot: &Slot) {
        Timers::stop(slot.timer());
        self.deadlines.stop(self.slots, slot);
    }

    /// Tells whether limits wait for a timeout of the kernel.
    pub(crate) fn has_silent_timers(&self) -> bool {
        (self.timers.is_any_silent() || self.deadlines.is_any_silent()) && !self.is_ending()
    }

    /// Makes a timeout for limits that have none.
    pub(crate) fn next_tick(&self) -> Option<Entry> {
        if let Some(class) = self.timers.next_silent() {
            return Some(opcode::Timeout::new(tick_of(class)).build().user_data(Token::tick(class, 0).encode()));
        }
        let Wanted { clock, at, class, generation } = self.deadlines.next_silent()?;
        let timeout = opcode::Timeout::new(at.as_ptr()).flags(clock.flags()).build();
        Some(timeout.user_data(Token::tick(class, generation).encode()))
    }

    /// Takes in the end of such a timeout, and has the operations cancelled that are late.
    ///
    /// A timeout that has failed counts as well, so that one that always fails ends. One that has ended for another reason
    /// (kernels that count other completions) does not.
    pub(crate) fn tick(&self, token: Token, outcome: Result<u32, Errno>) {
        let (class, whole) = (token.index, outcome.is_err());
        let late = |index, slot: &Slot| self.queue(index, slot);
        self.timers.tick(self.slots, class, whole, late);
        self.deadlines.passed(self.slots, (class, token.generation), whole, late);
    }
}

/// Links a timeout to an operation.
#[cold]
pub(super) fn linked(slot: &Slot, entry: Entry, token: Token) -> Step {
    let flags = slot.clock.get().map_or(TimeoutFlags::empty(), Clock::flags);
    let limit = opcode::LinkTimeout::new(slot.limit.as_ptr()).flags(flags).build();
    Step::Start(chained(entry, Flags::IO_LINK), Some(limit.user_data(token.encode())))
}

/// Makes an entry one of a chain, by these flags.
// kernel: io_uring/uring_cmd.c io_uring_cmd_prep_setup, io_uring_cmd (6.12.117): a command reads its arguments from the
// queue's slot when it runs, which in a chain may be after the slot was given back; with ASYNC the entry is copied while
// it is consumed.
pub(super) fn chained(entry: Entry, flags: Flags) -> Entry {
    let is_command = entry.opcode() == opcode::SetSockOpt::CODE;
    entry.flags(if is_command { flags | Flags::ASYNC } else { flags })
}
