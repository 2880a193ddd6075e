//! Requests between their consumption and their last completion.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::buffers::{Held, Progress};
use crate::files::Open;
use crate::sqe::Sqe;

/// What a completion will say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) result: i32,
    pub(crate) flags: u32,
    pub(crate) big: Option<[u64; 2]>,
    /// Whether links behind it are cancelled.
    pub(crate) fails: bool,
}

impl Outcome {
    /// A result that is an error if it is negative.
    pub(crate) const fn of(result: i32) -> Self {
        Self { result, flags: 0, big: None, fails: result < 0 }
    }
}

/// What a request in flight waits for.
#[derive(Debug)]
pub(crate) enum Wait {
    /// Nothing: it is done, and that is told at some time.
    Told(Outcome),
    /// Its file, which is not ready. The events of `poll(2)`.
    File(u32),
    /// Its turn in a worker.
    Turn,
    /// A point of time, or so many completions.
    Timer(Timer),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer {
    pub(crate) deadline: u64,
    /// The ring's count of completions at which it ends.
    pub(crate) target: Option<u32>,
    /// How long it waits each time, and how often still (0: without end), where it does so more than once.
    pub(crate) again: Option<(u64, u64)>,
    pub(crate) is_success: bool,
}

/// A request that was started.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) sqe: Sqe,
    pub(crate) file: Option<Arc<Open>>,
    pub(crate) wait: Wait,
    /// What it has picked, and whether it has waited.
    pub(crate) progress: Progress,
    /// Its turn is among the ring's work already.
    pub(crate) queued: bool,
    /// When a linked timeout ends it, and that timeout.
    pub(crate) limit: Option<(u64, Sqe)>,
    /// What is linked behind it.
    pub(crate) rest: VecDeque<Sqe>,
}

impl Flight {
    /// How it ends if it is cancelled, or fails before it has done anything: a buffer that it holds is gone
    /// (`io_req_defer_failed()`).
    pub(crate) fn ended(&self, result: i32) -> Outcome {
        Outcome { flags: self.progress.held.as_ref().map_or(0, Held::flags), ..Outcome::of(result) }
    }

    /// Its own, and those of what is linked to it.
    pub(crate) fn user_data(&self) -> impl Iterator<Item = u64> {
        let limit = self.limit.iter().map(|(_, sqe)| sqe.user_data);
        std::iter::once(self.sqe.user_data).chain(limit).chain(self.rest.iter().map(|sqe| sqe.user_data))
    }
}

/// Linked requests that were consumed and not started.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    pub(crate) sqes: VecDeque<Sqe>,
    /// The place of an entry that was refused, and why: none of the chain starts.
    pub(crate) refused: Option<(usize, i32)>,
}

impl Chain {
    pub(crate) fn user_data(&self) -> impl Iterator<Item = u64> {
        self.sqes.iter().map(|sqe| sqe.user_data)
    }

    pub(crate) fn drains(&self) -> bool {
        self.sqes.iter().any(Sqe::drains)
    }
}
