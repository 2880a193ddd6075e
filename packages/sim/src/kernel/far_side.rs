//! The far side of pipes and connections, which a test plays, and the memory of its rings.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use bare_uring::Errno;
use bare_uring::types::RawFd;

use super::SimKernel;
use crate::errno::EAGAIN;
use crate::files::CAPACITY;
use crate::memory::Area;

impl SimKernel {
    /// Makes memory for a ring in provided memory. It starts at a page, with an inaccessible page before and behind it,
    /// and is valid until the last clone of the kernel is dropped.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: there is no memory, or `len` is 0 or more than 256 MiB.
    pub fn memory(&self, len: usize) -> Result<NonNull<[MaybeUninit<u8>]>, Errno> {
        let area = Area::of_pages(len)?;
        let memory = NonNull::slice_from_raw_parts(area.base().cast(), len);
        self.world().no_mmap_areas.push(area);
        Ok(memory)
    }

    /// Makes a pipe: its reading end and its writing end.
    #[must_use]
    pub fn pipe(&self) -> (RawFd, RawFd) {
        self.world().files.pipe(CAPACITY)
    }

    /// Makes two connected stream sockets.
    #[must_use]
    pub fn socket_pair(&self) -> (RawFd, RawFd) {
        self.world().files.socket_pair(CAPACITY)
    }

    /// Makes two connected datagram sockets. A datagram that is longer than the reader's room is cut.
    #[must_use]
    pub fn datagram_pair(&self) -> (RawFd, RawFd) {
        self.world().files.datagram_pair(CAPACITY)
    }

    /// Resets a connection or a pipe: its reader meets `ECONNRESET` once, then the end. Returns `false` if the
    /// descriptor has no reader.
    pub fn reset(&self, writer: RawFd) -> bool {
        let mut world = self.world();
        let Some(open) = world.files.get(writer).cloned() else { return false };
        world.files.reset(&open)
    }

    /// Makes a directory, which can't be read.
    #[must_use]
    pub fn directory(&self) -> RawFd {
        self.world().files.directory()
    }

    /// Makes a regular file with this content.
    #[must_use]
    pub fn file(&self, content: Vec<u8>) -> RawFd {
        self.world().files.content(content)
    }

    /// Makes a listening socket.
    #[must_use]
    pub fn listener(&self) -> RawFd {
        self.world().files.listener()
    }

    /// Connects to a listening socket, and returns the connecting end. `None` if the socket does not listen.
    #[must_use]
    pub fn connect(&self, listener: RawFd) -> Option<RawFd> {
        self.world().files.connect(listener, CAPACITY)
    }

    /// Writes from outside of any ring. Returns how many bytes were taken; 0 if there is no room.
    ///
    /// # Errors
    ///
    /// `EBADF`, `EPIPE`, `EINVAL`, as `write(2)`.
    pub fn write(&self, fd: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
        let mut world = self.world();
        let open = world.files.get(fd).cloned().ok_or(Errno::EBADF)?;
        match world.files.write(&open, bytes, u64::MAX) {
            Err(EAGAIN) => Ok(0),
            outcome => outcome.map_err(|errno| Errno::from_result(errno).unwrap_or(Errno::EIO)),
        }
    }

    /// Reads from outside of any ring. Returns `None` if no bytes are there yet, and an empty vector at the end.
    ///
    /// # Errors
    ///
    /// `EBADF`, `EINVAL`, as `read(2)`.
    pub fn read(&self, fd: RawFd, limit: usize) -> Result<Option<Vec<u8>>, Errno> {
        let mut world = self.world();
        let open = world.files.get(fd).cloned().ok_or(Errno::EBADF)?;
        match world.files.read(&open, limit, u64::MAX) {
            Err(EAGAIN) => Ok(None),
            outcome => outcome.map(Some).map_err(|errno| Errno::from_result(errno).unwrap_or(Errno::EIO)),
        }
    }

    /// Closes a descriptor that is no ring. Returns `false` if it is not open, or a ring.
    pub fn close_file(&self, fd: RawFd) -> bool {
        let mut world = self.world();
        world.ring_of(fd).is_err() && world.files.table.remove(&fd).is_some()
    }

    /// Returns whether a descriptor is open.
    #[must_use]
    pub fn is_open(&self, fd: RawFd) -> bool {
        self.world().files.get(fd).is_some()
    }
}
