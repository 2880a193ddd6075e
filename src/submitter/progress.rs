//! What the submitting side alone knows.

use core::cell::Cell;

use super::{Core, EnterArgument};
use crate::error::Errno;
use crate::flags::SetupFlags;
use crate::kernel::Kernel;
use crate::memory::Rings;
use crate::squeue;
use crate::sync::Ordering;

/// [`Core::submit_any`], or [`Core::submit_to_thread`].
type Submit<K> = fn(&Core<K>, &Progress<K>, u32, EnterArgument<'_>) -> Result<u32, Errno>;

/// What this side alone knows of what it has submitted.
#[derive(Debug)]
pub(crate) struct Progress<K> {
    pub(crate) queue: squeue::Producer,
    /// Who submits, where there is more to see to than head and tail. A pointer, so that the linker leaves the code out of a
    /// program that makes no such ring, nor might have one: it takes none over, registers no descriptor of a ring
    /// ([`through`](Self::through)), and makes no timed wait ([`adjust`](Self::adjust)).
    general: Cell<Option<Submit<K>>>,
    /// The tail up to which submits have reported their counts.
    reported: Cell<u32>,
    /// What the next counts are off by: entries of our own among them, or entries that a wait handed over unasked.
    owed: Cell<i32>,
}

impl<K: Kernel> Progress<K> {
    /// Of a ring that is not there yet. A constant, and no function: so all of the ring is filled with zeroes at once.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a value of its own")]
    pub(crate) const NOTHING: Self =
        Self { queue: squeue::Producer::NOTHING, general: Cell::new(None), reported: Cell::new(0), owed: Cell::new(0) };

    /// Who submits on a ring made with `setup` while nothing is owed.
    #[inline(always)]
    fn usual(setup: SetupFlags) -> Option<Submit<K>> {
        if setup.contains(SetupFlags::SQPOLL) {
            Some(Core::submit_to_thread)
        } else if setup.intersects(SetupFlags::IOPOLL.union(SetupFlags::SQ_REWIND)) {
            Some(Core::submit_any)
        } else {
            None
        }
    }

    /// Goes on at the tail that is in the memory of a ring made with `setup`.
    #[inline(always)]
    pub(crate) fn begin(&self, rings: &Rings, setup: SetupFlags) {
        // Where every submission starts anew, the kernel knows no tail: a word that somebody has left there would have it
        // consume what nobody pushed.
        let rewinds = setup.contains(SetupFlags::SQ_REWIND);
        let tail = if rewinds { 0 } else { rings.sq_tail().load(Ordering::Relaxed) };
        self.queue.begin(tail);
        self.reported.set(tail);
        self.general.set(Self::usual(setup));
    }

    /// The same for a ring that is reached through another kernel.
    pub(crate) fn through<L: Kernel>(self) -> Progress<L> {
        // The first submit that leaves nothing owed settles which of them is the usual one.
        let general = self.general.get().map(|_| Core::<L>::submit_any as Submit<L>);
        Progress { queue: self.queue, general: Cell::new(general), reported: self.reported, owed: self.owed }
    }

    /// Changes what the next counts are off by.
    pub(crate) fn adjust(&self, more: i32) {
        self.owed.set(self.owed.get().saturating_add(more));
        self.general.set(Some(Core::submit_any));
    }

    /// Who submits; `None` if there is nothing to see to but head and tail.
    #[inline(always)]
    pub(super) fn general(&self) -> Option<Submit<K>> {
        self.general.get()
    }

    /// Entries that no submit has reported yet.
    #[inline(always)]
    pub(super) fn unreported(&self) -> u32 {
        self.queue.tail.get().wrapping_sub(self.reported.get())
    }

    /// No submit has to report any entry that is there now.
    #[inline(always)]
    pub(super) fn report_all(&self) {
        self.reported.set(self.queue.tail.get());
    }

    /// `count` entries more are reported.
    pub(super) fn report(&self, count: u32) {
        self.reported.set(self.reported.get().wrapping_add(count));
    }

    /// The caller's share of `done` entries that were handed over. Over several submits the counts add up, whatever
    /// else was in between.
    pub(crate) fn count(&self, done: u32) -> u32 {
        if self.owed.get() == 0 {
            return done;
        }
        let sum = self.owed.get().saturating_add_unsigned(done);
        self.owed.set(sum.min(0));
        sum.max(0).cast_unsigned()
    }

    /// Goes the ring's usual way again when nothing is owed any more.
    pub(super) fn settle(&self, setup: SetupFlags) {
        if self.owed.get() == 0 {
            self.general.set(Self::usual(setup));
        }
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
