//! Submission: entries out of the queue, put together to chains.

use bare_uring::uapi::{IORING_OP_NOP128, IOSQE_BUFFER_SELECT, io_uring_op};
use bare_uring::{Errno, SetupFlags};

use crate::coverage::Mark;
use crate::errno::{ECANCELED, EINVAL, EOPNOTSUPP};
use crate::fault::Fault;
use crate::flight::{Chain, Outcome};
use crate::ledger::Event;
use crate::profile::Overflow;
use crate::requests::selects_buffers;
use crate::sqe::Sqe;
use crate::world::World;

impl World {
    /// Consumes at most `count` entries (`io_submit_sqes()`); how many.
    pub(crate) fn submit(&mut self, id: u32, count: u32) -> Result<u32, Errno> {
        let kept_busy = self.profile.overflow == Overflow::ListBusy;
        let reads_array = self.profile.reads_array;
        let Self { rings, faults, .. } = self;
        let Some(ring) = rings.get_mut(&id) else { return Ok(0) };
        let entries = count.min(ring.visible(faults));
        if entries == 0 {
            return Ok(0);
        }
        if kept_busy && !ring.overflow.is_empty() {
            ring.flush_overflow(faults);
            if !ring.overflow.is_empty() {
                ring.coverage.mark(Mark::Busy);
                return Err(Errno::EBUSY);
            }
        }
        let (start, goes_on) = (ring.sq_head, ring.is(SetupFlags::SUBMIT_ALL) || !self.profile.bad_entry_ends_batch);
        let mut left = entries;
        let mut chain = Chain::default();
        while left != 0 {
            if self.chaos.short_submits.happens(&mut self.random) {
                self.coverage.mark(if left == entries { Mark::NoMemory } else { Mark::ShortSubmit });
                break;
            }
            let Self { rings, faults, .. } = self;
            let Some(ring) = rings.get_mut(&id) else { break };
            let Some(mut sqe) = ring.next_sqe(reads_array, faults) else { break };
            left -= 1;
            let refused = self.prepare(id, &mut sqe, &chain, &mut left);
            self.consumed(id, &sqe);
            if let (Err(why), None) = (refused, chain.refused) {
                chain.refused = Some((chain.sqes.len(), why));
            }
            let last = !sqe.links();
            let ends_batch = refused.is_err() && !goes_on && last;
            chain.sqes.push_back(sqe);
            if last {
                self.queue(id, std::mem::take(&mut chain));
            }
            if ends_batch && left != 0 {
                self.coverage.mark(Mark::BatchEnded);
            }
            if ends_batch {
                break;
            }
        }
        // A chain ends where its batch does.
        self.queue(id, chain);
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.commit_head(start);
        }
        if left == entries { Err(Errno::EAGAIN) } else { Ok(entries - left) }
    }

    fn consumed(&mut self, id: u32, sqe: &Sqe) {
        let Self { rings, faults, .. } = self;
        let Some(ring) = rings.get_mut(&id) else { return };
        if let Err(expected) = ring.ledger.consumed(sqe.user_data) {
            faults.push(Fault::Unexpected { found: sqe.user_data, expected });
        }
    }

    /// What is checked before a request is put into a chain (`io_init_req()` and the requests' own preparation).
    fn prepare(&mut self, id: u32, sqe: &mut Sqe, chain: &Chain, left: &mut u32) -> Result<(), i32> {
        let known = self.profile.knows(sqe.opcode);
        let refusal = self.profile.unknown_opcode;
        if !known {
            return Err(refusal);
        }
        // gVisor looks at no flag of a nop; the profile without any flags refuses those of other requests.
        if sqe.flags & !self.profile.sqe_flags != 0 {
            return Err(refusal);
        }
        let Some(ring) = self.rings.get_mut(&id) else { return Err(EINVAL) };
        if sqe.skips() {
            ring.drain_disabled = true;
        }
        if sqe.drains() && ring.drain_disabled {
            return Err(EOPNOTSUPP);
        }
        if sqe.has(IOSQE_BUFFER_SELECT) && !selects_buffers(sqe.opcode, self.profile.groups) {
            return Err(EOPNOTSUPP);
        }
        if sqe.opcode == io_uring_op::IORING_OP_LINK_TIMEOUT as u8 && chain.sqes.is_empty() {
            return Err(EINVAL);
        }
        if u32::from(sqe.opcode) == IORING_OP_NOP128 && !ring.is(SetupFlags::SQE128) {
            let last = ring.sq_head & (ring.shape.sq_entries - 1) == 0;
            if !ring.is(SetupFlags::SQE_MIXED) || *left == 0 || last {
                return Err(EINVAL);
            }
            // Its second half.
            ring.sq_head = ring.sq_head.wrapping_add(1);
            *left -= 1;
        }
        self.read_arguments(sqe)
    }

    /// Starts a chain, or has it wait behind one that drains.
    fn queue(&mut self, id: u32, chain: Chain) {
        if chain.sqes.is_empty() {
            return;
        }
        if let Some((place, why)) = chain.refused {
            self.refuse(id, chain, place, why);
            return;
        }
        let Some(ring) = self.rings.get_mut(&id) else { return };
        let waits = chain.drains() && !ring.flights.is_empty();
        if waits || !ring.deferred.is_empty() {
            ring.coverage.mark(Mark::Drained);
            ring.deferred.push_back(chain);
        } else {
            self.start(id, chain.sqes);
        }
    }

    /// None of the chain starts: the one that was refused says why, the others that they were cancelled.
    fn refuse(&mut self, id: u32, chain: Chain, place: usize, why: i32) {
        // With its head failed, what was asked of the head holds for all (`req_set_fail()`).
        self.coverage.mark(Mark::ChainRefused);
        let silent = chain.sqes.front().is_some_and(Sqe::skips) && chain.sqes.len() > 1;
        for (at, sqe) in chain.sqes.iter().enumerate() {
            let result = if at == place { why } else { ECANCELED };
            if at == 0 || !silent {
                self.tell(id, sqe, Outcome::of(result), 0);
            } else {
                self.note(id, sqe.user_data, Event::Skipped { user_data: sqe.user_data });
            }
        }
    }
}
