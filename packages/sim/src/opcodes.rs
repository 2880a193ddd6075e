//! Requests: what each does when it is started, and again when what it waited for is there.

use std::collections::VecDeque;

use bare_uring::SetupFlags;
use bare_uring::uapi::{
    IORING_CQE_F_MORE, IORING_NOP_CQE32, IORING_OP_NOP128, IOSQE_ASYNC, IOSQE_BUFFER_SELECT, IOSQE_IO_LINK,
    io_uring_op as Op,
};

use crate::buffers::Progress;
use crate::coverage::Mark;
use crate::files::{EAGAIN, EBADF, EINVAL, Kind, Open};
use crate::flight::{Flight, Outcome, Timer, Wait};
use crate::ledger::Event;
use crate::profile::{GroupRules, Waits};
use crate::ring::{Completion, Work};
use crate::sqe::Sqe;
use crate::world::World;

mod cancel;
mod io;
mod selected;
mod timeout;

pub(crate) use timeout::timespec;

pub(crate) use cancel::Key;

pub(crate) const ECANCELED: i32 = -125;

pub(crate) const NOP: u8 = Op::IORING_OP_NOP as u8;
pub(crate) const READV: u8 = Op::IORING_OP_READV as u8;
pub(crate) const WRITEV: u8 = Op::IORING_OP_WRITEV as u8;
pub(crate) const FSYNC: u8 = Op::IORING_OP_FSYNC as u8;
pub(crate) const READ_FIXED: u8 = Op::IORING_OP_READ_FIXED as u8;
pub(crate) const WRITE_FIXED: u8 = Op::IORING_OP_WRITE_FIXED as u8;
pub(crate) const RECVMSG: u8 = Op::IORING_OP_RECVMSG as u8;
pub(crate) const POLL_ADD: u8 = Op::IORING_OP_POLL_ADD as u8;
pub(crate) const POLL_REMOVE: u8 = Op::IORING_OP_POLL_REMOVE as u8;
pub(crate) const TIMEOUT: u8 = Op::IORING_OP_TIMEOUT as u8;
pub(crate) const TIMEOUT_REMOVE: u8 = Op::IORING_OP_TIMEOUT_REMOVE as u8;
pub(crate) const ACCEPT: u8 = Op::IORING_OP_ACCEPT as u8;
pub(crate) const ASYNC_CANCEL: u8 = Op::IORING_OP_ASYNC_CANCEL as u8;
pub(crate) const LINK_TIMEOUT: u8 = Op::IORING_OP_LINK_TIMEOUT as u8;
pub(crate) const CLOSE: u8 = Op::IORING_OP_CLOSE as u8;
pub(crate) const READ: u8 = Op::IORING_OP_READ as u8;
pub(crate) const WRITE: u8 = Op::IORING_OP_WRITE as u8;
pub(crate) const SEND: u8 = Op::IORING_OP_SEND as u8;
pub(crate) const RECV: u8 = Op::IORING_OP_RECV as u8;
pub(crate) const SHUTDOWN: u8 = Op::IORING_OP_SHUTDOWN as u8;
pub(crate) const MSG_RING: u8 = Op::IORING_OP_MSG_RING as u8;
pub(crate) const READ_MULTISHOT: u8 = Op::IORING_OP_READ_MULTISHOT as u8;
pub(crate) const NOP128: u8 = IORING_OP_NOP128 as u8;

/// How far a request got.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It is done.
    Done(Outcome),
    /// One more completion of a request that goes on.
    More(Outcome),
    /// Its file is not ready for these events of `poll(2)`.
    NotReady(u32),
    /// A worker goes on with it, at some time.
    Punted,
    /// It runs a timer.
    Timer(Timer),
}

impl Attempt {
    pub(crate) const fn done(result: i32) -> Self {
        Self::Done(Outcome::of(result))
    }
}

/// Whether the kernel may pick a buffer for it.
pub(crate) const fn selects_buffers(opcode: u8, rules: GroupRules) -> bool {
    matches!(opcode, READ | READV | RECV | RECVMSG | READ_MULTISHOT) || opcode == SEND && rules.bundles
}

const fn needs_file(opcode: u8) -> bool {
    matches!(
        opcode,
        READV
            | WRITEV
            | FSYNC
            | READ_FIXED
            | WRITE_FIXED
            | POLL_ADD
            | ACCEPT
            | READ
            | WRITE
            | SEND
            | RECV
            | RECVMSG
            | SHUTDOWN
            | MSG_RING
            | READ_MULTISHOT
    )
}

impl World {
    /// Starts the first of a chain, which the others wait for.
    pub(crate) fn start(&mut self, id: u32, mut sqes: VecDeque<Sqe>) {
        let Some(sqe) = sqes.pop_front() else { return };
        let limit = if sqes.front().is_some_and(|next| next.opcode == LINK_TIMEOUT) {
            sqes.pop_front().map(|timeout| (self.deadline_of(&timeout), timeout))
        } else {
            None
        };
        let file = if needs_file(sqe.opcode) { self.file_of(id, &sqe) } else { None };
        let mut flight =
            Flight { sqe, file, wait: Wait::File(0), progress: Progress::default(), queued: false, limit, rest: sqes };
        if needs_file(flight.sqe.opcode) && flight.file.is_none() {
            self.finish(id, flight, Outcome::of(EBADF));
            return;
        }
        let selects = flight.sqe.has(IOSQE_BUFFER_SELECT);
        // A worker takes it over. One that goes on waits for its file first (`io_wq_submit_work()`).
        flight.progress.in_worker = selects && flight.sqe.has(IOSQE_ASYNC) && !selected::goes_on(&flight.sqe);
        let first = if flight.progress.in_worker {
            Attempt::Punted
        } else {
            self.attempt_all(id, &flight.sqe, flight.file.as_deref(), &mut flight.progress)
        };
        match first {
            // What a group was used for is told in the order in which it was used, but where a worker did it.
            Attempt::Done(outcome) | Attempt::More(outcome) if selects => {
                self.finish(id, flight, outcome);
                return;
            }
            Attempt::Done(outcome) | Attempt::More(outcome) => {
                let told_later = flight.sqe.has(IOSQE_ASYNC) || self.chaos.delayed.happens(&mut self.random);
                if self.profile.waits == Waits::Never || !told_later {
                    self.finish(id, flight, outcome);
                    return;
                }
                self.coverage.mark(Mark::Delayed);
                flight.wait = Wait::Told(outcome);
            }
            // These kernels execute each request on the spot.
            Attempt::NotReady(_) if self.profile.waits == Waits::Never => {
                self.finish(id, flight, Outcome::of(EAGAIN));
                return;
            }
            Attempt::NotReady(events) => flight.wait = Wait::File(events),
            Attempt::Punted => flight.wait = Wait::Turn,
            Attempt::Timer(timer) => flight.wait = Wait::Timer(timer),
        }
        let number = self.next_flight;
        self.next_flight += 1;
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.flights.insert(number, flight);
        }
    }

    /// Attempts again and again as long as a request that goes on has something to tell.
    fn attempt_all(&mut self, id: u32, sqe: &Sqe, file: Option<&Open>, progress: &mut Progress) -> Attempt {
        loop {
            match self.attempt(id, sqe, file, progress) {
                Attempt::More(outcome) => {
                    self.coverage.mark(Mark::Repeated);
                    self.tell(id, sqe, outcome, IORING_CQE_F_MORE);
                }
                other => return other,
            }
        }
    }

    fn attempt(&mut self, id: u32, sqe: &Sqe, file: Option<&Open>, progress: &mut Progress) -> Attempt {
        match (sqe.opcode, file) {
            (NOP | NOP128, _) => self.nop(id, sqe),
            (FSYNC, Some(_)) => Attempt::done(0),
            (READ | READV | READ_FIXED | RECV | RECVMSG | READ_MULTISHOT, Some(file)) => {
                self.receive(id, sqe, file, progress)
            }
            (WRITE | WRITEV | WRITE_FIXED | SEND, Some(file)) => self.transmit(id, sqe, file, progress),
            (POLL_ADD, Some(file)) => self.poll(sqe, file),
            (ACCEPT, Some(file)) => self.accept(id, sqe, file),
            (SHUTDOWN, Some(file)) => Attempt::done(self.files.shut_down(file, sqe.len)),
            (MSG_RING, Some(file)) => self.message(sqe, file),
            (CLOSE, _) => self.close(id, sqe),
            (TIMEOUT, _) => self.timeout(id, sqe),
            (TIMEOUT_REMOVE, _) => self.timeout_remove(id, sqe),
            (POLL_REMOVE, _) => self.poll_remove(id, sqe),
            (ASYNC_CANCEL, _) => self.async_cancel(id, sqe),
            _ => Attempt::done(EINVAL),
        }
    }

    fn nop(&mut self, id: u32, sqe: &Sqe) -> Attempt {
        const INJECT_RESULT: u32 = 1;

        let large = self.rings.get(&id).is_some_and(|ring| ring.is(SetupFlags::CQE32 | SetupFlags::CQE_MIXED));
        let result = if sqe.op_flags & INJECT_RESULT != 0 { sqe.len.cast_signed() } else { 0 };
        let mut outcome = Outcome::of(result);
        if sqe.op_flags & IORING_NOP_CQE32 != 0 {
            if !large {
                return Attempt::done(EINVAL);
            }
            outcome.big = Some([sqe.off, sqe.addr]);
        }
        Attempt::Done(outcome)
    }

    /// Sends a completion to another ring.
    fn message(&mut self, sqe: &Sqe, file: &Open) -> Attempt {
        const EBADFD: i32 = -77;
        const FLAGS_PASS: u32 = 2;

        let Kind::Ring(target) = file.kind else { return Attempt::done(EBADFD) };
        if sqe.addr != 0 {
            return Attempt::done(EINVAL);
        }
        let flags = if sqe.op_flags & FLAGS_PASS != 0 { sqe.file_index } else { 0 };
        let cqe = Completion { user_data: sqe.off, result: sqe.len.cast_signed(), flags, big: None };
        match self.rings.get_mut(&target) {
            Some(ring) if ring.disabled => return Attempt::done(EBADFD),
            Some(ring) if ring.is(SetupFlags::DEFER_TASKRUN) => {
                ring.work.push_back(Work::Message(cqe));
                ring.show_work();
            }
            Some(_) => self.post(target, cqe),
            None => return Attempt::done(EBADFD),
        }
        Attempt::done(0)
    }

    /// Completes once, unless the request wants no completion for success.
    pub(crate) fn tell(&mut self, id: u32, sqe: &Sqe, outcome: Outcome, flags: u32) {
        if sqe.skips() && !outcome.fails && flags & IORING_CQE_F_MORE == 0 {
            self.coverage.mark(Mark::Skipped);
            self.note(id, sqe.user_data, Event::Skipped { user_data: sqe.user_data });
            return;
        }
        let Outcome { result, flags: more, big, .. } = outcome;
        if result == ECANCELED {
            self.coverage.mark(Mark::Cancelled);
        }
        self.post(id, Completion { user_data: sqe.user_data, result, flags: flags | more, big });
    }

    pub(crate) fn note(&mut self, id: u32, user_data: u64, event: Event) {
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.ledger.note(user_data, event);
        }
    }

    /// The last completion of a request; then what is linked behind it, and what waited for everything to be over.
    pub(crate) fn finish(&mut self, id: u32, flight: Flight, outcome: Outcome) {
        let Flight { sqe, limit, rest, file, .. } = flight;
        drop(file);
        self.tell(id, &sqe, outcome, 0);
        if let Some((_, timeout)) = limit {
            self.tell(id, &timeout, Outcome::of(ECANCELED), 0);
        }
        let breaks = outcome.fails && sqe.has(IOSQE_IO_LINK) && !sqe.has(bare_uring::uapi::IOSQE_IO_HARDLINK);
        if breaks && !rest.is_empty() {
            self.coverage.mark(Mark::LinkBroken);
        }
        if breaks {
            for linked in &rest {
                if sqe.skips() {
                    self.note(id, linked.user_data, Event::Skipped { user_data: linked.user_data });
                } else {
                    self.tell(id, linked, Outcome::of(ECANCELED), 0);
                }
            }
        } else {
            self.start(id, rest);
        }
        self.start_deferred(id);
    }

    /// A flight has something to do.
    pub(crate) fn run_flight(&mut self, id: u32, number: u64) {
        let Some(ring) = self.rings.get_mut(&id) else { return };
        let Some(mut flight) = ring.flights.remove(&number) else { return };
        let is_first = ring.flights.keys().next().is_none_or(|&first| first > number);
        flight.queued = false;
        let attempt = match flight.wait {
            Wait::Told(outcome) => Attempt::Done(outcome),
            Wait::File(_) | Wait::Turn => {
                self.attempt_all(id, &flight.sqe, flight.file.as_deref(), &mut flight.progress)
            }
            Wait::Timer(timer) => self.timer_ends(id, &flight.sqe, timer),
        };
        match attempt {
            Attempt::Done(outcome) | Attempt::More(outcome) => {
                if !is_first {
                    self.coverage.mark(Mark::Reordered);
                }
                self.finish(id, flight, outcome);
                return;
            }
            Attempt::NotReady(events) => flight.wait = Wait::File(events),
            Attempt::Punted => flight.wait = Wait::Turn,
            Attempt::Timer(timer) => flight.wait = Wait::Timer(timer),
        }
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.flights.insert(number, flight);
        }
    }
}
