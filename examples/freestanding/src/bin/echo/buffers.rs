//! The buffers that all connections share, and for each connection the list of buffers to send.

use bare_uring::register::buf_ring::{BufRing, BufRingMemory, BufRingOptions, Buffer};
use bare_uring::{Errno, Submitter, cqueue};

use crate::memory::BUFFERS;

/// ID of the buffer group.
pub(crate) const GROUP: u16 = 0;

/// A buffer that waits to be sent, at the index of its ID.
pub(crate) struct Held {
    buffer: Option<Buffer>,
    /// ID of the next buffer in the list; without meaning in the last one.
    next: u16,
}

impl Held {
    /// No buffer.
    pub(crate) const NONE: Self = Self { buffer: None, next: 0 };
}

/// What a connection has received and not yet sent: a list of buffers.
///
/// # Invariants
///
/// The list has `len` buffers, linked from `first` to `last`; both are without meaning if `len` is 0. Of the first
/// buffer, `sent` bytes are sent.
pub(crate) struct Backlog {
    first: u16,
    last: u16,
    len: u16,
    sent: u32,
}

impl Backlog {
    /// An empty list.
    pub(crate) const EMPTY: Self = Self { first: 0, last: 0, len: 0, sent: 0 };

    /// Returns the number of buffers.
    pub(crate) const fn len(&self) -> u16 {
        self.len
    }
}

/// The registered buffer group.
pub(crate) struct Buffers {
    ring: BufRing,
    held: &'static mut [Held; BUFFERS],
    /// Number of buffers in lists.
    out: usize,
}

impl Buffers {
    /// Registers the group.
    pub(crate) fn register(
        submitter: &Submitter<'_>,
        group: BufRingMemory,
        held: &'static mut [Held; BUFFERS],
    ) -> Result<Self, Errno> {
        let ring = submitter.register_buf_ring(GROUP, group, BufRingOptions::new())?;
        Ok(Self { ring, held, out: 0 })
    }

    /// Returns whether any buffer is in no list. The kernel may have filled it already.
    pub(crate) const fn any_free(&self) -> bool {
        self.out < BUFFERS
    }

    /// Appends the buffer of a completion to a list. Returns `false` if the completion has no buffer, or no data in it.
    ///
    /// # Safety
    ///
    /// The completion must be that of a receive on this group, and must not have been passed before.
    pub(crate) unsafe fn receive(&mut self, cqe: &cqueue::Entry, to: &mut Backlog) -> bool {
        // SAFETY: the caller's contract.
        let Some(buffer) = (unsafe { self.ring.take(cqe) }) else { return false };
        let id = buffer.id();
        if buffer.is_empty() {
            // At the end of the data the kernel picks a buffer and puts nothing into it.
            self.recycle(buffer);
            return false;
        }
        let Some(place) = self.held.get_mut(usize::from(id)) else { return false };
        place.buffer = Some(buffer);
        self.out += 1;
        if to.len == 0 {
            to.first = id;
        } else if let Some(last) = self.held.get_mut(usize::from(to.last)) {
            last.next = id;
        }
        to.last = id;
        to.len += 1;
        true
    }

    /// Returns the bytes to send next. They stay in place until [`sent`](Self::sent) or [`drop_all`](Self::drop_all).
    pub(crate) fn next(&self, of: &Backlog) -> Option<&[u8]> {
        if of.len == 0 {
            return None;
        }
        self.held.get(usize::from(of.first))?.buffer.as_ref()?.get(of.sent as usize..)
    }

    /// Notes that `count` of the bytes are sent.
    pub(crate) fn sent(&mut self, of: &mut Backlog, count: u32) {
        of.sent = of.sent.saturating_add(count);
        if self.next(of).is_none_or(<[u8]>::is_empty) {
            self.drop_first(of);
        }
    }

    /// Drops the whole list. No request may be sending from it.
    pub(crate) fn drop_all(&mut self, of: &mut Backlog) {
        while of.len > 0 {
            self.drop_first(of);
        }
    }

    fn drop_first(&mut self, of: &mut Backlog) {
        let Some(left) = of.len.checked_sub(1) else { return };
        if let Some(place) = self.held.get_mut(usize::from(of.first)) {
            of.first = place.next;
            if let Some(buffer) = place.buffer.take() {
                self.out = self.out.saturating_sub(1);
                self.recycle(buffer);
            }
        }
        of.len = left;
        of.sent = 0;
    }

    fn recycle(&mut self, buffer: Buffer) {
        // Can't fail: the buffer is of this group, the only one.
        let _ = self.ring.recycle(buffer);
    }

    /// Gives the recycled buffers to the kernel.
    pub(crate) fn publish(&mut self) {
        self.ring.publish();
    }
}
