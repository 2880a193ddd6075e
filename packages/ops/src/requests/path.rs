//! Files by their paths, and what there is to know about them.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use bare_uring::types::{AtFlags, Fd, OpenFlags, OpenHow, StatxMask};
use bare_uring::{Errno, opcode};
use linux_raw_sys::general::{AT_EMPTY_PATH, O_CLOEXEC, STATX_BASIC_STATS};

use crate::file::File;
use crate::known::Way;
use crate::op::Op;
use crate::output::{Made, Stated};
use crate::slab::{Draft, Slab};
use crate::slot::{Argument, Effect};

/// Files by their paths.
impl Slab {
    /// Opens a file, close-on-exec, seen from `directory` or from the working directory. The path lies in a buffer of
    /// the slab meanwhile. A file that is created has the mode in `how`. Since 5.6.
    ///
    /// Where the kernel has no `OPENAT2`, an [`OpenAt`](opcode::OpenAt) opens the file. `OPENAT` knows no `RESOLVE_*`, and
    /// ignores flags that the kernel does not know.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: the kernel has no `OPENAT2` ([`Request::OPEN_RESOLVED`](crate::Request::OPEN_RESOLVED)), and `OPENAT`
    /// can't say what `how` says. `ENOBUFS`: no buffer is free for the path. `ENAMETOOLONG`: the path is longer than a buffer. `EMFILE`: the table
    /// of files has no place. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`OpenAt2`](opcode::OpenAt2).
    pub fn open(&'static self, directory: Option<&File>, path: &CStr, how: OpenHow) -> Op<Made> {
        let how = OpenHow { flags: how.flags | u64::from(O_CLOEXEC), ..how };
        let Some(way) = self.known().way_to_open(&how) else { return Op::refused(self, Errno::EOPNOTSUPP) };
        let path = path.to_bytes_with_nul();
        let Some(mut buffer) = self.buffer() else { return Op::refused(self, Errno::ENOBUFS) };
        if buffer.extend(path) < path.len() {
            return Op::refused(self, Errno::ENAMETOOLONG);
        }
        let fd = directory.map_or(Fd::CWD, File::fd);
        let draft = Draft { effect: Effect::Make, file: directory, buffer: Some(buffer), argument: Argument { how } };
        Op::new(self, draft, |parts| {
            let path = parts.window.0.cast();
            match way {
                Way::At2 => opcode::OpenAt2::new(fd, path, parts.argument.cast()).build(),
                Way::At { flags, mode } => opcode::OpenAt::new(fd, path).flags(OpenFlags(flags)).mode(mode).build(),
            }
        })
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
                .flags(AtFlags(AT_EMPTY_PATH))
                .mask(StatxMask(STATX_BASIC_STATS))
                .build()
        })
    }
}
