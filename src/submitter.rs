//! [`Submitter`]: submitting and waiting, as a user sees it.

use core::ffi::c_void;

use crate::builder::Parameters;
use crate::cqueue;
use crate::error::Errno;
use crate::flags::{EnterFlags, SetupFlags};
use crate::kernel::{DefaultKernel, Kernel};
use crate::wait::{Argument, Extended, SubmitArgs, Way};

mod enter;
mod identity;
mod local;

pub(crate) use enter::Core;
pub(crate) use identity::Identity;
pub(crate) use local::Local;

/// Submits what was pushed, and waits for completions.
///
/// From [`IoUring::submitter`](crate::IoUring::submitter) or [`IoUring::split`](crate::IoUring::split). The
/// registrations are methods of it too; see [`register`](crate::register).
///
/// | to | |
/// |--|--|
/// | hand over what was pushed | [`submit`](Self::submit) |
/// | the same, and wait, in one call | [`submit_and_wait`](Self::submit_and_wait); with a timeout or a signal mask [`submit_with_args`](Self::submit_with_args), [`submit_and_wait_reg`](Self::submit_and_wait_reg) |
/// | wait only | [`wait`](Self::wait), [`wait_with_args`](Self::wait_with_args) |
/// | fetch what waits outside the queue | [`get_events`](Self::get_events) |
/// | wait until an SQPOLL thread has made room | [`squeue_wait`](Self::squeue_wait) |
/// | do what no method does | [`enter`](Self::enter), [`register`](Self::register) |
///
/// Completions taken from a [`CompletionQueue`](crate::CompletionQueue) that still lives are given back to the kernel
/// before each call of it, so that a wait counts only what is new to the caller.
#[derive(Debug)]
pub struct Submitter<'a, K: Kernel = DefaultKernel> {
    pub(crate) core: &'a Core<K>,
    pub(crate) sq: &'a Local<K>,
    pub(crate) cq: &'a cqueue::Local,
}

impl<K: Kernel> Clone for Submitter<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kernel> Copy for Submitter<'_, K> {}

impl<K: Kernel> Submitter<'_, K> {
    /// Hands everything pushed over to the kernel; the number of entries that it took.
    ///
    /// Enters the kernel only where that is needed: an empty submit makes no system call, nor does one whose entries an
    /// SQPOLL thread that is awake will find. Where completions wait outside the queue (overflow, task work, a polled
    /// device) they are fetched on the way.
    ///
    /// The number can be smaller than what was pushed, if a request was refused at once and the ring lacks
    /// `SUBMIT_ALL`, or for want of memory: what was not taken stays queued for the next submit. Under SQPOLL it is the
    /// number of entries made visible to the thread.
    ///
    /// # Errors
    ///
    /// After an error all entries are still queued, and the next submit hands them over (and, under SQPOLL, counts
    /// them).
    ///
    /// | errno | meaning, and what to do |
    /// |--|--|
    /// | `EINTR` | a signal arrived while waiting: handle it, then wait again; for a deadline that must hold use an absolute one |
    /// | `ETIME` | the timeout passed |
    /// | `EAGAIN` | no memory for a request: reap completions, then submit again |
    /// | `EBUSY` | too many completions wait outside the queue (before 5.19): reap them, then submit again |
    /// | `EBADR` | completions were dropped for want of memory; [`overflow`](crate::CompletionQueue::overflow) counts them |
    /// | `EBADFD` | the ring is disabled: enable it |
    /// | `EEXIST` | the ring is SINGLE_ISSUER or DEFER_TASKRUN, and this is not its task |
    /// | `EOWNERDEAD` | the SQPOLL thread died (its process ran `exec`): make a new ring |
    /// | `EBADF`, `EOPNOTSUPP` | the ring's fd was closed, or is another file by now |
    /// | `EFAULT`, `EINVAL` | an argument of the wait that the kernel can't read or does not know |
    #[inline(always)]
    #[doc(alias = "io_uring_submit")]
    #[doc(alias = "io_uring_submit_and_get_events")]
    pub fn submit(&self) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        self.core.submit(self.sq, 0, Argument::NONE)
    }

    /// [`submit`](Self::submit), and waits until `want` completions are there; in one call.
    ///
    /// The wait can end early: check the queue and wait again. (Since 7.3 also with 0 where completions wait outside the queue and
    /// there is no room for them.) A `want` above the queue's capacity means the capacity.
    /// In a mixed ring the kernel counts slots, of which a 32-byte completion fills two, and the capacity is two slots
    /// less, since with fewer free a 32-byte completion may find no room;
    /// [`IoUring::submit_and_wait`](crate::IoUring::submit_and_wait) counts completions.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit). If entries were handed over, their number is returned even if the wait then failed.
    #[inline(always)]
    #[doc(alias = "io_uring_submit_and_wait")]
    pub fn submit_and_wait(&self, want: usize) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        self.core.submit(self.sq, self.core.want(want), Argument::NONE)
    }

    /// [`submit_and_wait`](Self::submit_and_wait) with a timeout, a signal mask or a minimum time.
    ///
    /// On a kernel without `FEAT_EXT_ARG` (before 5.11), or for an absolute time without `FEAT_MIN_TIMEOUT` (before
    /// 6.12), a timeout request of the crate's own takes two slots of the queue; its completion never surfaces. Its user
    /// data is 0xba5e0b5e55ed followed by 16 bits: on such kernels don't use these yourself. It waits behind a request
    /// with `IO_DRAIN`, and so does the time that it counts. Under SQPOLL, where the queue has no room for it, this spins
    /// until the kernel's thread has made some.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit). `ETIME` only if nothing was handed over and no completion is there. `EOPNOTSUPP`:
    /// a minimum time on a kernel without `FEAT_MIN_TIMEOUT`; a time or a mask on an IOPOLL ring without SQPOLL, where
    /// the kernel would ignore it. `EBUSY`: no room for the timeout
    /// request and its timespec, which take two slots.
    #[inline]
    #[doc(alias = "io_uring_submit_and_wait_timeout")]
    #[doc(alias = "io_uring_submit_and_wait_min_timeout")]
    pub fn submit_with_args(&self, want: usize, args: &SubmitArgs<'_>) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        match args.way(&self.core.params)? {
            Way::Extended => self.core.submit(self.sq, self.core.want(want), Extended::new(args).argument()),
            Way::Timer => self.submit_by_timer(self.core.want(want), args),
        }
    }

    /// [`submit_and_wait`](Self::submit_and_wait) with the `io_uring_reg_wait` that stands `offset` bytes into the
    /// registered [wait region](crate::register::WaitRegion): what [`submit_with_args`](Self::submit_with_args) does,
    /// without having the kernel copy the arguments. Since 6.13. Kernels up to 6.18 at least read the argument at offset 0
    /// instead of one in the last 64 bytes of the region.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit). `EFAULT`: no wait region is registered, or the offset is not aligned to 8 or too
    /// far. `EINVAL`: the kernel does not know registered waits.
    #[inline]
    #[doc(alias = "io_uring_submit_and_wait_reg")]
    #[doc(alias = "IORING_ENTER_EXT_ARG_REG")]
    pub fn submit_and_wait_reg(&self, want: usize, offset: usize) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        self.core.submit(self.sq, self.core.want(want), Argument::registered(offset))
    }

    /// Waits until `want` completions are there. Submits nothing: what was pushed stays queued.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    #[inline]
    #[doc(alias = "io_uring_wait_cqe_nr")]
    #[doc(alias = "io_uring_wait_cqe")]
    pub fn wait(&self, want: usize) -> Result<(), Errno> {
        self.cq.publish(&self.core.rings);
        self.core.wait(self.core.want(want), Argument::NONE)
    }

    /// [`wait`](Self::wait) with a timeout, a signal mask or a minimum time.
    ///
    /// # Errors
    ///
    /// As [`submit_with_args`](Self::submit_with_args). Where that would make a timeout request, the entries queued
    /// before it are submitted too, since the kernel takes them in order; the next submit counts them.
    #[inline]
    #[doc(alias = "io_uring_wait_cqes")]
    #[doc(alias = "io_uring_wait_cqe_timeout")]
    #[doc(alias = "io_uring_wait_cqes_min_timeout")]
    pub fn wait_with_args(&self, want: usize, args: &SubmitArgs<'_>) -> Result<(), Errno> {
        self.cq.publish(&self.core.rings);
        match args.way(&self.core.params)? {
            Way::Extended => self.core.wait(self.core.want(want), Extended::new(args).argument()),
            Way::Timer => self.wait_by_timer(self.core.want(want), args),
        }
    }

    /// Runs pending completion work and moves completions that wait outside the queue into it; waits for nothing.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    #[doc(alias = "io_uring_get_events")]
    pub fn get_events(&self) -> Result<(), Errno> {
        self.wait(0)
    }

    /// Waits until the SQPOLL thread has made room in the submission queue, and wakes it if it sleeps. Makes no call if
    /// there is room, or if the ring has no such thread: there [`submit`](Self::submit) makes room. Room is one slot: in a
    /// mixed ring a large entry, which needs up to three, may have to be pushed again.
    ///
    /// From Linux 5.10 to 5.18 the thread consumes nothing while completions wait outside the queue: there this waits until
    /// somebody takes completions, or a signal comes. With one thread for both queues, take what is there first, and have no
    /// more requests in flight than the completion queue has slots.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit). `EINVAL`: the kernel (before 5.10) can't wait for room.
    #[doc(alias = "io_uring_sqring_wait")]
    #[doc(alias = "IORING_ENTER_SQ_WAIT")]
    pub fn squeue_wait(&self) -> Result<usize, Errno> {
        self.core.squeue_wait(self.sq)
    }

    /// `io_uring_enter(2)` as it is, after publishing both queues. For what no method does.
    ///
    /// A `to_submit` above what is queued means what is queued: with SQ_REWIND the kernel would go on to slots that hold
    /// requests of earlier submits. (Under SQPOLL the thread goes by the tail, and the kernel gives the number back as it is.)
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit). Before the kernel is asked, `EINVAL`: `flags` have `REGISTERED_RING`, by which the number of
    /// this ring's descriptor would mean another ring; or `to_submit` is a part of what is queued in a ring of mixed
    /// sizes, where it may end amid a large entry, whose second half the next submit would run by itself.
    ///
    /// # Safety
    ///
    /// - `argument` and `size` are what `flags` call for.
    #[doc(alias = "io_uring_enter")]
    #[doc(alias = "io_uring_enter2")]
    pub unsafe fn enter(
        &self,
        to_submit: u32,
        min_complete: u32,
        flags: EnterFlags,
        argument: *const c_void,
        size: usize,
    ) -> Result<usize, Errno> {
        let (core, setup) = (self.core, self.core.params.setup());
        if flags.contains(EnterFlags::REGISTERED_RING) {
            return Err(Errno::EINVAL);
        }
        self.cq.publish(&core.rings);
        let unreported = self.sq.unreported();
        let (queued, _) = core.publish(self.sq);
        let mut to_submit = to_submit;
        if !setup.contains(SetupFlags::SQPOLL) {
            to_submit = to_submit.min(queued);
            if setup.contains(SetupFlags::SQE_MIXED) && to_submit != 0 && to_submit != queued {
                return Err(Errno::EINVAL);
            }
        }
        // SAFETY: the entries satisfy their contract (invariant of `Core`); the caller answers for the argument.
        let done = unsafe { core.kernel.enter(core.fd, to_submit, min_complete, flags.bits(), argument, size) }?;
        if setup.contains(SetupFlags::SQ_REWIND) {
            self.sq.queue.rewind(&core.rings, core.sqe_size(), done);
            self.sq.report_all();
        } else {
            self.sq.report(unreported.min(done));
        }
        Ok(done as usize)
    }

    /// What the ring was made with.
    #[must_use]
    pub fn params(&self) -> &Parameters {
        &self.core.params
    }
}
