//! Timeouts, by the simulated clock.

use super::{Attempt, ECANCELED, TIMEOUT_REMOVE};
use crate::buffers::copy_from_user;
use crate::files::EINVAL;
use crate::flight::{Outcome, Timer, Wait};
use crate::sqe::Sqe;
use crate::world::World;

const ETIME: i32 = -62;
const ENOENT: i32 = -2;
const EALREADY: i32 = -114;

const ABS: u32 = 1;
const UPDATE: u32 = 1 << 1;
const ETIME_SUCCESS: u32 = 1 << 5;
const MULTISHOT: u32 = 1 << 6;
const IMMEDIATE_ARG: u32 = 1 << 7;

/// A timespec in the user's memory, in nanoseconds.
///
/// # Safety
///
/// There is one.
pub(crate) unsafe fn timespec(address: u64) -> Result<u64, i32> {
    // SAFETY: the caller's contract.
    let bytes = unsafe { copy_from_user(address, 16) };
    let part = |at: usize| bytes[at..at + 8].try_into().map(i64::from_ne_bytes).unwrap_or(-1);
    let (seconds, nanoseconds) = (u64::try_from(part(0)), u64::try_from(part(8)));
    match (seconds, nanoseconds) {
        (Ok(seconds), Ok(nanoseconds)) => Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)),
        _ => Err(EINVAL),
    }
}

impl World {
    /// Reads the time of a request that has one.
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
        // SAFETY: the contract of pushing: the timespec is valid until the entry was consumed.
        sqe.time = unsafe { timespec(address) }?;
        Ok(())
    }

    /// When the time of a request is over.
    pub(super) fn deadline_of(&self, sqe: &Sqe) -> u64 {
        if sqe.op_flags & ABS != 0 { sqe.time } else { self.clock.saturating_add(sqe.time) }
    }

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

    /// Whether a timer has anything to tell.
    pub(crate) fn is_due(&self, timer: &Timer, completed: u32) -> bool {
        let counted = timer.target.is_some_and(|target| completed.wrapping_sub(target).cast_signed() >= 0);
        counted || timer.deadline <= self.clock
    }

    /// A timer is due: the timeout is over, or starts again.
    pub(super) fn timer_ends(&mut self, id: u32, sqe: &Sqe, timer: Timer) -> Attempt {
        let over = timer.deadline <= self.clock;
        let mut outcome = Outcome::of(if over { ETIME } else { 0 });
        outcome.fails = over && !timer.is_success;
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.timeouts = ring.timeouts.wrapping_add(1);
        }
        match timer.again {
            Some((span, left)) if over && left != 1 => {
                self.coverage.mark(crate::coverage::Mark::Repeated);
                self.tell(id, sqe, outcome, bare_uring::uapi::IORING_CQE_F_MORE);
                let (deadline, left) = (self.clock.saturating_add(span), left.saturating_sub(1));
                Attempt::Timer(Timer { deadline, again: Some((span, left)), ..timer })
            }
            _ => Attempt::Done(outcome),
        }
    }

    /// Ends a timeout, or gives it another time.
    pub(super) fn timeout_remove(&mut self, id: u32, sqe: &Sqe) -> Attempt {
        let deadline = self.deadline_of(sqe);
        let Some(ring) = self.rings.get_mut(&id) else { return Attempt::done(ENOENT) };
        let found = ring
            .flights
            .iter_mut()
            .find(|(_, flight)| flight.sqe.user_data == sqe.addr && flight.sqe.opcode == super::TIMEOUT);
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
