//! Recycling of buffers, from the caller back to the kernel, and the end of a group.

use core::mem::offset_of;

use super::{BufRing, BufRingEntry, Buffer, BufferState, NO_BUFFER};
use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::sync::{self, AtomicU16, Ordering};

impl<K: Kernel> BufRing<K> {
    /// Writes the entry of a whole buffer at the tail. The kernel does not see it before
    /// [`publish`](Self::publish).
    pub(super) fn add(&mut self, id: u16) {
        let place = self.tail;
        let address = self.buffer(id).addr().get() as u64;
        let entry = self.entry(place);
        // SAFETY: each field lies within the entry.
        let len = unsafe { entry.byte_add(offset_of!(BufRingEntry, len)) }.cast::<u32>();
        // SAFETY: the number's field lies within the entry.
        let number = unsafe { entry.byte_add(offset_of!(BufRingEntry, id)) }.cast::<u16>();
        // SAFETY: the entry is not between the kernel's head and the published tail, since each buffer is in the
        // ring once at most (invariant). In the first entry the kernel reads the tail meanwhile. The fields are
        // written one by one, so that the tail is not written here.
        unsafe { sync::write(entry.cast::<u64>(), address) };
        // SAFETY: the length is a field of that same entry, which the kernel does not read.
        unsafe { sync::write(len, self.size) };
        // SAFETY: the number is a field of that same entry, which the kernel does not read.
        unsafe { sync::write(number, id) };
        if let Some(before) = self.states.get_mut(usize::from(self.last)) {
            before.next = id;
        }
        self.last = id;
        if let Some(state) = self.states.get_mut(usize::from(id)) {
            *state = BufferState { place, next: NO_BUFFER, ..BufferState::NEW };
        }
        self.tail = place.wrapping_add(1);
    }

    /// Makes all recycled buffers visible to the kernel, with one store.
    #[doc(alias = "io_uring_buf_ring_advance")]
    #[doc(alias = "io_uring_buf_ring_cq_advance")]
    pub fn publish(&mut self) {
        // SAFETY: the tail lies in the first entry.
        let tail = unsafe { self.ring.byte_add(offset_of!(BufRingEntry, reserved)) }.cast::<AtomicU16>();
        // SAFETY: the tail is aligned to two bytes, and only this function writes it.
        let tail = unsafe { tail.as_ref() };
        // kernel: io_uring/kbuf.c io_ring_buffer_select (7.3): loads the tail with acquire, and then reads the
        // entry at its head.
        // Release: pairs with the kernel's acquire of `br->tail`. The entries are written before the tail is
        // visible.
        tail.store(self.tail, Ordering::Release);
    }

    /// Takes a buffer back. Once no piece of the buffer is out any more, and the kernel fills it no further, the buffer
    /// is added to the ring again. The kernel sees it after [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// Returns a buffer that belongs to another ring of buffers.
    #[doc(alias = "io_uring_buf_ring_add")]
    pub fn recycle(&mut self, buffer: Buffer) -> Result<(), Buffer> {
        let Some(state) = self.states.get_mut(usize::from(buffer.id)) else { return Err(buffer) };
        // No two rings share a buffer, so that its address identifies its ring.
        let ours = self.buffers.addr().get() + self.size as usize * usize::from(buffer.id);
        if buffer.buffer.addr().get() != ours || state.out == 0 {
            return Err(buffer);
        }
        if state.out != u32::MAX {
            state.out -= 1;
        }
        if state.out == 0 && state.done {
            self.add(buffer.id);
        }
        Ok(())
    }

    /// Adds buffers to the ring again that no completion will name, and returns how many. The kernel sees them after
    /// [`publish`](Self::publish). Since 6.8.
    ///
    /// Buffers are lost if a completion is never taken, or does not match what the kernel did:
    ///
    /// - after an error of a `Read` with a buffer, on some kernels of 6.10 to 6.17;
    /// - after the bundle of a send that failed, or that sent less than it had picked;
    /// - with incremental use, if a file that can't be polled, or a request with `ASYNC`, ends without a byte: at the
    ///   end of the file, in an error, or cancelled.
    ///
    /// # Errors
    ///
    /// `EXDEV`, before the kernel is asked: the submitter belongs to another io_uring. Otherwise the errors of
    /// [`Submitter::buf_ring_head`].
    ///
    /// # Safety
    ///
    /// - No request on this group is in flight.
    /// - Every completion that names one of its buffers was taken, or will never be taken.
    pub unsafe fn reclaim<L: Kernel>(&mut self, submitter: &Submitter<'_, L>) -> Result<u16, Errno> {
        let left = self.available(submitter)?;
        let head = self.tail.wrapping_sub(left);
        let mut reclaimed = 0;
        for id in 0..self.slots.count() as u16 {
            let Some(&BufferState { out, done, place, .. }) = self.states.get(usize::from(id)) else { continue };
            // Places between head and tail belong to the kernel. A buffer that is added here gets a place beyond both,
            // and the loop does not come to it again.
            let in_ring = place.wrapping_sub(head) < left;
            if !in_ring && !done {
                if out == 0 {
                    self.add(id);
                    reclaimed += 1;
                } else if let Some(state) = self.states.get_mut(usize::from(id)) {
                    // The buffer is added when its last piece is recycled.
                    state.done = true;
                }
            }
        }
        Ok(reclaimed)
    }

    /// Returns how many buffers the kernel has left. Since 6.8.
    ///
    /// # Errors
    ///
    /// `EXDEV`, before the kernel is asked: the submitter belongs to another io_uring. Otherwise the errors of
    /// [`Submitter::buf_ring_head`].
    #[doc(alias = "io_uring_buf_ring_available")]
    pub fn available<L: Kernel>(&self, submitter: &Submitter<'_, L>) -> Result<u16, Errno> {
        self.must_be_of(submitter)?;
        Ok(self.tail.wrapping_sub(submitter.buf_ring_head(self.group)?))
    }

    /// Unregisters the group, and unmaps the ring if the kernel provided it. Buffers that are out stay readable. The
    /// kernel still fills the buffers of requests in flight.
    ///
    /// # Errors
    ///
    /// The ring of buffers comes back with the error. `EXDEV`, before the kernel is asked: the submitter belongs to
    /// another io_uring. Otherwise the errors of [`Submitter::unregister_buf_ring`].
    #[allow(clippy::result_large_err, reason = "without an allocator the ring of buffers can only come back by value")]
    #[doc(alias = "io_uring_free_buf_ring")]
    pub fn unregister<L: Kernel>(self, submitter: &Submitter<'_, L>) -> Result<(), (Self, Errno)> {
        match self.must_be_of(submitter).and_then(|()| submitter.unregister_buf_ring(self.group)) {
            Ok(()) => Ok(()),
            Err(errno) => Err((self, errno)),
        }
    }

    /// Returns `EXDEV` if the submitter belongs to another io_uring.
    fn must_be_of<L: Kernel>(&self, submitter: &Submitter<'_, L>) -> Result<(), Errno> {
        if submitter.core.identity() == self.identity { Ok(()) } else { Err(Errno::EXDEV) }
    }
}
