//! What a slab counts for its figures and for nothing else.
#![forbid(unsafe_code)]

use core::cell::Cell;

/// Counts of turns and operations.
pub(crate) struct Counts {
    most_in_flight: Cell<usize>,
    turns: Cell<u64>,
    completions: Cell<u64>,
    most_completions: Cell<usize>,
}

impl Counts {
    pub(crate) const fn new() -> Self {
        Self {
            most_in_flight: Cell::new(0),
            turns: Cell::new(0),
            completions: Cell::new(0),
            most_completions: Cell::new(0),
        }
    }

    /// Counts a turn that took this number of completions.
    pub(crate) fn turned(&self, completions: usize) {
        self.turns.set(self.turns.get().wrapping_add(1));
        self.completions.set(self.completions.get().wrapping_add(completions as u64));
        self.most_completions.set(self.most_completions.get().max(completions));
    }

    /// Notes how many operations are in flight.
    pub(crate) fn saw_in_flight(&self, count: usize) {
        self.most_in_flight.set(self.most_in_flight.get().max(count));
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.most_in_flight.get()
    }

    pub(crate) fn turns(&self) -> u64 {
        self.turns.get()
    }

    pub(crate) fn completions(&self) -> u64 {
        self.completions.get()
    }

    pub(crate) fn most_completions(&self) -> usize {
        self.most_completions.get()
    }
}
