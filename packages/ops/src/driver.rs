//! The driver: the ring, and the one place where the kernel is entered.

use core::any::TypeId;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use bare_uring::register::buf_ring::{BufRing, BufRingOptions};
use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, RawFd, SubmitArgs, Timespec};
use bare_uring::{Builder, Call, Errno, IoUring, Kernel, Parameters, SetupError, cqueue, opcode};

use crate::group::{GROUP, Group};
use crate::slab::{Slab, Step};
use crate::token::{Kind, Token};

/// The most entries that one step pushes: an operation and its time limit.
const STEP: usize = 2;

/// How long a turn waits for completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    No,
    /// Until one is there. Where none can come, not at all.
    One,
    /// The same, for this long at most.
    For(Timespec),
}

/// Brings a slab's operations to the kernel, and its completions back.
///
/// It owns the ring, of which it makes no use but for the slab's operations. Dropped, it closes the ring; operations that
/// are then in flight never complete, and their slots, buffers and files are lost, since the kernel may write to them
/// still. [`shutdown`](Self::shutdown) ends them first. Forgotten, it leaves the ring open.
#[derive(Debug)]
pub struct Driver<K: Kernel> {
    slab: &'static Slab,
    ring: IoUring<Entry, cqueue::Entry, K>,
    group: Option<BufRing<K>>,
    /// Requests pushed whose last completion has not come.
    expected: usize,
    /// A descriptor that came with a completion, found no place, and is to be closed.
    surplus: Option<RawFd>,
}

impl<K: Kernel> Driver<K> {
    /// Makes a ring of `entries` submission slots (two at least) for this slab.
    ///
    /// The ring is made here and never shown, so that no completion comes to it but of what the slab has pushed.
    ///
    /// # Errors
    ///
    /// As [`Builder::build_with`]. `EBUSY`, as if the kernel had said so: the slab has a driver, or had one that left
    /// operations in flight; or it has files of an earlier driver whose kernel may be another one, where their numbers
    /// would be other files. (Two kernels are known to be one if they are of the same type, and that has no state, as
    /// [`Linux`](bare_uring::Linux) has none. With any other, drop all files before you shut the driver down.)
    pub fn new(slab: &'static Slab, kernel: K, builder: &Builder, entries: u32) -> Result<Self, SetupError>
    where
        K: 'static,
    {
        let known = if size_of::<K>() == 0 { Some(TypeId::of::<K>()) } else { None };
        let has_strange_files = slab.opened_by.get().is_some_and(|before| before.is_none() || before != known);
        if slab.driven.get() || (has_strange_files && slab.has_files()) {
            return Err(SetupError::Kernel(Call::Setup, Errno::EBUSY));
        }
        let ring = builder.build_with(kernel, entries.max(STEP as u32))?;
        slab.driven.set(true);
        slab.opened_by.set(Some(known));
        Ok(Self { slab, ring, group: None, expected: 0, surplus: None })
    }

    /// The slab.
    #[must_use]
    pub fn slab(&self) -> &'static Slab {
        self.slab
    }

    /// What the ring was made with, and what its kernel can do.
    #[must_use]
    pub fn params(&self) -> &Parameters {
        self.ring.params()
    }

    /// Gives the kernel buffers to receive into, for [`Slab::pieces`]. Once for each slab. Since 5.19.
    ///
    /// # Errors
    ///
    /// `EBUSY`: the group was taken before. `EEXIST`: the slab has buffers already. Others as
    /// [`register_buf_ring`](bare_uring::Submitter::register_buf_ring), after which the group is lost.
    pub fn provide<const COUNT: usize, const SIZE: usize>(
        &mut self,
        group: &'static Group<COUNT, SIZE>,
    ) -> Result<(), Errno> {
        if self.slab.group.get().is_some() {
            return Err(Errno::EEXIST);
        }
        let (memory, shelves) = group.take().ok_or(Errno::EBUSY)?;
        let ring = self.ring.submitter().register_buf_ring(GROUP, memory, BufRingOptions::new())?;
        self.group = Some(ring);
        self.slab.group.set(Some(shelves));
        Ok(())
    }

    /// Pushes what waits, submits, waits if it is to, and takes the completions that are there: how many.
    ///
    /// Wakers are called in here.
    ///
    /// # Errors
    ///
    /// As [`submit`](bare_uring::Submitter::submit), but for those after which one has only to come back: for them a
    /// turn ends early.
    pub fn turn(&mut self, wait: Wait) -> Result<usize, Errno> {
        self.recycle();
        self.push_all()?;
        // Whatever is in the completion queue already ends a wait at once.
        let entered = match wait {
            Wait::One if self.expected > 0 => self.ring.submit_and_wait(1),
            Wait::For(span) if self.expected > 0 => {
                self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&span))
            }
            _ => self.ring.submit(),
        };
        self.pass(entered)?;
        Ok(self.take_all())
    }

    /// Polls a future until it is ready, and waits for completions in between.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn). `EDEADLK`: the future waits, and no completion can come.
    pub fn block_on<F: Future>(&mut self, future: F) -> Result<F::Output, Errno> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            if self.turn(Wait::One)? == 0 && self.expected == 0 && !self.has_work() {
                return Err(Errno::EDEADLK);
            }
        }
    }

    /// Ends every operation that was polled, closes files that nobody uses, and then the ring. The operations' handles give
    /// `ECANCELED`, or what was done before. What the kernel does not know yet never reaches it.
    ///
    /// # Errors
    ///
    /// `ETIME`: after 16 cancellations, over this patience, something is still in flight, and lost. (Waits that signals
    /// end early shorten the time.) Others as [`turn`](Self::turn).
    pub fn shutdown(mut self, patience: Duration) -> Result<(), Errno> {
        const CANCELLATIONS: u32 = 16;

        let slice = Wait::For(Timespec::from(patience / CANCELLATIONS));
        for _ in 0..CANCELLATIONS {
            self.slab.cancel_all();
            loop {
                if self.expected == 0 && self.slab.in_flight() == 0 && !self.has_work() {
                    return Ok(());
                }
                if self.turn(slice)? == 0 {
                    break;
                }
            }
        }
        Err(Errno::ETIME)
    }

    /// Gives provided buffers back to the kernel.
    fn recycle(&mut self) {
        let Some(group) = &mut self.group else { return };
        let mut some = false;
        while let Some(piece) = self.slab.unshelve(&self.slab.returned) {
            // One that is not of this ring stays out: there is no other.
            some |= group.recycle(piece).is_ok();
        }
        if some {
            group.publish();
        }
    }

    fn has_work(&self) -> bool {
        self.surplus.is_some() || self.slab.has_work()
    }

    fn room(&mut self) -> usize {
        let queue = self.ring.submission();
        queue.capacity() - queue.len()
    }

    /// Errors after which one has only to take completions and come back are none.
    fn pass(&self, entered: Result<usize, Errno>) -> Result<(), Errno> {
        let entered = match entered {
            // Completions wait outside the queue. Now as many as have room go into it.
            Err(Errno::EBUSY) => self.ring.submitter().get_events(),
            entered => entered.map(drop),
        };
        match entered {
            Ok(()) | Err(Errno::EINTR | Errno::EAGAIN | Errno::EBUSY | Errno::ETIME) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Pushes everything that waits; when the queue is full, submits and goes on. What then still finds no room waits
    /// for the next turn.
    fn push_all(&mut self) -> Result<(), Errno> {
        while self.has_work() {
            if self.room() < STEP {
                self.pass(self.ring.submit())?;
                if self.room() < STEP {
                    return Ok(());
                }
            }
            if let Some(fd) = self.surplus.take().or_else(|| self.slab.next_to_close()) {
                self.close(fd);
                continue;
            }
            match self.slab.next_step() {
                Some(Step::Start(entry, None)) | Some(Step::Cancel(entry)) => self.push(&[entry]),
                Some(Step::Start(entry, Some(limit))) => {
                    self.push(&[entry.flags(bare_uring::squeue::Flags::IO_LINK), limit]);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Pushes entries for which there is room: a slot's operation, with its limit, its cancellation, or a closing.
    fn push(&mut self, entries: &[Entry]) {
        // SAFETY: what an operation and its limit point to lies in static memory, and is left alone until the last
        // completion (invariants of `Slot`). The others point to nothing. Files are open, since the slot has a handle,
        // and a descriptor to be closed was the slab's, of which no handle is left.
        let pushed = unsafe { self.ring.submission().push_multiple(entries) };
        debug_assert!(pushed.is_ok(), "there was room");
        self.expected += entries.len();
    }

    fn close(&mut self, fd: RawFd) {
        self.push(&[opcode::Close::new(Fd(fd)).build().user_data(Token::CLOSE.encode())]);
    }

    /// Takes completions, as many as are there, until one brings what has to be seen to first.
    ///
    /// It must not depend on room in the submission queue: before Linux 5.19 the kernel consumes nothing while completions
    /// wait to be taken. (What has to be seen to, a connection too many, is of a request that came with 5.19.)
    fn take_all(&mut self) -> usize {
        let Self { ring, slab, group, expected, surplus, .. } = self;
        let mut count = 0;
        let mut queue = ring.completion();
        while surplus.is_none()
            && let Some(cqe) = queue.next()
        {
            count += 1;
            let Some(token) = Token::decode(cqe.user_data()) else { continue };
            if !cqe.more() {
                *expected = expected.saturating_sub(1);
            }
            if token.kind == Kind::Close {
                continue;
            }
            // SAFETY: the completion came from the ring with which the group is registered, just now, and once. A buffer
            // in it is one of that group, since the slab's operations name no other.
            let piece = group.as_mut().and_then(|group| unsafe { group.take(&cqe) });
            *surplus = slab.complete(token, &cqe, piece);
        }
        count
    }
}

impl<K: Kernel> Drop for Driver<K> {
    fn drop(&mut self) {
        // With nothing in flight nobody writes to the slab's memory, and another ring may take over.
        if self.slab.in_flight() == 0 {
            self.slab.driven.set(false);
        }
    }
}
