//! The steps of making a ring, for `builder/`: ask the kernel, map or take the memory, and begin.

use core::marker::PhantomData;

use super::{IoUring, NO_FD};
use crate::error::SetupError;
use crate::flags::{EnterFlags, SetupFlags};
use crate::kernel::Kernel;
use crate::memory::{EntrySizes, Regions, Rings};
use crate::parameters::Parameters;
use crate::submitter::{self, Core, Identity};
use crate::types::RawFd;
use crate::uapi::io_uring_params;
use crate::{cqueue, squeue};

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// The sizes of the ring's entries. The flags of the ring's parameters say the same sizes: a builder refuses flags of other
    /// types (`Builder::check`), taking a ring over refuses them too (`agrees`), and no attempt of set-up changes these flags.
    pub(crate) const SIZES: EntrySizes = EntrySizes::of(S::SETUP.union(C::SETUP));

    /// Starts a ring, without descriptor and memory. Until it has both, it can only be completed by the steps below, or dropped.
    /// The ring is filled in the place where it stays, because the value is large and each copy would be code.
    ///
    /// The whole ring is filled with zeroes first, and then gets what is not zero. In the other order the compiler fills the
    /// pieces around that, each by itself.
    pub(crate) fn unmade(kernel: K, params: Parameters) -> Self {
        let (fd, rings, wait_flags, identity) = (0, Rings::NOWHERE, EnterFlags::empty(), Identity::none());
        let core = Core { kernel, fd, rings, params, wait_flags, identity };
        let (sq, cq) = (submitter::Progress::NOTHING, cqueue::Consumer::NOTHING);
        let mut ring = Self { core, sq, cq, regions: Regions::NOTHING, entries: PhantomData };
        ring.core.fd = NO_FD;
        ring.core.wait_flags = EnterFlags::GETEVENTS;
        ring
    }

    /// Returns the kernel, and the structure that set-up passes to it.
    pub(crate) fn asking(&mut self) -> (&K, &mut io_uring_params) {
        (&self.core.kernel, &mut self.core.params.0)
    }

    /// Maps the ring's memory from `fd`.
    pub(crate) fn map(&mut self, fd: RawFd, dontfork: bool) -> Result<(), SetupError> {
        self.regions.map(&self.core.kernel, fd, &self.core.params.0, Self::SIZES, dontfork)
    }

    /// Gives the ring its memory.
    pub(crate) fn provide(&mut self, regions: Regions) {
        self.regions = regions;
    }

    /// Takes ownership of `fd`.
    pub(crate) fn own(&mut self, fd: RawFd) {
        self.core.fd = fd;
    }

    /// Locates everything in the memory, and starts both queues. In a ring that was `taken_over`, SQEs may be queued already.
    ///
    /// `setup` may be the builder's flags, which can be constants, in place of the ring's: only flags that no fallback leaves
    /// out are read from it.
    ///
    /// # Safety
    ///
    /// - The memory is that of the ring, as the parameters describe it, valid until the ring was dropped, and shared
    ///   with its kernel alone. The parts of the memory don't overlap.
    /// - Entries queued in it satisfy the contract of [`SubmissionQueue::push`](crate::SubmissionQueue::push).
    /// - `setup` and the parameters agree about SQPOLL, IOPOLL, SQ_REWIND and SQE_MIXED.
    #[inline]
    pub(crate) unsafe fn begin(&mut self, setup: SetupFlags, taken_over: bool) -> Result<(), SetupError> {
        // SAFETY: the caller's contract; these are the only `Rings` made of the memory.
        unsafe { self.core.rings.locate(&self.core.params.0, &self.regions) }?;
        if taken_over && self.core.rings.have_foreign_indices() {
            return Err(SetupError::Unconsumed);
        }
        self.core.rings.write_indices();
        self.sq.begin(&self.core.rings, setup);
        self.cq.begin(&self.core.rings, setup);
        Ok(())
    }
}
