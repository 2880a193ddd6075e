//! Taking of buffers, from the kernel to the caller: the bytes that a completion brings.
//!
//! A completion is only a claim. Which bytes are lent depends on the crate's own record of each buffer, and with
//! incremental use also on the entry: the kernel keeps there how much of the buffer is left, and that is 0 exactly
//! when the buffer is used up.

use core::mem::offset_of;

use super::{BufRing, BufRingEntry, Buffer, NO_BUFFER};
use crate::cqueue;
use crate::kernel::Kernel;
use crate::sync::{self, AtomicU32, Ordering};

impl<K: Kernel> BufRing<K> {
    /// Returns the bytes that a completion with a buffer id brings, as one [`Buffer`]. The completion of a bundle,
    /// which may fill several buffers, needs [`take_bundle`](Self::take_bundle) instead.
    ///
    /// The result is `None`:
    ///
    /// - if the completion names no buffer, a buffer that this ring does not have, or one that is not the kernel's;
    /// - on some kernels of 6.10 to 6.17, for an error that carries a buffer, which may still be in the ring: see
    ///   [`reclaim`](Self::reclaim);
    /// - with incremental use, if the bytes are not where they must be: nothing more of this buffer is lent then.
    ///
    /// If the buffer has fewer bytes than the completion's result, the data was cut.
    ///
    /// # Safety
    ///
    /// - The completion's request took its buffer from this group while this value was registered as that group of that
    ///   io_uring. (The group's number alone may mean another group before and after.)
    /// - The completion was not taken before.
    /// - With incremental use, completions are taken in the order in which they came, and their requests asked for
    ///   length 0, as multishot requests do. (If a request asks for more than it gets, kernels count the length asked
    ///   for if the file can't be polled, if the request carries `ASYNC`, or if a worker took it over. All later pieces
    ///   would be displaced, and two such requests can swap theirs.)
    /// - With incremental use, no request on the group carries `MSG_TRUNC`. (Kernels up to 6.19 skip the bytes that
    ///   were cut, in the middle of another buffer.)
    /// - With incremental use, no request on the group is a bundle if the kernel is one of 6.13 to 6.16 (which name
    ///   another buffer than the first), or if the group has a [`min_left`](super::BufRingOptions::min_left) (a bundle
    ///   in several passes leaves a gap where one pass left fewer bytes than that).
    pub unsafe fn take(&mut self, cqe: &cqueue::Entry) -> Option<Buffer> {
        // kernel: io_uring/kbuf.c io_should_commit (7.3): the buffer is counted as used when it is selected, and not
        // when the request is done, if a worker runs the request or if the file can't be polled.
        // kernel: io_uring/kbuf.c io_ring_buffer_select (7.3): length 0 means all that is left of the buffer, so that
        // both ways count the same.
        let claim = self.claim(cqe)?;
        if self.incremental && self.is_displaced(claim) {
            return None;
        }
        self.piece(claim.id, claim.len, claim.more)
    }

    /// Returns the buffers that the completion of a bundle brings, one after the other. All but the last are full. When
    /// the [`Bundle`] is dropped, it recycles the buffers that were not taken.
    ///
    /// # Safety
    ///
    /// - The conditions of [`take`](Self::take).
    /// - The request did not carry `MSG_TRUNC`. Its completion would also count the bytes that were cut, and other
    ///   buffers would be lent for them.
    pub unsafe fn take_bundle(&mut self, cqe: &cqueue::Entry) -> Bundle<'_, K> {
        let claim = self.claim(cqe);
        Bundle { ring: self, rest: claim }
    }

    /// Returns what a completion claims about buffers. `None` if it has used no buffer.
    fn claim(&self, cqe: &cqueue::Entry) -> Option<Claim> {
        let id = cqe.buffer_id()?;
        let len = match u32::try_from(cqe.result()) {
            Ok(len) => len,
            Err(_) if self.errors_consume => 0,
            Err(_) => return None,
        };
        Some(Claim { id, len, more: cqe.flags().contains(cqueue::Flags::BUF_MORE) })
    }

    /// Returns whether, with incremental use, a completion shows that the kernel has counted more bytes than it
    /// reported, as for a request that asked for more than it got. The kernel's position is where the bytes of a
    /// completion end, so that no piece can lie across an earlier position. Nothing more of such a buffer is lent.
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

    /// Returns the next `len` bytes of a buffer, or as many as the kernel can have filled. `more` tells whether the
    /// completion says that the kernel will fill the buffer further.
    pub(super) fn piece(&mut self, id: u16, len: u32, more: bool) -> Option<Buffer> {
        let state = *self.states.get(usize::from(id))?;
        if state.done {
            return None;
        }
        let filled = if self.incremental { self.filled(id, state.place) } else { self.size };
        let offset = state.used.min(self.size);
        let lent = len.min(filled.saturating_sub(offset));
        if lent == 0 && len != 0 {
            // The kernel has filled nothing since the last piece: the completion is not about this buffer.
            return None;
        }
        // With incremental use, a completion without BUF_MORE alone does not end a buffer: kernels up to 6.19 leave
        // BUF_MORE out at the end of a file. An entry without bytes left alone does not end it either: another
        // request may have taken the rest, and not completed. But once the kernel is past a buffer, and all of the
        // buffer was lent, no completion can bring more of it, with or without BUF_MORE.
        // kernel: io_uring/kbuf.c io_kbuf_inc_commit (7.3): a commit of no bytes keeps the buffer; a buffer that is
        // used up gets length 0, and the head moves on.
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

    /// Returns how many bytes of a buffer the kernel has filled, or given to requests, with incremental use.
    fn filled(&self, id: u16, place: u16) -> u32 {
        let entry = self.entry(place);
        // SAFETY: the field lies within the entry.
        let number = unsafe { entry.byte_add(offset_of!(BufRingEntry, id)) }.cast::<u16>();
        // SAFETY: only this value writes the number.
        if unsafe { sync::read(number) } != id {
            // Another buffer has been added in this place since, so that the kernel is past this one.
            return self.size;
        }
        // SAFETY: the field lies within the entry.
        let left = unsafe { entry.byte_add(offset_of!(BufRingEntry, len)) }.cast::<AtomicU32>();
        // SAFETY: the length is aligned to four bytes, and valid as an atomic, which the kernel and this value write.
        let left = unsafe { left.as_ref() };
        // kernel: io_uring/kbuf.c io_kbuf_inc_commit (7.3): the length in the entry is what is left of the buffer.
        // Relaxed: the kernel writes the length before it posts the completion, whose tail was acquired. A length above
        // the buffer's size, which only a faulty kernel leaves there, counts as nothing filled.
        self.size.saturating_sub(left.load(Ordering::Relaxed))
    }
}

/// The claim of a completion about buffers.
#[derive(Debug, Clone, Copy)]
struct Claim {
    /// The first buffer.
    id: u16,
    /// The number of bytes in all buffers together.
    len: u32,
    /// Whether the kernel fills the last buffer further, or does not say.
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
        // The kernel fills buffers in the order in which they were added. That order is in the crate's own record,
        // because the entries may have been overwritten since.
        let next = self.ring.states.get(usize::from(id))?.next;
        let room = self.ring.room(id);
        let last = len <= room || next == NO_BUFFER;
        let buffer = self.ring.piece(id, len.min(room), more || !last)?;
        if !last {
            // A bundle may have been received in several passes. Kernels up to 7.1 report only whether the last buffer
            // of the first pass is used further, and nothing about the buffers behind it.
            // kernel: io_uring/net.c io_recv_finish (7.3): the completion has the buffer's number from the first pass,
            // and BUF_MORE from the last one.
            self.rest = Some(Claim { id: next, len: len - room, more: true });
        }
        Some(buffer)
    }
}

impl<K: Kernel> Drop for Bundle<'_, K> {
    fn drop(&mut self) {
        while let Some(buffer) = self.next() {
            // The buffer belongs to this ring, so that `recycle` takes it.
            let _ = self.ring.recycle(buffer);
        }
    }
}

impl<K: Kernel> BufRing<K> {
    /// Returns how many bytes of a buffer were not handed out yet.
    fn room(&self, id: u16) -> u32 {
        self.states.get(usize::from(id)).map_or(0, |state| self.size.saturating_sub(state.used))
    }
}
