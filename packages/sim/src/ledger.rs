//! [`Event`] and the ledger of a ring: what was pushed and what came of it, so that a test can compare.

use std::collections::VecDeque;

use crate::cqe::Completion;

/// What became of a request, or of one of its completions. A test gets the events in the order in which they happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The kernel consumed an entry.
    Consumed {
        /// The user data of the entry.
        user_data: u64,
    },
    /// The kernel put a completion into the queue or into the overflow list. The user sees the completions in this
    /// order.
    Completed(Completion),
    /// The kernel dropped a completion and counted it.
    Dropped(Completion),
    /// A request ended without a completion, as its flags asked for (`IOSQE_CQE_SKIP_SUCCESS`).
    Skipped {
        /// The user data of the request.
        user_data: u64,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The user data of entries that are still to be consumed, if the test says what it pushes.
    pub(crate) expected: Option<VecDeque<u64>>,
    /// Masks and values: requests whose user data agree with the value in the bits of the mask are not the test's.
    pub(crate) ignored: Vec<(u64, u64)>,
    pub(crate) events: Vec<Event>,
}

impl Ledger {
    /// Notes that an entry was consumed. The error is the user data that was expected instead.
    pub(crate) fn consumed(&mut self, user_data: u64) -> Result<(), Option<u64>> {
        if self.ignores(user_data) {
            return Ok(());
        }
        self.events.push(Event::Consumed { user_data });
        let Some(expected) = &mut self.expected else { return Ok(()) };
        match expected.front() {
            Some(&next) if next == user_data => {
                expected.pop_front();
                Ok(())
            }
            other => Err(other.copied()),
        }
    }

    /// Returns whether a request is not the test's.
    pub(crate) fn ignores(&self, user_data: u64) -> bool {
        self.ignored.iter().any(|&(mask, value)| user_data & mask == value)
    }

    /// Notes an event about this request.
    pub(crate) fn note(&mut self, user_data: u64, event: Event) {
        if !self.ignores(user_data) {
            self.events.push(event);
        }
    }
}
