//! Two operations, one behind the other, as a future of both results.
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use bare_uring::Errno;

use crate::op::Op;
use crate::output::Kind;

/// Two operations of which the second is linked behind the first: a future of both results. From [`Op::then`].
///
/// The operations start when the future is first polled. If the future is dropped, both are cancelled, and what they own is given back when
/// they have ended. Until its own last completion, each keeps its slot, with its buffer and files.
#[must_use = "an operation starts when it is first polled"]
pub struct Linked<T: Kind, U: Kind> {
    /// The first operation, until it is over.
    first: Option<Op<T>>,
    output: Option<T::Output>,
    second: Op<U>,
}

impl<T: Kind> Op<T> {
    /// Links an operation behind this one: the kernel gets both at once, and starts the second when the first has done all
    /// that it was asked for. A write and an [`fdatasync`](crate::Slab::fdatasync) so need one submission. Since 5.5.
    ///
    /// ```
    /// # use bare_uring::Errno;
    /// # use bare_uring_ops::{Buffer, File, Slab};
    /// async fn save(slab: &'static Slab, file: &File, record: Buffer, offset: u64) -> Result<Buffer, Errno> {
    ///     let ((written, record), synced) = slab.write(file, record, offset).then(slab.fdatasync(file)).await;
    ///     // `ECANCELED` of the second: the first was an error, or came short.
    ///     written.and(synced).map(|_| record)
    /// }
    /// ```
    ///
    /// Linux cuts a chain in two cases, and then runs the second operation by itself: if the kernel has no memory for it
    /// in the middle of a submission, and if one SQPOLL thread serves several rings and has taken eight entries of this one.
    /// Where that must not be, await the first operation before you begin the second.
    ///
    /// # Errors
    ///
    /// Of the second operation, `ECANCELED`: the first has failed, or came short (of a read, that is any count less than
    /// the room). Of the first, `EOPNOTSUPP`: the kernel has no links
    /// ([`Request::THEN`](crate::Request::THEN)). `EINVAL`: one of the two has a time limit. What is late is cancelled, and the
    /// kernel does not find the second operation to cancel it while it waits for the first.
    // kernel: io_uring/io_uring.c io_submit_sqes, io_submit_state_end (7.2): a chain whose end is not among the entries of
    // one submission starts without it; a submission ends where no request can be allocated.
    // kernel: io_uring/sqpoll.c __io_sq_thread (7.2): a thread of several rings takes at most 8 entries of one at a time.
    pub fn then<U: Kind>(self, next: Op<U>) -> Linked<T, U> {
        Linked::new(self, next)
    }
}

impl<T: Kind, U: Kind> Linked<T, U> {
    fn new(first: Op<T>, second: Op<U>) -> Self {
        let ((slab, before), (_, behind)) = (first.place(), second.place());
        match (before, behind) {
            (Some(before), Some(behind)) if slab.is_limited(before) || slab.is_limited(behind) => {
                slab.end_unstarted(before, Errno::EINVAL);
            }
            (Some(before), Some(behind)) => slab.put_behind(before, behind),
            // There is no slot for the second, without which the first is not done either.
            (Some(before), None) => slab.end_unstarted(before, Errno::ECANCELED),
            (None, _) => {}
        }
        Self { first: Some(first), output: None, second }
    }

    /// Asks the kernel to end both operations. They soon give `ECANCELED`, or their results if they were done already.
    pub fn cancel(&mut self) {
        if let Some(first) = &mut self.first {
            first.cancel();
        }
        self.second.cancel();
    }
}

impl<T: Kind, U: Kind> Unpin for Linked<T, U> {}

impl<T: Kind, U: Kind> Future for Linked<T, U> {
    type Output = (T::Output, U::Output);

    /// Polls the operations. If it is polled again after it was ready, it stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(first) = &mut this.first {
            let Poll::Ready(output) = Pin::new(first).poll(context) else { return Poll::Pending };
            this.output = Some(output);
            this.first = None;
            // If the first never reached the kernel, neither does the second.
            if let (slab, Some(index)) = this.second.place() {
                slab.end_unstarted(index, Errno::ECANCELED);
            }
        }
        let Poll::Ready(second) = Pin::new(&mut this.second).poll(context) else { return Poll::Pending };
        this.output.take().map_or(Poll::Pending, |first| Poll::Ready((first, second)))
    }
}

impl<T: Kind, U: Kind> core::fmt::Debug for Linked<T, U> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Linked").field("first", &self.first).field("second", &self.second).finish_non_exhaustive()
    }
}
