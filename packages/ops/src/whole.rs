//! Reads and writes of a whole buffer: operations, one after the other, until nothing is left to do.
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use bare_uring::types::Timespec;
use bare_uring::{Errno, opcode};

use crate::buffer::Buffer;
use crate::file::{CURRENT, File};
use crate::op::Op;
use crate::output::Moved;
use crate::slab::{Draft, Slab};
use crate::slot::{Argument, Effect};

/// How far a read or a write of a whole buffer has come, and the buffer.
#[derive(Debug)]
#[must_use = "it may have ended early"]
pub struct Progress {
    /// The buffer. What was read lies at the window's end; what was written was taken off its start.
    pub buffer: Buffer,
    /// The number of bytes that were moved in all.
    pub count: usize,
    /// What ended it: `Ok` if the buffer is full, the file has ended, or all was written.
    pub result: Result<(), Errno>,
}

/// A read or a write of a whole buffer, by as many requests as it takes: a future of its [`Progress`]. From
/// [`Slab::read_full`] and [`Slab::write_all`].
///
/// The transfer starts when it is first polled. It has a slot at a time, which it needs anew for each request: if the program has
/// taken all slots meanwhile, it ends with `EBUSY`, and tells how far it came. One that is dropped is cancelled, and its
/// buffer is given back when the request under way has ended; nobody learns how far it came.
#[derive(Debug)]
#[must_use = "an operation starts when it is first polled"]
pub struct Whole {
    slab: &'static Slab,
    file: File,
    fills: bool,
    offset: u64,
    count: usize,
    span: Option<Timespec>,
    /// The handle asked for the end.
    cancelled: bool,
    /// The request under way. `None`: it is over.
    operation: Option<Op<Moved>>,
}

impl Whole {
    pub(crate) fn read(slab: &'static Slab, file: &File, buffer: Buffer, offset: u64) -> Self {
        Self::new(slab, file, buffer, true, offset)
    }

    pub(crate) fn write(slab: &'static Slab, file: &File, buffer: Buffer, offset: u64) -> Self {
        Self::new(slab, file, buffer, false, offset)
    }

    fn new(slab: &'static Slab, file: &File, buffer: Buffer, fills: bool, offset: u64) -> Self {
        let file = file.clone();
        let mut this = Self { slab, file, fills, offset, count: 0, span: None, cancelled: false, operation: None };
        this.operation = Some(this.request(buffer));
        this
    }

    /// Makes the next request.
    fn request(&self, buffer: Buffer) -> Op<Moved> {
        let effect = if self.fills { Effect::Fill } else { Effect::Drain };
        let draft = Draft { effect, file: Some(&self.file), buffer: Some(buffer), argument: Argument::NONE };
        let (fd, offset) = (self.file.fd(), self.offset);
        let operation = Op::new(self.slab, draft, |parts| {
            if self.fills {
                opcode::Read::new(fd, parts.space.0, parts.space.1).offset(offset).build()
            } else {
                opcode::Write::new(fd, parts.window.0, parts.window.1).offset(offset).build()
            }
        });
        match self.span {
            Some(span) => operation.within(span),
            None => operation,
        }
    }

    /// Ends it with `ETIME` if one of its requests takes longer than this. Does nothing for a request that has started.
    /// Since 5.5.
    pub fn each_within(mut self, span: impl Into<Timespec>) -> Self {
        let span = span.into();
        self.span = Some(span);
        self.operation = self.operation.take().map(|operation| operation.within(span));
        self
    }

    /// Returns the number of bytes that were moved so far.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Asks for the end. It soon gives `ECANCELED`, unless it was done already, and how far it came.
    pub fn cancel(&mut self) {
        self.cancelled = true;
        if let Some(operation) = &mut self.operation {
            operation.cancel();
        }
    }

    /// Takes in how a request ended. Tells how it all ended, if there is nothing to go on with.
    fn take(&mut self, outcome: Result<usize, Errno>, buffer: &Buffer) -> Option<Result<(), Errno>> {
        let count = match outcome {
            Ok(count) => count,
            Err(errno) => return Some(Err(errno)),
        };
        self.count += count;
        if self.offset != CURRENT {
            self.offset = self.offset.saturating_add(count as u64);
        }
        let is_whole = if self.fills { buffer.room() == 0 || count == 0 } else { buffer.is_empty() };
        if is_whole {
            Some(Ok(()))
        } else if count == 0 {
            // Going on would not end.
            Some(Err(Errno::EIO))
        } else if self.cancelled {
            Some(Err(Errno::ECANCELED))
        } else {
            None
        }
    }
}

impl Future for Whole {
    type Output = Progress;

    /// Polls the request under way, and makes the next ones. One that is polled again after it was ready stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Progress> {
        let this = &mut *self;
        while let Some(operation) = &mut this.operation {
            let Poll::Ready((outcome, buffer)) = Pin::new(operation).poll(context) else { return Poll::Pending };
            this.operation = None;
            if let Some(result) = this.take(outcome, &buffer) {
                return Poll::Ready(Progress { buffer, count: this.count, result });
            }
            this.operation = Some(this.request(buffer));
        }
        Poll::Pending
    }
}
