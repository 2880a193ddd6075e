//! The closing of a file, as a future.
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use bare_uring::Errno;

use crate::op::Op;
use crate::output::Done;

/// A file that is closed: a future of how that ended. From [`Slab::close`](crate::Slab::close).
///
/// The close starts when this future is first polled. A future that is dropped before leaves the file to the driver, which closes it. A
/// close that has started goes on when its future is dropped.
#[derive(Debug)]
#[must_use = "a file is closed when this is polled"]
pub struct Closing(pub(crate) Op<Done>);

impl Future for Closing {
    type Output = Result<(), Errno>;

    /// Polls the operation. One that is polled again after it was ready stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_ok(drop)
    }
}
