//! The kinds of entry of a completion queue, and how each kind lies in the ring.

use core::fmt;
use core::mem::{offset_of, size_of};
use core::ptr::NonNull;

use crate::error::Errno;
use crate::flags::{CqeFlags as Flags, PollEvents, SetupFlags};
use crate::index::Slots;
use crate::memory::slot;
use crate::types::Timespec;
use crate::{sync, uapi};
use sealed::Taken;

pub(crate) mod sealed {
    use super::{NonNull, SetupFlags, Slots};

    /// What one place of the queue holds.
    #[derive(Debug)]
    pub struct Taken<C> {
        /// The entry; `None` for a filler.
        pub(crate) entry: Option<C>,
        pub(crate) slots: u32,
    }

    /// How a kind of entry lies in the ring.
    pub trait Layout: Sized {
        /// The set-up flags of a ring with such entries.
        const SETUP: SetupFlags;

        /// Copies the entry at `at` out of the ring.
        ///
        /// # Safety
        ///
        /// `cqes` are the entries of a ring of this kind with as many slots as `ring` says; the slots from `at` up to
        /// `tail` are filled, there is at least one, and the kernel does not write to them.
        unsafe fn read(cqes: NonNull<u8>, ring: Slots, at: u32, tail: u32) -> Taken<Self>;
    }
}

/// The kinds of entry that a completion queue can have: [`Entry`], [`Entry32`], [`EntryMixed`].
pub trait EntryMarker: Copy + fmt::Debug + sealed::Layout {}

impl EntryMarker for Entry {}
impl EntryMarker for Entry32 {}
impl EntryMarker for EntryMixed {}

/// A completion of 16 bytes (`struct io_uring_cqe`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "io_uring_cqe")]
#[repr(C)]
pub struct Entry {
    pub(super) user_data: u64,
    res: i32,
    flags: u32,
}

impl Entry {
    /// The entry that stands for a place without a completion, in a mixed ring.
    pub(super) const FILLER: Self = Self { user_data: 0, res: 0, flags: uapi::IORING_CQE_F_SKIP };

    /// Returns the user data that the request carried.
    ///
    /// The value is a hint and no proof: messages from other rings and tags of files and buffers are completions too,
    /// with a value that their sender chose. Code that frees memory because of a completion is therefore unsafe code
    /// that answers for every source of completions of that ring: nothing else pushes to the ring, registers on it, or
    /// has its descriptor to send messages to.
    #[inline]
    #[must_use]
    #[doc(alias = "io_uring_cqe_get_data")]
    #[doc(alias = "io_uring_cqe_get_data64")]
    pub const fn user_data(&self) -> u64 {
        self.user_data
    }

    /// Returns the request's result as the kernel wrote it: usually a count or 0, or a negated errno.
    #[inline]
    #[must_use]
    pub const fn result(&self) -> i32 {
        self.res
    }

    /// Returns the result as a number or an error. The conversion is total: a negative value that is no errno (another
    /// ring's `MSG_RING` can carry any) comes back as the number with the same bits.
    ///
    /// # Errors
    ///
    /// The errno, if the result is -4095 to -1. Each opcode's documentation says what it means there.
    #[inline]
    pub const fn outcome(&self) -> Result<u32, Errno> {
        match Errno::from_result(self.res) {
            Some(errno) => Err(errno),
            None => Ok(self.res.cast_unsigned()),
        }
    }

    /// Returns the flags that the kernel wrote beside the result.
    #[inline]
    #[must_use]
    pub const fn flags(&self) -> Flags {
        Flags::from_bits_retain(self.flags)
    }

    /// Returns whether the request goes on and more completions follow.
    #[inline]
    #[must_use]
    pub const fn more(&self) -> bool {
        self.flags().contains(Flags::MORE)
    }

    /// Returns the id of the provided buffer that was used, if there was one.
    #[inline]
    #[must_use]
    pub const fn buffer_id(&self) -> Option<u16> {
        if self.flags().contains(Flags::BUFFER) {
            Some((self.flags >> uapi::IORING_CQE_BUFFER_SHIFT) as u16)
        } else {
            None
        }
    }

    /// Returns the result of an [`opcode::PollAdd`](crate::opcode::PollAdd): the events that are ready.
    ///
    /// # Errors
    ///
    /// The errno, if the result is one.
    #[inline]
    pub const fn poll_events(&self) -> Result<PollEvents, Errno> {
        match self.outcome() {
            Ok(events) => Ok(PollEvents(events)),
            Err(errno) => Err(errno),
        }
    }
}

impl fmt::Debug for Entry {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("user_data", &self.user_data)
            .field("result", &self.res)
            .field("flags", &self.flags())
            .finish()
    }
}

impl sealed::Layout for Entry {
    const SETUP: SetupFlags = SetupFlags::empty();

    #[inline(always)]
    unsafe fn read(cqes: NonNull<u8>, ring: Slots, at: u32, _tail: u32) -> Taken<Self> {
        // SAFETY: the entries have 16 bytes, one for each slot.
        let slot = unsafe { slot::<Self>(cqes, ring, at) };
        // SAFETY: the slot is inside the entries, aligned as they are, filled, and not written to.
        Taken { entry: Some(unsafe { sync::read(slot) }), slots: 1 }
    }
}

/// A completion of 32 bytes: an [`Entry`] and 16 bytes whose meaning depends on the request. Since 5.19.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Entry32 {
    pub(super) entry: Entry,
    big: [u64; 2],
}

impl Entry32 {
    /// Returns the 16 bytes beyond the plain completion (`big_cqe`).
    #[must_use]
    pub const fn big(&self) -> [u64; 2] {
        self.big
    }

    /// Returns the timestamp in a completion of an [`opcode::TxTimestamp`](crate::opcode::TxTimestamp); `None` for the
    /// last completion, without `MORE`, which has no timestamp.
    #[must_use]
    #[doc(alias = "io_timespec")]
    pub const fn tx_timestamp(&self) -> Option<Timestamp> {
        if !self.entry.more() {
            return None;
        }
        let [seconds, nanoseconds] = self.big;
        Some(Timestamp {
            key: self.entry.res.cast_unsigned(),
            kind: self.entry.flags >> uapi::IORING_TIMESTAMP_TYPE_SHIFT,
            hardware: self.entry.flags & uapi::IORING_CQE_F_TSTAMP_HW != 0,
            time: Timespec::of_kernel(seconds.cast_signed(), nanoseconds.cast_signed()),
        })
    }
}

/// The time at which a packet was sent. From [`Entry32::tx_timestamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Which packet it was: with `SOF_TIMESTAMPING_OPT_ID` the packet's number, or for a stream the number of its last
    /// byte.
    pub key: u32,
    /// Which stage the packet had reached (`SCM_TSTAMP_SND` 0, `SCM_TSTAMP_SCHED` 1, `SCM_TSTAMP_ACK` 2,
    /// `SCM_TSTAMP_COMPLETION` 3).
    #[doc(alias = "IORING_TIMESTAMP_TYPE_SHIFT")]
    pub kind: u32,
    /// Whether the device took the time, from its own clock.
    #[doc(alias = "IORING_CQE_F_TSTAMP_HW")]
    pub hardware: bool,
    /// The time. If the kernel took it, it is from CLOCK_REALTIME.
    pub time: Timespec,
}

impl core::ops::Deref for Entry32 {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

impl sealed::Layout for Entry32 {
    const SETUP: SetupFlags = SetupFlags::CQE32;

    #[inline(always)]
    unsafe fn read(cqes: NonNull<u8>, ring: Slots, at: u32, _tail: u32) -> Taken<Self> {
        // SAFETY: the entries have 32 bytes, one for each slot.
        let slot = unsafe { slot::<Self>(cqes, ring, at) };
        // SAFETY: the slot is inside the entries, aligned as they are, filled, and not written to.
        Taken { entry: Some(unsafe { sync::read(slot) }), slots: 1 }
    }
}

/// A completion of either size, from a ring that has both (`IORING_SETUP_CQE_MIXED`). Since 6.18.
///
/// Linux 6.18 itself miscounts if the queue is full just when a large completion needs a filler in the last slot
/// (`io_cqe_cache_refill()`): make the queue large enough that it does not overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryMixed {
    /// 16 bytes.
    Small(Entry),
    /// 32 bytes.
    Large(Entry32),
}

impl EntryMixed {
    /// Returns the 16 bytes beyond the plain completion, if it has them.
    #[must_use]
    pub const fn big(&self) -> Option<[u64; 2]> {
        match self {
            Self::Small(_) => None,
            Self::Large(large) => Some(large.big),
        }
    }

    /// Returns [`Entry32::tx_timestamp`], if the completion has 32 bytes.
    #[must_use]
    pub const fn tx_timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::Small(_) => None,
            Self::Large(large) => large.tx_timestamp(),
        }
    }
}

impl core::ops::Deref for EntryMixed {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        match self {
            Self::Small(entry) | Self::Large(Entry32 { entry, .. }) => entry,
        }
    }
}

impl sealed::Layout for EntryMixed {
    const SETUP: SetupFlags = SetupFlags::CQE_MIXED;

    #[inline(always)]
    unsafe fn read(cqes: NonNull<u8>, ring: Slots, at: u32, tail: u32) -> Taken<Self> {
        // SAFETY: the entries have 16 bytes, one for each slot.
        let slot = unsafe { slot::<Entry>(cqes, ring, at) };
        // SAFETY: the slot is inside the entries, aligned as they are, filled, and not written to.
        let entry = unsafe { sync::read(slot) };
        if entry.flags().contains(Flags::SKIP) {
            return Taken { entry: None, slots: 1 };
        }
        // The kernel never splits a large completion at the end of the array, and never publishes half of one. If
        // faulty memory says that it did, the second half must not be read: the first half is handed out as it is.
        // kernel: io_uring/io_uring.c io_cqe_cache_refill, io_fill_nop_cqe (6.19): a large completion takes two slots
        // that follow each other; where only the last slot of the array is left, that slot first gets a filler, whose
        // flags have SKIP, whose other fields are 0, and which counts as one slot of the tail.
        let whole = ring.until_end(at) >= 2 && tail.wrapping_sub(at) >= 2;
        if !entry.flags().contains(Flags::BIG) || !whole {
            return Taken { entry: Some(Self::Small(entry)), slots: 1 };
        }
        // SAFETY: the slot after this one is inside the entries as well, filled, and not written to: `whole` has
        // compared both the array's end and the tail.
        let large = unsafe { sync::read(slot.cast::<Entry32>()) };
        Taken { entry: Some(Self::Large(large)), slots: 2 }
    }
}

const _: () = {
    use uapi::io_uring_cqe as Cqe;

    assert!(size_of::<Entry>() == size_of::<Cqe>());
    assert!(size_of::<Entry32>() == 32);
    assert!(align_of::<Entry32>() == align_of::<Entry>());
    assert!(offset_of!(Entry, user_data) == offset_of!(Cqe, user_data));
    assert!(offset_of!(Entry, res) == offset_of!(Cqe, res));
    assert!(offset_of!(Entry, flags) == offset_of!(Cqe, flags));
    assert!(offset_of!(Entry32, big) == offset_of!(Cqe, big_cqe));
};

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
