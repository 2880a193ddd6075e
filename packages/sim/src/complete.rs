//! Posts completions: into the queue or the overflow list, or they are dropped or lost.

use bare_uring::SqFlags;
use bare_uring::uapi::{IORING_CQE_F_BUF_MORE, IORING_CQE_F_BUFFER, IORING_CQE_F_MORE};

use crate::coverage::Mark;
use crate::cqe::Completion;
use crate::errno::ECANCELED;
use crate::flight::Outcome;
use crate::layout::Word;
use crate::ledger::Event;
use crate::profile::{Overflow, ReadError};
use crate::sqe::Sqe;
use crate::world::World;

impl World {
    /// Posts a completion of a request, unless the request wants no completion for success.
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

    /// Notes an event in the ledger of a ring.
    pub(crate) fn note(&mut self, id: u32, user_data: u64, event: Event) {
        if let Some(ring) = self.rings.get_mut(&id) {
            ring.ledger.note(user_data, event);
        }
    }

    /// Posts a completion.
    pub(crate) fn post(&mut self, id: u32, mut cqe: Completion) {
        // A completion that only names a buffer is left alone: the buffer stayed in the ring and is the kernel's.
        let only_names = cqe.result < 0 && self.profile.groups.read_error == ReadError::OnlyNames;
        let names = cqe.flags & IORING_CQE_F_BUFFER != 0 && !only_names;
        if names && self.chaos.forged.happens(&mut self.random) {
            self.coverage.mark(Mark::Forged);
            cqe.flags ^= if self.random.chance(1, 2) { IORING_CQE_F_BUF_MORE } else { 0 };
            cqe.result = match self.random.below(4) {
                0 => cqe.result,
                1 => -104,
                2 => self.random.bits() as i32,
                _ => self.random.below(80).cast_signed(),
            };
        }
        let no_memory = self.chaos.lost_completions.happens(&mut self.random);
        let overflow = self.profile.overflow;
        let Self { rings, faults, .. } = self;
        let Some(ring) = rings.get_mut(&id) else { return };
        if ring.detached {
            return;
        }
        // kernel: io_uring/io_uring.c io_cqe_cache_refill (7.2): while the overflow list is not empty, new CQEs go to
        // its end.
        if ring.overflow.is_empty() && ring.place(&cqe, faults) {
            ring.ledger.note(cqe.user_data, Event::Completed(cqe));
            self.count_completion(id, cqe.result);
            return;
        }
        // kernel: io_uring/io_uring.c io_cqring_add_overflow (7.2): without memory for the list the CQE is lost and
        // counted in cq_overflow, and the next wait fails with EBADR; else the list sets IORING_SQ_CQ_OVERFLOW.
        if overflow == Overflow::Drop || no_memory {
            ring.store(Word::CqOverflow, ring.load(Word::CqOverflow).wrapping_add(1));
            ring.lost = overflow != Overflow::Drop;
            ring.coverage.mark(if ring.lost { Mark::Lost } else { Mark::Dropped });
            ring.ledger.note(cqe.user_data, Event::Dropped(cqe));
            self.count_completion(id, cqe.result);
            return;
        }
        ring.overflow.push_back(cqe);
        ring.coverage.mark(Mark::Listed);
        ring.set_flag(SqFlags::CQ_OVERFLOW, true);
        ring.ledger.note(cqe.user_data, Event::Completed(cqe));
    }
}
