//! Names in the flag words of requests on files. The numbers are the target's, which differ for some `O_*` and advice.

use linux_raw_sys::general;

use super::{
    AtFlags, FallocateFlags, FileAdvice, OpenFlags, RenameFlags, ResolveFlags, RwFlags, StatxMask, SyncFileRangeFlags,
    XattrFlags,
};

/// Defines `with`, for words whose bits are flags.
macro_rules! with {
    ($($name:ident)*) => {$(
        impl $name {
            /// Returns both sets of flags together.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    )*};
}

with!(AtFlags FallocateFlags OpenFlags RenameFlags ResolveFlags RwFlags StatxMask SyncFileRangeFlags XattrFlags);

/// Defines constants: the name, the number of the C name with the prefix.
macro_rules! names {
    ($type:ident: $($(#[$doc:meta])* $name:ident = $number:expr, $alias:literal;)*) => {
        impl $type {
            $(
                $(#[$doc])*
                #[doc(alias = $alias)]
                pub const $name: Self = Self($number);
            )*
        }
    };
}

names! { OpenFlags:
    /// Opens for reading only, as a word without a mode does.
    RDONLY = general::O_RDONLY, "O_RDONLY";
    /// Opens for writing only.
    WRONLY = general::O_WRONLY, "O_WRONLY";
    /// Opens for reading and writing.
    RDWR = general::O_RDWR, "O_RDWR";
    /// Every write goes to the end of the file.
    APPEND = general::O_APPEND, "O_APPEND";
    /// The descriptor is closed by `execve(2)`.
    CLOEXEC = general::O_CLOEXEC, "O_CLOEXEC";
    /// Makes the file if it does not exist.
    CREAT = general::O_CREAT, "O_CREAT";
    /// Reads and writes go past the page cache.
    DIRECT = general::O_DIRECT, "O_DIRECT";
    /// Fails with `ENOTDIR` unless the path is a directory.
    DIRECTORY = general::O_DIRECTORY, "O_DIRECTORY";
    /// Every write ends as with `fdatasync(2)`.
    DSYNC = general::O_DSYNC, "O_DSYNC";
    /// With `CREAT`: fails with `EEXIST` if the path exists.
    EXCL = general::O_EXCL, "O_EXCL";
    /// Reads do not change the time of the last access.
    NOATIME = general::O_NOATIME, "O_NOATIME";
    /// A terminal that is opened does not become the process's.
    NOCTTY = general::O_NOCTTY, "O_NOCTTY";
    /// Fails with `ELOOP` if the path ends at a symbolic link.
    NOFOLLOW = general::O_NOFOLLOW, "O_NOFOLLOW";
    /// Calls on the file do not wait.
    NONBLOCK = general::O_NONBLOCK, "O_NONBLOCK";
    /// Finds the place of the file only: a start for paths and for statx, not for reads and writes.
    PATH = general::O_PATH, "O_PATH";
    /// Every write ends as with `fsync(2)`.
    SYNC = general::O_SYNC, "O_SYNC";
    /// Makes a file without a name in the directory that the path names.
    TMPFILE = general::O_TMPFILE, "O_TMPFILE";
    /// Cuts the file to length 0.
    TRUNC = general::O_TRUNC, "O_TRUNC";
}

names! { AtFlags:
    /// An empty path names the directory's descriptor itself.
    EMPTY_PATH = general::AT_EMPTY_PATH, "AT_EMPTY_PATH";
    /// Mounts nothing on the way.
    NO_AUTOMOUNT = general::AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT";
    /// Removes a directory instead of a file.
    REMOVEDIR = general::AT_REMOVEDIR, "AT_REMOVEDIR";
    /// Follows a symbolic link at the end of the old path of a link.
    SYMLINK_FOLLOW = general::AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW";
    /// Tells of a symbolic link at the path's end, and not of the file that it leads to.
    SYMLINK_NOFOLLOW = general::AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW";
    /// Statx answers from what the machine knows, without asking the server of a network filesystem.
    STATX_DONT_SYNC = general::AT_STATX_DONT_SYNC, "AT_STATX_DONT_SYNC";
    /// Statx asks the server of a network filesystem.
    STATX_FORCE_SYNC = general::AT_STATX_FORCE_SYNC, "AT_STATX_FORCE_SYNC";
}

names! { StatxMask:
    /// All that `stat(2)` tells.
    BASIC_STATS = general::STATX_BASIC_STATS, "STATX_BASIC_STATS";
    /// The file's length.
    SIZE = general::STATX_SIZE, "STATX_SIZE";
    /// When the file was made.
    BTIME = general::STATX_BTIME, "STATX_BTIME";
    /// Which alignment direct reads and writes need. Since 6.1.
    DIOALIGN = general::STATX_DIOALIGN, "STATX_DIOALIGN";
    /// The number of the mount. Since 5.8.
    MNT_ID = general::STATX_MNT_ID, "STATX_MNT_ID";
}

names! { ResolveFlags:
    /// The path must not leave the directory that it starts from (`EXDEV`).
    BENEATH = general::RESOLVE_BENEATH, "RESOLVE_BENEATH";
    /// The directory that the path starts from is the root, also for `..` and absolute links.
    IN_ROOT = general::RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT";
    /// Links such as those in `/proc/self/fd` are not followed (`ELOOP`).
    NO_MAGICLINKS = general::RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_MAGICLINKS";
    /// No symbolic link is followed (`ELOOP`).
    NO_SYMLINKS = general::RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS";
    /// The path must not lead to another mount (`EXDEV`).
    NO_XDEV = general::RESOLVE_NO_XDEV, "RESOLVE_NO_XDEV";
    /// Fails with `EAGAIN` if the path is not in the kernel's cache. Since 5.12.
    CACHED = general::RESOLVE_CACHED, "RESOLVE_CACHED";
}

names! { RenameFlags:
    /// Fails with `EEXIST` if the new path exists.
    NOREPLACE = general::RENAME_NOREPLACE, "RENAME_NOREPLACE";
    /// Exchanges the two paths, which must both exist.
    EXCHANGE = general::RENAME_EXCHANGE, "RENAME_EXCHANGE";
}

names! { XattrFlags:
    /// Fails with `EEXIST` if the attribute exists.
    CREATE = general::XATTR_CREATE, "XATTR_CREATE";
    /// Fails with `ENODATA` if the attribute does not exist.
    REPLACE = general::XATTR_REPLACE, "XATTR_REPLACE";
}

names! { FallocateFlags:
    /// The file keeps its length.
    KEEP_SIZE = general::FALLOC_FL_KEEP_SIZE, "FALLOC_FL_KEEP_SIZE";
    /// Makes a hole, whose bytes are zero. Needs `KEEP_SIZE`.
    PUNCH_HOLE = general::FALLOC_FL_PUNCH_HOLE, "FALLOC_FL_PUNCH_HOLE";
    /// Takes the range out of the file, and moves what is behind it to the front.
    COLLAPSE_RANGE = general::FALLOC_FL_COLLAPSE_RANGE, "FALLOC_FL_COLLAPSE_RANGE";
    /// Makes all bytes of the range zero.
    ZERO_RANGE = general::FALLOC_FL_ZERO_RANGE, "FALLOC_FL_ZERO_RANGE";
    /// Makes a hole at the offset, and moves what was there to behind it.
    INSERT_RANGE = general::FALLOC_FL_INSERT_RANGE, "FALLOC_FL_INSERT_RANGE";
    /// Gives the file blocks of its own instead of those that it shares with others.
    UNSHARE_RANGE = general::FALLOC_FL_UNSHARE_RANGE, "FALLOC_FL_UNSHARE_RANGE";
}

names! { SyncFileRangeFlags:
    /// Waits for writes of the range that are under way, before anything else.
    WAIT_BEFORE = general::SYNC_FILE_RANGE_WAIT_BEFORE, "SYNC_FILE_RANGE_WAIT_BEFORE";
    /// Starts to write what was changed in the range.
    WRITE = general::SYNC_FILE_RANGE_WRITE, "SYNC_FILE_RANGE_WRITE";
    /// Waits for writes of the range in the end.
    WAIT_AFTER = general::SYNC_FILE_RANGE_WAIT_AFTER, "SYNC_FILE_RANGE_WAIT_AFTER";
}

names! { FileAdvice:
    /// Nothing is known of how the file will be read.
    NORMAL = general::POSIX_FADV_NORMAL, "POSIX_FADV_NORMAL";
    /// The file will be read here and there: no reading ahead.
    RANDOM = general::POSIX_FADV_RANDOM, "POSIX_FADV_RANDOM";
    /// The file will be read from front to end: more reading ahead.
    SEQUENTIAL = general::POSIX_FADV_SEQUENTIAL, "POSIX_FADV_SEQUENTIAL";
    /// The range will be read soon: the kernel begins to read it.
    WILLNEED = general::POSIX_FADV_WILLNEED, "POSIX_FADV_WILLNEED";
    /// The range will not be read soon: the kernel may drop it from its cache.
    DONTNEED = general::POSIX_FADV_DONTNEED, "POSIX_FADV_DONTNEED";
    /// The range will be read once.
    NOREUSE = general::POSIX_FADV_NOREUSE, "POSIX_FADV_NOREUSE";
}

// The numbers of `RWF_*` are the same on every architecture.
names! { RwFlags:
    /// Polls the device for the end, if the file was opened with `DIRECT`.
    HIPRI = 0x1, "RWF_HIPRI";
    /// The one write ends as with `fdatasync(2)`.
    DSYNC = 0x2, "RWF_DSYNC";
    /// The one write ends as with `fsync(2)`.
    SYNC = 0x4, "RWF_SYNC";
    /// Fails with `EAGAIN` instead of waiting.
    NOWAIT = 0x8, "RWF_NOWAIT";
    /// The one write goes to the end of the file.
    APPEND = 0x10, "RWF_APPEND";
    /// The one write goes to its offset, also in a file that was opened with `APPEND`. Since 6.9.
    NOAPPEND = 0x20, "RWF_NOAPPEND";
    /// The one write is done whole or not at all, in a file that can do that. Since 6.11.
    ATOMIC = 0x40, "RWF_ATOMIC";
    /// What passes through the page cache does not stay there. Since 6.14.
    DONTCACHE = 0x80, "RWF_DONTCACHE";
    /// The one write raises no SIGPIPE. Since 6.18.
    NOSIGNAL = 0x100, "RWF_NOSIGNAL";
}
