//! Timeouts, by the simulated clock.

use bare_uring::uapi::IORING_CQE_F_MORE;

use super::{Attempt, TIMEOUT, TIMEOUT_REMOVE};
use crate::coverage::Mark;
use crate::errno::{EALREADY, ECANCELED, EINVAL, ENOENT, ETIME};
use crate::flight::{Outcome, Timer, Wait};
use crate::sqe::Sqe;
use crate::user::timespec;
use crate::world::World;

const ABS: u32 = 1;
const UPDATE: u32 = 1 << 1;
const ETIME_SUCCESS: u32 = 1 << 5;
const MULTISHOT: u32 = 1 << 6;
const IMMEDIATE_ARG: u32 = 1 << 7;

impl World {
    /// Reads the time of a timeout, or of an update of a timeout.
    pub(super) fn read_time(&self, sqe: &mut Sqe) -> Result<(), i32> {
        let update = sqe.op_flags & UPDATE != 0;
        if sqe.opcode == TIMEOUT_REMOVE && !update {
            return Ok(());
        }
        let address = if sqe.opcode == TIMEOUT_REMOVE { sqe.off } else { sqe.addr };
        // Not simulated: Linux has it since 7.1.
        if sqe.op_flags & IMMEDIATE_ARG != 0 || address == 0 {
            return Err(EINVAL);
        }
        // SAFETY: the contract of `push`: the timespec is valid until the entry was consumed.
        sqe.time = unsafe { timespec(address) }?;
        Ok(())
    }

    /// Returns the point of time at which a timeout ends.
    pub(super) fn deadline_of(&self, sqe: &Sqe) -> u64 {
        if sqe.op_flags & ABS != 0 { sqe.time } else { self.clock.saturating_add(sqe.time) }
    }

    /// Starts a timeout.
    // kernel: io_uring/timeout.c io_timeout (7.2): `off` is the number of completions that end the timeout, 0 for none.
    // kernel: io_uring/timeout.c __io_timeout_prep (7.2): of a multishot timeout `off` is the number of repeats.
    pub(super) fn timeout(&mut self, id: u32, sqe: &Sqe) -> Attempt {
        if !self.profile.timers {
            return Attempt::done(0);
        }
        let multishot = sqe.op_flags & MULTISHOT != 0;
        let Some(ring) = self.rings.get(&id) else { return Attempt::done(ECANCELED) };
        let counts = sqe.off != 0 && !multishot;
        Attempt::Timer(Timer {
            deadline: self.deadline_of(sqe),
            target: counts.then(|| ring.completed.wrapping_add(sqe.off as u32)),
            again: multishot.then_some((sqe.time.max(1), sqe.off)),
            is_success: sqe.op_flags & ETIME_SUCCESS != 0,
        })
    }

    /// Returns whether a timer has ended, by its time or by the number of completions.
    pub(crate) fn is_due(&self, timer: &Timer, completed: u32) -> bool {
        let counted = timer.target.is_some_and(|target| completed.wrapping_sub(target).cast_signed() >= 0);
        counted || timer.deadline <= self.clock
    }

    /// Ends a timeout whose timer is due, or starts it again.
    // kernel: io_uring/timeout.c io_timeout_fn (7.2): at its time the request fails with ETIME, or succeeds with ETIME
    // if ETIME_SUCCESS is set; it counts in cq_timeouts.
    // kernel: io_uring/timeout.c io_timeout_complete (7.2): a multishot timeout posts ETIME with F_MORE, and starts
    // again.
    pub(super) fn timer_ends(&mut self, id: u32, sqe: &Sqe, timer: Timer) -> Attempt {
        let over = timer.deadline <= self.clock;
        let mut outcome = Outcome::of(if over { ETIME } else { 0 });
        outcome.fails = over && !timer.is_success;
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.timeouts = ring.timeouts.wrapping_add(1);
        }
        match timer.again {
            Some((span, left)) if over && left != 1 => {
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
    pub(super) fn timeout_remove(&mut self, id: u32, sqe: &Sqe) -> Attempt {
        let deadline = self.deadline_of(sqe);
        let Some(ring) = self.rings.get_mut(&id) else { return Attempt::done(ENOENT) };
        let found = ring
            .flights
            .iter_mut()
            .find(|(_, flight)| flight.sqe.user_data == sqe.addr && flight.sqe.opcode == TIMEOUT);
        let Some((&number, flight)) = found else { return Attempt::done(ENOENT) };
        if flight.queued {
            return Attempt::done(EALREADY);
        }
        if sqe.op_flags & UPDATE != 0 {
            if let Wait::Timer(timer) = &mut flight.wait {
                timer.deadline = deadline;
            }
            return Attempt::done(0);
        }
        flight.wait = Wait::Told(Outcome::of(ECANCELED));
        self.wake(id, number);
        Attempt::done(0)
    }
}
