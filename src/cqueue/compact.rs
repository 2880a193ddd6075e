//! Taking hidden completions out of the queue, wherever in it they are.

use core::ptr::NonNull;

use super::entry::{Entry, Entry32};
use super::{ALWAYS, Consumer, is_hidden};
use crate::flags::SetupFlags;
use crate::memory::{Rings, slot};
use crate::sync;

/// Removes hidden completions from the slots between the head and `tail`, which a [census](super::census) has looked at. The
/// caller's completions move up to the tail, in their order, and the slots that are left over before them go back to the kernel.
///
/// Not for rings with CQE_MIXED, whose completions must not cross the end of the array.
#[inline]
pub(crate) fn compact(rings: &Rings, local: &Consumer, setup: SetupFlags, tail: u32) {
    if local.step_over.get().is_none() {
        return;
    }
    if setup.contains(SetupFlags::CQE32) {
        compact_as::<Entry32>(rings, local, tail, |entry| entry.user_data());
    } else {
        compact_as::<Entry>(rings, local, tail, |entry| entry.user_data());
    }
}

fn compact_as<C: Copy>(rings: &Rings, local: &Consumer, tail: u32, user_data: fn(&C) -> u64) {
    let head = local.head.get();
    // SAFETY: `C` is the ring's own kind of entry, of which there are as many as slots.
    let place = |at: u32| -> NonNull<C> { unsafe { slot(rings.cqes(), rings.cq(), at) } };
    let (mut at, mut free) = (tail, tail);
    while at != head {
        at = at.wrapping_sub(1);
        // SAFETY: the slots between the head and the tail that was acquired are filled, and the kernel does not write to them
        // until the head is past them.
        let entry = unsafe { sync::read(place(at)) };
        if is_hidden(user_data(&entry)) {
            continue;
        }
        free = free.wrapping_sub(1);
        if free != at {
            // SAFETY: the slot is between the head and the tail, where only this side reads and writes, and was read already.
            unsafe { sync::write(place(free), entry) };
        }
    }
    local.head.set(free);
    if local.hidden.get() != ALWAYS {
        local.come(free.wrapping_sub(head));
    }
    local.publish(rings);
    // Nothing beyond this tail was looked at for hidden completions.
    local.tail.set(tail);
    local.doubt();
}
