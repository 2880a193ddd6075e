//! Counting what the completion queue holds, completion by completion.

use super::sealed::Layout as _;
use super::{Consumer, Entry, Entry32, EntryMixed, Flags, is_hidden};
use crate::flags::SetupFlags;
use crate::memory::Rings;

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
pub(super) unsafe fn header(rings: &Rings, setup: SetupFlags, at: u32, tail: u32) -> (Entry, u32) {
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
