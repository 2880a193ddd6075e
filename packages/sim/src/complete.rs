//! Completions: into the queue, into the list of those that found no room, or lost.

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

    /// Completes once.
    pub(crate) fn post(&mut self, ring: u32, mut cqe: Completion) {
        // Not where the buffer was not taken at all: what it lends would be the kernel's.
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
        let Some(ring) = rings.get_mut(&ring) else { return };
        if ring.detached {
            return;
        }
        // As long as some wait outside, all queue up behind them.
        if ring.overflow.is_empty() && ring.place(&cqe, faults) {
            ring.completed = ring.completed.wrapping_add(1);
            ring.ledger.note(cqe.user_data, Event::Completed(cqe));
            return;
        }
        if overflow == Overflow::Drop || no_memory {
            ring.store(Word::CqOverflow, ring.load(Word::CqOverflow).wrapping_add(1));
            ring.lost = overflow != Overflow::Drop;
            ring.coverage.mark(if ring.lost { Mark::Lost } else { Mark::Dropped });
            ring.ledger.note(cqe.user_data, Event::Dropped(cqe));
            return;
        }
        ring.overflow.push_back(cqe);
        ring.coverage.mark(Mark::Listed);
        ring.completed = ring.completed.wrapping_add(1);
        ring.set_flag(SqFlags::CQ_OVERFLOW, true);
        ring.ledger.note(cqe.user_data, Event::Completed(cqe));
    }
}
