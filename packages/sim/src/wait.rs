//! `io_uring_enter`: submitting, and waiting.

use bare_uring::{Errno, SetupFlags};

use crate::coverage::Mark;
use crate::fault::Fault;
use crate::profile::Waits;
use crate::world::World;

/// The most pieces of task work that a wait runs at once, unless it wants more completions.
// kernel: io_uring/wait.c io_cqring_wait (7.2): IO_LOCAL_TW_DEFAULT_MAX, which is 20, or the number of completions
// wanted.
const WORK_AT_ONCE: u32 = 20;

/// The number of waits in a row that nothing can end, after which the simulation panics.
const PATIENCE: u32 = 1000;

/// The times that end a wait, besides completions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) deadline: Option<u64>,
    /// Before this point of time the wait wants all completions, after it one (`min_wait_usec`).
    pub(crate) min_wait: Option<u64>,
}

impl World {
    /// Runs task work, and flushes the overflow list. Returns how many completions are in the queue.
    fn look(&mut self, id: u32, want: u32) -> u32 {
        let defers = self.is(id, SetupFlags::COOP_TASKRUN | SetupFlags::DEFER_TASKRUN);
        self.run_work(id, if defers { WORK_AT_ONCE.max(want) } else { u32::MAX });
        let Some(ring) = self.rings.get_mut(&id) else { return 0 };
        if ring.detached {
            return u32::MAX;
        }
        ring.flush_overflow(&mut self.faults);
        ring.ready(&mut self.faults)
    }

    /// Waits for `want` completions, or until something else ends the wait.
    // kernel: io_uring/wait.c io_cqring_wait (7.2): `want` is clamped to the size of the queue; the overflow list is
    // flushed first; a lost CQE is EBADR; an error is told only if the queue is empty.
    // kernel: io_uring/io_uring.h io_should_wake (7.2): a timeout that has ended since the wait began ends the wait
    // too.
    // kernel: io_uring/wait.c io_cqring_wait (7.3): returns 0 if completions are left in the overflow list.
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
            if self.profile.returns_overflown && !ring.overflow.is_empty() {
                self.coverage.mark(Mark::EndedByOverflow);
                return Ok(());
            }
            if self.profile.timeouts.ends_waits && ring.timeouts != timeouts {
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

    /// Moves the clock on to when something will happen, where nothing can happen now.
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

    /// Ends a wait that nothing else can end, with a [`Fault::Stuck`].
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

/// What the clock was moved on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// The timer of a request.
    ToWork,
    /// The end of the minimum time.
    ToMinimum,
    /// The end of the wait.
    ToDeadline,
    /// Nothing: no timer runs.
    Never,
}
