//! When to enter the kernel, and with what: one pure function decides, on one load of the ring's flags.

use core::ffi::c_void;
use core::hint::cold_path;
use core::mem::offset_of;

use crate::builder::Parameters;
use crate::error::Errno;
use crate::flags::{EnterFlags, SetupFlags, SqFlags, SqeFlags};
use crate::kernel::{DefaultKernel, Kernel};
use crate::memory::Rings;
use crate::sync::{Ordering, fence};
use crate::types::RawFd;
use crate::wait::{Argument, Extended, SubmitArgs, Way};
use crate::{cqueue, squeue};

mod local;

pub(crate) use local::Local;

/// Whether the kernel must be entered, and for what; `None` if there is nothing that it has to do.
///
/// `pending` entries are published and not yet known to be consumed, `want` completions are waited for, `sq` are the
/// ring's flags, loaded after the tail was published.
///
/// - Submission needs the kernel if something is pending, and either no kernel thread consumes it or that thread sleeps.
///   An empty submit wakes nobody.
/// - Completion needs it if something is waited for, if completions wait outside the ring or inside the task, or if they
///   are found only by polling the device.
pub(crate) const fn decide(setup: SetupFlags, pending: u32, want: u32, sq: SqFlags) -> Option<EnterFlags> {
    let sqpoll = setup.contains(SetupFlags::SQPOLL);
    let wake = sqpoll && pending != 0 && sq.contains(SqFlags::NEED_WAKEUP);
    let submit = !sqpoll && pending != 0;
    let polled = setup.contains(SetupFlags::IOPOLL) && !sqpoll;
    let complete = want != 0 || sq.intersects(SqFlags::CQ_OVERFLOW.union(SqFlags::TASKRUN)) || polled;

    let mut flags = EnterFlags::empty();
    if wake {
        flags = flags.union(EnterFlags::SQ_WAKEUP);
    }
    if complete {
        flags = flags.union(EnterFlags::GETEVENTS);
    }
    if wake || submit || complete { Some(flags) } else { None }
}

/// The part of a ring that both of its queues' users need: where it is, and how to reach its kernel.
///
/// # Invariants
///
/// - `rings` are those of the ring `fd` of `kernel`, made as `params` says. Nobody changes the three after set-up.
/// - Everything pushed satisfies the contract of [`SubmissionQueue::push`](crate::SubmissionQueue::push).
#[derive(Debug)]
// What each call uses first, see `IoUring`.
#[repr(C)]
pub(crate) struct Core<K> {
    pub(crate) fd: RawFd,
    /// Flags of every wait: GETEVENTS, and NO_IOWAIT or nothing.
    pub(crate) wait_flags: EnterFlags,
    pub(crate) rings: Rings,
    pub(crate) kernel: K,
    pub(crate) params: Parameters,
}

/// What a submit found published.
struct Published {
    /// Entries that the kernel has to consume.
    pending: u32,
    /// Entries that no submit has reported yet; with SQPOLL that is their number to report.
    unreported: u32,
    sq: SqFlags,
}

impl<K: Kernel> Core<K> {
    /// Makes everything pushed visible to a kernel that has no thread of its own here; how many entries it has to consume.
    #[inline(always)]
    pub(crate) fn show(&self, setup: SetupFlags, local: &Local<K>) -> u32 {
        let tail = local.queue.tail.get();
        // Relaxed: no slot is written to on the strength of it, and only the kernel inside our own calls moves it.
        // More than the ring holds can only be the word of a kernel that lies, and is told to that kernel alone.
        let pending = tail.wrapping_sub(self.rings.sq_head().load(Ordering::Relaxed));
        // Nothing pending means nothing that is not visible yet. A ring that rewinds has no tail.
        if pending != 0 && !setup.contains(SetupFlags::SQ_REWIND) {
            // Relaxed: read inside our own calls only, which no access of ours moves across.
            self.rings.sq_tail().store(tail, Ordering::Relaxed);
        }
        pending
    }

    /// Makes everything pushed visible to the kernel, and looks at what it says.
    fn publish(&self, local: &Local<K>) -> Published {
        let setup = self.params.setup();
        let tail = local.queue.tail.get();
        let unreported = tail.wrapping_sub(local.reported.get());
        if !setup.contains(SetupFlags::SQPOLL) {
            let pending = self.show(setup, local);
            return Published { pending, unreported, sq: self.sq_flags() };
        }
        if unreported != 0 {
            // Release: pairs with the kernel's acquire of `sq.tail`; the entries are written before it is visible.
            self.rings.sq_tail().store(tail, Ordering::Release);
        }
        // The tail must be visible before the flags are read. The kernel's thread does the same in the other order: it
        // sets NEED_WAKEUP, has a full barrier (`io_sq_thread()`), and looks at the tail once more before it sleeps. So
        // either it sees our entries, or we see that it sleeps.
        fence(Ordering::SeqCst);
        let sq = self.sq_flags();
        let pending = if sq.contains(SqFlags::NEED_WAKEUP) {
            // Relaxed: one that is too old wakes the thread once more than needed.
            self.rings.sq().used(self.rings.sq_head().load(Ordering::Relaxed), tail)
        } else {
            unreported
        };
        Published { pending, unreported, sq }
    }

    /// Publishes, decides, enters; the number of entries handed over.
    #[inline(always)]
    pub(crate) fn submit(&self, local: &Local<K>, want: u32, argument: Argument<'_>) -> Result<usize, Errno> {
        const PLAIN: SetupFlags = SetupFlags::empty();

        if let Some(submit) = local.general() {
            cold_path();
            return submit(self, local, want, argument.copied()).map(|done| done as usize);
        }
        let pending = self.show(PLAIN, local);
        let done = if want != 0 {
            // What `decide` says of a wait, whatever the ring's flags are.
            self.enter(pending, want, self.wait_flags, argument)?
        } else {
            match decide(PLAIN, pending, 0, self.sq_flags()) {
                None => 0,
                Some(flags) => self.enter(pending, 0, flags, Argument::NONE)?,
            }
        };
        Ok(done as usize)
    }

    /// [`submit`](Self::submit) for every kind of ring, and where counts are owed. Reached by the pointer in [`Local`] only:
    /// what it does besides would fill the loops, and the bytes, of those who don't need it.
    fn submit_any(&self, local: &Local<K>, want: u32, argument: Argument<'_>) -> Result<u32, Errno> {
        let setup = self.params.setup();
        let Published { pending, unreported, sq } = self.publish(local);
        let to_submit = if setup.contains(SetupFlags::SQPOLL) { unreported } else { pending };
        let done = match decide(setup, pending, want, sq) {
            None => to_submit,
            Some(flags) if want == 0 => self.enter(to_submit, 0, flags, Argument::NONE)?,
            Some(flags) => self.enter(to_submit, want, flags.union(self.wait_flags), argument)?,
        };
        if setup.contains(SetupFlags::SQ_REWIND) {
            local.queue.rewind(&self.rings, self.sqe_size(), done);
        }
        local.reported.set(local.queue.tail.get());
        let counted = local.count(done);
        local.settle(setup);
        Ok(counted)
    }

    /// Waits, and submits nothing.
    #[inline(always)]
    pub(crate) fn wait(&self, want: u32, argument: Argument<'_>) -> Result<(), Errno> {
        self.enter(0, want, self.wait_flags, argument).map(drop)
    }

    #[inline(always)]
    fn enter(&self, to_submit: u32, want: u32, flags: EnterFlags, argument: Argument<'_>) -> Result<u32, Errno> {
        let flags = flags.union(argument.flags).bits();
        // SAFETY: the entries satisfy their contract (this type's invariant), and an `Argument` is made together with
        // the flags that say what it is.
        unsafe { self.kernel.enter(self.fd, to_submit, want, flags, argument.address, argument.size) }
    }

    /// The most slots that a wait may ask for. In a mixed ring it must end where the next completion could find no room:
    /// with three free slots it has a filler and two of its own, with fewer it may wait outside the queue for ever.
    #[inline(always)]
    pub(crate) fn most(&self) -> u32 {
        let count = self.rings.cq().count();
        if self.params.setup().contains(SetupFlags::CQE_MIXED) { count.saturating_sub(2).max(1) } else { count }
    }

    /// A count of completions as the kernel takes it: more than the queue holds can't be waited for.
    #[inline(always)]
    pub(crate) fn want(&self, want: usize) -> u32 {
        // Any queue has room for so many; whether this one has room for more is looked at closely.
        if want >= self.rings.cq().last() as usize {
            cold_path();
            return want.min(self.most() as usize) as u32;
        }
        want as u32
    }

    pub(crate) fn sqe_size(&self) -> usize {
        if self.params.setup().contains(SetupFlags::SQE128) { 128 } else { 64 }
    }

    /// The address of the slot after the one that is pushed to next.
    pub(crate) fn second_slot(&self, local: &Local<K>) -> usize {
        let slot = self.rings.sq().slot(local.queue.tail.get().wrapping_add(1)) as usize;
        self.rings.sqes().as_ptr().expose_provenance() + slot * self.sqe_size()
    }

    /// Whether an entry is queued, and the last one links the next to it.
    pub(crate) fn last_links(&self, local: &Local<K>) -> bool {
        if self.free_slots(local) == self.rings.sq().count() {
            return false;
        }
        if self.params.setup().contains(SetupFlags::SQE_MIXED) {
            return !local.queue.link.get().is_empty();
        }
        let slot = self.rings.sq().slot(local.queue.tail.get().wrapping_sub(1)) as usize;
        // SAFETY: the slot's number is below the number of slots, so that the byte lies within the entries.
        let flags = unsafe { self.rings.sqes().add(slot * self.sqe_size() + offset_of!(squeue::Entry, flags)) };
        // SAFETY: as above. The kernel does not write to entries; volatile, should one do so nevertheless.
        let flags = SqeFlags::from_bits_retain(unsafe { flags.read_volatile() });
        flags.intersects(SqeFlags::IO_LINK.union(SqeFlags::IO_HARDLINK))
    }

    /// Free slots of the submission queue.
    pub(crate) fn free_slots(&self, local: &Local<K>) -> u32 {
        // Acquire: as in `squeue::Local::look`. Who waited for room knows by it that the first entry was consumed.
        self.rings.sq().free(self.rings.sq_head().load(Ordering::Acquire), local.queue.tail.get())
    }

    /// What the kernel says now.
    #[inline(always)]
    pub(crate) fn sq_flags(&self) -> SqFlags {
        SqFlags::from_bits_retain(self.rings.sq_flags().load(Ordering::Relaxed))
    }

    /// Wakes the SQPOLL thread if it sleeps, unless that was `done` already, and it has yet to get up. Whether it is done
    /// now; an error if the thread is dead, which looks like sleep.
    pub(crate) fn wake_if_asleep(&self, done: bool) -> Result<bool, Errno> {
        let asleep = self.sq_flags().contains(SqFlags::NEED_WAKEUP);
        if asleep && !done {
            self.enter(0, 0, EnterFlags::SQ_WAKEUP, Argument::NONE)?;
        }
        Ok(asleep)
    }

    /// Waits until there is room for an entry; no call if there is, or if the kernel has no thread of its own here.
    pub(crate) fn squeue_wait(&self, local: &Local<K>) -> Result<usize, Errno> {
        let mut count = 0;
        while self.params.setup().contains(SetupFlags::SQPOLL) && self.free_slots(local) == 0 {
            // Only what the thread can see will be consumed, and make the room that is waited for.
            let Published { sq, .. } = self.publish(local);
            // A thread that sleeps would never make it.
            let wake = if sq.contains(SqFlags::NEED_WAKEUP) { EnterFlags::SQ_WAKEUP } else { EnterFlags::empty() };
            // The kernel also ends this wait, without an error, for a signal or for work of the task.
            count = self.enter(0, 0, wake.union(EnterFlags::SQ_WAIT), Argument::NONE)?;
        }
        Ok(count as usize)
    }
}

/// Submits what was pushed, and waits for completions.
///
/// From [`IoUring::submitter`](crate::IoUring::submitter) or [`IoUring::split`](crate::IoUring::split). The
/// registrations are methods of it too; see [`register`](crate::register).
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
    pub fn submit(&self) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        self.core.submit(self.sq, 0, Argument::NONE)
    }

    /// [`submit`](Self::submit), and waits until `want` completions are there; in one call.
    ///
    /// The wait can end early: check the queue and wait again. A `want` above the queue's capacity means the capacity.
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
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    ///
    /// # Safety
    ///
    /// `argument` and `size` are what `flags` calls for.
    #[doc(alias = "io_uring_enter")]
    pub unsafe fn enter(
        &self,
        to_submit: u32,
        min_complete: u32,
        flags: EnterFlags,
        argument: *const c_void,
        size: usize,
    ) -> Result<usize, Errno> {
        self.cq.publish(&self.core.rings);
        let Published { unreported, .. } = self.core.publish(self.sq);
        let core = self.core;
        // SAFETY: the entries satisfy their contract (invariant of `Core`); the caller answers for the argument.
        let done = unsafe { core.kernel.enter(core.fd, to_submit, min_complete, flags.bits(), argument, size) }?;
        if core.params.setup().contains(SetupFlags::SQ_REWIND) {
            self.sq.queue.rewind(&core.rings, core.sqe_size(), done);
            self.sq.reported.set(self.sq.queue.tail.get());
        } else {
            self.sq.reported.set(self.sq.reported.get().wrapping_add(unreported.min(done)));
        }
        Ok(done as usize)
    }

    /// What the ring was made with.
    #[must_use]
    pub fn params(&self) -> &Parameters {
        &self.core.params
    }
}

#[cfg(test)]
#[path = "submitter_tests.rs"]
mod tests;
