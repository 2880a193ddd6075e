//! What is done by path.

use core::ffi::c_char;

use super::address;
use crate::flags::{AtFlags, OpenFlags, StatxMask};
use crate::squeue::Entry;
use crate::types::sealed::UseFd;
use crate::types::{DestinationSlot, StatxBuffer};
use crate::uapi::io_uring_op::{IORING_OP_OPENAT, IORING_OP_STATX};

/// Opens a file, as `openat(2)`.
///
/// Since 5.6. The path, which ends with a zero byte, must stay valid until the entry was submitted.
///
/// The kernel first tries without blocking. A FIFO, where that means something else, is therefore opened for reading
/// though nobody writes; with the flag [`ASYNC`](crate::squeue::Flags::ASYNC) the request waits as `openat` would.
///
/// # Completion
///
/// The new file descriptor, which is the caller's to close; with [`file_index`](Self::file_index) 0, or the slot
/// allocated. Errors as `openat(2)`; `ENFILE`: no slot is free; `EINVAL`: close-on-exec together with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_OPENAT")]
#[doc(alias = "io_uring_prep_openat")]
#[doc(alias = "io_uring_prep_openat_direct")]
#[repr(transparent)]
pub struct OpenAt(Entry);

request!(OpenAt, IORING_OP_OPENAT);

impl OpenAt {
    /// Opens `path`, seen from the directory `dir` ([`Fd::CWD`](crate::types::Fd::CWD): the working directory), for
    /// reading.
    #[inline]
    #[must_use]
    pub fn new(dir: impl UseFd, path: *const c_char) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = dir.into_fd().0;
        entry.addr = address(path);
        Self(entry)
    }

    /// `O_*` flags, of the target's numbers.
    #[inline]
    #[must_use]
    pub const fn flags(mut self, flags: OpenFlags) -> Self {
        self.0.op_flags = flags.0;
        self
    }

    /// The permission bits of a file that is created.
    #[inline]
    #[must_use]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.0.len = mode;
        self
    }

    /// Puts the file among the registered ones, without a file descriptor. Since 5.15.
    #[inline]
    #[must_use]
    pub const fn file_index(mut self, slot: DestinationSlot) -> Self {
        self.0.file_index = slot.encoded();
        self
    }
}

/// Tells about a file, as `statx(2)`.
///
/// Since 5.6. The path, which ends with a zero byte, must stay valid until the entry was submitted, the buffer, and
/// nobody else's, until the completion. With an empty path and `AT_EMPTY_PATH` the file is `dir` itself.
///
/// # Completion
///
/// 0, and the buffer filled. Errors as `statx(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_STATX")]
#[doc(alias = "io_uring_prep_statx")]
#[repr(transparent)]
pub struct Statx(Entry);

request!(Statx, IORING_OP_STATX);

impl Statx {
    /// Fills `buffer` about `path`, seen from the directory `dir`.
    #[inline]
    #[must_use]
    pub fn new(dir: impl UseFd, path: *const c_char, buffer: *mut StatxBuffer) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = dir.into_fd().0;
        entry.addr = address(path);
        entry.off = address(buffer);
        Self(entry)
    }

    /// `AT_*` flags.
    #[inline]
    #[must_use]
    pub const fn flags(mut self, flags: AtFlags) -> Self {
        self.0.op_flags = flags.0;
        self
    }

    /// Which fields are asked for.
    #[inline]
    #[must_use]
    pub const fn mask(mut self, mask: StatxMask) -> Self {
        self.0.len = mask.0;
        self
    }
}
