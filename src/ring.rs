//! [`IoUring`]: memory, queues and descriptor of one ring, and its end.

use core::fmt;
use core::marker::PhantomData;

use crate::cqueue::{self, CompletionQueue};
use crate::error::Errno;
use crate::flags::{EnterFlags, Features, SetupFlags};
use crate::kernel::{DefaultKernel, Kernel};
use crate::memory::{Regions, Rings};
use crate::parameters::Parameters;
use crate::squeue::{self, SubmissionQueue};
use crate::submitter::{self, Core, EnterArgument, Submitter};
use crate::types::RawFd;

mod making;
pub(crate) mod ring_fd;

/// Stands in place of a descriptor when the ring is closed. Every kernel refuses this number. -1 would not do: it means "the
/// task" to `io_uring_register(2)`, and "a hole" in a table of files.
// kernel: io_uring/register.c io_uring_register (7.3): only -1 stands for the task; any other number is looked up as a descriptor.
const NO_FD: RawFd = RawFd::MIN;

/// A ring: a submission queue, a completion queue, and the kernel that works between them.
///
/// `S` is the type of the SQEs, `C` that of the CQEs, `K` the kernel. Most programs want the defaults.
///
/// | to | |
/// |--|--|
/// | make one | [`new`](Self::new), [`builder`](Self::builder); on another kernel [`with_kernel`](Self::with_kernel) |
/// | take one over | [`from_fd`](Self::from_fd), [`from_raw_parts`](Self::from_raw_parts) |
/// | push, and take completions | [`submission`](Self::submission), [`completion`](Self::completion); both at once [`split`](Self::split) |
/// | submit and wait | [`submit`](Self::submit), [`submit_and_wait`](Self::submit_and_wait); all other ways, and the registrations, [`submitter`](Self::submitter) |
/// | save the look-up of the descriptor in each call | [`register_ring_fd`](Self::register_ring_fd) |
/// | have another size | [`register_resize_rings`](Self::register_resize_rings), [`resize_provided`](Self::resize_provided) |
/// | end what is in flight | [`cancel_and_drain`](Self::cancel_and_drain) |
///
/// The ring can be sent to another thread, and is not shared between threads. For two threads take its
/// [halves](Self::halves).
///
/// # What a ring does to its threads
///
/// - When a thread ends, the requests that it has submitted end with `ECANCELED`, or as they would have ended anyway. On a ring
///   with SQPOLL they go on.
/// - On plain rings and with COOP_TASKRUN, a completion ends another system call that the thread is in (`epoll_wait(2)`, a
///   `recv(2)` with a time limit) with `EINTR`. With DEFER_TASKRUN or SQPOLL a completion does not. On every kind of ring the
///   end of the ring does, a little after its drop.
///
/// # Dropping a ring
///
/// Drop unregisters the ring's registered descriptor if it has one, unmaps the memory and closes the descriptor. The kernel
/// decides what becomes of requests in flight. Linux up to 7.3 cancels them some time after the close; until then requests may
/// still write to their buffers, and drop does not wait. Later releases may cancel and wait in the close itself: then drop blocks
/// until the last request has ended, however long a device takes. Some unikernels (Nanos, OSv) wait in the close, and do not
/// cancel a read that is pending. So don't count on drop to end requests, nor to return at once. If you must free the memory of
/// requests, or must not be held up, call [`cancel_and_drain`](Self::cancel_and_drain) first, which says whether all requests
/// have ended.
///
/// A mapping of the ring can outlive the ring (a [region](crate::register::MemoryRegion), a
/// [refill ring](crate::register::zcrx::RefillRing), a mapped provided buffer ring). While it lives, the kernel keeps the ring
/// and all requests in flight: drop such mappings first.
///
/// # After fork
///
/// A child process must not submit on its parent's ring. Dropping the ring there closes the child's copy of the
/// descriptor and cancels nothing of the parent's. Two kinds of ring must not even be dropped there, but forgotten
/// (`core::mem::forget`, or `_exit`): one with `dontfork`, since something else of the child's may lie where the mappings
/// would be, and a [`LocalRing`](crate::LocalRing), whose index may mean a ring of the child's own by then.
// kernel: io_uring/io_uring.c io_ring_ctx_wait_and_kill, io_ring_exit_work (7.3): the close only queues the work that cancels
// requests and waits for them; then that work interrupts each task that has used the ring.
// kernel: io_uring/cancel.c io_uring_cancel_generic (7.3): a task that ends cancels its requests and waits for them, but for
// those of rings with SQPOLL, which belong to the thread.
// kernel: io_uring/tw.c io_req_normal_work_add, io_req_local_work_add (7.3): without DEFER_TASKRUN and SQPOLL, completion work
// is announced to the task like a signal.
// In this order the fields that each push, submit and look touch come first: in few cache lines, and within reach of the
// short offsets of instructions.
#[repr(C)]
#[doc(alias = "io_uring_queue_exit")]
pub struct IoUring<S = squeue::Entry, C = cqueue::Entry, K: Kernel = DefaultKernel> {
    sq: submitter::Progress<K>,
    cq: cqueue::Consumer,
    core: Core<K>,
    regions: Regions,
    entries: PhantomData<fn() -> (S, C)>,
}

impl<S, C, K: Kernel> fmt::Debug for IoUring<S, C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoUring").field("fd", &self.core.fd).field("params", &self.core.params).finish_non_exhaustive()
    }
}

impl<S, C, K: Kernel> IoUring<S, C, K> {
    /// Converts the ring to one of the same memory and descriptor, whose kernel `wrap` makes from this ring's kernel.
    pub(crate) fn map_kernel<L: Kernel>(self, wrap: impl FnOnce(K) -> L) -> IoUring<S, C, L> {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so each value moves out once.
        let core = unsafe { core::ptr::read(&raw const this.core) };
        // SAFETY: `this` is never dropped or used again.
        let sq = unsafe { core::ptr::read(&raw const this.sq) };
        // SAFETY: `this` is never dropped or used again.
        let cq = unsafe { core::ptr::read(&raw const this.cq) };
        // SAFETY: `this` is never dropped or used again.
        let regions = unsafe { core::ptr::read(&raw const this.regions) };
        let Core { kernel, fd, rings, params, wait_flags, identity } = core;
        let core = Core { kernel: wrap(kernel), fd, rings, params, wait_flags, identity };
        IoUring { core, sq: sq.through(), cq, regions, entries: PhantomData }
    }

    /// Borrows the parts from which both halves are made.
    pub(crate) fn parts(&mut self) -> (&Core<K>, &mut submitter::Progress<K>, &mut cqueue::Consumer) {
        (&self.core, &mut self.sq, &mut self.cq)
    }

    /// Puts `index` in the place of the ring's descriptor. The descriptor is closed, and its number may be another file's by now.
    pub(crate) fn set_fd(&mut self, index: u32) {
        self.core.fd = index.cast_signed();
    }

    /// Replaces the ring's memory, and gives the old memory back. Heads and tails keep their values.
    ///
    /// # Safety
    ///
    /// - The regions hold this ring, and `rings` were located in them.
    /// - The kernel uses the old memory no more.
    pub(crate) unsafe fn replace_memory(&mut self, params: Parameters, rings: Rings, regions: Regions) {
        let old = core::mem::replace(&mut self.regions, regions);
        self.core.rings = rings;
        self.core.params = params;
        self.sq.resized(&self.core.rings);
        self.cq.doubt();
        // SAFETY: each reference into the old rings borrowed this ring, which is borrowed exclusively now.
        unsafe { old.release(&self.core.kernel) };
    }

    pub(crate) fn regions(&self) -> &Regions {
        &self.regions
    }

    /// Closes the ring before it is dropped. Afterwards no call reaches the ring.
    pub(crate) fn close(&mut self) {
        if self.core.fd != NO_FD {
            // SAFETY: the ring owns its fd, whose number is forgotten here. Nothing can be done about a failure.
            let _ = unsafe { self.core.kernel.close(self.core.fd) };
            self.core.fd = NO_FD;
        }
    }

    pub(crate) fn kernel_mut(&mut self) -> &mut K {
        &mut self.core.kernel
    }

    /// Returns the [`Submitter`], which submits, waits and registers.
    #[inline(always)]
    pub fn submitter(&self) -> Submitter<'_, K> {
        Submitter { core: &self.core, sq: &self.sq, cq: &self.cq }
    }

    /// Returns the parameters of the ring: its flags and sizes, and what its kernel can do.
    #[inline]
    #[must_use]
    pub fn params(&self) -> &Parameters {
        &self.core.params
    }

    /// Returns the kernel of the ring.
    #[must_use]
    pub fn kernel(&self) -> &K {
        &self.core.kernel
    }

    /// Returns the ring's file descriptor, or its registered index where it has no descriptor. A ring that is closed already
    /// (after `ENOTRECOVERABLE`) returns a number that every call refuses with `EBADF`.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.core.fd
    }

    /// Submits everything pushed: [`Submitter::submit`].
    ///
    /// # Errors
    ///
    /// Those of [`Submitter::submit`].
    #[inline(always)]
    pub fn submit(&self) -> Result<usize, Errno> {
        self.core.submit(&self.sq)
    }

    /// Submits everything pushed, on a ring with SQPOLL: [`Submitter::submit_sqpoll`].
    ///
    /// # Errors
    ///
    /// Those of [`Submitter::submit`].
    #[inline(always)]
    pub fn submit_sqpoll(&self) -> Result<usize, Errno> {
        self.core.submit_sqpoll(&self.sq)
    }

    /// Sets whether waits count as I/O wait of the task. I/O wait raises the CPU's frequency, and shows as load. The waits of a
    /// new ring count. Since 6.15.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: `count` is false, and the kernel lacks `FEAT_NO_IOWAIT`.
    // kernel: io_uring/wait.c __io_cqring_wait_schedule (7.3): a wait counts if the task has requests in flight and the call
    // lacks NO_IOWAIT.
    // kernel: io_uring/io_uring.c io_uring_enter (6.12.117): a flag that the kernel does not know is EINVAL.
    #[doc(alias = "io_uring_set_iowait")]
    #[doc(alias = "IORING_ENTER_NO_IOWAIT")]
    pub fn set_iowait(&mut self, count: bool) -> Result<(), Errno> {
        if !count && !self.params().features().contains(Features::NO_IOWAIT) {
            return Err(Errno::EOPNOTSUPP);
        }
        let more = if count { EnterFlags::empty() } else { EnterFlags::NO_IOWAIT };
        self.core.wait_flags = EnterFlags::GETEVENTS.union(more);
        Ok(())
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// Submits everything pushed, and waits until `want` CQEs are there, like [`Submitter::submit_and_wait`]. In a mixed
    /// completion queue that method counts slots, and this one counts CQEs of either size.
    ///
    /// In a mixed completion queue the wait may take several calls. It ends early when fewer than three slots are free, because
    /// a 32-byte CQE might then find no room.
    ///
    /// # Errors
    ///
    /// Those of [`Submitter::submit_and_wait`].
    #[inline(always)]
    pub fn submit_and_wait(&self, want: usize) -> Result<usize, Errno> {
        let submitted = self.core.submit_and_wait(&self.sq, want)?;
        // One completion is there as soon as one slot is filled.
        if const { C::SETUP.contains(SetupFlags::CQE_MIXED) } && want > 1 {
            return self.wait_for_entries(want, submitted);
        }
        Ok(submitted)
    }

    /// Waits on until `want` CQEs are there, after the kernel has waited for `want` slots. Returns `submitted`.
    fn wait_for_entries(&self, want: usize, submitted: usize) -> Result<usize, Errno> {
        // After a short submit the kernel does not wait, and the SQEs that it did not take bring no CQE before the next submit.
        // kernel: io_uring/io_uring.c io_uring_enter (7.3): a number submitted below the number asked for ends the call.
        let all_submitted = self.params().setup().contains(SetupFlags::SQPOLL)
            || self.core.free_slots(&self.sq) == self.core.rings.sq().count();
        let (limit, want) = (self.core.most(), self.core.want(want));
        let mut asked = want;
        if !all_submitted {
            return Ok(submitted);
        }
        loop {
            let there = cqueue::census(&self.core.rings, &self.cq, C::SETUP, 0);
            let next = there.slots.saturating_add(want.saturating_sub(there.callers)).min(limit);
            // If fewer slots are filled than the kernel was asked for, the wait was interrupted.
            // kernel: io_uring/wait.c io_cqring_wait (7.3): the error of an interrupted wait is dropped unless the queue is empty.
            if there.callers >= want || there.slots < asked || next <= there.slots {
                return Ok(submitted);
            }
            asked = next;
            match self.core.wait(asked, EnterArgument::NONE) {
                Err(errno) if submitted == 0 => return Err(errno),
                // The number submitted must not be lost, so it is returned in place of the error, as the kernel itself does.
                Err(_) => return Ok(submitted),
                Ok(()) => {}
            }
        }
    }

    /// Returns the submission queue.
    #[inline(always)]
    pub fn submission(&mut self) -> SubmissionQueue<'_, S> {
        SubmissionQueue::new(&self.core.rings, &self.sq.queue)
    }

    /// Returns the completion queue.
    ///
    /// `for cqe in ring.completion()` borrows the ring for the whole loop; so does `while let Some(cqe) =
    /// ring.completion().next()`. To push in the loop, take the queues from [`split`](Self::split), or copy CQEs out with
    /// [`fill`](CompletionQueue::fill).
    #[inline(always)]
    #[doc(alias = "io_uring_cqe_iter_init")]
    #[doc(alias = "io_uring_for_each_cqe")]
    pub fn completion(&mut self) -> CompletionQueue<'_, C> {
        CompletionQueue::new(&self.core.rings, &self.cq)
    }

    /// Returns the submitter and both queues at once. They share their state through the ring: no `sync` is needed between them.
    #[inline(always)]
    pub fn split(&mut self) -> (Submitter<'_, K>, SubmissionQueue<'_, S>, CompletionQueue<'_, C>) {
        (
            Submitter { core: &self.core, sq: &self.sq, cq: &self.cq },
            SubmissionQueue::beside_submitter(&self.core.rings, &self.sq.queue),
            CompletionQueue::beside_submitter(&self.core.rings, &self.cq),
        )
    }
}

impl<S, C, K: Kernel> Drop for IoUring<S, C, K> {
    fn drop(&mut self) {
        // SAFETY: each reference into the rings borrowed the ring that is dropped here.
        unsafe { self.regions.release(&self.core.kernel) };
        self.close();
    }
}

#[cfg(feature = "std")]
crate::arch::linux! {
    impl<S, C> std::os::fd::AsRawFd for IoUring<S, C> {
        fn as_raw_fd(&self) -> RawFd {
            self.fd()
        }
    }
}
