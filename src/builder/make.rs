//! Making a ring: asking the kernel, finding the memory, and undoing it all where a step fails.

use core::mem::MaybeUninit;

use super::Builder;
use crate::error::{Area, SetupError};
use crate::flags::SetupFlags;
use crate::kernel::Kernel;
use crate::memory::{Header, Region, Regions};
use crate::parameters::Parameters;
use crate::query::ring_header;
use crate::ring::IoUring;
use crate::ring::ring_fd::{LocalRing, Registered};
use crate::{cqueue, squeue};

/// The two areas of a ring in memory of the caller's, each starting at a page.
///
/// [`Builder::memory_size`] says how long they must be. The borrow never ends, since the kernel may write to the memory
/// for a while after the ring was dropped. For memory that is given back to the system later, make the slices from
/// pointers and keep it until then.
#[derive(Debug)]
pub struct RingMemory {
    /// For heads, tails and flags, completion entries and index array.
    pub rings: &'static mut [MaybeUninit<u8>],
    /// For submission entries.
    pub sqes: &'static mut [MaybeUninit<u8>],
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> Builder<S, C> {
    /// Makes the ring on `kernel`, of `entries` submission slots (rounded up to a power of two), and maps its memory.
    ///
    /// # Errors
    ///
    /// [`SetupError`] says what was refused, and by whom. Nothing is left behind.
    pub fn build_with<K: Kernel>(&self, kernel: K, entries: u32) -> Result<IoUring<S, C, K>, SetupError> {
        self.check(entries)?;
        let mut ring = IoUring::unmade(kernel, Parameters::NOTHING);
        let (kernel, params) = ring.asking();
        let fd = self.set_up(kernel, entries, None, params)?.cast_signed();
        ring.own(fd);
        ring.map(fd, self.dontfork)?;
        // SAFETY: ring and memory were made just now, and nobody else has them. Nothing is queued.
        unsafe { ring.begin(self.flags, false) }?;
        Ok(ring)
    }

    /// Makes the ring on `kernel` in memory of the caller's, which takes no mapping. Since 6.5.
    ///
    /// # Errors
    ///
    /// As [`build_with`](Self::build_with), and [`SetupError::TooShort`], [`SetupError::Unaligned`] before the kernel is
    /// asked. `EINVAL` from the kernel: memory that does not start at a page of its size, or (before 6.10) does not lie
    /// in one piece physically, which a huge page does, or lies in the high memory that kernels of 32 bits have.
    /// `EINVAL` also on Linux 6.5, whose rings have a head of five cache lines, unless the memory for rings is four cache
    /// lines longer than `memory_size` says; with completions of 32 bytes eight, since that kernel doubles the head along
    /// with them.
    #[doc(alias = "IORING_SETUP_NO_MMAP")]
    #[doc(alias = "io_uring_queue_init_mem")]
    pub fn build_provided_with<K: Kernel>(
        &self,
        kernel: K,
        entries: u32,
        memory: RingMemory,
    ) -> Result<IoUring<S, C, K>, SetupError> {
        let (rings, sqes) = self.provided(&kernel, entries, memory)?;
        let mut ring = IoUring::unmade(kernel, Parameters::NOTHING);
        let (kernel, params) = ring.asking();
        let fd = self.set_up(kernel, entries, Some((SetupFlags::NO_MMAP, rings, sqes)), params)?;
        ring.own(fd.cast_signed());
        ring.provide(Regions::provided(&ring.params().0, IoUring::<S, C>::SIZES, [rings, rings, sqes])?);
        // SAFETY: the ring was made just now in this memory, which is the caller's, given away for ever.
        unsafe { ring.begin(self.flags, false) }?;
        Ok(ring)
    }

    /// Makes a ring that has no file descriptor at all, only an index among the registered rings of this task, and is
    /// therefore bound to it. Since 6.5.
    ///
    /// # Errors
    ///
    /// As [`build_provided_with`](Self::build_provided_with). `EBUSY`: all 16 places of the task are taken.
    #[doc(alias = "IORING_SETUP_REGISTERED_FD_ONLY")]
    pub fn build_registered_with<K: Kernel>(
        &self,
        kernel: K,
        entries: u32,
        memory: RingMemory,
    ) -> Result<LocalRing<S, C, K>, SetupError> {
        let (rings, sqes) = self.provided(&kernel, entries, memory)?;
        let flags = SetupFlags::NO_MMAP.union(SetupFlags::REGISTERED_FD_ONLY);
        let mut params = Parameters::NOTHING.0;
        let index = self.set_up(&kernel, entries, Some((flags, rings, sqes)), &mut params)?;
        let mut ring = IoUring::unmade(Registered::without_fd(kernel, index), Parameters(params));
        ring.own(index.cast_signed());
        ring.provide(Regions::provided(&ring.params().0, IoUring::<S, C>::SIZES, [rings, rings, sqes])?);
        // SAFETY: as in `build_provided_with`.
        unsafe { ring.begin(self.flags, false) }?;
        Ok(ring)
    }

    /// The caller's memory, if it is long enough and aligned.
    fn provided<K: Kernel>(
        &self,
        kernel: &K,
        entries: u32,
        memory: RingMemory,
    ) -> Result<(Region, Region), SetupError> {
        self.check(entries)?;
        // Without an array if the kernel takes it so, which is known only afterwards: enough for both.
        let need = self.memory_size_with(entries, ring_header(kernel).unwrap_or(Header::USUAL))?;
        let (rings, sqes) = (Region::of_slice(memory.rings), Region::of_slice(memory.sqes));
        rings.fits(Area::Rings, need.rings)?;
        sqes.fits(Area::Sqes, need.sqes)?;
        // Kernels before 6.19 start from 0, and do not write the heads and tails: they and we must find 0 there.
        // SAFETY: the memory is the caller's, given away for ever; no ring is in it yet.
        unsafe { rings.clear() };
        Ok((rings, sqes))
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// A ring of `entries` submission slots on this kernel, with no flags but those that [`Builder`] adds.
    ///
    /// # Errors
    ///
    /// As [`Builder::build_with`].
    pub fn with_kernel(kernel: K, entries: u32) -> Result<Self, SetupError> {
        Builder::new().build_with(kernel, entries)
    }
}

crate::arch::linux! {
    mod on_linux {
        use super::{Builder, IoUring, LocalRing, RingMemory, SetupError, cqueue, squeue};
        use crate::kernel::Linux;

        impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> Builder<S, C> {
            /// [`build_with`](Self::build_with), on [`Linux`].
            ///
            /// # Errors
            ///
            /// As there.
            #[doc(alias = "io_uring_queue_init_params")]
            pub fn build(&self, entries: u32) -> Result<IoUring<S, C>, SetupError> {
                self.build_with(Linux, entries)
            }

            /// [`build_provided_with`](Self::build_provided_with), on [`Linux`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn build_provided(&self, entries: u32, memory: RingMemory) -> Result<IoUring<S, C>, SetupError> {
                self.build_provided_with(Linux, entries, memory)
            }

            /// [`build_registered_with`](Self::build_registered_with), on [`Linux`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn build_registered(&self, entries: u32, memory: RingMemory) -> Result<LocalRing<S, C>, SetupError> {
                self.build_registered_with(Linux, entries, memory)
            }
        }

        impl IoUring {
            /// A ring of `entries` submission slots (rounded up to a power of two) and twice as many completion slots.
            ///
            /// # Errors
            ///
            /// As [`Builder::build`].
            #[doc(alias = "io_uring_queue_init")]
            pub fn new(entries: u32) -> Result<Self, SetupError> {
                Self::builder().build(entries)
            }
        }

        impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> IoUring<S, C> {
            /// Flags and sizes first. The entries' types come from where the ring goes: `let ring: IoUring = …` says that
            /// they are the usual ones.
            #[must_use]
            pub const fn builder() -> Builder<S, C> {
                Builder::new()
            }
        }
    }
}
