//! Resizing of a ring that is in use.

use core::ptr::{NonNull, from_mut};

use crate::builder::{MAX_CQ_ENTRIES, MAX_ENTRIES, RingMemory};
use crate::error::{Area, Call, Errno, SetupError};
use crate::flags::SetupFlags;
use crate::index::Slots;
use crate::kernel::Kernel;
use crate::memory::{Header, MemorySize, Region, Regions, Rings, slot, until_array};
use crate::parameters::Parameters;
use crate::query::ring_header;
use crate::ring::IoUring;
use crate::sync::Ordering;
use crate::uapi::io_uring_params;
use crate::uapi::io_uring_register_op::IORING_REGISTER_RESIZE_RINGS;
use crate::{cqueue, squeue};

/// Returns whether a queue's entries from `head` to `tail` lie across the wrap of the 32-bit indices. Kernels up to 7.2
/// copy no entry then.
// kernel: io_uring/register.c io_register_resize_rings (7.2): the loop that copies runs while the index is below the
// tail.
// kernel: io_uring/register.c io_register_resize_rings (7.3): the loop runs until the index is the tail.
const fn wraps([head, tail]: [u32; 2]) -> bool {
    head > tail
}

/// Returns whether an entry of two slots may lie across the end of a queue of mixed sizes after the queue got `new`
/// slots. In a larger queue that can't happen, because an end of the larger queue is an end of the smaller one too.
// kernel: io_uring/register.c io_register_resize_rings (7.3): an entry of two slots that would wrap is EOVERFLOW; the
// kernel of 7.2 splits it.
const fn splits([head, tail]: [u32; 2], old: Slots, new: u32) -> bool {
    new < old.count() && head != tail
}

/// Returns how many entries the queues get if the caller asks for these: rounded up to powers of two, and with CLAMP
/// cut to the kernel's limits.
#[inline]
fn sizes(sq_entries: u32, cq_entries: Option<u32>, setup: SetupFlags) -> Option<[u32; 2]> {
    let clamped = |entries: u32, most: u32| if setup.contains(SetupFlags::CLAMP) { entries.min(most) } else { entries };
    let sq = clamped(sq_entries, MAX_ENTRIES).checked_next_power_of_two()?;
    let cq = clamped(cq_entries.unwrap_or(sq.saturating_mul(2)), MAX_CQ_ENTRIES).checked_next_power_of_two()?;
    Some([sq, cq])
}

/// Copies the entries from index `head` to `tail` to their places in the other queue.
///
/// # Safety
///
/// - Both queues have entries of type `T`.
/// - Nothing else uses these entries during the call.
unsafe fn copy<T>(from: (NonNull<u8>, Slots), to: (NonNull<u8>, Slots), [head, tail]: [u32; 2]) {
    // `used` is at most the number of slots, even if the indices in the memory are wrong.
    for step in 0..from.1.used(head, tail) {
        let at = head.wrapping_add(step);
        // SAFETY: the source queue has entries of type `T`, by the caller's contract.
        let source = unsafe { slot::<T>(from.0, from.1, at) };
        // SAFETY: the target queue has entries of type `T`, by the caller's contract.
        let target = unsafe { slot::<T>(to.0, to.1, at) };
        // SAFETY: the slots belong to two queues, each of which has memory of its own.
        unsafe { target.copy_from_nonoverlapping(source, 1) };
    }
}

/// Copies queued entries and completions from the `old` memory to the `new` one if they are large. Kernels up to 6.19
/// copy only as many bytes as a small entry has. On newer kernels the copy writes the same bytes again.
#[inline]
fn copy_large_entries(setup: SetupFlags, old: &Rings, new: &Rings) {
    // kernel: io_uring/register.c io_register_resize_rings (7.2): copies 128 bytes of an entry with SQE128, and 32 of a
    // completion with CQE32.
    if setup.contains(SetupFlags::SQE128) {
        let range = [old.sq_head(), old.sq_tail()].map(|index| index.load(Ordering::Relaxed));
        // SAFETY: with SQE128 all entries have 128 bytes. The kernel no longer uses the old memory, and reads the new
        // entries in a later call at the earliest.
        unsafe { copy::<[u64; 16]>((old.sqes(), old.sq()), (new.sqes(), new.sq()), range) };
    }
    if setup.contains(SetupFlags::CQE32) {
        let range = [old.cq_head(), old.cq_tail()].map(|index| index.load(Ordering::Relaxed));
        // SAFETY: with CQE32 all entries have 32 bytes. The kernel no longer uses the old memory, and writes new
        // entries only beyond these.
        unsafe { copy::<[u64; 4]>((old.cqes(), old.cq()), (new.cqes(), new.cq()), range) };
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// Changes the sizes of the queues. Sizes are rounded up to powers of two; without `cq_entries` the completion
    /// queue gets twice the submission entries. Queued entries, requests in flight and completions are kept. On a ring
    /// with [`setup_clamp`](crate::Builder::setup_clamp), sizes above the limits are cut to them. Since 6.13.
    ///
    /// The kernel makes new memory, and the ring maps it. So this method checks everything that would prevent the
    /// mapping before it asks the kernel. If the new memory still can't be mapped (because the address space is
    /// limited, as by RLIMIT_AS), the method asks the kernel for the old sizes again.
    ///
    /// # Errors
    ///
    /// After every error but `ENOTRECOVERABLE` the ring is as it was.
    ///
    /// | errno | meaning |
    /// |--|--|
    /// | `EINVAL` | the ring lacks DEFER_TASKRUN, a size is invalid, the memory is provided (see [`resize_provided`](Self::resize_provided)), or the kernel is older |
    /// | `EBADF` | the ring has no file descriptor to map |
    /// | `EOVERFLOW` | the entries in a queue do not fit the new size (since 7.3 also: a large entry of a mixed queue would wrap): submit, reap, then try again |
    /// | `EBUSY` | entries would be lost: they lie across the wrap of the indices, or in a queue of mixed sizes that is to get smaller, or (SQ_REWIND) are not submitted: submit, reap, then try again |
    /// | `EEXIST` | the calling task is not the ring's task |
    /// | `ENOMEM` | out of memory, or above RLIMIT_MEMLOCK; no room for the new memory in the address space |
    /// | `EOPNOTSUPP` | the ring has an index array, in a place where this crate does not expect it |
    /// | `ENOTRECOVERABLE` | the kernel has resized the ring, but the new memory could not be mapped, and the old sizes could not be restored: the ring is closed, every call on it gives `EBADF` (`EINVAL` if it had an index), and it can only be dropped |
    #[doc(alias = "IORING_REGISTER_RESIZE_RINGS")]
    #[doc(alias = "io_uring_resize_rings")]
    pub fn register_resize_rings(&mut self, sq_entries: u32, cq_entries: Option<u32>) -> Result<(), Errno> {
        if !self.regions().are_mapped() {
            return Err(Errno::EINVAL);
        }
        self.may_be_resized(sizes(sq_entries, cq_entries, self.params().setup()).ok_or(Errno::EINVAL)?)?;
        // Maps the current memory a second time, as a test whether the ring can be mapped at all.
        let again = self.regions().map_again(self.kernel(), self.fd(), &self.params().0, Self::SIZES);
        let again = again.map_err(|error| error.errno())?;
        // SAFETY: there is no reference into the second mapping.
        unsafe { again.release(self.kernel()) };

        let params = self.resize(sq_entries, cq_entries, None)?;
        let error = match self.map_resized(&params) {
            Ok(located) => return self.change_to(params, Ok(located)),
            Err(error) => error,
        };
        // The old memory is still mapped, but the kernel no longer uses it: the old sizes need new memory too.
        let before = self.params().0;
        let (params, located) = match self.resize(before.sq_entries, Some(before.cq_entries), None) {
            Ok(params) => (params, self.map_resized(&params)),
            Err(errno) => (before, Err(SetupError::Kernel(Call::Map, errno))),
        };
        self.change_to(params, located)?;
        Err(error.errno())
    }

    /// Maps the ring as `params` describe it after a resize, and locates all parts in the memory.
    fn map_resized(&self, params: &io_uring_params) -> Result<(Rings, Regions), SetupError> {
        self.regions().map_again(self.kernel(), self.fd(), params, Self::SIZES).and_then(|regions| {
            let mut rings = Rings::NOWHERE;
            // SAFETY: the regions were mapped just now for this ring, and only this function uses them. The kernel
            // guarantees that the parts do not overlap, as it does for set-up.
            match unsafe { rings.locate(params, &regions) } {
                Ok(()) => Ok((rings, regions)),
                Err(error) => {
                    // SAFETY: there is no reference into the regions.
                    unsafe { regions.release(self.kernel()) };
                    Err(error)
                }
            }
        })
    }

    /// Changes the sizes of a ring in provided memory, and moves the ring to other memory. After success the old memory
    /// is the caller's again. If the call fails, the new memory is lost nevertheless.
    ///
    /// # Errors
    ///
    /// The errors of [`register_resize_rings`](Self::register_resize_rings), and `EINVAL` for memory that is too short
    /// or does not start at a page.
    pub fn resize_provided(
        &mut self,
        sq_entries: u32,
        cq_entries: Option<u32>,
        memory: RingMemory,
    ) -> Result<(), Errno> {
        if self.regions().are_mapped() {
            return Err(Errno::EINVAL);
        }
        let [sq, cq] = sizes(sq_entries, cq_entries, self.params().setup()).ok_or(Errno::EINVAL)?;
        self.may_be_resized([sq, cq])?;
        let header = ring_header(self.kernel()).unwrap_or(Header::USUAL);
        let need = MemorySize::compute(self.params().setup(), sq, cq, header).ok_or(Errno::EINVAL)?;
        let (rings, sqes) = (Region::of_slice(memory.rings), Region::of_slice(memory.sqes));
        rings.fits(Area::Rings, need.rings).map_err(|_| Errno::EINVAL)?;
        sqes.fits(Area::Sqes, need.sqes).map_err(|_| Errno::EINVAL)?;

        // SAFETY: the caller has given the memory away for ever, and no ring is in it yet.
        unsafe { rings.clear() };
        let params = self.resize(sq_entries, cq_entries, Some((rings, sqes)))?;
        let located = Regions::provided(&params, Self::SIZES, [rings, rings, sqes]).and_then(|regions| {
            let mut rings = Rings::NOWHERE;
            // SAFETY: the memory is borrowed for ever, holds the ring now, and only this function uses it.
            unsafe { rings.locate(&params, &regions) }.map(|()| (rings, regions))
        });
        self.change_to(params, located)
    }

    /// Refuses a resize that would lose entries, and publishes the queued ones, so that the kernel copies them.
    fn may_be_resized(&mut self, [new_sq, new_cq]: [u32; 2]) -> Result<(), Errno> {
        let setup = self.params().setup();
        let (core, sq, cq) = self.parts();
        if !setup.contains(SetupFlags::DEFER_TASKRUN) {
            return Err(Errno::EINVAL);
        }
        if setup.contains(SetupFlags::SQ_REWIND) && sq.queue.tail.get() != 0 {
            return Err(Errno::EBUSY);
        }
        cq.publish(&core.rings);
        core.flush(setup, sq);
        let rings = &core.rings;
        let sq = [rings.sq_head(), rings.sq_tail()].map(|index| index.load(Ordering::Relaxed));
        let cq = [rings.cq_head(), rings.cq_tail()].map(|index| index.load(Ordering::Relaxed));
        let split_sq = setup.contains(SetupFlags::SQE_MIXED) && splits(sq, rings.sq(), new_sq);
        let split_cq = setup.contains(SetupFlags::CQE_MIXED) && splits(cq, rings.cq(), new_cq);
        if wraps(sq) || wraps(cq) || split_sq || split_cq { Err(Errno::EBUSY) } else { Ok(()) }
    }

    /// Computes the offset of the index array after a resize, for kernels that do not report it. Returns `None` if this
    /// computation does not give the known offset for the present size.
    fn array_after(&self, cq_entries: u32) -> Option<u32> {
        let (setup, now) = (self.params().setup(), &self.params().0);
        let size = usize::try_from(now.cq_off.cqes).ok()?;
        let header = Header { size, ..ring_header(self.kernel()).unwrap_or(Header::USUAL) };
        let offset = |cq_entries| u32::try_from(until_array(setup, cq_entries, header)?).ok();
        if offset(now.cq_entries)? == now.sq_off.array { offset(cq_entries) } else { None }
    }

    /// Makes the system call, and returns the parameters of the resized ring.
    fn resize(
        &self,
        sq_entries: u32,
        cq_entries: Option<u32>,
        memory: Option<(Region, Region)>,
    ) -> Result<io_uring_params, Errno> {
        let mut params = self.params().0;
        let clamp = self.params().setup().intersection(SetupFlags::CLAMP);
        params.flags = cq_entries.map_or(SetupFlags::empty(), |_| SetupFlags::CQSIZE).union(clamp).bits();
        params.sq_entries = sq_entries;
        params.cq_entries = cq_entries.unwrap_or(0);
        params.sq_off.array = 0;
        let has_array = self.params().0.sq_off.array != 0;
        if has_array && self.array_after(self.params().cq_entries()).is_none() {
            return Err(Errno::EOPNOTSUPP);
        }
        if let Some((rings, sqes)) = memory {
            params.cq_off.user_addr = rings.address();
            params.sq_off.user_addr = sqes.address();
        }
        // kernel: io_uring/register.c io_register_resize_rings (7.3): takes CQSIZE and CLAMP only; all other flags are
        // those of the ring.
        // kernel: io_uring/io_uring.c io_prepare_config (7.3): writes the offset of the index array back. A kernel that
        // does not leaves the 0 from above.
        // SAFETY: the argument is the operation's own structure, alive, and used during the call only. Memory that it
        // names is the caller's, borrowed for ever. The ring changes to the new memory before it is used again.
        unsafe { self.submitter().register(IORING_REGISTER_RESIZE_RINGS as u32, from_mut(&mut params).cast(), 1) }?;
        params.flags = self.params().0.flags;
        params.features = self.params().0.features;
        if has_array && params.sq_off.array == 0 {
            // `None` is only possible for sizes that the kernel would have refused. Locating the array at this offset
            // fails.
            params.sq_off.array = self.array_after(params.cq_entries).unwrap_or(u32::MAX);
        }
        Ok(params)
    }

    /// Moves the ring to the new memory, or closes the ring if the memory was not located.
    fn change_to(
        &mut self,
        params: io_uring_params,
        located: Result<(Rings, Regions), SetupError>,
    ) -> Result<(), Errno> {
        let Ok((rings, regions)) = located else {
            self.close();
            return Err(Errno::ENOTRECOVERABLE);
        };
        rings.write_indices();
        let setup = self.params().setup();
        copy_large_entries(setup, &self.parts().0.rings, &rings);
        // SAFETY: the kernel uses the new memory now, and `rings` were located in it.
        unsafe { self.replace_memory(Parameters(params), rings, regions) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::wraps;

    #[test]
    fn entries_across_the_wrap_are_seen() {
        assert!(!wraps([0, 0]) && !wraps([5, 9]) && !wraps([u32::MAX, u32::MAX]));
        assert!(wraps([u32::MAX, 0]) && wraps([u32::MAX - 3, 4]));
    }
}
