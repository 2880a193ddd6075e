//! The completion queue of a ring, from the kernel's side, and its overflow list.

use std::ptr::NonNull;

use bare_uring::uapi::{IORING_CQE_F_32, IORING_CQE_F_SKIP};
use bare_uring::{SetupFlags, SqFlags};

use super::Ring;
use crate::coverage::Mark;
use crate::cqe::Completion;
use crate::fault::Fault;
use crate::layout::Word;

impl Ring {
    /// Writes `bytes` from the start of a slot on.
    fn write_cqe(&self, at: u32, bytes: &[u8]) {
        let slot = (at & (self.shape.cq_entries - 1)) as usize;
        let offset = slot * self.shape.cqe_size();
        assert!(offset + bytes.len() <= self.shape.cq_entries as usize * self.shape.cqe_size(), "past the queue");
        // SAFETY: the bytes lie within the queue, as just checked.
        let place = unsafe { self.memory.cq.add(self.layout.cqes as usize + offset) };
        // SAFETY: the slot is free, so the user does not read it now.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
    }

    /// Returns the head as the user has published it; the head before, if that makes no sense. The slots that the user
    /// has given back are overwritten. A user that still reads one finds nonsense.
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

    /// Returns how many completions the user has not taken.
    pub(crate) fn ready(&mut self, faults: &mut Vec<Fault>) -> u32 {
        let head = self.cq_head(faults);
        self.cq_tail.wrapping_sub(head)
    }

    /// Puts a completion into the queue. Returns `false` if there is no room.
    pub(crate) fn place(&mut self, cqe: &Completion, faults: &mut Vec<Fault>) -> bool {
        let entries = self.shape.cq_entries;
        let mixed = self.is(SetupFlags::CQE_MIXED);
        let slots = if mixed && cqe.big.is_some() { 2 } else { 1 };
        let until_end = entries - (self.cq_tail & (entries - 1));
        let free = entries - self.ready(faults);
        // kernel: io_uring/io_uring.c io_cqe_cache_refill (7.2): a 32-byte CQE is never split; a CQE with F_SKIP fills
        // the last slot first, even if there is no room behind it now.
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

    /// Moves completions from the overflow list into the queue, as far as there is room.
    // kernel: io_uring/io_uring.c __io_cqring_overflow_flush (7.2): in order, until there is no room; an empty list
    // clears IORING_SQ_CQ_OVERFLOW.
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
