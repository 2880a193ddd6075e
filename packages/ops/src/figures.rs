//! What a slab has done and has left, in numbers.
#![forbid(unsafe_code)]

use crate::slab::Slab;
use crate::waiters::Resource;

/// How much of something is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// How many there are.
    pub count: usize,
    /// How many are in use.
    pub used: usize,
    /// How many were in use at a time, at most.
    pub most: usize,
    /// How many futures wait for one.
    pub waiting: usize,
    /// How often a future had to wait for one.
    pub waits: u64,
}

/// What a slab has done and has left. From [`Slab::figures`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Figures {
    /// Operations that the kernel knows.
    pub in_flight: usize,
    /// Operations that the kernel knew at a time, at most.
    pub most_in_flight: usize,
    /// Turns of the drivers.
    pub turns: u64,
    /// Completions that the turns took, without those that count time.
    pub completions: u64,
    /// Completions of one turn, at most.
    pub most_completions: usize,
    /// The slots of operations.
    pub slots: Usage,
    /// The buffers of the slab.
    pub buffers: Usage,
    /// The places in the table of files.
    pub files: Usage,
    /// The buffers that the kernel was provided with. Those in use hold data, or are not given back yet.
    pub provided: Usage,
}

/// Figures.
impl Slab {
    /// Returns what the slab has done and has left. Makes no system call.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let usage = |resource, count: usize, least: usize| Usage {
            count,
            used: count.saturating_sub(self.free_of(resource).into()),
            most: count.saturating_sub(least),
            waiting: self.waiters.waiting(resource).into(),
            waits: self.waiters.waits(resource),
        };
        let shelves = &self.pool.shelves;
        Figures {
            in_flight: self.in_flight(),
            most_in_flight: self.counts.most_in_flight(),
            turns: self.counts.turns(),
            completions: self.counts.completions(),
            most_completions: self.counts.most_completions(),
            slots: usage(Resource::Slot, self.slots(), self.least_free_slots().into()),
            buffers: usage(Resource::Buffer, self.pool.links.len(), self.pool.free.least().into()),
            files: usage(Resource::File, self.files.places(), self.files.free().least().into()),
            provided: usage(
                Resource::Provided,
                shelves.count().into(),
                shelves.count().saturating_sub(shelves.most_out()).into(),
            ),
        }
    }
}
