//! The completion queue: entries, and reading them.
//!
//! The queue's own head and its last view of the kernel's tail live in the ring. Completions come out by value; the
//! slots go back to the kernel in one store when the handle is dropped, or before the next entry to the kernel.

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

mod entry;
mod net;

pub(crate) use entry::sealed;
pub use entry::{Entry, Entry32, EntryMarker, EntryMixed, Timestamp};

/// What this side alone knows of the completion queue.
#[derive(Debug)]
pub(crate) struct Consumer {
    /// The next completion to hand out. The head that the kernel sees lags behind it.
    head: Cell<u32>,
    /// The head that the kernel sees.
    published: Cell<u32>,
    /// The kernel's tail when last looked at, at most a ring's worth ahead of `head`.
    tail: Cell<u32>,
    /// Up to here a look takes what the kernel says: at most a ring's worth ahead of `published`, never behind `tail`, and
    /// no further than that while something is hidden.
    limit: Cell<u32>,
    /// Completions still to come of requests that the crate made for itself; they never surface. [`ALWAYS`] if nobody
    /// knows how many.
    hidden: Cell<u32>,
    /// Steps over them; there are any if and only if this is there. A pointer, set by who hides something: without that the
    /// linker leaves the code out.
    step_over: Cell<Option<StepOver>>,
    /// The last number given to such a request.
    hidden_number: Cell<u16>,
}

/// [`Consumer::step_over_hidden`].
type StepOver = fn(&Consumer, &Rings, SetupFlags, u32);

/// The user data of the crate's own requests: these 48 bits, and a number in the 16 below. They are the timeouts that a
/// wait makes for itself on kernels without a timed wait, and fillers of a mixed submission queue (number 0). A completion
/// of the caller's own that looks like it would be lost while one of them is out;
/// [`SubmitArgs`](crate::types::SubmitArgs) and [`squeue::EntryMixed`](crate::squeue::EntryMixed) say so.
pub(crate) const HIDDEN: u64 = 0xba5e_0b5e_55ed_0000;

/// As many hidden completions as there may be.
const ALWAYS: u32 = u32::MAX;

const fn is_hidden(user_data: u64) -> bool {
    user_data & !0xffff == HIDDEN
}

impl Consumer {
    /// Of a ring that is not there yet. A constant, and no function: so all of the ring is filled with zeroes at once.
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

    /// Goes on at the head that is in the memory of a ring made with `setup`.
    #[inline(always)]
    pub(crate) fn begin(&self, rings: &Rings, setup: SetupFlags) {
        let head = rings.cq_head().load(Ordering::Relaxed);
        self.head.set(head);
        self.published.set(head);
        self.tail.set(head);
        self.limit.set(head);
        if setup.contains(SetupFlags::SQE_MIXED) {
            // A filler completes only if its chain fails.
            self.hide(ALWAYS);
        }
    }

    /// The user data of one more request of our own.
    pub(crate) fn hidden_id(&self) -> u64 {
        let number = self.hidden_number.get().wrapping_add(1);
        self.hidden_number.set(number);
        HIDDEN + u64::from(number)
    }

    /// Completions of `count` more requests of our own are to come: each look is careful from now on.
    pub(crate) fn hide(&self, count: u32) {
        self.hidden.set(self.hidden.get().saturating_add(count));
        self.step_over.set(Some(Self::step_over_hidden));
        self.forget_limit();
    }

    /// The queue has another number of slots, or other rules: the next look works the limit out anew.
    pub(crate) fn forget_limit(&self) {
        self.limit.set(self.tail.get());
    }

    /// Gives the slots read so far back to the kernel: one store, none if there are none.
    #[inline(always)]
    pub(crate) fn publish(&self, rings: &Rings) {
        let head = self.head.get();
        if head != self.published.get() {
            // Release: pairs with the kernel's acquire of `cq.head`; our reads of the slots come before it, so that
            // the kernel can't overwrite one that is being read.
            rings.cq_head().store(head, Ordering::Release);
            self.published.set(head);
        }
    }

    /// Looks at the kernel's tail when all up to `head` is read; the head anew if anything came.
    #[inline(always)]
    fn look_again(&self, rings: &Rings, setup: SetupFlags, head: u32) -> Option<u32> {
        // Acquire: pairs with the kernel's release of `cq.tail`; the slots before it are filled.
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

    #[cold]
    fn look_with_care(&self, rings: &Rings, setup: SetupFlags, tail: u32) -> Option<u32> {
        let tail = self.bound(rings, tail);
        if let Some(step_over) = self.step_over.get() {
            step_over(self, rings, setup, tail);
        }
        let head = self.head.get();
        (head != self.tail.get()).then_some(head)
    }

    /// Looks at the kernel's tail; the slots now readable are those up to the tail returned.
    fn look(&self, rings: &Rings) -> u32 {
        // Acquire: as above.
        self.bound(rings, rings.cq_tail().load(Ordering::Acquire))
    }

    /// The tail up to which slots are readable, if the kernel says `tail`.
    fn bound(&self, rings: &Rings, tail: u32) -> u32 {
        // Bounded by the head that the kernel sees: it can't have filled more than a ring's worth from there on.
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
    /// Moves the head past hidden completions, and the view of the tail (which was acquired) up to the next hidden one.
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
                self.hidden.set(self.hidden.get().saturating_sub(1));
                if self.hidden.get() == 0 {
                    self.step_over.set(None);
                    return;
                }
            }
            at = next;
        }
    }
}

/// What waits between the head and the kernel's tail.
pub(crate) struct Census {
    /// Completions of the caller's.
    pub(crate) callers: u32,
    /// Slots filled.
    pub(crate) slots: u32,
    /// The kernel's tail.
    pub(crate) tail: u32,
    /// The result of the completion looked for, if it is there.
    pub(crate) found: Option<i32>,
}

/// Counts the completions that are there, and looks for that of `id`. Hidden ones before the first of the caller's are
/// done with, and their slots go back to the kernel: what it then finds in the queue is the caller's.
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

/// The first 16 bytes of the completion at `at`, and its slots, whatever the kind of ring.
///
/// # Safety
///
/// `at` lies between the head and a tail that was acquired.
unsafe fn header(rings: &Rings, setup: SetupFlags, at: u32, tail: u32) -> (Entry, u32) {
    if setup.contains(SetupFlags::CQE32) {
        // SAFETY: the caller's contract; the ring's entries have 32 bytes.
        let taken = unsafe { Entry32::read(rings.cqes(), rings.cq(), at, tail) };
        return (taken.entry.map_or(Entry::FILLER, |entry| entry.entry), taken.slots);
    }
    // SAFETY: the caller's contract; the ring's slots have 16 bytes.
    let taken = unsafe { EntryMixed::read(rings.cqes(), rings.cq(), at, tail) };
    match taken.entry {
        Some(EntryMixed::Small(entry) | EntryMixed::Large(Entry32 { entry, .. })) => {
            // Without mixed entries the flag has no meaning, and each entry takes one slot.
            (entry, if setup.contains(SetupFlags::CQE_MIXED) { taken.slots } else { 1 })
        }
        None => (Entry::FILLER, taken.slots),
    }
}

/// The completion queue of a ring: an iterator over the completions that are there.
///
/// From [`IoUring::completion`](crate::IoUring::completion). The iterator ends when the queue is empty; called again
/// later, it goes on with what has come meanwhile. The kernel gets the slots back when the handle is dropped, at
/// [`sync`](Self::sync), and before a submit or wait enters the kernel, so that an iteration hands out at most a ring's
/// worth and always ends. Forgetting the handle loses nothing.
#[derive(Debug)]
#[doc(alias = "io_uring_cqe_iter_next")]
#[doc(alias = "io_uring_peek_cqe")]
pub struct CompletionQueue<'a, C: EntryMarker = Entry> {
    rings: &'a Rings,
    local: &'a Consumer,
    /// A copy of the ring's, which stays in a register while completions are read.
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

    /// Takes as many completions as are there and fit, and returns them.
    #[doc(alias = "io_uring_peek_batch_cqe")]
    pub fn fill<'e>(&mut self, entries: &'e mut [MaybeUninit<C>]) -> &'e mut [C] {
        let mut filled = 0;
        for (place, entry) in entries.iter_mut().zip(self.by_ref()) {
            place.write(entry);
            filled += 1;
        }
        match entries.get_mut(..filled) {
            // SAFETY: the first `filled` were written just now.
            Some(entries) => unsafe { entries.assume_init_mut() },
            None => &mut [],
        }
    }

    /// Slots of the queue, a power of two. A 32-byte completion takes two in a mixed ring, else each takes one.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.rings.cq().count() as usize
    }

    /// Slots filled and not yet taken.
    #[must_use]
    #[doc(alias = "io_uring_cq_ready")]
    pub fn len(&self) -> usize {
        if self.local.step_over.get().is_some() {
            return census(self.rings, self.local, C::SETUP, 0).callers as usize;
        }
        // Acquire: as in `look`. With one request in flight, its completion's being there says that its buffer is filled.
        self.rings.cq().used(self.local.head.get(), self.rings.cq_tail().load(Ordering::Acquire)) as usize
    }

    /// Whether no completion is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every slot is filled: what comes now overflows.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// Completions that the kernel has dropped for want of room. Without `FEAT_NODROP` (before 5.5) every overflow is
    /// counted here and lost; with it, only those for which the kernel had no memory.
    #[must_use]
    pub fn overflow(&self) -> u32 {
        self.rings.cq_overflow().load(Ordering::Relaxed)
    }

    /// Whether completions raise the registered eventfd no more.
    #[must_use]
    #[doc(alias = "io_uring_cq_eventfd_enabled")]
    pub fn eventfd_disabled(&self) -> bool {
        self.rings.cq_flags().is_some_and(|flags| flags.load(Ordering::Relaxed) & uapi::IORING_CQ_EVENTFD_DISABLED != 0)
    }

    /// Lets completions raise the registered eventfd no more, until [`enable_eventfd`](Self::enable_eventfd). Since 5.8.
    ///
    /// What the kernel is posting at the moment may still raise it.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: the kernel (before 5.8) has no flag for it; the eventfd stays on.
    #[doc(alias = "IORING_CQ_EVENTFD_DISABLED")]
    #[doc(alias = "io_uring_cq_eventfd_toggle")]
    pub fn disable_eventfd(&mut self) -> Result<(), Errno> {
        let flags = self.rings.cq_flags().ok_or(Errno::EOPNOTSUPP)?;
        // Relaxed, and no read-modify-write: we alone write the flags, and the kernel's load of `cq_flags` in
        // `io_eventfd_grab()` is plain too. Nothing else is told by them.
        flags.store(flags.load(Ordering::Relaxed) | uapi::IORING_CQ_EVENTFD_DISABLED, Ordering::Relaxed);
        Ok(())
    }

    /// Lets completions raise the registered eventfd again. Since 5.8; before, it cannot be off.
    ///
    /// Completions posted while it was off do not raise it: look at the queue afterwards.
    #[doc(alias = "IORING_CQ_EVENTFD_DISABLED")]
    #[doc(alias = "io_uring_cq_eventfd_toggle")]
    pub fn enable_eventfd(&mut self) {
        if let Some(flags) = self.rings.cq_flags() {
            // As above.
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
