//! Completions: into the queue, into the list of those that found no room, or lost.

use bare_uring::SetupFlags;
use bare_uring::SqFlags;
use bare_uring::uapi::{IORING_CQE_F_32, IORING_CQE_F_BUF_MORE, IORING_CQE_F_BUFFER, IORING_CQE_F_SKIP};

use crate::coverage::Mark;
use crate::fault::Fault;
use crate::layout::Word;
use crate::ledger::Event;
use crate::profile::{Overflow, ReadError};
use crate::ring::{Completion, Ring};
use crate::world::World;

impl Completion {
    fn bytes(&self, flags: u32) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.user_data.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.result.to_ne_bytes());
        bytes[12..16].copy_from_slice(&(self.flags | flags).to_ne_bytes());
        let big = self.big.unwrap_or_default();
        bytes[16..24].copy_from_slice(&big[0].to_ne_bytes());
        bytes[24..].copy_from_slice(&big[1].to_ne_bytes());
        bytes
    }
}

impl Ring {
    /// The head as the user has published it, if that makes sense; the one before otherwise. Slots given back are
    /// overwritten: who still reads one finds nonsense.
    pub(crate) fn cq_head(&mut self, faults: &mut Vec<Fault>) -> u32 {
        let (before, head, tail) = (self.cq_head_seen, self.load(Word::CqHead), self.cq_tail);
        if head.wrapping_sub(before) > tail.wrapping_sub(before) {
            faults.push(Fault::CqHead { before, head, tail });
            return before;
        }
        let mut at = before;
        while at != head {
            self.write_cqe(at, &[0x5a; 32][..self.shape.cqe_size()]);
            self.coverage.mark(Mark::CompletionOverwritten);
            at = at.wrapping_add(1);
        }
        self.cq_head_seen = head;
        head
    }

    /// Completions that the user has not taken.
    pub(crate) fn ready(&mut self, faults: &mut Vec<Fault>) -> u32 {
        let head = self.cq_head(faults);
        self.cq_tail.wrapping_sub(head)
    }

    /// Puts a completion into the queue; `false` if there is no room.
    fn place(&mut self, cqe: &Completion, faults: &mut Vec<Fault>) -> bool {
        let entries = self.shape.cq_entries;
        let mixed = self.is(SetupFlags::CQE_MIXED);
        let slots = if mixed && cqe.big.is_some() { 2 } else { 1 };
        let until_end = entries - (self.cq_tail & (entries - 1));
        let free = entries - self.ready(faults);
        // A large one is never split: a filler takes the last slot, also if there is no room for more than that now
        // (`io_cqe_cache_refill()`).
        if slots > until_end && free != 0 {
            self.coverage.mark(Mark::Filler);
            let nothing = Completion { user_data: 0, result: 0, flags: 0, big: None };
            self.write_cqe(self.cq_tail, &nothing.bytes(IORING_CQE_F_SKIP)[..16]);
            self.cq_tail = self.cq_tail.wrapping_add(1);
            self.store(Word::CqTail, self.cq_tail);
        }
        if slots > entries - self.ready(faults) || slots > entries - (self.cq_tail & (entries - 1)) {
            return false;
        }
        if slots == 2 {
            self.write_cqe(self.cq_tail, &cqe.bytes(IORING_CQE_F_32));
        } else {
            self.write_cqe(self.cq_tail, &cqe.bytes(0)[..self.shape.cqe_size()]);
        }
        self.cq_tail = self.cq_tail.wrapping_add(slots);
        self.store(Word::CqTail, self.cq_tail);
        true
    }

    /// Moves what waits outside the queue into it, as far as there is room.
    pub(crate) fn flush_overflow(&mut self, faults: &mut Vec<Fault>) {
        if self.detached {
            return;
        }
        while let Some(cqe) = self.overflow.front().copied() {
            if !self.place(&cqe, faults) {
                return;
            }
            self.overflow.pop_front();
            self.coverage.mark(Mark::Flushed);
        }
        if self.flags().contains(SqFlags::CQ_OVERFLOW) {
            self.set_flag(SqFlags::CQ_OVERFLOW, false);
        }
    }
}

impl World {
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
