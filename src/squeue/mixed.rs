//! Queues with entries of both sizes.

use core::cell::Cell;
use core::ptr::NonNull;

use super::entry::sealed;
use super::{Entry, Entry128, EntryMarker};
use crate::flags::{SetupFlags, SqeFlags as Flags};
use crate::index::Slots;
use crate::memory::slot;
use crate::sync;
use crate::uapi::{IORING_OP_NOP128, IORING_OP_URING_CMD128};

/// Returns whether the kernel reads 128 bytes of a request with this opcode, in a queue of 64-byte slots.
const fn takes_two_slots(opcode: u8) -> bool {
    // kernel: io_uring/io_uring.c io_init_req (6.19): the table of opcodes (`is_128` in io_uring/opdef.c) says which
    // have 128 bytes. Such an opcode takes two slots in a mixed queue; with fewer than two entries left to submit, or
    // at the last slot of the array, it is `EINVAL`.
    opcode == IORING_OP_NOP128 as u8 || opcode == IORING_OP_URING_CMD128 as u8
}

/// An opcode that no kernel has: such a request ends with `EINVAL`.
const NO_OPCODE: u8 = u8::MAX;

/// A request of 128 bytes whose opcode always has 128 bytes, so that the kernel reads both halves as one request. Since
/// 6.19.
///
/// The opcodes with 128 bytes, [`Nop128`](crate::opcode::Nop128) and [`UringCmd128`](crate::opcode::UringCmd128), build it. For a ring whose entries all have 128 bytes,
/// convert it to an [`Entry128`] (`.into()`).
///
/// A request with another opcode does not convert to one:
///
/// ```compile_fail,E0277
/// use bare_uring::{opcode, squeue};
///
/// let large = squeue::Entry128::from(opcode::Nop::new().build());
/// let entry = squeue::EntryMixed::from(large);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct LargeEntry {
    pub(crate) whole: Entry128,
}

impl LargeEntry {
    /// Returns the entry, if this crate knows that its opcode has 128 bytes.
    #[must_use]
    pub const fn new(entry: Entry128) -> Option<Self> {
        if takes_two_slots(entry.entry.opcode) { Some(Self { whole: entry }) } else { None }
    }

    /// Returns the entry, whatever its opcode, for requests that this crate does not know.
    ///
    /// # Safety
    ///
    /// Every kernel that gets the entry in a ring of mixed sizes reads 128 bytes for its opcode. (A kernel that reads
    /// 64 bytes would run the second half as a request of its own.)
    #[must_use]
    pub const unsafe fn new_unchecked(entry: Entry128) -> Self {
        Self { whole: entry }
    }

    /// Returns the entry's 128 bytes, as the kernel reads them.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 128] {
        self.whole.to_bytes()
    }
}

impl From<LargeEntry> for Entry128 {
    #[inline]
    fn from(entry: LargeEntry) -> Self {
        entry.whole
    }
}

impl EntryMarker for EntryMixed {}

/// A request of either size, for a ring that takes both (`IORING_SETUP_SQE_MIXED`). Since 6.19.
///
/// A large entry takes two slots that follow each other. Where the array ends between them, a no-op without completion
/// fills the last slot; a chain of links continues through it. Because it skips its completion, the kernel refuses
/// `IO_DRAIN` on the ring from then on (`EOPNOTSUPP`). Counts of such a ring are counts of slots, fillers included.
///
/// If a chain fails before a filler in it, the kernel does post a completion for the filler. This completion never
/// surfaces. It has a user data of its own, `0xba5e_0b5e_55ed_0000`, which the caller's requests must not have here.
///
/// The kernel decides by the opcode alone: of a large entry whose opcode has 64 bytes, it would take the second half
/// for another request; for a small entry whose opcode has 128 bytes, it would take the next entry for the second half.
/// So large entries have a type of their own, [`LargeEntry`], and small entries with such an opcode are queued as a
/// request that ends with `EINVAL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryMixed {
    /// 64 bytes.
    Small(Entry),
    /// 128 bytes, with an opcode that has 128 bytes.
    Large(LargeEntry),
}

impl From<Entry> for EntryMixed {
    #[inline]
    fn from(entry: Entry) -> Self {
        Self::Small(entry)
    }
}

impl From<LargeEntry> for EntryMixed {
    #[inline]
    fn from(entry: LargeEntry) -> Self {
        Self::Large(entry)
    }
}

impl sealed::Layout for EntryMixed {
    const SETUP: SetupFlags = SetupFlags::SQE_MIXED;
    const MOST_SLOTS: u32 = 3;

    #[inline(always)]
    fn slots(&self, until_end: u32) -> u32 {
        match (self, until_end) {
            (Self::Small(_), _) => 1,
            (Self::Large(_), 1) => 3,
            (Self::Large(_), _) => 2,
        }
    }

    #[inline(always)]
    unsafe fn write(self, sqes: NonNull<u8>, ring: Slots, at: u32, link: &Cell<Flags>) {
        let before = link.get();
        let large = match self {
            Self::Small(mut entry) => {
                if takes_two_slots(entry.opcode) {
                    entry.opcode = NO_OPCODE;
                }
                link.set(entry.link());
                // SAFETY: the caller's contract covers the one slot that this entry takes.
                return unsafe { entry.write(sqes, ring, at, link) };
            }
            Self::Large(large) => large.whole,
        };
        link.set(large.entry.link());
        let mut at = at;
        if ring.until_end(at) == 1 {
            // kernel: io_uring/io_uring.c io_init_req (6.12.117): once a request with the flag to skip its completion
            // was seen, a later `IO_DRAIN` on the ring is `EOPNOTSUPP`.
            let filler = Entry::filler(before);
            // SAFETY: the caller gave three slots; this is the first, the last one of the array.
            unsafe { filler.write(sqes, ring, at, link) };
            at = at.wrapping_add(1);
        }
        // SAFETY: the slots have 64 bytes, and two are left in the array from this one on.
        let slot = unsafe { slot::<Entry>(sqes, ring, at) };
        // SAFETY: both slots are inside the entries and nothing else uses them, by the caller's contract.
        unsafe { sync::write(slot.cast::<Entry128>(), large) };
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Entry128, EntryMixed, LargeEntry};
    use crate::opcode::{Nop, Nop128, UringCmd128};

    #[test]
    fn only_opcodes_of_128_bytes_are_large() {
        for opcode in 0..=u8::MAX {
            let entry = Entry128::from(Entry::new(opcode));
            let large = LargeEntry::new(entry);
            assert_eq!(large.is_some(), [Nop128::CODE, UringCmd128::CODE].contains(&opcode), "{opcode}");
            assert!(large.is_none_or(|large| Entry128::from(large) == entry), "{opcode}");
        }
    }

    #[test]
    fn an_entry_is_mixed_in_its_own_size() {
        let (small, large) = (Nop::new().build(), Nop128::new().build());
        assert_eq!(
            (EntryMixed::from(small), EntryMixed::from(large)),
            (EntryMixed::Small(small), EntryMixed::Large(large))
        );
    }
}
