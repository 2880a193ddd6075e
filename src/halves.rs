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

/// The submitting half of a ring; see [`IoUring::halves`].
#[derive(Debug)]
pub struct SubmissionHalf<'a, S: squeue::EntryMarker = squeue::Entry, K: Kernel = DefaultKernel> {
    core: &'a Core<K>,
    local: &'a mut submitter::Progress<K>,
    entries: PhantomData<fn() -> S>,
}

impl<S: squeue::EntryMarker, K: Kernel> SubmissionHalf<'_, S, K> {
    /// The queue to push to.
    #[inline(always)]
    pub fn queue(&mut self) -> SubmissionQueue<'_, S> {
        SubmissionQueue::new(&self.core.rings, &self.local.queue)
    }

    /// [`Submitter::submit`](crate::Submitter::submit).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline(always)]
    pub fn submit(&mut self) -> Result<usize, Errno> {
        self.core.submit(self.local, 0, EnterArgument::NONE)
    }

    /// [`Submitter::squeue_wait`](crate::Submitter::squeue_wait).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn squeue_wait(&mut self) -> Result<usize, Errno> {
        self.core.squeue_wait(self.local)
    }
}

/// The completing half of a ring; see [`IoUring::halves`].
#[derive(Debug)]
pub struct CompletionHalf<'a, C: cqueue::EntryMarker = cqueue::Entry, K: Kernel = DefaultKernel> {
    core: &'a Core<K>,
    local: &'a mut cqueue::Consumer,
    entries: PhantomData<fn() -> C>,
}

impl<C: cqueue::EntryMarker, K: Kernel> CompletionHalf<'_, C, K> {
    /// The queue to read from.
    #[inline(always)]
    pub fn queue(&mut self) -> CompletionQueue<'_, C> {
        CompletionQueue::new(&self.core.rings, self.local)
    }

    /// [`Submitter::wait`](crate::Submitter::wait).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn wait(&mut self, want: usize) -> Result<(), Errno> {
        self.local.publish(&self.core.rings);
        self.core.wait(self.core.want(want), EnterArgument::NONE)
    }

    /// [`Submitter::wait_with_args`](crate::Submitter::wait_with_args).
    ///
    /// # Errors
    ///
    /// As there; `EOPNOTSUPP` where it would need a timeout request, which only the other half could submit.
    #[inline]
    pub fn wait_with_args(&mut self, want: usize, args: &SubmitArgs<'_>) -> Result<(), Errno> {
        self.local.publish(&self.core.rings);
        self.core.wait_extended(self.core.want(want), args)
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// The ring as two halves, of which each can go to a thread of its own: one submits, the other waits and reads.
    ///
    /// On a SINGLE_ISSUER ring the submission half must stay with the task that made the ring; elsewhere the kernel
    /// answers `EEXIST`. With COOP_TASKRUN, completion work of the submitting task runs when that task enters the
    /// kernel.
    ///
    /// # Errors
    ///
    /// `EEXIST`: a DEFER_TASKRUN ring, whose completions only its own task may wait for. `EOPNOTSUPP`: an IOPOLL ring
    /// without SQPOLL, on which the waiting half would hold the lock that submitting needs.
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
