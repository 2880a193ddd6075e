//! [`IoUring`]: memory, queues and descriptor of one ring; its taking over, and its end.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::builder::{Builder, Parameters, refused_combination};
use crate::cqueue::{self, CompletionQueue};
use crate::error::{Errno, SetupError};
use crate::flags::{EnterFlags, Features, SetupFlags};
use crate::kernel::{DefaultKernel, Kernel};
use crate::memory::{Region, Regions, Rings};
use crate::register;
use crate::squeue::{self, SubmissionQueue};
use crate::submitter::{self, Core, Submitter};
use crate::types::{RawFd, SubmitArgs};
use crate::wait::Argument;

mod making;

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
#[doc(alias = "io_uring_queue_exit")]
pub struct IoUring<S = squeue::Entry, C = cqueue::Entry, K: Kernel = DefaultKernel> {
    sq: submitter::Local<K>,
    cq: cqueue::Local,
    core: Core<K>,
    regions: Regions,
    entries: PhantomData<fn() -> (S, C)>,
}

impl<S, C, K: Kernel> fmt::Debug for IoUring<S, C, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoUring").field("fd", &self.core.fd).field("params", &self.core.params).finish_non_exhaustive()
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// A ring of `entries` submission slots on this kernel, with no flags but those that [`Builder`] adds.
    ///
    /// # Errors
    ///
    /// As [`Builder::build_with`].
    pub fn with_kernel(kernel: K, entries: u32) -> Result<Self, SetupError> {
        Builder::new().build_with(kernel, entries)
    }

    /// Takes over the ring `fd`, that somebody else set up, and maps it. On success the ring owns `fd`; on failure it
    /// stays the caller's.
    ///
    /// An index array is made an identity map. Entries that its former owner has queued are this ring's now.
    ///
    /// # Errors
    ///
    /// [`SetupError::NotByHand`] if the parameters belong to other entry types; [`SetupError::Kernel`] from mapping
    /// (`EBADF`: closed; `ENODEV`, `EACCES`: no ring); [`SetupError::Garbled`], [`SetupError::Unconsumed`].
    ///
    /// # Safety
    ///
    /// - `fd` is a ring that `kernel` set up, by its descriptor (with REGISTERED_FD_ONLY there is none, and the ring is refused),
    ///   and `params` are those that set-up returned for it, with the flags that it was asked for.
    /// - Nobody else uses the ring: not its memory, not its queues, and `fd` is nobody else's to close.
    /// - Entries queued in it satisfy the contract of [`SubmissionQueue::push`]. (A ring with SQ_REWIND has no queue that its
    ///   owner could leave: it is begun empty.)
    pub unsafe fn from_fd_with(kernel: K, fd: RawFd, params: Parameters) -> Result<Self, SetupError> {
        Self::agrees(params.setup())?;
        let mut ring = Self::unmade(kernel, params.without_stale_array());
        ring.map(fd, false)?;
        ring.regions.apart(&ring.core.params.0, Self::SIZES)?;
        // SAFETY: the memory was mapped just now from the ring that `params` describe, and nobody else uses it.
        unsafe { ring.begin(params.setup(), true) }?;
        ring.own(fd);
        Ok(ring)
    }

    /// Takes over a ring whose memory is there already: one for both queues (or two, of a kernel that maps them
    /// apart), and one for the submission entries. The ring owns `fd`, and closes it, but does not unmap the memory.
    ///
    /// Nothing in the parameters is trusted: every offset, mask and count is checked against the memory, of which each piece
    /// starts at a multiple of 8; and words, entries and array must lie apart.
    ///
    /// # Errors
    ///
    /// [`SetupError::Garbled`], [`SetupError::Unconsumed`], [`SetupError::NotByHand`]; then `fd` stays the caller's.
    ///
    /// # Safety
    ///
    /// - `fd` is a ring that `kernel` set up, and not negative (a number below 0 is no descriptor to any kernel, and to Linux
    ///   -1 is the task); `params` are those that set-up returned for it, with the flags that it was asked for.
    /// - The memory is that ring's, valid for reads and writes until the ring was dropped, and `fd` was closed by that drop. It
    ///   is shared with `kernel` and nobody else; `sq` and `cq` are one and the same, or two.
    /// - Nobody else uses the ring, and `fd` is nobody else's to close.
    /// - Entries queued in it satisfy the contract of [`SubmissionQueue::push`]. (A ring with SQ_REWIND has no queue that its
    ///   owner could leave: it is begun empty.)
    pub unsafe fn from_raw_parts(
        kernel: K,
        fd: RawFd,
        params: Parameters,
        sq: NonNull<[u8]>,
        cq: NonNull<[u8]>,
        sqes: NonNull<[u8]>,
    ) -> Result<Self, SetupError> {
        Self::agrees(params.setup())?;
        let mut ring = Self::unmade(kernel, params.without_stale_array());
        ring.provide(Regions::provided(&ring.params().0, Self::SIZES, [sq, cq, sqes].map(Region::of))?);
        // SAFETY: the caller's contract.
        unsafe { ring.begin(params.setup(), true) }?;
        ring.own(fd);
        Ok(ring)
    }

    /// Whether a ring's flags are those of the entry types.
    fn agrees(setup: SetupFlags) -> Result<(), SetupError> {
        let of_entries = S::SETUP.union(C::SETUP);
        match refused_combination(setup, of_entries.union(SetupFlags::NO_MMAP)) {
            Some(error @ SetupError::NotByHand(_)) => Err(error),
            _ if !setup.contains(of_entries) => Err(SetupError::NotByHand(of_entries.difference(setup))),
            _ => Ok(()),
        }
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

    pub(crate) fn parts(&mut self) -> (&Core<K>, &mut submitter::Local<K>, &mut cqueue::Local) {
        (&self.core, &mut self.sq, &mut self.cq)
    }

    /// The ring's descriptor is gone: its number may be another file's by now.
    pub(crate) fn goes_by(&mut self, index: u32) {
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
            match self.core.wait(asked, Argument::NONE) {
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
    #[doc(alias = "io_uring_cqe_iter_init")]
    #[doc(alias = "io_uring_for_each_cqe")]
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

    /// Cancels everything in flight, and hands the completions that arrive to `each`, until that says that the last one
    /// was among them. For who must free the memory of requests.
    ///
    /// The kernel cannot be asked whether anything is still in flight (a read under way in a device can't be cancelled,
    /// nor found), so it is the caller who counts: `each` returns `true` when nothing is outstanding any more. What was
    /// pushed and not submitted stays queued (where waits with a timeout take a request, see
    /// [`Submitter::submit_with_args`], it is submitted before that).
    ///
    /// What is in flight is cancelled again and again, since a request may escape a cancellation while it moves, or while
    /// an SQPOLL thread has yet to consume it. The call gives up when no completion arrives for as long as `patience`,
    /// or in 16 waits that end early. Signals end them; and on an IOPOLL ring, where no wait has a time, they end when a
    /// device answers, or at once when no device has anything of this ring.
    ///
    /// # Errors
    ///
    /// `ETIME`: no completion for so long; memory of what is outstanding must be kept. Others as
    /// [`Submitter::wait_with_args`]. Kernels before 6.0 cannot cancel from outside the queue: there this call only
    /// waits, and requests that never end by themselves must be cancelled by [`opcode::AsyncCancel`] first.
    ///
    /// [`opcode::AsyncCancel`]: crate::opcode::AsyncCancel
    pub fn cancel_and_drain(
        &mut self,
        patience: crate::types::Timespec,
        mut each: impl FnMut(C) -> bool,
    ) -> Result<(), Errno> {
        /// Waits that make up the caller's patience. After each all is cancelled anew.
        const SLICES: u32 = 16;

        let slice = patience.divided_by(SLICES);
        let args = SubmitArgs::new().timespec(&slice);
        let mut fruitless = 0;
        loop {
            register::cancel_everything(&self.core);
            let mut some = false;
            let done = self.completion().any(|cqe| {
                some = true;
                each(cqe)
            });
            if done {
                return Ok(());
            }
            if some {
                fruitless = 0;
            }
            if fruitless == SLICES {
                return Err(Errno::ETIME);
            }
            fruitless += 1;
            let waited = if crate::wait::polls_in_wait(self.params().setup()) {
                // A mere look would be over long before any device can answer.
                self.submitter().wait(1)
            } else {
                self.submitter().wait_with_args(1, &args)
            };
            match waited {
                // However it ended: what counts is whether it brought something.
                Ok(()) | Err(Errno::ETIME | Errno::EINTR | Errno::EAGAIN | Errno::EBUSY) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

impl<S, C, K: Kernel> Drop for IoUring<S, C, K> {
    fn drop(&mut self) {
        // SAFETY: whoever had a reference into the rings borrowed the ring that is dropped here.
        unsafe { self.regions.release(&self.core.kernel) };
        self.close();
    }
}

crate::arch::linux! {
    mod on_linux {
        use super::{Builder, IoUring, Parameters, RawFd, SetupError, cqueue, squeue};
        use crate::kernel::Linux;

        impl IoUring {
            /// A ring of `entries` submission slots (rounded up to a power of two) and twice as many completion slots.
            ///
            /// # Errors
            ///
            /// As [`Builder::build`].
            #[doc(alias = "io_uring_queue_init")]
            pub fn new(entries: u32) -> Result<Self, SetupError> {
                Self::builder().build(entries)
            }
        }

        impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> IoUring<S, C> {
            /// Flags and sizes first. The entries' types come from where the ring goes: `let ring: IoUring = …` says that
            /// they are the usual ones.
            #[must_use]
            pub const fn builder() -> Builder<S, C> {
                Builder::new()
            }

            /// [`from_fd_with`](Self::from_fd_with), on [`Linux`].
            ///
            /// # Errors
            ///
            /// As [`from_fd_with`](Self::from_fd_with).
            ///
            /// # Safety
            ///
            /// As [`from_fd_with`](Self::from_fd_with).
            #[doc(alias = "io_uring_queue_mmap")]
            pub unsafe fn from_fd(fd: RawFd, params: Parameters) -> Result<Self, SetupError> {
                // SAFETY: the caller's contract is the same.
                unsafe { Self::from_fd_with(Linux, fd, params) }
            }
        }
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
