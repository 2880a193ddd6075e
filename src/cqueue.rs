//! The completion queue: its entries, and how they are read.
//!
//! The queue's own head and its last copy of the kernel's tail live in the ring. Completions come out by value. The
//! slots go back to the kernel in one store, when the handle is dropped, or when a submitter beside it enters the kernel.

use core::cell::Cell;
use core::hint::cold_path;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::error::Errno;
pub use crate::flags::CqeFlags as Flags;
use crate::flags::SetupFlags;
use crate::memory::Rings;
use crate::sync::Ordering;
use crate::uapi;

mod census;
mod compact;
mod entry;
mod hidden;
mod net;

pub(crate) use census::{Census, census};
pub(crate) use compact::compact;
pub(crate) use entry::sealed;
pub use entry::{Entry, Entry32, EntryMarker, EntryMixed, Timestamp};
pub(crate) use hidden::HIDDEN;
use hidden::{ALWAYS, StepOver, is_hidden};

/// What only this side of the completion queue knows.
#[derive(Debug)]
// The first four fields are sixteen bytes, see `taken`.
#[repr(C)]
pub(crate) struct Consumer {
    /// The index of the next completion to hand out. The head that the kernel sees lags behind it.
    head: Cell<u32>,
    /// The head that the kernel sees.
    published: Cell<u32>,
    /// The kernel's tail when it was last read; at most a ring's worth ahead of `head`.
    tail: Cell<u32>,
    /// Makes the fields up to here sixteen bytes.
    filler: Cell<u32>,
    /// The kernel's tail is taken as it is if it is at most this many slots ahead of the head, and all slots before the head
    /// are the kernel's; otherwise [`bound`](Self::bound) clamps it. A ring's worth, or 0 while completions are hidden.
    sure: Cell<u32>,
    /// The number of hidden completions still to come: those of requests that the crate made for itself, which the
    /// caller never sees. [`ALWAYS`] if the number is unknown.
    hidden: Cell<u32>,
    /// Steps over hidden completions; `Some` if and only if there can be any. It is a pointer, set by the code that
    /// hides something: a program that never hides anything does not link the function.
    step_over: Cell<Option<StepOver>>,
    /// The last number given to a request of the crate's own.
    hidden_number: Cell<u16>,
}

impl Consumer {
    /// The value for a ring that does not exist yet. A constant instead of a function lets the compiler fill the whole
    /// ring with zeroes at once.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a value of its own")]
    pub(crate) const NOTHING: Self = Self {
        head: Cell::new(0),
        published: Cell::new(0),
        tail: Cell::new(0),
        filler: Cell::new(0),
        sure: Cell::new(0),
        hidden: Cell::new(0),
        hidden_number: Cell::new(0),
        step_over: Cell::new(None),
    };

    /// Starts at the head that is in the memory of a ring made with `setup`.
    #[inline(always)]
    pub(crate) fn begin(&self, rings: &Rings, setup: SetupFlags) {
        // kernel: io_uring/io_uring.c io_cqe_cache_refill (6.12.117): the kernel only reads the head; it never writes
        // it after set-up. Relaxed is enough, because the last store was ours.
        let head = rings.cq_head().load(Ordering::Relaxed);
        self.head.set(head);
        self.published.set(head);
        self.tail.set(head);
        self.sure.set(0);
        if setup.contains(SetupFlags::SQE_MIXED) {
            // A filler posts a completion only if its chain fails.
            // kernel: io_uring/timeout.c io_fail_links (6.12.117): the requests behind a failed one lose their flag to
            // skip the completion, unless the failed request skips its own completion.
            self.hide(ALWAYS);
        }
    }

    /// Returns the head that the kernel sees.
    pub(crate) fn published(&self) -> u32 {
        self.published.get()
    }

    /// Makes the next look work out again what is sure, after the number of slots or the rules have changed.
    pub(crate) fn doubt(&self) {
        self.sure.set(0);
    }

    /// Gives the slots read so far back to the kernel, in one store; without any, it stores nothing.
    #[inline(always)]
    pub(crate) fn publish(&self, rings: &Rings) {
        let head = self.head.get();
        if head != self.published.get() {
            self.give_back(rings, head);
        }
    }

    /// Gives the slots before `head` back to the kernel.
    #[inline(always)]
    fn give_back(&self, rings: &Rings, head: u32) {
        // Release: pairs with the kernel's load of `cq.head`. Our reads of the slots come before it, so that the kernel
        // cannot overwrite a slot that is being read.
        // kernel: io_uring/io_uring.c io_cqe_cache_refill (6.12.117): the head is read to find free slots, and the writes to
        // the slots depend on that read; no barrier but this control dependency orders them.
        rings.cq_head().store(head, Ordering::Release);
        self.published.set(head);
    }

    /// Gives back everything before `tail`, up to which all completions were taken.
    #[inline(always)]
    fn taken(&self, rings: &Rings, tail: u32) {
        self.give_back(rings, tail);
        self.head.set(tail);
        self.tail.set(tail);
        // One store of sixteen bytes, where there would be three: the fence of the next submit waits for each.
        self.filler.set(tail);
    }

    /// Gives the slots before `start` back to the kernel, if it does not have them yet: those that a handle has read which was
    /// then forgotten.
    #[inline]
    #[cold]
    fn give_back_older(&self, rings: &Rings, start: u32) {
        let published = self.published.get();
        if start.wrapping_sub(published) <= self.head.get().wrapping_sub(published) {
            self.give_back(rings, start);
        }
    }

    /// Looks at the kernel's tail after everything up to `head` has been read. Returns the head if completions have
    /// come.
    #[inline(always)]
    fn look_again(&self, rings: &Rings, setup: SetupFlags, head: u32) -> Option<u32> {
        // Acquire: pairs with the kernel's release of `cq.tail`. The slots before the tail are filled.
        // kernel: io_uring/io_uring.h io_commit_cqring (6.12.117): the tail is stored with release, once for a batch of
        // completions, after their slots are written.
        let tail = rings.cq_tail().load(Ordering::Acquire);
        let come = tail.wrapping_sub(head);
        if come == 0 {
            return None;
        }
        if come > self.sure.get() || head != self.published.get() {
            return self.look_with_care(rings, setup, tail);
        }
        self.tail.set(tail);
        Some(head)
    }

    /// Returns the place of the next completion, if one has come. Out of line, for loops in which this is rare.
    #[inline]
    #[cold]
    fn next_place(&self, rings: &Rings, setup: SetupFlags) -> Option<u32> {
        let head = self.head.get();
        if head == self.tail.get() { self.look_again(rings, setup, head) } else { Some(head) }
    }

    #[inline]
    #[cold]
    fn look_with_care(&self, rings: &Rings, setup: SetupFlags, tail: u32) -> Option<u32> {
        let tail = self.bound(rings, tail);
        if let Some(step_over) = self.step_over.get() {
            step_over(self, rings, setup, tail);
        }
        let head = self.head.get();
        (head != self.tail.get()).then_some(head)
    }

    /// Looks at the kernel's tail. Slots are readable up to the tail that is returned.
    #[inline]
    fn look(&self, rings: &Rings) -> u32 {
        // Acquire: pairs with the kernel's release of `cq.tail`, so that the slots before the tail are filled.
        self.bound(rings, rings.cq_tail().load(Ordering::Acquire))
    }

    /// Returns the tail up to which slots are readable, if the kernel says `tail`.
    #[inline]
    fn bound(&self, rings: &Rings, tail: u32) -> u32 {
        // The bound is counted from the head that the kernel sees: the kernel cannot have filled more than a ring's
        // worth from there on.
        // kernel: io_uring/io_uring.c io_cqe_cache_refill (6.12.117): a slot is only filled if the distance from the
        // head to the tail is below the number of slots; otherwise the completion goes to the overflow list.
        let (published, taken) = (self.published.get(), self.head.get().wrapping_sub(self.published.get()));
        let used = rings.cq().used(published, tail);
        let tail = published.wrapping_add(used.max(taken));
        self.tail.set(tail);
        self.sure.set(if self.step_over.get().is_none() { rings.cq().count() } else { 0 });
        tail
    }
}

/// The completion queue of a ring: an iterator over the completions that have come.
///
/// [`IoUring::completion`](crate::IoUring::completion) returns it. The iterator ends when the queue is empty; called
/// again later, it returns what has come since. The kernel gets the slots back when the handle is dropped, at
/// [`sync`](Self::sync), and before a [`Submitter`](crate::Submitter) enters the kernel. So one iteration hands out at most a
/// ring's worth of completions and always ends.
///
/// [`for_each`](Iterator::for_each), [`fold`](Iterator::fold) and what the standard library builds on them (`count`, `sum`,
/// `last`, …) are the fastest way to take all: the queue's head stays in a register. They take what has come when they begin.
/// (On a handle from [`split`](crate::IoUring::split) they are a loop over `next`, because the closure may use the
/// submitter.) A `for` loop stores the head for each completion.
///
/// Forgetting the handle loses nothing. But for the kernel, the slots that a forgotten handle has read stay filled until the
/// next handle looks at the queue. Until then a wait of [`IoUring`](crate::IoUring) takes these completions for new ones, and
/// returns early, and a kernel that drops CQEs (without `FEAT_NODROP`) may drop one because these slots are filled. The drop of
/// any handle gives them back: `drop(ring.completion())`.
#[derive(Debug)]
#[doc(alias = "io_uring_cqe_iter_next")]
#[doc(alias = "io_uring_peek_cqe")]
pub struct CompletionQueue<'a, C: EntryMarker = Entry> {
    rings: &'a Rings,
    local: &'a Consumer,
    /// A copy of the ring's pointer, which stays in a register while completions are read.
    cqes: NonNull<u8>,
    /// Whether a [`Submitter`](crate::Submitter) can be used while this handle is. The constructors are inlined, so that the
    /// compiler knows the value where a handle is made and used.
    shared: bool,
    /// The head when the handle was made. Slots before it that the kernel does not have yet are those of a forgotten handle.
    start: u32,
    entries: PhantomData<C>,
}

impl<'a, C: EntryMarker> CompletionQueue<'a, C> {
    #[inline(always)]
    pub(crate) fn new(rings: &'a Rings, local: &'a Consumer) -> Self {
        Self { rings, local, cqes: rings.cqes(), shared: false, start: local.head.get(), entries: PhantomData }
    }

    /// Makes the handle that stands beside a [`Submitter`](crate::Submitter), which can move the head at any time.
    #[inline(always)]
    pub(crate) fn beside_submitter(rings: &'a Rings, local: &'a Consumer) -> Self {
        // What a forgotten handle has read goes back now: a look through this handle gives nothing back.
        local.publish(rings);
        let mut queue = Self::new(rings, local);
        queue.shared = true;
        queue
    }

    /// Gives the slots of the completions taken so far back to the kernel.
    #[doc(alias = "io_uring_cq_advance")]
    #[doc(alias = "io_uring_cqe_seen")]
    #[doc(alias = "io_uring_skip_cqe")]
    pub fn sync(&mut self) {
        self.local.publish(self.rings);
    }

    /// Takes as many completions as have come and fit, and returns them.
    #[doc(alias = "io_uring_peek_batch_cqe")]
    pub fn fill<'e>(&mut self, entries: &'e mut [MaybeUninit<C>]) -> &'e mut [C] {
        let mut filled = 0;
        for (place, entry) in entries.iter_mut().zip(self.by_ref()) {
            place.write(entry);
            filled += 1;
        }
        match entries.get_mut(..filled) {
            // SAFETY: the loop has written the first `filled` elements.
            Some(entries) => unsafe { entries.assume_init_mut() },
            None => &mut [],
        }
    }

    /// Returns the number of slots of the queue, a power of two. In a mixed ring a 32-byte completion takes two slots;
    /// otherwise each completion takes one.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.rings.cq().count() as usize
    }

    /// Returns the number of slots that are filled and not yet taken.
    #[must_use]
    #[doc(alias = "io_uring_cq_ready")]
    pub fn len(&self) -> usize {
        if self.local.step_over.get().is_some() {
            return census(self.rings, self.local, C::SETUP, 0).callers as usize;
        }
        // Acquire: pairs with the kernel's release of `cq.tail`. If one request is in flight, a count of 1 proves that
        // its buffer is filled.
        self.rings.cq().used(self.local.head.get(), self.rings.cq_tail().load(Ordering::Acquire)) as usize
    }

    /// Returns whether no completion has come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether every slot is filled. Further completions then overflow.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// Returns the number of completions that the kernel dropped because the queue was full. Without `FEAT_NODROP`
    /// (before 5.5) every overflow is counted here and lost; with it, only overflows for which the kernel had no memory
    /// are.
    #[must_use]
    pub fn overflow(&self) -> u32 {
        // kernel: io_uring/io_uring.c io_cqring_event_overflow (6.12.117): a completion that finds the queue full is
        // kept in a list, and the flag for overflow is set; if there is no memory for the list entry, the counter is
        // raised and the completion is lost.
        self.rings.cq_overflow().load(Ordering::Relaxed)
    }

    /// Returns whether completions do not signal the registered eventfd.
    #[must_use]
    #[doc(alias = "io_uring_cq_eventfd_enabled")]
    pub fn eventfd_disabled(&self) -> bool {
        self.rings.cq_flags().is_some_and(|flags| flags.load(Ordering::Relaxed) & uapi::IORING_CQ_EVENTFD_DISABLED != 0)
    }

    /// Stops completions from signalling the registered eventfd, until [`enable_eventfd`](Self::enable_eventfd). Since
    /// 5.8.
    ///
    /// A completion that the kernel is just posting may still signal it.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: the kernel (before 5.8) has no flag for it; the eventfd stays on.
    #[doc(alias = "IORING_CQ_EVENTFD_DISABLED")]
    #[doc(alias = "io_uring_cq_eventfd_toggle")]
    pub fn disable_eventfd(&mut self) -> Result<(), Errno> {
        let flags = self.rings.cq_flags().ok_or(Errno::EOPNOTSUPP)?;
        // Relaxed, and no read-modify-write: only this side writes the flags. They order nothing else.
        // kernel: io_uring/eventfd.c io_eventfd_signal (6.12.117): the flags are read by a plain load each time a
        // completion is about to signal, and are never written.
        flags.store(flags.load(Ordering::Relaxed) | uapi::IORING_CQ_EVENTFD_DISABLED, Ordering::Relaxed);
        Ok(())
    }

    /// Lets completions signal the registered eventfd again. Since 5.8; before, it cannot be off.
    ///
    /// Completions that were posted while it was off do not signal it: look at the queue afterwards.
    #[doc(alias = "IORING_CQ_EVENTFD_DISABLED")]
    #[doc(alias = "io_uring_cq_eventfd_toggle")]
    pub fn enable_eventfd(&mut self) {
        if let Some(flags) = self.rings.cq_flags() {
            // Relaxed, and no read-modify-write: only this side writes the flags. They order nothing else.
            flags.store(flags.load(Ordering::Relaxed) & !uapi::IORING_CQ_EVENTFD_DISABLED, Ordering::Relaxed);
        }
    }
}

impl<C: EntryMarker> Iterator for CompletionQueue<'_, C> {
    type Item = C;

    #[inline]
    fn next(&mut self) -> Option<C> {
        loop {
            let mut head = self.local.head.get();
            if head == self.local.tail.get() {
                if !self.shared && self.start != self.local.published.get() {
                    self.local.give_back_older(self.rings, self.start);
                }
                head = self.local.look_again(self.rings, C::SETUP, head)?;
            }
            // SAFETY: `head` is not the tail that was acquired, and the distance is at most a ring's worth.
            let taken = unsafe { C::read(self.cqes, self.rings.cq(), head, self.local.tail.get()) };
            self.local.head.set(head.wrapping_add(taken.slots));
            if taken.entry.is_some() {
                return taken.entry;
            }
        }
    }

    #[inline(always)]
    fn fold<B, F: FnMut(B, C) -> B>(self, init: B, mut f: F) -> B {
        let (mut sum, head) = (init, self.local.head.get());
        // Acquire: pairs with the kernel's release of `cq.tail`, so that the slots before the tail are filled.
        let tail = self.rings.cq_tail().load(Ordering::Acquire);
        let come = tail.wrapping_sub(head);
        if come == 0 {
            // Not rare, but the other way is the one to be laid out in a line.
            cold_path();
            return sum;
        }
        // The kernel's tail is clamped to a ring's worth after the head, even if an earlier handle was forgotten.
        if self.shared || come > self.local.sure.get() {
            while let Some(head) = self.local.next_place(self.rings, C::SETUP) {
                // SAFETY: the place is before the tail that was acquired, and the distance is at most a ring's worth.
                let taken = unsafe { C::read(self.cqes, self.rings.cq(), head, self.local.tail.get()) };
                self.local.head.set(head.wrapping_add(taken.slots));
                if let Some(entry) = taken.entry {
                    sum = f(sum, entry);
                }
            }
            return sum;
        }
        let (cqes, ring) = (self.cqes, self.rings.cq());
        // `f` may panic: what was handed out until then counts as taken.
        let mut taking = Taking { head, tail, local: self.local };
        while taking.head != tail {
            // SAFETY: the head is before the tail that was acquired, and the distance is at most a ring's worth. `f` can't
            // reach the queue, because this handle is borrowed, and no submitter is beside it.
            let taken = unsafe { C::read(cqes, ring, taking.head, tail) };
            taking.head = taking.head.wrapping_add(taken.slots);
            if let Some(entry) = taken.entry {
                sum = f(sum, entry);
            }
        }
        self.local.taken(self.rings, tail);
        // Nothing is left for the drops to do.
        core::mem::forget(taking);
        core::mem::forget(self);
        sum
    }
}

/// A head that is in a register while completions are taken, and goes back to the queue's state if the closure panics.
struct Taking<'a> {
    head: u32,
    tail: u32,
    local: &'a Consumer,
}

impl Drop for Taking<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.local.head.set(self.head);
        self.local.tail.set(self.tail);
    }
}

impl<C: EntryMarker> Drop for CompletionQueue<'_, C> {
    #[inline]
    fn drop(&mut self) {
        self.local.publish(self.rings);
    }
}
