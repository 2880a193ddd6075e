//! Where the copy goes: which file is meant, the unfinished one beside it, and the step from one to the other.

use core::ffi::CStr;

use bare_uring::types::{Fd, RawFd, StatxBuffer};
use bare_uring::{Errno, IoUring, opcode};
use freestanding::path::{Path, file_name};
use freestanding::{request, sys};
use linux_raw_sys::general::{O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC, O_WRONLY, S_IFDIR, S_IFMT};

use crate::failure::{About, Failure};
use crate::is_regular;

/// How many links may lead to each other, as in the kernel.
const MAX_LINKS: u32 = 40;

/// How many names are tried for the unfinished copy. A name is taken only if a process of the same number was killed.
const MAX_TRIES: u64 = 100;

/// Finds the file that `name` means for a copy of `source`, and what is there now.
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

/// Goes where symbolic links lead: it is the file there that is replaced, and not the link.
fn follow_links(path: &mut Path) -> Result<(), Errno> {
    let mut target = [0; 4096];
    for _ in 0..MAX_LINKS {
        let len = match sys::read_link(path.as_c_str(), &mut target) {
            Ok(len) => len,
            // No link, or nothing at all.
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

/// Opens what there is, to see whether it may be written. What is no regular file stays open.
pub(crate) fn open_old(ring: &mut IoUring, path: &Path, old: &StatxBuffer) -> Result<Option<RawFd>, Failure> {
    let failed = About::Destination.refused("cannot be written");
    let regular = is_regular(old);
    // A pipe's open waits for its reader.
    match request::open(ring, path.as_c_str(), O_WRONLY | O_NOCTTY, 0, !regular) {
        Ok(fd) if !regular => Ok(Some(fd)),
        Ok(fd) => request::close(ring, fd).map(|()| None).map_err(failed),
        // A program that runs goes on with its old file.
        Err(Errno::ETXTBSY) => Ok(None),
        Err(errno) => Err(failed(errno)),
    }
}

/// The file that the copy is written to.
pub(crate) struct Destination<'a> {
    path: &'a Path,
    fd: RawFd,
    /// The unfinished copy's name; `None` if the file itself is written to.
    unfinished: Option<Path>,
    replaces: bool,
}

impl<'a> Destination<'a> {
    /// What is no regular file, and open for writing: it is written to as it is.
    pub(crate) fn in_place(path: &'a Path, fd: RawFd) -> Self {
        Self { path, fd, unfinished: None, replaces: false }
    }

    /// Makes the file that will become the one at `path`, or replace it.
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

    /// The content is there: sets the mode and gives the copy its name.
    pub(crate) fn complete(&self, ring: &mut IoUring, mode: u32) -> Result<(), Failure> {
        let failed = About::Destination.refused("cannot be written");
        let Some(unfinished) = &self.unfinished else {
            return request::close(ring, self.fd).map_err(failed);
        };
        sys::set_mode(self.fd, mode).map_err(About::Destination.refused("cannot be given its mode"))?;
        if self.replaces {
            // SAFETY: the request points to nothing.
            match unsafe { request::run(ring, opcode::Fsync::new(Fd(self.fd)).build()) } {
                // EINVAL: a file system that has nothing to do here.
                Ok(_) | Err(Errno::EINVAL) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        // Some file systems tell only now that there was no room.
        request::close(ring, self.fd).map_err(failed)?;
        sys::rename(unfinished.as_c_str(), self.path.as_c_str())
            .map_err(About::Destination.refused("cannot be replaced"))
    }

    /// Removes what is unfinished. A failure leaves it where it is, under a name that says what it is.
    pub(crate) fn abandon(&self) {
        if let Some(unfinished) = &self.unfinished {
            let _ = sys::unlink(unfinished.as_c_str());
        }
    }
}

/// Makes a new file in the directory of `path`, which nobody else may read until its mode is set.
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
