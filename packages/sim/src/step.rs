//! Progress: in each step one thing happens, and the seed picks it.

use std::collections::VecDeque;

use crate::coverage::Mark;
use crate::errno::{EALREADY, ECANCELED, ETIME};
use crate::flight::{Flight, Outcome, Wait};
use crate::world::World;

/// What can happen now.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// A request in flight goes on.
    Flight(u32, u64),
    /// A linked timeout ends the request before it.
    Limit(u32, u64),
    /// The SQPOLL thread of a ring consumes entries.
    Thread(u32),
}

impl World {
    /// Returns all that can happen before time passes.
    fn happenings(&mut self) -> Vec<Happening> {
        let mut happenings = Vec::new();
        for (&id, ring) in &self.rings {
            if ring.detached {
                continue;
            }
            for (&number, flight) in &ring.flights {
                if flight.queued {
                    continue;
                }
                let ready = match (&flight.wait, &flight.file) {
                    (Wait::Told(_) | Wait::Turn, _) => true,
                    (Wait::File(events), Some(file)) => self.files.events(file) & events != 0,
                    (Wait::File(_), None) => true,
                    (Wait::Timer(timer), _) => self.is_due(timer),
                };
                if ready {
                    happenings.push(Happening::Flight(id, number));
                }
                if flight.limit.as_ref().is_some_and(|limit| limit.0 <= self.clock) {
                    happenings.push(Happening::Limit(id, number));
                }
            }
        }
        let threads: Vec<u32> =
            self.rings.iter().filter(|(_, ring)| ring.thread.is_some()).map(|(&id, _)| id).collect();
        for id in threads {
            if self.thread_has_work(id) {
                happenings.push(Happening::Thread(id));
            }
        }
        happenings
    }

    /// Lets one thing happen. Returns `false` if nothing can happen before time passes.
    pub(crate) fn step(&mut self) -> bool {
        let happenings = self.happenings();
        if happenings.is_empty() {
            return false;
        }
        match self.random.pick(&happenings) {
            Happening::Flight(id, number) => self.wake(id, number),
            Happening::Limit(id, number) => self.end_by_limit(id, number),
            Happening::Thread(id) => self.thread_step(id),
        }
        true
    }

    /// Returns the earliest point of time at which something will happen.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let rings = self.rings.values().filter(|ring| !ring.detached);
        let flights = rings.flat_map(|ring| ring.flights.values()).filter(|flight| !flight.queued);
        let deadlines = flights.flat_map(|flight| {
            let timer = if let Wait::Timer(timer) = &flight.wait { Some(timer.next()) } else { None };
            timer.into_iter().chain(flight.limit.as_ref().map(|limit| limit.0))
        });
        deadlines.min()
    }

    /// Lets a little happen, as between two calls on a real machine.
    pub(crate) fn tick(&mut self) {
        // OSv reads the time of a timeout late, when other bytes may stand there: the clock can come to its end.
        self.clock = self.clock.saturating_add(u64::from(self.random.below(2000)));
        for _ in 0..self.random.below(4) {
            if !self.step() {
                break;
            }
        }
        let threads: Vec<u32> =
            self.rings.iter().filter(|(_, ring)| ring.thread.is_some()).map(|(&id, _)| id).collect();
        for id in threads {
            self.mark_sleep(id);
            if self.random.chance(1, 2) && self.rings.get(&id).is_some_and(|ring| !ring.detached) {
                self.thread_step(id);
            }
        }
    }

    /// Ends a linked timeout whose time is over: it cancels the request before it.
    // kernel: io_uring/timeout.c io_req_task_link_timeout (7.2): the result is ETIME if the request was cancelled, else
    // the error of the cancellation.
    fn end_by_limit(&mut self, id: u32, number: u64) {
        let Some(flight) = self.rings.get_mut(&id).and_then(|ring| ring.flights.get_mut(&number)) else { return };
        let Some((_, timeout)) = flight.limit.take() else { return };
        self.coverage.mark(Mark::LimitReached);
        let found = if matches!(flight.wait, Wait::Told(_)) {
            Outcome::of(EALREADY)
        } else {
            flight.wait = Wait::Told(flight.ended(ECANCELED));
            Outcome::of(ETIME)
        };
        // The timeout ends as a request of its own, so that a ring that defers task work defers this completion too.
        let told = Flight {
            sqe: timeout,
            file: None,
            wait: Wait::Told(found),
            progress: Default::default(),
            queued: false,
            limit: None,
            rest: VecDeque::new(),
        };
        let own = self.next_flight;
        self.next_flight += 1;
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.flights.insert(own, told);
        }
        self.wake(id, number);
        self.wake(id, own);
    }
}
