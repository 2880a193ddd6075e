//! Cancellation of requests in flight.

use bare_uring::uapi::IOSQE_FIXED_FILE;

use super::{Attempt, POLL_ADD};
use crate::errno::{EALREADY, ECANCELED, EINVAL, ENOENT};
use crate::flight::{Flight, Outcome, Wait};
use crate::sqe::Sqe;
use crate::world::World;

const ALL: u32 = 1;
const FD: u32 = 1 << 1;
const ANY: u32 = 1 << 2;
const FD_FIXED: u32 = 1 << 3;
const USERDATA: u32 = 1 << 4;
const OP: u32 = 1 << 5;

/// Says which requests are to be cancelled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) user_data: u64,
    pub(crate) fd: i32,
    pub(crate) flags: u32,
    pub(crate) opcode: u8,
}

impl Key {
    /// Returns whether a request in flight is to be cancelled.
    // kernel: io_uring/cancel.c io_cancel_req_match (7.2): ANY matches all; without FD and OP the user data decide,
    // with them the user data count only if USERDATA is set.
    fn matches(&self, flight: &Flight) -> bool {
        if self.flags & ANY != 0 {
            return true;
        }
        let sqe = &flight.sqe;
        let by_user_data = self.flags & (FD | OP) == 0 || self.flags & USERDATA != 0;
        let same_file = || {
            let fixed = sqe.has(IOSQE_FIXED_FILE);
            sqe.fd == self.fd && fixed == (self.flags & FD_FIXED != 0) && flight.file.is_some()
        };
        (!by_user_data || sqe.user_data == self.user_data)
            && (self.flags & FD == 0 || same_file())
            && (self.flags & OP == 0 || sqe.opcode == self.opcode)
    }
}

impl World {
    /// Cancels the first request that matches, or all with ALL or ANY. Returns the result as the kernel has it: 0 or
    /// the number of requests, `ENOENT` if no request matches, `EALREADY` if the request can no longer be cancelled.
    // kernel: io_uring/cancel.c __io_async_cancel (7.2): with ALL or ANY the result is the number of requests, and 0 is
    // no error.
    pub(crate) fn cancel(&mut self, id: u32, key: Key) -> i32 {
        let by_user_data = self.profile.cancels_by_user_data;
        let key = if by_user_data { Key { flags: 0, ..key } } else { key };
        let all = key.flags & (ALL | ANY) != 0;
        let rules = self.profile.timeouts;
        let Some(ring) = self.rings.get_mut(&id) else { return ENOENT };
        let (mut found, mut running) = (Vec::new(), false);
        for (&number, flight) in &mut ring.flights {
            if !key.matches(flight) {
                continue;
            }
            let timer = if let Wait::Timer(timer) = flight.wait { Some(timer) } else { None };
            let unstoppable = timer.is_some_and(|timer| timer.reached || !rules.removes);
            if flight.queued || unstoppable || matches!(flight.wait, Wait::Told(_)) {
                running = true;
                continue;
            }
            if timer.is_some() && rules.counts_removed {
                ring.timeouts = ring.timeouts.wrapping_add(1);
            }
            flight.wait = Wait::Told(flight.ended(ECANCELED));
            found.push(number);
            if !all {
                break;
            }
        }
        for &number in &found {
            self.wake(id, number);
        }
        match found.len() {
            // OSv says of every request that it finds that it is cancelled.
            0 if running && by_user_data => 0,
            0 if running && !all => EALREADY,
            0 if all => 0,
            0 => ENOENT,
            count if all => i32::try_from(count).unwrap_or(i32::MAX),
            _ => 0,
        }
    }

    /// Carries out an `ASYNC_CANCEL`.
    pub(super) fn async_cancel(&mut self, id: u32, sqe: &Sqe) -> Attempt {
        let key = Key { user_data: sqe.addr, fd: sqe.fd, flags: sqe.op_flags, opcode: sqe.len as u8 };
        Attempt::Done(Outcome { fails: false, ..Outcome::of(self.cancel(id, key)) })
    }

    /// Carries out a `POLL_REMOVE`.
    pub(super) fn poll_remove(&mut self, id: u32, sqe: &Sqe) -> Attempt {
        if sqe.len != 0 {
            // Updates came with 5.13.
            return Attempt::done(EINVAL);
        }
        let key = Key { user_data: sqe.addr, fd: -1, flags: USERDATA | OP, opcode: POLL_ADD };
        Attempt::done(self.cancel(id, key))
    }
}
