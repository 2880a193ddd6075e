//! The life of a request: it is started, waits, goes on, and ends. The requests that are linked behind it follow.

use std::collections::VecDeque;

use bare_uring::uapi::{IORING_CQE_F_MORE, IOSQE_ASYNC, IOSQE_BUFFER_SELECT, IOSQE_IO_HARDLINK, IOSQE_IO_LINK};

use super::selected::goes_on;
use super::{Attempt, LINK_TIMEOUT, Runs, TIMEOUT, needs_file, row};
use crate::buffers::Progress;
use crate::coverage::Mark;
use crate::errno::{EBADF, ECANCELED, EINTR, EINVAL};
use crate::fault::Fault;
use crate::files::Open;
use crate::flight::{Flight, Outcome, Wait};
use crate::ledger::Event;
use crate::profile::{ReadsTime, Unready, Waits};
use crate::ring::Work;
use crate::sqe::Sqe;
use crate::world::World;

impl World {
    /// Starts the first request of a chain. The others wait for it.
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
        // A worker takes the request over.
        // kernel: io_uring/io_uring.c io_wq_submit_work (7.2): a multishot request does not run in a worker; it waits
        // for its file.
        let late = flight.sqe.opcode == TIMEOUT && self.profile.timeouts.reads == ReadsTime::InWorker;
        flight.progress.in_worker = late || selects && flight.sqe.has(IOSQE_ASYNC) && !goes_on(&flight.sqe);
        let first = if flight.progress.in_worker {
            Attempt::Punted
        } else {
            self.attempt_all(id, &flight.sqe, flight.file.as_deref(), &mut flight.progress)
        };
        match first {
            // Completions name the buffers of a group in the order in which they were used, workers aside.
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
            Attempt::NotReady(events) => match self.profile.unready {
                Unready::Waits => flight.wait = Wait::File(events),
                // Nobody else does anything during a call.
                Unready::Blocks => {
                    self.faults.push(Fault::Stuck { ring: id, asleep_over: 0 });
                    self.finish(id, flight, Outcome::of(EINTR));
                    return;
                }
                Unready::Fails(result) => {
                    self.finish(id, flight, Outcome::of(result));
                    return;
                }
            },
            Attempt::Punted => flight.wait = Wait::Turn,
            Attempt::Lent(notification) => {
                self.drop_limit(id, flight.limit.take());
                flight.wait = Wait::Told(notification);
            }
            Attempt::Timer(timer) => flight.wait = Wait::Timer(timer),
        }
        let number = self.next_flight;
        self.next_flight += 1;
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.flights.insert(number, flight);
        }
    }

    /// Attempts a request, and a multishot one again as long as it has completions.
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

    /// Attempts a request once.
    fn attempt(&mut self, id: u32, sqe: &Sqe, file: Option<&Open>, progress: &mut Progress) -> Attempt {
        match (row(sqe.opcode).map(|row| row.runs), file) {
            (Some(Runs::Alone(run)), _) => run(self, id, sqe),
            (Some(Runs::OnFile(run)), Some(file)) => run(self, id, sqe, file, progress),
            _ => Attempt::done(EINVAL),
        }
    }

    /// Posts the last completion of a request. Then starts or cancels what is linked behind it, and starts what waited
    /// for a drain.
    // kernel: io_uring/timeout.c io_disarm_next (7.2): a linked timeout that was not needed is cancelled; a failed link
    // fails the rest of the chain, a hard link does not.
    // kernel: io_uring/timeout.c io_fail_links (7.2): the rest is silent if the failed request was told to skip its
    // completion.
    pub(crate) fn finish(&mut self, id: u32, flight: Flight, outcome: Outcome) {
        let Flight { sqe, limit, rest, file, .. } = flight;
        drop(file);
        self.tell(id, &sqe, outcome, 0);
        self.drop_limit(id, limit);
        let breaks = outcome.fails && sqe.has(IOSQE_IO_LINK) && !sqe.has(IOSQE_IO_HARDLINK);
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

    /// Runs a request that was woken.
    pub(crate) fn run_flight(&mut self, id: u32, number: u64) {
        let Some(ring) = self.rings.get_mut(&id) else { return };
        let Some(mut flight) = ring.flights.remove(&number) else { return };
        let is_first = ring.flights.keys().next().is_none_or(|&first| first > number);
        flight.queued = false;
        let attempt = match flight.wait {
            Wait::Told(outcome) => {
                self.look_at_lent(id, &flight);
                Attempt::Done(outcome)
            }
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
            Attempt::Lent(notification) => {
                self.drop_limit(id, flight.limit.take());
                flight.wait = Wait::Told(notification);
            }
            Attempt::Timer(timer) => flight.wait = Wait::Timer(timer),
        }
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.flights.insert(number, flight);
        }
    }

    /// Ends the linked timeout of a request that is done.
    fn drop_limit(&mut self, id: u32, limit: Option<(u64, Sqe)>) {
        if let Some((_, timeout)) = limit {
            self.tell(id, &timeout, Outcome::of(ECANCELED), 0);
        }
    }

    /// Wakes a request: it runs at once, or when the task enters the kernel.
    pub(crate) fn wake(&mut self, id: u32, number: u64) {
        let Some(ring) = self.rings.get_mut(&id) else { return };
        let Some(flight) = ring.flights.get_mut(&number) else { return };
        if flight.queued {
            return;
        }
        flight.queued = true;
        ring.work.push_back(Work::Flight(number));
        if ring.defers_work() {
            ring.coverage.mark(Mark::WorkDeferred);
            ring.show_work();
        } else {
            self.run_work(id, u32::MAX);
        }
    }

    /// Runs the work that a submit has left, unless work waits for the task to enter the kernel.
    // kernel: io_uring/io_uring.c io_submit_sqes (7.2): completions of the batch are posted first, and task work runs on
    // the way out.
    pub(crate) fn run_ready_work(&mut self, id: u32) {
        if self.rings.get(&id).is_some_and(|ring| !ring.defers_work()) {
            self.run_work(id, u32::MAX);
        }
    }

    /// Runs task work, at most `most` pieces.
    pub(crate) fn run_work(&mut self, id: u32, most: u32) {
        for _ in 0..most {
            let Some(work) = self.rings.get_mut(&id).and_then(|ring| ring.work.pop_front()) else { break };
            match work {
                Work::Flight(number) => self.run_flight(id, number),
                Work::Message(cqe) => self.post(id, cqe),
            }
        }
        if let Some(ring) = self.rings.get(&id)
            && ring.defers_work()
        {
            ring.show_work();
        }
    }

    /// Starts the chains that waited for a drain, as far as they may start.
    // kernel: io_uring/io_uring.c io_queue_deferred (7.2): in order; a chain that drains starts when no request before
    // it is left.
    pub(crate) fn start_deferred(&mut self, id: u32) {
        loop {
            let Some(ring) = self.rings.get_mut(&id) else { return };
            let Some(next) = ring.deferred.front() else { return };
            if next.drains() && !ring.flights.is_empty() {
                return;
            }
            let Some(chain) = ring.deferred.pop_front() else { return };
            self.start(id, chain.sqes);
        }
    }
}
