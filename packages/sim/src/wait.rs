//! `io_uring_enter`: submitting, and waiting.

use std::ffi::c_void;

use bare_uring::types::Sigset;
use bare_uring::uapi::io_uring_getevents_arg;
use bare_uring::{EnterFlags, Errno, SetupFlags};

use crate::buffers::copy_from_user;
use crate::coverage::Mark;
use crate::fault::Fault;
use crate::opcodes::timespec;
use crate::profile::Waits;
use crate::world::World;

/// Of a ring with DEFER_TASKRUN, so many pieces of work run at once (`IO_LOCAL_TW_DEFAULT_MAX`).
const WORK_AT_ONCE: u32 = 20;

/// So many waits in a row that nothing can end, and the user has not understood.
const PATIENCE: u32 = 1000;

/// What ends a wait, besides completions.
#[derive(Debug, Clone, Copy, Default)]
struct Limits {
    deadline: Option<u64>,
    /// Until then all completions are waited for, and after it one.
    min_wait: Option<u64>,
}

impl World {
    /// `io_uring_enter` on a ring.
    ///
    /// # Safety
    ///
    /// `argument` and `size` are what `flags` calls for.
    pub(crate) unsafe fn enter(
        &mut self,
        id: u32,
        to_submit: u32,
        want: u32,
        flags: EnterFlags,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        let known = self.profile.enter;
        if self.profile.refuses_enter_flags && !known.contains(flags) {
            return Err(Errno::EINVAL);
        }
        let flags = flags & known;
        self.may_enter(id)?;
        // gVisor returns before it looks at anything.
        if to_submit == 0 && !self.profile.has_register {
            return Ok(0);
        }
        self.tick();
        if self.is(id, SetupFlags::COOP_TASKRUN) {
            self.run_work(id, u32::MAX);
        }
        let done = if self.is(id, SetupFlags::SQPOLL) {
            self.enter_thread(id, flags)?;
            to_submit
        } else if to_submit != 0 {
            let done = self.submit(id, to_submit)?;
            if done != to_submit {
                return Ok(done);
            }
            done
        } else {
            0
        };
        if !flags.contains(EnterFlags::GETEVENTS) {
            return Ok(done);
        }
        // SAFETY: the caller's contract.
        let waited = unsafe { self.limits(flags, argument, size) }.and_then(|limits| self.wait(id, want, limits));
        if self.is(id, SetupFlags::COOP_TASKRUN) {
            self.run_work(id, u32::MAX);
        }
        // A count is told before an error.
        if done != 0 { Ok(done) } else { waited.map(|()| 0) }
    }

    fn is(&self, id: u32, flags: SetupFlags) -> bool {
        self.rings.get(&id).is_some_and(|ring| ring.is(flags))
    }

    fn may_enter(&mut self, id: u32) -> Result<(), Errno> {
        let ring = self.rings.get(&id).ok_or(Errno::EBADF)?;
        if ring.disabled {
            self.coverage.mark(Mark::Disabled);
            return Err(Errno::EBADFD);
        }
        let stranger = ring.issuer.is_some_and(|issuer| issuer != std::thread::current().id());
        if stranger && ring.is(SetupFlags::SINGLE_ISSUER) { Err(Errno::EEXIST) } else { Ok(()) }
    }

    /// Wakes the thread, and waits until it has made room.
    fn enter_thread(&mut self, id: u32, flags: EnterFlags) -> Result<(), Errno> {
        if flags.contains(EnterFlags::SQ_WAKEUP) {
            if self.rings.get(&id).and_then(|ring| ring.thread).is_some_and(|thread| thread.asleep) {
                self.coverage.mark(Mark::ThreadWoken);
            }
            self.wake_thread(id);
        }
        while flags.contains(EnterFlags::SQ_WAIT) {
            let Some(ring) = self.rings.get_mut(&id) else { break };
            if ring.visible(&mut self.faults) < ring.shape.sq_entries {
                break;
            }
            self.coverage.mark(Mark::WaitedForRoom);
            if self.chaos.early_returns.happens(&mut self.random) {
                break;
            }
            if !self.thread_has_work(id) {
                return self.stuck(id);
            }
            self.thread_step(id);
        }
        Ok(())
    }

    /// # Safety
    ///
    /// As [`enter`](Self::enter).
    unsafe fn limits(&self, flags: EnterFlags, argument: *const c_void, size: usize) -> Result<Limits, Errno> {
        if flags.contains(EnterFlags::EXT_ARG_REG) {
            // No region can be registered.
            return Err(Errno::EFAULT);
        }
        if !flags.contains(EnterFlags::EXT_ARG) {
            let mask_is_whole = argument.is_null() || size == Sigset::SIZE as usize;
            return if mask_is_whole { Ok(Limits::default()) } else { Err(Errno::EINVAL) };
        }
        if size != size_of::<io_uring_getevents_arg>() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the caller's contract, for these flags and this size.
        let bytes = unsafe { copy_from_user(argument.expose_provenance() as u64, size) };
        let word = |at: usize| bytes[at..at + 8].try_into().map(u64::from_ne_bytes).unwrap_or(0);
        let half = |at: usize| bytes[at..at + 4].try_into().map(u32::from_ne_bytes).unwrap_or(0);
        let (mask, mask_len, min_wait, time) = (word(0), half(8), half(12), word(16));
        if mask != 0 && mask_len != Sigset::SIZE {
            return Err(Errno::EINVAL);
        }
        let mut limits = Limits::default();
        if time != 0 {
            // SAFETY: the caller's contract: the argument names a timespec.
            let time = unsafe { timespec(time) }.map_err(|_| Errno::EINVAL)?;
            let absolute = flags.contains(EnterFlags::ABS_TIMER);
            limits.deadline = Some(if absolute { time } else { self.clock.saturating_add(time) });
        }
        if min_wait != 0 {
            limits.min_wait = Some(self.clock + u64::from(min_wait) * 1000);
        }
        Ok(limits)
    }

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
    fn wait(&mut self, id: u32, want: u32, mut limits: Limits) -> Result<(), Errno> {
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
    fn stuck(&mut self, id: u32) -> Result<(), Errno> {
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
