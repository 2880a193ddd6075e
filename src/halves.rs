//! One ring in two threads: a half that submits, and a half that waits and reads.

use core::marker::PhantomData;

use crate::cqueue::{self, CompletionQueue};
use crate::error::Errno;
use crate::flags::SetupFlags;
use crate::kernel::{DefaultKernel, Kernel};
use crate::ring::IoUring;
use crate::squeue::{self, SubmissionQueue};
use crate::submitter::EnterArgument;
use crate::submitter::{self, Core};
use crate::types::SubmitArgs;

/// Both halves of a ring.
type Halves<'a, S, C, K> = (SubmissionHalf<'a, S, K>, CompletionHalf<'a, C, K>);

/// The half of a ring that submits; see [`IoUring::halves`].
#[derive(Debug)]
pub struct SubmissionHalf<'a, S: squeue::EntryMarker = squeue::Entry, K: Kernel = DefaultKernel> {
    core: &'a Core<K>,
    local: &'a mut submitter::Progress<K>,
    entries: PhantomData<fn() -> S>,
}

impl<S: squeue::EntryMarker, K: Kernel> SubmissionHalf<'_, S, K> {
    /// Returns the submission queue.
    #[inline(always)]
    pub fn queue(&mut self) -> SubmissionQueue<'_, S> {
        SubmissionQueue::new(&self.core.rings, &self.local.queue)
    }

    /// Submits everything pushed, as [`Submitter::submit`](crate::Submitter::submit) does.
    ///
    /// # Errors
    ///
    /// Those of [`Submitter::submit`](crate::Submitter::submit).
    #[inline(always)]
    pub fn submit(&mut self) -> Result<usize, Errno> {
        self.core.submit(self.local)
    }

    /// Waits until the SQPOLL thread has made room, as [`Submitter::squeue_wait`](crate::Submitter::squeue_wait) does.
    ///
    /// # Errors
    ///
    /// Those of [`Submitter::squeue_wait`](crate::Submitter::squeue_wait).
    pub fn squeue_wait(&mut self) -> Result<usize, Errno> {
        self.core.squeue_wait(self.local)
    }
}

/// The half of a ring that waits and reads CQEs; see [`IoUring::halves`].
#[derive(Debug)]
pub struct CompletionHalf<'a, C: cqueue::EntryMarker = cqueue::Entry, K: Kernel = DefaultKernel> {
    core: &'a Core<K>,
    local: &'a mut cqueue::Consumer,
    entries: PhantomData<fn() -> C>,
}

impl<C: cqueue::EntryMarker, K: Kernel> CompletionHalf<'_, C, K> {
    /// Returns the completion queue.
    #[inline(always)]
    pub fn queue(&mut self) -> CompletionQueue<'_, C> {
        CompletionQueue::new(&self.core.rings, self.local)
    }

    /// Waits until `want` CQEs are there, as [`Submitter::wait`](crate::Submitter::wait) does.
    ///
    /// # Errors
    ///
    /// Those of [`Submitter::wait`](crate::Submitter::wait).
    #[inline]
    pub fn wait(&mut self, want: usize) -> Result<(), Errno> {
        self.local.publish(&self.core.rings);
        self.core.wait(self.core.want(want), EnterArgument::NONE)
    }

    /// Waits with a timeout, a signal mask or a minimum time, as
    /// [`Submitter::wait_with_args`](crate::Submitter::wait_with_args) does.
    ///
    /// # Errors
    ///
    /// Those of [`Submitter::wait_with_args`](crate::Submitter::wait_with_args), and `EOPNOTSUPP` where the wait would need a
    /// timeout request, which only the other half could submit.
    #[inline]
    pub fn wait_with_args(&mut self, want: usize, args: &SubmitArgs<'_>) -> Result<(), Errno> {
        self.local.publish(&self.core.rings);
        self.core.wait_extended(self.core.want(want), args)
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// Splits the ring into two halves, each of which can go to a thread of its own: one submits, the other waits and reads.
    ///
    /// On a SINGLE_ISSUER ring the submission half must stay with the task that made the ring; a submit in another task fails
    /// with `EEXIST`. With COOP_TASKRUN, completion work of the submitting task runs when that task next enters the kernel.
    ///
    /// # Errors
    ///
    /// - `EEXIST`: the ring has DEFER_TASKRUN, so only its own task may wait for completions.
    /// - `EOPNOTSUPP`: the ring has IOPOLL without SQPOLL. The waiting half would hold the lock that submitting needs.
    // kernel: io_uring/wait.c io_cqring_wait (7.3): with DEFER_TASKRUN a wait by another task is EEXIST.
    // kernel: io_uring/io_uring.c io_uring_enter (7.3): the device is polled with the ring's lock held, which submitting takes.
    // kernel: io_uring/tctx.c __io_uring_add_tctx_node_from_submit (7.3): with SINGLE_ISSUER a submit by another task is
    // EEXIST; a wait without a submit is not checked.
    pub fn halves(&mut self) -> Result<Halves<'_, S, C, K>, Errno> {
        let setup = self.params().setup();
        if setup.contains(SetupFlags::DEFER_TASKRUN) {
            return Err(Errno::EEXIST);
        }
        if setup.contains(SetupFlags::IOPOLL) && !setup.contains(SetupFlags::SQPOLL) {
            return Err(Errno::EOPNOTSUPP);
        }
        let (core, sq, cq) = self.parts();
        Ok((
            SubmissionHalf { core, local: sq, entries: PhantomData },
            CompletionHalf { core, local: cq, entries: PhantomData },
        ))
    }
}
