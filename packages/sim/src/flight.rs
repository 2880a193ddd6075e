//! [`Flight`]: a request between its consumption and its last completion (`struct io_kiocb`).

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
    /// Whether the request failed, so that what is linked behind it is cancelled.
    pub(crate) fails: bool,
}

impl Outcome {
    /// Returns the outcome with this result, which is an error if it is negative.
    pub(crate) const fn of(result: i32) -> Self {
        Self { result, flags: 0, big: None, fails: result < 0 }
    }
}

/// What a request in flight waits for.
#[derive(Debug)]
pub(crate) enum Wait {
    /// Nothing: the request is done, and its completion is posted at some time.
    Told(Outcome),
    /// The file, which is not ready for these events of `poll(2)`.
    File(u32),
    /// A turn in a worker (io-wq).
    Turn,
    /// A point of time, or a number of completions.
    Timer(Timer),
}

/// The timer of a timeout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer {
    pub(crate) deadline: u64,
    /// The count of completions at which the timer ends ([`Counting`](crate::profile::Counting) says what is counted).
    pub(crate) target: Option<u32>,
    /// Whether the count was reached.
    pub(crate) reached: bool,
    /// Of a multishot timeout: the span, and how many times are left (0: without end).
    pub(crate) again: Option<(u64, u64)>,
    /// Whether `ETIME` is a success (`IORING_TIMEOUT_ETIME_SUCCESS`).
    pub(crate) is_success: bool,
}

impl Timer {
    /// Returns the point of time at which the timer ends, if no completion ends it before.
    pub(crate) fn next(&self) -> u64 {
        if self.reached { 0 } else { self.deadline }
    }
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) sqe: Sqe,
    pub(crate) file: Option<Arc<Open>>,
    pub(crate) wait: Wait,
    /// What the request has picked, and whether it has waited.
    pub(crate) progress: Progress,
    /// Whether the ring's work has the request already.
    pub(crate) queued: bool,
    /// The deadline of a linked timeout, and that timeout.
    pub(crate) limit: Option<(u64, Sqe)>,
    /// The entries that are linked behind the request.
    pub(crate) rest: VecDeque<Sqe>,
}

impl Flight {
    /// Returns the outcome of a request that is cancelled, or fails before it has done anything. A buffer that the
    /// request holds is used up, and the outcome names it.
    // kernel: io_uring/io_uring.c io_req_defer_failed (7.2): puts the request's buffers, and so names them in the CQE.
    pub(crate) fn ended(&self, result: i32) -> Outcome {
        Outcome { flags: self.progress.held.as_ref().map_or(0, Held::flags), ..Outcome::of(result) }
    }

    /// Returns the user data of the request and of all that is linked to it.
    pub(crate) fn user_data(&self) -> impl Iterator<Item = u64> {
        let limit = self.limit.iter().map(|(_, sqe)| sqe.user_data);
        std::iter::once(self.sqe.user_data).chain(limit).chain(self.rest.iter().map(|sqe| sqe.user_data))
    }
}

/// A chain of linked entries that were consumed and are not started. An entry without links is a chain of one.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    pub(crate) sqes: VecDeque<Sqe>,
    /// The position of an entry that was refused, and the error. No entry of such a chain starts.
    pub(crate) refused: Option<(usize, i32)>,
}

impl Chain {
    /// Returns the user data of all entries.
    pub(crate) fn user_data(&self) -> impl Iterator<Item = u64> {
        self.sqes.iter().map(|sqe| sqe.user_data)
    }

    /// Returns whether an entry of the chain waits for all requests before it (`IOSQE_IO_DRAIN`).
    pub(crate) fn drains(&self) -> bool {
        self.sqes.iter().any(Sqe::drains)
    }
}
