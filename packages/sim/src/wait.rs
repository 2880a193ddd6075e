//! `io_uring_enter`: submitting, and waiting.

use bare_uring::{Errno, SetupFlags};

use crate::coverage::Mark;
use crate::fault::Fault;
use crate::profile::Waits;
use crate::world::World;

/// Of a ring with DEFER_TASKRUN, so many pieces of work run at once (`IO_LOCAL_TW_DEFAULT_MAX`).
const WORK_AT_ONCE: u32 = 20;

/// So many waits in a row that nothing can end, and the user has not understood.
const PATIENCE: u32 = 1000;

/// What ends a wait, besides completions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) deadline: Option<u64>,
    /// Until then all completions are waited for, and after it one.
    pub(crate) min_wait: Option<u64>,
}

impl World {
    /// Runs the task's work and moves what waits outside the queue into it; how many completions are there.
    fn look(&mut self, id: u32, want: u32) -> u32 {
        if self.is(id, SetupFlags::COOP_TASKRUN | SetupFlags::DEFER_TASKRUN) {
            self.run_work(id, WORK_AT_ONCE.max(want));
        }
        let Some(ring) = self.rings.get_mut(&id) else { return 0 };
        if ring.detached {
            return u32::MAX;
        }
        ring.flush_overflow(&mut self.faults);
        ring.ready(&mut self.faults)
    }

    /// `io_cqring_wait()`.
    pub(crate) fn wait(&mut self, id: u32, want: u32, mut limits: Limits) -> Result<(), Errno> {
        let Some(ring) = self.rings.get(&id) else { return Err(Errno::EBADF) };
        let (mut want, timeouts) = (want.min(ring.shape.cq_entries), ring.timeouts);
        loop {
            let ready = self.look(id, want);
            let error_if_empty = |errno: Errno| if ready == 0 { Err(errno) } else { Ok(()) };
            let Some(ring) = self.rings.get_mut(&id) else { return Ok(()) };
            if ready >= want || self.profile.waits == Waits::Never {
                return Ok(());
            }
            if ring.timeouts != timeouts {
                self.coverage.mark(Mark::EndedByTimeout);
                return Ok(());
            }
            if std::mem::take(&mut ring.lost) {
                self.coverage.mark(Mark::LossTold);
                return error_if_empty(Errno::EBADR);
            }
            let idle = ring.flights.is_empty() && ring.deferred.is_empty();
            if self.profile.waits == Waits::UntilIdle && idle && ready != 0 {
                return Ok(());
            }
            if self.chaos.interrupted.happens(&mut self.random) {
                self.coverage.mark(if ready == 0 { Mark::Interrupted } else { Mark::InterruptedWithSome });
                return error_if_empty(Errno::EINTR);
            }
            if self.chaos.early_returns.happens(&mut self.random) {
                self.coverage.mark(Mark::EarlyReturn);
                return Ok(());
            }
            if self.step() {
                self.stuck = 0;
                continue;
            }
            match self.pass_time(limits) {
                Passed::ToWork => {}
                Passed::ToMinimum => {
                    self.coverage.mark(Mark::MinimumOver);
                    limits.min_wait = None;
                    want = 1;
                    if limits.deadline.is_none() {
                        return error_if_empty(Errno::ETIME);
                    }
                }
                Passed::ToDeadline => {
                    self.coverage.mark(Mark::TimeOver);
                    return error_if_empty(Errno::ETIME);
                }
                Passed::Never => {
                    let outcome = self.stuck(id);
                    return if ready == 0 { outcome } else { Ok(()) };
                }
            }
        }
    }

    /// Nothing can happen now: moves the clock on to when something will.
    fn pass_time(&mut self, limits: Limits) -> Passed {
        let timer = self.next_deadline().map(|at| (at, Passed::ToWork));
        let minimum = limits.min_wait.map(|at| (at, Passed::ToMinimum));
        let deadline = limits.deadline.map(|at| (at, Passed::ToDeadline));
        let next = [timer, minimum, deadline].into_iter().flatten().min_by_key(|next| next.0);
        let Some((at, passed)) = next else { return Passed::Never };
        self.clock = self.clock.max(at);
        passed
    }

    /// Lets the time pass to the next timer, if nothing can happen before it.
    pub(crate) fn pass(&mut self) {
        if !self.step() {
            let _ = self.pass_time(Limits::default());
        }
    }

    /// Nothing can end this wait.
    pub(crate) fn stuck(&mut self, id: u32) -> Result<(), Errno> {
        let Self { rings, faults, .. } = self;
        let Some(ring) = rings.get_mut(&id) else { return Err(Errno::EBADF) };
        let asleep = ring.thread.is_some_and(|thread| thread.asleep);
        let asleep_over = if asleep { ring.visible(faults) } else { 0 };
        faults.push(Fault::Stuck { ring: id, asleep_over });
        self.stuck += 1;
        assert!(self.stuck < PATIENCE, "ring {id} waits again and again for what cannot come");
        Err(Errno::EINTR)
    }
}

/// To where the clock was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// A timer of a request.
    ToWork,
    /// The end of the time in which all completions are waited for.
    ToMinimum,
    /// The end of the wait.
    ToDeadline,
    /// Nothing will ever happen.
    Never,
}
