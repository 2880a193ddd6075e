//! [`SubmitArgs`]: what a wait may carry. And how to wait with a timeout on a kernel that has no argument for one.

use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::size_of;
use core::ptr::{from_ref, null, without_provenance};

use crate::builder::Parameters;
use crate::cqueue;
use crate::error::Errno;
use crate::flags::{EnterFlags, Features, SetupFlags, SqFlags, TimeoutFlags};
use crate::kernel::Kernel;
use crate::opcode;
use crate::squeue::{self, SubmissionQueue};
use crate::submitter::{Core, Submitter};
use crate::sync::Ordering;
use crate::types::{Sigset, Timespec};
use crate::uapi::{io_uring_getevents_arg, io_uring_reg_wait};

/// What a wait may carry: a timeout, a signal mask, a minimum time.
///
/// ```
/// use bare_uring::types::{SubmitArgs, Timespec};
///
/// let deadline = Timespec::new(2, 0);
/// let args = SubmitArgs::new().timespec(&deadline).min_wait_usec(50);
/// # let _ = args;
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "io_uring_getevents_arg")]
pub struct SubmitArgs<'now> {
    timespec: Option<&'now Timespec>,
    sigmask: Option<&'now Sigset>,
    min_wait_usec: u32,
    absolute: bool,
}

impl<'now> SubmitArgs<'now> {
    /// A wait without limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { timespec: None, sigmask: None, min_wait_usec: 0, absolute: false }
    }

    /// Waits at most this long, or with [`absolute`](Self::absolute) until this time.
    #[must_use]
    pub const fn timespec(mut self, timespec: &'now Timespec) -> Self {
        self.timespec = Some(timespec);
        self
    }

    /// The timespec is a point of time, against CLOCK_MONOTONIC or the clock registered for the ring: right for a
    /// deadline that must hold through interruptions.
    #[must_use]
    #[doc(alias = "IORING_ENTER_ABS_TIMER")]
    pub const fn absolute(mut self) -> Self {
        self.absolute = true;
        self
    }

    /// The signals that are blocked while waiting.
    #[must_use]
    pub const fn sigmask(mut self, sigmask: &'now Sigset) -> Self {
        self.sigmask = Some(sigmask);
        self
    }

    /// For this many microseconds waits for all of the completions asked for; after that the first one ends the wait.
    /// Needs `FEAT_MIN_TIMEOUT` (6.12). Works with and without a timeout.
    #[must_use]
    pub const fn min_wait_usec(mut self, microseconds: u32) -> Self {
        self.min_wait_usec = microseconds;
        self
    }
}

/// The last two arguments of `io_uring_enter(2)`, with the flags that say what they are.
#[derive(Clone, Copy)]
pub(crate) struct Argument<'a> {
    pub(crate) flags: EnterFlags,
    pub(crate) address: *const c_void,
    pub(crate) size: usize,
    lives: PhantomData<&'a ()>,
}

impl Argument<'_> {
    pub(crate) const NONE: Self = Self { flags: EnterFlags::empty(), address: null(), size: 0, lives: PhantomData };

    /// The same. For a call through a pointer, which takes it in memory: a value moved there would be in memory from the
    /// start, on every way; of one put together here only the fields are needed before.
    #[inline(always)]
    pub(crate) const fn copied(&self) -> Self {
        Self { flags: self.flags, address: self.address, size: self.size, lives: PhantomData }
    }

    /// A registered wait, by its byte offset in the region.
    pub(crate) const fn registered(offset: usize) -> Self {
        Self {
            flags: EnterFlags::EXT_ARG.union(EnterFlags::EXT_ARG_REG),
            address: core::ptr::without_provenance(offset),
            size: size_of::<io_uring_reg_wait>(),
            lives: PhantomData,
        }
    }
}

/// `struct io_uring_getevents_arg`, and what it points to.
pub(crate) struct Extended<'a> {
    raw: io_uring_getevents_arg,
    flags: EnterFlags,
    lives: PhantomData<&'a ()>,
}

impl<'a> Extended<'a> {
    #[inline]
    pub(crate) fn new(args: &SubmitArgs<'a>) -> Self {
        /// A minimum time without a timeout would end the wait when it is over, with nothing there: the kernel waits on
        /// for the first completion only if there is a timeout to go on to.
        static FOR_EVER: Timespec = Timespec::new(1_000_000_000, 0);

        let flags = if args.absolute && args.timespec.is_some() { EnterFlags::ABS_TIMER } else { EnterFlags::empty() };
        let timespec = args.timespec.or((args.min_wait_usec != 0).then_some(&FOR_EVER));
        let raw = io_uring_getevents_arg {
            sigmask: args.sigmask.map_or(0, |mask| from_ref(mask).expose_provenance() as u64),
            sigmask_sz: Sigset::SIZE,
            min_wait_usec: args.min_wait_usec,
            ts: timespec.map_or(0, |timespec| from_ref(timespec).expose_provenance() as u64),
        };
        Self { raw, flags: EnterFlags::EXT_ARG.union(flags), lives: PhantomData }
    }

    #[inline]
    pub(crate) fn argument(&self) -> Argument<'_> {
        Argument {
            flags: self.flags,
            address: from_ref(&self.raw).cast(),
            size: size_of::<io_uring_getevents_arg>(),
            lives: PhantomData,
        }
    }
}

/// How a wait with arguments can be done on this kernel.
pub(crate) enum Way {
    /// In one call, with `EXT_ARG`.
    Extended,
    /// With a timeout request of ours, and the signal mask as the call's plain argument.
    Timer,
}

impl SubmitArgs<'_> {
    /// # Errors
    ///
    /// `EOPNOTSUPP` for a minimum time on a kernel without it, and for anything on a ring whose device is polled, where
    /// the kernel would ignore it and wait on.
    pub(crate) fn way(&self, params: &Parameters) -> Result<Way, Errno> {
        let features = params.features();
        let ignored = polls_in_wait(params.setup());
        if ignored && (self.timespec.is_some() || self.sigmask.is_some() || self.min_wait_usec != 0) {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.min_wait_usec != 0 && !features.contains(Features::MIN_TIMEOUT) {
            return Err(Errno::EOPNOTSUPP);
        }
        // ABS_TIMER has no feature bit of its own; it came in the same release as MIN_TIMEOUT.
        let absolute_only_by_timer =
            self.absolute && self.timespec.is_some() && !features.contains(Features::MIN_TIMEOUT);
        if features.contains(Features::EXT_ARG) && !absolute_only_by_timer { Ok(Way::Extended) } else { Ok(Way::Timer) }
    }
}

/// Whether a wait on such a ring polls the device, and knows no time.
pub(crate) const fn polls_in_wait(setup: SetupFlags) -> bool {
    setup.contains(SetupFlags::IOPOLL) && !setup.contains(SetupFlags::SQPOLL)
}

impl<K: Kernel> Core<K> {
    /// Waits in one call if this kernel can, and says `EOPNOTSUPP` if it would take a timeout request.
    pub(crate) fn wait_extended(&self, want: u32, args: &SubmitArgs<'_>) -> Result<(), Errno> {
        match args.way(&self.params)? {
            Way::Extended => self.wait(want, Extended::new(args).argument()),
            Way::Timer => Err(Errno::EOPNOTSUPP),
        }
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Submits and waits, with a timeout request of our own, whose completion never surfaces.
    #[cold]
    pub(crate) fn submit_by_timer(&self, want: u32, args: &SubmitArgs<'_>) -> Result<usize, Errno> {
        let submitted = self.submit()?;
        if want == 0 {
            // As in one call: nothing is waited for, and the arguments have no meaning.
            return Ok(submitted);
        }
        let outcome = self.wait_by_timer(want, args);
        // As the kernel does it: a count is told before an error, and what came of the wait shows in the queue.
        let told = submitted + self.sq.count(0) as usize;
        if told != 0 { Ok(told) } else { outcome.map(|()| 0) }
    }

    /// Waits beside a timeout request of our own. Entries that go to the kernel before it are counted by the next
    /// submit.
    #[cold]
    pub(crate) fn wait_by_timer(&self, want: u32, args: &SubmitArgs<'_>) -> Result<(), Errno> {
        let mask = Argument {
            address: args.sigmask.map_or(null(), |mask| from_ref(mask).cast()),
            size: args.sigmask.map_or(0, |_| Sigset::SIZE as usize),
            ..Argument::NONE
        };
        let Some(timespec) = args.timespec else { return self.core.wait(want, mask) };
        self.cq.publish(&self.core.rings);
        let id = self.cq.hidden_id();
        let dropped = self.dropped();
        self.arm(*timespec, args.absolute, id)?;
        // A request before it that was refused at once can leave the timer queued: then there is nothing to end the wait.
        let setup = self.core.params.setup();
        let armed = setup.contains(SetupFlags::SQPOLL) || self.core.free_slots(self.sq) == self.core.rings.sq().count();
        let (outcome, ended) = if armed { self.until(want, id, dropped, mask) } else { (Ok(()), false) };
        if !ended {
            // Without room, or if the submit fails, the timer ends by itself, hidden all the same.
            let removal = opcode::TimeoutRemove::new(id).build().user_data(self.cq.hidden_id());
            let _ = self.make_room(1).and_then(|()| self.submit_hidden(&[removal]));
        }
        outcome
    }

    /// Submits a timeout whose timespec stands in the entry behind it, a nop: so no memory but the ring's has to stay
    /// until the kernel has read it, and the slot is not used anew before.
    fn arm(&self, timespec: Timespec, absolute: bool, id: u64) -> Result<(), Errno> {
        if self.core.last_links(self.sq) {
            self.hand_over_all()?;
        }
        self.make_room(2)?;
        let place = self.core.second_slot(self.sq) + opcode::Nop::TIMESPEC;
        let flags = if absolute { TimeoutFlags::ABS } else { TimeoutFlags::empty() };
        let timeout = opcode::Timeout::new(without_provenance(place)).flags(flags).build().user_data(id);
        let carrier = opcode::Nop::carrying(timespec).build().user_data(self.cq.hidden_id());
        self.submit_hidden(&[timeout, carrier])
    }

    /// Completions that the kernel has dropped so far.
    fn dropped(&self) -> u32 {
        self.core.rings.cq_overflow().load(Ordering::Relaxed)
    }

    /// Waits for one slot after the other until enough completions are there, or the timer's is. Also tells whether the
    /// timer has ended. `dropped` counts those that were lost before the timer started: if it is more by now, the timer's
    /// may be among them, and nothing would end the wait.
    fn until(&self, want: u32, id: u64, dropped: u32, mask: Argument<'_>) -> (Result<(), Errno>, bool) {
        let mut waited_at = None;
        loop {
            let seen = cqueue::census(&self.core.rings, self.cq, self.core.params.setup(), id);
            let ended = seen.found.is_some();
            // A wait that brought nothing new was interrupted: the kernel says so itself only if the queue was empty.
            let interrupted = waited_at == Some(seen.tail) && seen.slots != 0;
            if seen.callers >= want || seen.slots >= self.core.most() || interrupted || self.dropped() != dropped {
                return (Ok(()), ended);
            }
            let error = match seen.found {
                // `ETIME`, or why the kernel did not take the timeout.
                Some(result) => Errno::from_result(result).unwrap_or(Errno::ETIME),
                None => match self.core.wait(seen.slots + 1, mask) {
                    Ok(()) => {
                        waited_at = Some(seen.tail);
                        continue;
                    }
                    Err(errno) => errno,
                },
            };
            return (if seen.callers == 0 { Err(error) } else { Ok(()) }, ended);
        }
    }

    /// Hands over all that is queued. A chain ends where its submission does: behind one that is not finished, the timer
    /// would be part of it, and might never start.
    #[cold]
    fn hand_over_all(&self) -> Result<(), Errno> {
        let all = self.core.rings.sq().count();
        if self.core.params.setup().contains(SetupFlags::SQPOLL) {
            return self.make_room(all);
        }
        loop {
            let before = self.core.free_slots(self.sq);
            if before >= all {
                return Ok(());
            }
            self.submit_uncounted()?;
            if self.core.free_slots(self.sq) <= before {
                return Err(Errno::EAGAIN);
            }
        }
    }

    /// Hands over what is queued, if it leaves too few slots.
    fn make_room(&self, slots: u32) -> Result<(), Errno> {
        if slots > self.core.rings.sq().count() {
            return Err(Errno::EBUSY);
        }
        if self.core.free_slots(self.sq) < slots {
            self.submit_uncounted()?;
            let mut woken = false;
            while self.core.free_slots(self.sq) < slots && self.core.params.setup().contains(SetupFlags::SQPOLL) {
                // Older kernels consume nothing while completions wait outside the queue, and only the caller takes those.
                // Those of ours are done with first, which may make room for the others.
                if self.core.sq_flags().contains(SqFlags::CQ_OVERFLOW) {
                    cqueue::census(&self.core.rings, self.cq, self.core.params.setup(), 0);
                    self.core.wait(0, Argument::NONE)?;
                    if self.core.sq_flags().contains(SqFlags::CQ_OVERFLOW) {
                        return Err(Errno::EBUSY);
                    }
                }
                woken = self.core.wake_if_asleep(woken)?;
                core::hint::spin_loop();
            }
        }
        Ok(())
    }

    /// Submits requests of our own, after what the caller has queued.
    fn submit_hidden<const N: usize>(&self, entries: &[squeue::Entry; N]) -> Result<(), Errno> {
        if self.core.params.setup().contains(SetupFlags::SQE128) {
            self.queue_as(&entries.map(squeue::Entry128::from))?;
        } else {
            self.queue_as(entries)?;
        }
        let count = N as u32;
        self.cq.hide(count);
        self.sq.owe(-count.cast_signed());
        self.submit_uncounted()
    }

    fn queue_as<S: squeue::EntryMarker>(&self, entries: &[S]) -> Result<(), Errno> {
        let mut queue = SubmissionQueue::<S>::new(&self.core.rings, &self.sq.queue);
        // SAFETY: `S` is of the ring's own slot size. The requests point to nothing but the slot of the second, which
        // stays as it is until both were consumed.
        unsafe { queue.push_multiple(entries) }.map_err(|_| Errno::EBUSY)
    }

    /// Submits, and leaves it to the next submit to tell how many.
    fn submit_uncounted(&self) -> Result<(), Errno> {
        let done = self.submit()?;
        self.sq.owe(i32::try_from(done).unwrap_or(i32::MAX));
        Ok(())
    }
}
