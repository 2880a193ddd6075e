//! The request that does nothing, and the one that sends a completion to another ring.

use bare_uring::SetupFlags;
use bare_uring::uapi::IORING_NOP_CQE32;

use super::Attempt;
use crate::cqe::Completion;
use crate::errno::{EBADFD, EINVAL};
use crate::files::{Kind, Open};
use crate::flight::Outcome;
use crate::ring::Work;
use crate::sqe::Sqe;
use crate::world::World;

impl World {
    /// Does nothing.
    // kernel: io_uring/nop.c io_nop_prep (7.2): INJECT_RESULT takes the result from `len`; CQE32 needs a ring with
    // large CQEs.
    pub(super) fn nop(&mut self, id: u32, sqe: &Sqe) -> Attempt {
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

    /// Sends a completion to another ring (`MSG_RING`).
    // kernel: io_uring/msg_ring.c __io_msg_ring_data (7.2): `src_fd` must be 0 for data; EBADFD for a disabled ring; a
    // ring with DEFER_TASKRUN gets the completion as task work.
    pub(super) fn message(&mut self, sqe: &Sqe, file: &Open) -> Attempt {
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
}
