//! How to wait with a timeout on a kernel that has no argument for one: by a timeout request of our own.
//!
//! The request's CQE never surfaces: it is taken out of the completion queue when the wait looks there, or stepped over if it comes
//! later. On a kernel that drops CQEs for which there is no room (without `FEAT_NODROP`) our CQEs must not take the room of the
//! caller's. There a timed wait needs two slots of the completion queue that no CQE of the caller's can fill: one for the timeout,
//! one for the request that ends it. (With SQPOLL a third, for the request that carries the time.) Without them it is refused; and
//! it ends only when all CQEs of ours have come, so that the caller has the queue for itself again.

use core::ptr::NonNull;

use super::{EnterArgument, Submitter};
use crate::cqueue::Census;
use crate::error::Errno;
use crate::flags::{Features, SetupFlags, SqFlags, TimeoutFlags};
use crate::kernel::Kernel;
use crate::squeue::{self, SubmissionQueue};
use crate::sync::{self, Ordering};
use crate::types::{SubmitArgs, Timespec};
use crate::{cqueue, opcode};

/// A timeout request of our own.
#[derive(Clone, Copy)]
struct Timer {
    /// The user data of the request.
    id: u64,
    /// The number of other CQEs that end it.
    count: u32,
    /// The CQEs that the kernel had dropped before.
    dropped: u32,
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
        // A count goes before an error, as in the kernel's own answer; the queue shows how the wait ended.
        let told = submitted + self.sq.count(0) as usize;
        if told != 0 { Ok(told) } else { outcome.map(|()| 0) }
    }

    /// Waits beside a timeout request of our own. SQEs that go to the kernel before it are counted by the next submit.
    #[cold]
    pub(crate) fn wait_by_timer(&self, want: u32, args: &SubmitArgs<'_>) -> Result<(), Errno> {
        let mask = EnterArgument::mask(args.sigmask);
        let Some(timespec) = args.timespec else { return self.core.wait(want, mask) };
        self.cq.publish(&self.core.rings);
        let seen = self.look(0);
        if self.is_enough(&seen, want) {
            return Ok(());
        }
        // The CQE of the request that carries the time.
        let carrier = u32::from(self.core.params.setup().contains(SetupFlags::SQPOLL));
        // The CQEs of the timer and of its removal besides.
        if self.drops() && self.spare() < 2 + carrier {
            return Err(Errno::EBUSY);
        }
        let missing = want - seen.callers;
        // CQEs of ours that an earlier wait has left on their way count too, and must not end this one early. (If their number is
        // not known, there are fillers, which have a CQE only if their chain fails.)
        let count = missing.checked_add(self.cq.hidden()).unwrap_or(missing).saturating_add(carrier);
        let timer = Timer { id: self.cq.hidden_id(), count, dropped: self.dropped() };
        if !self.arm(timer, *timespec, args.absolute)? {
            // A request before the timer was refused at once, so that the timer was not consumed: nothing would end the wait.
            return Ok(());
        }
        let (outcome, ended) = self.until(want, timer, mask);
        if !ended {
            self.disarm(timer);
        }
        outcome
    }

    /// Submits the timeout request; `false` if the kernel did not consume it, and it was taken back.
    fn arm(&self, timer: Timer, timespec: Timespec, absolute: bool) -> Result<bool, Errno> {
        if self.core.last_links(self.sq) {
            self.hand_over_all()?;
        }
        self.make_room(2)?;
        // The timespec stands in the slot behind the timer's, so that no memory but the ring's must stay until the kernel has read
        // it: when it consumes the timer.
        // kernel: io_uring/timeout.c __io_timeout_prep (6.12.117): the timespec is read when the SQE is consumed; other CQEs than
        // those of timeouts count towards `off`.
        let place = self.core.second_slot(self.sq);
        let flags = if absolute { TimeoutFlags::ABS } else { TimeoutFlags::empty() };
        let timeout = |time: NonNull<u8>| {
            let time = time.as_ptr().cast_const().cast();
            opcode::Timeout::new(time).flags(flags).count(timer.count).build().user_data(timer.id)
        };
        if self.core.params.setup().contains(SetupFlags::SQPOLL) {
            // The thread may consume the timer after this call. So a no-op carries the timespec, and keeps its slot until then.
            // SAFETY: the place lies within a slot of the entries, whose size is more than the offset and a timespec together.
            let time = unsafe { place.add(opcode::Nop::TIMESPEC) };
            let carrier = opcode::Nop::carrying(timespec).build().user_data(self.cq.hidden_id());
            return self.send([timeout(time), carrier]);
        }
        // The slot stays free: either the kernel consumes the timer in this call, or the timer is taken back.
        // SAFETY: two slots are free, so the second one is ours: inside the entries, as large as a timespec and aligned. The kernel
        // does not touch slots behind the tail.
        unsafe { sync::write(place.cast(), timespec) };
        self.send([timeout(place)])
    }

    /// Waits for one slot after the other until enough completions are there, or the timer's is. Also tells whether the timer has
    /// ended. If more CQEs were dropped than before the timer started, the timer's may be among them, and nothing would end
    /// the wait.
    fn until(&self, want: u32, timer: Timer, mask: EnterArgument<'_>) -> (Result<(), Errno>, bool) {
        let mut waited_at = None;
        loop {
            let seen = self.look(timer.id);
            let ended = seen.found.is_some();
            // A wait that brought nothing new was interrupted: the kernel says so itself only if the queue was empty.
            let interrupted = waited_at == Some(seen.tail) && seen.slots != 0;
            if self.is_enough(&seen, want) || interrupted || self.dropped() != timer.dropped {
                return (Ok(()), ended);
            }
            let error = match seen.found {
                // Enough completions came, though not all of them are the caller's: the wait ends early.
                Some(0) => return (Ok(()), true),
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

    /// Ends the timer before its time.
    fn disarm(&self, timer: Timer) {
        // Where the removal can't be sent, the timer ends by itself, hidden all the same.
        let removal = self.cq.hidden_id();
        let consumed = self.core.free_slots(self.sq) == self.core.rings.sq().count();
        if consumed {
            let entry = opcode::TimeoutRemove::new(timer.id).build().user_data(removal);
            let _ = self.send([entry]);
        }
        if self.drops() {
            self.collect(timer, removal);
        }
    }

    /// Waits until all CQEs of ours have come, after the removal was sent. They come soon, and the timer's at its time at the latest.
    fn collect(&self, timer: Timer, removal: u64) {
        /// Waits that bring nothing, after which a CQE of ours is left on its way.
        const PATIENCE: u32 = 100;

        let (mut no_ops, mut refused, mut fruitless, mut tail) = (0, false, 0, None);
        loop {
            let seen = self.look(removal);
            fruitless = if tail == Some(seen.tail) { fruitless + 1 } else { 0 };
            tail = Some(seen.tail);
            if self.cq.hidden() == 0 || self.dropped() != timer.dropped || fruitless > PATIENCE {
                return;
            }
            // Linux before 5.5 knows no removal. There no-ops make up the count of CQEs that ends the timer.
            refused |= seen.found.is_some_and(|result| Errno::from_result(result) == Some(Errno::EINVAL));
            let outcome = if refused && no_ops < timer.count && self.spare() != 0 {
                no_ops += 1;
                let no_op = opcode::Nop::new().build().user_data(self.cq.hidden_id());
                self.send([no_op]).map(drop)
            } else {
                self.core.wait((seen.slots + 1).min(self.core.most()), EnterArgument::NONE)
            };
            if !matches!(outcome, Ok(()) | Err(Errno::EINTR | Errno::EAGAIN)) {
                return;
            }
        }
    }

    /// Looks at the completion queue, and takes CQEs of ours out of it.
    fn look(&self, id: u64) -> Census {
        let (rings, setup) = (&self.core.rings, self.core.params.setup());
        let mut seen = cqueue::census(rings, self.cq, setup, id);
        if !setup.contains(SetupFlags::CQE_MIXED) {
            cqueue::compact(rings, self.cq, setup, seen.tail);
            seen.slots = seen.callers;
        }
        // After a drop, a CQE of ours that is still expected may never come.
        if self.drops() && self.dropped() != 0 && self.outstanding() == seen.slots {
            self.cq.forget_hidden();
        }
        seen
    }

    /// Tells whether the caller has the completions that it waits for, or no more fit.
    fn is_enough(&self, seen: &Census, want: u32) -> bool {
        seen.callers >= want || seen.slots >= self.core.most()
    }

    /// Tells whether the kernel drops a CQE for which the queue has no room.
    // kernel: io_uring/io_uring.c io_cqring_event_overflow (6.12.117): with FEAT_NODROP a CQE without room is kept in a list.
    fn drops(&self) -> bool {
        !self.core.params.features().contains(Features::NODROP)
    }

    /// Returns the number of CQEs that the kernel has dropped so far.
    fn dropped(&self) -> u32 {
        self.core.rings.cq_overflow().load(Ordering::Relaxed)
    }

    /// Returns how many CQEs are in the completion queue, or will come for SQEs pushed so far. Right for kernels that drop: they have
    /// no request with more than one CQE, and none without.
    fn outstanding(&self) -> u32 {
        // Each SQE is one CQE, which was read, was dropped, is in the queue or is still to come. So the indices of both queues,
        // which start at the same number, say it all. The kernel's tail has no part in the sum: a CQE that comes meanwhile
        // changes nothing.
        let pushed = self.sq.queue.tail.get().wrapping_sub(self.core.rings.sq_dropped().load(Ordering::Relaxed));
        pushed.wrapping_sub(self.dropped()).wrapping_sub(self.cq.published())
    }

    /// Returns how many slots of the completion queue no outstanding CQE can fill.
    fn spare(&self) -> u32 {
        self.core.rings.cq().count().saturating_sub(self.outstanding())
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
                // Ours are taken out first, which may make room for the others.
                if self.core.sq_flags().contains(SqFlags::CQ_OVERFLOW) {
                    self.look(0);
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

    /// Submits requests of our own, after what the caller has queued. `false`, or an error, if the kernel did not consume the
    /// request: then it is not queued either. (With SQPOLL requests stay queued, for the thread. Without it there is one.)
    fn send<const N: usize>(&self, entries: [squeue::Entry; N]) -> Result<bool, Errno> {
        let setup = self.core.params.setup();
        if setup.contains(SetupFlags::SQE128) {
            self.queue_as(&entries.map(squeue::Entry128::from))?;
        } else {
            self.queue_as(&entries)?;
        }
        let count = N as u32;
        self.cq.hide(count);
        self.sq.adjust(-count.cast_signed());
        let outcome = self.submit_uncounted();
        let consumed =
            setup.contains(SetupFlags::SQPOLL) || self.core.free_slots(self.sq) == self.core.rings.sq().count();
        if !consumed {
            self.sq.take_back(&self.core.rings, setup);
            self.cq.unhide();
            self.sq.adjust(1);
        }
        outcome.map(|()| consumed)
    }

    fn queue_as<S: squeue::EntryMarker>(&self, entries: &[S]) -> Result<(), Errno> {
        let mut queue = SubmissionQueue::<S>::new(&self.core.rings, &self.sq.queue);
        // SAFETY: `S` is of the ring's own slot size. The requests point to nothing but the slot behind the first, which stays as it
        // is until the first was consumed or taken back.
        unsafe { queue.push_multiple(entries) }.map_err(|_| Errno::EBUSY)
    }

    /// Submits, and leaves it to the next submit to tell how many.
    fn submit_uncounted(&self) -> Result<(), Errno> {
        let done = self.submit()?;
        self.sq.adjust(i32::try_from(done).unwrap_or(i32::MAX));
        Ok(())
    }
}
