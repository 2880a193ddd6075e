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

/// Stands in place of a descriptor when the ring is closed. Every kernel refuses this number; -1 would mean "the task" to
/// `io_uring_register(2)`, and "a hole" in a table of files.
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
/// - When a thread ends, the requests that it has submitted end with `ECANCELED`. On a ring with SQPOLL they go on.
/// - On plain rings and with COOP_TASKRUN, a completion ends another system call that the thread is in (`epoll_wait(2)`, a
///   `recv(2)` with a time limit) with `EINTR`. With DEFER_TASKRUN or SQPOLL it does not. The end of a ring does so on every
///   kind of ring, a little after its drop.
///
/// # Dropping a ring
///
/// Drop unregisters the ring's registered descriptor if it has one, unmaps the memory and closes the descriptor. The kernel
/// decides what becomes of requests in flight. Kernels up to 7.3 cancel them some time after the close; until then requests may
/// still write to their buffers, and drop does not wait. Later kernels may cancel and wait in the close itself: then drop blocks
/// until the last request has ended, however long a device takes. So don't count on drop to end requests, nor to return at
/// once. If you must free the memory of requests, or must not be held up, call [`cancel_and_drain`](Self::cancel_and_drain)
/// first, which says whether all requests have ended.
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
    /// Makes a ring of the same memory and descriptor, reached through a kernel made from this one.
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

    pub(crate) fn parts(&mut self) -> (&Core<K>, &mut submitter::Progress<K>, &mut cqueue::Consumer) {
        (&self.core, &mut self.sq, &mut self.cq)
    }

    /// Forgets the ring's descriptor, which is closed and whose number may be another file's by now: `index` stands in its place.
    pub(crate) fn set_fd(&mut self, index: u32) {
        self.core.fd = index.cast_signed();
    }

    /// Replaces the ring's memory, and gives the old memory back. The queues' indices stay what they are.
    ///
    /// # Safety
    ///
    /// - The regions hold this ring, and `rings` were located in them.
    /// - The kernel uses the old memory no more.
    pub(crate) unsafe fn replace_memory(&mut self, params: Parameters, rings: Rings, regions: Regions) {
        let old = core::mem::replace(&mut self.regions, regions);
        self.core.rings = rings;
        self.core.params = params;
        self.sq.queue.forget_room();
        self.cq.forget_limit();
        // SAFETY: each reference into the old rings borrowed this ring, which is borrowed exclusively now.
        unsafe { old.release(&self.core.kernel) };
    }

    pub(crate) fn regions(&self) -> &Regions {
        &self.regions
    }

    /// Closes the ring before it is dropped: no call reaches it any more.
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

    /// Returns what the ring was made with, and what its kernel can do.
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
        self.submitter().submit()
    }

    /// Sets whether waits count as I/O wait of the task. I/O wait raises the CPU's frequency, and shows as load. A ring starts
    /// with it on. Since 6.15.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: `count` is false, and the kernel lacks `FEAT_NO_IOWAIT`.
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
    /// Submits everything pushed, and waits until `want` CQEs are there: [`Submitter::submit_and_wait`], which in a mixed
    /// completion queue counts slots; this method counts CQEs of either size.
    ///
    /// In a mixed completion queue the wait may take several calls. It ends early where a 32-byte CQE might find no room: three
    /// slots before the queue is full.
    ///
    /// # Errors
    ///
    /// Those of [`Submitter::submit_and_wait`].
    #[inline(always)]
    pub fn submit_and_wait(&self, want: usize) -> Result<usize, Errno> {
        let submitted = self.submitter().submit_and_wait(want)?;
        // One completion is there as soon as one slot is filled.
        if const { C::SETUP.contains(SetupFlags::CQE_MIXED) } && want > 1 {
            return self.wait_for_entries(want, submitted);
        }
        Ok(submitted)
    }

    /// Goes on waiting until `want` CQEs are there, after the kernel has waited for `want` slots. Returns `submitted`.
    fn wait_for_entries(&self, want: usize, submitted: usize) -> Result<usize, Errno> {
        // After a short submit the kernel waits for nothing, and the missing CQEs may never come.
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
            // With fewer slots than asked for the wait was interrupted.
            if there.callers >= want || there.slots < asked || next <= there.slots {
                return Ok(submitted);
            }
            asked = next;
            match self.core.wait(asked, EnterArgument::NONE) {
                Err(errno) if submitted == 0 => return Err(errno),
                // A count goes before an error, as in the kernel's own answer.
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
            SubmissionQueue::new(&self.core.rings, &self.sq.queue),
            CompletionQueue::new(&self.core.rings, &self.cq),
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
