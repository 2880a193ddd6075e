//! Reading and writing.

use core::ffi::c_void;

use super::on_memory;
use crate::flags::{AttrTypes, RwFlags, SqeFlags};
use crate::squeue::Entry;
use crate::types::address;
use crate::types::sealed::UseFixed;
use crate::types::{AttrPi, IoVec};
use crate::uapi::io_uring_op::{
    IORING_OP_READ, IORING_OP_READ_FIXED, IORING_OP_READ_MULTISHOT, IORING_OP_READV, IORING_OP_READV_FIXED,
    IORING_OP_WRITE, IORING_OP_WRITE_FIXED, IORING_OP_WRITEV, IORING_OP_WRITEV_FIXED,
};

/// What every read and write has: a place in the file, and flags.
macro_rules! positioned {
    ($($name:ident)*) => {$(
        impl $name {
            /// The offset in the file to start at; at first 0. `u64::MAX` (-1) is the file's own position, which moves
            /// (`FEAT_RW_CUR_POS`, since 5.6). Without meaning for pipes and sockets, where it must be 0 or -1.
            #[inline]
            #[must_use]
            pub const fn offset(mut self, offset: u64) -> Self {
                self.0.off = offset;
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
    )*};
}

/// What those have beside it that are over once they complete: a priority, and attributes.
macro_rules! single {
    ($($name:ident)*) => {$(
        impl $name {
            /// The priority, as `ioprio_set(2)` takes it; at first the task's.
            #[inline]
            #[must_use]
            pub const fn ioprio(mut self, ioprio: u16) -> Self {
                self.0.ioprio = ioprio;
                self
            }

            /// Protection information: integrity data that a block device checks, reads or writes beside the blocks
            /// themselves. Since 6.14.
            ///
            /// The attribute must stay valid until the entry was submitted, the memory that it points to until the
            /// completion. `EINVAL`: the file has no such thing; `EOPNOTSUPP`: it was not opened with `O_DIRECT`.
            ///
            /// ```
            /// use bare_uring::opcode::Write;
            /// use bare_uring::types::{AttrPi, Fd, IntegrityFlags};
            ///
            /// // Two blocks of 512 bytes, for a device that keeps 8 bytes of integrity data for each: a checksum (the
            /// // guard), a tag of the application's, and a reference tag, which counts the blocks from the seed on.
            /// let (blocks, mut integrity) = ([0_u8; 1024], [0_u8; 16]);
            /// let checked = IntegrityFlags::CHK_GUARD | IntegrityFlags::CHK_REFTAG;
            /// let pi = AttrPi::new(integrity.as_mut_ptr(), 16).flags(checked).seed(8);
            /// let entry = Write::new(Fd(3), blocks.as_ptr(), 1024).offset(8 * 512).pi(&pi).build();
            /// // From the push on: `pi` until it was submitted, `blocks` and `integrity` until the completion.
            /// # let _ = entry;
            /// ```
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_RW_ATTR_FLAG_PI")]
            pub fn pi(self, attribute: *const AttrPi) -> Self {
                self.attributes(attribute.cast(), AttrTypes::PI)
            }

            /// Attributes of these types, one after the other at this address, in the order of their bits. Since 6.14.
            ///
            /// They must stay valid until the entry was submitted. `EINVAL`: the kernel does not know one of the types,
            /// or the file does not have it. For the one that there is, [`pi`](Self::pi) does.
            #[inline]
            #[must_use]
            #[doc(alias = "attr_ptr")]
            #[doc(alias = "attr_type_mask")]
            pub fn attributes(mut self, attributes: *const c_void, types: AttrTypes) -> Self {
                self.0.addr3 = address(attributes);
                self.0.attr_type_mask = types.bits();
                self
            }
        }
    )*};
}

/// What all writes have: a stream.
macro_rules! written {
    ($($name:ident)*) => {$(
        impl $name {
            /// The write stream: data with the same number is put together by a device that knows streams. 0, as at
            /// first, is none. Since 6.16, before which it is ignored, as it is by a file that has no streams.
            /// `EINVAL`: a block device, opened with `O_DIRECT`, has fewer.
            #[inline]
            #[must_use]
            pub const fn write_stream(mut self, stream: u8) -> Self {
                // The kernel has the first byte of the field, on either endianness.
                self.0.file_index = u32::from_ne_bytes([stream, 0, 0, 0]);
                self
            }
        }
    )*};
}

/// An entry about memory of a registered buffer.
fn within<T>(code: u8, fd: impl UseFixed, memory: *const T, len: u32, buf_index: u16) -> Entry {
    let mut entry = on_memory(code, fd, memory, len);
    entry.buf_index = buf_index;
    entry
}

/// Reads into one buffer, as `pread(2)`.
///
/// Since 5.6. The buffer must stay valid, and nobody else's, until the completion.
///
/// # Completion
///
/// The number of bytes read, which can be less than asked for (read on behind them; with a link, the chain is broken
/// then); 0 is the end of the file. `EAGAIN`: nothing to read, the file is non-blocking, and can't be polled (on a pipe, a
/// socket, an eventfd, a timerfd or a signalfd the kernel waits nevertheless, but for 5.10 with ASYNC). `ECANCELED`, `EINTR`:
/// [cancelled](crate::opcode#cancelling); of a file on a disk, once it is under way, it can't be. `EOPNOTSUPP`: a flag
/// or polled I/O that the file does not do. `EBADF`, `EFAULT`, `EINVAL`, `EIO`, `EISDIR` as `preadv(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_READ")]
#[doc(alias = "io_uring_prep_read")]
#[repr(transparent)]
pub struct Read(Entry);

request!(Read, IORING_OP_READ);

impl Read {
    /// Reads at most `len` bytes from `fd` to `buf`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *mut u8, len: u32) -> Self {
        Self(on_memory(Self::CODE, fd, buf, len))
    }
}

buf_group! {
    /// Lets the kernel pick a buffer of this group, of which the request's length is the limit (0: all of it); the
    /// completion has its id. `ENOBUFS`: the group is empty. Since 5.7.
    Read
}

/// Writes from one buffer, as `pwrite(2)`.
///
/// Since 5.6. The buffer must stay valid and unchanged until the completion.
///
/// # Completion
///
/// The number of bytes written, which can be less than asked for (write on behind them; with a link, the chain is
/// broken then). `ENOSPC`, `EDQUOT`, `EFBIG`: no room, for all or for the rest. `EPIPE`: nobody reads; the signal
/// `SIGPIPE` can come too, unless [`RwFlags`] has `RWF_NOSIGNAL` (6.18). `EAGAIN`: no room, the file is
/// non-blocking, and can't be polled. `ECANCELED`, `EINTR`: [cancelled](crate::opcode#cancelling);
/// of a file on a disk, once it is under way, it can't be. `EOPNOTSUPP`: a flag or polled I/O that the file does not
/// do. `EBADF`, `EFAULT`, `EINVAL`, `EIO` as `pwritev(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_WRITE")]
#[doc(alias = "io_uring_prep_write")]
#[repr(transparent)]
pub struct Write(Entry);

request!(Write, IORING_OP_WRITE);

impl Write {
    /// Writes at most `len` bytes from `buf` to `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *const u8, len: u32) -> Self {
        Self(on_memory(Self::CODE, fd, buf, len))
    }
}

/// Reads into several buffers, as `preadv(2)`.
///
/// Since 5.1. The array must stay valid until the entry was submitted, the buffers, and nobody else's, until the
/// completion.
///
/// # Completion
///
/// As that of [`Read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_READV")]
#[doc(alias = "io_uring_prep_readv")]
#[doc(alias = "io_uring_prep_readv2")]
#[repr(transparent)]
pub struct Readv(Entry);

request!(Readv, IORING_OP_READV);

impl Readv {
    /// Reads from `fd` into the `count` pieces at `iovec`, one after the other.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, iovec: *const IoVec, count: u32) -> Self {
        Self(on_memory(Self::CODE, fd, iovec, count))
    }
}

buf_group! {
    /// Lets the kernel pick a buffer of this group. There must be one piece (else `EINVAL`), of which the length alone
    /// counts, as the limit; the completion has the buffer's id. `ENOBUFS`: the group is empty. Since 5.7.
    Readv
}

/// Writes from several buffers, as `pwritev(2)`.
///
/// Since 5.1. The array must stay valid until the entry was submitted, the buffers, unchanged, until the
/// completion.
///
/// # Completion
///
/// As that of [`Write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_WRITEV")]
#[doc(alias = "io_uring_prep_writev")]
#[doc(alias = "io_uring_prep_writev2")]
#[repr(transparent)]
pub struct Writev(Entry);

request!(Writev, IORING_OP_WRITEV);

impl Writev {
    /// Writes the `count` pieces at `iovec`, one after the other, to `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, iovec: *const IoVec, count: u32) -> Self {
        Self(on_memory(Self::CODE, fd, iovec, count))
    }
}

/// Reads into a registered buffer.
///
/// Since 5.1. The buffer must stay registered, and nobody else's, until the completion.
///
/// # Completion
///
/// As that of [`Read`]. `EFAULT`: not within the buffer, or there is no such buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_READ_FIXED")]
#[doc(alias = "io_uring_prep_read_fixed")]
#[repr(transparent)]
pub struct ReadFixed(Entry);

request!(ReadFixed, IORING_OP_READ_FIXED);

impl ReadFixed {
    /// Reads at most `len` bytes from `fd` to `buf`, which lies within the registered buffer `buf_index`; elsewhere the
    /// result is `EFAULT`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *mut u8, len: u32, buf_index: u16) -> Self {
        Self(within(Self::CODE, fd, buf, len, buf_index))
    }
}

/// Writes from a registered buffer.
///
/// Since 5.1. The buffer must stay registered and unchanged until the completion.
///
/// # Completion
///
/// As that of [`Write`]. `EFAULT`: not within the buffer, or there is no such buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_WRITE_FIXED")]
#[doc(alias = "io_uring_prep_write_fixed")]
#[repr(transparent)]
pub struct WriteFixed(Entry);

request!(WriteFixed, IORING_OP_WRITE_FIXED);

impl WriteFixed {
    /// Writes at most `len` bytes to `fd` from `buf`, which lies within the registered buffer `buf_index`; elsewhere
    /// the result is `EFAULT`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf: *const u8, len: u32, buf_index: u16) -> Self {
        Self(within(Self::CODE, fd, buf, len, buf_index))
    }
}

/// Reads into several pieces of a registered buffer.
///
/// Since 6.15. The array must stay valid until the entry was submitted, the buffer must stay registered, and nobody
/// else's, until the completion.
///
/// # Completion
///
/// The number of bytes read, which can be less than asked for; 0 is the end of the file. `EFAULT`: a piece is empty or
/// not within the buffer, or there is no such buffer. Else as [`ReadFixed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_READV_FIXED")]
#[doc(alias = "io_uring_prep_readv_fixed")]
#[repr(transparent)]
pub struct ReadvFixed(Entry);

request!(ReadvFixed, IORING_OP_READV_FIXED);

impl ReadvFixed {
    /// Reads from `fd` into the `count` pieces at `iovec`, one after the other, all within the registered buffer
    /// `buf_index`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, iovec: *const IoVec, count: u32, buf_index: u16) -> Self {
        Self(within(Self::CODE, fd, iovec, count, buf_index))
    }
}

/// Writes from several pieces of a registered buffer.
///
/// Since 6.15. The array must stay valid until the entry was submitted, the buffer must stay registered and unchanged
/// until the completion.
///
/// # Completion
///
/// The number of bytes written, which can be less than asked for. `EFAULT`: a piece is empty or not within the buffer,
/// or there is no such buffer. Else as [`WriteFixed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_WRITEV_FIXED")]
#[doc(alias = "io_uring_prep_writev_fixed")]
#[repr(transparent)]
pub struct WritevFixed(Entry);

request!(WritevFixed, IORING_OP_WRITEV_FIXED);

impl WritevFixed {
    /// Writes the `count` pieces at `iovec`, one after the other, all within the registered buffer `buf_index`, to
    /// `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, iovec: *const IoVec, count: u32, buf_index: u16) -> Self {
        Self(within(Self::CODE, fd, iovec, count, buf_index))
    }
}

/// Reads whenever there is something, each time into a buffer that the kernel picks from a group.
///
/// Since 6.7. The group's buffers must stay valid until they were used or taken back. For files that can be polled:
/// pipes, sockets, terminals, eventfds.
///
/// # Completion
///
/// One for each read, with the number of bytes and the buffer's id. While they carry
/// [`MORE`](crate::cqueue::Flags::MORE), the request goes on; the first without it is the last: 0: the end of the file.
/// `ENOBUFS`: the group is empty: give buffers back, and push the request anew. `ECANCELED`: cancelled. `EBADFD`: the
/// file can't be polled. A success without `MORE`: the completion queue was full; push the request anew. Else as
/// [`Read`]. [`Recv::multi`](super::Recv::multi) has an example of such a request with its buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_READ_MULTISHOT")]
#[doc(alias = "io_uring_prep_read_multishot")]
#[repr(transparent)]
pub struct ReadMulti(Entry);

request!(ReadMulti, IORING_OP_READ_MULTISHOT);

impl ReadMulti {
    /// Reads from `fd` to buffers of `buf_group`, each time as much as the buffer takes. (The kernel refuses a length.)
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf_group: u16) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.buf_index = buf_group;
        entry.flags |= SqeFlags::BUFFER_SELECT.bits();
        Self(entry)
    }
}

positioned!(Read Write Readv Writev ReadFixed WriteFixed ReadvFixed WritevFixed ReadMulti);
single!(Read Write Readv Writev ReadFixed WriteFixed ReadvFixed WritevFixed);
written!(Write Writev WriteFixed WritevFixed);
