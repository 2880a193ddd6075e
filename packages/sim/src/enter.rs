//! `io_uring_enter`: submits, and waits.

use std::ffi::c_void;

use bare_uring::types::Sigset;
use bare_uring::uapi::io_uring_getevents_arg;
use bare_uring::{EnterFlags, Errno, SetupFlags};

use crate::coverage::Mark;
use crate::profile::Mask;
use crate::user::{copy_from_user, timespec};
use crate::wait::Limits;
use crate::world::World;

impl World {
    /// Carries out `io_uring_enter`.
    ///
    /// # Safety
    ///
    /// `argument` and `size` are what `flags` calls for.
    // kernel: io_uring/io_uring.c io_uring_enter (7.2): EBADFD for a disabled ring; a short submit returns at once,
    // without a wait; the count of a submit hides the error of the wait behind it.
    // kernel: gvisor pkg/sentry/syscalls/linux/sys_iouring.go IOUringEnter (39fdf5f3): looks at the flags and the mask
    // before anything else, also of a call that does not wait.
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
        if self.profile.mask == Mask::Refused && !argument.is_null() {
            return Err(Errno::EFAULT);
        }
        if let (0, Some(errno)) = (to_submit, self.profile.empty_enter) {
            self.coverage.mark(Mark::EmptyEnter);
            return Err(errno);
        }
        self.may_enter(id)?;
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
                if !self.profile.short_submit_waits {
                    return Ok(done);
                }
                self.coverage.mark(Mark::WaitedAfterShort);
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
        // A count hides an error.
        if done != 0 { Ok(done) } else { waited.map(|()| 0) }
    }

    /// Checks that the ring is enabled, and that this thread may enter it.
    fn may_enter(&mut self, id: u32) -> Result<(), Errno> {
        let ring = self.rings.get(&id).ok_or(Errno::EBADF)?;
        if ring.disabled {
            self.coverage.mark(Mark::Disabled);
            return Err(Errno::EBADFD);
        }
        let stranger = ring.issuer.is_some_and(|issuer| issuer != std::thread::current().id());
        if stranger && ring.is(SetupFlags::SINGLE_ISSUER) { Err(Errno::EEXIST) } else { Ok(()) }
    }

    /// Wakes the SQPOLL thread (SQ_WAKEUP), and waits until the thread has made room (SQ_WAIT).
    // kernel: io_uring/sqpoll.c io_sqpoll_wait_sq (7.2): waits while the submission queue is full.
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

    /// Reads the argument of a wait.
    ///
    /// # Safety
    ///
    /// The conditions of [`enter`](Self::enter).
    // kernel: io_uring/io_uring.c io_get_ext_arg (7.2): without EXT_ARG the argument is a signal mask; with it the size
    // must be that of the structure, the time is relative unless ABS_TIMER is set, and the minimum time is in
    // microseconds.
    unsafe fn limits(&self, flags: EnterFlags, argument: *const c_void, size: usize) -> Result<Limits, Errno> {
        if flags.contains(EnterFlags::EXT_ARG_REG) {
            // kernel: io_uring/io_uring.c io_get_ext_arg_reg (7.2): EFAULT if no region is registered, and here none
            // can be.
            return Err(Errno::EFAULT);
        }
        if !flags.contains(EnterFlags::EXT_ARG) {
            let fits = match self.profile.mask {
                Mask::Bytes(bytes) => argument.is_null() || size == bytes as usize,
                Mask::AnySize | Mask::Refused => true,
            };
            return if fits { Ok(Limits::default()) } else { Err(Errno::EINVAL) };
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
            limits.min_wait = Some(self.clock.saturating_add(u64::from(min_wait) * 1000));
        }
        Ok(limits)
    }
}
