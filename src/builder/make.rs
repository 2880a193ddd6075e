//! Making a ring: asks the kernel, finds the memory, and undoes everything if a step fails.

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

/// The two areas of a ring in the caller's memory, each starting at a page.
///
/// [`Builder::memory_size`] says how long they must be. The borrow never ends, because the kernel may write to the memory for a
/// while after the ring was dropped. If the memory goes back to the system later, make the slices from pointers and keep the
/// memory until the kernel is done.
#[derive(Debug)]
pub struct RingMemory {
    /// For the header (heads, tails, flags), the CQEs and the index array.
    pub rings: &'static mut [MaybeUninit<u8>],
    /// For the SQEs.
    pub sqes: &'static mut [MaybeUninit<u8>],
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> Builder<S, C> {
    /// Makes the ring on `kernel`, with `entries` submission slots (rounded up to a power of two), and maps its memory.
    ///
    /// # Errors
    ///
    /// [`SetupError`] says which step failed, and why. Nothing is left behind.
    pub fn build_with<K: Kernel>(&self, kernel: K, entries: u32) -> Result<IoUring<S, C, K>, SetupError> {
        self.check(entries)?;
        let mut ring = IoUring::unmade(kernel, self.parameters());
        let (kernel, params) = ring.asking();
        let fd = self.set_up(kernel, entries, None, params)?.cast_signed();
        ring.own(fd);
        ring.map(fd, self.dontfork)?;
        // SAFETY: ring and memory were made just now, and nobody else has them. Nothing is queued.
        unsafe { ring.begin(self.flags, false) }?;
        Ok(ring)
    }

    /// Makes the ring on `kernel` in the caller's memory, so that nothing is mapped. Since 6.5.
    ///
    /// # Errors
    ///
    /// Those of [`build_with`](Self::build_with). Before the kernel is asked: [`SetupError::TooShort`],
    /// [`SetupError::Unaligned`]. The kernel answers `EINVAL` for memory
    /// - that does not start at a page of the kernel's size,
    /// - that, before 6.10, is not physically contiguous (a huge page is), or is high memory of a 32-bit kernel,
    /// - on Linux 6.5, that is not longer than `memory_size` says: the header of a ring has five cache lines there, so the
    ///   memory for rings needs four cache lines more, or with 32-byte CQEs eight, since that kernel doubles the header too.
    // kernel: io_uring/memmap.c io_create_region (7.3): an address inside a page is EINVAL.
    // kernel: io_uring/memmap.c __io_uaddr_map (6.12.117): the pages are mapped together, wherever each of them lies.
    #[doc(alias = "IORING_SETUP_NO_MMAP")]
    #[doc(alias = "io_uring_queue_init_mem")]
    pub fn build_provided_with<K: Kernel>(
        &self,
        kernel: K,
        entries: u32,
        memory: RingMemory,
    ) -> Result<IoUring<S, C, K>, SetupError> {
        let (rings, sqes) = self.provided(&kernel, entries, memory)?;
        let mut ring = IoUring::unmade(kernel, self.parameters());
        let (kernel, params) = ring.asking();
        let fd = self.set_up(kernel, entries, Some((SetupFlags::NO_MMAP, rings, sqes)), params)?;
        ring.own(fd.cast_signed());
        ring.provide(Regions::provided(&ring.params().0, IoUring::<S, C>::SIZES, [rings, rings, sqes])?);
        // SAFETY: the ring was made just now in this memory, which is the caller's, given away for ever.
        unsafe { ring.begin(self.flags, false) }?;
        Ok(ring)
    }

    /// Makes a ring that has no file descriptor, only an index among the registered rings of this task. So the ring is bound to
    /// this task. Since 6.5.
    ///
    /// # Errors
    ///
    /// Those of [`build_provided_with`](Self::build_provided_with), and `EBUSY`: all 16 indices of the task are taken.
    // kernel: io_uring/io_uring.c io_uring_create (7.3): set-up returns the index in place of a descriptor.
    // kernel: io_uring/tctx.c io_ring_add_registered_file (7.3): the first free place of 16 is taken; EBUSY without one.
    #[doc(alias = "IORING_SETUP_REGISTERED_FD_ONLY")]
    pub fn build_registered_with<K: Kernel>(
        &self,
        kernel: K,
        entries: u32,
        memory: RingMemory,
    ) -> Result<LocalRing<S, C, K>, SetupError> {
        let (rings, sqes) = self.provided(&kernel, entries, memory)?;
        let flags = SetupFlags::NO_MMAP.union(SetupFlags::REGISTERED_FD_ONLY);
        let mut params = self.parameters().0;
        let index = self.set_up(&kernel, entries, Some((flags, rings, sqes)), &mut params)?;
        let mut ring = IoUring::unmade(Registered::without_fd(kernel, index), Parameters(params));
        ring.own(index.cast_signed());
        ring.provide(Regions::provided(&ring.params().0, IoUring::<S, C>::SIZES, [rings, rings, sqes])?);
        // SAFETY: the ring was made just now in this memory, which is the caller's, given away for ever.
        unsafe { ring.begin(self.flags, false) }?;
        Ok(ring)
    }

    /// Returns the caller's memory as regions, if it is long enough and aligned.
    fn provided<K: Kernel>(
        &self,
        kernel: &K,
        entries: u32,
        memory: RingMemory,
    ) -> Result<(Region, Region), SetupError> {
        self.check(entries)?;
        // Whether the kernel leaves the index array out is known only afterwards, so the size is enough for both.
        let need = self.memory_size_with(entries, ring_header(kernel).unwrap_or(Header::USUAL))?;
        let (rings, sqes) = (Region::of_slice(memory.rings), Region::of_slice(memory.sqes));
        rings.fits(Area::Rings, need.rings)?;
        sqes.fits(Area::Sqes, need.sqes)?;
        // Kernels before 6.19 do not write the heads and tails, and start from 0: both sides must find 0 there.
        // kernel: io_uring/io_uring.c io_allocate_scq_urings (6.12.117): only the masks and sizes are written.
        // kernel: io_uring/io_uring.c io_allocate_scq_urings (7.3): the whole header is cleared first.
        // SAFETY: the memory is the caller's, given away for ever; no ring is in it yet.
        unsafe { rings.clear() };
        Ok((rings, sqes))
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// Makes a ring of `entries` submission slots on this kernel, with no flags but those that [`Builder`] adds.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::build_with`].
    pub fn with_kernel(kernel: K, entries: u32) -> Result<Self, SetupError> {
        Builder::new().build_with(kernel, entries)
    }
}

crate::arch::linux! {
    mod on_linux {
        use super::{Builder, IoUring, LocalRing, RingMemory, SetupError, cqueue, squeue};
        use crate::kernel::Linux;

        impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> Builder<S, C> {
            /// Makes the ring on [`Linux`], as [`build_with`](Self::build_with) does on any kernel.
            ///
            /// # Errors
            ///
            /// Those of [`build_with`](Self::build_with).
            #[doc(alias = "io_uring_queue_init_params")]
            pub fn build(&self, entries: u32) -> Result<IoUring<S, C>, SetupError> {
                self.build_with(Linux, entries)
            }

            /// Makes the ring in the caller's memory on [`Linux`], as [`build_provided_with`](Self::build_provided_with) does on
            /// any kernel.
            ///
            /// # Errors
            ///
            /// Those of [`build_provided_with`](Self::build_provided_with).
            pub fn build_provided(&self, entries: u32, memory: RingMemory) -> Result<IoUring<S, C>, SetupError> {
                self.build_provided_with(Linux, entries, memory)
            }

            /// Makes a ring without a descriptor on [`Linux`], as [`build_registered_with`](Self::build_registered_with) does on any
            /// kernel.
            ///
            /// # Errors
            ///
            /// Those of [`build_registered_with`](Self::build_registered_with).
            pub fn build_registered(&self, entries: u32, memory: RingMemory) -> Result<LocalRing<S, C>, SetupError> {
                self.build_registered_with(Linux, entries, memory)
            }
        }

        impl IoUring {
            /// Makes a ring of `entries` submission slots (rounded up to a power of two) and twice as many completion slots.
            ///
            /// # Errors
            ///
            /// Those of [`Builder::build`].
            #[inline]
            #[doc(alias = "io_uring_queue_init")]
            pub fn new(entries: u32) -> Result<Self, SetupError> {
                Self::builder().build(entries)
            }
        }

        impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> IoUring<S, C> {
            /// Returns a [`Builder`], for flags and sizes. The type of the ring decides the types of its entries:
            /// `let ring: IoUring = …` has the usual ones.
            #[must_use]
            pub const fn builder() -> Builder<S, C> {
                Builder::new()
            }
        }
    }
}
