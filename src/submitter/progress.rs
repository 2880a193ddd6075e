//! The submitting side's own record of its progress.

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

/// The state of the submitting side: its end of the queue, and which counts it has reported.
#[derive(Debug)]
pub(crate) struct Progress<K> {
    pub(crate) queue: squeue::Producer,
    /// Slow-path submit function; `None` for a plain ring. A pointer, so that the linker leaves the code out of a program that
    /// never needs it: one that makes plain rings only, takes no ring over, registers no ring's descriptor
    /// ([`through`](Self::through)), and makes no timed wait ([`adjust`](Self::adjust)).
    general: Cell<Option<Submit<K>>>,
    /// The tail up to which submits have reported their counts.
    reported: Cell<u32>,
    /// The number to add to the next counts: negative for SQEs of the crate's own, which no count may contain; positive for
    /// SQEs of the caller's that a wait handed over.
    owed: Cell<i32>,
}

impl<K: Kernel> Progress<K> {
    /// The state of a ring that is not there yet. A constant, not a function, so that the whole ring is filled with zeroes at once.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a value of its own")]
    pub(crate) const NOTHING: Self =
        Self { queue: squeue::Producer::NOTHING, general: Cell::new(None), reported: Cell::new(0), owed: Cell::new(0) };

    /// Returns the slow-path submit function of a ring made with `setup`, while no count must be adjusted.
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

    /// Starts at the tail that is in the memory of a ring made with `setup`.
    #[inline(always)]
    pub(crate) fn begin(&self, rings: &Rings, setup: SetupFlags) {
        // With SQ_REWIND the kernel reads no tail. A number that a previous owner has left there would count as SQEs that
        // nobody pushed.
        let rewinds = setup.contains(SetupFlags::SQ_REWIND);
        let tail = if rewinds { 0 } else { rings.sq_tail().load(Ordering::Relaxed) };
        self.queue.begin(tail);
        self.reported.set(tail);
        self.general.set(Self::usual(setup));
    }

    /// Converts the state to that of a ring reached through another kernel.
    pub(crate) fn through<L: Kernel>(self) -> Progress<L> {
        // The first submit that leaves the counts right chooses the usual function again.
        let general = self.general.get().map(|_| Core::<L>::submit_any as Submit<L>);
        Progress { queue: self.queue, general: Cell::new(general), reported: self.reported, owed: self.owed }
    }

    /// Takes the entry pushed last back, which the kernel has not consumed. Not for SQPOLL, whose thread may consume it meanwhile.
    pub(super) fn take_back(&self, rings: &Rings, setup: SetupFlags) {
        let old = self.queue.tail.get();
        let tail = old.wrapping_sub(1);
        self.queue.tail.set(tail);
        if self.reported.get() == old {
            self.reported.set(tail);
        }
        if !setup.contains(SetupFlags::SQ_REWIND) {
            // Relaxed: the kernel reads the tail inside our own calls only.
            rings.sq_tail().store(tail, Ordering::Relaxed);
        }
    }

    /// Changes the number that is added to the next counts.
    pub(crate) fn adjust(&self, more: i32) {
        self.owed.set(self.owed.get().saturating_add(more));
        self.general.set(Some(Core::submit_any));
    }

    /// Returns the slow-path submit function; `None` if head and tail are all that matters.
    #[inline(always)]
    pub(super) fn general(&self) -> Option<Submit<K>> {
        self.general.get()
    }

    /// Returns the number of SQEs that no submit has reported yet.
    #[inline(always)]
    pub(super) fn unreported(&self) -> u32 {
        self.queue.tail.get().wrapping_sub(self.reported.get())
    }

    /// Marks every SQE that is there now as reported.
    #[inline(always)]
    pub(super) fn report_all(&self) {
        self.reported.set(self.queue.tail.get());
    }

    /// Marks `count` more SQEs as reported.
    pub(super) fn report(&self, count: u32) {
        self.reported.set(self.reported.get().wrapping_add(count));
    }

    /// Returns the caller's share of `done` SQEs that were handed over. Over several submits these counts add up, whatever was
    /// submitted in between.
    pub(crate) fn count(&self, done: u32) -> u32 {
        if self.owed.get() == 0 {
            return done;
        }
        let sum = self.owed.get().saturating_add_unsigned(done);
        self.owed.set(sum.min(0));
        sum.max(0).cast_unsigned()
    }

    /// Returns to the ring's usual submit function once no count must be adjusted.
    pub(super) fn settle(&self, setup: SetupFlags) {
        if self.owed.get() == 0 {
            self.general.set(Self::usual(setup));
        }
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
