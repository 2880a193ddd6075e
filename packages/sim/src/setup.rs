//! `io_uring_setup`.

use std::ptr::{NonNull, with_exposed_provenance_mut};

use bare_uring::uapi::{IORING_OFF_CQ_RING, IORING_OFF_SQ_RING, IORING_OFF_SQES, io_uring_params};
use bare_uring::{Errno, Features, SetupFlags};

use crate::coverage::Mark;
use crate::layout::{Layout, Shape};
use crate::memory::Area;
use crate::profile::{CqSize, Header, Overflow};
use crate::ring::{Mapping, Memory, Ring, Thread};
use crate::world::World;

/// Returns whether set-up flags contradict each other.
// kernel: io_uring/io_uring.c io_uring_sanitise_params (7.2): which flags exclude or need each other.
// kernel: io_uring/sqpoll.c io_sq_offload_create (7.2): SQ_AFF needs SQPOLL.
fn is_refused(flags: SetupFlags) -> bool {
    use SetupFlags as F;

    let both = |a: SetupFlags, b: SetupFlags| flags.contains(a) && flags.intersects(b);
    let without = |a: SetupFlags, b: SetupFlags| flags.contains(a) && !flags.intersects(b);
    both(F::SQPOLL, F::COOP_TASKRUN | F::TASKRUN_FLAG | F::DEFER_TASKRUN | F::SQ_REWIND)
        || both(F::CQE32, F::CQE_MIXED)
        || both(F::SQE128, F::SQE_MIXED)
        || without(F::SQ_AFF, F::SQPOLL)
        || without(F::TASKRUN_FLAG, F::COOP_TASKRUN | F::DEFER_TASKRUN)
        || without(F::DEFER_TASKRUN, F::SINGLE_ISSUER)
        || without(F::REGISTERED_FD_ONLY, F::NO_MMAP)
        || without(F::SQ_REWIND, F::NO_SQARRAY)
}

impl World {
    /// Makes a ring. Returns its descriptor, or its registered index with REGISTERED_FD_ONLY.
    ///
    /// # Safety
    ///
    /// The conditions of `Kernel::setup`.
    pub(crate) unsafe fn set_up(&mut self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        let shape = self.shape(entries, params)?;
        let layout = Layout::new(&shape, &mut self.random);
        let flags = shape.setup;
        let provided = flags.contains(SetupFlags::NO_MMAP);
        let memory = if provided {
            // SAFETY: the caller's contract.
            unsafe { provided_memory(params) }?
        } else {
            mapped_memory(&layout)?
        };
        // Real kernels start the indices at 0. No user of a mapped ring may rely on that.
        let free_start = !provided && !flags.contains(SetupFlags::SQ_REWIND) && self.profile.wraps;
        let start = if free_start && self.chaos.near_the_wrap.happens(&mut self.random) {
            self.coverage.mark(Mark::NearTheWrap);
            let (sq, cq) = (0_u32.wrapping_sub(self.random.below(24)), 0_u32.wrapping_sub(self.random.below(48)));
            // Where completions are dropped, users compare the indices of both queues, which start at one number.
            (sq, if self.profile.overflow == Overflow::Drop { sq } else { cq })
        } else {
            (0, 0)
        };
        params.sq_entries = shape.sq_entries;
        params.cq_entries = shape.cq_entries;
        params.features = self.profile.features.bits();
        params.sq_off = layout.sq_off(params.sq_off.user_addr);
        params.cq_off = layout.cq_off(params.cq_off.user_addr);
        let mut ring = Ring::new(shape, layout, memory, start);
        ring.thread = flags.contains(SetupFlags::SQPOLL).then(Thread::default);
        if !ring.disabled {
            ring.issuer = Some(std::thread::current().id());
        }
        let id = self.next_ring;
        if flags.contains(SetupFlags::REGISTERED_FD_ONLY) {
            let index = self.register_ring(id, None)?;
            self.rings.insert(id, ring);
            self.next_ring += 1;
            return Ok(index);
        }
        self.rings.insert(id, ring);
        self.next_ring += 1;
        Ok(self.files.ring(id).cast_unsigned())
    }

    /// Checks the parameters, and computes what the ring's layout depends on.
    // kernel: io_uring/io_uring.c io_uring_fill_params (7.2): sizes are rounded up to a power of two; too large ones
    // are EINVAL unless CLAMP is set; the completion queue has twice the entries unless CQSIZE is set, and never fewer.
    // kernel: nanos src/unix/io_uring.c io_uring_setup (0468d568): the size for CQSIZE is compared as it was asked for.
    fn shape(&self, entries: u32, params: &io_uring_params) -> Result<Shape, Errno> {
        let setup = SetupFlags::from_bits_retain(params.flags);
        if !self.profile.setup.contains(setup)
            || is_refused(setup - self.profile.without_effect)
            || params.resv != [0; 3]
        {
            return Err(Errno::EINVAL);
        }
        let clamps = self.profile.clamps && setup.contains(SetupFlags::CLAMP);
        let round_up = |entries: u32, limit: u32, too_many: Errno| match entries {
            0 => Err(Errno::EINVAL),
            _ if entries <= limit => Ok(entries.next_power_of_two()),
            _ if clamps => Ok(limit),
            _ => Err(too_many),
        };
        let sq_entries = round_up(entries, self.profile.max_entries, self.profile.too_many_entries)?;
        let cq_entries = if setup.contains(SetupFlags::CQSIZE) {
            round_up(params.cq_entries, 2 * self.profile.max_entries, Errno::EINVAL)?
        } else {
            2 * sq_entries
        };
        let asked = if setup.contains(SetupFlags::CQSIZE) { params.cq_entries } else { cq_entries };
        let fewer = match self.profile.cq_size {
            CqSize::Rounded => cq_entries < sq_entries,
            CqSize::Unrounded => asked < sq_entries,
            CqSize::AsAsked => asked < entries,
        };
        let too_few = setup.contains(SetupFlags::CQE_MIXED) && cq_entries < 2
            || setup.contains(SetupFlags::SQE_MIXED) && sq_entries < 2;
        if fewer || too_few {
            return Err(Errno::EINVAL);
        }
        let provided = setup.contains(SetupFlags::NO_MMAP);
        Ok(Shape {
            // The user computes the length of provided memory, so the layout must be Linux's own.
            header: if provided && self.profile.header == Header::Shuffled {
                Header::Line
            } else {
                self.profile.header
            },
            setup: setup - self.profile.without_effect,
            single: self.profile.features.contains(Features::SINGLE_MMAP),
            cq_flags: self.profile.cq_flags,
            sq_entries,
            cq_entries,
        })
    }
}

/// Makes the memory of a ring that is mapped.
fn mapped_memory(layout: &Layout) -> Result<Memory, Errno> {
    let mut areas = Vec::new();
    let mut area = |offset: u32, len: usize| {
        let area = Area::new(len)?;
        let base = area.base();
        areas.push(Mapping { offset: u64::from(offset), area });
        Ok(base)
    };
    let sq = area(IORING_OFF_SQ_RING, layout.sq_len)?;
    let cq = if layout.single { sq } else { area(IORING_OFF_CQ_RING, layout.cq_len)? };
    let sqes = area(IORING_OFF_SQES, layout.sqes_len)?;
    Ok(Memory { sq, cq, sqes, areas })
}

/// Takes the memory that the user provides (NO_MMAP).
///
/// # Safety
///
/// The conditions of `Kernel::setup` for a ring in provided memory.
unsafe fn provided_memory(params: &io_uring_params) -> Result<Memory, Errno> {
    let at = |address: u64| {
        let address = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
        if !address.is_multiple_of(4096) {
            return Err(Errno::EINVAL);
        }
        NonNull::new(with_exposed_provenance_mut::<u8>(address)).ok_or(Errno::EFAULT)
    };
    let (rings, sqes) = (at(params.cq_off.user_addr)?, at(params.sq_off.user_addr)?);
    Ok(Memory { sq: rings, cq: rings, sqes, areas: Vec::new() })
}
