//! Files by their paths, and what there is to know about them.
//!
//! A request's names lie in its slot if they have at most 256 bytes together, with a zero behind each. Longer ones lie in
//! a buffer of the slab. Either way the caller's strings are free again when the function returns.

use core::ffi::{CStr, c_char};
use core::mem::{MaybeUninit, offset_of};

use bare_uring::squeue::Entry;
use bare_uring::types::{AtFlags, Fd, OpenFlags, OpenHow, RenameFlags, StatxMask};
use bare_uring::{Errno, opcode};

use crate::buffer::Buffer;
use crate::file::File;
use crate::known::Way;
use crate::op::Op;
use crate::output::{Done, Kind, Made, Stated};
use crate::slab::{Draft, Parts, Slab};
use crate::slot::{Argument, Effect, Names};

/// Returns the directory that a path starts from.
fn start(directory: Option<&File>) -> Fd {
    directory.map_or(Fd::CWD, File::fd)
}

/// Files by their paths.
///
/// A path starts from `directory`, or from the working directory if that is `None`.
impl Slab {
    /// Opens a file, close-on-exec. A file that is created has the mode in `how`. Since 5.6.
    ///
    /// Where the kernel has no `OPENAT2`, an [`OpenAt`](opcode::OpenAt) opens the file. `OPENAT` knows no `RESOLVE_*`, and
    /// ignores flags that the kernel does not know.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: the kernel has no `OPENAT2` ([`Request::OPEN_RESOLVED`](crate::Request::OPEN_RESOLVED)), and `OPENAT`
    /// can't say what `how` says. `EMFILE`: the table of files has no place. `ENOBUFS`, `ENAMETOOLONG`: the path has more
    /// than 255 bytes, and no buffer is free for it, or it is longer than a buffer. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`OpenAt2`](opcode::OpenAt2).
    pub fn open(&'static self, directory: Option<&File>, path: &CStr, how: OpenHow) -> Op<Made> {
        let how = OpenHow { flags: how.flags | u64::from(OpenFlags::CLOEXEC.0), ..how };
        let Some(way) = self.known().way_to_open(&how) else { return Op::refused(self, Errno::EOPNOTSUPP) };
        let fd = start(directory);
        self.named(Effect::Make, directory, how, &[path], |parts, [path, _]| match way {
            // The structure is the first thing in the argument.
            Way::At2 => opcode::OpenAt2::new(fd, path, parts.argument.cast()).build(),
            Way::At { flags, mode } => opcode::OpenAt::new(fd, path).flags(OpenFlags(flags)).mode(mode).build(),
        })
    }

    /// Makes a file with these permission bits, or empties the one that is there, and opens it for writing, close-on-exec.
    /// Since 5.6.
    ///
    /// # Errors
    ///
    /// The errors of [`open`](Self::open).
    pub fn create(&'static self, directory: Option<&File>, path: &CStr, mode: u32) -> Op<Made> {
        let flags = OpenFlags::WRONLY.with(OpenFlags::CREAT).with(OpenFlags::TRUNC);
        self.open(directory, path, OpenHow::new().flags(flags).mode(mode))
    }

    /// Tells what there is to know about an open file. Since 5.6.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Statx`](opcode::Statx).
    pub fn stat(&'static self, file: &File) -> Op<Stated> {
        let argument = Argument { stat: MaybeUninit::zeroed() };
        let draft = Draft { effect: Effect::Plain, file: Some(file), buffer: None, argument };
        let fd = file.fd();
        Op::new(self, draft, |parts| {
            opcode::Statx::new(fd, c"".as_ptr(), parts.argument.cast())
                .flags(AtFlags::EMPTY_PATH)
                .mask(StatxMask::BASIC_STATS)
                .build()
        })
    }

    /// Tells what `mask` asks for about the file at a path, which lies in a buffer of the slab meanwhile. Since 5.6.
    ///
    /// # Errors
    ///
    /// `ENOENT`: there is no such file. `ENOBUFS`: no buffer is free for the path. `ENAMETOOLONG`: the path is longer than
    /// a buffer. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`Statx`](opcode::Statx).
    pub fn stat_at(
        &'static self,
        directory: Option<&File>,
        path: &CStr,
        flags: AtFlags,
        mask: StatxMask,
    ) -> Op<Stated> {
        // The kernel fills the argument, so that the path can't lie there.
        let buffer = match self.names_in_buffer(&[path]) {
            Ok(buffer) => Some(buffer),
            Err(errno) => return Op::refused(self, errno),
        };
        let argument = Argument { stat: MaybeUninit::zeroed() };
        let fd = start(directory);
        let draft = Draft { effect: Effect::Plain, file: directory, buffer, argument };
        Op::new(self, draft, |parts| {
            let path = parts.window.0.cast();
            opcode::Statx::new(fd, path, parts.argument.cast()).flags(flags).mask(mask).build()
        })
    }

    /// Renames a file. Since 5.11.
    ///
    /// # Errors
    ///
    /// `EXDEV`: the new path is on another filesystem; copy the file. `EEXIST`: with
    /// [`NOREPLACE`](RenameFlags::NOREPLACE), the new path exists. `ENOBUFS`, `ENAMETOOLONG`: both paths together have more
    /// than 254 bytes, and no buffer is free for them, or they are longer than a buffer. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`RenameAt`](opcode::RenameAt).
    pub fn rename(
        &'static self,
        old_directory: Option<&File>,
        old_path: &CStr,
        new_directory: Option<&File>,
        new_path: &CStr,
        flags: RenameFlags,
    ) -> Op<Done> {
        let (old_fd, new_fd) = (start(old_directory), start(new_directory));
        let operation = self.named(Effect::Plain, old_directory, NO_HOW, &[old_path, new_path], |_, [old, new]| {
            opcode::RenameAt::new(old_fd, old, new_fd, new).flags(flags).build()
        });
        operation.with_other(new_directory.cloned())
    }

    /// Gives a file one more name (a hard link). Since 5.15.
    ///
    /// # Errors
    ///
    /// `EEXIST`: the new path exists. `EXDEV`: it is on another filesystem. `EPERM`: the file is a directory.
    /// `ENOBUFS`, `ENAMETOOLONG`: both paths together have more than 254 bytes, and no buffer is free for them, or they are
    /// longer than a buffer. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`LinkAt`](opcode::LinkAt).
    pub fn link(
        &'static self,
        old_directory: Option<&File>,
        old_path: &CStr,
        new_directory: Option<&File>,
        new_path: &CStr,
        flags: AtFlags,
    ) -> Op<Done> {
        let (old_fd, new_fd) = (start(old_directory), start(new_directory));
        let operation = self.named(Effect::Plain, old_directory, NO_HOW, &[old_path, new_path], |_, [old, new]| {
            opcode::LinkAt::new(old_fd, old, new_fd, new).flags(flags).build()
        });
        operation.with_other(new_directory.cloned())
    }

    /// Makes a symbolic link at a path that leads to `target`. Since 5.15.
    ///
    /// # Errors
    ///
    /// `EEXIST`: the path exists. `ENOENT`: a directory of the path is missing, or the target is empty. `ENOBUFS`,
    /// `ENAMETOOLONG`: target and path together have more than 254 bytes, and no buffer is free for them, or they are
    /// longer than a buffer. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`SymlinkAt`](opcode::SymlinkAt).
    pub fn symlink(&'static self, target: &CStr, directory: Option<&File>, path: &CStr) -> Op<Done> {
        let fd = start(directory);
        self.named(Effect::Plain, directory, NO_HOW, &[target, path], |_, [target, path]| {
            opcode::SymlinkAt::new(fd, target, path).build()
        })
    }

    /// Removes a name, and with its last name and handle the file. A directory needs
    /// [`REMOVEDIR`](AtFlags::REMOVEDIR). Since 5.11.
    ///
    /// # Errors
    ///
    /// `ENOENT`: there is no such file. `EISDIR`, `ENOTDIR`: it is a directory and the flag is not set, or the other way
    /// round. `ENOTEMPTY`: the directory has content. `ENOBUFS`, `ENAMETOOLONG`: the path has more than 255 bytes, and no
    /// buffer is free for it, or it is longer than a buffer. The [errors of any operation](Slab#errors-of-operations),
    /// and the kernel's for [`UnlinkAt`](opcode::UnlinkAt).
    pub fn unlink(&'static self, directory: Option<&File>, path: &CStr, flags: AtFlags) -> Op<Done> {
        let fd = start(directory);
        self.named(Effect::Plain, directory, NO_HOW, &[path], |_, [path, _]| {
            opcode::UnlinkAt::new(fd, path).flags(flags).build()
        })
    }

    /// Makes a directory with these permission bits, from which the process's umask is taken off. Since 5.15.
    ///
    /// # Errors
    ///
    /// `EEXIST`: the path exists. `ENOENT`: a directory of the path is missing. `ENOBUFS`, `ENAMETOOLONG`: the path has
    /// more than 255 bytes, and no buffer is free for it, or it is longer than a buffer. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`MkDirAt`](opcode::MkDirAt).
    pub fn mkdir(&'static self, directory: Option<&File>, path: &CStr, mode: u32) -> Op<Done> {
        let fd = start(directory);
        self.named(Effect::Plain, directory, NO_HOW, &[path], |_, [path, _]| {
            opcode::MkDirAt::new(fd, path).mode(mode).build()
        })
    }
}

/// How a file is opened by a request that opens none.
const NO_HOW: OpenHow = OpenHow::new();

/// Returns where the two names lie of which the first one is here.
fn both(first: *const u8, names: &[&CStr]) -> [*const c_char; 2] {
    let len = names.first().map_or(0, |name| name.count_bytes() + 1);
    [first.cast(), first.wrapping_add(len).cast()]
}

/// What the operations on names are built with.
impl Slab {
    /// Makes an operation on one name or two. `build` gets where they lie.
    fn named<T: Kind>(
        &'static self,
        effect: Effect,
        file: Option<&File>,
        how: OpenHow,
        names: &[&CStr],
        build: impl FnOnce(&Parts, [*const c_char; 2]) -> Entry,
    ) -> Op<T> {
        let mut short = Names::new(how);
        let buffer = if short.copy(names) {
            None
        } else {
            match self.names_in_buffer(names) {
                Ok(buffer) => Some(buffer),
                Err(errno) => return Op::refused(self, errno),
            }
        };
        let in_slot = buffer.is_none();
        let draft = Draft { effect, file, buffer, argument: Argument { names: short } };
        Op::new(self, draft, |parts| {
            let first = if in_slot { parts.name() } else { parts.window.0 };
            build(parts, both(first, names))
        })
    }

    /// Makes an operation on names and a buffer. The names must fit into the slot: if they do not, the operation is
    /// refused with `ENAMETOOLONG`.
    pub(super) fn named_transfer<T: Kind>(
        &'static self,
        effect: Effect,
        file: Option<&File>,
        buffer: Buffer,
        names: &[&CStr],
        build: impl FnOnce(&Parts, [*const c_char; 2]) -> Entry,
    ) -> Op<T> {
        let mut short = Names::new(NO_HOW);
        if !short.copy(names) {
            return Op::refused_with(self, Errno::ENAMETOOLONG, Some(buffer));
        }
        let draft = Draft { effect, file, buffer: Some(buffer), argument: Argument { names: short } };
        Op::new(self, draft, |parts| build(parts, both(parts.name(), names)))
    }

    /// Copies names to a buffer of the slab, one after the other, each with its zero.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: no buffer is free. `ENAMETOOLONG`: they do not fit.
    fn names_in_buffer(&'static self, names: &[&CStr]) -> Result<Buffer, Errno> {
        let mut buffer = self.buffer().ok_or(Errno::ENOBUFS)?;
        for name in names {
            let name = name.to_bytes_with_nul();
            if buffer.extend(name) < name.len() {
                return Err(Errno::ENAMETOOLONG);
            }
        }
        Ok(buffer)
    }
}

impl Parts {
    /// Returns where the names of an `Argument::names` lie.
    fn name(&self) -> *const u8 {
        self.argument.cast_const().cast::<u8>().wrapping_add(offset_of!(Names, text))
    }
}
