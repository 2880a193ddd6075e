//! Requests on paths.

use core::ffi::c_char;

use crate::flags::{AtFlags, OpenFlags, RenameFlags, StatxMask};
use crate::squeue::Entry;
use crate::types::address;
use crate::types::sealed::UseFd;
use crate::types::{DestinationSlot, OpenHow, StatxBuffer};
use crate::uapi::io_uring_op::{
    IORING_OP_LINKAT, IORING_OP_MKDIRAT, IORING_OP_OPENAT, IORING_OP_OPENAT2, IORING_OP_RENAMEAT, IORING_OP_STATX,
    IORING_OP_SYMLINKAT, IORING_OP_UNLINKAT,
};

/// Builds an entry about a directory and a path.
fn at(code: u8, dir: impl UseFd, path: *const c_char) -> Entry {
    let mut entry = Entry::new(code);
    entry.fd = dir.into_fd().0;
    // kernel: io_uring/openclose.c __io_openat_prep (6.12.117): the path is copied at submission, here and in the other
    // path requests (io_uring/fs.c, io_uring/statx.c); a directory that is a registered file is `EBADF`.
    entry.addr = address(path);
    entry
}

/// Opens a file, as `openat(2)`.
///
/// Since 5.6. The path, which ends with a zero byte, must stay valid until the entry has been submitted.
///
/// The kernel first tries without blocking. Because a FIFO's meaning depends on that, it is opened for reading even
/// though no process writes to it; with the flag [`ASYNC`](crate::squeue::Flags::ASYNC) the request waits as `openat`
/// would.
///
/// # Completion
///
/// The new file descriptor, which the caller must close; with [`file_index`](Self::file_index) 0, or the index that was
/// allocated. Errors as `openat(2)`; `EMFILE`: no descriptor is free; `ENFILE`: no index is free; `ENXIO`: there are no
/// registered files; `EINVAL`: close-on-exec together with an index, or there is no such index. `ECANCELED`, `EINTR`:
/// [cancelled](crate::opcode#cancelling), before it ran or while it waited in a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_OPENAT")]
#[doc(alias = "io_uring_prep_openat")]
#[doc(alias = "io_uring_prep_openat_direct")]
#[doc(alias = "io_uring_prep_open")]
#[doc(alias = "io_uring_prep_open_direct")]
#[repr(transparent)]
pub struct OpenAt(Entry);

request!(OpenAt, IORING_OP_OPENAT);

impl OpenAt {
    /// Opens `path`, relative to the directory `dir` ([`Fd::CWD`](crate::types::Fd::CWD): the working directory), for
    /// reading.
    #[inline]
    #[must_use]
    pub fn new(dir: impl UseFd, path: *const c_char) -> Self {
        Self(at(Self::CODE, dir, path))
    }

    /// Sets the permission bits of a file that is created.
    #[inline]
    #[must_use]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.0.len = mode;
        self
    }
}

file_index! {
    /// Puts the file at this index of the registered files, without a file descriptor. Since 5.15.
    OpenAt
}

op_flags! {
    /// Sets `O_*` flags, in the target's numbers.
    OpenAt, OpenFlags
}

/// Opens a file, as `openat2(2)`, which has more options than `openat` and refuses unknown ones.
///
/// Since 5.6. The path, which ends with a zero byte, and the [`OpenHow`] must stay valid until the entry has been
/// submitted.
///
/// # Completion
///
/// The result and the errors are those of [`OpenAt`]. `EINVAL` too: a flag is unknown, or there is a mode without a
/// file to create. `EXDEV`, `ELOOP`: the path leads where `RESOLVE_*` forbids. `EAGAIN`: `RESOLVE_CACHED` is set, and
/// not all of the path is in the cache. `E2BIG`: the kernel does not know all of the `OpenHow`.
///
/// ```
/// use bare_uring::opcode::OpenAt2;
/// use bare_uring::types::{Fd, OpenHow, ResolveFlags};
///
/// // Only a path below the working directory, without symbolic links.
/// const RESOLVE_NO_SYMLINKS: u32 = 4;
/// const RESOLVE_BENEATH: u32 = 8;
/// let how = OpenHow::new().resolve(ResolveFlags(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
/// let request = OpenAt2::new(Fd::CWD, c"data/table".as_ptr(), &how).build();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_OPENAT2")]
#[doc(alias = "io_uring_prep_openat2")]
#[doc(alias = "io_uring_prep_openat2_direct")]
#[repr(transparent)]
pub struct OpenAt2(Entry);

request!(OpenAt2, IORING_OP_OPENAT2);

impl OpenAt2 {
    /// Opens `path`, relative to the directory `dir` ([`Fd::CWD`](crate::types::Fd::CWD): the working directory).
    #[inline]
    #[must_use]
    pub fn new(dir: impl UseFd, path: *const c_char, how: *const OpenHow) -> Self {
        let mut entry = at(Self::CODE, dir, path);
        entry.off = address(how);
        // kernel: io_uring/openclose.c io_openat2_prep (6.12.117): `len` is the size of the structure at `off`, which
        // is copied at submission; a size that the kernel does not know is refused with `E2BIG` unless the rest is
        // zero.
        entry.len = size_of::<OpenHow>() as u32;
        Self(entry)
    }
}

file_index! {
    /// Puts the file at this index of the registered files, without a file descriptor. Since 5.15.
    OpenAt2
}

/// Gets a file's attributes, as `statx(2)`.
///
/// Since 5.6. The path, which ends with a zero byte, must stay valid until the entry has been submitted. The buffer
/// must stay valid, and be used by nothing else, until the completion. With an empty path and `AT_EMPTY_PATH` the file
/// is `dir` itself.
///
/// # Completion
///
/// 0, and the buffer is filled. `ENOENT`: the file does not exist, or the path is empty without `AT_EMPTY_PATH`.
/// `EINVAL`: a flag is unknown. The other errors are those of `statx(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_STATX")]
#[doc(alias = "io_uring_prep_statx")]
#[repr(transparent)]
pub struct Statx(Entry);

request!(Statx, IORING_OP_STATX);

impl Statx {
    /// Fills `buffer` with the attributes of `path`, relative to the directory `dir`.
    #[inline]
    #[must_use]
    pub fn new(dir: impl UseFd, path: *const c_char, buffer: *mut StatxBuffer) -> Self {
        let mut entry = at(Self::CODE, dir, path);
        entry.off = address(buffer);
        Self(entry)
    }

    /// Sets which fields are asked for.
    #[inline]
    #[must_use]
    pub const fn mask(mut self, mask: StatxMask) -> Self {
        self.0.len = mask.0;
        self
    }
}

op_flags! {
    /// Sets `AT_*` flags.
    Statx, AtFlags
}

/// Builds an entry about two directories and two paths, for renaming and linking.
fn from_to(code: u8, old: (impl UseFd, *const c_char), new: (impl UseFd, *const c_char)) -> Entry {
    let mut entry = at(code, old.0, old.1);
    // kernel: io_uring/fs.c io_renameat_prep, io_linkat_prep (6.12.117): the second directory is read from `len` and
    // the second path from `off`; both paths are copied at submission.
    entry.len = new.0.into_fd().0.cast_unsigned();
    entry.off = address(new.1);
    entry
}

/// Renames a file, as `renameat2(2)`.
///
/// Since 5.11. Both paths, which end with a zero byte, must stay valid until the entry has been submitted.
///
/// # Completion
///
/// 0 on success. `ENOENT`: the old path does not exist. `EEXIST`: `RENAME_NOREPLACE` is set, and the new path exists.
/// `EINVAL`: flags are unknown or do not go together, or a directory would move into itself. `EXDEV`: the new path is
/// on another filesystem. `ENOTEMPTY`, `EISDIR`, `ENOTDIR`, `EACCES`, `EPERM`, `EBUSY`, `ENOSPC`, `EROFS` as
/// `renameat2(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_RENAMEAT")]
#[doc(alias = "io_uring_prep_renameat")]
#[doc(alias = "io_uring_prep_rename")]
#[repr(transparent)]
pub struct RenameAt(Entry);

request!(RenameAt, IORING_OP_RENAMEAT);

impl RenameAt {
    /// Renames `old_path`, relative to `old_dir`, to `new_path`, relative to `new_dir`.
    #[inline]
    #[must_use]
    pub fn new(old_dir: impl UseFd, old_path: *const c_char, new_dir: impl UseFd, new_path: *const c_char) -> Self {
        Self(from_to(Self::CODE, (old_dir, old_path), (new_dir, new_path)))
    }
}

op_flags! {
    /// Sets `RENAME_NOREPLACE`, `RENAME_EXCHANGE`, `RENAME_WHITEOUT`.
    RenameAt, RenameFlags
}

/// Removes a name, and with its last name the file, as `unlinkat(2)`.
///
/// Since 5.11. The path, which ends with a zero byte, must stay valid until the entry has been submitted.
///
/// # Completion
///
/// 0 on success. `ENOENT`: the path does not exist. `EISDIR`: the path is a directory, and `AT_REMOVEDIR` is not set.
/// `ENOTDIR`, `ENOTEMPTY`: `AT_REMOVEDIR` is set, and the path is not a directory, or is a directory with content.
/// `EINVAL`: another flag is set. `EACCES`, `EPERM`, `EBUSY`, `EROFS` as `unlinkat(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_UNLINKAT")]
#[doc(alias = "io_uring_prep_unlinkat")]
#[doc(alias = "io_uring_prep_unlink")]
#[repr(transparent)]
pub struct UnlinkAt(Entry);

request!(UnlinkAt, IORING_OP_UNLINKAT);

impl UnlinkAt {
    /// Removes `path`, relative to the directory `dir`.
    #[inline]
    #[must_use]
    pub fn new(dir: impl UseFd, path: *const c_char) -> Self {
        Self(at(Self::CODE, dir, path))
    }
}

op_flags! {
    /// Sets flags. With `AT_REMOVEDIR` it removes a directory, and nothing else.
    UnlinkAt, AtFlags
}

/// Makes a directory, as `mkdirat(2)`.
///
/// Since 5.15. The path, which ends with a zero byte, must stay valid until the entry has been submitted.
///
/// # Completion
///
/// 0 on success. `EEXIST`: the path exists already. `ENOENT`, `ENOTDIR`, `EACCES`, `ENOSPC`, `EROFS` and others as
/// `mkdirat(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_MKDIRAT")]
#[doc(alias = "io_uring_prep_mkdirat")]
#[doc(alias = "io_uring_prep_mkdir")]
#[repr(transparent)]
pub struct MkDirAt(Entry);

request!(MkDirAt, IORING_OP_MKDIRAT);

impl MkDirAt {
    /// Makes the directory `path`, relative to the directory `dir`. Unless [`mode`](Self::mode) sets permission bits,
    /// it has none.
    #[inline]
    #[must_use]
    pub fn new(dir: impl UseFd, path: *const c_char) -> Self {
        Self(at(Self::CODE, dir, path))
    }

    /// Sets the directory's permission bits, from which the process's umask is taken off. The default is 0.
    #[inline]
    #[must_use]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.0.len = mode;
        self
    }
}

/// Makes a symbolic link, as `symlinkat(2)`.
///
/// Since 5.15. The target and the path, which end with a zero byte, must stay valid until the entry has been submitted.
///
/// # Completion
///
/// 0 on success. `EEXIST`: the path exists already. `ENOENT`: a directory of the path is missing, or `target` is empty.
/// `EACCES`, `ENOSPC`, `EPERM`, `EROFS` and others as `symlinkat(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SYMLINKAT")]
#[doc(alias = "io_uring_prep_symlinkat")]
#[doc(alias = "io_uring_prep_symlink")]
#[repr(transparent)]
pub struct SymlinkAt(Entry);

request!(SymlinkAt, IORING_OP_SYMLINKAT);

impl SymlinkAt {
    /// Makes `path`, relative to the directory `dir`, a symbolic link to `target`.
    #[inline]
    #[must_use]
    pub fn new(dir: impl UseFd, target: *const c_char, path: *const c_char) -> Self {
        let mut entry = at(Self::CODE, dir, target);
        entry.off = address(path);
        Self(entry)
    }
}

/// Gives a file another name (a hard link), as `linkat(2)`.
///
/// Since 5.15. Both paths, which end with a zero byte, must stay valid until the entry has been submitted.
///
/// # Completion
///
/// 0 on success. `EEXIST`: the new path exists already. `ENOENT`: the old path does not exist. `EPERM`: the file is a
/// directory. `EXDEV`: the new path is on another filesystem. `EINVAL`: a flag is unknown. `EACCES`, `EMLINK`,
/// `ENOSPC`, `EROFS` and others as `linkat(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_LINKAT")]
#[doc(alias = "io_uring_prep_linkat")]
#[doc(alias = "io_uring_prep_link")]
#[repr(transparent)]
pub struct LinkAt(Entry);

request!(LinkAt, IORING_OP_LINKAT);

impl LinkAt {
    /// Makes `new_path`, relative to `new_dir`, a name of the file at `old_path`, relative to `old_dir`.
    #[inline]
    #[must_use]
    pub fn new(old_dir: impl UseFd, old_path: *const c_char, new_dir: impl UseFd, new_path: *const c_char) -> Self {
        Self(from_to(Self::CODE, (old_dir, old_path), (new_dir, new_path)))
    }
}

op_flags! {
    /// Sets flags. `AT_SYMLINK_FOLLOW` follows a symbolic link at the end of the old path. `AT_EMPTY_PATH`, with an
    /// empty old path, takes `old_dir` itself as the file.
    LinkAt, AtFlags
}

/// The kernel resolves no path from a registered directory. So each of these must not compile with a `Fixed`, and must
/// compile with an `Fd`.
#[cfg(doctest)]
mod fixed_does_not_compile {
    macro_rules! check {
        ($($name:ident $request:literal)*) => {$(
            #[doc = concat!(
                "```compile_fail,E0277\nuse bare_uring::{opcode, types::{Fd, Fixed}};\n",
                "let (dir, path) = (Fixed(0), c\"x\".as_ptr());\nlet _ = ", $request, ";\n```\n",
                "```\nuse bare_uring::{opcode, types::{Fd, Fixed}};\n",
                "let (dir, path) = (Fd::CWD, c\"x\".as_ptr());\nlet _ = ", $request, ";\n```",
            )]
            struct $name;
        )*};
    }
    check! {
        OpenAt "opcode::OpenAt::new(dir, path)"
        OpenAt2 "opcode::OpenAt2::new(dir, path, core::ptr::null())"
        Statx "opcode::Statx::new(dir, path, core::ptr::null_mut())"
        RenameAtOld "opcode::RenameAt::new(dir, path, Fd::CWD, path)"
        RenameAtNew "opcode::RenameAt::new(Fd::CWD, path, dir, path)"
        UnlinkAt "opcode::UnlinkAt::new(dir, path)"
        MkDirAt "opcode::MkDirAt::new(dir, path)"
        SymlinkAt "opcode::SymlinkAt::new(dir, path, path)"
        LinkAtOld "opcode::LinkAt::new(dir, path, Fd::CWD, path)"
        LinkAtNew "opcode::LinkAt::new(Fd::CWD, path, dir, path)"
    }
}
