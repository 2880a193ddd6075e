//! Operations as futures.
#![forbid(unsafe_code)]

use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use bare_uring::types::Timespec;
use bare_uring::{Errno, squeue};

use crate::buffer::Buffer;
use crate::cancel::Canceller;
use crate::deadlines::Clock;
use crate::file::File;
use crate::output::Kind;
use crate::slab::{Draft, Parts, Slab};
use crate::slot::Slot;

enum State {
    /// The operation has the slot with this index.
    Slot(u16),
    /// There was no room for the operation.
    Refused(Errno, Option<Buffer>),
    Over,
}

/// An operation: a future of its result.
///
/// An operation starts when it is first polled. One that is dropped is cancelled, and what it owns is given back when
/// it has ended. One that is forgotten goes on, and what it owns is lost.
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
        Self::refused_with(slab, errno, None)
    }

    /// Makes an operation that was refused, and gives its buffer back.
    pub(crate) fn refused_with(slab: &'static Slab, errno: Errno, buffer: Option<Buffer>) -> Self {
        Self { slab, state: State::Refused(errno, buffer), kind: PhantomData }
    }

    /// Adds the second of two files. To be called before the operation is polled.
    pub(crate) fn with_other(self, other: Option<File>) -> Self {
        if let Some(slot) = self.slot() {
            slot.other.set(other);
        }
        self
    }

    /// Adds the reserved place of the file that is made. To be called before the operation is polled.
    pub(crate) fn with_made(self, made: File) -> Self {
        if let Some(slot) = self.slot() {
            slot.made.set(Some(made));
        }
        self
    }

    fn slot(&self) -> Option<&'static Slot> {
        let State::Slot(index) = self.state else { return None };
        self.slab.slot(index)
    }

    /// Ends the operation with `ETIME` if it takes longer than this. Does nothing once the operation has started. Since
    /// 5.5.
    ///
    /// Bytes that the operation has moved by then are not lost: the result is their number.
    ///
    /// The limit costs no request of its own, and no look at a clock: the driver counts ticks of the kernel, and cancels what
    /// is late. A tick is a sixteenth of the span or less, and 65,536 ns at least. So the limit never ends too early. It
    /// ends up to a tick late if it is the only one of its length, and up to two ticks late beside others; each turn that
    /// takes long adds to that.
    ///
    /// A kernel that lacks timeouts or cancellations gets a linked timeout, which is exact. A kernel that lacks that as well
    /// can't limit an operation: the operation is then not started, and gives `EOPNOTSUPP`
    /// ([`Request::WITHIN`](crate::Request::WITHIN)).
    #[inline]
    pub fn within(self, span: impl Into<Timespec>) -> Self {
        if let State::Slot(index) = self.state {
            self.slab.limit(index, span.into(), None);
        }
        self
    }

    /// Ends the operation with `ETIME` if it is not over at this point of time, by this clock. Like
    /// [`within`](Self::within), which it replaces, and like it without a request of its own: the driver has one timeout
    /// for the earliest deadline of each clock. It is exact. Since 5.5.
    ///
    /// A kernel that does not know the clock ends the operation at once, with `ETIME`.
    pub fn until(self, clock: Clock, at: impl Into<Timespec>) -> Self {
        if let State::Slot(index) = self.state {
            self.slab.limit(index, at.into(), Some(clock));
        }
        self
    }

    /// Returns what cancels the operation from elsewhere. `None`: the operation found no slot, or is over.
    pub fn canceller(&self) -> Option<Canceller> {
        match self.state {
            State::Slot(index) => Canceller::new(self.slab, index),
            State::Refused(..) | State::Over => None,
        }
    }

    /// Returns the slab, and the index of the slot if there is one.
    pub(crate) const fn place(&self) -> (&'static Slab, Option<u16>) {
        (self.slab, if let State::Slot(index) = self.state { Some(index) } else { None })
    }

    /// Asks the kernel to end the operation. It soon gives `ECANCELED`, or its result if it was done already.
    pub fn cancel(&mut self) {
        if let State::Slot(index) = self.state {
            self.slab.cancel(index);
        }
    }
}

impl<T: Kind> Future for Op<T> {
    type Output = T::Output;

    /// Polls the operation. One that is polled again after it was ready stays pending.
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

/// Makes an output ready. There is one whenever the operation is over.
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
