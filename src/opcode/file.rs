//! Requests on an open file.

use core::ffi::c_void;

use crate::flags::{FallocateFlags, FileAdvice, FixedFdFlags, FsyncFlags, MemoryAdvice, SyncFileRangeFlags};
use crate::squeue::Entry;
use crate::types::address;
use crate::types::sealed::{Target, UseFixed};
use crate::types::{Fixed, RawFd};
use crate::uapi::io_uring_op::{
    IORING_OP_CLOSE, IORING_OP_FADVISE, IORING_OP_FALLOCATE, IORING_OP_FILES_UPDATE, IORING_OP_FIXED_FD_INSTALL,
    IORING_OP_FSYNC, IORING_OP_FTRUNCATE, IORING_OP_MADVISE, IORING_OP_SYNC_FILE_RANGE,
};

/// Defines `offset`, for requests on a range of a file.
macro_rules! placed {
    ($($name:ident)*) => {$(
        impl $name {
            /// Sets the offset in the file to start at. The default is 0.
            #[inline]
            #[must_use]
            pub const fn offset(mut self, offset: u64) -> Self {
                self.0.off = offset;
                self
            }
        }
    )*};
}

/// Writes a file's changes to the device, as `fsync(2)`.
///
/// Since 5.1. Refers to no memory of the caller. Only a link or a drain orders it behind writes: it does not wait for
/// requests that are in flight.
///
/// # Completion
///
/// 0 on success. `EIO`: this or an earlier write failed; do not count on a second attempt, the data may be gone.
/// `EINVAL`: the file cannot be synchronised. `ECANCELED`: the request was [cancelled](crate::opcode#cancelling) before
/// a worker had it; once it runs, it waits for the device and cannot be cancelled. `EBADF`, `ENOSPC`, `EROFS`, `EDQUOT`
/// as `fsync(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FSYNC")]
#[doc(alias = "io_uring_prep_fsync")]
#[repr(transparent)]
pub struct Fsync(Entry);

request!(Fsync, IORING_OP_FSYNC);

impl Fsync {
    /// Synchronises all of `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed) -> Self {
        Self(Entry::new(Self::CODE).target(fd.into_target()))
    }

    /// Limits the request to `len` bytes from `offset` on. An offset and a length of 0 cover the whole file.
    #[inline]
    #[must_use]
    pub const fn range(mut self, offset: u64, len: u32) -> Self {
        // kernel: io_uring/sync.c io_fsync_prep (6.12.117): `addr`, `buf_index` and `file_index` must be 0, and so must
        // unknown flags; a worker runs every fsync.
        // kernel: io_uring/sync.c io_fsync (6.12.117): the range ends at the sum of offset and length, or at the end of
        // the file if that sum is 0.
        self.0.off = offset;
        self.0.len = len;
        self
    }
}

op_flags! {
    /// [`FsyncFlags::DATASYNC`] makes the request `fdatasync(2)`.
    Fsync, FsyncFlags
}

/// Starts or awaits the writing of a part of a file to the device, as `sync_file_range(2)`.
///
/// Since 5.2. Refers to no memory of the caller. It covers neither metadata nor the device's own cache: [`Fsync`] does.
///
/// # Completion
///
/// 0 on success. `EINVAL`: a flag is unknown, or the offset is negative. `ESPIPE`: `fd` is not a file, a device or a
/// directory. `EBADF`, `EIO`, `ENOSPC` as `sync_file_range(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SYNC_FILE_RANGE")]
#[doc(alias = "io_uring_prep_sync_file_range")]
#[repr(transparent)]
pub struct SyncFileRange(Entry);

request!(SyncFileRange, IORING_OP_SYNC_FILE_RANGE);

impl SyncFileRange {
    /// Covers `len` bytes of `fd`; 0 means up to the end. Without flags the request does nothing.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, len: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.len = len;
        Self(entry)
    }
}

op_flags! {
    /// Sets `SYNC_FILE_RANGE_*` flags: what is started and what is waited for.
    SyncFileRange, SyncFileRangeFlags
}

/// Allocates room on the device for a part of a file, or frees it, as `fallocate(2)`.
///
/// Since 5.6. Refers to no memory of the caller.
///
/// # Completion
///
/// 0 on success. `EOPNOTSUPP`: the filesystem does not do this. `EINVAL`: the length is 0, or flags do not go together.
/// `ENOSPC`, `EDQUOT`, `EFBIG`: there is no room. `EBADF`: `fd` is not open for writing. `ENODEV`, `ESPIPE`, `EISDIR`:
/// `fd` is not a file. `EINTR`, `EIO`, `EPERM`, `ETXTBSY` as `fallocate(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FALLOCATE")]
#[doc(alias = "io_uring_prep_fallocate")]
#[repr(transparent)]
pub struct Fallocate(Entry);

request!(Fallocate, IORING_OP_FALLOCATE);

impl Fallocate {
    /// Covers `len` bytes of `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, len: u64) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        // kernel: io_uring/sync.c io_fallocate_prep (6.12.117): the length is read from `addr`, and the mode from
        // `len`.
        entry.addr = len;
        Self(entry)
    }

    /// Sets `FALLOC_FL_*` flags. The default allocates room, and extends the file if it must.
    #[inline]
    #[must_use]
    pub const fn mode(mut self, mode: FallocateFlags) -> Self {
        self.0.len = mode.0;
        self
    }
}

/// Cuts or extends a file to a length, as `ftruncate(2)`.
///
/// Since 6.9. Refers to no memory of the caller.
///
/// # Completion
///
/// 0 on success. `EINVAL`: `fd` is not a file or not open for writing, or the length is negative. `EBADF`: `fd` is not
/// open. `EFBIG`, `EIO`, `EPERM`, `ETXTBSY` as `ftruncate(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FTRUNCATE")]
#[doc(alias = "io_uring_prep_ftruncate")]
#[repr(transparent)]
pub struct Ftruncate(Entry);

request!(Ftruncate, IORING_OP_FTRUNCATE);

impl Ftruncate {
    /// Makes the file `fd` `len` bytes long.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, len: u64) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        // kernel: io_uring/truncate.c io_ftruncate_prep (6.12.117): the length is read from `off`; `addr`, `len`,
        // `buf_index`, `addr3` and the flags must be 0.
        entry.off = len;
        Self(entry)
    }
}

/// Splits a length of advice into the two fields that it may stand in: the 32-bit field, which every kernel reads, if
/// the length fits, else the 64-bit field. Kernels before 6.11 refuse the 64-bit field with `EINVAL` instead of cutting
/// the length.
const fn advice_length(len: u64) -> (u32, u64) {
    // The cast loses nothing: the length was compared with `u32::MAX`.
    // kernel: io_uring/advise.c io_fadvise_prep, io_madvise_prep (6.12.117): the 64-bit field (`addr` of fadvise, `off`
    // of madvise) is the length unless it is 0; then the 32-bit field `len` is.
    if len <= u32::MAX as u64 { (len as u32, 0) } else { (0, len) }
}

/// Announces how a part of a file is going to be used, as `posix_fadvise(2)`.
///
/// Since 5.6. Refers to no memory of the caller.
///
/// # Completion
///
/// 0 on success. `EINVAL`: the advice is unknown; before 6.11, the length is 2^32 or more. `ESPIPE`: `fd` is a pipe.
/// `EBADF`: `fd` is not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FADVISE")]
#[doc(alias = "io_uring_prep_fadvise")]
#[doc(alias = "io_uring_prep_fadvise64")]
#[repr(transparent)]
pub struct Fadvise(Entry);

request!(Fadvise, IORING_OP_FADVISE);

impl Fadvise {
    /// Gives advice about `len` bytes of `fd`; 0 means up to the end.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, len: u64, advice: FileAdvice) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        (entry.len, entry.addr) = advice_length(len);
        entry.op_flags = advice.0;
        Self(entry)
    }
}

/// Announces how memory is going to be used, as `madvise(2)`.
///
/// Since 5.6. The memory must stay valid until the completion. Some advice (`MADV_DONTNEED`, `MADV_FREE`,
/// `MADV_REMOVE`, …) discards its content: then nothing else may use the memory.
///
/// # Completion
///
/// 0 on success. `EINVAL`: the advice is unknown, or the address is not the start of a page; before 6.11, the length is
/// 2^32 or more. `ENOMEM`: not all of the memory is mapped. `EACCES`, `EAGAIN`, `EBADF`, `EBUSY`, `EIO`, `EPERM` as
/// `madvise(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_MADVISE")]
#[doc(alias = "io_uring_prep_madvise")]
#[doc(alias = "io_uring_prep_madvise64")]
#[repr(transparent)]
pub struct Madvise(Entry);

request!(Madvise, IORING_OP_MADVISE);

impl Madvise {
    /// Gives advice about the `len` bytes at `addr`.
    #[inline]
    #[must_use]
    pub fn new(addr: *const c_void, len: u64, advice: MemoryAdvice) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = address(addr);
        (entry.len, entry.off) = advice_length(len);
        entry.op_flags = advice.0;
        Self(entry)
    }
}

/// Closes a file descriptor, or removes a file from the registered files.
///
/// Since 5.6, registered files since 5.15. Refers to no memory of the caller.
///
/// # Completion
///
/// 0 on success. `EBADF`: `fd` is not open or is a ring, or the index is empty. `ENXIO`, `EINVAL`: there are no
/// registered files, or there is no such index.
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
            Target::Fixed(index) => {
                // An index is encoded as itself plus one, with a descriptor of 0. The largest number must not wrap to 0,
                // which would close descriptor 0; no ring has so many files.
                // kernel: io_uring/openclose.c io_close_prep (6.12.117): an index and a descriptor other than
                // 0 is `EINVAL`, and so is a nonzero `off`, `addr`, `len` or `buf_index`; the flag for registered files
                // is `EBADF` here.
                entry.fd = 0;
                entry.file_index = index.0.saturating_add(1);
            }
        }
        Self(entry)
    }
}

/// Registers files, or removes them from the registered files, as
/// [`register_files_update`](crate::Submitter::register_files_update) does without a request.
///
/// Since 5.6. The array must stay valid until the completion, not only until the submission.
///
/// # Completion
///
/// The number of indices updated; less than asked for if a file was refused. If the first file was refused: `EBADF`: the
/// file is not open, or is a ring. `ENXIO`: there are no registered files. `EINVAL`, `EOVERFLOW`: there are no such
/// indices, or `count` is 0. `ENFILE`: no index is free ([`allocate`](Self::allocate)). `EFAULT`, `ENOMEM`.
///
/// ```
/// use std::os::fd::AsRawFd;
///
/// use bare_uring::opcode::{FilesUpdate, Read};
/// use bare_uring::squeue::Flags;
/// use bare_uring::types::Fixed;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// let file = std::fs::File::open("Cargo.toml")?;
/// let sparse = ring.submitter().register_files_sparse(4);
/// # if sparse == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 5.19"); return Ok(()) }
/// sparse?;
/// // The update empties index 1 and registers the file under index 2; the linked read then reads from index 2.
/// let fds = [-1, file.as_raw_fd()];
/// let mut buffer = [0; 16];
/// let update = FilesUpdate::new(fds.as_ptr(), 2).offset(1).build().user_data(1).flags(Flags::IO_LINK);
/// let read = Read::new(Fixed(2), buffer.as_mut_ptr(), 16).build().user_data(2);
/// // SAFETY: `fds` and `buffer` stay until the completions.
/// unsafe { ring.submission().push_multiple(&[update, read]).expect("there is room") };
/// ring.submit_and_wait(2)?;
/// let mut seen = [(0, Ok(0)); 2];
/// for (seen, cqe) in seen.iter_mut().zip(ring.completion()) {
///     *seen = (cqe.user_data(), cqe.outcome());
/// }
/// # if seen.contains(&(2, Err(bare_uring::Errno::EBADF))) { println!("skipped: before Linux 5.17"); return Ok(()) }
/// // Two indices were updated, then 16 bytes were read.
/// assert_eq!(seen, [(1, Ok(2)), (2, Ok(16))]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FILES_UPDATE")]
#[doc(alias = "io_uring_prep_files_update")]
#[repr(transparent)]
pub struct FilesUpdate(Entry);

request!(FilesUpdate, IORING_OP_FILES_UPDATE);

impl FilesUpdate {
    /// Registers the `count` files at `fds` under the indices from 0 on. A descriptor of -1 empties an index, and -2
    /// leaves it as it is.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_REGISTER_FILES_SKIP")]
    pub fn new(fds: *const RawFd, count: u32) -> Self {
        let mut entry = Entry::new(Self::CODE);
        // kernel: io_uring/rsrc.c io_files_update (6.12.117): the array of descriptors is read when the request runs,
        // not at submission.
        entry.addr = address(fds);
        entry.len = count;
        Self(entry)
    }

    /// Registers each of the `count` files at `fds` under a free index, and replaces each descriptor with that
    /// index. The array must be used by nothing else until the completion. Since 6.0.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_FILE_INDEX_ALLOC")]
    pub fn allocate(fds: *mut RawFd, count: u32) -> Self {
        let mut this = Self::new(fds, count);
        // kernel: io_uring/rsrc.c io_files_update_with_index_alloc (6.12.117): an offset of `u32::MAX` means
        // allocation; each index is written over its descriptor in the array, one after the other.
        this.0.off = u64::from(u32::MAX);
        this
    }

    /// Sets the index to start at. (This undoes [`allocate`](Self::allocate).)
    #[inline]
    #[must_use]
    pub const fn offset(mut self, index: u32) -> Self {
        // The largest number would mean `allocate`, and the kernel would write to the array; no ring has so many files.
        self.0.off = if index == u32::MAX { index - 1 } else { index } as u64;
        self
    }
}

/// Makes a file descriptor for a registered file, which stays registered.
///
/// Since 6.8. Refers to no memory of the caller.
///
/// # Completion
///
/// The new file descriptor, which the caller must close. `EBADF`: the index is empty. `EMFILE`: no descriptor is free.
/// `EINVAL`: a flag is unknown. `EPERM`: the request has a personality, or a security module forbids it.
///
/// A file that is named by a descriptor already does not compile:
///
/// ```compile_fail,E0308
/// let _ = bare_uring::opcode::FixedFdInstall::new(bare_uring::types::Fd(3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FIXED_FD_INSTALL")]
#[doc(alias = "io_uring_prep_fixed_fd_install")]
#[repr(transparent)]
pub struct FixedFdInstall(Entry);

request!(FixedFdInstall, IORING_OP_FIXED_FD_INSTALL);

impl FixedFdInstall {
    /// Installs the file at this index. The descriptor is closed on `execve(2)`, unless the flags say otherwise.
    #[inline]
    #[must_use]
    pub const fn new(index: Fixed) -> Self {
        // kernel: io_uring/openclose.c io_install_fixed_fd_prep (6.12.117): without the flag for registered files it is
        // `EBADF`; the request's file is the source, and close-on-exec is the default.
        Self(Entry::new(Self::CODE).target(Target::Fixed(index)))
    }
}

op_flags! {
    /// [`FixedFdFlags::NO_CLOEXEC`] keeps the descriptor open on `execve(2)`.
    FixedFdInstall, FixedFdFlags
}

placed!(SyncFileRange Fallocate Fadvise);
