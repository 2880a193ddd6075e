//! [`Submitter`]: submitting and waiting, as a user sees it.

use core::ffi::c_void;

use crate::cqueue;
use crate::error::Errno;
use crate::flags::{EnterFlags, SetupFlags};
use crate::kernel::{DefaultKernel, Kernel};
use crate::parameters::Parameters;
use crate::types::SubmitArgs;

mod enter;
mod identity;
mod progress;
mod timer;
mod wait;

pub(crate) use enter::Core;
pub(crate) use identity::Identity;
pub(crate) use progress::Progress;
pub(crate) use wait::{EnterArgument, polls_in_wait};
use wait::{Extended, Way};

/// Submits what was pushed, and waits for completions.
///
/// [`IoUring::submitter`](crate::IoUring::submitter) and [`IoUring::split`](crate::IoUring::split) return one. The registrations
/// are methods of this type too; see [`register`](crate::register).
///
/// | to | |
/// |--|--|
/// | hand over what was pushed | [`submit`](Self::submit) |
/// | hand it over and wait, in one call | [`submit_and_wait`](Self::submit_and_wait); with a timeout or a signal mask [`submit_with_args`](Self::submit_with_args), [`submit_and_wait_reg`](Self::submit_and_wait_reg) |
/// | wait only | [`wait`](Self::wait), [`wait_with_args`](Self::wait_with_args) |
/// | fetch what waits outside the queue | [`get_events`](Self::get_events) |
/// | wait until an SQPOLL thread has made room | [`squeue_wait`](Self::squeue_wait) |
/// | do what no method does | [`enter`](Self::enter), [`register`](Self::register) |
///
/// Each call first gives the slots of CQEs that were taken from a living [`CompletionQueue`](crate::CompletionQueue) back to the
/// kernel. So a wait counts only CQEs that are new to the caller.
#[derive(Debug)]
pub struct Submitter<'a, K: Kernel = DefaultKernel> {
    pub(crate) core: &'a Core<K>,
    pub(crate) sq: &'a Progress<K>,
    pub(crate) cq: &'a cqueue::Consumer,
}

impl<K: Kernel> Clone for Submitter<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kernel> Copy for Submitter<'_, K> {}

impl<K: Kernel> Submitter<'_, K> {
    /// Hands everything pushed over to the kernel, and returns the number of SQEs that the kernel took.
    ///
    /// Enters the kernel only if it has something to do. An empty submit makes no system call, and neither does a submit whose
    /// SQEs an SQPOLL thread that is awake will find. Completions that wait outside the queue (overflow, task work, a polled
    /// device) are fetched on the way.
    ///
    /// The number is smaller than the number pushed if a request was refused at once and the ring lacks `SUBMIT_ALL`, or if the
    /// kernel has no memory. SQEs that were not taken stay queued for the next submit. Under SQPOLL the number is that of the
    /// SQEs made visible to the thread.
    ///
    /// # Errors
    ///
    /// After an error all SQEs are still queued. The next submit hands them over (and, under SQPOLL, counts them).
    ///
    /// | errno | meaning, and what to do |
    /// |--|--|
    /// | `EINTR` | a signal arrived while waiting: handle it, then wait again; a deadline holds over this only if it is [absolute](SubmitArgs::absolute) |
    /// | `ETIME` | the timeout passed |
    /// | `EAGAIN` | no memory for even one request: reap completions, then submit again |
    /// | `EBUSY` | too many completions wait outside the queue (before 5.19): reap them, then submit again |
    /// | `EBADR` | completions were dropped because the kernel had no memory; [`overflow`](crate::CompletionQueue::overflow) counts them. A kernel without `FEAT_NODROP` drops without this error |
    /// | `EBADFD` | the ring is disabled: enable it |
    /// | `EEXIST` | the ring is SINGLE_ISSUER or DEFER_TASKRUN, and this is not its task |
    /// | `EOWNERDEAD` | the SQPOLL thread died (its process ran `exec`): make a new ring |
    /// | `EBADF`, `EOPNOTSUPP` | the ring's fd was closed, or is another file by now |
    /// | `EFAULT`, `EINVAL` | an argument of the wait that the kernel can't read or does not know |
    // kernel: io_uring/io_uring.c io_submit_sqes (7.3): the result is the number of entries consumed; EAGAIN only if that is 0
    // and no request can be allocated.
    // kernel: io_uring/io_uring.c io_uring_enter, io_uring_ctx_get_file (7.3): EBADFD, EOWNERDEAD, EBADF and EOPNOTSUPP come
    // before any entry is consumed.
    #[inline(always)]
    #[doc(alias = "io_uring_submit")]
    #[doc(alias = "io_uring_submit_and_get_events")]
    pub fn submit(&self) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        self.core.submit(self.sq)
    }

    /// Submits like [`submit`](Self::submit). The fastest way on a ring with SQPOLL: while the thread is awake, no function is
    /// called. On other rings it takes a little longer than [`submit`](Self::submit).
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit).
    #[inline(always)]
    pub fn submit_sqpoll(&self) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        self.core.submit_sqpoll(self.sq)
    }

    /// Submits like [`submit`](Self::submit), and waits until `want` CQEs are there, in one call.
    ///
    /// The wait can end early: check the queue and wait again. (Since 7.3, and in late releases of 6.12, it also ends when
    /// completions wait outside the queue and the queue has no room for them. That is no error.) A `want` above the queue's
    /// capacity means the capacity.
    ///
    /// In a mixed completion queue the kernel counts slots, of which a 32-byte CQE fills two. There the capacity is two slots
    /// less, because with fewer free slots a 32-byte CQE may find no room.
    /// [`IoUring::submit_and_wait`](crate::IoUring::submit_and_wait) counts CQEs.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit). If SQEs were handed over, their number is returned even if the wait then failed.
    // kernel: io_uring/io_uring.c io_uring_enter (7.3): the wait's error is returned only if the number is 0; after a short
    // submit there is no wait.
    // kernel: io_uring/wait.c io_cqring_wait (7.3): an error is returned only if the queue is empty. A wait ends with 0 if the
    // overflow list is not empty after it was flushed. 6.12.117 does so too, 7.2.12 does not.
    #[inline(always)]
    #[doc(alias = "io_uring_submit_and_wait")]
    pub fn submit_and_wait(&self, want: usize) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        self.core.submit_and_wait(self.sq, want)
    }

    /// Submits and waits like [`submit_and_wait`](Self::submit_and_wait), with a timeout, a signal mask or a minimum time.
    ///
    /// On a kernel without `FEAT_EXT_ARG` (before 5.11), or for an absolute time without `FEAT_MIN_TIMEOUT` (before
    /// 6.12), a timeout request of the crate's own takes two slots of the submission queue; its CQE never surfaces. Its user
    /// data is 0xba5e0b5e55ed followed by 16 bits: don't use such user data on these kernels. If `want` CQEs are there already,
    /// no request is made. On a kernel that drops CQEs (without `FEAT_NODROP`), the call needs two slots of the completion queue
    /// (with SQPOLL three) beyond the CQEs that are unread and the requests in flight; a larger queue
    /// ([`setup_cqsize`](crate::Builder::setup_cqsize)) gives them. The timeout request waits behind a
    /// request with `IO_DRAIN`, and its time starts then. Under SQPOLL, if the queue has no room for it, the call spins until
    /// the SQPOLL thread has made room.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit), and:
    /// - `ETIME`, only if nothing was handed over and no CQE is there.
    /// - `EOPNOTSUPP`: a minimum time on a kernel without `FEAT_MIN_TIMEOUT`; or a time or a mask on an IOPOLL ring without
    ///   SQPOLL, where the kernel would ignore it.
    /// - `EINVAL`: a time that the kernel does not take; or the kernel (Linux before 5.4) has no timeout request either.
    /// - `EBUSY`: no room for the timeout request and its timespec, which take two slots of the submission queue; or, on a kernel
    ///   that drops CQEs, none for their CQEs. SQEs may have been handed over; nothing was waited for.
    #[inline]
    #[doc(alias = "io_uring_submit_and_wait_timeout")]
    #[doc(alias = "io_uring_submit_and_wait_min_timeout")]
    pub fn submit_with_args(&self, want: usize, args: &SubmitArgs<'_>) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        match args.way(&self.core.params)? {
            Way::Extended => self.core.submit_with(self.sq, self.core.want(want), Extended::new(args).argument()),
            Way::Timer => self.submit_by_timer(self.core.want(want), args),
        }
    }

    /// Submits and waits like [`submit_with_args`](Self::submit_with_args), with the `io_uring_reg_wait` that stands `offset`
    /// bytes into the registered [wait region](crate::register::WaitRegion). The kernel copies no arguments then. Since 6.13.
    /// Kernels up to 7.3 at least read the argument at offset 0 in place of the one in the last 64 bytes of the region.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit), and:
    /// - `EFAULT`: no wait region is registered, or the offset is not aligned (to 8, on 32-bit kernels to 4), or too far.
    /// - `EINVAL`: the kernel does not know registered waits.
    // kernel: io_uring/io_uring.c io_get_ext_arg_reg (7.3): the offset must be a multiple of the kernel's long and leave room
    // for the structure. The speculation guard turns the last such offset into 0.
    #[inline]
    #[doc(alias = "io_uring_submit_and_wait_reg")]
    #[doc(alias = "IORING_ENTER_EXT_ARG_REG")]
    pub fn submit_and_wait_reg(&self, want: usize, offset: usize) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        self.core.submit_with(self.sq, self.core.want(want), EnterArgument::registered(offset))
    }

    /// Waits until `want` CQEs are there. Submits nothing: SQEs that were pushed stay queued.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit).
    #[inline]
    #[doc(alias = "io_uring_wait_cqe_nr")]
    #[doc(alias = "io_uring_wait_cqe")]
    pub fn wait(&self, want: usize) -> Result<(), Errno> {
        self.cq.publish(&self.core.rings);
        self.core.wait(self.core.want(want), EnterArgument::NONE)
    }

    /// Waits like [`wait`](Self::wait), with a timeout, a signal mask or a minimum time.
    ///
    /// On a kernel where the wait takes a timeout request (see [`submit_with_args`](Self::submit_with_args)), the SQEs queued
    /// before it are submitted too, since the kernel takes them in order. The next submit counts them.
    ///
    /// # Errors
    ///
    /// Those of [`submit_with_args`](Self::submit_with_args).
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

    /// Runs pending completion work, and moves CQEs that wait outside the queue into the queue. Waits for nothing.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit).
    // kernel: io_uring/wait.c io_cqring_wait (7.3): work is run and the overflow list is flushed before the number is looked
    // at, so also for 0.
    #[doc(alias = "io_uring_get_events")]
    pub fn get_events(&self) -> Result<(), Errno> {
        self.wait(0)
    }

    /// Waits until the SQPOLL thread has made room in the submission queue, and wakes the thread if it sleeps. Makes no system
    /// call if there is room, or if the ring has no such thread: without SQPOLL, [`submit`](Self::submit) makes room. Room means
    /// one slot. In a mixed submission queue an SQE of 128 bytes needs up to three slots, so that its push may fail again.
    ///
    /// From Linux 5.10 to 5.18 the thread consumes nothing while CQEs wait outside the completion queue. There this call waits
    /// until another thread takes CQEs, or a signal comes. With one thread for both queues, take the CQEs first, and have no
    /// more requests in flight than the completion queue has slots.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit), and `EINVAL`: the kernel (before 5.10) can't wait for room.
    #[doc(alias = "io_uring_sqring_wait")]
    #[doc(alias = "IORING_ENTER_SQ_WAIT")]
    pub fn squeue_wait(&self) -> Result<usize, Errno> {
        self.core.squeue_wait(self.sq)
    }

    /// Calls `io_uring_enter(2)` with these arguments, after publishing both queues. For cases that no method covers.
    ///
    /// A `to_submit` above the number of queued SQEs means that number. (With SQ_REWIND the kernel would go on to slots that hold
    /// requests of earlier submits. Under SQPOLL the thread reads the tail, and the kernel returns `to_submit` unchanged.)
    // kernel: io_uring/io_uring.c io_submit_sqes (7.3): with SQ_REWIND only the size of the queue limits the number.
    ///
    /// # Errors
    ///
    /// Those of [`submit`](Self::submit). `EINVAL` comes before the kernel is asked:
    /// - `flags` have `REGISTERED_RING`, with which the number of this ring's descriptor would mean another ring.
    /// - `to_submit` is only a part of the SQEs that are queued in a mixed submission queue. It may end inside an SQE of 128
    ///   bytes, whose second half the next submit would run as a request.
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
        let unreported = self.sq.unreported(self.sq.queue.tail.get());
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
            self.sq.report_up_to(self.sq.queue.tail.get());
        } else {
            self.sq.report(unreported.min(done));
        }
        Ok(done as usize)
    }

    /// Returns what the ring was made with, and what its kernel can do.
    #[must_use]
    pub fn params(&self) -> &Parameters {
        &self.core.params
    }
}
