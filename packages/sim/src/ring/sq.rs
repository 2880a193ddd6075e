//! The submission queue of a ring, from the kernel's side.

use std::sync::atomic::{AtomicU32, Ordering};

use bare_uring::SetupFlags;

use super::Ring;
use crate::coverage::Mark;
use crate::fault::Fault;
use crate::layout::Word;
use crate::sqe::Sqe;

impl Ring {
    /// Returns the slot that the index array names at `at`; the slot of `at` itself if the ring has no array, or the
    /// kernel does not read it.
    // kernel: io_uring/io_uring.c io_get_sqe (7.2): the array is read unless NO_SQARRAY is set; an index beyond the
    // queue adds one to sq_dropped, and ends the batch.
    fn slot(&self, at: u32, reads_array: bool) -> u32 {
        let slot = at & (self.shape.sq_entries - 1);
        match self.layout.array {
            Some(array) if reads_array => {
                // SAFETY: the array has a word for each slot, and lies within the memory.
                let place = unsafe { self.memory.sq.add(array as usize + slot as usize * 4) };
                // SAFETY: the memory lives as long as the ring is not detached, and both sides use the array as
                // atomics.
                unsafe { AtomicU32::from_ptr(place.as_ptr().cast()) }.load(Ordering::SeqCst)
            }
            _ => slot,
        }
    }

    /// Reads the first 64 bytes of a slot.
    fn read_sqe(&self, slot: u32) -> [u8; 64] {
        assert!(slot < self.shape.sq_entries, "a slot beyond the queue");
        // SAFETY: the slot lies within the queue, as just checked.
        let place = unsafe { self.memory.sqes.add(slot as usize * self.shape.sqe_size()) };
        // SAFETY: the slot is published, so that its owner does not write to it now.
        unsafe { place.cast::<[u8; 64]>().read() }
    }

    /// Overwrites a slot whose entry was consumed. A user that reads it again finds nonsense.
    fn scribble_sqe(&self, slot: u32) {
        let size = self.shape.sqe_size();
        // SAFETY: the slot lies within the queue, as `read_sqe` has checked.
        let place = unsafe { self.memory.sqes.add(slot as usize * size) };
        // SAFETY: the entry was consumed, and the user does not touch the slot until the head is stored.
        unsafe { place.write_bytes(0xa5, size) };
    }

    /// Returns how many entries the user has made visible; those seen before, if the tail makes no sense.
    // kernel: io_uring/io_uring.c io_submit_sqes (7.2): with SQ_REWIND the whole queue is visible, whatever the tail
    // is.
    pub(crate) fn visible(&mut self, faults: &mut Vec<Fault>) -> u32 {
        if self.is(SetupFlags::SQ_REWIND) {
            return self.shape.sq_entries;
        }
        let (head, tail) = (self.sq_head, self.load(Word::SqTail));
        let seen = self.sq_tail_seen.wrapping_sub(head);
        let ahead = tail.wrapping_sub(head);
        // A kernel without a thread reads the tail in the user's own calls. So the user may take back what was not consumed.
        if ahead > self.shape.sq_entries || self.thread.is_some() && ahead < seen {
            faults.push(Fault::SqTail { head, tail });
            return seen;
        }
        self.sq_tail_seen = tail;
        ahead
    }

    /// Takes the next entry; `None` if the index array names a slot beyond the queue.
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

    /// Publishes the head, after all slots since `from` were overwritten, unless they `keep` their content.
    pub(crate) fn commit_head(&mut self, from: u32, keep: bool) {
        let mut at = if keep { self.sq_head } else { from };
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
