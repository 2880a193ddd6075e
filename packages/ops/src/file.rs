//! Files: descriptors that are closed when nobody uses them any more.

use core::cell::Cell;
use core::fmt;

use bare_uring::types::{Fd, RawFd};

use crate::list::{Link, Linked};
use crate::slab::Slab;

/// A place in the table of files.
pub(crate) struct Entry {
    /// -1 while the file is yet to be made.
    fd: Cell<RawFd>,
    /// Handles, those that operations hold among them. At the top it stays there: such a file is never closed.
    handles: Cell<u32>,
    link: Link,
}

impl Entry {
    pub(crate) const fn new() -> Self {
        Self { fd: Cell::new(0), handles: Cell::new(0), link: Link::new(0) }
    }

    fn is_used(&self) -> bool {
        self.handles.get() != 0
    }
}

impl Linked for Entry {
    fn link(&self) -> &Link {
        &self.link
    }
}

/// An open file of a slab. Cloning gives another handle to the same descriptor.
///
/// The descriptor is closed, by the driver's next turn, when the last handle was dropped and no operation uses it any
/// more: an operation has a handle of its own until its last completion, so that a descriptor's number never comes to
/// mean another file under it. A forgotten handle leaves the file open.
pub struct File {
    slab: &'static Slab,
    index: u16,
}

impl File {
    /// The handle that stands for the one that the entry's count was set to.
    pub(crate) const fn first(slab: &'static Slab, index: u16) -> Self {
        Self { slab, index }
    }

    fn entry(&self) -> Option<&'static Entry> {
        self.slab.files.get(usize::from(self.index))
    }

    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    pub(crate) fn fd(&self) -> Fd {
        Fd(self.as_raw_fd())
    }

    /// The descriptor's number, for calls that are no operations of the slab. It stays the file's as long as the handle
    /// lives.
    #[must_use]
    pub fn as_raw_fd(&self) -> RawFd {
        self.entry().map_or(-1, |entry| entry.fd.get())
    }
}

impl Clone for File {
    fn clone(&self) -> Self {
        if let Some(entry) = self.entry() {
            entry.handles.set(entry.handles.get().saturating_add(1));
        }
        Self { slab: self.slab, index: self.index }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let Some(entry) = self.entry() else { return };
        if entry.handles.get() == u32::MAX {
            return;
        }
        entry.handles.set(entry.handles.get().saturating_sub(1));
        if entry.handles.get() == 0 {
            if entry.fd.get() < 0 {
                self.slab.free_files.push_front(self.slab.files, self.index);
            } else {
                self.slab.closing.push(self.slab.files, self.index);
            }
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("fd", &self.as_raw_fd()).finish_non_exhaustive()
    }
}

impl Slab {
    /// A place for a file that is yet to be made. `None`: the table is full.
    pub(crate) fn reserve_file(&'static self) -> Option<File> {
        let index = self.free_files.pop(self.files)?;
        let entry = self.files.get(usize::from(index))?;
        entry.fd.set(-1);
        entry.handles.set(1);
        Some(File { slab: self, index })
    }

    /// Whether a file is open, or is yet to be closed.
    pub(crate) fn has_files(&self) -> bool {
        !self.closing.is_empty() || self.files.iter().any(Entry::is_used)
    }

    /// The file of a reserved place was made.
    pub(crate) fn file_made(&self, file: &File, fd: RawFd) {
        if let Some(entry) = file.entry() {
            entry.fd.set(fd);
        }
    }

    /// A descriptor that the driver is to close; its place is free again.
    pub(crate) fn next_to_close(&self) -> Option<RawFd> {
        let index = self.closing.pop(self.files)?;
        let fd = self.files.get(usize::from(index))?.fd.get();
        self.free_files.push_front(self.files, index);
        Some(fd)
    }

    /// Takes a descriptor over that was made in another way. `None`: no place is left in the table; it stays the
    /// caller's.
    ///
    /// # Safety
    ///
    /// `fd` is open, and nobody else closes it or relies on it.
    #[must_use]
    pub unsafe fn adopt(&'static self, fd: RawFd) -> Option<File> {
        let file = self.reserve_file()?;
        self.file_made(&file, fd);
        Some(file)
    }

    /// Takes a descriptor of the standard library over.
    ///
    /// # Errors
    ///
    /// It comes back if no place is left in the table.
    #[cfg(feature = "std")]
    pub fn adopt_owned(&'static self, fd: std::os::fd::OwnedFd) -> Result<File, std::os::fd::OwnedFd> {
        use std::os::fd::IntoRawFd as _;

        let Some(file) = self.reserve_file() else { return Err(fd) };
        self.file_made(&file, fd.into_raw_fd());
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::File;
    use crate::Storage;

    #[test]
    fn a_count_of_handles_that_has_reached_its_top_stays_there() {
        static STORAGE: Storage<1, 1, 1, 1> = Storage::new();
        let slab = STORAGE.start().expect("fresh");
        // SAFETY: the number is never used, since no driver is there.
        let file = unsafe { slab.adopt(7) }.expect("a place");
        slab.files[0].handles.set(u32::MAX - 1);
        let others: [File; 2] = [file.clone(), file.clone()];
        assert_eq!(slab.files[0].handles.get(), u32::MAX);
        drop((file, others));
        // How many there are is not known any more, so that it is never closed.
        assert_eq!(slab.files[0].handles.get(), u32::MAX);
        assert!(slab.closing.is_empty());
    }
}
