//! The slab: slots for operations, each from its start to its last completion.
//!
//! A slot is free when three things are all false: its handle lives (`held`), it waits for the driver (`queued`), the
//! kernel knows its operation (`flying`). Whatever makes one of them false looks whether the slot is free now; so no
//! order of events has a case of its own.

use core::any::TypeId;
use core::cell::Cell;
use core::task::Waker;

use bare_uring::cqueue;
use bare_uring::register::buf_ring::Buffer as Piece;
use bare_uring::squeue::Entry;
use bare_uring::types::{RawFd, Timespec};
use bare_uring::{Errno, opcode};

use crate::buffer::{Buffer, Pool};
use crate::file::{self, File};
use crate::group::Shelf;
use crate::list::List;
use crate::slot::{Argument, Effect, Slot};
use crate::token::{Kind, Token};

/// How often an operation that the kernel did not find is cancelled again: it may have been moving just then. One that
/// is never found (a read under way in a device) ends by itself.
const TRIES: u8 = 8;

/// Runs code of others: comes last in what calls it.
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

/// Where the parts of an operation are, for its entry.
pub(crate) struct Parts {
    pub(crate) space: (*mut u8, u32),
    pub(crate) window: (*const u8, u32),
    pub(crate) argument: *mut Argument,
}

/// What the driver is to push for a slot.
pub(crate) enum Step {
    /// The operation, and its time limit, if it has one.
    Start(Entry, Option<Entry>),
    Cancel(Entry),
}

/// Operations, files and buffers in static memory. From [`Storage::start`](crate::Storage::start).
///
/// A slab and its driver need Linux 5.6: files are closed by a request. Each operation says since when the kernel has it.
///
/// # Errors of operations
///
/// | errno | meaning, and what to do |
/// |--|--|
/// | `EBUSY` | all slots are taken: wait until an operation has ended, or start with a larger storage |
/// | `ECANCELED` | it was cancelled: by its handle, or by [`Driver::shutdown`](crate::Driver::shutdown) |
/// | `ETIME` | its time limit has passed ([`Op::within`](crate::Op::within)) |
/// | `EINVAL` | the kernel is older than the operation, or an argument is none |
/// | `EMFILE` | the table of files has no place: drop some, and let the driver turn once; or the process has no descriptor left |
/// | others | the kernel's, for the request that the operation names |
///
/// Whatever it gives, a buffer that was given to it comes back with it.
pub struct Slab {
    pub(crate) slots: &'static [Slot],
    pub(crate) files: &'static [file::Entry],
    pub(crate) pool: Pool,
    free: List,
    /// Slots that wait for the driver.
    work: List,
    pub(crate) free_files: List,
    /// Files to be closed.
    pub(crate) closing: List,
    pub(crate) group: Cell<Option<&'static [Shelf]>>,
    /// Provided buffers that nobody uses any more.
    pub(crate) returned: List,
    flying: Cell<usize>,
    pub(crate) driven: Cell<bool>,
    /// Whether a driver has opened files, and the type of its kernel if that tells which kernel it was.
    pub(crate) opened_by: Cell<Option<Option<TypeId>>>,
}

impl core::fmt::Debug for Slab {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Slab").field("slots", &self.slots.len()).field("flying", &self.flying).finish_non_exhaustive()
    }
}

impl Slab {
    pub(crate) fn new(slots: &'static [Slot], files: &'static [file::Entry], pool: Pool) -> Self {
        let this = Self {
            slots,
            files,
            pool,
            free: List::new(),
            work: List::new(),
            free_files: List::new(),
            closing: List::new(),
            group: Cell::new(None),
            returned: List::new(),
            flying: Cell::new(0),
            driven: Cell::new(false),
            opened_by: Cell::new(None),
        };
        this.free.push_all(slots);
        this.free_files.push_all(files);
        this.pool.free.push_all(this.pool.links);
        this
    }

    /// Operations that the kernel knows.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flying.get()
    }

    pub(crate) fn slot(&self, index: u16) -> Option<&'static Slot> {
        self.slots.get(usize::from(index))
    }

    /// Puts an operation into a slot; the kernel learns of it later.
    ///
    /// # Errors
    ///
    /// The buffer comes back. `EBUSY`: no slot is free. `EMFILE`: no place for the file that is made. `ENOBUFS`: a
    /// buffer that is to be filled has no room.
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
        let made = if effect == Effect::Make { self.reserve_file() } else { None };
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

    /// Lets an operation that was not started yet end after this span.
    pub(crate) fn limit(&self, index: u16, span: Timespec) {
        if let Some(slot) = self.slot(index)
            && slot.entry.get().is_some()
            && !slot.queued.get()
        {
            // SAFETY: the entry is still here, so that the kernel does not know the operation, and nobody here keeps a
            // reference.
            unsafe { slot.limit.get().write(span) };
            slot.limited.set(true);
        }
    }

    /// The handle wants it started. Does nothing the second time.
    pub(crate) fn start(&self, index: u16, slot: &Slot) {
        if slot.entry.get().is_some() {
            self.queue(index, slot);
        }
    }

    /// The handle wants it to end. It completes all the same.
    pub(crate) fn cancel(&self, index: u16) {
        let Some(slot) = self.slot(index) else { return };
        slot.cancelled.set(true);
        if slot.flying.get() {
            self.queue(index, slot);
        } else if slot.result.get().is_none() {
            // The kernel does not know it yet, and never will.
            slot.entry.set(None);
            slot.result.set(Some(-i32::from(Errno::ECANCELED.raw())));
            wake(slot.waker.take());
        }
    }

    /// Ends everything that was started: what flies by way of the kernel, what only waits for the driver at once.
    pub(crate) fn cancel_all(&self) {
        for (index, slot) in (0..).zip(self.slots) {
            if slot.flying.get() {
                slot.tries.set(0);
            }
            if slot.flying.get() || slot.queued.get() {
                self.cancel(index);
            }
        }
    }

    /// The handle is gone.
    pub(crate) fn abandon(&'static self, index: u16) {
        let Some(slot) = self.slot(index) else { return };
        slot.held.set(false);
        let waker = slot.waker.take();
        self.drop_backlog(slot);
        if slot.flying.get() {
            self.queue(index, slot);
        }
        self.release_if_free(index, slot);
        // Last, since it runs code of others, after which the slot may be another operation's.
        drop(waker);
    }

    fn queue(&self, index: u16, slot: &Slot) {
        if !slot.queued.replace(true) {
            self.work.push(self.slots, index);
        }
    }

    fn release_if_free(&'static self, index: u16, slot: &Slot) {
        if slot.held.get() || slot.queued.get() || slot.flying.get() {
            return;
        }
        slot.generation.set(slot.generation.get().wrapping_add(1));
        slot.cancelled.set(false);
        slot.limited.set(false);
        slot.tries.set(0);
        slot.entry.set(None);
        slot.result.set(None);
        drop(slot.buffer.take());
        drop(slot.file.take());
        drop(slot.made.take());
        self.free.push_front(self.slots, index);
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.work.is_empty() || !self.closing.is_empty()
    }

    /// What the driver is to push next. What it takes, it pushes.
    pub(crate) fn next_step(&'static self) -> Option<Step> {
        loop {
            let index = self.work.pop(self.slots)?;
            let slot = self.slot(index)?;
            slot.queued.set(false);
            let token = |kind| Token { kind, index, generation: slot.generation.get() };
            let operation = token(Kind::Operation).encode();
            if slot.flying.get() {
                let cancel = opcode::AsyncCancel::new(operation).build();
                return Some(Step::Cancel(cancel.user_data(token(Kind::Cancel).encode())));
            }
            if slot.held.get()
                && let Some(entry) = slot.entry.take()
            {
                slot.flying.set(true);
                self.flying.set(self.flying.get() + 1);
                let limit = slot
                    .limited
                    .get()
                    .then(|| opcode::LinkTimeout::new(slot.limit.get()).build().user_data(token(Kind::Limit).encode()));
                return Some(Step::Start(entry.user_data(operation), limit));
            }
            self.release_if_free(index, slot);
        }
    }

    /// A completion has come. Gives back a descriptor that nobody has room for.
    pub(crate) fn complete(&'static self, token: Token, cqe: &cqueue::Entry, piece: Option<Piece>) -> Option<RawFd> {
        // Whatever else happens, a provided buffer goes back when this value is dropped.
        let piece = piece.map(|piece| Buffer::provided(self, piece));
        let slot = self.slot(token.index)?;
        if slot.generation.get() != token.generation || !slot.flying.get() {
            return None;
        }
        if token.kind == Kind::Cancel {
            self.cancel_again(token.index, slot, cqe);
            return None;
        }
        if token.kind != Kind::Operation {
            return None;
        }
        let surplus = self.take_effect(slot, cqe, piece);
        if !cqe.more() {
            slot.flying.set(false);
            slot.result.set(Some(cqe.result()));
            self.flying.set(self.flying.get().saturating_sub(1));
        }
        // Not for a connection that found no place, or for no bytes: the task would find nothing.
        let waker = if slot.result.get().is_some() || !slot.backlog.is_empty() { slot.waker.take() } else { None };
        self.release_if_free(token.index, slot);
        wake(waker);
        surplus
    }

    /// A cancellation has ended, and its operation has not: what was not found is looked for again.
    fn cancel_again(&self, index: u16, slot: &Slot, cqe: &cqueue::Entry) {
        if cqe.outcome() == Err(Errno::ENOENT) && slot.tries.get() < TRIES {
            slot.tries.set(slot.tries.get() + 1);
            self.queue(index, slot);
        }
    }

    /// Does to the slot's buffer, files and backlog what the completion tells.
    fn take_effect(&'static self, slot: &Slot, cqe: &cqueue::Entry, piece: Option<Buffer>) -> Option<RawFd> {
        let count = cqe.outcome().ok();
        match (slot.effect.get(), count) {
            (Effect::Fill | Effect::Drain, Some(count)) => {
                let mut buffer = slot.buffer.take()?;
                if slot.effect.get() == Effect::Fill {
                    buffer.filled(count);
                } else {
                    buffer.consume(count as usize);
                }
                slot.buffer.set(Some(buffer));
            }
            (Effect::Make, Some(fd)) => {
                let made = slot.made.take()?;
                self.file_made(&made, fd.cast_signed());
                slot.made.set(Some(made));
            }
            (Effect::Accept, Some(fd)) => {
                let Some(file) = self.reserve_file() else { return Some(fd.cast_signed()) };
                self.file_made(&file, fd.cast_signed());
                // Without a handle nobody wants it, and it is closed with this value.
                if slot.held.get() {
                    slot.backlog.push(self.files, file.index());
                    // Its count of one is the backlog's now.
                    core::mem::forget(file);
                }
            }
            (Effect::Receive, Some(_)) if slot.held.get() => {
                if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
                    self.keep(piece, &slot.backlog);
                }
            }
            _ => {}
        }
        None
    }

    fn drop_backlog(&'static self, slot: &Slot) {
        match slot.effect.get() {
            Effect::Accept => {
                while let Some(file) = self.next_file(slot) {
                    drop(file);
                }
            }
            Effect::Receive => {
                while let Some(buffer) = self.next_buffer(slot) {
                    drop(buffer);
                }
            }
            _ => {}
        }
    }

    /// The next file that an accepting stream brought.
    pub(crate) fn next_file(&'static self, slot: &Slot) -> Option<File> {
        slot.backlog.pop(self.files).map(|index| File::first(self, index))
    }

    /// The next buffer that a receiving stream brought.
    pub(crate) fn next_buffer(&'static self, slot: &Slot) -> Option<Buffer> {
        self.unshelve(&slot.backlog).map(|piece| Buffer::provided(self, piece))
    }
}
