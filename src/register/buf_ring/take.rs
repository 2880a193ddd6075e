//! From the kernel to the caller: which bytes a completion brings.
//!
//! A completion is a claim. What is lent goes by what the crate itself knows of each buffer, and with incremental use by
//! what the descriptor shows: there the kernel keeps how much of the buffer is left, and nothing is left exactly when it
//! is used up.

use core::mem::offset_of;

use super::{BufRing, Buffer, Descriptor, NO_BUFFER};
use crate::cqueue;
use crate::kernel::Kernel;
use crate::sync::{self, AtomicU32, Ordering};

impl<K: Kernel> BufRing<K> {
    /// The bytes that a completion with a buffer id brings, as one [`Buffer`]. For a bundle, which may fill several
    /// buffers, take them with [`take_bundle`](Self::take_bundle).
    ///
    /// `None` if the completion names no buffer, or one that this ring does not have or that is not the kernel's. Also,
    /// on some kernels of 6.10 to 6.17, for an error that carries a buffer: it may be in the ring still, see
    /// [`reclaim`](Self::reclaim). And, with incremental use, for bytes that are not where they would have to be: then
    /// nothing more of this buffer is lent. A buffer of fewer bytes than the completion's result says is one that was cut.
    ///
    /// # Safety
    ///
    /// - The completion's request took its buffer from this group while this value was registered as that group of that
    ///   ring. (The group's number alone may stand for another one before and after.)
    /// - The completion was not taken before.
    /// - With incremental use, completions are taken in the order in which they came, and their requests asked for length
    ///   0, as multishot requests do. (Asked for more than comes, kernels count what was asked for where the file can't be
    ///   polled, where the request carries `ASYNC`, or where a worker took it over: all later pieces would be displaced,
    ///   and two such requests can swap theirs.)
    /// - With incremental use, no request on the group carries `MSG_TRUNC` (kernels up to 6.19 pass over what was cut, in
    ///   the middle of another buffer), and none is a bundle where the kernel is one of 6.13 to 6.16 (which name another
    ///   buffer than the first) or the group has a [`min_left`](super::BufRingOptions::min_left) (a bundle in several
    ///   passes leaves a gap where one pass left less).
    pub unsafe fn take(&mut self, cqe: &cqueue::Entry) -> Option<Buffer> {
        let claim = self.claim(cqe)?;
        if self.incremental && self.is_displaced(claim) {
            return None;
        }
        self.piece(claim.id, claim.len, claim.more)
    }

    /// The buffers that the completion of a bundle brings, one after the other, each filled but the last. Those that are
    /// not taken when the [`Bundle`] is dropped are recycled.
    ///
    /// # Safety
    ///
    /// - As [`take`](Self::take).
    /// - The request did not carry `MSG_TRUNC`: its completion counts what was cut too, for which other buffers would be
    ///   lent.
    pub unsafe fn take_bundle(&mut self, cqe: &cqueue::Entry) -> Bundle<'_, K> {
        let claim = self.claim(cqe);
        Bundle { ring: self, rest: claim }
    }

    /// What a completion says of buffers; `None` if it has used none.
    fn claim(&self, cqe: &cqueue::Entry) -> Option<Claim> {
        let id = cqe.buffer_id()?;
        let len = match u32::try_from(cqe.result()) {
            Ok(len) => len,
            Err(_) if self.errors_consume => 0,
            Err(_) => return None,
        };
        Some(Claim { id, len, more: cqe.flags().contains(cqueue::Flags::BUF_MORE) })
    }

    /// With incremental use: whether a completion shows that the kernel has counted more than it said, for a request that
    /// asked for more than came. The kernel stands where the bytes of a completion end, so that none can lie across a place
    /// where it stood. Nothing more of such a buffer is lent.
    fn is_displaced(&mut self, claim: Claim) -> bool {
        let Some(&state) = self.states.get(usize::from(claim.id)) else { return false };
        let filled = self.filled(claim.id, state.place);
        let end = state.used.saturating_add(claim.len).min(filled);
        let displaced = state.used < state.stood && state.stood < end;
        if let Some(state) = self.states.get_mut(usize::from(claim.id)) {
            state.stood = filled;
            if displaced {
                state.used = self.size;
            }
        }
        displaced
    }

    /// The next `len` bytes of a buffer, or as many as the kernel can have filled. With `more`, the kernel says that it
    /// goes on filling the buffer.
    pub(super) fn piece(&mut self, id: u16, len: u32, more: bool) -> Option<Buffer> {
        let state = *self.states.get(usize::from(id))?;
        if state.done {
            return None;
        }
        let filled = if self.incremental { self.filled(id, state.place) } else { self.size };
        let offset = state.used.min(self.size);
        let lent = len.min(filled.saturating_sub(offset));
        if lent == 0 && len != 0 {
            // Nothing was filled since the last piece: the completion is not this buffer's.
            return None;
        }
        // With incremental use the kernel's word alone does not end a buffer: kernels up to 6.19 leave BUF_MORE out at the
        // end of a file. Nor does the descriptor's: another request may have taken the rest, and not completed. But once
        // the kernel is past a buffer all of which was lent, no completion can bring more of it, whatever BUF_MORE says.
        let ends = offset + lent == self.size;
        let done = !self.incremental || (len > 0 && filled == self.size && (!more || ends));
        let buffer = self.buffer(id);
        if let Some(state) = self.states.get_mut(usize::from(id)) {
            state.used = offset + lent;
            state.out = state.out.saturating_add(1);
            state.done = done;
        }
        Some(Buffer { buffer, offset, len: lent, id })
    }

    /// With incremental use: how far the kernel has filled a buffer, or given it to requests.
    fn filled(&self, id: u16, place: u16) -> u32 {
        let descriptor = self.descriptor(place);
        // SAFETY: the field lies within the descriptor.
        let number = unsafe { descriptor.byte_add(offset_of!(Descriptor, id)) }.cast::<u16>();
        // SAFETY: we alone write it.
        if unsafe { sync::read(number) } != id {
            // Another buffer was added in its place since: so the kernel is past it.
            return self.size;
        }
        // SAFETY: the field lies within the descriptor.
        let left = unsafe { descriptor.byte_add(offset_of!(Descriptor, len)) }.cast::<AtomicU32>();
        // SAFETY: it is aligned to four bytes; the kernel and we write it.
        let left = unsafe { left.as_ref() };
        // Relaxed: the kernel writes it (`io_kbuf_inc_commit()`) before it posts the completion, whose tail was acquired.
        // More than the whole, which a kernel that lies may leave there, is nothing filled.
        self.size.saturating_sub(left.load(Ordering::Relaxed))
    }
}

/// What a completion says of buffers.
#[derive(Debug, Clone, Copy)]
struct Claim {
    /// The first buffer.
    id: u16,
    /// Bytes in all.
    len: u32,
    /// Whether the kernel goes on filling the last one, or does not say.
    more: bool,
}

/// The buffers of a bundle; see [`BufRing::take_bundle`].
#[derive(Debug)]
pub struct Bundle<'a, K: Kernel> {
    ring: &'a mut BufRing<K>,
    rest: Option<Claim>,
}

impl<K: Kernel> Iterator for Bundle<'_, K> {
    type Item = Buffer;

    fn next(&mut self) -> Option<Buffer> {
        let Claim { id, len, more } = self.rest.take()?;
        // In the order in which they were added the kernel fills them. The crate's own record is what says so: in the
        // ring's memory something else may stand by now.
        let next = self.ring.states.get(usize::from(id))?.next;
        let room = self.ring.room(id);
        let last = len <= room || next == NO_BUFFER;
        let buffer = self.ring.piece(id, len.min(room), more || !last)?;
        if !last {
            // A bundle may have been received in several passes. Of these, kernels up to 7.1 tell whether the first one's
            // last buffer is used further (`io_recv_finish()`): nothing of the buffers behind it.
            self.rest = Some(Claim { id: next, len: len - room, more: true });
        }
        Some(buffer)
    }
}

impl<K: Kernel> Drop for Bundle<'_, K> {
    fn drop(&mut self) {
        while let Some(buffer) = self.next() {
            // It is the ring's own.
            let _ = self.ring.recycle(buffer);
        }
    }
}

impl<K: Kernel> BufRing<K> {
    /// Bytes of a buffer that were not handed out yet.
    fn room(&self, id: u16) -> u32 {
        self.states.get(usize::from(id)).map_or(0, |state| self.size.saturating_sub(state.used))
    }
}
