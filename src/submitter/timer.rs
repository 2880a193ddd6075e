//! How to wait with a timeout on a kernel that has no argument for one: by a timeout request of our own.

use core::ptr::without_provenance;

use super::{EnterArgument, Submitter};
use crate::error::Errno;
use crate::flags::{SetupFlags, SqFlags, TimeoutFlags};
use crate::kernel::Kernel;
use crate::squeue::{self, SubmissionQueue};
use crate::sync::Ordering;
use crate::types::{SubmitArgs, Timespec};
use crate::{cqueue, opcode};

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
        let mask = EnterArgument::mask(args.sigmask);
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
    fn until(&self, want: u32, id: u64, dropped: u32, mask: EnterArgument<'_>) -> (Result<(), Errno>, bool) {
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
                    self.core.wait(0, EnterArgument::NONE)?;
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
        self.sq.adjust(-count.cast_signed());
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
        self.sq.adjust(i32::try_from(done).unwrap_or(i32::MAX));
        Ok(())
    }
}
