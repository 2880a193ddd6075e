//! What is done to an open file.

use core::ffi::c_void;

use super::address;
use crate::flags::{FallocateFlags, FileAdvice, FixedFdFlags, FsyncFlags, MemoryAdvice, SyncFileRangeFlags};
use crate::squeue::Entry;
use crate::types::sealed::{Target, UseFixed};
use crate::types::{Fixed, RawFd};
use crate::uapi::io_uring_op::{
    IORING_OP_CLOSE, IORING_OP_FADVISE, IORING_OP_FALLOCATE, IORING_OP_FILES_UPDATE, IORING_OP_FIXED_FD_INSTALL,
    IORING_OP_FSYNC, IORING_OP_FTRUNCATE, IORING_OP_MADVISE, IORING_OP_SYNC_FILE_RANGE,
};

/// A place in the file, for those whose range has one.
macro_rules! placed {
    ($($name:ident)*) => {$(
        impl $name {
            /// The offset in the file to start at; at first 0.
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
/// Since 5.1. Points to nothing. Ordered behind writes only by a link or a drain: it does not wait for requests that
/// are in flight.
///
/// # Completion
///
/// 0 on success. `EIO`: writing failed, of this or an earlier write: do not count on a second attempt, the data may be
/// gone. `EINVAL`: the file can't be synchronised. `ECANCELED`: [cancelled](crate::opcode#cancelling) before a worker
/// had it; once it runs, it waits for the device and can't be. `EBADF`, `ENOSPC`, `EROFS`, `EDQUOT` as `fsync(2)`.
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

    /// Only `len` bytes from `offset` on; a length of 0 is up to the end.
    #[inline]
    #[must_use]
    pub const fn range(mut self, offset: u64, len: u32) -> Self {
        self.0.off = offset;
        self.0.len = len;
        self
    }
}

op_flags! {
    /// [`FsyncFlags::DATASYNC`]: as `fdatasync(2)`.
    Fsync, FsyncFlags
}

/// Starts or awaits the writing of a part of a file to the device, as `sync_file_range(2)`.
///
/// Since 5.2. Points to nothing. Says nothing about metadata, nor about the device's own cache: [`Fsync`] does.
///
/// # Completion
///
/// 0 on success. `EINVAL`: an unknown flag, a negative offset. `ESPIPE`: not a file, a device or a directory. `EBADF`,
/// `EIO`, `ENOSPC` as `sync_file_range(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SYNC_FILE_RANGE")]
#[doc(alias = "io_uring_prep_sync_file_range")]
#[repr(transparent)]
pub struct SyncFileRange(Entry);

request!(SyncFileRange, IORING_OP_SYNC_FILE_RANGE);

impl SyncFileRange {
    /// For `len` bytes of `fd`; 0 is up to the end. Without flags it does nothing.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, len: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.len = len;
        Self(entry)
    }
}

op_flags! {
    /// `SYNC_FILE_RANGE_*`: what is started and awaited.
    SyncFileRange, SyncFileRangeFlags
}

/// Gives a part of a file room on the device, or takes it away, as `fallocate(2)`.
///
/// Since 5.6. Points to nothing.
///
/// # Completion
///
/// 0 on success. `EOPNOTSUPP`: the filesystem does not do this. `EINVAL`: a length of 0; flags that do not go together.
/// `ENOSPC`, `EDQUOT`, `EFBIG`: no room. `EBADF`: not open for writing. `ENODEV`, `ESPIPE`, `EISDIR`: not a file.
/// `EINTR`, `EIO`, `EPERM`, `ETXTBSY` as `fallocate(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FALLOCATE")]
#[doc(alias = "io_uring_prep_fallocate")]
#[repr(transparent)]
pub struct Fallocate(Entry);

request!(Fallocate, IORING_OP_FALLOCATE);

impl Fallocate {
    /// For `len` bytes of `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, len: u64) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.addr = len;
        Self(entry)
    }

    /// `FALLOC_FL_*`; at first room is given, and the file grows if it must.
    #[inline]
    #[must_use]
    pub const fn mode(mut self, mode: FallocateFlags) -> Self {
        self.0.len = mode.0;
        self
    }
}

/// Cuts or extends a file to a length, as `ftruncate(2)`.
///
/// Since 6.9. Points to nothing.
///
/// # Completion
///
/// 0 on success. `EINVAL`: not a file, not open for writing, a negative length. `EBADF`: not open. `EFBIG`, `EIO`,
/// `EPERM`, `ETXTBSY` as `ftruncate(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FTRUNCATE")]
#[doc(alias = "io_uring_prep_ftruncate")]
#[repr(transparent)]
pub struct Ftruncate(Entry);

request!(Ftruncate, IORING_OP_FTRUNCATE);

impl Ftruncate {
    /// Makes `fd` a file of `len` bytes.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, len: u64) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.off = len;
        Self(entry)
    }
}

/// A length of advice as the two fields that it may stand in: the one of 32 bits, which every kernel reads, if it fits,
/// else the one of 64 bits, which kernels before 6.11 refuse with `EINVAL`, rather than cut the length.
const fn advice_length(len: u64) -> (u32, u64) {
    // Cutting loses nothing here.
    if len <= u32::MAX as u64 { (len as u32, 0) } else { (0, len) }
}

/// Says how a part of a file is going to be used, as `posix_fadvise(2)`.
///
/// Since 5.6. Points to nothing.
///
/// # Completion
///
/// 0 on success. `EINVAL`: unknown advice; before 6.11, a length of 2^32 or more. `ESPIPE`: a pipe. `EBADF`: not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FADVISE")]
#[doc(alias = "io_uring_prep_fadvise")]
#[doc(alias = "io_uring_prep_fadvise64")]
#[repr(transparent)]
pub struct Fadvise(Entry);

request!(Fadvise, IORING_OP_FADVISE);

impl Fadvise {
    /// About `len` bytes of `fd`; 0 is up to the end.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, len: u64, advice: FileAdvice) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        (entry.len, entry.addr) = advice_length(len);
        entry.op_flags = advice.0;
        Self(entry)
    }
}

/// Says how memory is going to be used, as `madvise(2)`.
///
/// Since 5.6. The memory must stay valid until the completion. Some advice (`MADV_DONTNEED`, `MADV_FREE`,
/// `MADV_REMOVE`, …) throws its content away: it must then be nobody else's.
///
/// # Completion
///
/// 0 on success. `EINVAL`: unknown advice, an address that is not a page's; before 6.11, a length of 2^32 or more.
/// `ENOMEM`: not all of it is mapped. `EACCES`, `EAGAIN`, `EBADF`, `EBUSY`, `EIO`, `EPERM` as `madvise(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_MADVISE")]
#[doc(alias = "io_uring_prep_madvise")]
#[doc(alias = "io_uring_prep_madvise64")]
#[repr(transparent)]
pub struct Madvise(Entry);

request!(Madvise, IORING_OP_MADVISE);

impl Madvise {
    /// About the `len` bytes at `addr`.
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

/// Closes a file descriptor, or takes a file out of the registered ones.
///
/// Since 5.6, registered files since 5.15. Points to nothing.
///
/// # Completion
///
/// 0 on success. `EBADF`: `fd` is not open, is a ring, or the slot is empty. `ENXIO`, `EINVAL`: no registered files,
/// or no such slot.
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

/// Puts files among the registered ones, or takes them out, as
/// [`register_files_update`](crate::Submitter::register_files_update) does at once.
///
/// Since 5.6. The array must stay valid until the completion (and not only until the submission).
///
/// # Completion
///
/// The number of files dealt with; less than asked for if one of them was refused. If the first was: `EBADF`: it is not
/// open, or is a ring. `ENXIO`: no registered files. `EINVAL`, `EOVERFLOW`: no such slots, or no file. `ENFILE`: no
/// slot is free ([`allocate`](Self::allocate)). `EFAULT`, `ENOMEM`.
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
/// let slots = ring.submitter().register_files_sparse(4);
/// # if slots == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 5.19"); return Ok(()) }
/// slots?;
/// // Slot 1 is emptied, slot 2 gets the file, and is read from as soon as it has it.
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
/// // Two slots were dealt with, then 16 bytes were read.
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
    /// Puts the `count` files at `fds` into the slots from 0 on. -1 empties a slot, -2 leaves it as it is.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_REGISTER_FILES_SKIP")]
    pub fn new(fds: *const RawFd, count: u32) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = address(fds);
        entry.len = count;
        Self(entry)
    }

    /// Puts each of the `count` files at `fds` into a free slot, of which the number then stands in its place. The
    /// array must be nobody else's until the completion. Since 6.0.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_FILE_INDEX_ALLOC")]
    pub fn allocate(fds: *mut RawFd, count: u32) -> Self {
        let mut this = Self::new(fds, count);
        this.0.off = u64::from(u32::MAX);
        this
    }

    /// The slot to start at. (Ends an [`allocate`](Self::allocate).)
    #[inline]
    #[must_use]
    pub const fn offset(mut self, slot: u32) -> Self {
        // The largest number would mean `allocate`, and the array be written to; no ring has a slot near it.
        self.0.off = if slot == u32::MAX { slot - 1 } else { slot } as u64;
        self
    }
}

/// Makes a file descriptor of a registered file, which stays registered.
///
/// Since 6.8. Points to nothing.
///
/// # Completion
///
/// The new file descriptor, which is the caller's to close. `EBADF`: the slot is empty. `EMFILE`: no descriptor is
/// free. `EINVAL`: an unknown flag. `EPERM`: the request has a personality, or a security module forbids it.
///
/// What is a descriptor already does not compile:
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
    /// For the file in this slot. The descriptor is closed when a program is executed, unless the flags say otherwise.
    #[inline]
    #[must_use]
    pub const fn new(slot: Fixed) -> Self {
        Self(Entry::new(Self::CODE).target(Target::Fixed(slot)))
    }
}

op_flags! {
    /// [`FixedFdFlags::NO_CLOEXEC`]: a program that is executed keeps it.
    FixedFdInstall, FixedFdFlags
}

placed!(SyncFileRange Fallocate Fadvise);
