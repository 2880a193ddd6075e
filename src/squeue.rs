//! The submission queue: entries, and pushing them.
//!
//! A push writes the entry into the ring's memory and moves the queue's own tail, which lives in the ring and not in
//! the handle. The kernel sees nothing of it until [`Submitter::submit`](crate::Submitter::submit) publishes the tail,
//! so that a chain of linked requests becomes visible whole, and nothing pushed can be forgotten.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::size_of;
use core::ptr::NonNull;

use crate::flags::SqFlags;
pub use crate::flags::SqeFlags as Flags;
use crate::memory::Rings;
use crate::sync::Ordering;

mod entry;
mod mixed;

pub use entry::{Entry, Entry128, EntryMarker};
pub use mixed::{EntryMixed, LargeEntry};

/// What this side alone knows of the submission queue.
#[derive(Debug)]
pub(crate) struct Producer {
    /// One past the last entry pushed. The tail that the kernel sees lags behind it until the next submit.
    pub(crate) tail: Cell<u32>,
    /// One past the last slot that was free at the last look at the kernel's head: at most a ring's worth ahead of
    /// `tail`, and never behind it.
    limit: Cell<u32>,
    /// In a mixed queue, what links the entry pushed last to the next one.
    pub(crate) link: Cell<Flags>,
}

impl Producer {
    /// Of a ring that is not there yet. A constant, and no function: so all of the ring is filled with zeroes at once.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a value of its own")]
    pub(crate) const NOTHING: Self = Self { tail: Cell::new(0), limit: Cell::new(0), link: Cell::new(Flags::empty()) };

    /// Goes on at `tail`. The first push looks which slots are free.
    #[inline(always)]
    pub(crate) fn begin(&self, tail: u32) {
        self.tail.set(tail);
        self.limit.set(tail);
    }

    /// Looks at the kernel's head: how many slots are free. Out of line: inlined, it has the compiler keep one more count in
    /// loops that push, an instruction for each entry.
    #[cold]
    #[inline(never)]
    fn look(&self, rings: &Rings) -> u32 {
        let tail = self.tail.get();
        // Acquire: pairs with the kernel's release of `sq.head`; it has read the entries before that head, so that
        // writing to their slots can't be seen by it.
        let free = rings.sq().free(rings.sq_head().load(Ordering::Acquire), tail);
        self.limit.set(tail.wrapping_add(free));
        free
    }

    /// The queue has another number of slots now: the next push looks which of them are free.
    pub(crate) fn forget_room(&self) {
        self.limit.set(self.tail.get());
    }

    /// After a submission with `SQ_REWIND` that consumed `done` entries: what is left moves to the front, where the
    /// next one starts.
    pub(crate) fn rewind(&self, rings: &Rings, entry_size: usize, done: u32) {
        // The memory may have told a tail, and the kernel a count, beyond the ring.
        let queued = self.tail.get().min(rings.sq().count());
        let left = queued.saturating_sub(done);
        let words = entry_size / size_of::<u64>();
        let (from, len) = ((queued - left) as usize * words, left as usize * words);
        let entries = rings.sqes().cast::<u64>();
        for at in 0..len {
            // SAFETY: `queued` is at most the number of slots, so that both pieces lie within the entries, which are
            // aligned to 8 bytes.
            let rest = unsafe { entries.add(from + at) };
            // SAFETY: as above.
            let front = unsafe { entries.add(at) };
            // Volatile, or the compiler makes it a call of `memmove`, the only one in the library. Going upwards, each
            // word is read before it is written over.
            // SAFETY: as above, and all bytes of the entries were written.
            let word = unsafe { rest.read_volatile() };
            // SAFETY: as above. The kernel reads entries of such a ring only during a submission, and none is under
            // way.
            unsafe { front.write_volatile(word) };
        }
        self.tail.set(left);
        // The head of such a ring stays 0, and what is behind the rest is free.
        self.limit.set(rings.sq().count());
    }
}

/// The submission queue of a ring: push here, then submit.
///
/// From [`IoUring::submission`](crate::IoUring::submission). The handle holds no state of its own: dropping it,
/// forgetting it or making another one changes nothing.
#[derive(Debug)]
pub struct SubmissionQueue<'a, S: EntryMarker = Entry> {
    rings: &'a Rings,
    local: &'a Producer,
    /// A copy of the ring's, which stays in a register while entries are written.
    sqes: NonNull<u8>,
    entries: PhantomData<S>,
}

/// An entry, or entries, that found the queue full; they are handed back.
///
/// Submit, which makes room (under SQPOLL: [`Submitter::squeue_wait`](crate::Submitter::squeue_wait)), then push again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PushError<T>(pub T);

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushError")
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the submission queue is full")
    }
}

impl<T> core::error::Error for PushError<T> {}

impl<'a, S: EntryMarker> SubmissionQueue<'a, S> {
    #[inline(always)]
    pub(crate) fn new(rings: &'a Rings, local: &'a Producer) -> Self {
        Self { rings, local, sqes: rings.sqes(), entries: PhantomData }
    }

    /// Queues one request.
    ///
    /// Since entry and kernel are told apart by the next submit only, no system call is made here.
    ///
    /// # Errors
    ///
    /// [`PushError`] hands the entry back if the queue is full.
    ///
    /// # Safety
    ///
    /// - Everything that the request points to (buffers, paths, timespecs, …) is valid, in the way that the request
    ///   uses it, from now until the time that the request's documentation states: at least until the entry was
    ///   consumed, for buffers until the request's last completion.
    /// - Memory that the request has the kernel write to is not used by anybody else meanwhile, and memory that it has
    ///   the kernel read is not written to.
    /// - The request does not change what other code of the program relies on: memory mappings, file descriptors that
    ///   someone else owns, or the completions of a ring whose owner does not expect a message.
    /// - An entry made from bytes is as long as the kernel takes its opcode to be.
    #[inline]
    #[doc(alias = "io_uring_get_sqe")]
    #[doc(alias = "io_uring_get_sqe128")]
    pub unsafe fn push(&mut self, entry: S) -> Result<(), PushError<S>> {
        let tail = self.local.tail.get();
        let slots = entry.slots(self.rings.sq().until_end(tail));
        if !self.room(tail, slots) {
            return Err(PushError(entry));
        }
        // SAFETY: there is room for `slots` slots from `tail` on, so that the kernel does not read them.
        unsafe { entry.write(self.sqes, self.rings.sq(), tail, &self.local.link) };
        self.local.tail.set(tail.wrapping_add(slots));
        Ok(())
    }

    /// Queues several requests, all or none; one look at the kernel's head at most.
    ///
    /// # Errors
    ///
    /// [`PushError`] if they do not all fit; then nothing was queued.
    ///
    /// # Safety
    ///
    /// Each entry satisfies the contract of [`push`](Self::push).
    #[inline]
    pub unsafe fn push_multiple<'e>(&mut self, entries: &'e [S]) -> Result<(), PushError<&'e [S]>> {
        let start = self.local.tail.get();
        let mut slots = 0_u32;
        for entry in entries {
            // A sum past `u32::MAX` stays there, and is more than any ring has.
            slots = slots.saturating_add(entry.slots(self.rings.sq().until_end(start.wrapping_add(slots))));
        }
        if !self.room(start, slots) {
            return Err(PushError(entries));
        }
        let mut tail = start;
        for entry in entries {
            let slots = entry.slots(self.rings.sq().until_end(tail));
            // SAFETY: there is room for all of them from `start` on, so that the kernel does not read these slots.
            unsafe { entry.clone().write(self.sqes, self.rings.sq(), tail, &self.local.link) };
            tail = tail.wrapping_add(slots);
        }
        self.local.tail.set(tail);
        Ok(())
    }

    /// Whether `slots` more slots are free after `tail`. Looks at the kernel's head only if the last look shows too few.
    #[inline(always)]
    fn room(&self, tail: u32, slots: u32) -> bool {
        self.local.limit.get().wrapping_sub(tail) >= slots || self.local.look(self.rings) >= slots
    }

    /// Slots of the queue, a power of two.
    #[must_use]
    #[doc(alias = "io_uring_sq_space_left")]
    pub fn capacity(&self) -> usize {
        self.rings.sq().count() as usize
    }

    /// Slots taken: pushed, and not yet consumed by the kernel.
    #[must_use]
    #[doc(alias = "io_uring_sq_ready")]
    pub fn len(&self) -> usize {
        // Acquire: as in `Producer::look`. Memory that a request needs until its consumption only is the caller's again after this.
        self.rings.sq().used(self.rings.sq_head().load(Ordering::Acquire), self.local.tail.get()) as usize
    }

    /// Whether the kernel has consumed everything that was pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no further entry fits.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// What the kernel tells: whether its thread sleeps, completions wait outside the ring, or task work is pending.
    ///
    /// For the curious; submits and waits look themselves.
    #[must_use]
    #[doc(alias = "io_uring_cq_has_overflow")]
    pub fn flags(&self) -> SqFlags {
        SqFlags::from_bits_retain(self.rings.sq_flags().load(Ordering::Relaxed))
    }

    /// Entries that the kernel threw away because their index was invalid. Always 0 unless someone else writes to the
    /// ring.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.rings.sq_dropped().load(Ordering::Relaxed)
    }
}
