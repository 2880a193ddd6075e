//! The driver: the ring, and the one place where the kernel is entered.

use core::any::TypeId;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use bare_uring::register::buf_ring::{BufRing, BufRingOptions};
use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, RawFd, SubmitArgs, Timespec};
use bare_uring::{Builder, Call, Errno, Features, IoUring, Kernel, Parameters, SetupError, cqueue, opcode};

use crate::ask::{self, Answer};
use crate::group::{GROUP, Group};
use crate::slab::{Slab, Step};
use crate::token::{Role, Token};

/// The most entries that one step pushes: an operation and its time limit, or two linked operations.
const STEP: usize = 2;

/// How long a turn waits for completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    No,
    /// Until one is there. If none can come, not at all.
    One,
    /// Until one is there, for this long at most. If none can come, not at all; and not on a kernel without timeouts (Linux before
    /// 5.4).
    For(Timespec),
}

/// Brings a slab's operations to the kernel, and their completions back.
///
/// A driver owns its ring, and uses it for the slab's operations only. A driver that is dropped closes the ring.
/// Operations that are then in flight never complete, and their slots, buffers and files are lost, because the kernel
/// may still write to them. [`shutdown`](Self::shutdown) ends them first. A driver that is forgotten leaves the ring
/// open.
#[derive(Debug)]
pub struct Driver<K: Kernel> {
    slab: &'static Slab,
    ring: IoUring<Entry, cqueue::Entry, K>,
    group: Option<BufRing<K>>,
    /// The number of requests that were pushed and whose last completion has not come.
    expected: usize,
    /// A file descriptor that came with a completion, found no place in the table of files, and is to be closed.
    surplus: Option<RawFd>,
}

/// What a turn brought.
#[derive(Clone, Copy)]
struct Turned {
    completions: usize,
    /// The kernel's timeouts for limits have ended, or waiters for room were woken: there may be more to do.
    other: bool,
}

impl<K: Kernel> Driver<K> {
    /// Makes a ring with this number of submission queue entries (two at least) for this slab.
    ///
    /// The ring is made here and never shown, so that every completion on it is of a request that the slab has pushed.
    /// The kernel is asked once which requests it has, for [`Slab::missing`]: by the probe (Linux 5.6), else by making
    /// one request of each kind, on no file.
    ///
    /// # Errors
    ///
    /// The errors of [`Builder::build_with`], and `EBUSY`, in the form of an error of the kernel's:
    ///
    /// - The slab has a driver, or had one that left operations in flight.
    /// - The slab has files of an earlier driver whose kernel may be another one, where their numbers would be other files.
    ///   (Two kernels are known to be one if they are of one type, and that type has no state, like
    ///   [`Linux`](bare_uring::Linux). With any other kernel, drop all files before you shut the driver down.)
    pub fn new(slab: &'static Slab, kernel: K, builder: &Builder, entries: u32) -> Result<Self, SetupError>
    where
        K: 'static,
    {
        let known = if size_of::<K>() == 0 { Some(TypeId::of::<K>()) } else { None };
        let has_strange_files = slab.opened_by.get().is_some_and(|before| before.is_none() || before != known);
        if slab.driven.get() || (has_strange_files && slab.has_open_file()) {
            return Err(SetupError::Kernel(Call::Setup, Errno::EBUSY));
        }
        let mut ring = builder.build_with(kernel, entries.max(STEP as u32))?;
        let Answer { lacks, under_way } = ask::ask(&mut ring);
        slab.driven.set(true);
        slab.opened_by.set(Some(known));
        slab.meet(lacks);
        Ok(Self { slab, ring, group: None, expected: under_way, surplus: None })
    }

    /// Returns the slab.
    #[must_use]
    pub fn slab(&self) -> &'static Slab {
        self.slab
    }

    /// Returns what the ring was made with, and what its kernel can do.
    #[must_use]
    pub fn params(&self) -> &Parameters {
        self.ring.params()
    }

    /// Gives the kernel buffers to receive into, for [`Slab::pieces`]. Once for each slab. Since 5.19.
    ///
    /// # Errors
    ///
    /// `EBUSY`: the group was taken before. `EEXIST`: the slab has buffers already. The errors of
    /// [`register_buf_ring`](bare_uring::Submitter::register_buf_ring), after which the group is lost.
    pub fn provide<const COUNT: usize, const SIZE: usize>(
        &mut self,
        group: &'static Group<COUNT, SIZE>,
    ) -> Result<(), Errno> {
        if self.slab.pool.shelves.is_provided() {
            return Err(Errno::EEXIST);
        }
        let (memory, shelves) = group.take().ok_or(Errno::EBUSY)?;
        let ring = self.ring.submitter().register_buf_ring(GROUP, memory, BufRingOptions::new())?;
        self.group = Some(ring);
        self.slab.pool.shelves.provide(shelves);
        Ok(())
    }

    /// Pushes what waits, submits, waits as told, takes the completions that are there, and returns their number.
    ///
    /// Wakers are called in here: of what has completed, and of what [waits for room](Slab::ready). A turn that has woken
    /// a task for room does not wait. A turn that waits [for a time](Wait::For) may end earlier while
    /// operations with [limits](crate::Op::within) are in flight.
    ///
    /// # Errors
    ///
    /// The errors of [`submit`](bare_uring::Submitter::submit), except those that only ask for another turn (`EINTR`,
    /// `EAGAIN`, `EBUSY`, `ETIME`): with them a turn ends early, and without an error.
    pub fn turn(&mut self, wait: Wait) -> Result<usize, Errno> {
        Ok(self.go(wait)?.completions)
    }

    /// Makes a turn.
    fn go(&mut self, wait: Wait) -> Result<Turned, Errno> {
        loop {
            self.recycle();
            self.push_all()?;
            let woken = self.slab.wake_waiters(false);
            self.enter(if woken { Wait::No } else { wait })?;
            let Turned { completions, other: ticks } = self.take_all();
            let woken = self.slab.wake_waiters(true) || woken;
            if ticks && completions == 0 && !woken && wait == Wait::One {
                // Only time has passed, and what is waited for is still to come.
                continue;
            }
            self.slab.counts.turned(completions);
            return Ok(Turned { completions, other: ticks || woken });
        }
    }

    /// Submits, and waits as told.
    fn enter(&mut self, wait: Wait) -> Result<(), Errno> {
        // A completion that is in the queue already ends a wait at once.
        // kernel: io_uring/wait.c io_cqring_wait (7.2): returns 0 without sleeping if the queue holds enough
        // completions.
        let entered = match wait {
            Wait::One if self.expected > 0 => self.ring.submit_and_wait(1),
            // Where the queue is full of timeouts that count time, a kernel's thread (SQPOLL) has to consume them before
            // the driver's last requests find room. A shutdown gives it time.
            Wait::For(span) if self.expected > 0 || (self.slab.is_ending() && self.has_work()) => {
                let waited = self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&span));
                let unknown = !self.ring.params().features().contains(Features::EXT_ARG);
                // A kernel that knows neither a time nor a timeout can't wait that long: the turn only looks.
                if unknown && waited == Err(Errno::EINVAL) { self.ring.submit() } else { waited }
            }
            _ => self.ring.submit(),
        };
        self.pass(entered)
    }

    /// Polls a future until it is ready, and waits for completions in between.
    ///
    /// # Errors
    ///
    /// The errors of [`turn`](Self::turn), and `EDEADLK`: the future waits, and no completion can come.
    pub fn block_on<F: Future>(&mut self, future: F) -> Result<F::Output, Errno> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            let turned = self.go(Wait::One)?;
            if turned.completions == 0 && !turned.other && self.expected == 0 && !self.has_work() {
                return Err(Errno::EDEADLK);
            }
        }
    }

    /// Ends every operation that was polled, closes files that nobody uses, and then closes the ring. The operations'
    /// handles give `ECANCELED`, or what was done before. An operation that the kernel does not know yet never reaches
    /// it, and ends at once. That holds also for those that wakers start in here, twice as many as there are slots; what
    /// is started after them waits for the next driver.
    ///
    /// If all operations can be cancelled, this takes no longer than the kernel needs for that, whatever the patience.
    ///
    /// # Errors
    ///
    /// `ETIME`: after 16 rounds of cancellations, spread over this patience, an operation is still in flight, and lost.
    /// (Signals end waits early, and so shorten the time.) The errors of [`turn`](Self::turn).
    pub fn shutdown(mut self, patience: Duration) -> Result<(), Errno> {
        self.slab.set_ending(true);
        let ended = self.end(patience);
        self.slab.set_ending(false);
        ended
    }

    fn end(&mut self, patience: Duration) -> Result<(), Errno> {
        const CANCELLATIONS: u32 = 16;

        let slice = Wait::For(Timespec::from(patience / CANCELLATIONS));
        for _ in 0..CANCELLATIONS {
            self.slab.cancel_all();
            loop {
                if self.expected == 0 && self.slab.in_flight() == 0 && !self.has_work() {
                    return Ok(());
                }
                let turned = self.go(slice)?;
                if turned.completions == 0 && !turned.other {
                    break;
                }
            }
        }
        Err(Errno::ETIME)
    }

    /// Gives provided buffers back to the kernel.
    fn recycle(&mut self) {
        let Some(group) = &mut self.group else { return };
        let mut some = false;
        while let Some(piece) = self.slab.pool.shelves.next_returned() {
            // A piece of an earlier driver's ring stays out: that ring is gone.
            if group.recycle(piece).is_ok() {
                self.slab.pool.shelves.came_back();
                some = true;
            }
        }
        if some {
            group.publish();
        }
    }

    fn has_work(&self) -> bool {
        self.surplus.is_some() || self.slab.has_work() || self.slab.has_silent_timers()
    }

    fn room(&mut self) -> usize {
        let queue = self.ring.submission();
        queue.capacity() - queue.len()
    }

    /// Passes over the errors that only ask to take completions and come back.
    fn pass(&self, entered: Result<usize, Errno>) -> Result<(), Errno> {
        let entered = match entered {
            // Completions wait outside the queue. This moves as many into it as it has room for.
            Err(Errno::EBUSY) => self.ring.submitter().get_events(),
            entered => entered.map(drop),
        };
        match entered {
            Ok(()) | Err(Errno::EINTR | Errno::EAGAIN | Errno::EBUSY | Errno::ETIME) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Pushes everything that waits. When the queue is full, submits and goes on. What then still finds no room waits
    /// for the next turn.
    fn push_all(&mut self) -> Result<(), Errno> {
        while self.has_work() {
            if self.room() < STEP {
                self.pass(self.ring.submit())?;
                if self.room() < STEP {
                    return Ok(());
                }
            }
            if let Some(fd) = self.surplus.take().or_else(|| self.slab.files.next_to_close()) {
                self.close(fd);
                continue;
            }
            match self.slab.next_step() {
                Some(Step::Start(entry, None)) | Some(Step::Cancel(entry)) => self.push(&[entry]),
                Some(Step::Start(entry, Some(limit))) => self.push(&[entry, limit]),
                Some(Step::Chain(first, second)) => self.push(&[first, second]),
                // Comes after the operations whose limits it counts for, so that it does not begin before them.
                None => self.push_ticks(),
            }
        }
        Ok(())
    }

    /// Pushes the timeout of one class of limits, if one is wanted.
    fn push_ticks(&mut self) {
        if self.slab.has_silent_timers()
            && let Some(entry) = self.slab.next_tick()
        {
            self.push(&[entry]);
            // Nobody waits for it: without an operation in flight, time does not matter.
            self.expected -= 1;
        }
    }

    /// Pushes entries for which there is room: an operation with its time limit, two linked operations, a cancellation, a
    /// close, or a timeout that counts time.
    fn push(&mut self, entries: &[Entry]) {
        // SAFETY: what an operation and its time limit point to lies in static memory, and is left alone until the
        // last completion (invariants of `Slot`). A timeout that counts time points to a constant, or to a time in the slab.
        // A cancellation and a close point to nothing. A file that is named is open, because the slot has a handle to it. A
        // descriptor that is closed was the slab's, and no handle to it is left, but for the one in the slot of a close.
        let pushed = unsafe { self.ring.submission().push_multiple(entries) };
        debug_assert!(pushed.is_ok(), "there was room");
        self.expected += entries.len();
    }

    // kernel: io_uring/openclose.c io_close (7.2): takes the number out of the table of descriptors when it runs, which
    // is before its completion. So no other file has the number between the last handle's end and this request.
    fn close(&mut self, fd: RawFd) {
        self.push(&[opcode::Close::new(Fd(fd)).build().user_data(Token::CLOSE.encode())]);
    }

    /// Takes the completions that are there, and tells how many there were, and whether time has passed. Stops at a
    /// connection for which the table of files has no place, because that has to be closed first.
    ///
    /// Taking completions must not depend on room in the submission queue: before Linux 5.19 the kernel consumes no
    /// entries while completions wait to be taken. (The stop does depend on it. But it comes from a request that is new
    /// in 5.19.)
    fn take_all(&mut self) -> Turned {
        let Self { ring, slab, group, expected, surplus, .. } = self;
        let (mut count, mut ticks) = (0, false);
        let mut queue = ring.completion();
        while surplus.is_none()
            && let Some(cqe) = queue.next()
        {
            let token = Token::decode(cqe.user_data());
            if let Some(token @ Token { role: Role::Tick, .. }) = token {
                ticks = true;
                slab.tick(token, cqe.outcome());
                continue;
            }
            count += 1;
            let Some(token) = token else { continue };
            if !cqe.more() {
                *expected = expected.saturating_sub(1);
            }
            if matches!(token.role, Role::Close | Role::Trial) {
                continue;
            }
            // SAFETY: the completion came from the ring with which the group is registered, just now, and once. A
            // buffer in it is one of that group, since the slab's operations name no other.
            let piece = group.as_mut().and_then(|group| unsafe { group.take(&cqe) });
            if piece.is_some() {
                slab.pool.shelves.went_out();
            }
            *surplus = slab.complete(token, &cqe, piece);
        }
        Turned { completions: count, other: ticks }
    }
}

impl<K: Kernel> Drop for Driver<K> {
    fn drop(&mut self) {
        // If nothing is in flight, the kernel no longer writes to the slab's memory, and another ring may take over.
        if self.slab.in_flight() == 0 {
            self.slab.driven.set(false);
        }
    }
}
