//! From the caller back to the kernel: recycling, and the end of a group.

use core::mem::offset_of;

use super::{BufRing, Buffer, BufferState, Descriptor, NO_BUFFER};
use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::sync::{self, AtomicU16, Ordering};

impl<K: Kernel> BufRing<K> {
    /// Writes the descriptor of a whole buffer at the tail. It stays ours until [`publish`](Self::publish).
    pub(super) fn add(&mut self, id: u16) {
        let place = self.tail;
        let address = self.buffer(id).addr().get() as u64;
        let descriptor = self.descriptor(place);
        // SAFETY: each field lies within the descriptor.
        let len = unsafe { descriptor.byte_add(offset_of!(Descriptor, len)) }.cast::<u32>();
        // SAFETY: as for the length.
        let number = unsafe { descriptor.byte_add(offset_of!(Descriptor, id)) }.cast::<u16>();
        // SAFETY: the descriptor is not between the kernel's head and the published tail, since each buffer is in the
        // ring once at most (invariant). Of the first one the kernel reads the tail meanwhile, which is not written here:
        // the fields are written one by one.
        unsafe { sync::write(descriptor.cast::<u64>(), address) };
        // SAFETY: as for the address.
        unsafe { sync::write(len, self.size) };
        // SAFETY: as for the address.
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

    /// Makes what was recycled visible to the kernel: one store.
    #[doc(alias = "io_uring_buf_ring_advance")]
    #[doc(alias = "io_uring_buf_ring_cq_advance")]
    pub fn publish(&mut self) {
        // SAFETY: the tail lies in the first descriptor.
        let tail = unsafe { self.ring.byte_add(offset_of!(Descriptor, reserved)) }.cast::<AtomicU16>();
        // SAFETY: it is aligned to two bytes, and written here only.
        let tail = unsafe { tail.as_ref() };
        // Release: pairs with the kernel's acquire of `br->tail`; the descriptors are written before it is visible.
        tail.store(self.tail, Ordering::Release);
    }

    /// Takes a buffer back. When no piece of it is out any more, and the kernel fills it no further, it goes into the
    /// ring again; the kernel sees it after [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// A buffer of another ring of buffers comes back.
    #[doc(alias = "io_uring_buf_ring_add")]
    pub fn recycle(&mut self, buffer: Buffer) -> Result<(), Buffer> {
        let Some(state) = self.states.get_mut(usize::from(buffer.id)) else { return Err(buffer) };
        // No two rings share a buffer, so that its address tells whose it is.
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

    /// Puts buffers into the ring again that no completion will name: how many. Since 6.8.
    ///
    /// Buffers get lost where a completion is never taken, or is not what the kernel did: after an error of a `Read` with
    /// a buffer on some kernels of 6.10 to 6.17; after the bundle of a send that failed, or sent less than it picked; and
    /// with incremental use, where a file that can't be polled, or a request with `ASYNC`, ends without a byte: at the end
    /// of the file, in an error, cancelled. The kernel sees them after [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// `EXDEV`, before the kernel is asked: the submitter is another ring's. Others as [`Submitter::buf_ring_head`].
    ///
    /// # Safety
    ///
    /// No request on this group is in flight, and every completion that names one of its buffers was taken, or is never
    /// going to be.
    pub unsafe fn reclaim<L: Kernel>(&mut self, submitter: &Submitter<'_, L>) -> Result<u16, Errno> {
        let left = self.available(submitter)?;
        let head = self.tail.wrapping_sub(left);
        let mut reclaimed = 0;
        for id in 0..self.slots.count() as u16 {
            let Some(&BufferState { out, done, place, .. }) = self.states.get(usize::from(id)) else { continue };
            // Places between head and tail are the kernel's. What is added here stands beyond both, and is not met again.
            let in_ring = place.wrapping_sub(head) < left;
            if !in_ring && !done {
                if out == 0 {
                    self.add(id);
                    reclaimed += 1;
                } else if let Some(state) = self.states.get_mut(usize::from(id)) {
                    // Its last piece brings it back.
                    state.done = true;
                }
            }
        }
        Ok(reclaimed)
    }

    /// Buffers that the kernel has left. Since 6.8.
    ///
    /// # Errors
    ///
    /// `EXDEV`, before the kernel is asked: the submitter is another ring's. Others as [`Submitter::buf_ring_head`].
    #[doc(alias = "io_uring_buf_ring_available")]
    pub fn available<L: Kernel>(&self, submitter: &Submitter<'_, L>) -> Result<u16, Errno> {
        self.must_be_of(submitter)?;
        Ok(self.tail.wrapping_sub(submitter.buf_ring_head(self.group)?))
    }

    /// Unregisters the group, and unmaps the ring where the kernel provided it. Buffers that are out stay readable;
    /// those of requests in flight are filled still.
    ///
    /// # Errors
    ///
    /// `EXDEV`, before the kernel is asked: the submitter is another ring's. Others as
    /// [`Submitter::unregister_buf_ring`]. The ring of buffers comes back.
    #[allow(clippy::result_large_err, reason = "without an allocator the ring of buffers can only come back by value")]
    #[doc(alias = "io_uring_free_buf_ring")]
    pub fn unregister<L: Kernel>(self, submitter: &Submitter<'_, L>) -> Result<(), (Self, Errno)> {
        match self.must_be_of(submitter).and_then(|()| submitter.unregister_buf_ring(self.group)) {
            Ok(()) => Ok(()),
            Err(errno) => Err((self, errno)),
        }
    }

    fn must_be_of<L: Kernel>(&self, submitter: &Submitter<'_, L>) -> Result<(), Errno> {
        if submitter.core.identity() == self.identity { Ok(()) } else { Err(Errno::EXDEV) }
    }
}
