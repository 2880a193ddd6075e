//! Files: descriptors that are closed when no handle is left.
#![forbid(unsafe_code)]

use core::cell::Cell;
use core::fmt;

use bare_uring::types::{Fd, RawFd};

use crate::list::{Link, Linked, List};

/// The position in a file that moves with each read and write, and the one that pipes and sockets need.
pub const CURRENT: u64 = u64::MAX;

/// A place in the table of files.
pub(crate) struct Place {
    /// The file descriptor; -1 while the file is yet to be made.
    fd: Cell<RawFd>,
    /// The number of handles, with those that operations hold. A count that reaches `u32::MAX` stays there, and its
    /// file is never closed.
    handles: Cell<u32>,
    link: Link,
    /// The file is a socket for a stream of bytes, where a receive of no bytes means that no more come.
    bytes: Cell<bool>,
}

impl Place {
    pub(crate) const fn new() -> Self {
        Self { fd: Cell::new(0), handles: Cell::new(0), link: Link::new(0), bytes: Cell::new(false) }
    }

    fn is_used(&self) -> bool {
        self.handles.get() != 0
    }
}

impl Linked for Place {
    fn link(&self) -> &Link {
        &self.link
    }
}

/// The table of a slab's files.
pub(crate) struct Files {
    places: &'static [Place],
    free: List,
    /// Files whose last handle is gone, and which the driver is to close.
    closing: List,
}

impl Files {
    pub(crate) fn new(places: &'static [Place]) -> Self {
        let this = Self { places, free: List::new(), closing: List::new() };
        this.free.push_all(places);
        this
    }

    /// Reserves a place for a file that is yet to be made. `None`: the table is full.
    pub(crate) fn reserve(&'static self) -> Option<File> {
        let index = self.free.pop(self.places)?;
        let place = self.places.get(usize::from(index))?;
        place.fd.set(-1);
        place.handles.set(1);
        place.bytes.set(false);
        Some(File { files: self, index })
    }

    /// Returns the places that are free.
    pub(crate) fn free(&self) -> &List {
        &self.free
    }

    /// Returns the number of places.
    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    /// Tells whether a file is open, or is yet to be closed.
    pub(crate) fn is_any_open(&self) -> bool {
        self.has_closing() || self.places.iter().any(Place::is_used)
    }

    /// Tells whether the driver has a file to close.
    pub(crate) fn has_closing(&self) -> bool {
        !self.closing.is_empty()
    }

    /// Takes a descriptor that the driver is to close, and frees its place.
    pub(crate) fn next_to_close(&self) -> Option<RawFd> {
        let index = self.closing.pop(self.places)?;
        let fd = self.places.get(usize::from(index))?.fd.get();
        self.free.push_front(self.places, index);
        Some(fd)
    }

    /// Takes back a handle that was given away as an index.
    pub(crate) fn handle(&'static self, index: u16) -> File {
        File { files: self, index }
    }

    /// Takes the first file out of a backlog.
    pub(crate) fn pop_from(&'static self, backlog: &List) -> Option<File> {
        backlog.pop(self.places).map(|index| File { files: self, index })
    }
}

/// An open file of a slab. Cloning gives another handle to the same file descriptor.
///
/// The driver's next turn closes the descriptor when the last handle was dropped and no operation uses the file any
/// more. An operation has a handle of its own until its last completion. So a descriptor's number never comes to mean
/// another file under an operation. A forgotten handle leaves the file open.
pub struct File {
    files: &'static Files,
    index: u16,
}

impl File {
    fn place(&self) -> Option<&'static Place> {
        self.files.places.get(usize::from(self.index))
    }

    /// Notes the descriptor of a file whose place was reserved, and which was made now.
    pub(crate) fn made(&self, fd: RawFd) {
        if let Some(place) = self.place() {
            place.fd.set(fd);
        }
    }

    /// Notes that the file is a socket for a stream of bytes.
    pub(crate) fn is_of_bytes(&self) {
        if let Some(place) = self.place() {
            place.bytes.set(true);
        }
    }

    /// Tells whether the file is known to be a socket for a stream of bytes.
    pub(crate) fn has_bytes(&self) -> bool {
        self.place().is_some_and(|place| place.bytes.get())
    }

    /// Gives the handle away as an index, for [`Files::handle`].
    pub(crate) fn into_index(self) -> u16 {
        let index = self.index;
        // The index takes over the handle that this value stands for.
        core::mem::forget(self);
        index
    }

    /// Returns the table that the file is in.
    pub(crate) const fn table(&self) -> &'static Files {
        self.files
    }

    /// Puts the file at the end of a backlog.
    pub(crate) fn push_to(self, backlog: &List) {
        backlog.push(self.files.places, self.index);
        // The backlog takes over the handle that this value stands for.
        core::mem::forget(self);
    }

    /// Tells whether this is the only handle.
    pub(crate) fn is_alone(&self) -> bool {
        self.place().is_some_and(|place| place.handles.get() == 1)
    }

    /// Notes that the descriptor is closed, or another's: it is not closed with the last handle.
    pub(crate) fn closed(self) {
        self.made(-1);
    }

    pub(crate) fn fd(&self) -> Fd {
        Fd(self.as_raw_fd())
    }

    /// Returns the descriptor's number, for calls that are no operations of the slab. The number stays this file's as
    /// long as the handle lives.
    #[must_use]
    pub fn as_raw_fd(&self) -> RawFd {
        self.place().map_or(-1, |place| place.fd.get())
    }

    /// Gives the descriptor away: the slab does not close it, and the caller has to.
    ///
    /// # Errors
    ///
    /// The file comes back if it has another handle, in the program or in an operation that has not ended.
    pub fn into_raw_fd(self) -> Result<RawFd, Self> {
        if !self.is_alone() {
            return Err(self);
        }
        let fd = self.as_raw_fd();
        self.closed();
        Ok(fd)
    }
}

impl Clone for File {
    fn clone(&self) -> Self {
        if let Some(place) = self.place() {
            place.handles.set(place.handles.get().saturating_add(1));
        }
        Self { files: self.files, index: self.index }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let Some(place) = self.place() else { return };
        if place.handles.get() == u32::MAX {
            return;
        }
        place.handles.set(place.handles.get().saturating_sub(1));
        if place.handles.get() == 0 {
            if place.fd.get() < 0 {
                self.files.free.push_front(self.files.places, self.index);
            } else {
                self.files.closing.push(self.files.places, self.index);
            }
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("fd", &self.as_raw_fd()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use super::{File, Files, Place};

    #[test]
    fn a_count_of_handles_that_has_reached_its_top_stays_there() {
        let places: &'static [Place] = Box::leak(Box::new([Place::new()]));
        let files: &'static Files = Box::leak(Box::new(Files::new(places)));
        let file = files.reserve().expect("a place");
        file.made(7);
        places[0].handles.set(u32::MAX - 1);
        let others: [File; 2] = [file.clone(), file.clone()];
        assert_eq!(places[0].handles.get(), u32::MAX);
        drop((file, others));
        // The number of handles is not known any more, so the file is never closed.
        assert_eq!((places[0].handles.get(), files.has_closing()), (u32::MAX, false));
    }
}
