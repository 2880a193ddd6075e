//! Entries of both sizes in one queue.

use core::cell::Cell;
use core::ptr::NonNull;

use super::entry::sealed;
use super::{Entry, Entry128, EntryMarker};
use crate::flags::{SetupFlags, SqeFlags as Flags};
use crate::index::Slots;
use crate::memory::slot;
use crate::sync;
use crate::uapi::{IORING_OP_NOP128, IORING_OP_URING_CMD128};

/// Whether the kernel reads 128 bytes of a request with this opcode, in a queue of 64 byte slots (`is_128` in
/// io_uring/opdef.c).
const fn takes_two_slots(opcode: u8) -> bool {
    opcode == IORING_OP_NOP128 as u8 || opcode == IORING_OP_URING_CMD128 as u8
}

/// No kernel's opcode: such a request ends with `EINVAL`.
const NO_OPCODE: u8 = u8::MAX;

/// A request of 128 bytes whose opcode is made for them, so that the kernel reads both halves as one. Since 6.19.
///
/// From the opcodes that have it, [`Nop128`](crate::opcode::Nop128) and [`UringCmd128`](crate::opcode::UringCmd128). For a ring of large entries alone it is an [`Entry128`]
/// (`.into()`).
///
/// Another opcode is none:
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
    /// The entry, if its opcode is one that this crate knows to be made for 128 bytes.
    #[must_use]
    pub const fn new(entry: Entry128) -> Option<Self> {
        if takes_two_slots(entry.entry.opcode) { Some(Self { whole: entry }) } else { None }
    }

    /// The entry, whatever its opcode: the way out for requests that this crate does not know.
    ///
    /// # Safety
    ///
    /// Every kernel that gets it in a ring of mixed sizes takes its opcode for 128 bytes. (It would run the second half as a
    /// request by itself.)
    #[must_use]
    pub const unsafe fn new_unchecked(entry: Entry128) -> Self {
        Self { whole: entry }
    }

    /// The entry's 128 bytes, as the kernel reads them.
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
/// A large one takes two slots that follow each other; where the array ends between them, a nop without completion
/// fills the last one. A chain of links goes on through it. Since it skips its completion, the kernel refuses `IO_DRAIN`
/// on the ring from then on (`EOPNOTSUPP`). Counts of such a ring are counts of slots, fillers included.
///
/// If a chain fails before the filler that it runs through, the kernel completes that one after all. Its completion never
/// surfaces; it goes by a user data of its own, `0xba5e_0b5e_55ed_0000`, which the caller's must not have here.
///
/// Of a large entry whose opcode is not made for it, the kernel would take the second half for a request of its own, and of a
/// small one whose opcode is for large ones it would take the next entry for the second half. So the large ones are a type of
/// their own, [`LargeEntry`], and the small ones are queued as a request that ends with `EINVAL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryMixed {
    /// 64 bytes.
    Small(Entry),
    /// 128 bytes, with an opcode that is made for it.
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
                // SAFETY: the caller's contract is this one's, for one slot.
                return unsafe { entry.write(sqes, ring, at, link) };
            }
            Self::Large(large) => large.whole,
        };
        link.set(large.entry.link());
        let mut at = at;
        if ring.until_end(at) == 1 {
            let filler = Entry::filler(before);
            // SAFETY: the caller gave three slots; this is the first, the last one of the array.
            unsafe { filler.write(sqes, ring, at, link) };
            at = at.wrapping_add(1);
        }
        // SAFETY: the slots have 64 bytes, and two are left in the array from this one on.
        let slot = unsafe { slot::<Entry>(sqes, ring, at) };
        // SAFETY: both slots are inside the entries and nobody else uses them.
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
