//! Other sizes for a ring that is in use.

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

/// Whether a queue's entries from `head` to `tail` stand across the wrap of the indices, where the kernel copies none.
const fn wraps([head, tail]: [u32; 2]) -> bool {
    head > tail
}

/// Whether an entry of two slots may come to stand across the end of a queue of mixed sizes when that has `new` slots. It
/// never does in a larger one, whose end is an end of the smaller one as well.
const fn splits([head, tail]: [u32; 2], old: Slots, new: u32) -> bool {
    new < old.count() && head != tail
}

/// How many entries the queues have, where that many are asked for; with CLAMP no more than the kernel allows.
fn sizes(sq_entries: u32, cq_entries: Option<u32>, setup: SetupFlags) -> Option<[u32; 2]> {
    let clamped = |entries: u32, most: u32| if setup.contains(SetupFlags::CLAMP) { entries.min(most) } else { entries };
    let sq = clamped(sq_entries, MAX_ENTRIES).checked_next_power_of_two()?;
    let cq = clamped(cq_entries.unwrap_or(sq.saturating_mul(2)), MAX_CQ_ENTRIES).checked_next_power_of_two()?;
    Some([sq, cq])
}

/// Copies the entries from index `head` to `tail` to where they are in the other queue.
///
/// # Safety
///
/// Both queues have entries of type `T`, and nobody else uses these.
unsafe fn copy<T>(from: (NonNull<u8>, Slots), to: (NonNull<u8>, Slots), [head, tail]: [u32; 2]) {
    // At most a queue's worth, whatever the memory says.
    for step in 0..from.1.used(head, tail) {
        let at = head.wrapping_add(step);
        // SAFETY: the caller's contract.
        let source = unsafe { slot::<T>(from.0, from.1, at) };
        // SAFETY: the same.
        let target = unsafe { slot::<T>(to.0, to.1, at) };
        // SAFETY: two slots of two queues, in memory of its own each.
        unsafe { target.copy_from_nonoverlapping(source, 1) };
    }
}

/// Copies what is queued and completed from the `old` memory to the `new` one, where the entries are large: kernels up to
/// 6.19 copy as many bytes as small ones have. Where the kernel did it right, the same bytes come to stand there again.
fn copy_large_entries(setup: SetupFlags, old: &Rings, new: &Rings) {
    if setup.contains(SetupFlags::SQE128) {
        let range = [old.sq_head(), old.sq_tail()].map(|index| index.load(Ordering::Relaxed));
        // SAFETY: with SQE128 all entries have 128 bytes; the kernel uses the old memory no more, and reads the new entries
        // in a later call at the earliest.
        unsafe { copy::<[u64; 16]>((old.sqes(), old.sq()), (new.sqes(), new.sq()), range) };
    }
    if setup.contains(SetupFlags::CQE32) {
        let range = [old.cq_head(), old.cq_tail()].map(|index| index.load(Ordering::Relaxed));
        // SAFETY: with CQE32 all entries have 32 bytes; the kernel uses the old memory no more, and writes new entries
        // beyond these.
        unsafe { copy::<[u64; 4]>((old.cqes(), old.cq()), (new.cqes(), new.cq()), range) };
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// Changes the sizes of the queues (rounded up to powers of two; without `cq_entries` twice the submission
    /// entries). What is queued, in flight or completed stays. On a ring with [`setup_clamp`](crate::Builder::setup_clamp),
    /// sizes above the limits are cut to them. Since 6.13.
    ///
    /// The kernel makes new memory, and the ring maps that. So everything that would prevent the mapping is looked at
    /// before the kernel is asked; and where the new memory can't be mapped after all (the address space is limited, as by
    /// RLIMIT_AS), the kernel is asked for the old sizes once more.
    ///
    /// # Errors
    ///
    /// After all but the last the ring is as it was.
    ///
    /// | errno | meaning |
    /// |--|--|
    /// | `EINVAL` | not a DEFER_TASKRUN ring, sizes that are none, provided memory (see [`resize_provided`](Self::resize_provided)), or a kernel that can't |
    /// | `EBADF` | the ring has no file descriptor to map |
    /// | `EOVERFLOW` | what is there does not fit the new sizes (since 7.3 also: a large entry of a mixed queue would wrap): submit, reap, then again |
    /// | `EBUSY` | what is there would be lost: entries that stand where the indices wrap, entries of a queue of mixed sizes that is to get smaller, or (SQ_REWIND) entries not submitted: submit, reap, then again |
    /// | `EEXIST` | this is not the ring's task |
    /// | `ENOMEM` | out of memory, or above RLIMIT_MEMLOCK; no room for the new memory in the address space |
    /// | `EOPNOTSUPP` | the ring has an index array, and the kernel lays it out in a way that is not known here |
    /// | `ENOTRECOVERABLE` | the kernel has resized, but neither the new memory could be mapped nor the old size be had back: the ring is closed, every call on it gives `EBADF` (`EINVAL` where it went by an index), and it is only good to be dropped |
    #[doc(alias = "IORING_REGISTER_RESIZE_RINGS")]
    #[doc(alias = "io_uring_resize_rings")]
    pub fn register_resize_rings(&mut self, sq_entries: u32, cq_entries: Option<u32>) -> Result<(), Errno> {
        if !self.regions().are_mapped() {
            return Err(Errno::EINVAL);
        }
        self.may_be_resized(sizes(sq_entries, cq_entries, self.params().setup()).ok_or(Errno::EINVAL)?)?;
        // Whether the ring can be mapped at all: once more what is mapped now.
        let again = self.regions().map_again(self.kernel(), self.fd(), &self.params().0, Self::SIZES);
        let again = again.map_err(|error| error.errno())?;
        // SAFETY: no reference into it was made.
        unsafe { again.release(self.kernel()) };

        let params = self.resize(sq_entries, cq_entries, None)?;
        let error = match self.map_resized(&params) {
            Ok(located) => return self.change_to(params, Ok(located)),
            Err(error) => error,
        };
        // The old memory is mapped still, but no more the kernel's: it needs new memory for the old sizes too.
        let before = self.params().0;
        let (params, located) = match self.resize(before.sq_entries, Some(before.cq_entries), None) {
            Ok(params) => (params, self.map_resized(&params)),
            Err(errno) => (before, Err(SetupError::Kernel(Call::Map, errno))),
        };
        self.change_to(params, located)?;
        Err(error.errno())
    }

    /// Maps the ring as `params` report it after a change of its size, and finds everything in the memory.
    fn map_resized(&self, params: &io_uring_params) -> Result<(Rings, Regions), SetupError> {
        self.regions().map_again(self.kernel(), self.fd(), params, Self::SIZES).and_then(|regions| {
            let mut rings = Rings::NOWHERE;
            // SAFETY: the regions are this ring's, mapped just now, and used here only. That all parts lie apart is the
            // kernel's promise, as for set-up.
            match unsafe { rings.locate(params, &regions) } {
                Ok(()) => Ok((rings, regions)),
                Err(error) => {
                    // SAFETY: no reference into them was kept.
                    unsafe { regions.release(self.kernel()) };
                    Err(error)
                }
            }
        })
    }

    /// The same for a ring in provided memory, with other memory, which is the ring's from now on. The old memory is the
    /// caller's again when the call has succeeded; if it fails, the new one is given up nevertheless.
    ///
    /// # Errors
    ///
    /// As [`register_resize_rings`](Self::register_resize_rings), and `EINVAL` for memory that is too short or not at a
    /// page.
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

        // SAFETY: the memory is the caller's, given away for ever; no ring is in it yet.
        unsafe { rings.clear() };
        let params = self.resize(sq_entries, cq_entries, Some((rings, sqes)))?;
        let located = Regions::provided(&params, Self::SIZES, [rings, rings, sqes]).and_then(|regions| {
            let mut rings = Rings::NOWHERE;
            // SAFETY: the memory is borrowed for ever, holds the ring now, and is used here only.
            unsafe { rings.locate(&params, &regions) }.map(|()| (rings, regions))
        });
        self.change_to(params, located)
    }

    /// What would lose entries, refused; and what is queued, made visible, so that it is copied.
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

    /// Where the index array is after a change of size. The kernel does not say, so that its computation is done here;
    /// that it is the right one shows on the ring as it is.
    fn array_after(&self, cq_entries: u32) -> Option<u32> {
        let (setup, now) = (self.params().setup(), &self.params().0);
        let size = usize::try_from(now.cq_off.cqes).ok()?;
        let header = Header { size, ..ring_header(self.kernel()).unwrap_or(Header::USUAL) };
        let offset = |cq_entries| u32::try_from(until_array(setup, cq_entries, header)?).ok();
        if offset(now.cq_entries)? == now.sq_off.array { offset(cq_entries) } else { None }
    }

    /// Asks the kernel; what the ring is then.
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
        // SAFETY: the argument is the operation's own, alive, and used during the call only; memory that it names is the
        // caller's, borrowed for ever. The ring changes to the new memory before it is used again.
        unsafe { self.submitter().register(IORING_REGISTER_RESIZE_RINGS as u32, from_mut(&mut params).cast(), 1) }?;
        params.flags = self.params().0.flags;
        params.features = self.params().0.features;
        if has_array && params.sq_off.array == 0 {
            // None is possible only for sizes that the kernel would not have taken; then nothing is found there.
            params.sq_off.array = self.array_after(params.cq_entries).unwrap_or(u32::MAX);
        }
        Ok(params)
    }

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
        // SAFETY: the kernel has changed to the new memory, in which the rings were located.
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
