//! Taking a ring over that another program or library has set up: by its descriptor, or with memory that is mapped already.

use core::ptr::NonNull;

use super::rules::refused_combination;
use crate::error::SetupError;
use crate::flags::SetupFlags;
use crate::kernel::Kernel;
use crate::memory::{Region, Regions};
use crate::parameters::Parameters;
use crate::ring::IoUring;
use crate::types::RawFd;
use crate::{cqueue, squeue};

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// Takes over the ring `fd`, that somebody else set up, and maps it. On success the ring owns `fd`; on failure it
    /// stays the caller's.
    ///
    /// An index array is made an identity map. Entries that its former owner has queued are this ring's now.
    ///
    /// # Errors
    ///
    /// [`SetupError::NotByHand`] if the parameters belong to other entry types; [`SetupError::Kernel`] from mapping
    /// (`EBADF`: closed; `ENODEV`, `EACCES`: no ring); [`SetupError::Garbled`], [`SetupError::Unconsumed`].
    ///
    /// # Safety
    ///
    /// - `fd` is a ring that `kernel` set up, by its descriptor (with REGISTERED_FD_ONLY there is none, and the ring is refused),
    ///   and `params` are those that set-up returned for it, with the flags that it was asked for.
    /// - Nobody else uses the ring: not its memory, not its queues, and `fd` is nobody else's to close.
    /// - Entries queued in it satisfy the contract of [`SubmissionQueue::push`]. (A ring with SQ_REWIND has no queue that its
    ///   owner could leave: it is begun empty.)
    pub unsafe fn from_fd_with(kernel: K, fd: RawFd, params: Parameters) -> Result<Self, SetupError> {
        Self::agrees(params.setup())?;
        let mut ring = Self::unmade(kernel, params.without_stale_array());
        ring.map(fd, false)?;
        ring.regions().apart(&ring.params().0, Self::SIZES)?;
        // SAFETY: the memory was mapped just now from the ring that `params` describe, and nobody else uses it.
        unsafe { ring.begin(params.setup(), true) }?;
        ring.own(fd);
        Ok(ring)
    }

    /// Takes over a ring whose memory is there already: one for both queues (or two, of a kernel that maps them
    /// apart), and one for the submission entries. The ring owns `fd`, and closes it, but does not unmap the memory.
    ///
    /// Nothing in the parameters is trusted: every offset, mask and count is checked against the memory, of which each piece
    /// starts at a multiple of 8; and words, entries and array must lie apart.
    ///
    /// # Errors
    ///
    /// [`SetupError::Garbled`], [`SetupError::Unconsumed`], [`SetupError::NotByHand`]; then `fd` stays the caller's.
    ///
    /// # Safety
    ///
    /// - `fd` is a ring that `kernel` set up, and not negative (a number below 0 is no descriptor to any kernel, and to Linux
    ///   -1 is the task); `params` are those that set-up returned for it, with the flags that it was asked for.
    /// - The memory is that ring's, valid for reads and writes until the ring was dropped, and `fd` was closed by that drop. It
    ///   is shared with `kernel` and nobody else; `sq` and `cq` are one and the same, or two.
    /// - Nobody else uses the ring, and `fd` is nobody else's to close.
    /// - Entries queued in it satisfy the contract of [`SubmissionQueue::push`]. (A ring with SQ_REWIND has no queue that its
    ///   owner could leave: it is begun empty.)
    pub unsafe fn from_raw_parts(
        kernel: K,
        fd: RawFd,
        params: Parameters,
        sq: NonNull<[u8]>,
        cq: NonNull<[u8]>,
        sqes: NonNull<[u8]>,
    ) -> Result<Self, SetupError> {
        Self::agrees(params.setup())?;
        let mut ring = Self::unmade(kernel, params.without_stale_array());
        ring.provide(Regions::provided(&ring.params().0, Self::SIZES, [sq, cq, sqes].map(Region::of))?);
        // SAFETY: the caller's contract.
        unsafe { ring.begin(params.setup(), true) }?;
        ring.own(fd);
        Ok(ring)
    }

    /// Whether a ring's flags are those of the entry types.
    fn agrees(setup: SetupFlags) -> Result<(), SetupError> {
        let of_entries = S::SETUP.union(C::SETUP);
        match refused_combination(setup, of_entries.union(SetupFlags::NO_MMAP)) {
            Some(error @ SetupError::NotByHand(_)) => Err(error),
            _ if !setup.contains(of_entries) => Err(SetupError::NotByHand(of_entries.difference(setup))),
            _ => Ok(()),
        }
    }
}

crate::arch::linux! {
    mod on_linux {
        use super::{IoUring, Parameters, RawFd, SetupError, cqueue, squeue};
        use crate::kernel::Linux;

        impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> IoUring<S, C> {
            /// [`from_fd_with`](Self::from_fd_with), on [`Linux`].
            ///
            /// # Errors
            ///
            /// As [`from_fd_with`](Self::from_fd_with).
            ///
            /// # Safety
            ///
            /// As [`from_fd_with`](Self::from_fd_with).
            #[doc(alias = "io_uring_queue_mmap")]
            pub unsafe fn from_fd(fd: RawFd, params: Parameters) -> Result<Self, SetupError> {
                // SAFETY: the caller's contract is the same.
                unsafe { Self::from_fd_with(Linux, fd, params) }
            }
        }
    }
}
