//! Multishot requests as streams: one request, many results.
#![forbid(unsafe_code)]

use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use bare_uring::Errno;
use bare_uring::squeue::Entry;

use crate::buffer::Buffer;
use crate::file::File;
use crate::message::Datagram;
use crate::slab::{Draft, Parts, Slab};
use crate::slot::{Argument, Effect, Phase, Slot};

pub(crate) mod sealed {
    use super::{Errno, Slab, Slot};

    pub trait Item: Sized {
        /// Takes the next thing that came.
        fn next(slab: &'static Slab, slot: &Slot) -> Option<Self>;

        /// Tells what a last completion without error means.
        fn end(result: u32) -> Option<Errno>;
    }
}

/// What a stream can bring: a [`File`] (connections that are accepted), a [`Buffer`] (data that is received), or a
/// [`Datagram`] (messages with their senders).
pub trait Item: sealed::Item {}
impl<T: sealed::Item> Item for T {}

impl sealed::Item for File {
    fn next(slab: &'static Slab, slot: &Slot) -> Option<Self> {
        slab.next_file(slot)
    }

    // kernel: io_uring/net.c io_accept (7.2): a connection whose completion finds the queue full ends the request, and
    // comes with its last completion.
    fn end(_: u32) -> Option<Errno> {
        Some(Errno::EAGAIN)
    }
}

impl sealed::Item for Buffer {
    fn next(slab: &'static Slab, slot: &Slot) -> Option<Self> {
        slab.next_buffer(slot)
    }

    // kernel: io_uring/net.c io_recv, io_recv_finish (7.2): a result of 0 ends the request. One above 0 does so if its
    // completion finds the queue full, and its data counts.
    fn end(result: u32) -> Option<Errno> {
        (result > 0).then_some(Errno::EAGAIN)
    }
}

impl sealed::Item for Datagram {
    fn next(slab: &'static Slab, slot: &Slot) -> Option<Self> {
        slab.next_datagram(slot)
    }

    // kernel: io_uring/net.c io_recvmsg_multishot, io_recv_finish (6.12.117): a result counts a header, so that it is above 0
    // for an empty message too. One that ends the request may have found the completion queue full.
    fn end(result: u32) -> Option<Errno> {
        <Buffer as sealed::Item>::end(result)
    }
}

enum State {
    Slot(u16),
    Refused(Errno),
    Over,
}

/// One request that brings something again and again, until it ends.
///
/// A stream starts when it is first polled. What comes meanwhile waits in the stream, in the slab's memory. Connections
/// that find no place in the table of files are closed. Data that finds no provided buffer stays in the socket, and the
/// stream ends with `ENOBUFS`. After an error, make another stream to go on.
///
/// A stream that is dropped is cancelled, and what it has brought is given back. One that is forgotten goes on, and
/// what it brings is lost.
#[must_use = "a stream starts when it is first polled"]
pub struct Stream<T: Item> {
    slab: &'static Slab,
    state: State,
    items: PhantomData<fn() -> T>,
}

impl<T: Item> Stream<T> {
    pub(crate) fn new(slab: &'static Slab, effect: Effect, file: &File, entry: Entry) -> Self {
        let draft = Draft { effect, file: Some(file), buffer: None, argument: Argument::NONE };
        Self::prepared(slab, draft, |_| entry)
    }

    /// Makes a stream that receives from a socket, and whose request is made once more after an empty datagram.
    pub(crate) fn of_socket(
        slab: &'static Slab,
        effect: Effect,
        socket: &File,
        build: impl FnOnce(&Parts) -> Entry,
    ) -> Self {
        let draft = Draft { effect, file: Some(socket), buffer: None, argument: Argument::NONE };
        let this = Self::prepared(slab, draft, build);
        if let Some(slot) = this.slot().filter(|_| !socket.has_bytes()) {
            slot.phase.set(Phase::Receives);
        }
        this
    }

    /// Makes a stream of what was put together.
    fn prepared(slab: &'static Slab, draft: Draft<'_>, build: impl FnOnce(&Parts) -> Entry) -> Self {
        let state = match slab.prepare(draft, build) {
            Ok(index) => State::Slot(index),
            Err((errno, _)) => State::Refused(errno),
        };
        let this = Self { slab, state, items: PhantomData };
        if let Some(slot) = this.slot() {
            slot.flow.again.set(slot.entry.get());
        }
        this
    }

    /// Polls for the next thing that the stream brings. `None`: there is no more to come, or an error came before,
    /// which is the last thing.
    ///
    /// # Errors
    ///
    /// `EAGAIN`: the kernel has ended the request, as it does when the completion queue is full; another stream goes
    /// on. `ENOBUFS`: no provided buffer was free; drop some, and make another stream. `ECANCELED`:
    /// [`cancel`](Self::cancel), after everything that the stream had brought. The [errors of any
    /// operation](Slab#errors-of-operations).
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, Errno>>> {
        match self.state {
            State::Slot(index) => {
                let Some(slot) = self.slab.slot(index) else { return Poll::Ready(None) };
                self.slab.start(index, slot);
                slot.wake_with(context.waker());
                if let Some(item) = T::next(self.slab, slot) {
                    self.slab.refill(index, slot);
                    return Poll::Ready(Some(Ok(item)));
                }
                let Some(outcome) = slot.outcome() else { return Poll::Pending };
                self.state = State::Over;
                self.slab.abandon(index);
                Poll::Ready(outcome.map_or_else(Some, T::end).map(Err))
            }
            State::Refused(errno) => {
                self.state = State::Over;
                Poll::Ready(Some(Err(errno)))
            }
            State::Over => Poll::Ready(None),
        }
    }

    /// Returns [`poll_next`](Self::poll_next) as a future. Dropping the future loses nothing.
    #[allow(clippy::should_implement_trait, reason = "the name that streams have for it")]
    pub fn next(&mut self) -> Next<'_, T> {
        Next(self)
    }

    /// Asks the kernel to end the stream: after what it has brought comes `ECANCELED`.
    pub fn cancel(&mut self) {
        if let State::Slot(index) = self.state {
            self.slab.cancel(index);
        }
    }
}

mod limits;

impl<T: Item> Drop for Stream<T> {
    fn drop(&mut self) {
        if let State::Slot(index) = self.state {
            self.slab.abandon(index);
        }
    }
}

impl<T: Item> core::fmt::Debug for Stream<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stream").field("over", &matches!(self.state, State::Over)).finish_non_exhaustive()
    }
}

/// The future of [`Stream::next`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are polled"]
pub struct Next<'a, T: Item>(&'a mut Stream<T>);

impl<T: Item> Future for Next<'_, T> {
    type Output = Option<Result<T, Errno>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_next(context)
    }
}
