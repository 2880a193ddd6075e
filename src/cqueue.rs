//! The completion queue: its entries, and how they are read.
//!
//! The queue's own head and its last copy of the kernel's tail live in the ring. Completions come out by value. The
//! slots go back to the kernel in one store, when the handle is dropped or before the next call into the kernel.

use core::cell::Cell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::error::Errno;
pub use crate::flags::CqeFlags as Flags;
use crate::flags::SetupFlags;
use crate::memory::Rings;
use crate::sync::Ordering;
use crate::uapi;
use sealed::Layout as _;

mod compact;
mod entry;
mod net;

pub(crate) use compact::compact;
pub(crate) use entry::sealed;
pub use entry::{Entry, Entry32, EntryMarker, EntryMixed, Timestamp};

/// What only this side of the completion queue knows.
#[derive(Debug)]
pub(crate) struct Consumer {
    /// The index of the next completion to hand out. The head that the kernel sees lags behind it.
    head: Cell<u32>,
    /// The head that the kernel sees.
    published: Cell<u32>,
    /// The kernel's tail when it was last read; at most a ring's worth ahead of `head`.
    tail: Cell<u32>,
    /// Up to this index the kernel's tail is taken as it is; beyond it [`bound`](Self::bound) clamps it. At most a
    /// ring's worth ahead of `published`, and never behind `tail`. Equal to `tail` while completions are hidden.
    limit: Cell<u32>,
    /// The number of hidden completions still to come: those of requests that the crate made for itself, which the
    /// caller never sees. [`ALWAYS`] if the number is unknown.
    hidden: Cell<u32>,
    /// Steps over hidden completions; `Some` if and only if there can be any. It is a pointer, set by the code that
    /// hides something: a program that never hides anything does not link the function.
    step_over: Cell<Option<StepOver>>,
    /// The last number given to a request of the crate's own.
    hidden_number: Cell<u16>,
}

/// The type of [`Consumer::step_over_hidden`].
type StepOver = fn(&Consumer, &Rings, SetupFlags, u32);

/// The user data of the crate's own requests: these 48 bits, and a number in the 16 bits below. Such requests are the
/// timeouts that a wait makes for itself on kernels without a timed wait, and fillers of a mixed submission queue
/// (number 0). While one of them is in flight, a completion of the caller's with user data of this form would be lost;
/// [`SubmitArgs`](crate::types::SubmitArgs) and [`squeue::EntryMixed`](crate::squeue::EntryMixed) say so.
pub(crate) const HIDDEN: u64 = 0xba5e_0b5e_55ed_0000;

/// Stands for an unknown number of hidden completions.
const ALWAYS: u32 = u32::MAX;

const fn is_hidden(user_data: u64) -> bool {
    user_data & !0xffff == HIDDEN
}

impl Consumer {
    /// The value for a ring that does not exist yet. A constant instead of a function lets the compiler fill the whole
    /// ring with zeroes at once.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a value of its own")]
    pub(crate) const NOTHING: Self = Self {
        head: Cell::new(0),
        published: Cell::new(0),
        tail: Cell::new(0),
        limit: Cell::new(0),
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
        self.limit.set(head);
        if setup.contains(SetupFlags::SQE_MIXED) {
            // A filler posts a completion only if its chain fails.
            // kernel: io_uring/timeout.c io_fail_links (6.12.117): the requests behind a failed one lose their flag to
            // skip the completion, unless the failed request skips its own completion.
            self.hide(ALWAYS);
        }
    }

    /// Returns the user data for one more request of the crate's own.
    pub(crate) fn hidden_id(&self) -> u64 {
        let number = self.hidden_number.get().wrapping_add(1);
        self.hidden_number.set(number);
        HIDDEN + u64::from(number)
    }

    /// Announces the completions of `count` more requests of the crate's own. From now on every look checks for them.
    pub(crate) fn hide(&self, count: u32) {
        self.hidden.set(self.hidden.get().saturating_add(count));
        self.step_over.set(Some(Self::step_over_hidden));
        self.forget_limit();
    }

    /// Takes the announcement of one completion back, whose request was not submitted after all.
    pub(crate) fn unhide(&self) {
        if self.hidden.get() != ALWAYS {
            self.come(1);
        }
    }

    /// Counts hidden completions that have come.
    fn come(&self, count: u32) {
        self.hidden.set(self.hidden.get().saturating_sub(count));
        if self.hidden.get() == 0 {
            self.step_over.set(None);
        }
    }

    /// Forgets hidden completions that will not come any more.
    pub(crate) fn forget_hidden(&self) {
        if self.hidden.get() != ALWAYS {
            self.come(u32::MAX);
        }
    }

    /// Returns the number of hidden completions still to come.
    pub(crate) fn hidden(&self) -> u32 {
        self.hidden.get()
    }

    /// Returns the head that the kernel sees.
    pub(crate) fn published(&self) -> u32 {
        self.published.get()
    }

    /// Makes the next look compute the limit again, after the number of slots or the rules have changed.
    pub(crate) fn forget_limit(&self) {
        self.limit.set(self.tail.get());
    }

    /// Gives the slots read so far back to the kernel, in one store; without any, it stores nothing.
    #[inline(always)]
    pub(crate) fn publish(&self, rings: &Rings) {
        let head = self.head.get();
        if head != self.published.get() {
            // Release: pairs with the kernel's load of `cq.head`. Our reads of the slots come before it, so that the
            // kernel cannot overwrite a slot that is being read.
            // kernel: io_uring/io_uring.c io_cqe_cache_refill (6.12.117): the head is read to find free slots, and the
            // writes to the slots depend on that read; no barrier but this control dependency orders them.
            rings.cq_head().store(head, Ordering::Release);
            self.published.set(head);
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
        if come > self.limit.get().wrapping_sub(head) {
            return self.look_with_care(rings, setup, tail);
        }
        self.tail.set(tail);
        Some(head)
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
        let all = published.wrapping_add(rings.cq().count());
        self.limit.set(if self.step_over.get().is_none() { all } else { tail });
        tail
    }
}

impl Consumer {
    /// Moves the head past hidden completions, and the copy of the tail (which was acquired) to the next hidden
    /// completion.
    #[inline]
    fn step_over_hidden(&self, rings: &Rings, setup: SetupFlags, tail: u32) {
        let mut at = self.head.get();
        while at != tail {
            // SAFETY: `at` is between the head and the tail that was acquired.
            let (entry, slots) = unsafe { header(rings, setup, at, tail) };
            let next = at.wrapping_add(slots);
            if !is_hidden(entry.user_data) {
                at = next;
                continue;
            }
            if at != self.head.get() {
                self.tail.set(at);
                self.forget_limit();
                return;
            }
            self.head.set(next);
            if self.hidden.get() != ALWAYS {
                self.come(1);
                if self.hidden.get() == 0 {
                    return;
                }
            }
            at = next;
        }
    }
}

/// What the slots between the head and the kernel's tail hold.
pub(crate) struct Census {
    /// The number of completions for the caller.
    pub(crate) callers: u32,
    /// The number of filled slots.
    pub(crate) slots: u32,
    /// The kernel's tail.
    pub(crate) tail: u32,
    /// The result of the completion that was looked for, if it has come.
    pub(crate) found: Option<i32>,
}

/// Counts the completions that are there, and looks for the one with user data `id`. Hidden completions before the
/// caller's first are removed, and their slots go back to the kernel, so that everything the kernel then finds in the
/// queue is the caller's.
#[inline]
pub(crate) fn census(rings: &Rings, local: &Consumer, setup: SetupFlags, id: u64) -> Census {
    let (head, tail) = (local.head.get(), local.look(rings));
    let mut census = Census { callers: 0, slots: 0, tail, found: None };
    let step_over = local.step_over.get();
    let mut at = head;
    while at != tail {
        // SAFETY: `at` is between the head and the tail just acquired.
        let (entry, slots) = unsafe { header(rings, setup, at, tail) };
        if step_over.is_some() && is_hidden(entry.user_data) {
            if entry.user_data == id {
                census.found = Some(entry.result());
            }
        } else if !entry.flags().contains(Flags::SKIP) {
            census.callers += 1;
        }
        at = at.wrapping_add(slots);
    }
    if let Some(step_over) = step_over {
        step_over(local, rings, setup, tail);
    }
    local.publish(rings);
    census.slots = tail.wrapping_sub(local.head.get());
    census
}

/// Returns the first 16 bytes of the completion at `at`, and the number of its slots, for every kind of ring.
///
/// # Safety
///
/// `at` lies between the head and a tail that was acquired.
#[inline]
unsafe fn header(rings: &Rings, setup: SetupFlags, at: u32, tail: u32) -> (Entry, u32) {
    if setup.contains(SetupFlags::CQE32) {
        // SAFETY: the caller's contract covers `at` and `tail`; the ring's entries have 32 bytes.
        let taken = unsafe { Entry32::read(rings.cqes(), rings.cq(), at, tail) };
        return (taken.entry.map_or(Entry::FILLER, |entry| entry.entry), taken.slots);
    }
    // SAFETY: the caller's contract covers `at` and `tail`; the ring's slots have 16 bytes.
    let taken = unsafe { EntryMixed::read(rings.cqes(), rings.cq(), at, tail) };
    match taken.entry {
        Some(EntryMixed::Small(entry) | EntryMixed::Large(Entry32 { entry, .. })) => {
            // In a ring without mixed entries the flag has no meaning, and each entry takes one slot.
            (entry, if setup.contains(SetupFlags::CQE_MIXED) { taken.slots } else { 1 })
        }
        None => (Entry::FILLER, taken.slots),
    }
}

/// The completion queue of a ring: an iterator over the completions that have come.
///
/// [`IoUring::completion`](crate::IoUring::completion) returns it. The iterator ends when the queue is empty; called
/// again later, it returns what has come since. The kernel gets the slots back when the handle is dropped, at
/// [`sync`](Self::sync), and before a submit or wait enters the kernel. So one iteration hands out at most a ring's
/// worth of completions and always ends. Forgetting the handle loses nothing.
#[derive(Debug)]
#[doc(alias = "io_uring_cqe_iter_next")]
#[doc(alias = "io_uring_peek_cqe")]
pub struct CompletionQueue<'a, C: EntryMarker = Entry> {
    rings: &'a Rings,
    local: &'a Consumer,
    /// A copy of the ring's pointer, which stays in a register while completions are read.
    cqes: NonNull<u8>,
    entries: PhantomData<C>,
}

impl<'a, C: EntryMarker> CompletionQueue<'a, C> {
    #[inline(always)]
    pub(crate) fn new(rings: &'a Rings, local: &'a Consumer) -> Self {
        Self { rings, local, cqes: rings.cqes(), entries: PhantomData }
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
}

impl<C: EntryMarker> Drop for CompletionQueue<'_, C> {
    #[inline]
    fn drop(&mut self) {
        self.local.publish(self.rings);
    }
}
