//! What operations give: one type for each form of a result.

use bare_uring::Errno;
use bare_uring::types::StatxBuffer;

use crate::buffer::Buffer;
use crate::file::File;
use crate::slot::Slot;

/// What an operation gives: nothing but a number, as `Result<u32, Errno>`.
#[derive(Debug)]
pub enum Done {}
/// What an operation gives: the number of bytes that were moved, and in any case its buffer, as
/// `(Result<usize, Errno>, Buffer)`.
#[derive(Debug)]
pub enum Moved {}
/// What an operation gives: a new file, as `Result<File, Errno>`.
#[derive(Debug)]
pub enum Made {}
/// What an operation gives: what there is to know about a file, as `Result<StatxBuffer, Errno>`.
#[derive(Debug)]
pub enum Stated {}
/// What an operation gives: the two ends of a pipe, first the one to read from, as `Result<(File, File), Errno>`.
#[derive(Debug)]
pub enum Piped {}

pub(crate) mod sealed {
    use super::{Buffer, Errno, Slot};

    pub trait Kind {
        type Output;

        /// Takes the result out of the slot of an operation that has completed.
        fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output>;

        /// Makes the result of an operation that found no room.
        fn refuse(errno: Errno, buffer: Option<Buffer>) -> Option<Self::Output>;
    }
}

/// The kinds of operation, by what they give: [`Done`], [`Moved`], [`Made`], [`Stated`], [`Piped`].
pub trait Kind: sealed::Kind {}
impl<T: sealed::Kind> Kind for T {}

impl sealed::Kind for Done {
    type Output = Result<u32, Errno>;

    fn take(_: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome)
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Kind for Moved {
    type Output = (Result<usize, Errno>, Buffer);

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some((outcome.map(|count| count as usize), slot.buffer.take()?))
    }

    fn refuse(errno: Errno, buffer: Option<Buffer>) -> Option<Self::Output> {
        Some((Err(errno), buffer?))
    }
}

impl sealed::Kind for Made {
    type Output = Result<File, Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome.and_then(|_| slot.made.take().ok_or(Errno::EBADF)))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Kind for Stated {
    type Output = Result<StatxBuffer, Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        // SAFETY: only `Slab::stat` makes such an operation, with `Argument::stat`, and it has completed, since there
        // is an outcome.
        Some(outcome.map(|_| unsafe { slot.stat() }))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Kind for Piped {
    type Output = Result<(File, File), Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome.and_then(|_| slot.made.take().zip(slot.other.take()).ok_or(Errno::EBADF)))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}
