//! Timeouts, by the simulated clock.

use bare_uring::types::TimeoutFlags;
use bare_uring::uapi::IORING_CQE_F_MORE;

use super::{Attempt, LINK_TIMEOUT, TIMEOUT, TIMEOUT_REMOVE};
use crate::coverage::Mark;
use crate::cqe::Completion;
use crate::errno::{EALREADY, ECANCELED, EINVAL, ENOENT, ETIME};
use crate::flight::{Outcome, Timer, Wait};
use crate::layout::Word;
use crate::ledger::Event;
use crate::profile::{Counting, Overflow, ReadsTime};
use crate::ring::{Ring, Work};
use crate::sqe::Sqe;
use crate::user::timespec;
use crate::world::World;

impl Sqe {
    /// Returns the flags of a timeout, or of its removal.
    fn timeout_flags(&self) -> TimeoutFlags {
        TimeoutFlags::from_bits_retain(self.op_flags)
    }
}

impl Ring {
    /// Returns the number of completions of other requests than timeouts.
    // kernel: io_uring/timeout.c io_flush_timeouts (7.3): the queue's tail less cq_timeouts.
    fn sequence(&self, overflow: Overflow) -> u32 {
        // Without an overflow list, those that were dropped count too.
        let dropped = if overflow == Overflow::Drop { self.load(Word::CqOverflow) } else { 0 };
        self.cq_tail.wrapping_add(dropped).wrapping_sub(self.timeouts)
    }

    /// Returns what a timeout of Nanos is compared with: the tail and the number of dropped completions.
    fn tail_and_dropped(&self) -> u32 {
        self.cq_tail.wrapping_add(self.load(Word::CqOverflow))
    }
}

impl World {
    /// Checks a timeout or its removal, and reads the time, unless the kernel does so later.
    // kernel: io_uring/timeout.c io_timeout_remove_prep (7.2): a removal without UPDATE takes no flag.
    pub(super) fn read_time(&self, sqe: &mut Sqe) -> Result<(), i32> {
        let rules = self.profile.timeouts;
        let flags = sqe.timeout_flags();
        let removal = sqe.opcode == TIMEOUT_REMOVE;
        if removal && !rules.flags.contains(TimeoutFlags::UPDATE) && flags.is_empty() {
            return Ok(());
        }
        // Updates of linked timeouts are not simulated.
        let refused =
            TimeoutFlags::LINK_UPDATE.union(if removal { TimeoutFlags::MULTISHOT } else { TimeoutFlags::UPDATE });
        if !rules.flags.contains(flags) || rules.timers && flags.intersects(refused) {
            return Err(EINVAL);
        }
        if removal && !flags.contains(TimeoutFlags::UPDATE) {
            return if flags.is_empty() { Ok(()) } else { Err(EINVAL) };
        }
        let is_limit = sqe.opcode == LINK_TIMEOUT;
        let late = sqe.opcode == TIMEOUT && rules.reads != ReadsTime::Consumed;
        let odd = flags.contains(TimeoutFlags::ABS | TimeoutFlags::MULTISHOT) || is_limit && sqe.off != 0;
        let odd_entry = !rules.entry_flags && sqe.flags != 0 || rules.len_is_one && sqe.len != 1;
        if !removal && (odd_entry || rules.timers && odd) {
            return Err(EINVAL);
        }
        if late { Ok(()) } else { Self::take_time(sqe) }
    }

    /// Reads the time of a timeout, or of an update of a timeout.
    // kernel: io_uring/timeout.c io_parse_user_time (7.2): with IMMEDIATE_ARG the time is in the entry.
    fn take_time(sqe: &mut Sqe) -> Result<(), i32> {
        let address = if sqe.opcode == TIMEOUT_REMOVE { sqe.off } else { sqe.addr };
        sqe.time = if sqe.timeout_flags().contains(TimeoutFlags::IMMEDIATE_ARG) {
            if i64::try_from(address).is_err() {
                return Err(EINVAL);
            }
            address
        } else if address == 0 {
            return Err(EINVAL);
        } else {
            // SAFETY: the contract of `push`: the timespec is valid until the entry was consumed. A kernel that reads
            // later reads what stands there then: a slot of the queue, or memory that the test keeps.
            unsafe { timespec(address) }?
        };
        Ok(())
    }

    /// Returns the point of time at which a timeout ends.
    pub(super) fn deadline_of(&self, sqe: &Sqe) -> u64 {
        let absolute = sqe.timeout_flags().contains(TimeoutFlags::ABS);
        if absolute { sqe.time } else { self.clock.saturating_add(sqe.time) }
    }

    /// Starts a timeout.
    // kernel: io_uring/timeout.c io_timeout (7.2): `off` is the number of completions that end the timeout, 0 for none.
    // kernel: io_uring/timeout.c __io_timeout_prep (7.2): of a multishot timeout `off` is the number of repeats.
    // kernel: nanos src/unix/io_uring.c iour_timeout_add (0468d568): the target of a timeout without a number is the
    // tail itself, which no completion makes.
    pub(super) fn timeout(&mut self, id: u32, sqe: &Sqe) -> Attempt {
        let rules = self.profile.timeouts;
        let mut sqe = sqe.clone();
        if rules.reads != ReadsTime::Consumed
            && let Err(errno) = Self::take_time(&mut sqe)
        {
            return Attempt::done(errno);
        }
        if !rules.timers {
            return Attempt::done(0);
        }
        let multishot = sqe.timeout_flags().contains(TimeoutFlags::MULTISHOT);
        let deadline = self.deadline_of(&sqe);
        let Some(ring) = self.rings.get(&id) else { return Attempt::done(ECANCELED) };
        let (off, counts) = (sqe.off as u32, sqe.off as u32 != 0 && !multishot);
        let sequence = ring.sequence(self.profile.overflow);
        let target = match rules.counting {
            Counting::Completions => counts.then(|| sequence.wrapping_add(off)),
            Counting::Consumed => {
                let before = ring.in_flight().len() - ring.counting_timers();
                counts.then(|| sequence.wrapping_add(before as u32).wrapping_add(off))
            }
            Counting::Exact => Some(ring.cq_tail.wrapping_add(off)),
            Counting::Len => (sqe.len != 0).then(|| ring.cq_tail.wrapping_add(sqe.len)),
        };
        Attempt::Timer(Timer {
            deadline,
            target,
            reached: false,
            again: multishot.then_some((sqe.time.max(1), u64::from(off))),
            is_success: sqe.timeout_flags().contains(TimeoutFlags::ETIME_SUCCESS),
        })
    }

    /// Returns whether a timer has ended, by its time or by the number of completions.
    pub(crate) fn is_due(&self, timer: &Timer) -> bool {
        timer.next() <= self.clock
    }

    /// Ends the timeouts whose number of completions is reached by the completion that was posted just now.
    // kernel: io_uring/timeout.c io_flush_timeouts, io_kill_timeout (7.2): each one that ends counts in cq_timeouts at
    // once, and is posted as task work.
    pub(crate) fn count_completion(&mut self, id: u32, result: i32) {
        let rules = self.profile.timeouts;
        let overflow = self.profile.overflow;
        let Some(ring) = self.rings.get_mut(&id) else { return };
        let now = match rules.counting {
            Counting::Completions | Counting::Consumed => ring.sequence(overflow),
            Counting::Len => ring.cq_tail,
            // Only a timeout that ends by its time has this result there.
            Counting::Exact if result == ETIME => return,
            Counting::Exact => return self.count_exactly(id),
        };
        for flight in ring.flights.values_mut() {
            if let Wait::Timer(timer) = &mut flight.wait
                && !timer.reached
                && timer.target.is_some_and(|target| now.wrapping_sub(target).cast_signed() >= 0)
            {
                timer.reached = true;
                ring.timeouts = ring.timeouts.wrapping_add(1);
                ring.coverage.mark(Mark::CountReached);
            }
        }
    }

    /// Ends the timeouts of Nanos whose target is exactly reached. Each completion of theirs moves the targets of the
    /// others on.
    // kernel: nanos src/unix/io_uring.c iour_complete (0468d568): this loop.
    fn count_exactly(&mut self, id: u32) {
        loop {
            let Self { rings, faults, .. } = self;
            let Some(ring) = rings.get_mut(&id) else { return };
            let now = ring.tail_and_dropped();
            let found = ring.flights.iter().find(|(_, flight)| {
                !flight.queued && matches!(&flight.wait, Wait::Timer(timer) if timer.target == Some(now))
            });
            let Some((&number, _)) = found else { return };
            let Some(flight) = ring.flights.remove(&number) else { return };
            ring.timeouts = ring.timeouts.wrapping_add(1);
            ring.coverage.mark(Mark::CountReached);
            let cqe = Completion { user_data: flight.sqe.user_data, result: 0, flags: 0, big: None };
            if ring.place(&cqe, faults) {
                ring.ledger.note(cqe.user_data, Event::Completed(cqe));
            } else {
                ring.store(Word::CqOverflow, ring.load(Word::CqOverflow).wrapping_add(1));
                ring.coverage.mark(Mark::Dropped);
                ring.ledger.note(cqe.user_data, Event::Dropped(cqe));
            }
            for flight in ring.flights.values_mut() {
                if let Wait::Timer(timer) = &mut flight.wait {
                    timer.target = timer.target.map(|target| target.wrapping_add(1));
                }
            }
        }
    }

    /// Ends a timeout whose timer is due, or starts it again.
    // kernel: io_uring/timeout.c io_timeout_fn (7.2): at its time the request fails with ETIME, or succeeds with ETIME
    // if ETIME_SUCCESS is set; it counts in cq_timeouts.
    // kernel: io_uring/timeout.c io_timeout_complete (7.2): a multishot timeout posts ETIME with F_MORE, and starts
    // again.
    pub(super) fn timer_ends(&mut self, id: u32, sqe: &Sqe, timer: Timer) -> Attempt {
        if timer.reached {
            return Attempt::done(0);
        }
        let result = if timer.is_success { self.profile.timeouts.success } else { ETIME };
        let outcome = Outcome { fails: !timer.is_success, ..Outcome::of(result) };
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.timeouts = ring.timeouts.wrapping_add(1);
        }
        match timer.again {
            Some((span, left)) if left != 1 => {
                self.coverage.mark(Mark::Repeated);
                self.tell(id, sqe, outcome, IORING_CQE_F_MORE);
                let (deadline, left) = (self.clock.saturating_add(span), left.saturating_sub(1));
                Attempt::Timer(Timer { deadline, again: Some((span, left)), ..timer })
            }
            _ => Attempt::Done(outcome),
        }
    }

    /// Cancels a timeout, or gives it another time.
    // kernel: io_uring/timeout.c io_timeout_extract (7.2): ENOENT if no timeout has the user data, EALREADY if its
    // timer runs.
    // kernel: io_uring/timeout.c io_timeout_cancel (7.2): the timeout's completion is task work, and follows.
    // kernel: nanos src/unix/io_uring.c iour_timeout_remove (0468d568): the timeout's completion comes first.
    // kernel: osv core/io_uring.cc exec_single_sqe (24eb7668): 0 for any request with the user data, and a timer that
    // runs goes on.
    pub(super) fn timeout_remove(&mut self, id: u32, sqe: &Sqe) -> Attempt {
        let rules = self.profile.timeouts;
        let deadline = self.deadline_of(sqe);
        let Some(ring) = self.rings.get_mut(&id) else { return Attempt::done(ENOENT) };
        let at_once = rules.counting == Counting::Exact || ring.defers_work();
        let is_it = |wait: &Wait| matches!(wait, Wait::Timer(timer) if !timer.reached) || matches!(wait, Wait::Turn);
        let found = ring.flights.iter_mut().find(|(_, flight)| {
            flight.sqe.user_data == sqe.addr && flight.sqe.opcode == TIMEOUT && is_it(&flight.wait)
        });
        let Some((&number, flight)) = found else { return Attempt::done(ENOENT) };
        if flight.queued {
            return Attempt::done(EALREADY);
        }
        let mut timer = if let Wait::Timer(timer) = flight.wait { Some(timer) } else { None };
        ring.coverage.mark(Mark::TimeoutChanged);
        if let Some(timer) = &mut timer
            && sqe.timeout_flags().contains(TimeoutFlags::UPDATE)
        {
            let absolute = sqe.timeout_flags().contains(TimeoutFlags::ABS);
            if rules.keeps_repeats && absolute && timer.again.is_some() {
                return Attempt::done(EINVAL);
            }
            let keeps = rules.keeps_repeats;
            let again = timer.again.map(|(_, left)| (sqe.time.max(1), if keeps { left } else { 0 }));
            flight.wait = Wait::Timer(Timer { deadline, target: None, again, ..*timer });
            return Attempt::done(0);
        }
        if timer.is_some() && !rules.removes {
            return Attempt::done(0);
        }
        flight.wait = Wait::Told(Outcome::of(ECANCELED));
        if rules.counts_removed {
            ring.timeouts = ring.timeouts.wrapping_add(1);
        }
        if at_once {
            self.wake(id, number);
        } else {
            flight.queued = true;
            ring.work.push_back(Work::Flight(number));
        }
        Attempt::done(0)
    }
}

impl Ring {
    /// Returns how many timeouts wait for a number of completions.
    fn counting_timers(&self) -> usize {
        let waits = self.flights.values().map(|flight| &flight.wait);
        waits.filter(|wait| matches!(wait, Wait::Timer(timer) if timer.target.is_some())).count()
    }
}
