//! Operations as futures.

use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use bare_uring::types::{StatxBuffer, Timespec};
use bare_uring::{Errno, squeue};

use crate::buffer::Buffer;
use crate::file::File;
use crate::slab::{Draft, Parts, Slab};
use crate::slot::Slot;

/// What an operation gives: nothing but a number, as `Result<u32, Errno>`.
#[derive(Debug)]
pub enum Done {}
/// What an operation gives: the number of bytes that were moved, and its buffer in any case, as
/// `(Result<usize, Errno>, Buffer)`.
#[derive(Debug)]
pub enum Moved {}
/// What an operation gives: a new file, as `Result<File, Errno>`.
#[derive(Debug)]
pub enum Made {}
/// What an operation gives: what there is to know about a file, as `Result<StatxBuffer, Errno>`.
#[derive(Debug)]
pub enum Stated {}

mod sealed {
    use super::{Buffer, Errno, Slot};

    pub trait Result {
        type Output;

        fn take(slot: &Slot, outcome: core::result::Result<u32, Errno>) -> Option<Self::Output>;

        fn refuse(errno: Errno, buffer: Option<Buffer>) -> Option<Self::Output>;
    }
}

/// The kinds of operation, by what they give: [`Done`], [`Moved`], [`Made`], [`Stated`].
pub trait Kind: sealed::Result {}
impl<T: sealed::Result> Kind for T {}

impl sealed::Result for Done {
    type Output = Result<u32, Errno>;

    fn take(_: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome)
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Result for Moved {
    type Output = (Result<usize, Errno>, Buffer);

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some((outcome.map(|count| count as usize), slot.buffer.take()?))
    }

    fn refuse(errno: Errno, buffer: Option<Buffer>) -> Option<Self::Output> {
        Some((Err(errno), buffer?))
    }
}

impl sealed::Result for Made {
    type Output = Result<File, Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome.and_then(|_| slot.made.take().ok_or(Errno::EBADF)))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Result for Stated {
    type Output = Result<StatxBuffer, Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        // SAFETY: the operation has completed, and it was a statx.
        Some(outcome.map(|_| unsafe { slot.stat() }))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

enum State {
    /// In this slot.
    Slot(u16),
    /// There was no room for it.
    Refused(Errno, Option<Buffer>),
    Over,
}

/// An operation: a future of its result.
///
/// It starts when it is first polled. Dropped, it is cancelled, and what it owns is given back when it has ended.
/// Forgotten, it goes on, and what it owns is lost.
#[must_use = "an operation starts when it is first polled"]
pub struct Op<T: Kind> {
    slab: &'static Slab,
    state: State,
    kind: PhantomData<fn() -> T>,
}

impl<T: Kind> Op<T> {
    pub(crate) fn new(slab: &'static Slab, draft: Draft<'_>, build: impl FnOnce(&Parts) -> squeue::Entry) -> Self {
        let state = match slab.prepare(draft, build) {
            Ok(index) => State::Slot(index),
            Err((errno, buffer)) => State::Refused(errno, buffer),
        };
        Self { slab, state, kind: PhantomData }
    }

    pub(crate) fn refused(slab: &'static Slab, errno: Errno) -> Self {
        Self { slab, state: State::Refused(errno, None), kind: PhantomData }
    }

    /// Ends the operation with `ETIME` if it takes longer than this. Without effect once it has started. Since 5.5.
    ///
    /// Bytes that it has moved by then are not lost: the result is their number.
    pub fn within(self, span: impl Into<Timespec>) -> Self {
        if let State::Slot(index) = self.state {
            self.slab.limit(index, span.into());
        }
        self
    }

    /// Asks the kernel to end it: it soon gives `ECANCELED`, or its result if it was done already.
    pub fn cancel(&mut self) {
        if let State::Slot(index) = self.state {
            self.slab.cancel(index);
        }
    }
}

impl<T: Kind> Future for Op<T> {
    type Output = T::Output;

    /// Polled again after it was ready, it stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T::Output> {
        let this = &mut *self;
        match core::mem::replace(&mut this.state, State::Over) {
            State::Slot(index) => {
                let Some(slot) = this.slab.slot(index) else { return Poll::Pending };
                this.slab.start(index, slot);
                slot.wake_with(context.waker());
                let Some(outcome) = slot.outcome() else {
                    this.state = State::Slot(index);
                    return Poll::Pending;
                };
                let output = T::take(slot, outcome);
                this.slab.abandon(index);
                ready(output)
            }
            State::Refused(errno, buffer) => ready(T::refuse(errno, buffer)),
            State::Over => Poll::Pending,
        }
    }
}

/// There is an output whenever the operation is over.
fn ready<T>(output: Option<T>) -> Poll<T> {
    output.map_or(Poll::Pending, Poll::Ready)
}

impl<T: Kind> Drop for Op<T> {
    fn drop(&mut self) {
        if let State::Slot(index) = self.state {
            self.slab.abandon(index);
        }
    }
}

impl<T: Kind> core::fmt::Debug for Op<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Op").field("over", &matches!(self.state, State::Over)).finish_non_exhaustive()
    }
}
