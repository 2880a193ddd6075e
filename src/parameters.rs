//! [`Parameters`]: what the kernel reports about a ring that it made.
#![forbid(unsafe_code)]

use core::fmt;

use crate::flags::{Features, SetupFlags};
use crate::uapi::{io_cqring_offsets, io_sqring_offsets, io_uring_params};

/// What a ring was made with, and what its kernel reports about it (`struct io_uring_params`).
#[derive(Clone, Copy)]
#[doc(alias = "io_uring_params")]
pub struct Parameters(pub(crate) io_uring_params);

impl Parameters {
    /// The structure of zeroes that the kernel writes to.
    pub(crate) const NOTHING: Self = Self(io_uring_params {
        sq_entries: 0,
        cq_entries: 0,
        flags: 0,
        sq_thread_cpu: 0,
        sq_thread_idle: 0,
        features: 0,
        wq_fd: 0,
        resv: [0; 3],
        sq_off: io_sqring_offsets {
            head: 0,
            tail: 0,
            ring_mask: 0,
            ring_entries: 0,
            flags: 0,
            dropped: 0,
            array: 0,
            resv1: 0,
            user_addr: 0,
        },
        cq_off: io_cqring_offsets {
            head: 0,
            tail: 0,
            ring_mask: 0,
            ring_entries: 0,
            overflow: 0,
            cqes: 0,
            flags: 0,
            resv1: 0,
            user_addr: 0,
        },
    });

    /// Takes the kernel's structure, for a ring that other code has set up.
    #[must_use]
    pub const fn from_raw(params: io_uring_params) -> Self {
        Self(params)
    }

    /// Clears the offset of the index array if the ring has no such array. The kernel does not write the field then, and the
    /// previous owner may have left anything in it.
    // kernel: io_uring/io_uring.c io_uring_create (6.12.117): with NO_SQARRAY the field stays as the caller passed it.
    // kernel: io_uring/io_uring.c io_prepare_config (7.3): with NO_SQARRAY the field stays as the caller passed it.
    pub(crate) const fn without_stale_array(mut self) -> Self {
        if self.setup().contains(SetupFlags::NO_SQARRAY) {
            self.0.sq_off.array = 0;
        }
        self
    }

    /// Returns the kernel's structure.
    #[must_use]
    pub const fn as_raw(&self) -> &io_uring_params {
        &self.0
    }

    /// Returns the set-up flags in force, including those that the builder added.
    #[inline]
    #[must_use]
    pub const fn setup(&self) -> SetupFlags {
        SetupFlags::from_bits_retain(self.0.flags)
    }

    /// Returns what the kernel can do (`IORING_FEAT_*`).
    #[inline]
    #[must_use]
    pub const fn features(&self) -> Features {
        Features::from_bits_retain(self.0.features)
    }

    /// Returns the number of slots of the submission queue.
    #[must_use]
    pub const fn sq_entries(&self) -> u32 {
        self.0.sq_entries
    }

    /// Returns the number of slots of the completion queue.
    #[must_use]
    pub const fn cq_entries(&self) -> u32 {
        self.0.cq_entries
    }

    /// Returns the number of milliseconds after which an idle SQPOLL thread sleeps, as it was asked for (0 means one second).
    // kernel: io_uring/sqpoll.c io_sq_offload_create (7.3): the default goes to the ring, not to the parameters.
    #[must_use]
    pub const fn sq_thread_idle(&self) -> u32 {
        self.0.sq_thread_idle
    }
}

impl fmt::Debug for Parameters {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters")
            .field("sq_entries", &self.0.sq_entries)
            .field("cq_entries", &self.0.cq_entries)
            .field("setup", &self.setup())
            .field("features", &self.features())
            .finish_non_exhaustive()
    }
}
