//! When to enter the kernel, and with what: one pure function decides, on one load of the ring's flags.

use core::hint::cold_path;
use core::mem::offset_of;
use core::ptr::NonNull;

use super::{EnterArgument, Identity, Progress};
use crate::error::Errno;
use crate::flags::{EnterFlags, SetupFlags, SqFlags, SqeFlags};
use crate::kernel::Kernel;
use crate::memory::Rings;
use crate::parameters::Parameters;
use crate::squeue;
use crate::sync::{Ordering, fence};
use crate::types::RawFd;

/// Decides whether the kernel must be entered, and with which flags. Returns `None` if the kernel has nothing to do.
///
/// `pending` entries are published and not yet known to be consumed, `want` completions are waited for, `sq` are the
/// ring's flags, loaded after the tail was published.
///
/// - Submission needs the kernel if entries are pending, and either no SQPOLL thread consumes them or that thread sleeps.
///   An empty submit wakes no thread.
/// - Completion needs the kernel if completions are waited for, if some wait outside the ring or inside the task, or if
///   only polling the device finds them.
// kernel: io_uring/io_uring.c io_uring_enter (7.3): under SQPOLL the call submits nothing, wakes the thread only with
// SQ_WAKEUP, and returns `to_submit`.
// kernel: io_uring/tw.c io_req_local_work_add, io_req_normal_work_add (7.3): TASKRUN is set when work is added to an empty
// list, on rings with TASKRUN_FLAG.
// kernel: io_uring/io_uring.c io_iopoll_check (7.3): a device is polled in calls with GETEVENTS; with SQPOLL the thread
// polls it.
#[inline]
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

/// The part of a ring that the users of both queues need: where the ring is, and how to reach its kernel.
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
    pub(crate) identity: Identity,
}

impl<K: Kernel> Core<K> {
    /// Makes everything pushed visible to a kernel without an SQPOLL thread, and returns how many SQEs it has to consume.
    #[inline(always)]
    pub(crate) fn flush(&self, setup: SetupFlags, local: &Progress<K>) -> u32 {
        let tail = local.queue.tail.get();
        // Relaxed: no slot is written because of this head, and only the kernel inside our own calls moves it. A number above
        // the ring's size can only come from a kernel that lies, and only that kernel gets to see the number.
        let pending = tail.wrapping_sub(self.rings.sq_head().load(Ordering::Relaxed));
        // If nothing is pending, everything is visible already. The kernel reads no tail with SQ_REWIND.
        // kernel: io_uring/io_uring.c io_submit_sqes, io_commit_sqring (7.3): with SQ_REWIND a submission starts at slot 0,
        // reads no tail and stores no head.
        if pending != 0 && !setup.contains(SetupFlags::SQ_REWIND) {
            // Relaxed: read inside our own calls only, which no access of ours moves across.
            self.rings.sq_tail().store(tail, Ordering::Relaxed);
        }
        pending
    }

    /// Makes everything up to `tail` visible to the SQPOLL thread. Returns how many SQEs no submit has reported yet, and the ring's
    /// flags.
    #[inline(always)]
    fn flush_to_thread(&self, local: &Progress<K>, tail: u32) -> (u32, SqFlags) {
        let unreported = local.unreported(tail);
        if unreported != 0 {
            // Release: pairs with the kernel's acquire of `sq.tail`. The entries are written before the tail is visible.
            // kernel: io_uring/io_uring.h __io_sqring_entries (7.3): loads the tail with acquire.
            self.rings.sq_tail().store(tail, Ordering::Release);
        }
        // The tail must be visible before the flags are read. The SQPOLL thread works in the other order, so either the thread
        // sees our SQEs, or we see that it sleeps.
        // kernel: io_uring/sqpoll.c io_sq_thread (7.3): sets NEED_WAKEUP, has a full barrier, and reads the tail once more
        // before it sleeps.
        fence(Ordering::SeqCst);
        (unreported, self.sq_flags())
    }

    /// Makes everything pushed visible. Returns how many SQEs are to be submitted, and the ring's flags.
    pub(super) fn publish(&self, local: &Progress<K>) -> (u32, SqFlags) {
        let setup = self.params.setup();
        if setup.contains(SetupFlags::SQPOLL) {
            self.flush_to_thread(local, local.queue.tail.get())
        } else {
            (self.flush(setup, local), self.sq_flags())
        }
    }

    /// Publishes the tail, decides, and enters the kernel. Returns the number of SQEs handed over.
    #[inline(always)]
    pub(crate) fn submit(&self, local: &Progress<K>) -> Result<usize, Errno> {
        const PLAIN: SetupFlags = SetupFlags::empty();

        if let Some(submit) = local.general() {
            cold_path();
            return submit(self, local, 0, None).map(|done| done as usize);
        }
        let pending = self.flush(PLAIN, local);
        let done = match decide(PLAIN, pending, 0, self.sq_flags()) {
            None => 0,
            Some(flags) => self.enter(pending, 0, flags, EnterArgument::NONE)?,
        };
        Ok(done as usize)
    }

    /// Submits on a ring with SQPOLL like [`submit`](Self::submit), without a call through a pointer while the thread is awake.
    #[inline(always)]
    pub(crate) fn submit_sqpoll(&self, local: &Progress<K>) -> Result<usize, Errno> {
        if !local.goes_to_thread() {
            cold_path();
            return self.submit(local);
        }
        let tail = local.queue.tail.get();
        let (unreported, sq) = self.flush_to_thread(local, tail);
        if !sq.is_empty() {
            cold_path();
            return self.hand_over(local, 0, None, unreported, sq).map(|done| done as usize);
        }
        local.report_up_to(tail);
        Ok(unreported as usize)
    }

    /// Submits, and waits until `want` CQEs are there.
    #[inline(always)]
    pub(crate) fn submit_and_wait(&self, local: &Progress<K>, want: usize) -> Result<usize, Errno> {
        let want = if local.waits_plainly(want) {
            want as u32
        } else {
            cold_path();
            let limited = self.want(want);
            if let Some(submit) = local.general() {
                return submit(self, local, limited, None).map(|done| done as usize);
            }
            if want == 0 {
                return self.submit(local);
            }
            limited
        };
        let tail = local.queue.tail.get();
        // Relaxed, both, for the reasons in `flush`. With nothing pending, the store changes nothing.
        let pending = tail.wrapping_sub(self.rings.sq_head().load(Ordering::Relaxed));
        self.rings.sq_tail().store(tail, Ordering::Relaxed);
        // `decide` answers this for a wait, whatever the ring's flags are.
        self.enter(pending, want, self.wait_flags, EnterArgument::NONE).map(|done| done as usize)
    }

    /// Submits and waits on every kind of ring.
    #[inline(always)]
    pub(crate) fn submit_with(
        &self,
        local: &Progress<K>,
        want: u32,
        argument: EnterArgument<'_>,
    ) -> Result<usize, Errno> {
        if let Some(submit) = local.general() {
            return submit(self, local, want, Some(&argument.copied())).map(|done| done as usize);
        }
        if want == 0 {
            return self.submit(local);
        }
        let pending = self.flush(SetupFlags::empty(), local);
        self.enter(pending, want, self.wait_flags, argument).map(|done| done as usize)
    }

    /// Submits on a ring with SQPOLL, while no count must be adjusted. If the thread is awake, and no completion waits for us to
    /// fetch it, the SQEs need only be made visible.
    pub(super) fn submit_to_thread(
        &self,
        local: &Progress<K>,
        want: u32,
        argument: Option<&EnterArgument<'_>>,
    ) -> Result<u32, Errno> {
        let tail = local.queue.tail.get();
        let (unreported, sq) = self.flush_to_thread(local, tail);
        // `decide` answers this for a thread that is awake, without a wait.
        if want == 0 && sq.is_empty() {
            local.report_up_to(tail);
            return Ok(unreported);
        }
        self.hand_over(local, want, argument, unreported, sq)
    }

    /// Submits on every kind of ring, and adjusts counts. Called only through the pointer in [`Progress`], because the extra work
    /// would cost instructions and bytes in programs that don't need it.
    pub(super) fn submit_any(
        &self,
        local: &Progress<K>,
        want: u32,
        argument: Option<&EnterArgument<'_>>,
    ) -> Result<u32, Errno> {
        let (to_submit, sq) = self.publish(local);
        self.hand_over(local, want, argument, to_submit, sq)
    }

    /// Enters the kernel if what was published needs it, and adjusts the count.
    #[inline(never)]
    fn hand_over(
        &self,
        local: &Progress<K>,
        want: u32,
        argument: Option<&EnterArgument<'_>>,
        to_submit: u32,
        sq: SqFlags,
    ) -> Result<u32, Errno> {
        let argument = argument.map_or(EnterArgument::NONE, EnterArgument::copied);
        let setup = self.params.setup();
        let pending = if setup.contains(SetupFlags::SQPOLL) && sq.contains(SqFlags::NEED_WAKEUP) {
            // Relaxed: a head that is too old wakes the thread once more than needed.
            self.rings.sq().used(self.rings.sq_head().load(Ordering::Relaxed), local.queue.tail.get())
        } else {
            to_submit
        };
        let done = match decide(setup, pending, want, sq) {
            None => to_submit,
            Some(flags) if want == 0 => self.enter(to_submit, 0, flags, EnterArgument::NONE)?,
            Some(flags) => self.enter(to_submit, want, flags.union(self.wait_flags), argument)?,
        };
        if setup.contains(SetupFlags::SQ_REWIND) {
            local.queue.rewind(&self.rings, self.sqe_size(), done);
        }
        local.report_up_to(local.queue.tail.get());
        let counted = local.count(done);
        local.settle(setup, &self.rings);
        Ok(counted)
    }

    /// Waits until `want` CQEs are there. Submits nothing.
    #[inline(always)]
    pub(crate) fn wait(&self, want: u32, argument: EnterArgument<'_>) -> Result<(), Errno> {
        self.enter(0, want, self.wait_flags, argument).map(drop)
    }

    #[inline(always)]
    fn enter(&self, to_submit: u32, want: u32, flags: EnterFlags, argument: EnterArgument<'_>) -> Result<u32, Errno> {
        let flags = flags.union(argument.flags).bits();
        // SAFETY: the entries satisfy their contract (this type's invariant), and an `EnterArgument` is made together with
        // the flags that say what it is.
        unsafe { self.kernel.enter(self.fd, to_submit, want, flags, argument.address, argument.size) }
    }

    /// Returns the largest number of slots that a wait may ask for. A filler and a 32-byte CQE take three slots. So in a mixed
    /// completion queue the wait must end when fewer than three are free: the next CQE may find no room, wait outside the queue,
    /// and never end the wait.
    // kernel: io_uring/io_uring.c io_cqe_cache_refill, io_fill_nop_cqe (7.3): a 32-byte CQE that would begin at the last slot
    // gets a filler there; without room for both of its slots it goes to the overflow list.
    #[inline(always)]
    pub(crate) fn most(&self) -> u32 {
        let count = self.rings.cq().count();
        if self.params.setup().contains(SetupFlags::CQE_MIXED) { count.saturating_sub(2).max(1) } else { count }
    }

    /// Limits a count of CQEs to what the queue holds.
    // kernel: io_uring/wait.c io_cqring_wait (7.3): the limit is the number of slots, but the numbers are compared as signed
    // ones: from 2^31 on nothing is waited for. 6.12.117 compares them as unsigned ones.
    #[inline(always)]
    pub(crate) fn want(&self, want: usize) -> u32 {
        // A smaller count fits every queue; only from here on the kind of queue matters.
        if want >= self.rings.cq().last() as usize {
            cold_path();
            return want.min(self.most() as usize) as u32;
        }
        want as u32
    }

    /// Returns the size of a slot of the submission queue, in bytes.
    pub(crate) fn sqe_size(&self) -> usize {
        if self.params.setup().contains(SetupFlags::SQE128) { 128 } else { 64 }
    }

    /// Returns the slot behind the one that is pushed to next.
    pub(super) fn second_slot(&self, local: &Progress<K>) -> NonNull<u8> {
        let slot = self.rings.sq().slot(local.queue.tail.get().wrapping_add(1)) as usize;
        // SAFETY: the slot's number is below the number of slots, so that the slot lies within the entries.
        unsafe { self.rings.sqes().add(slot * self.sqe_size()) }
    }

    /// Tells whether an SQE is queued whose link flag makes the next SQE part of its chain.
    pub(crate) fn last_links(&self, local: &Progress<K>) -> bool {
        if self.free_slots(local) == self.rings.sq().count() {
            return false;
        }
        if self.params.setup().contains(SetupFlags::SQE_MIXED) {
            return !local.queue.link.get().is_empty();
        }
        let slot = self.rings.sq().slot(local.queue.tail.get().wrapping_sub(1)) as usize;
        // SAFETY: the slot's number is below the number of slots, so that the byte lies within the entries.
        let flags = unsafe { self.rings.sqes().add(slot * self.sqe_size() + offset_of!(squeue::Entry, flags)) };
        // kernel: io_uring/io_uring.c io_get_sqe (7.3): entries are handed on as constants, and never written.
        // SAFETY: the byte lies within the entries, as proven for `add`. The read is volatile in case a kernel writes to SQEs
        // nevertheless.
        let flags = SqeFlags::from_bits_retain(unsafe { flags.read_volatile() });
        flags.intersects(SqeFlags::IO_LINK.union(SqeFlags::IO_HARDLINK))
    }

    /// Returns the number of free slots of the submission queue.
    pub(crate) fn free_slots(&self, local: &Progress<K>) -> u32 {
        // Acquire: pairs with the kernel's release of `sq.head`, as in `squeue::Producer::look`. A caller that waited for room
        // learns from it that the first SQE was consumed.
        self.rings.sq().free(self.rings.sq_head().load(Ordering::Acquire), local.queue.tail.get())
    }

    /// Returns the ring's flags as they are now.
    #[inline(always)]
    pub(crate) fn sq_flags(&self) -> SqFlags {
        SqFlags::from_bits_retain(self.rings.sq_flags().load(Ordering::Relaxed))
    }

    /// Wakes the SQPOLL thread if it sleeps, unless the caller has woken it already (`done`) and the flag is still set. Returns
    /// whether the thread has been woken. A dead thread looks asleep, and is an error.
    // kernel: io_uring/sqpoll.c io_sq_thread (7.3): sets NEED_WAKEUP when it ends.
    // kernel: io_uring/io_uring.c io_uring_enter (7.3): a ring whose thread has ended is EOWNERDEAD.
    pub(crate) fn wake_if_asleep(&self, done: bool) -> Result<bool, Errno> {
        let asleep = self.sq_flags().contains(SqFlags::NEED_WAKEUP);
        if asleep && !done {
            self.enter(0, 0, EnterFlags::SQ_WAKEUP, EnterArgument::NONE)?;
        }
        Ok(asleep)
    }

    /// Waits until there is room for an SQE. Makes no call if there is room, or if the ring has no SQPOLL thread.
    pub(crate) fn squeue_wait(&self, local: &Progress<K>) -> Result<usize, Errno> {
        let mut count = 0;
        while self.params.setup().contains(SetupFlags::SQPOLL) && self.free_slots(local) == 0 {
            // The thread makes room by consuming SQEs, and consumes only those that it can see.
            let (_, sq) = self.publish(local);
            // A thread that sleeps would never make room.
            let wake = if sq.contains(SqFlags::NEED_WAKEUP) { EnterFlags::SQ_WAKEUP } else { EnterFlags::empty() };
            // kernel: io_uring/sqpoll.c io_sqpoll_wait_sq (7.3): the wait ends with room, with a signal or with task work, and
            // never with an error. The result of the call is `to_submit`.
            count = self.enter(0, 0, wake.union(EnterFlags::SQ_WAIT), EnterArgument::NONE)?;
        }
        Ok(count as usize)
    }
}

#[cfg(test)]
#[path = "enter_tests.rs"]
mod tests;
