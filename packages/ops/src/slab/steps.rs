//! From the driver to the kernel, and back: what the driver pushes next, and what a completion does.
#![forbid(unsafe_code)]

use bare_uring::register::buf_ring::Buffer as Piece;
use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, RawFd};
use bare_uring::{Errno, cqueue, opcode};

use super::limits::linked;
use super::{Slab, Step, wake};
use crate::buffer::Buffer;
use crate::known::Request;
use crate::slot::{Effect, Slot};
use crate::token::{Role, Token};

/// How often an operation that the kernel did not find is cancelled again, because it may have been moving just then.
/// One that is never found (a read under way in a device) ends by itself.
// kernel: io_uring/cancel.c io_try_cancel (7.2): looks in one place after the other (workers, polls, timeouts and
// others), and says ENOENT for a request that is in none of them at that moment.
const TRIES: u8 = 8;

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
                if let Some(left) = self.ending.get() {
                    self.end_unsubmitted(slot, entry, left);
                    continue;
                }
                let behind = self.take_behind(slot);
                self.note_in_flight(slot);
                let entry = entry.user_data(operation);
                if let Some(behind) = behind {
                    return Some(self.chain(entry, behind));
                }
                if slot.limited.get() && !self.count_limit(index, slot) {
                    return Some(linked(slot, entry, token(Role::Limit)));
                }
                return Some(Step::Start(entry, None));
            }
            if let Some(fd) = slot.next_stray() {
                // The next one, if there is one, and else the slot, which is then free.
                self.queue(index, slot);
                return Some(Step::Cancel(opcode::Close::new(Fd(fd)).build().user_data(Token::CLOSE.encode())));
            }
            self.release_if_free(index, slot);
        }
    }

    /// Notes that the kernel is to know an operation.
    pub(super) fn note_in_flight(&self, slot: &Slot) {
        slot.in_flight.set(true);
        if !slot.counted.replace(true) {
            self.in_flight.set(self.in_flight.get() + 1);
            self.counts.saw_in_flight(self.in_flight.get());
        }
    }

    /// Ends an operation that waits to be started while the driver is shut down. Its waker may start another one at once,
    /// and that one the next. So only a number of them is ended; what comes then waits for the next driver.
    fn end_unsubmitted(&self, slot: &Slot, entry: Entry, left: usize) {
        if let Some(left) = left.checked_sub(1) {
            self.ending.set(Some(left));
            slot.cancelled.set(true);
            self.refuse(slot, Errno::ECANCELED);
        } else {
            self.uncount(slot);
            slot.entry.set(Some(entry));
        }
    }

    /// Tells whether the driver is being shut down.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.get().is_some()
    }

    /// Notes that the driver is being shut down, or is no more.
    pub(crate) fn set_ending(&self, ending: bool) {
        self.ending.set(ending.then(|| 2 * self.slots.len()));
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
            return None;
        }
        let is_empty = Self::brought_nothing(slot, cqe, piece.as_ref());
        let surplus = self.take_effect(slot, cqe, piece);
        // A completion without MORE is the operation's last, and the kernel touches its memory no more.
        // kernel: io_uring/net.c io_recv_finish, io_accept (7.2): a multishot request posts MORE with each completion
        // after which it goes on, and its last completion without.
        // kernel: io_uring/io_uring.c io_issue_sqe, io_uring/rw.c io_complete_rw (7.2): any other request completes
        // once, after its handler has returned, or from the callback at the end of its I/O.
        // kernel: io_uring/net.c io_send_zc (6.12.117): a zero-copy send posts MORE if a notification follows, which is its
        // last completion.
        if cqe.more() {
            Self::brought_more(slot, cqe);
        } else {
            slot.in_flight.set(false);
            self.unlimited(slot);
            let result = Self::end(slot, cqe, is_empty);
            slot.result.set(result);
            if result.is_some() {
                self.uncount(slot);
            } else {
                self.go_on(token.index, slot);
            }
            if slot.has_strays() {
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
