//! Reading and writing.

use super::address;
use crate::flags::{RwFlags, SqeFlags};
use crate::squeue::Entry;
use crate::types::IoVec;
use crate::types::sealed::UseFixed;
use crate::uapi::io_uring_op::{
    IORING_OP_READ, IORING_OP_READ_FIXED, IORING_OP_READV, IORING_OP_WRITE, IORING_OP_WRITE_FIXED, IORING_OP_WRITEV,
};

/// What all reads and writes have: a place in the file, a priority, flags.
macro_rules! positioned {
    ($name:ident) => {
        impl $name {
            /// The offset in the file to start at; at first 0. `u64::MAX` (-1) is the file's own position, which moves
            /// (`FEAT_RW_CUR_POS`, since 5.6). Without meaning for pipes and sockets, where it must be 0 or -1.
            #[inline]
            #[must_use]
            pub const fn offset(mut self, offset: u64) -> Self {
                self.0.off = offset;
                self
            }

            /// The priority, as `ioprio_set(2)` takes it; at first the task's.
            #[inline]
            #[must_use]
            pub const fn ioprio(mut self, ioprio: u16) -> Self {
                self.0.ioprio = ioprio;
                self
            }

            /// Flags as `preadv2(2)` and `pwritev2(2)` take them (`RWF_*`).
            #[inline]
            #[must_use]
            pub const fn rw_flags(mut self, flags: RwFlags) -> Self {
                self.0.op_flags = flags.0;
                self
            }
        }
    };
}

/// Reads into one buffer, as `pread(2)`.
///
/// Since 5.6. The buffer must stay valid, and nobody else's, until the completion.
///
/// # Completion
///
/// The number of bytes read, which can be less than asked for; 0 is the end of the file. `EAGAIN`: nothing to read, and
/// the file is non-blocking. `ECANCELED`: cancelled, or a request linked before it failed. `EBADF`, `EFAULT`, `EINTR`,
/// `EINVAL`, `EIO`, `EISDIR` as `preadv(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_READ")]
#[doc(alias = "io_uring_prep_read")]
#[repr(transparent)]
pub struct Read(Entry);

request!(Read, IORING_OP_READ);
positioned!(Read);

impl Read {
    /// Reads at most `len` bytes from `fd` to `buf`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *mut u8, len: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.addr = address(buf);
        entry.len = len;
        Self(entry)
    }

    /// Lets the kernel pick a buffer of this group, of which the request's length is the limit; the completion has its
    /// id. Since 5.7.
    #[inline]
    #[must_use]
    #[doc(alias = "IOSQE_BUFFER_SELECT")]
    pub const fn buf_group(mut self, group: u16) -> Self {
        self.0.buf_index = group;
        self.0.flags |= SqeFlags::BUFFER_SELECT.bits();
        self
    }
}

/// Writes from one buffer, as `pwrite(2)`.
///
/// Since 5.6. The buffer must stay valid and unchanged until the completion.
///
/// # Completion
///
/// The number of bytes written, which can be less than asked for. `ENOSPC`, `EDQUOT`, `EFBIG`: no room, for all or for
/// the rest. `EPIPE`: nobody reads. `ECANCELED`: cancelled, or a request linked before it failed. `EAGAIN`, `EBADF`,
/// `EFAULT`, `EINTR`, `EINVAL`, `EIO` as `pwritev(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_WRITE")]
#[doc(alias = "io_uring_prep_write")]
#[repr(transparent)]
pub struct Write(Entry);

request!(Write, IORING_OP_WRITE);
positioned!(Write);

impl Write {
    /// Writes at most `len` bytes from `buf` to `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *const u8, len: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.addr = address(buf);
        entry.len = len;
        Self(entry)
    }
}

/// Reads into several buffers, as `preadv(2)`.
///
/// Since 5.1. The array must stay valid until the entry was submitted, the buffers, and nobody else's, until the
/// completion.
///
/// # Completion
///
/// The number of bytes read, which can be less than asked for; 0 is the end of the file. `EAGAIN`: nothing to read, and
/// the file is non-blocking. `ECANCELED`: cancelled, or a request linked before it failed. `EBADF`, `EFAULT`, `EINTR`,
/// `EINVAL`, `EIO`, `EISDIR` as `preadv(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_READV")]
#[doc(alias = "io_uring_prep_readv")]
#[repr(transparent)]
pub struct Readv(Entry);

request!(Readv, IORING_OP_READV);
positioned!(Readv);

impl Readv {
    /// Reads from `fd` into the `count` pieces at `iovec`, one after the other.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, iovec: *const IoVec, count: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.addr = address(iovec);
        entry.len = count;
        Self(entry)
    }
}

/// Writes from several buffers, as `pwritev(2)`.
///
/// Since 5.1. The array must stay valid until the entry was submitted, the buffers, unchanged, until the
/// completion.
///
/// # Completion
///
/// The number of bytes written, which can be less than asked for. `ENOSPC`, `EDQUOT`, `EFBIG`: no room, for all or for
/// the rest. `EPIPE`: nobody reads. `ECANCELED`: cancelled, or a request linked before it failed. `EAGAIN`, `EBADF`,
/// `EFAULT`, `EINTR`, `EINVAL`, `EIO` as `pwritev(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_WRITEV")]
#[doc(alias = "io_uring_prep_writev")]
#[repr(transparent)]
pub struct Writev(Entry);

request!(Writev, IORING_OP_WRITEV);
positioned!(Writev);

impl Writev {
    /// Writes the `count` pieces at `iovec`, one after the other, to `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, iovec: *const IoVec, count: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.addr = address(iovec);
        entry.len = count;
        Self(entry)
    }
}

/// Reads into a registered buffer.
///
/// Since 5.1. The buffer must stay registered, and nobody else's, until the completion.
///
/// # Completion
///
/// The number of bytes read, which can be less than asked for; 0 is the end of the file. `EAGAIN`: nothing to read, and
/// the file is non-blocking. `ECANCELED`: cancelled, or a request linked before it failed. `EBADF`, `EFAULT`, `EINTR`,
/// `EINVAL`, `EIO`, `EISDIR` as `preadv(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_READ_FIXED")]
#[doc(alias = "io_uring_prep_read_fixed")]
#[repr(transparent)]
pub struct ReadFixed(Entry);

request!(ReadFixed, IORING_OP_READ_FIXED);
positioned!(ReadFixed);

impl ReadFixed {
    /// Reads at most `len` bytes from `fd` to `buf`, which lies within the registered buffer `buf_index`; elsewhere the
    /// result is `EFAULT`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *mut u8, len: u32, buf_index: u16) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.addr = address(buf);
        entry.len = len;
        entry.buf_index = buf_index;
        Self(entry)
    }
}

/// Writes from a registered buffer.
///
/// Since 5.1. The buffer must stay registered and unchanged until the completion.
///
/// # Completion
///
/// The number of bytes written, which can be less than asked for. `ENOSPC`, `EDQUOT`, `EFBIG`: no room, for all or for
/// the rest. `EPIPE`: nobody reads. `ECANCELED`: cancelled, or a request linked before it failed. `EAGAIN`, `EBADF`,
/// `EFAULT`, `EINTR`, `EINVAL`, `EIO` as `pwritev(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_WRITE_FIXED")]
#[doc(alias = "io_uring_prep_write_fixed")]
#[repr(transparent)]
pub struct WriteFixed(Entry);

request!(WriteFixed, IORING_OP_WRITE_FIXED);
positioned!(WriteFixed);

impl WriteFixed {
    /// Writes at most `len` bytes to `fd` from `buf`, which lies within the registered buffer `buf_index`; elsewhere the
    /// result is `EFAULT`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *const u8, len: u32, buf_index: u16) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.addr = address(buf);
        entry.len = len;
        entry.buf_index = buf_index;
        Self(entry)
    }
}
