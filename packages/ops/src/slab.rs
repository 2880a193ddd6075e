//! The slab: slots for operations, each from its start to its last completion.
//!
//! A slot is free when three things are all false: its handle lives (`held`), it waits for the driver (`queued`), the
//! kernel knows its operation (`in_flight`). Whatever makes one of them false looks whether the slot is free now; so no
//! order of events has a case of its own.

mod chain;
mod effects;
mod pipe;

use core::any::TypeId;
use core::cell::Cell;
use core::task::Waker;

use bare_uring::cqueue;
use bare_uring::register::buf_ring::Buffer as Piece;
use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{RawFd, Timespec};
use bare_uring::{Errno, opcode};

use crate::buffer::{Buffer, Pool};
use crate::file::{File, Files, Place};
use crate::known::{Known, Missing, Request, Set};
use crate::list::List;
use crate::slot::{Argument, Effect, Slot};
use crate::token::{Role, Token};

/// How often an operation that the kernel did not find is cancelled again, because it may have been moving just then.
/// One that is never found (a read under way in a device) ends by itself.
// kernel: io_uring/cancel.c io_try_cancel (7.2): looks in one place after the other (workers, polls, timeouts and
// others), and says ENOENT for a request that is in none of them at that moment.
const TRIES: u8 = 8;

/// Calls a waker, which runs code of others. So this comes last in the function that calls it.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Ends an operation that the kernel does not know, because that kernel can't do it.
fn refuse(slot: &Slot) {
    slot.limited.set(false);
    slot.entry.set(None);
    slot.result.set(Some(-i32::from(Errno::EOPNOTSUPP.raw())));
    wake(slot.waker.take());
}

/// An operation that is being put together.
pub(crate) struct Draft<'a> {
    pub(crate) effect: Effect,
    pub(crate) file: Option<&'a File>,
    pub(crate) buffer: Option<Buffer>,
    pub(crate) argument: Argument,
}

/// Where the parts of an operation are, for its entry.
pub(crate) struct Parts {
    /// The room after the buffer's window.
    pub(crate) space: (*mut u8, u32),
    /// The buffer's window.
    pub(crate) window: (*const u8, u32),
    pub(crate) argument: *mut Argument,
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
/// | `EBUSY` | all slots are taken: wait until an operation has ended, or start with a larger storage |
/// | `ECANCELED` | it was cancelled: by its handle, or by [`Driver::shutdown`](crate::Driver::shutdown) |
/// | `ETIME` | its time limit has passed ([`Op::within`](crate::Op::within)) |
/// | `EINVAL` | an argument is wrong, or the kernel lacks the request: [`missing`](Self::missing) names it |
/// | `EOPNOTSUPP` | the kernel lacks what the operation needs ([`missing`](Self::missing) names it), or the file can't do it |
/// | `EMFILE` | the table of files has no place: drop some, and let the driver turn once; or the process has no file descriptor left |
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
    pub(crate) fn new(slots: &'static [Slot], places: &'static [Place], pool: Pool) -> Self {
        let this = Self {
            pool,
            files: Files::new(places),
            known: Known::new(),
            slots,
            free: List::new(),
            work: List::new(),
            in_flight: Cell::new(0),
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

    /// Takes over a file descriptor of the standard library.
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

    pub(crate) fn known(&self) -> &Known {
        &self.known
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
        let mut parts = Parts {
            space: (core::ptr::null_mut(), 0),
            window: (core::ptr::null(), 0),
            argument: core::ptr::null_mut(),
        };
        if let Some(buffer) = &mut buffer {
            parts.space = buffer.space();
            parts.window = buffer.window();
        }
        if effect == Effect::Fill && parts.space.1 == 0 {
            return Err((Errno::ENOBUFS, buffer));
        }
        let made = if effect == Effect::Make { self.files.reserve() } else { None };
        if effect == Effect::Make && made.is_none() {
            return Err((Errno::EMFILE, buffer));
        }
        let Some((index, slot)) = self.free.pop(self.slots).and_then(|index| Some((index, self.slot(index)?))) else {
            return Err((Errno::EBUSY, buffer));
        };
        parts.argument = slot.argument.get();
        // SAFETY: the slot was free, so that nobody else uses its argument.
        unsafe { parts.argument.write(argument) };
        slot.held.set(true);
        slot.effect.set(effect);
        slot.entry.set(Some(build(&parts)));
        slot.file.set(file.cloned());
        slot.buffer.set(buffer);
        slot.made.set(made);
        Ok(index)
    }

    /// Gives a time limit to an operation that was not started yet. Refuses the operation if the kernel can't limit it.
    pub(crate) fn limit(&self, index: u16, span: Timespec) {
        if let Some(slot) = self.slot(index)
            && slot.entry.get().is_some()
            && !slot.queued.get()
        {
            // SAFETY: the entry is still here, so that the kernel does not know the operation, and nobody here keeps a
            // reference.
            unsafe { slot.limit.get().write(span) };
            slot.limited.set(true);
            if !self.known.has(Request::WITHIN) {
                refuse(slot);
            }
        }
    }

    /// Notes what the kernel of a new driver lacks, and refuses the operations that wait for a limit or a link that it
    /// can't give.
    pub(crate) fn meet(&self, lacks: Set) {
        self.known.note(lacks);
        if !self.known.has(Request::WITHIN) {
            for slot in self.slots.iter().filter(|slot| slot.limited.get() && slot.entry.get().is_some()) {
                refuse(slot);
            }
        }
        if !self.known.links() {
            self.refuse_chains();
        }
    }

    /// Starts an operation, since its handle was polled. Does nothing the second time.
    pub(crate) fn start(&self, index: u16, slot: &Slot) {
        if slot.entry.get().is_some() {
            self.queue(index, slot);
        }
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
            // The kernel does not know the operation yet, and never will.
            slot.entry.set(None);
            slot.result.set(Some(-i32::from(Errno::ECANCELED.raw())));
            wake(slot.waker.take());
        }
    }

    /// Ends every operation that was started: by way of the kernel where it knows the operation, else at once.
    pub(crate) fn cancel_all(&self) {
        for (index, slot) in (0..).zip(self.slots) {
            if slot.in_flight.get() {
                slot.tries.set(0);
            }
            if slot.in_flight.get() || slot.queued.get() {
                self.cancel(index);
            }
        }
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

    fn release_if_free(&'static self, index: u16, slot: &Slot) {
        if slot.held.get() || slot.queued.get() || slot.in_flight.get() {
            return;
        }
        slot.generation.set(slot.generation.get().wrapping_add(1));
        slot.cancelled.set(false);
        slot.limited.set(false);
        slot.tries.set(0);
        slot.behind.set(0);
        slot.entry.set(None);
        slot.result.set(None);
        drop(slot.buffer.take());
        drop(slot.file.take());
        drop(slot.made.take());
        drop(slot.other.take());
        self.drop_vectors(slot);
        self.free.push_front(self.slots, index);
    }
}

/// From the driver to the kernel, and back.
impl Slab {
    pub(crate) fn has_work(&self) -> bool {
        !self.work.is_empty() || self.files.has_closing()
    }

    /// Takes what the driver pushes next.
    pub(crate) fn next_step(&'static self) -> Option<Step> {
        loop {
            let index = self.work.pop(self.slots)?;
            let slot = self.slot(index)?;
            slot.queued.set(false);
            let token = |role| Token { role, index, generation: slot.generation.get() };
            let operation = token(Role::Operation).encode();
            let cancel =
                |user_data| opcode::AsyncCancel::new(user_data).build().user_data(token(Role::Cancel).encode());
            if slot.in_flight.get() {
                // kernel: io_uring/openclose.c io_close (7.2): a close that is cancelled may or may not have freed the
                // number, and its result does not tell which: the error of a file's flush comes back as it is.
                if !self.known.has(Request::CANCEL) || slot.effect.get() == Effect::Close {
                    // The operation ends by itself.
                    continue;
                }
                return Some(Step::Cancel(cancel(operation)));
            }
            if slot.held.get()
                && let Some(entry) = slot.entry.take()
            {
                let behind = self.take_behind(slot);
                self.note_in_flight(slot);
                let entry = entry.user_data(operation);
                if let Some(behind) = behind {
                    return Some(self.chain(entry, behind));
                }
                if slot.limited.get() {
                    return Some(self.limited(slot, entry, token(Role::Limit)));
                }
                return Some(Step::Start(entry, None));
            }
            // The operation has ended before its timer.
            let timer = slot.timed.replace(false).then(|| cancel(token(Role::Limit).encode()));
            self.release_if_free(index, slot);
            if let Some(cancel) = timer {
                return Some(Step::Cancel(cancel));
            }
        }
    }

    /// Starts an operation with a time limit: by a linked timeout, or by a timer beside it where the kernel has no links.
    fn limited(&self, slot: &Slot, entry: Entry, token: Token) -> Step {
        let (entry, limit) = if self.known.links() {
            (entry.flags(Flags::IO_LINK), opcode::LinkTimeout::new(slot.limit.get()).build())
        } else {
            slot.timed.set(true);
            (entry, opcode::Timeout::new(slot.limit.get()).build())
        };
        Step::Start(entry, Some(limit.user_data(token.encode())))
    }

    /// Takes in a completion. Gives back a file descriptor for which the table of files has no place.
    pub(crate) fn complete(&'static self, token: Token, cqe: &cqueue::Entry, piece: Option<Piece>) -> Option<RawFd> {
        // Whatever else happens, a provided buffer goes back when this value is dropped.
        let piece = piece.map(|piece| Buffer::provided(&self.pool, piece));
        let slot = self.slot(token.index)?;
        if slot.generation.get() != token.generation || !slot.in_flight.get() {
            return None;
        }
        if token.role == Role::Cancel {
            self.cancel_again(token.index, slot, cqe);
            return None;
        }
        if token.role != Role::Operation {
            if slot.timed.replace(false) {
                // The operation's timer has ended before the operation, which is cancelled now.
                self.queue(token.index, slot);
            }
            return None;
        }
        let surplus = self.take_effect(slot, cqe, piece);
        // A completion without MORE is the operation's last, and the kernel touches its memory no more.
        // kernel: io_uring/net.c io_recv_finish, io_accept (7.2): a multishot request posts MORE with each completion
        // after which it goes on, and its last completion without.
        // kernel: io_uring/io_uring.c io_issue_sqe, io_uring/rw.c io_complete_rw (7.2): any other request completes
        // once, after its handler has returned, or from the callback at the end of its I/O.
        if !cqe.more() {
            slot.in_flight.set(false);
            slot.result.set(Some(cqe.result()));
            self.in_flight.set(self.in_flight.get().saturating_sub(1));
            if slot.timed.get() {
                self.queue(token.index, slot);
            }
        }
        // Not for a connection that found no place, or for no bytes, because the task would find nothing.
        let waker = if slot.result.get().is_some() || !slot.backlog.is_empty() { slot.waker.take() } else { None };
        self.release_if_free(token.index, slot);
        wake(waker);
        surplus
    }

    /// Cancels an operation again that its cancellation did not find.
    fn cancel_again(&self, index: u16, slot: &Slot, cqe: &cqueue::Entry) {
        if cqe.outcome() == Err(Errno::ENOENT) && slot.tries.get() < TRIES {
            slot.tries.set(slot.tries.get() + 1);
            self.queue(index, slot);
        }
    }
}
