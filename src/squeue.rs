//! The submission queue: its entries, and how they are pushed.
//!
//! A push writes the entry into the ring's memory and moves the queue's own tail, which lives in the ring and not in
//! the handle. The kernel sees the entry only when [`Submitter::submit`](crate::Submitter::submit) publishes the tail.
//! So a chain of linked requests becomes visible as a whole, and nothing that was pushed can be forgotten.

use core::cell::Cell;
use core::fmt;
use core::hint::cold_path;
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

/// What only this side of the submission queue knows.
#[derive(Debug)]
pub(crate) struct Producer {
    /// The index after the last entry pushed. The tail that the kernel sees lags behind it until the next submit.
    pub(crate) tail: Cell<u32>,
    /// The index after the last slot that was free when the kernel's head was last read: at most a ring's worth ahead
    /// of `tail`, and never behind it.
    limit: Cell<u32>,
    /// In a mixed queue, the flags that link the entry pushed last to the next one.
    pub(crate) link: Cell<Flags>,
}

impl Producer {
    /// The value for a ring that does not exist yet. A constant instead of a function lets the compiler fill the whole
    /// ring with zeroes at once.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a value of its own")]
    pub(crate) const NOTHING: Self = Self { tail: Cell::new(0), limit: Cell::new(0), link: Cell::new(Flags::empty()) };

    /// Starts at `tail`. The first push looks which slots are free.
    #[inline(always)]
    pub(crate) fn begin(&self, tail: u32) {
        self.tail.set(tail);
        self.limit.set(tail);
    }

    /// Looks at the kernel's head, and returns the number of free slots. Out of line: inlined, it makes the compiler
    /// keep one more count in loops that push, which costs an instruction for each entry.
    #[cold]
    #[inline(never)]
    fn look(&self, rings: &Rings) -> u32 {
        let tail = self.tail.get();
        // Acquire: pairs with the kernel's release of `sq.head`. The kernel has read the entries before that head, so
        // that it cannot see what is written to their slots.
        // kernel: io_uring/io_uring.c io_commit_sqring (6.12.117): the head is stored with release, once for a
        // submission, after every prep function has read its entry.
        let free = rings.sq().free(rings.sq_head().load(Ordering::Acquire), tail);
        self.limit.set(tail.wrapping_add(free));
        free
    }

    /// Makes the next push look which slots are free, after their number has changed.
    pub(crate) fn forget_room(&self) {
        self.limit.set(self.tail.get());
    }

    /// Moves entries that are left over to the front of the array, after a submission with `SQ_REWIND` consumed `done`
    /// entries. The next submission starts there.
    #[inline]
    pub(crate) fn rewind(&self, rings: &Rings, entry_size: usize, done: u32) {
        // The tail may come from the ring's memory, and the count from the kernel; either may exceed the ring.
        let queued = self.tail.get().min(rings.sq().count());
        let left = queued.saturating_sub(done);
        let words = entry_size / size_of::<u64>();
        let (from, len) = ((queued - left) as usize * words, left as usize * words);
        let entries = rings.sqes().cast::<u64>();
        for at in 0..len {
            // SAFETY: `queued` is at most the number of slots, so that both pieces lie within the entries, which are
            // aligned to 8 bytes.
            let rest = unsafe { entries.add(from + at) };
            // SAFETY: `at` is below `len`, which is at most the entries' length in words, so that the word lies within
            // the entries.
            let front = unsafe { entries.add(at) };
            // Volatile: otherwise the compiler makes it a call of `memmove`, the only one in the library. The loop goes
            // upwards, so that each word is read before it is overwritten.
            // SAFETY: `rest` points to a word within the entries, whose bytes have all been written.
            let word = unsafe { rest.read_volatile() };
            // SAFETY: `front` points to a word within the entries. The kernel reads entries of such a ring only during
            // a submission, and no submission is under way.
            unsafe { front.write_volatile(word) };
        }
        self.tail.set(left);
        // The head of such a ring stays 0, and the slots after the remaining entries are free.
        self.limit.set(rings.sq().count());
    }
}

/// The submission queue of a ring: push requests here, then submit.
///
/// [`IoUring::submission`](crate::IoUring::submission) returns it. The handle has no state of its own: dropping it,
/// forgetting it or making another one changes nothing.
#[derive(Debug)]
pub struct SubmissionQueue<'a, S: EntryMarker = Entry> {
    rings: &'a Rings,
    local: &'a Producer,
    /// A copy of the ring's pointer, which stays in a register while entries are written.
    sqes: NonNull<u8>,
    /// Whether a [`Submitter`](crate::Submitter) can be used while this handle is. The constructors are inlined, so that the
    /// compiler knows the value where a handle is made and used.
    shared: bool,
    entries: PhantomData<S>,
}

/// The error of a push that found the queue full; it hands the entry or the entries back.
///
/// Submit, which makes room (under SQPOLL call [`Submitter::squeue_wait`](crate::Submitter::squeue_wait)), then push
/// again.
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
        Self { rings, local, sqes: rings.sqes(), shared: false, entries: PhantomData }
    }

    /// Makes the handle that stands beside a [`Submitter`](crate::Submitter), which can move the tail at any time.
    #[inline(always)]
    pub(crate) fn beside_submitter(rings: &'a Rings, local: &'a Producer) -> Self {
        Self { shared: true, ..Self::new(rings, local) }
    }

    /// Queues one request.
    ///
    /// Makes no system call: the kernel sees the entry at the next submit.
    ///
    /// # Errors
    ///
    /// [`PushError`] hands the entry back if the queue is full.
    ///
    /// # Safety
    ///
    /// - Everything that the request points to (buffers, paths, timespecs, …) is valid for the request's use of it,
    ///   from now until the time that the request's documentation states: at least until the entry has been consumed,
    ///   and for buffers until the request's last completion.
    /// - Nothing else uses memory that the kernel writes to for the request meanwhile, and nothing writes to memory
    ///   that the kernel reads for it.
    /// - The request does not change what other code of the program relies on: memory mappings, file descriptors that
    ///   other code owns, or the completions of a ring whose owner does not expect a message.
    /// - An entry made from bytes has the length that the kernel expects for its opcode.
    /// - On Linux 6.10 to 6.13, a command ([`UringCmd16`](crate::opcode::UringCmd16) and the other types of
    ///   `IORING_OP_URING_CMD`) obeys its section about these kernels, which read its SQE late.
    #[inline]
    #[doc(alias = "io_uring_get_sqe")]
    #[doc(alias = "io_uring_get_sqe128")]
    pub unsafe fn push(&mut self, entry: S) -> Result<(), PushError<S>> {
        let tail = self.local.tail.get();
        let slots = entry.slots(self.rings.sq().until_end(tail));
        if !self.room(tail, slots) {
            return Err(PushError(entry));
        }
        // SAFETY: `room` found `slots` free slots from `tail` on, which the kernel does not read.
        unsafe { entry.write(self.sqes, self.rings.sq(), tail, &self.local.link) };
        self.local.tail.set(tail.wrapping_add(slots));
        Ok(())
    }

    /// Queues several requests, all or none of them. Looks at the kernel's head at most once.
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
            // A sum above `u32::MAX` saturates, and is more than any ring has.
            slots = slots.saturating_add(entry.slots(self.rings.sq().until_end(start.wrapping_add(slots))));
        }
        if !self.room(start, slots) {
            return Err(PushError(entries));
        }
        let mut tail = start;
        for entry in entries {
            let slots = entry.slots(self.rings.sq().until_end(tail));
            // SAFETY: `room` found free slots for all of the entries from `start` on, which the kernel does not read.
            unsafe { entry.clone().write(self.sqes, self.rings.sq(), tail, &self.local.link) };
            tail = tail.wrapping_add(slots);
        }
        self.local.tail.set(tail);
        Ok(())
    }

    /// Queues up to `count` requests, which `entry` makes: it is called once for each, in order, while there is room.
    /// Returns the number of requests queued. Push the rest after the next submit.
    ///
    /// This function is the fastest way to queue many requests: the queue's tail stays in a register, and room is asked for
    /// once. On a handle from [`split`](crate::IoUring::split) it takes as long as [`push`](Self::push) in a loop, because
    /// `entry` may use the submitter.
    ///
    /// In a mixed submission queue, three slots must be free for each request, because an SQE of 128 bytes may take that
    /// many. If `entry` panics, the requests of this call are forgotten, and the kernel sees none of them. In a mixed queue
    /// and on a handle from `split`, those before the panic stay queued instead.
    ///
    /// # Safety
    ///
    /// Each entry satisfies the contract of [`push`](Self::push).
    #[inline(always)]
    pub unsafe fn push_with(&mut self, count: usize, mut entry: impl FnMut() -> S) -> usize {
        if self.shared || S::MOST_SLOTS != 1 {
            // SAFETY: the caller's contract.
            return unsafe { self.push_one_by_one(count, entry) };
        }
        let (ring, sqes, link, tail) = (self.rings.sq(), self.sqes, &self.local.link, self.local.tail.get());
        let mut count = count;
        // Less than one wraps: the comparison that finds too little room finds that too.
        if count.wrapping_sub(1) >= self.local.limit.get().wrapping_sub(tail) as usize {
            cold_path();
            count = count.min(self.local.look(self.rings) as usize);
            if count == 0 {
                return 0;
            }
        }
        let end = tail.wrapping_add(count as u32);
        let mut write = |at| {
            // SAFETY: the slots from `tail` up to `end` are free: the kernel does not read them. `entry` can't reach the
            // queue, because this handle is borrowed, and no submitter is beside it.
            unsafe { entry().write(sqes, ring, at, link) };
            at.wrapping_add(1)
        };
        // The first stands before the loop, so that a batch of one runs through no loop that is unrolled.
        let mut at = write(tail);
        while at != end {
            at = write(at);
        }
        self.local.tail.set(end);
        count
    }

    /// Does the work of [`push_with`](Self::push_with) where a slot is not an entry, or where others may move the tail.
    ///
    /// # Safety
    ///
    /// Each entry satisfies the contract of [`push`](Self::push).
    unsafe fn push_one_by_one(&mut self, count: usize, mut entry: impl FnMut() -> S) -> usize {
        for number in 0..count {
            // Asked first, so that no entry is made that finds no room.
            if !self.room(self.local.tail.get(), S::MOST_SLOTS) {
                return number;
            }
            // SAFETY: the caller's contract.
            if unsafe { self.push(entry()) }.is_err() {
                return number;
            }
        }
        count
    }

    /// Returns whether `slots` more slots are free after `tail`. Looks at the kernel's head only if the last look shows
    /// too few.
    #[inline(always)]
    fn room(&self, tail: u32, slots: u32) -> bool {
        self.local.limit.get().wrapping_sub(tail) >= slots || self.local.look(self.rings) >= slots
    }

    /// Returns the number of slots of the queue, a power of two.
    #[must_use]
    #[doc(alias = "io_uring_sq_space_left")]
    pub fn capacity(&self) -> usize {
        self.rings.sq().count() as usize
    }

    /// Returns the number of slots taken: pushed, and not yet consumed by the kernel.
    #[must_use]
    #[doc(alias = "io_uring_sq_ready")]
    pub fn len(&self) -> usize {
        // Acquire: pairs with the kernel's release of `sq.head`. After this, memory that a request needs only until its
        // consumption is the caller's again.
        self.rings.sq().used(self.rings.sq_head().load(Ordering::Acquire), self.local.tail.get()) as usize
    }

    /// Returns whether the kernel has consumed everything that was pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the queue has no free slot.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// Returns the kernel's flags: whether its SQPOLL thread sleeps, completions wait outside the ring, or task work is
    /// pending.
    ///
    /// Submits and waits look at the flags themselves; a program needs them only for diagnosis.
    #[must_use]
    #[doc(alias = "io_uring_cq_has_overflow")]
    pub fn flags(&self) -> SqFlags {
        // kernel: io_uring/sqpoll.c io_sq_thread (6.12.117): the flag for wake-up is set before the thread looks at the
        // tail once more and sleeps, with a full barrier in between, and is cleared when the thread goes on.
        SqFlags::from_bits_retain(self.rings.sq_flags().load(Ordering::Relaxed))
    }

    /// Returns the number of entries that the kernel dropped because their index was invalid. Always 0 unless something
    /// else writes to the ring.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        // kernel: io_uring/io_uring.c io_get_sqe (6.12.117): an index in the array at or above the number of slots is
        // counted as dropped and ends the submission; a ring without the index array has none of that.
        self.rings.sq_dropped().load(Ordering::Relaxed)
    }
}
