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

/// Defines what every read and write has: an offset in the file, and flags.
macro_rules! positioned {
    ($($name:ident)*) => {$(
        impl $name {
            /// Sets the offset in the file to start at. The default is 0. `u64::MAX` (-1) means the file's own
            /// position, which then moves (`FEAT_RW_CUR_POS`, since 5.6). Pipes and sockets have no offset; for them it
            /// must be 0 or -1.
            #[inline]
            #[must_use]
            pub const fn offset(mut self, offset: u64) -> Self {
                // kernel: io_uring/rw.c io_kiocb_update_pos (6.12.117): an offset of -1 is the file's own position; a
                // stream has none, and the offset is then taken as 0.
                self.0.off = offset;
                self
            }

            /// Sets flags as `preadv2(2)` and `pwritev2(2)` take them (`RWF_*`).
            #[inline]
            #[must_use]
            pub const fn rw_flags(mut self, flags: RwFlags) -> Self {
                self.0.op_flags = flags.0;
                self
            }
        }
    )*};
}

/// Defines what one-shot reads and writes have besides: a priority, and attributes.
macro_rules! single {
    ($($name:ident)*) => {$(
        impl $name {
            /// Sets the priority, as `ioprio_set(2)` takes it. The default is the task's.
            #[inline]
            #[must_use]
            pub const fn ioprio(mut self, ioprio: u16) -> Self {
                // kernel: io_uring/rw.c io_prep_rw (6.12.117): a priority of 0 means the task's; another one is checked
                // as `ioprio_set(2)` does.
                self.0.ioprio = ioprio;
                self
            }

            /// Adds protection information: integrity data that a block device checks, reads or writes together with
            /// the blocks. Since 6.14.
            ///
            /// The attribute must stay valid until the entry has been submitted, and the memory that it points to until
            /// the completion. `EINVAL`: the file has no integrity data; `EOPNOTSUPP`: the file was not opened with
            /// `O_DIRECT`.
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
            /// // `pi` must now stay until the submission, `blocks` and `integrity` until the completion.
            /// # let _ = entry;
            /// ```
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_RW_ATTR_FLAG_PI")]
            pub fn pi(self, attribute: *const AttrPi) -> Self {
                self.attributes(attribute.cast(), AttrTypes::PI)
            }

            /// Adds attributes of these types, which lie one after the other at this address, in the order of their
            /// bits. Since 6.14.
            ///
            /// The attributes must stay valid until the entry has been submitted. `EINVAL`: the kernel does not know
            /// one of the types, or the file does not have it. For the one type that there is, use [`pi`](Self::pi).
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

/// Defines what all writes have: a write stream.
macro_rules! written {
    ($($name:ident)*) => {$(
        impl $name {
            /// Sets the write stream: a device that knows streams keeps data with the same number together. The
            /// default, 0, means no stream. Since 6.16; older kernels ignore the number, and so does a file without
            /// streams. `EINVAL`: a block device, opened with `O_DIRECT`, has fewer streams.
            #[inline]
            #[must_use]
            pub const fn write_stream(mut self, stream: u8) -> Self {
                // The kernel reads the first byte of the field, on either endianness.
                self.0.file_index = u32::from_ne_bytes([stream, 0, 0, 0]);
                self
            }
        }
    )*};
}

/// Builds an entry about memory in a registered buffer.
fn within<T>(code: u8, fd: impl UseFixed, memory: *const T, len: u32, buf_index: u16) -> Entry {
    let mut entry = on_memory(code, fd, memory, len);
    // kernel: io_uring/rw.c io_prep_rw_fixed (6.12.117): the registered buffer is found at submission and kept until
    // the request is done; memory outside of it is `EFAULT`.
    entry.buf_index = buf_index;
    entry
}

/// Reads into one buffer, as `pread(2)`.
///
/// Since 5.6. The buffer must stay valid, and be used by nothing else, until the completion.
///
/// # Completion
///
/// The number of bytes read, which can be less than asked for (read the rest with a further request; the result breaks
/// a chain of links); 0 is the end of the file. `EAGAIN`: there is nothing to read, the file is non-blocking, and it
/// cannot be polled (on a pipe, a socket, an eventfd, a timerfd or a signalfd the kernel waits nevertheless, except for
/// 5.10 with ASYNC). `ECANCELED`, `EINTR`: [cancelled](crate::opcode#cancelling); a read of a file on a disk cannot be
/// cancelled once it is under way. `EOPNOTSUPP`: the file does not support a flag, or polled I/O. `EBADF`, `EFAULT`,
/// `EINVAL`, `EIO`, `EISDIR` as `preadv(2)`.
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
    /// Lets the kernel pick a buffer of this group. The request's length limits the read (0: the whole buffer), and the
    /// completion has the buffer's id. `ENOBUFS`: the group is empty. Since 5.7.
    Read
}

/// Writes from one buffer, as `pwrite(2)`.
///
/// Since 5.6. The buffer must stay valid and unchanged until the completion.
///
/// # Completion
///
/// The number of bytes written, which can be less than asked for (write the rest with a further request; the result
/// breaks a chain of links). `ENOSPC`, `EDQUOT`, `EFBIG`: there is no room for all or for the rest. `EPIPE`: there is
/// no reader; the signal `SIGPIPE` can come too, unless [`RwFlags`] has `RWF_NOSIGNAL` (6.18). `EAGAIN`: there is no
/// room, the file is non-blocking, and it cannot be polled. `ECANCELED`, `EINTR`:
/// [cancelled](crate::opcode#cancelling); a write to a file on a disk cannot be cancelled once it is under way.
/// `EOPNOTSUPP`: the file does not support a flag, or polled I/O. `EBADF`, `EFAULT`, `EINVAL`, `EIO` as `pwritev(2)`.
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
/// Since 5.1. The array must stay valid until the entry has been submitted. The buffers must stay valid, and be used by
/// nothing else, until the completion.
///
/// # Completion
///
/// The result and the errors are those of [`Read`].
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
    /// Lets the kernel pick a buffer of this group. There must be exactly one piece (else `EINVAL`), of which only the
    /// length counts: it limits the read. The completion has the buffer's id. `ENOBUFS`: the group is empty. Since 5.7.
    Readv
}

/// Writes from several buffers, as `pwritev(2)`.
///
/// Since 5.1. The array must stay valid until the entry has been submitted. The buffers must stay valid and unchanged
/// until the completion.
///
/// # Completion
///
/// The result and the errors are those of [`Write`].
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
/// Since 5.1. The buffer must stay registered, and be used by nothing else, until the completion.
///
/// # Completion
///
/// The result and the errors are those of [`Read`]. `EFAULT`: the memory is not within the buffer, or there is no such
/// buffer.
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
/// The result and the errors are those of [`Write`]. `EFAULT`: the memory is not within the buffer, or there is no such
/// buffer.
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
/// Since 6.15. The array must stay valid until the entry has been submitted. The buffer must stay registered, and be
/// used by nothing else, until the completion.
///
/// # Completion
///
/// The number of bytes read, which can be less than asked for; 0 is the end of the file. `EFAULT`: a piece is empty or
/// not within the buffer, or there is no such buffer. The other errors are those of [`ReadFixed`].
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
/// Since 6.15. The array must stay valid until the entry has been submitted. The buffer must stay registered and
/// unchanged until the completion.
///
/// # Completion
///
/// The number of bytes written, which can be less than asked for. `EFAULT`: a piece is empty or not within the buffer,
/// or there is no such buffer. The other errors are those of [`WriteFixed`].
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

/// Reads whenever there is data, each time into a buffer that the kernel picks from a group.
///
/// Since 6.7. The group's buffers must stay valid until they have been used or taken back. Only for files that can be
/// polled: pipes, sockets, terminals, eventfds.
///
/// # Completion
///
/// One completion for each read, with the number of bytes and the buffer's id. The request goes on as long as
/// completions carry [`MORE`](crate::cqueue::Flags::MORE); the first one without it is the last. Results of the last
/// one: 0: the end of the file. `ENOBUFS`: the group is empty; give buffers back, and push the request again.
/// `ECANCELED`: the request was cancelled. `EBADFD`: the file cannot be polled. A success without `MORE`: the
/// completion queue was full; push the request again. The other errors are those of [`Read`].
/// [`Recv::multi`](super::Recv::multi) has an example of such a request with its buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_READ_MULTISHOT")]
#[doc(alias = "io_uring_prep_read_multishot")]
#[repr(transparent)]
pub struct ReadMulti(Entry);

request!(ReadMulti, IORING_OP_READ_MULTISHOT);

impl ReadMulti {
    /// Reads from `fd` into buffers of `buf_group`, each time as much as the buffer holds. (The kernel refuses a
    /// length.)
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, buf_group: u16) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        // kernel: io_uring/rw.c io_read_mshot_prep (6.12.117): `addr` and `len` must be 0, and the flag to select a
        // buffer must be set.
        // kernel: io_uring/rw.c io_read_mshot (6.12.117): if a completion finds the queue full, it is posted as the
        // last one, without `MORE`.
        entry.buf_index = buf_group;
        entry.flags |= SqeFlags::BUFFER_SELECT.bits();
        Self(entry)
    }
}

positioned!(Read Write Readv Writev ReadFixed WriteFixed ReadvFixed WritevFixed ReadMulti);
single!(Read Write Readv Writev ReadFixed WriteFixed ReadvFixed WritevFixed);
written!(Write Writev WriteFixed WritevFixed);
