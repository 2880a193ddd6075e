//! [`IoUring`]: memory, queues and descriptor of one ring; its taking over, and its end.

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

/// In place of a descriptor: there is none. Every kernel refuses this number; -1 would mean "the task" to
/// `io_uring_register(2)`, and "a hole" in a table of files.
const NO_FD: RawFd = RawFd::MIN;

/// A ring: submission queue, completion queue, and the kernel that works between them.
///
/// `S` and `C` are the kinds of entry of its queues, `K` the kernel; the defaults are what most programs want.
///
/// | to | |
/// |--|--|
/// | make one | [`new`](Self::new), [`builder`](Self::builder); on another kernel [`with_kernel`](Self::with_kernel) |
/// | take one over | [`from_fd`](Self::from_fd), [`from_raw_parts`](Self::from_raw_parts) |
/// | push, and take completions | [`submission`](Self::submission), [`completion`](Self::completion); both at once [`split`](Self::split) |
/// | submit and wait | [`submit`](Self::submit), [`submit_and_wait`](Self::submit_and_wait); all other ways, and the registrations, [`submitter`](Self::submitter) |
/// | save each call the look-up of the descriptor | [`register_ring_fd`](Self::register_ring_fd) |
/// | have another size | [`register_resize_rings`](Self::register_resize_rings), [`resize_provided`](Self::resize_provided) |
/// | end what is in flight | [`cancel_and_drain`](Self::cancel_and_drain) |
///
/// The ring can be sent to another thread and is not shared between threads; for two threads take its
/// [halves](Self::halves).
///
/// # What it does to its threads
///
/// - A thread that ends takes along what it has submitted: such requests end with `ECANCELED`. On a ring with SQPOLL they go on.
/// - On plain rings and with COOP_TASKRUN, a completion ends another system call that the thread is in (`epoll_wait(2)`, a
///   `recv(2)` with a time limit) with `EINTR`. With DEFER_TASKRUN or SQPOLL it does not. The end of a ring does so on every
///   kind of ring, a little after its drop.
///
/// # Dropping it
///
/// Drop unregisters the ring's registered fd if it has one, unmaps and closes. What becomes of requests in flight is the
/// kernel's affair: those up to 7.3 cancel them some time after the close, until when they may still write to their buffers,
/// and drop does not wait. Later ones may cancel and wait in the close itself, so that drop blocks until the last request has
/// ended, however long a device takes. So don't count on drop to end requests, nor on it to return at once. If you must
/// free their memory, or must not be held up, call [`cancel_and_drain`](Self::cancel_and_drain) first, which says whether all
/// has ended.
///
/// While a mapping of the ring lives apart from it (a [region](crate::register::MemoryRegion), a
/// [refill ring](crate::register::zcrx::RefillRing), a ring of buffers of the kernel's), the kernel keeps the ring, with all
/// that is in flight, though the drop be done: drop those first.
///
/// # After fork
///
/// A child process must not submit on its parent's ring. Dropping the ring there closes the child's copy of the
/// descriptor and cancels nothing of the parent's. Two kinds of ring must not even be dropped there, but forgotten
/// (`core::mem::forget`, or `_exit`): one with `dontfork`, since something else of the child's may lie where the mappings
/// would be, and a [`LocalRing`](crate::LocalRing), whose index may mean a ring of the child's own by then.
// In this order what each push, submit and look touches comes first: in few cache lines, and within reach of the short
// offsets of instructions.
#[repr(C)]
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
    /// The same ring, reached through a kernel made from this one.
    pub(crate) fn map_kernel<L: Kernel>(self, wrap: impl FnOnce(K) -> L) -> IoUring<S, C, L> {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so that each value moves out once.
        let core = unsafe { core::ptr::read(&raw const this.core) };
        // SAFETY: the same.
        let sq = unsafe { core::ptr::read(&raw const this.sq) };
        // SAFETY: the same.
        let cq = unsafe { core::ptr::read(&raw const this.cq) };
        // SAFETY: the same.
        let regions = unsafe { core::ptr::read(&raw const this.regions) };
        let Core { kernel, fd, rings, params, wait_flags, identity } = core;
        let core = Core { kernel: wrap(kernel), fd, rings, params, wait_flags, identity };
        IoUring { core, sq: sq.through(), cq, regions, entries: PhantomData }
    }

    pub(crate) fn parts(&mut self) -> (&Core<K>, &mut submitter::Progress<K>, &mut cqueue::Consumer) {
        (&self.core, &mut self.sq, &mut self.cq)
    }

    /// The ring's descriptor is gone: its number may be another file's by now.
    pub(crate) fn set_fd(&mut self, index: u32) {
        self.core.fd = index.cast_signed();
    }

    /// Puts other memory in the old one's place, which is given back. The queues' indices stay what they are.
    ///
    /// # Safety
    ///
    /// The regions hold the same ring, `rings` are theirs, and its kernel uses the old memory no more.
    pub(crate) unsafe fn replace_memory(&mut self, params: Parameters, rings: Rings, regions: Regions) {
        let old = core::mem::replace(&mut self.regions, regions);
        self.core.rings = rings;
        self.core.params = params;
        self.sq.queue.forget_room();
        self.cq.forget_limit();
        // SAFETY: whoever had a reference into the old rings borrowed this ring, which is borrowed exclusively now.
        unsafe { old.release(&self.core.kernel) };
    }

    pub(crate) fn regions(&self) -> &Regions {
        &self.regions
    }

    /// Ends the ring before it is dropped: no call reaches it any more.
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

    /// Submits, waits, registers.
    #[inline(always)]
    pub fn submitter(&self) -> Submitter<'_, K> {
        Submitter { core: &self.core, sq: &self.sq, cq: &self.cq }
    }

    /// What the ring was made with, and what its kernel can do.
    #[inline]
    #[must_use]
    pub fn params(&self) -> &Parameters {
        &self.core.params
    }

    /// The kernel that the ring speaks to.
    #[must_use]
    pub fn kernel(&self) -> &K {
        &self.core.kernel
    }

    /// The ring's file descriptor, or its registered index where it has no descriptor. Of a ring that is closed already (after
    /// `ENOTRECOVERABLE`) a number that is refused with `EBADF`, wherever it goes.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.core.fd
    }

    /// [`Submitter::submit`].
    ///
    /// # Errors
    ///
    /// As [`Submitter::submit`].
    #[inline(always)]
    pub fn submit(&self) -> Result<usize, Errno> {
        self.submitter().submit()
    }

    /// Whether waits count as I/O wait of the task, which raises the CPU's frequency but shows as load. On at first.
    /// Since 6.15.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: switched off on a kernel without `FEAT_NO_IOWAIT`.
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
    /// [`Submitter::submit_and_wait`]; in a mixed ring too until `want` completions are there, of whatever size.
    ///
    /// There the kernel counts slots, so that the wait may take several calls. It ends early where a large completion
    /// might find no room: three slots before the queue is full.
    ///
    /// # Errors
    ///
    /// As [`Submitter::submit_and_wait`].
    #[inline(always)]
    pub fn submit_and_wait(&self, want: usize) -> Result<usize, Errno> {
        let submitted = self.submitter().submit_and_wait(want)?;
        // One completion is there as soon as one slot is filled.
        if const { C::SETUP.contains(SetupFlags::CQE_MIXED) } && want > 1 {
            return self.wait_for_entries(want, submitted);
        }
        Ok(submitted)
    }

    /// The kernel waited for `want` slots, after a submit of which `submitted` is told: goes on until there are as many
    /// completions.
    fn wait_for_entries(&self, want: usize, submitted: usize) -> Result<usize, Errno> {
        // After a short submit the kernel waits for nothing, and what is missing may never come.
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
                // As the kernel does it: a count is told before an error.
                Err(_) => return Ok(submitted),
                Ok(()) => {}
            }
        }
    }

    /// The submission queue.
    #[inline(always)]
    pub fn submission(&mut self) -> SubmissionQueue<'_, S> {
        SubmissionQueue::new(&self.core.rings, &self.sq.queue)
    }

    /// The completion queue.
    ///
    /// `for cqe in ring.completion()` borrows the ring for the loop's body, as does `while let` with a handle made in its
    /// head. To push on the way, take the queues from [`split`](Self::split), or copy completions out with
    /// [`fill`](CompletionQueue::fill).
    #[inline(always)]
    pub fn completion(&mut self) -> CompletionQueue<'_, C> {
        CompletionQueue::new(&self.core.rings, &self.cq)
    }

    /// Submitter and both queues at once. They share their state through the ring: no `sync` is needed between them.
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
        // SAFETY: whoever had a reference into the rings borrowed the ring that is dropped here.
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
