//! The buffers that all connections share, and per connection the list of those that are yet to be sent.

use bare_uring::register::buf_ring::{BufRing, BufRingMemory, BufRingOptions, Buffer};
use bare_uring::{Errno, Submitter, cqueue};

use crate::memory::BUFFERS;

/// The number of the buffer group.
pub(crate) const GROUP: u16 = 0;

/// A buffer that waits to be sent, at the place of its number.
pub(crate) struct Held {
    buffer: Option<Buffer>,
    /// The number of the one to be sent after it, unless it is the last one of its list.
    next: u16,
}

impl Held {
    /// For filling an array.
    pub(crate) const NONE: Self = Self { buffer: None, next: 0 };
}

/// What a connection has received and not yet sent.
///
/// # Invariants
///
/// `len` buffers are linked from `first` to `last`, which mean nothing if there are none. Of the first one, `sent` bytes
/// are done.
pub(crate) struct Backlog {
    first: u16,
    last: u16,
    len: u16,
    sent: u32,
}

impl Backlog {
    /// Nothing.
    pub(crate) const EMPTY: Self = Self { first: 0, last: 0, len: 0, sent: 0 };

    /// How many buffers it has.
    pub(crate) const fn len(&self) -> u16 {
        self.len
    }
}

/// The registered group.
pub(crate) struct Buffers {
    ring: BufRing,
    held: &'static mut [Held; BUFFERS],
    /// Buffers in lists.
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

    /// Whether any buffer is in no list. The kernel may have filled it already.
    pub(crate) const fn any_free(&self) -> bool {
        self.out < BUFFERS
    }

    /// Adds what a completion brings to a list; `false` if there is nothing in it.
    ///
    /// # Safety
    ///
    /// The completion is one of a receive on this group, and was not received before.
    pub(crate) unsafe fn receive(&mut self, cqe: &cqueue::Entry, to: &mut Backlog) -> bool {
        // SAFETY: the caller's contract.
        let Some(buffer) = (unsafe { self.ring.take(cqe) }) else { return false };
        let id = buffer.id();
        if buffer.is_empty() {
            // The end of the data, for which a buffer was picked all the same.
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

    /// The bytes to be sent next. They stay where they are until [`sent`](Self::sent) or [`drop_all`](Self::drop_all).
    pub(crate) fn next(&self, of: &Backlog) -> Option<&[u8]> {
        if of.len == 0 {
            return None;
        }
        self.held.get(usize::from(of.first))?.buffer.as_ref()?.get(of.sent as usize..)
    }

    /// Takes note that so many of the bytes are sent.
    pub(crate) fn sent(&mut self, of: &mut Backlog, count: u32) {
        of.sent = of.sent.saturating_add(count);
        if self.next(of).is_none_or(<[u8]>::is_empty) {
            self.drop_first(of);
        }
    }

    /// Forgets the whole list. None of it is being sent.
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
        // It is of this group, the only one there is.
        let _ = self.ring.recycle(buffer);
    }

    /// Lets the kernel have the buffers that have become free.
    pub(crate) fn publish(&mut self) {
        self.ring.publish();
    }
}
