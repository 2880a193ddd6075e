//! Submits: takes entries out of the submission queue, and puts them together to chains.

use bare_uring::uapi::{IORING_OP_NOP128, IOSQE_BUFFER_SELECT, io_uring_op};
use bare_uring::{Errno, SetupFlags};

use crate::coverage::Mark;
use crate::errno::{ECANCELED, EINVAL, EOPNOTSUPP};
use crate::fault::Fault;
use crate::flight::{Chain, Outcome};
use crate::ledger::Event;
use crate::profile::{Overflow, ReadsTime};
use crate::requests::selects_buffers;
use crate::sqe::Sqe;
use crate::world::World;

impl World {
    /// Consumes at most `count` entries. Returns how many it has consumed.
    // kernel: io_uring/io_uring.c io_submit_sqes (7.2): ends at an entry that fails, unless SUBMIT_ALL is set, at an
    // index beyond the queue, and without memory; EAGAIN if there was no memory for the first entry. (Here a first
    // index beyond the queue is EAGAIN too.)
    // kernel: io_uring/io_uring.c io_submit_fail_init (7.2): an entry that fails within a chain does not end the batch;
    // the last entry of the chain does, if it fails.
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
        let keeps = self.profile.timeouts.reads == ReadsTime::InWorker;
        let (start, goes_on) = (ring.sq_head, ring.is(SetupFlags::SUBMIT_ALL) || !self.profile.bad_entry_ends_batch);
        let mut left = entries;
        let mut chain = Chain::default();
        while left != 0 {
            if self.profile.empty_submit_fails && self.chaos.short_submits.happens(&mut self.random) {
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
            // A kernel without links sees only flags that it does not know.
            let last = !sqe.links() || self.has_unknown_flags(&sqe);
            let only_flags = !self.profile.bad_flags_end_batch && self.has_unknown_flags(&sqe);
            let ends_batch = refused.is_err() && !goes_on && last && !only_flags;
            if only_flags {
                self.coverage.mark(Mark::BadFlags);
            }
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
        // A chain ends at the end of its batch.
        self.queue(id, chain);
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.commit_head(start, keeps);
        }
        self.run_ready_work(id);
        if left == entries && self.profile.empty_submit_fails { Err(Errno::EAGAIN) } else { Ok(entries - left) }
    }

    /// Notes that an entry was consumed, and compares it with the expected one.
    fn consumed(&mut self, id: u32, sqe: &Sqe) {
        let Self { rings, faults, .. } = self;
        let Some(ring) = rings.get_mut(&id) else { return };
        if let Err(expected) = ring.ledger.consumed(sqe.user_data) {
            faults.push(Fault::Unexpected { found: sqe.user_data, expected });
        }
    }

    /// Checks an entry before it is put into a chain, and reads what the entry points to. The error refuses the entry.
    // kernel: io_uring/io_uring.c io_init_req (7.2): the order of the checks; EINVAL for unknown opcodes and flags,
    // EOPNOTSUPP for BUFFER_SELECT on other requests, and for a drain after CQE_SKIP_SUCCESS.
    // kernel: io_uring/timeout.c __io_timeout_prep (7.2): a linked timeout needs a request before it in the chain.
    fn prepare(&mut self, id: u32, sqe: &mut Sqe, chain: &Chain, left: &mut u32) -> Result<(), i32> {
        let known = self.profile.knows(sqe.opcode);
        let refusal = self.profile.unknown_opcode;
        if !known {
            return Err(refusal);
        }
        // gVisor looks at no flag of a nop, and refuses any flag of other requests. Its profile knows no flag at all.
        if self.has_unknown_flags(sqe) {
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
            // The second half of the entry takes a slot too.
            ring.sq_head = ring.sq_head.wrapping_add(1);
            *left -= 1;
        }
        self.read_arguments(sqe)
    }

    /// Returns whether an entry has a flag that the kernel does not know.
    fn has_unknown_flags(&self, sqe: &Sqe) -> bool {
        sqe.flags & !self.profile.sqe_flags != 0
    }

    /// Starts a chain, or has it wait for a drain.
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

    /// Fails a chain with an entry that was refused: that entry gets the error, the others get `ECANCELED`.
    // kernel: io_uring/io_uring.c io_queue_sqe_fallback (7.2): the head fails, and io_fail_links cancels the rest.
    fn refuse(&mut self, id: u32, chain: Chain, place: usize, why: i32) {
        // kernel: io_uring/io_uring.h req_set_fail (7.2): a failed head that skips its completion silences all behind
        // it.
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
