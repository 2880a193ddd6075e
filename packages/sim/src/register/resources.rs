//! Tables of registered files and of registered buffers.

use std::sync::Arc;

use bare_uring::Errno;
use bare_uring::types::RawFd;
use bare_uring::uapi::{
    IORING_RSRC_REGISTER_SPARSE, io_uring_rsrc_register, io_uring_rsrc_update, io_uring_rsrc_update2,
};

use super::Argument;
use crate::files::Open;
use crate::user::copy_from_user;
use crate::world::World;

impl World {
    /// Registers buffers.
    ///
    /// # Safety
    ///
    /// `list` is the address of `count` elements.
    // kernel: io_uring/rsrc.c io_sqe_buffers_register (7.2): EBUSY if there are some, EINVAL for none or more than
    // 16384.
    pub(super) unsafe fn register_buffers(&mut self, id: u32, list: u64, count: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract: a list of `count` vectors.
        let buffers = unsafe { vectors(list, count) };
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        if !ring.buffers.is_empty() {
            return Err(Errno::EBUSY);
        }
        if count == 0 || count > 16_384 {
            return Err(Errno::EINVAL);
        }
        ring.buffers = buffers;
        Ok(0)
    }

    /// Registers buffers, or a table without any (sparse).
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    pub(super) unsafe fn register_buffers2(&mut self, id: u32, argument: Argument, size: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, for this size.
        let register = unsafe { rsrc_register(argument, size) }?;
        if register.flags & IORING_RSRC_REGISTER_SPARSE != 0 {
            let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
            if !ring.buffers.is_empty() {
                return Err(Errno::EBUSY);
            }
            ring.buffers = vec![None; register.nr as usize];
            return Ok(0);
        }
        // SAFETY: the operation's contract: `data` is a list of `nr` vectors.
        unsafe { self.register_buffers(id, register.data, register.nr) }
    }

    /// Replaces registered buffers.
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    pub(super) unsafe fn update_buffers(&mut self, id: u32, argument: Argument, size: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, for this size.
        let update = unsafe { rsrc_update2(argument, size) }?;
        // SAFETY: the operation's contract: `data` is a list of `nr` vectors.
        let buffers = unsafe { vectors(update.data, update.nr) };
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        let start = update.offset as usize;
        let places = ring.buffers.get_mut(start..start + buffers.len()).ok_or(Errno::EINVAL)?;
        places.copy_from_slice(&buffers);
        Ok(update.nr)
    }

    /// Registers files.
    ///
    /// # Safety
    ///
    /// `list` is the address of `count` elements.
    // kernel: io_uring/rsrc.c io_sqe_files_register (7.2): EBUSY if there are some, EINVAL for none; -1 leaves an index
    // empty.
    pub(super) unsafe fn register_files(&mut self, id: u32, list: u64, count: u32) -> Result<u32, Errno> {
        if !self.rings.get(&id).ok_or(Errno::EBADF)?.files.is_empty() {
            return Err(Errno::EBUSY);
        }
        if count == 0 || count > 32_768 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the operation's contract: a list of `count` descriptors.
        let fds = unsafe { numbers(list, count) };
        let files: Result<Vec<_>, Errno> = fds.iter().map(|&fd| self.open_for(fd)).collect();
        let files = files?;
        self.rings.get_mut(&id).ok_or(Errno::EBADF)?.files = files;
        Ok(0)
    }

    /// Returns what a descriptor stands for in the table of registered files; -1 leaves the index empty.
    fn open_for(&self, fd: RawFd) -> Result<Option<Arc<Open>>, Errno> {
        if fd == -1 { Ok(None) } else { self.files.get(fd).cloned().map(Some).ok_or(Errno::EBADF) }
    }

    /// Registers files, or a table without any (sparse).
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    pub(super) unsafe fn register_files2(&mut self, id: u32, argument: Argument, size: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, for this size.
        let register = unsafe { rsrc_register(argument, size) }?;
        if register.flags & IORING_RSRC_REGISTER_SPARSE == 0 {
            // SAFETY: the operation's contract: `data` is a list of `nr` descriptors.
            return unsafe { self.register_files(id, register.data, register.nr) };
        }
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        if !ring.files.is_empty() {
            return Err(Errno::EBUSY);
        }
        ring.files = vec![None; register.nr as usize];
        Ok(0)
    }

    /// Replaces registered files (`FILES_UPDATE`).
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    pub(super) unsafe fn update_files(&mut self, id: u32, argument: Argument, count: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract: an update.
        let update = unsafe { argument.read::<io_uring_rsrc_update>() }?;
        // SAFETY: the operation's contract: `data` is a list of `count` descriptors.
        let fds = unsafe { numbers(update.data, count) };
        self.replace_files(id, update.offset, &fds)
    }

    /// Replaces registered files (`FILES_UPDATE2`).
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    pub(super) unsafe fn update_files2(&mut self, id: u32, argument: Argument, size: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, for this size.
        let update = unsafe { rsrc_update2(argument, size) }?;
        // SAFETY: the operation's contract: `data` is a list of `nr` descriptors.
        let fds = unsafe { numbers(update.data, update.nr) };
        self.replace_files(id, update.offset, &fds)
    }

    /// Replaces registered files from `offset` on. Returns how many were replaced before one was refused; the error, if
    /// the first was refused.
    // kernel: io_uring/rsrc.c __io_sqe_files_update (7.2): ENXIO without a table, EINVAL past its end; -2 skips an
    // index.
    fn replace_files(&mut self, id: u32, offset: u32, fds: &[RawFd]) -> Result<u32, Errno> {
        const SKIP: RawFd = -2;

        let (start, len) = (offset as usize, self.rings.get(&id).ok_or(Errno::EBADF)?.files.len());
        if len == 0 {
            return Err(Errno::ENXIO);
        }
        if start + fds.len() > len {
            return Err(Errno::EINVAL);
        }
        for (done, &fd) in fds.iter().enumerate() {
            let open = match self.open_for(fd) {
                _ if fd == SKIP => continue,
                Ok(open) => open,
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => return Ok(done as u32),
            };
            if let Some(ring) = self.rings.get_mut(&id) {
                ring.files[start + done] = open;
            }
        }
        Ok(fds.len() as u32)
    }
}

/// Reads and checks the argument of a registration of resources.
///
/// # Safety
///
/// `argument` is what the operation calls for.
// kernel: io_uring/rsrc.c io_register_rsrc (7.2): the size must be that of the structure, `nr` must not be 0.
unsafe fn rsrc_register(argument: Argument, size: u32) -> Result<io_uring_rsrc_register, Errno> {
    if size as usize != size_of::<io_uring_rsrc_register>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the operation's contract, for this size.
    let register = unsafe { argument.read::<io_uring_rsrc_register>() }?;
    if register.nr == 0 || register.resv2 != 0 { Err(Errno::EINVAL) } else { Ok(register) }
}

/// Reads and checks the argument of an update of resources.
///
/// # Safety
///
/// `argument` is what the operation calls for.
unsafe fn rsrc_update2(argument: Argument, size: u32) -> Result<io_uring_rsrc_update2, Errno> {
    if size as usize != size_of::<io_uring_rsrc_update2>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the operation's contract, for this size.
    let update = unsafe { argument.read::<io_uring_rsrc_update2>() }?;
    if update.nr == 0 || update.resv != 0 || update.resv2 != 0 { Err(Errno::EINVAL) } else { Ok(update) }
}

/// Reads a list of descriptors.
///
/// # Safety
///
/// `list` is the address of `count` elements.
unsafe fn numbers(list: u64, count: u32) -> Vec<i32> {
    // SAFETY: the operation's contract: a list of `count` descriptors.
    let bytes = unsafe { copy_from_user(list, count as usize * 4) };
    bytes.chunks_exact(4).map(|bytes| bytes.try_into().map(i32::from_ne_bytes).unwrap_or(-1)).collect()
}

/// Reads a list of `struct iovec`; an address of 0 leaves the index empty.
///
/// # Safety
///
/// `list` is the address of `count` elements.
unsafe fn vectors(list: u64, count: u32) -> Vec<Option<(u64, u64)>> {
    let word = size_of::<usize>();
    // SAFETY: the operation's contract: a list of `count` vectors, each an address and a length.
    let bytes = unsafe { copy_from_user(list, count as usize * 2 * word) };
    let number = |bytes: &[u8]| bytes.try_into().map(usize::from_ne_bytes).unwrap_or(0) as u64;
    let pairs = bytes.chunks_exact(2 * word).map(|pair| (number(&pair[..word]), number(&pair[word..])));
    pairs.map(|pair| (pair.0 != 0).then_some(pair)).collect()
}
