//! The submission queue of a ring, from the kernel's side.

use std::sync::atomic::{AtomicU32, Ordering};

use bare_uring::SetupFlags;

use super::Ring;
use crate::coverage::Mark;
use crate::fault::Fault;
use crate::layout::Word;
use crate::sqe::Sqe;

impl Ring {
    /// The slot that the index array names at `at`; that of `at` itself where there is no array, or it is not read.
    fn slot(&self, at: u32, reads_array: bool) -> u32 {
        let slot = at & (self.shape.sq_entries - 1);
        match self.layout.array {
            Some(array) if reads_array => {
                // SAFETY: the array has a word for each slot, and lies within the memory.
                let place = unsafe { self.memory.sq.add(array as usize + slot as usize * 4) };
                // SAFETY: as in `word`.
                unsafe { AtomicU32::from_ptr(place.as_ptr().cast()) }.load(Ordering::SeqCst)
            }
            _ => slot,
        }
    }

    /// The first 64 bytes of a submission slot.
    fn read_sqe(&self, slot: u32) -> [u8; 64] {
        assert!(slot < self.shape.sq_entries, "a slot beyond the queue");
        // SAFETY: the slot lies within the entries, as just checked.
        let place = unsafe { self.memory.sqes.add(slot as usize * self.shape.sqe_size()) };
        // SAFETY: the slot is published, so that its owner does not write to it now.
        unsafe { place.cast::<[u8; 64]>().read() }
    }

    /// Makes a slot that was consumed unreadable as what it was: who reads it again, finds that out.
    fn scribble_sqe(&self, slot: u32) {
        let size = self.shape.sqe_size();
        // SAFETY: the slot lies within the entries, as `read_sqe` has checked.
        let place = unsafe { self.memory.sqes.add(slot as usize * size) };
        // SAFETY: consumed, it belongs to nobody until the head that says so is stored.
        unsafe { place.write_bytes(0xa5, size) };
    }

    /// Entries that the user has made visible, if the tail makes sense.
    pub(crate) fn visible(&mut self, faults: &mut Vec<Fault>) -> u32 {
        if self.is(SetupFlags::SQ_REWIND) {
            return self.shape.sq_entries;
        }
        let (head, tail) = (self.sq_head, self.load(Word::SqTail));
        let seen = self.sq_tail_seen.wrapping_sub(head);
        let ahead = tail.wrapping_sub(head);
        if ahead > self.shape.sq_entries || ahead < seen {
            faults.push(Fault::SqTail { head, tail });
            return seen;
        }
        self.sq_tail_seen = tail;
        ahead
    }

    /// Takes the next entry. `None`: the index array names a slot that does not exist.
    pub(crate) fn next_sqe(&mut self, reads_array: bool, faults: &mut Vec<Fault>) -> Option<Sqe> {
        let slot = self.slot(self.sq_head, reads_array);
        self.sq_head = self.sq_head.wrapping_add(1);
        if slot >= self.shape.sq_entries {
            self.store(Word::SqDropped, self.load(Word::SqDropped).wrapping_add(1));
            faults.push(Fault::BadIndex { index: slot });
            return None;
        }
        Some(Sqe::of(&self.read_sqe(slot)))
    }

    /// Tells the user how far the entries were consumed.
    pub(crate) fn commit_head(&mut self, from: u32) {
        let mut at = from;
        while at != self.sq_head {
            self.scribble_sqe(at & (self.shape.sq_entries - 1));
            self.coverage.mark(Mark::EntryOverwritten);
            at = at.wrapping_add(1);
        }
        if self.is(SetupFlags::SQ_REWIND) {
            self.sq_head = 0;
        } else {
            self.store(Word::SqHead, self.sq_head);
        }
    }
}
