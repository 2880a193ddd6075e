//! Waiting for room instead of failing.
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use bare_uring::Errno;

use crate::slab::Slab;
use crate::waiters::{Resource, Standing};

enum State {
    New,
    /// The future has the waiter's place with this index.
    Place(u16),
    Over,
}

/// The future of [`Slab::ready`] and its sisters: ready when there is room.
///
/// What there is room for is not reserved. So make the operation in the same step, before the next `.await`. If others
/// were faster, the future waits on at its old place in the queue.
///
/// A future that is dropped leaves the queue. One that is forgotten loses its place, and keeps nothing from others.
#[must_use = "futures do nothing unless they are polled"]
pub struct Ready {
    slab: &'static Slab,
    resource: Resource,
    state: State,
}

/// Waiting for room.
impl Slab {
    /// Waits until a slot is free, in the order in which the waits began. A loop that meets `EBUSY` goes on after this,
    /// and does not spin:
    ///
    /// ```
    /// use bare_uring::Errno;
    /// use bare_uring_ops::{File, Slab};
    ///
    /// async fn accept(slab: &'static Slab, listener: &File) -> Result<(), Errno> {
    ///     loop {
    ///         let mut incoming = slab.incoming(listener);
    ///         while let Some(Ok(connection)) = incoming.next().await {
    ///             // Serve the connection.
    /// #           drop(connection);
    ///         }
    ///         drop(incoming);
    ///         slab.ready().await?;
    /// #       break Ok(());
    ///     }
    /// }
    /// # let _ = accept;
    /// ```
    ///
    /// The driver's turn wakes those that wait, when something is free. As many futures can wait at a time, for anything,
    /// as the storage has operations.
    ///
    /// # Errors
    ///
    /// `EBUSY`: as many futures wait already as can. `ECANCELED`: the driver is shut down.
    pub fn ready(&'static self) -> Ready {
        Ready::new(self, Resource::Slot)
    }

    /// Waits until a [`buffer`](Self::buffer) of the slab is free, as [`ready`](Self::ready) waits for a slot.
    ///
    /// # Errors
    ///
    /// The errors of [`ready`](Self::ready).
    pub fn ready_buffer(&'static self) -> Ready {
        Ready::new(self, Resource::Buffer)
    }

    /// Waits until the table of files has a free place, as [`ready`](Self::ready) waits for a slot.
    ///
    /// # Errors
    ///
    /// The errors of [`ready`](Self::ready).
    pub fn ready_file(&'static self) -> Ready {
        Ready::new(self, Resource::File)
    }

    /// Waits until the kernel has a provided buffer to receive into, as [`ready`](Self::ready) waits for a slot. A stream
    /// that has ended with `ENOBUFS` is made anew after this.
    ///
    /// # Errors
    ///
    /// The errors of [`ready`](Self::ready).
    pub fn ready_provided(&'static self) -> Ready {
        Ready::new(self, Resource::Provided)
    }

    /// Returns how many of a resource are free.
    pub(crate) fn free_of(&self, resource: Resource) -> u16 {
        match resource {
            Resource::Slot => self.free_slots(),
            Resource::Buffer => self.pool.free.len(),
            Resource::File => self.files.free().len(),
            Resource::Provided => self.pool.shelves.free(),
        }
    }

    /// Wakes those that wait for what is free now, and tells whether there were any. `again`: for the second time in a turn.
    #[inline]
    pub(crate) fn wake_waiters(&self, again: bool) -> bool {
        self.waiters.is_any_waiting() && self.wake_some(again)
    }

    #[cold]
    fn wake_some(&self, again: bool) -> bool {
        let mut any = false;
        for resource in Resource::ALL {
            any |= self.waiters.waiting(resource) > 0 && self.waiters.wake(resource, self.free_of(resource), again);
        }
        any
    }
}

impl Ready {
    fn new(slab: &'static Slab, resource: Resource) -> Self {
        Self { slab, resource, state: State::New }
    }

    /// Leaves the queue with this result.
    fn over(&mut self, index: u16, result: Result<(), Errno>) -> Poll<Result<(), Errno>> {
        self.state = State::Over;
        drop(self.slab.waiters.leave(self.resource, index));
        Poll::Ready(result)
    }
}

impl Future for Ready {
    type Output = Result<(), Errno>;

    /// Polls for room. A future that is polled again after it was ready stays pending.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (this, waker) = (&mut *self, context.waker());
        let (waiters, resource) = (&this.slab.waiters, this.resource);
        let free = this.slab.free_of(resource);
        match this.state {
            State::New if !waiters.has_to_wait(resource, free) => {
                this.state = State::Over;
                Poll::Ready(Ok(()))
            }
            State::New => match waiters.join(resource, waker) {
                Some(index) => {
                    this.state = State::Place(index);
                    Poll::Pending
                }
                None => {
                    this.state = State::Over;
                    Poll::Ready(Err(Errno::EBUSY))
                }
            },
            State::Place(index) => match waiters.standing(index) {
                Standing::Ended => this.over(index, Err(Errno::ECANCELED)),
                Standing::Woken if free > 0 => this.over(index, Ok(())),
                Standing::Woken => {
                    waiters.rejoin(resource, index, waker);
                    Poll::Pending
                }
                Standing::Waits => {
                    waiters.wake_with(index, waker);
                    Poll::Pending
                }
            },
            State::Over => Poll::Pending,
        }
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let State::Place(index) = self.state {
            drop(self.slab.waiters.leave(self.resource, index));
        }
    }
}

impl core::fmt::Debug for Ready {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ready").field("resource", &self.resource).finish_non_exhaustive()
    }
}
