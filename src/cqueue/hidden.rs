//! Completions of the crate's own requests, which the caller never sees.

use super::Consumer;
use super::census::header;
use crate::flags::SetupFlags;
use crate::memory::Rings;

/// The type of [`Consumer::step_over_hidden`].
pub(super) type StepOver = fn(&Consumer, &Rings, SetupFlags, u32);

/// The user data of the crate's own requests: these 48 bits, and a number in the 16 bits below. Such requests are the
/// timeouts that a wait makes for itself on kernels without a timed wait, and fillers of a mixed submission queue
/// (number 0). While one of them is in flight, a completion of the caller's with user data of this form would be lost;
/// [`SubmitArgs`](crate::types::SubmitArgs) and [`squeue::EntryMixed`](crate::squeue::EntryMixed) say so.
pub(crate) const HIDDEN: u64 = 0xba5e_0b5e_55ed_0000;

/// Stands for an unknown number of hidden completions.
pub(super) const ALWAYS: u32 = u32::MAX;

pub(super) const fn is_hidden(user_data: u64) -> bool {
    user_data & !0xffff == HIDDEN
}

impl Consumer {
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
        self.doubt();
    }

    /// Takes the announcement of one completion back, whose request was not submitted after all.
    pub(crate) fn unhide(&self) {
        if self.hidden.get() != ALWAYS {
            self.come(1);
        }
    }

    /// Counts hidden completions that have come.
    pub(super) fn come(&self, count: u32) {
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
                self.doubt();
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
