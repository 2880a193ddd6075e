//! The slab: slots for operations, each from its start to its last completion.
//!
//! A slot is free when three things are all false: its handle lives (`held`), it waits for the driver (`queued`), the
//! kernel knows its operation (`in_flight`). Whatever makes one of them false looks whether the slot is free now; so no
//! order of events has a case of its own.

mod again;
mod chain;
mod counts;
mod effects;
mod flow;
mod limits;
mod parts;
mod pipe;
mod steps;

use core::any::TypeId;
use core::cell::Cell;
use core::task::Waker;

use bare_uring::Errno;
use bare_uring::squeue::Entry;
use bare_uring::types::RawFd;

use self::counts::Counts;
use crate::buffer::{Buffer, Pool};
use crate::deadlines::Deadlines;
use crate::file::{File, Files, Place};
use crate::known::{Known, Missing, Request};
use crate::list::List;
use crate::slot::{Argument, Effect, Phase, Slot};
use crate::timers::Timers;
use crate::waiters::{Waiter, Waiters};

pub(crate) use self::parts::Parts;

/// Calls a waker, which runs code of others. So this comes last in the function that calls it.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// An operation that is being put together.
pub(crate) struct Draft<'a> {
    pub(crate) effect: Effect,
    pub(crate) file: Option<&'a File>,
    pub(crate) buffer: Option<Buffer>,
    pub(crate) argument: Argument,
}

/// What the driver is to push for a slot.
pub(crate) enum Step {
    /// The operation, and the timeout that limits it, if it has a time limit.
    Start(Entry, Option<Entry>),
    /// Two operations, of which the second is linked behind the first.
    Chain(Entry, Entry),
    Cancel(Entry),
}

/// Operations, files and buffers in static memory. From [`Storage::start`](crate::Storage::start).
///
/// A slab and its driver need Linux 5.6, because files are closed by a request. Each operation says which Linux has it.
/// A slab learns what its kernel has when its driver is made, and [`missing`](Self::missing) tells it. So make
/// operations after the driver: an `open` that was made before asks for `OPENAT2`, whatever the kernel has.
///
/// # Errors of operations
///
/// | errno | meaning, and what to do |
/// |--|--|
/// | `EBUSY` | all slots are taken: wait for one ([`ready`](Self::ready)), or start with a larger storage |
/// | `ECANCELED` | it was cancelled: by its handle, or by [`Driver::shutdown`](crate::Driver::shutdown) |
/// | `ETIME` | its time limit has passed ([`Op::within`](crate::Op::within)) |
/// | `EINVAL` | an argument is wrong, or the kernel lacks the request: [`missing`](Self::missing) names it |
/// | `EOPNOTSUPP` | the kernel lacks what the operation needs ([`missing`](Self::missing) names it), or the file can't do it |
/// | `EMFILE` | the table of files has no place: wait for one ([`ready_file`](Self::ready_file)); or the process has no file descriptor left |
/// | others | the kernel's, for the request that the operation names |
///
/// Whatever the result, a buffer that was given to an operation comes back with it.
pub struct Slab {
    pub(crate) pool: Pool,
    pub(crate) files: Files,
    known: Known,
    slots: &'static [Slot],
    free: List,
    /// Slots that wait for the driver.
    work: List,
    in_flight: Cell<usize>,
    timers: Timers,
    deadlines: Deadlines,
    pub(crate) waiters: Waiters,
    pub(crate) counts: Counts,
    /// The driver is being shut down, and starts nothing. So many operations more are ended that wait to be started.
    ending: Cell<Option<usize>>,
    pub(crate) driven: Cell<bool>,
    /// Whether a driver has opened files, and the type of its kernel if that tells which kernel it was.
    pub(crate) opened_by: Cell<Option<Option<TypeId>>>,
}

impl core::fmt::Debug for Slab {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Slab")
            .field("slots", &self.slots.len())
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}

impl Slab {
    pub(crate) fn new(
        slots: &'static [Slot],
        places: &'static [Place],
        waiters: &'static [Waiter],
        pool: Pool,
    ) -> Self {
        let this = Self {
            pool,
            files: Files::new(places),
            known: Known::new(),
            slots,
            free: List::new(),
            work: List::new(),
            in_flight: Cell::new(0),
            timers: Timers::new(),
            deadlines: Deadlines::new(),
            waiters: Waiters::new(waiters),
            counts: Counts::new(),
            ending: Cell::new(None),
            driven: Cell::new(false),
            opened_by: Cell::new(None),
        };
        this.free.push_all(slots);
        this.pool.free.push_all(this.pool.links);
        this
    }

    /// Returns the number of operations that the kernel knows.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.get()
    }

    /// Takes a buffer, with an empty window. `None`: all are taken.
    #[must_use]
    pub fn buffer(&'static self) -> Option<Buffer> {
        self.pool.take()
    }

    /// Takes over a file descriptor that was made in another way. `None`: the table of files has no place, and the
    /// descriptor stays the caller's.
    ///
    /// # Safety
    ///
    /// `fd` is open, and nobody else closes it or relies on it.
    #[must_use]
    pub unsafe fn adopt(&'static self, fd: RawFd) -> Option<File> {
        let file = self.files.reserve()?;
        file.made(fd);
        Some(file)
    }

    /// Takes over a file descriptor of the standard library. Its number means that file to a driver on
    /// [`Linux`](bare_uring::Linux), or on a kernel that passes its calls on; to any other kernel it is the number of another
    /// file, or of no file.
    ///
    /// # Errors
    ///
    /// The descriptor comes back if the table of files has no place.
    #[cfg(feature = "std")]
    pub fn adopt_owned(&'static self, fd: std::os::fd::OwnedFd) -> Result<File, std::os::fd::OwnedFd> {
        use std::os::fd::IntoRawFd as _;

        let Some(file) = self.files.reserve() else { return Err(fd) };
        file.made(fd.into_raw_fd());
        Ok(file)
    }

    /// Returns the first of these that the kernel lacks. `None`: the kernel has all of them, or there was no driver yet.
    ///
    /// A server asks for everything that it needs before it begins, and says in one line what is missing:
    ///
    /// ```
    /// use bare_uring_ops::{Request, Slab};
    ///
    /// fn begin(slab: &'static Slab) -> Result<(), bare_uring_ops::Missing> {
    ///     // For example: "this kernel has no IORING_OP_BIND (Linux 6.11)".
    ///     slab.missing(&[Request::SOCKET, Request::BIND, Request::LISTEN, Request::WITHIN]).map_or(Ok(()), Err)
    /// }
    /// ```
    #[must_use]
    pub fn missing(&self, needs: &[Request]) -> Option<Missing> {
        self.known.first_missing(needs)
    }

    /// Tells whether a file is open, or is yet to be closed.
    pub(crate) fn has_open_file(&self) -> bool {
        self.files.is_any_open() || self.slots.iter().any(Slot::has_strays)
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Returns the number of slots.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn free_slots(&self) -> u16 {
        self.free.len()
    }

    pub(crate) fn least_free_slots(&self) -> u16 {
        self.free.least()
    }

    pub(crate) fn slot(&self, index: u16) -> Option<&'static Slot> {
        self.slots.get(usize::from(index))
    }
}

/// From the handle to the driver.
impl Slab {
    /// Puts an operation into a slot; the kernel learns of it later.
    ///
    /// # Errors
    ///
    /// The buffer comes back. `EBUSY`: no slot is free. `EMFILE`: the table of files has no place for the new file.
    /// `ENOBUFS`: the buffer that is to be filled has no room.
    pub(crate) fn prepare(
        &'static self,
        draft: Draft<'_>,
        build: impl FnOnce(&Parts) -> Entry,
    ) -> Result<u16, (Errno, Option<Buffer>)> {
        let Draft { effect, file, mut buffer, argument } = draft;
        let (space, window) = buffer.as_mut().map_or(Parts::NO_BYTES, |buffer| (buffer.space(), buffer.window()));
        if effect.fills_buffer() && space.1 == 0 {
            return Err((Errno::ENOBUFS, buffer));
        }
        let made = if effect.makes_file() { self.files.reserve() } else { None };
        if effect.makes_file() && made.is_none() {
            return Err((Errno::EMFILE, buffer));
        }
        let Some((index, slot)) = self.free.pop(self.slots).and_then(|index| Some((index, self.slot(index)?))) else {
            return Err((Errno::EBUSY, buffer));
        };
        // SAFETY: the slot was free, so that nobody else uses its argument.
        unsafe { slot.argument.get().cast::<Argument>().write(argument) };
        slot.held.set(true);
        slot.effect.set(effect);
        slot.phase.set(Phase::Plain);
        // SAFETY: the slot was free, and what is built here is the only user of its argument.
        let parts = unsafe { Parts::new(space, window, slot) };
        slot.entry.set(Some(build(&parts)));
        slot.file.set(file.cloned());
        slot.buffer.set(buffer);
        slot.made.set(made);
        Ok(index)
    }

    /// Starts an operation, since its handle was polled. Does nothing the second time.
    pub(crate) fn start(&self, index: u16, slot: &Slot) {
        if slot.entry.get().is_none() {
            return;
        }
        if slot.flow.paused.get() {
            self.hold_back(slot);
        } else {
            self.queue(index, slot);
        }
    }

    /// Ends an operation that the kernel does not know, and never will.
    fn refuse(&self, slot: &Slot, errno: Errno) {
        self.uncount(slot);
        slot.entry.set(None);
        slot.flow.idle.set(false);
        slot.result.set(Some(-i32::from(errno.raw())));
        wake(slot.waker.take());
    }

    /// Asks for an operation's end, since its handle wants it. The operation completes all the same.
    // kernel: io_uring/poll.c __io_poll_cancel, io_uring/cancel.c io_async_cancel (7.2): the completion of a
    // cancellation tells whether the request was found. The request itself is only marked, and completes later by its
    // own completion.
    pub(crate) fn cancel(&self, index: u16) {
        let Some(slot) = self.slot(index) else { return };
        slot.cancelled.set(true);
        if slot.in_flight.get() {
            self.queue(index, slot);
        } else if slot.result.get().is_none() {
            // The kernel does not know the operation, and never will.
            self.refuse(slot, Errno::ECANCELED);
        }
    }

    /// Ends every operation that was started: by way of the kernel where it knows the operation, else at once. Ends also
    /// what waits for room.
    pub(crate) fn cancel_all(&self) {
        for (index, slot) in (0..).zip(self.slots) {
            if slot.in_flight.get() {
                slot.tries.set(0);
            }
            if slot.in_flight.get() || slot.queued.get() || slot.flow.idle.get() {
                self.cancel(index);
            }
        }
        self.waiters.end_all();
    }

    /// Notes that an operation's handle is gone.
    pub(crate) fn abandon(&'static self, index: u16) {
        let Some(slot) = self.slot(index) else { return };
        slot.held.set(false);
        let waker = slot.waker.take();
        self.drop_backlog(slot);
        if slot.in_flight.get() {
            self.queue(index, slot);
        }
        self.release_if_free(index, slot);
        // Comes last, because it runs code of others, after which the slot may be another operation's.
        drop(waker);
    }

    fn queue(&self, index: u16, slot: &Slot) {
        if !slot.queued.replace(true) {
            self.work.push(self.slots, index);
        }
    }

    /// Takes an operation that is over off the number of those that the kernel knows.
    fn uncount(&self, slot: &Slot) {
        if slot.counted.replace(false) {
            self.in_flight.set(self.in_flight.get().saturating_sub(1));
        }
    }

    fn release_if_free(&'static self, index: u16, slot: &Slot) {
        if slot.held.get() || slot.queued.get() || slot.in_flight.get() {
            return;
        }
        slot.generation.set(slot.generation.get().wrapping_add(1));
        slot.uses.set(slot.uses.get().wrapping_add(1));
        slot.cancelled.set(false);
        slot.limited.set(false);
        slot.flow.clear();
        slot.tries.set(0);
        slot.behind.set(0);
        slot.entry.set(None);
        slot.result.set(None);
        self.uncount(slot);
        self.drop_passed(slot);
        drop(slot.buffer.take());
        drop(slot.file.take());
        drop(slot.made.take());
        drop(slot.other.take());
        self.drop_vectors(slot);
        self.free.push_front(self.slots, index);
    }
}
