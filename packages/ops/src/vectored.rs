//! Reads and writes over several buffers.
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use bare_uring::types::{IoVec, Timespec};
use bare_uring::{Errno, opcode};

use crate::buffer::Buffer;
use crate::file::File;
use crate::slab::{Draft, Parts, Slab};
use crate::slot::{Argument, Effect, Slot, VECTORS};

/// What is known of a buffer while it lies in the slot.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Where its window begins and ends.
    bounds: (u32, u32),
    is_provided: bool,
}

enum State<const N: usize> {
    /// The operation has the slot with this index. The buffers lie there, in this order.
    Slot(u16, [Shape; N]),
    /// There was no room for the operation.
    Refused(Errno, [Buffer; N]),
    Over,
}

/// A read or a write over `N` buffers, at most 8: a future of the number of bytes that were moved in all, and of the
/// buffers. From [`Slab::read_vectored`] and [`Slab::write_vectored`].
///
/// The operation starts when it is first polled. One that is dropped is cancelled, and its buffers are given back when it has ended.
/// One that is forgotten goes on, and its buffers are lost.
///
/// More buffers than 8, or none, are an error of compilation:
///
/// ```compile_fail,E0080
/// # use bare_uring_ops::{File, Slab};
/// # fn f(slab: &'static Slab, file: &File) {
/// let buffers: [_; 9] = core::array::from_fn(|_| slab.buffer().expect("one of many"));
/// let read = slab.read_vectored(file, buffers, 0);
/// # }
/// # fn main() { let _ = f as fn(&'static Slab, &File); }
/// ```
#[must_use = "an operation starts when it is first polled"]
pub struct Vectored<const N: usize> {
    slab: &'static Slab,
    fills: bool,
    state: State<N>,
}

impl<const N: usize> Vectored<N> {
    pub(crate) fn read(slab: &'static Slab, file: &File, mut buffers: [Buffer; N], offset: u64) -> Self {
        let spaces = buffers.each_mut().map(Buffer::space);
        if spaces.iter().all(|space| space.1 == 0) {
            return Self { slab, fills: true, state: State::Refused(Errno::ENOBUFS, buffers) };
        }
        let fd = file.fd();
        Self::new(slab, true, file, buffers, spaces, |parts| {
            opcode::Readv::new(fd, parts.argument.cast_const().cast(), N as u32).offset(offset).build()
        })
    }

    pub(crate) fn write(slab: &'static Slab, file: &File, buffers: [Buffer; N], offset: u64) -> Self {
        let windows = buffers.each_ref().map(|buffer| {
            let (start, len) = buffer.window();
            (start.cast_mut(), len)
        });
        let fd = file.fd();
        Self::new(slab, false, file, buffers, windows, |parts| {
            opcode::Writev::new(fd, parts.argument.cast_const().cast(), N as u32).offset(offset).build()
        })
    }

    fn new(
        slab: &'static Slab,
        fills: bool,
        file: &File,
        buffers: [Buffer; N],
        memory: [(*mut u8, u32); N],
        build: impl FnOnce(&Parts) -> bare_uring::squeue::Entry,
    ) -> Self {
        const { assert!(N > 0 && N <= VECTORS, "one buffer to eight") };
        let mut vectors = [IoVec::new(core::ptr::null_mut(), 0); VECTORS];
        for (vector, (start, len)) in vectors.iter_mut().zip(memory) {
            *vector = IoVec::new(start, len as usize);
        }
        let argument = Argument { vectors };
        let draft = Draft { effect: Effect::Vectored, file: Some(file), buffer: None, argument };
        let state = match slab.prepare(draft, build) {
            Ok(index) => {
                let shapes = buffers
                    .each_ref()
                    .map(|buffer| Shape { bounds: buffer.bounds(), is_provided: buffer.is_provided() });
                if let Some(slot) = slab.slot(index) {
                    slab.put_vectors(slot, buffers);
                }
                State::Slot(index, shapes)
            }
            Err((errno, _)) => State::Refused(errno, buffers),
        };
        Self { slab, fills, state }
    }

    /// Ends the operation with `ETIME` if it takes longer than this, as [`Op::within`](crate::Op::within) does. Since 5.5.
    pub fn within(self, span: impl Into<Timespec>) -> Self {
        if let State::Slot(index, _) = self.state {
            self.slab.limit(index, span.into(), None);
        }
        self
    }

    /// Asks the kernel to end the operation. It soon gives `ECANCELED`, or its result if it was done already.
    pub fn cancel(&mut self) {
        if let State::Slot(index, _) = self.state {
            self.slab.cancel(index);
        }
    }

    /// Takes the buffers out of the slot of an operation that has completed, with what it moved.
    fn take(&self, slot: &Slot, shapes: [Shape; N], count: u32) -> [Buffer; N] {
        let mut left = count;
        shapes.map(|shape| {
            let mut buffer = self.slab.take_vector(slot, shape.is_provided);
            buffer.set_bounds(shape.bounds);
            if self.fills {
                let now = left.min(buffer.room() as u32);
                buffer.filled(now);
                left -= now;
            } else {
                let now = left.min(buffer.len() as u32);
                buffer.consume(now as usize);
                left -= now;
            }
            buffer
        })
    }
}

impl<const N: usize> Future for Vectored<N> {
    type Output = (Result<usize, Errno>, [Buffer; N]);

    /// Polls the operation. One that is polled again after it was ready stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match core::mem::replace(&mut this.state, State::Over) {
            State::Slot(index, shapes) => {
                let Some(slot) = this.slab.slot(index) else { return Poll::Pending };
                this.slab.start(index, slot);
                slot.wake_with(context.waker());
                let Some(outcome) = slot.outcome() else {
                    this.state = State::Slot(index, shapes);
                    return Poll::Pending;
                };
                let buffers = this.take(slot, shapes, outcome.unwrap_or(0));
                this.slab.abandon(index);
                Poll::Ready((outcome.map(|count| count as usize), buffers))
            }
            State::Refused(errno, buffers) => Poll::Ready((Err(errno), buffers)),
            State::Over => Poll::Pending,
        }
    }
}

impl<const N: usize> Drop for Vectored<N> {
    fn drop(&mut self) {
        if let State::Slot(index, _) = self.state {
            self.slab.abandon(index);
        }
    }
}

impl<const N: usize> core::fmt::Debug for Vectored<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Vectored").field("over", &matches!(self.state, State::Over)).finish_non_exhaustive()
    }
}
