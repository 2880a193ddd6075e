//! What is done to an open file.

use crate::flags::FsyncFlags;
use crate::squeue::Entry;
use crate::types::sealed::{Target, UseFixed};
use crate::uapi::io_uring_op::{IORING_OP_CLOSE, IORING_OP_FSYNC};

/// Writes a file's changes to the device, as `fsync(2)`.
///
/// Since 5.1. Points to nothing. Ordered behind writes only by a link or a drain: it does not wait for requests that
/// are in flight.
///
/// # Completion
///
/// 0 on success. `EIO`: writing failed, of this or an earlier write. `EINVAL`: the file can't be synchronised. `EBADF`,
/// `ENOSPC`, `EROFS`, `EDQUOT` as `fsync(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FSYNC")]
#[doc(alias = "io_uring_prep_fsync")]
#[repr(transparent)]
pub struct Fsync(Entry);

request!(Fsync, IORING_OP_FSYNC);

impl Fsync {
    /// Synchronises the whole of `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed) -> Self {
        Self(Entry::new(Self::CODE).target(fd.into_target()))
    }

    /// [`FsyncFlags::DATASYNC`]: as `fdatasync(2)`.
    #[inline]
    #[must_use]
    pub const fn flags(mut self, flags: FsyncFlags) -> Self {
        self.0.op_flags = flags.bits();
        self
    }

    /// Only `len` bytes from `offset` on; a length of 0 is up to the end.
    #[inline]
    #[must_use]
    pub const fn range(mut self, offset: u64, len: u32) -> Self {
        self.0.off = offset;
        self.0.len = len;
        self
    }
}

/// Closes a file descriptor, or takes a file out of the registered ones.
///
/// Since 5.6, registered files since 5.15. Points to nothing.
///
/// # Completion
///
/// 0 on success. `EBADF`: `fd` is not open, is a ring, or the slot is empty. `ENXIO`, `EINVAL`: no registered files, or no such slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_CLOSE")]
#[doc(alias = "io_uring_prep_close")]
#[doc(alias = "io_uring_prep_close_direct")]
#[repr(transparent)]
pub struct Close(Entry);

request!(Close, IORING_OP_CLOSE);

impl Close {
    /// Closes `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed) -> Self {
        let mut entry = Entry::new(Self::CODE);
        match fd.into_target() {
            Target::Fd(fd) => entry.fd = fd.0,
            Target::Fixed(slot) => {
                // A slot is encoded as its number plus one, beside a descriptor of 0. The largest number must not wrap
                // to "no slot", which would close descriptor 0; no ring has a slot near it.
                entry.fd = 0;
                entry.file_index = slot.0.saturating_add(1);
            }
        }
        Self(entry)
    }
}
