//! The destination: finds the file that is meant, writes an unfinished copy beside it, and renames that copy.

use core::ffi::CStr;

use bare_uring::types::{Fd, RawFd, StatxBuffer};
use bare_uring::{Errno, IoUring, opcode};
use freestanding::path::{Path, file_name};
use freestanding::{request, sys};
use linux_raw_sys::general::{O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC, O_WRONLY, S_IFDIR, S_IFMT};

use crate::failure::{About, Failure};
use crate::is_regular;

/// Maximum number of symbolic links to follow, as in the kernel.
const MAX_LINKS: u32 = 40;

/// Number of names to try for the unfinished copy. A name exists only if a process with the same ID was killed.
const MAX_TRIES: u64 = 100;

/// Finds the file that `name` means for a copy of `source`: puts it into `path` and returns its status, if it exists.
pub(crate) fn find(
    ring: &mut IoUring,
    source: &CStr,
    name: &CStr,
    path: &mut Path,
) -> Result<Option<StatxBuffer>, Failure> {
    let failed = About::Destination.refused("cannot be written");
    path.push(name.to_bytes()).map_err(&failed)?;
    let mut old = existing(ring, path).map_err(&failed)?;
    if old.as_ref().is_some_and(is_directory) {
        if !path.as_bytes().ends_with(b"/") {
            path.push(b"/").map_err(&failed)?;
        }
        path.push(file_name(source.to_bytes())).map_err(&failed)?;
        old = existing(ring, path).map_err(&failed)?;
        if old.as_ref().is_some_and(is_directory) {
            return Err(failed(Errno::EISDIR));
        }
    }
    if path.as_bytes().is_empty() {
        return Err(failed(Errno::ENOENT));
    }
    if path.as_bytes().ends_with(b"/") {
        return Err(failed(Errno::ENOTDIR));
    }
    if old.as_ref().is_none_or(is_regular) {
        follow_links(path).map_err(&failed)?;
    }
    Ok(old)
}

fn is_directory(about: &StatxBuffer) -> bool {
    u32::from(about.stx_mode) & S_IFMT == S_IFDIR
}

fn existing(ring: &mut IoUring, path: &Path) -> Result<Option<StatxBuffer>, Errno> {
    match request::stat(ring, path.as_c_str()) {
        Ok(about) => Ok(Some(about)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Follows symbolic links, so that the file is replaced and not the link.
fn follow_links(path: &mut Path) -> Result<(), Errno> {
    let mut target = [0; 4096];
    for _ in 0..MAX_LINKS {
        let len = match sys::read_link(path.as_c_str(), &mut target) {
            Ok(len) => len,
            // Not a link, or no file.
            Err(Errno::EINVAL | Errno::ENOENT) => return Ok(()),
            Err(errno) => return Err(errno),
        };
        let target = target.get(..len).unwrap_or_default();
        let mut next = if target.starts_with(b"/") { Path::new() } else { Path::of(path.directory())? };
        next.push(target)?;
        *path = next;
    }
    Err(Errno::ELOOP)
}

/// Opens an existing file to check that it may be written. Returns the file if it is not a regular one.
pub(crate) fn open_old(ring: &mut IoUring, path: &Path, old: &StatxBuffer) -> Result<Option<RawFd>, Failure> {
    let failed = About::Destination.refused("cannot be written");
    let regular = is_regular(old);
    // The open of a pipe waits for a reader.
    match request::open(ring, path.as_c_str(), O_WRONLY | O_NOCTTY, 0, !regular) {
        Ok(fd) if !regular => Ok(Some(fd)),
        Ok(fd) => request::close(ring, fd).map(|()| None).map_err(failed),
        // The file is a running program, which keeps the old file.
        Err(Errno::ETXTBSY) => Ok(None),
        Err(errno) => Err(failed(errno)),
    }
}

/// The file that the copy is written to.
pub(crate) struct Destination<'a> {
    path: &'a Path,
    fd: RawFd,
    /// Name of the unfinished copy; `None` if the destination itself is written to.
    unfinished: Option<Path>,
    replaces: bool,
}

impl<'a> Destination<'a> {
    /// Uses a file that is not a regular one, and is open for writing, as it is.
    pub(crate) fn in_place(path: &'a Path, fd: RawFd) -> Self {
        Self { path, fd, unfinished: None, replaces: false }
    }

    /// Makes the unfinished copy, which will become or replace the file at `path`.
    pub(crate) fn beside(ring: &mut IoUring, path: &'a Path, replaces: bool) -> Result<Self, Failure> {
        let (unfinished, fd) = make_beside(ring, path).map_err(About::Destination.refused("cannot be created"))?;
        Ok(Self { path, fd, unfinished: Some(unfinished), replaces })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.fd
    }

    pub(crate) fn is_regular(&self) -> bool {
        self.unfinished.is_some()
    }

    /// Completes the copy when all content is written: sets its mode and gives it its name.
    pub(crate) fn complete(&self, ring: &mut IoUring, mode: u32) -> Result<(), Failure> {
        let failed = About::Destination.refused("cannot be written");
        let Some(unfinished) = &self.unfinished else {
            return request::close(ring, self.fd).map_err(failed);
        };
        sys::set_mode(self.fd, mode).map_err(About::Destination.refused("cannot be given its mode"))?;
        if self.replaces {
            // SAFETY: the request points to nothing.
            match unsafe { request::run(ring, opcode::Fsync::new(Fd(self.fd)).build()) } {
                // EINVAL: the file system does not support fsync.
                Ok(_) | Err(Errno::EINVAL) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        // Some file systems report only at the close that there was no room.
        request::close(ring, self.fd).map_err(failed)?;
        sys::rename(unfinished.as_c_str(), self.path.as_c_str())
            .map_err(About::Destination.refused("cannot be replaced"))
    }

    /// Removes the unfinished copy. If that fails, the copy stays under its other name, `.cp-…`.
    pub(crate) fn abandon(&self) {
        if let Some(unfinished) = &self.unfinished {
            let _ = sys::unlink(unfinished.as_c_str());
        }
    }
}

/// Makes a new file in the directory of `path`. Only its owner may read it until its mode is set.
fn make_beside(ring: &mut IoUring, path: &Path) -> Result<(Path, RawFd), Errno> {
    let process = sys::process_id();
    for number in 0..MAX_TRIES {
        let mut name = Path::of(path.directory())?;
        name.push(b".cp-")?;
        name.push_number(process)?;
        name.push(b"-")?;
        name.push_number(number)?;
        match request::open(ring, name.as_c_str(), O_WRONLY | O_CREAT | O_EXCL | O_TRUNC, 0o600, false) {
            Ok(fd) => return Ok((name, fd)),
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EEXIST)
}
