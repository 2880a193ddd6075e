//! What was pushed and what came of it, so that a test can compare.

use std::collections::VecDeque;

use crate::cqe::Completion;

/// What became of a request, or of one of its completions, in the order in which it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An entry was consumed.
    Consumed {
        /// Its user data.
        user_data: u64,
    },
    /// A completion was put into the queue, or into the list of those that found no room: the user sees it, in this
    /// order.
    Completed(Completion),
    /// A completion was dropped and counted.
    Dropped(Completion),
    /// A request completed without a completion, as its flags asked for.
    Skipped {
        /// Its user data.
        user_data: u64,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// User data of entries that are still to be consumed, if the test says what it pushes.
    pub(crate) expected: Option<VecDeque<u64>>,
    /// User data that agree with one of these in the bits of its mask (the first) are not the test's.
    pub(crate) ignored: Vec<(u64, u64)>,
    pub(crate) events: Vec<Event>,
}

impl Ledger {
    /// Notes that an entry was consumed. An error: another one was expected.
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
