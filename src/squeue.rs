//! The submission queue: entries, and pushing them.
//!
//! A push writes the entry into the ring's memory and moves the queue's own tail, which lives in the ring and not in
//! the handle. The kernel sees nothing of it until [`Submitter::submit`](crate::Submitter::submit) publishes the tail,
//! so that a chain of linked requests becomes visible whole, and nothing pushed can be forgotten.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{offset_of, size_of};
use core::ptr::NonNull;

pub use crate::flags::SqeFlags as Flags;
use crate::flags::{SetupFlags, SqFlags};
use crate::index::Slots;
use crate::memory::Rings;
use crate::sync::Ordering;
use crate::types::sealed::Target;
use crate::uapi;

/// What this side alone knows of the submission queue.
#[derive(Debug)]
pub(crate) struct Local {
    /// One past the last entry pushed. The tail that the kernel sees lags behind it until the next submit.
    pub(crate) tail: Cell<u32>,
    /// The tail up to which submits have reported their counts.
    pub(crate) reported: Cell<u32>,
    /// What the next counts are off by: entries of our own among them, or entries that a wait handed over unasked.
    pub(crate) owed: Cell<i32>,
    /// The kernel's head when last looked at: never ahead of the real one.
    head: Cell<u32>,
}

impl Local {
    pub(crate) fn new(rings: &Rings) -> Self {
        let tail = rings.sq_tail().load(Ordering::Relaxed);
        let head = rings.sq_head().load(Ordering::Acquire);
        Self { tail: Cell::new(tail), reported: Cell::new(tail), owed: Cell::new(0), head: Cell::new(head) }
    }

    /// The caller's share of `done` entries that were handed over. Over several submits the counts add up, whatever
    /// else was in between.
    #[inline(always)]
    pub(crate) fn count(&self, done: u32) -> u32 {
        if self.owed.get() == 0 { done } else { self.settle(done) }
    }

    #[cold]
    fn settle(&self, done: u32) -> u32 {
        let sum = i64::from(done) + i64::from(self.owed.get());
        let told = u32::try_from(sum).unwrap_or(0);
        self.owed.set(if sum < 0 { i32::try_from(sum).unwrap_or(i32::MIN) } else { 0 });
        told
    }

    /// After a submission with `SQ_REWIND` that consumed `done` entries: what is left moves to the front, where the
    /// next one starts.
    #[cold]
    pub(crate) fn rewind(&self, rings: &Rings, entry_size: usize, done: u32) {
        let queued = self.tail.get();
        let left = queued.saturating_sub(done);
        if done != 0 && left != 0 {
            let from = (queued - left) as usize * entry_size;
            let len = left as usize * entry_size;
            // SAFETY: `queued` is at most the number of slots (`room` sees to it), so that the piece lies within the
            // entries.
            let rest = unsafe { rings.sqes.add(from) };
            // SAFETY: as above for both pieces; the kernel reads entries of such a ring only during a submission, and
            // none is under way.
            unsafe { rest.copy_to(rings.sqes, len) };
        }
        self.tail.set(left);
        self.reported.set(left);
    }
}

/// The submission queue of a ring: push here, then submit.
///
/// From [`IoUring::submission`](crate::IoUring::submission). The handle holds no state of its own: dropping it,
/// forgetting it or making another one changes nothing.
#[derive(Debug)]
pub struct SubmissionQueue<'a, S: EntryMarker = Entry> {
    rings: &'a Rings,
    local: &'a Local,
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
    pub(crate) fn new(rings: &'a Rings, local: &'a Local) -> Self {
        Self { rings, local, entries: PhantomData }
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
    /// - The request does not change what other code of the program relies on: memory mappings, or file descriptors
    ///   that someone else owns.
    #[inline]
    pub unsafe fn push(&mut self, entry: S) -> Result<(), PushError<S>> {
        let tail = self.local.tail.get();
        let slots = entry.slots(self.rings.sq.until_end(tail));
        if !self.room(tail, slots) {
            return Err(PushError(entry));
        }
        // SAFETY: there is room for `slots` slots from `tail` on, so that the kernel does not read them.
        unsafe { entry.write(self.rings.sqes, self.rings.sq, tail) };
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
            slots = slots.saturating_add(entry.slots(self.rings.sq.until_end(start.wrapping_add(slots))));
        }
        if !self.room(start, slots) {
            return Err(PushError(entries));
        }
        let mut tail = start;
        for entry in entries {
            let slots = entry.slots(self.rings.sq.until_end(tail));
            // SAFETY: there is room for all of them from `start` on, so that the kernel does not read these slots.
            unsafe { entry.clone().write(self.rings.sqes, self.rings.sq, tail) };
            tail = tail.wrapping_add(slots);
        }
        self.local.tail.set(tail);
        Ok(())
    }

    /// Whether `slots` more slots are free after `tail`. Looks at the kernel's head only if the last look shows too few.
    #[inline(always)]
    fn room(&self, tail: u32, slots: u32) -> bool {
        if self.rings.sq.free(self.local.head.get(), tail) >= slots {
            return true;
        }
        // Acquire: pairs with the kernel's release of `sq.head`; it has read the entries before that head, so that
        // writing to their slots can't be seen by it.
        self.local.head.set(self.rings.sq_head().load(Ordering::Acquire));
        self.rings.sq.free(self.local.head.get(), tail) >= slots
    }

    /// Slots of the queue, a power of two.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.rings.sq.count() as usize
    }

    /// Slots taken: pushed, and not yet consumed by the kernel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rings.sq.used(self.rings.sq_head().load(Ordering::Acquire), self.local.tail.get()) as usize
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

pub(crate) mod sealed {
    use super::{NonNull, SetupFlags, Slots};

    /// How a kind of entry lies in the ring.
    pub trait Layout: Sized {
        /// The set-up flags of a ring with such entries.
        const SETUP: SetupFlags;

        /// How many slots this entry takes if it is written where `until_end` slots are left in the array.
        fn slots(&self, until_end: u32) -> u32;

        /// Writes the entry.
        ///
        /// # Safety
        ///
        /// `sqes` are the entries of a ring of this kind with as many slots as `ring` says, and nobody reads or writes
        /// the `self.slots(ring.until_end(at))` slots from `at` on.
        unsafe fn write(self, sqes: NonNull<u8>, ring: Slots, at: u32);
    }
}

/// The kinds of entry that a submission queue can have: [`Entry`], [`Entry128`], [`EntryMixed`].
pub trait EntryMarker: Clone + fmt::Debug + From<Entry> + sealed::Layout {}

impl EntryMarker for Entry {}
impl EntryMarker for Entry128 {}
impl EntryMarker for EntryMixed {}

/// A request of 64 bytes (`struct io_uring_sqe`), as the opcodes of [`opcode`](crate::opcode) build it.
///
/// The fields are flat: where the kernel's structure has a union, its first name stands here, and the opcodes know
/// what they put there.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "io_uring_sqe")]
#[repr(C)]
pub struct Entry {
    pub(crate) opcode: u8,
    pub(crate) flags: u8,
    pub(crate) ioprio: u16,
    pub(crate) fd: i32,
    pub(crate) off: u64,
    pub(crate) addr: u64,
    pub(crate) len: u32,
    pub(crate) op_flags: u32,
    pub(crate) user_data: u64,
    pub(crate) buf_index: u16,
    pub(crate) personality: u16,
    pub(crate) file_index: u32,
    pub(crate) addr3: u64,
    pub(crate) optval: u64,
}

impl Entry {
    /// The entry of an opcode, all else zero.
    #[must_use]
    pub(crate) const fn new(opcode: u8) -> Self {
        Self {
            opcode,
            flags: 0,
            ioprio: 0,
            fd: -1,
            off: 0,
            addr: 0,
            len: 0,
            op_flags: 0,
            user_data: 0,
            buf_index: 0,
            personality: 0,
            file_index: 0,
            addr3: 0,
            optval: 0,
        }
    }

    /// The same entry for this file.
    #[inline]
    #[must_use]
    pub(crate) const fn target(mut self, target: Target) -> Self {
        match target {
            Target::Fd(fd) => self.fd = fd.0,
            Target::Fixed(slot) => {
                // The kernel reads the number back as unsigned.
                self.fd = slot.0.cast_signed();
                self.flags |= uapi::IOSQE_FIXED_FILE;
            }
        }
        self
    }

    /// An entry from its 64 bytes: the way out for requests that this crate does not know.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        // SAFETY: both are 64 bytes, and every pattern of bits is a valid entry: all fields are integers.
        unsafe { core::mem::transmute(bytes) }
    }

    /// The entry's 64 bytes, as the kernel reads them.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 64] {
        // SAFETY: both are 64 bytes, and the entry has no padding (asserted below), so that each byte has a value.
        unsafe { core::mem::transmute(self) }
    }

    /// The request's opcode (`IORING_OP_*`).
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        self.opcode
    }

    /// Adds flags to those that the request has.
    #[inline]
    #[must_use]
    pub const fn flags(mut self, flags: Flags) -> Self {
        self.flags |= flags.bits();
        self
    }

    /// Sets the value that the completion will carry.
    #[inline]
    #[must_use]
    pub const fn user_data(mut self, user_data: u64) -> Self {
        self.user_data = user_data;
        self
    }

    /// The value that the completion will carry.
    #[must_use]
    pub const fn get_user_data(&self) -> u64 {
        self.user_data
    }

    /// Runs the request with the credentials registered under this number. Since 5.6.
    #[inline]
    #[must_use]
    pub const fn personality(mut self, personality: u16) -> Self {
        self.personality = personality;
        self
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("opcode", &self.opcode)
            .field("flags", &Flags::from_bits_retain(self.flags))
            .field("fd", &self.fd)
            .field("user_data", &self.user_data)
            .finish_non_exhaustive()
    }
}

impl sealed::Layout for Entry {
    const SETUP: SetupFlags = SetupFlags::empty();

    #[inline(always)]
    fn slots(&self, _until_end: u32) -> u32 {
        1
    }

    #[inline(always)]
    unsafe fn write(self, sqes: NonNull<u8>, ring: Slots, at: u32) {
        // SAFETY: the slot's number is below the number of slots, each of 64 bytes.
        let slot = unsafe { sqes.cast::<Self>().add(ring.slot(at) as usize) };
        // SAFETY: the slot is inside the entries, aligned as they are, and nobody else uses it.
        unsafe { slot.write(self) };
    }
}

/// A request of 128 bytes: an [`Entry`] and 80 bytes of command (from byte 48 on) for `uring_cmd`. Since 5.19.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Entry128 {
    pub(crate) entry: Entry,
    pub(crate) tail: [u64; 8],
}

impl From<Entry> for Entry128 {
    #[inline]
    fn from(entry: Entry) -> Self {
        Self { entry, tail: [0; 8] }
    }
}

impl sealed::Layout for Entry128 {
    const SETUP: SetupFlags = SetupFlags::SQE128;

    #[inline(always)]
    fn slots(&self, _until_end: u32) -> u32 {
        1
    }

    #[inline(always)]
    unsafe fn write(self, sqes: NonNull<u8>, ring: Slots, at: u32) {
        // SAFETY: the slot's number is below the number of slots, each of 128 bytes.
        let slot = unsafe { sqes.cast::<Self>().add(ring.slot(at) as usize) };
        // SAFETY: the slot is inside the entries, aligned as they are, and nobody else uses it.
        unsafe { slot.write(self) };
    }
}

/// A request of either size, for a ring that takes both (`IORING_SETUP_SQE_MIXED`). Since 6.19.
///
/// A large one takes two slots that follow each other; where the array ends between them, a nop without completion
/// fills the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryMixed {
    /// 64 bytes.
    Small(Entry),
    /// 128 bytes, with an opcode that is made for it.
    Large(Entry128),
}

impl From<Entry> for EntryMixed {
    #[inline]
    fn from(entry: Entry) -> Self {
        Self::Small(entry)
    }
}

impl From<Entry128> for EntryMixed {
    #[inline]
    fn from(entry: Entry128) -> Self {
        Self::Large(entry)
    }
}

impl sealed::Layout for EntryMixed {
    const SETUP: SetupFlags = SetupFlags::SQE_MIXED;

    #[inline(always)]
    fn slots(&self, until_end: u32) -> u32 {
        match (self, until_end) {
            (Self::Small(_), _) => 1,
            (Self::Large(_), 1) => 3,
            (Self::Large(_), _) => 2,
        }
    }

    #[inline(always)]
    unsafe fn write(self, sqes: NonNull<u8>, ring: Slots, at: u32) {
        let large = match self {
            // SAFETY: the caller's contract is this one's, for one slot.
            Self::Small(entry) => return unsafe { entry.write(sqes, ring, at) },
            Self::Large(large) => large,
        };
        let mut at = at;
        if ring.until_end(at) == 1 {
            let filler = Entry::new(uapi::io_uring_op::IORING_OP_NOP as u8).flags(Flags::SKIP_SUCCESS);
            // SAFETY: the caller gave three slots; this is the first, the last one of the array.
            unsafe { filler.write(sqes, ring, at) };
            at = at.wrapping_add(1);
        }
        // SAFETY: two slots of 64 bytes are left in the array from here on.
        let slot = unsafe { sqes.cast::<Entry>().add(ring.slot(at) as usize) };
        // SAFETY: both slots are inside the entries and nobody else uses them.
        unsafe { slot.cast::<Entry128>().write(large) };
    }
}

const _: () = {
    use uapi::io_uring_sqe as Sqe;

    assert!(size_of::<Entry>() == size_of::<Sqe>());
    assert!(size_of::<Entry128>() == 128);
    assert!(align_of::<Entry128>() == align_of::<Entry>());
    assert!(offset_of!(Entry, opcode) == offset_of!(Sqe, opcode));
    assert!(offset_of!(Entry, flags) == offset_of!(Sqe, flags));
    assert!(offset_of!(Entry, ioprio) == offset_of!(Sqe, ioprio));
    assert!(offset_of!(Entry, fd) == offset_of!(Sqe, fd));
    assert!(offset_of!(Entry, off) == offset_of!(Sqe, __bindgen_anon_1));
    assert!(offset_of!(Entry, addr) == offset_of!(Sqe, __bindgen_anon_2));
    assert!(offset_of!(Entry, len) == offset_of!(Sqe, len));
    assert!(offset_of!(Entry, op_flags) == offset_of!(Sqe, __bindgen_anon_3));
    assert!(offset_of!(Entry, user_data) == offset_of!(Sqe, user_data));
    assert!(offset_of!(Entry, buf_index) == offset_of!(Sqe, __bindgen_anon_4));
    assert!(offset_of!(Entry, personality) == offset_of!(Sqe, personality));
    assert!(offset_of!(Entry, file_index) == offset_of!(Sqe, __bindgen_anon_5));
    assert!(offset_of!(Entry, addr3) == offset_of!(Sqe, __bindgen_anon_6));
    // The fields fill the entry: no padding.
    assert!(offset_of!(Entry, optval) + size_of::<u64>() == size_of::<Entry>());
};
