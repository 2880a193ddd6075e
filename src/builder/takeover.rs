//! Taking over a ring that other code has set up: by its descriptor, or with memory that is mapped already.

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
    /// Takes over the ring `fd` that other code has set up, and maps it. On success the ring owns `fd`; on failure `fd` stays
    /// the caller's.
    ///
    /// If the ring has an index array, entry n of the array is set to n. SQEs that the previous owner has queued belong to this
    /// ring from now on.
    ///
    /// # Errors
    ///
    /// [`SetupError::NotByHand`] if the parameters belong to other entry types; [`SetupError::Kernel`] from mapping
    /// (`EBADF`: closed; `ENODEV`, `EACCES`: no ring); [`SetupError::Garbled`], [`SetupError::Unconsumed`].
    ///
    /// # Safety
    ///
    /// - `fd` is the descriptor of a ring that `kernel` set up. (A ring with REGISTERED_FD_ONLY has no descriptor, and is
    ///   refused.) `params` are those that set-up returned for the ring, with the flags that set-up was asked for.
    /// - Nobody else uses the ring: not its memory, not its queues, and `fd` is nobody else's to close.
    /// - Entries queued in it satisfy the contract of [`SubmissionQueue::push`](crate::SubmissionQueue::push). (A ring with
    ///   SQ_REWIND is taken over empty, because its kernel reads no tail.)
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

    /// Takes over a ring whose memory is mapped already: one piece for both queues (or two, if the kernel maps them apart),
    /// and one for the SQEs. The ring owns `fd` and closes it; it does not unmap the memory.
    ///
    /// Nothing in the parameters is trusted. Every offset, mask and count is checked against the memory. Each piece must start
    /// at a multiple of 8. Words, entries and array must not overlap.
    ///
    /// # Errors
    ///
    /// [`SetupError::Garbled`], [`SetupError::Unconsumed`], [`SetupError::NotByHand`]; then `fd` stays the caller's.
    ///
    /// # Safety
    ///
    /// - `fd` is a ring that `kernel` set up, and not negative (a number below 0 is no descriptor to any kernel, and to Linux
    ///   -1 is the task); `params` are those that set-up returned for it, with the flags that it was asked for.
    /// - The memory is that ring's. It stays valid for reads and writes until the ring was dropped, and that drop has closed
    ///   `fd`. Only `kernel` shares it. `sq` and `cq` are the same piece, or two pieces.
    /// - Nobody else uses the ring, and `fd` is nobody else's to close.
    /// - Entries queued in it satisfy the contract of [`SubmissionQueue::push`](crate::SubmissionQueue::push). (A ring with
    ///   SQ_REWIND is taken over empty, because its kernel reads no tail.)
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

    /// Checks that a ring's flags are those of the entry types.
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
            /// Takes over the ring `fd` on [`Linux`], as [`from_fd_with`](Self::from_fd_with) does on any kernel.
            ///
            /// # Errors
            ///
            /// Those of [`from_fd_with`](Self::from_fd_with).
            ///
            /// # Safety
            ///
            /// The conditions of [`from_fd_with`](Self::from_fd_with).
            #[doc(alias = "io_uring_queue_mmap")]
            pub unsafe fn from_fd(fd: RawFd, params: Parameters) -> Result<Self, SetupError> {
                // SAFETY: the caller's contract is the same.
                unsafe { Self::from_fd_with(Linux, fd, params) }
            }
        }
    }
}
