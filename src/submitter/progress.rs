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
type Submit<K> = fn(&Core<K>, &Progress<K>, u32, Option<&EnterArgument<'_>>) -> Result<u32, Errno>;

/// The state of the submitting side: its end of the queue, and which counts it has reported.
#[derive(Debug)]
pub(crate) struct Progress<K> {
    pub(crate) queue: squeue::Producer,
    /// Slow-path submit function; `None` for a plain ring. A pointer, so that the linker leaves the code out of a program that
    /// never needs it: one that makes plain rings only, takes no ring over, registers no ring's descriptor
    /// ([`through`](Self::through)), and makes no timed wait ([`adjust`](Self::adjust)).
    general: Cell<Option<Submit<K>>>,
    /// Up to this number of CQEs, and from one CQE on, a submit waits the plain way; 0 while `general` is set. One comparison
    /// so answers three questions of each wait: whether the ring is plain, whether there is anything to wait for, and whether
    /// the queue can hold it.
    plain_wants: Cell<u32>,
    /// Whether `general` is [`Core::submit_to_thread`]. A test of its own, because a comparison with that function would link it
    /// into every program.
    to_thread: Cell<bool>,
    /// The tail up to which submits have reported their counts.
    reported: Cell<u32>,
    /// The number to add to the next counts: negative for SQEs of the crate's own, which no count may contain; positive for
    /// SQEs of the caller's that a wait handed over.
    owed: Cell<i32>,
}

impl<K: Kernel> Progress<K> {
    /// The state of a ring that is not there yet. A constant, not a function, so that the whole ring is filled with zeroes at once.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a value of its own")]
    pub(crate) const NOTHING: Self = Self {
        queue: squeue::Producer::NOTHING,
        general: Cell::new(None),
        plain_wants: Cell::new(0),
        to_thread: Cell::new(false),
        reported: Cell::new(0),
        owed: Cell::new(0),
    };

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
        self.choose(setup, rings);
    }

    /// Chooses how a ring made with `setup` submits, while no count must be adjusted.
    #[inline(always)]
    fn choose(&self, setup: SetupFlags, rings: &Rings) {
        self.general.set(Self::usual(setup));
        self.to_thread.set(setup.contains(SetupFlags::SQPOLL));
        self.adapt(rings);
    }

    /// Works out what depends on the completion queue's size.
    #[inline(always)]
    fn adapt(&self, rings: &Rings) {
        // A mixed completion queue can hold two slots less than it has. One bound serves every queue, because a `want` above
        // it only takes the longer way.
        self.plain_wants.set(if self.general.get().is_some() { 0 } else { rings.cq().last().saturating_sub(1) });
    }

    /// Adapts to queues of other sizes.
    pub(crate) fn resized(&self, rings: &Rings) {
        self.queue.forget_room();
        self.adapt(rings);
    }

    /// Converts the state to that of a ring reached through another kernel.
    pub(crate) fn through<L: Kernel>(self) -> Progress<L> {
        // The first submit that leaves the counts right chooses the usual function again.
        let general = self.general.get().map(|_| Core::<L>::submit_any as Submit<L>);
        let Self { queue, plain_wants, reported, owed, .. } = self;
        Progress { queue, general: Cell::new(general), plain_wants, to_thread: Cell::new(false), reported, owed }
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
        self.plain_wants.set(0);
        self.to_thread.set(false);
    }

    /// Returns whether a submit has only to show the SQPOLL thread what was pushed.
    #[inline(always)]
    pub(super) fn goes_to_thread(&self) -> bool {
        self.to_thread.get()
    }

    /// Returns whether a submit that waits for `want` CQEs can go the plain way.
    #[inline(always)]
    pub(super) fn waits_plainly(&self, want: usize) -> bool {
        want.wrapping_sub(1) < self.plain_wants.get() as usize
    }

    /// Returns the slow-path submit function; `None` if head and tail are all that matters.
    #[inline(always)]
    pub(super) fn general(&self) -> Option<Submit<K>> {
        self.general.get()
    }

    /// Returns the number of SQEs before `tail` that no submit has reported yet.
    #[inline(always)]
    pub(super) fn unreported(&self, tail: u32) -> u32 {
        tail.wrapping_sub(self.reported.get())
    }

    /// Marks every SQE before `tail` as reported.
    #[inline(always)]
    pub(super) fn report_up_to(&self, tail: u32) {
        self.reported.set(tail);
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
    pub(super) fn settle(&self, setup: SetupFlags, rings: &Rings) {
        if self.owed.get() == 0 {
            self.choose(setup, rings);
        }
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
