//! Memory that both sides of a ring use, with nothing mapped before and behind it.

use std::ptr::{NonNull, null_mut};

use bare_uring::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// The page size; the longest one of the architectures that have several.
const PAGE: usize = if cfg!(target_arch = "x86_64") { 4096 } else { 65_536 };

/// The length of the inaccessible memory on either side.
const GUARD: usize = PAGE;

/// Fills the gaps between the memory and the guards.
const CANARY: u8 = 0xc5;

/// A piece of memory with a mapping of its own. It ends, rounded up to a cache line, where an inaccessible page starts,
/// and an inaccessible page lies before it. An access past it kills the process; a write into the rounding shows.
#[derive(Debug)]
pub(crate) struct Area {
    whole: NonNull<u8>,
    whole_len: usize,
    base: NonNull<u8>,
    len: usize,
    /// The length up to the guard behind.
    padded: usize,
    /// The length that the user has mapped; `None` if the user has no mapping of it.
    pub(crate) mapped: Option<usize>,
}

// SAFETY: an address and lengths; the mapping belongs to the process, not to a thread.
unsafe impl Send for Area {}

impl Area {
    /// Makes `len` zeroed bytes, aligned to 64.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: there is no memory, or `len` is 0 or more than 256 MiB.
    pub(crate) fn new(len: usize) -> Result<Self, Errno> {
        Self::with_alignment(len, 64)
    }

    /// Makes `len` zeroed bytes that start at a page. The inaccessible page follows at the end of the last page.
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new).
    pub(crate) fn of_pages(len: usize) -> Result<Self, Errno> {
        Self::with_alignment(len, PAGE)
    }

    fn with_alignment(len: usize, align: usize) -> Result<Self, Errno> {
        if len == 0 || len > 256 << 20 {
            return Err(Errno::ENOMEM);
        }
        let usable = len.next_multiple_of(PAGE);
        let whole_len = GUARD + usable + GUARD;
        // SAFETY: a new mapping at an address of the system's choice touches no other memory.
        let whole = unsafe { mmap_anonymous(null_mut(), whole_len, ProtFlags::empty(), MapFlags::PRIVATE) }
            .map_err(|_| Errno::ENOMEM)?;
        // SAFETY: the offset lies within the mapping just made.
        let start = unsafe { whole.byte_add(GUARD) };
        // SAFETY: the piece lies within the mapping, and no code uses it yet.
        unsafe { mprotect(start, usable, MprotectFlags::READ | MprotectFlags::WRITE) }.map_err(|_| Errno::ENOMEM)?;
        let front = usable - len.next_multiple_of(align);
        let whole = NonNull::new(whole.cast()).ok_or(Errno::ENOMEM)?;
        // SAFETY: the offset lies within the mapping.
        let base = unsafe { whole.add(GUARD + front) };
        let area = Self { whole, whole_len, base, len, padded: len.next_multiple_of(align), mapped: None };
        for gap in area.gaps() {
            // SAFETY: the gaps are the accessible bytes around the memory.
            unsafe { gap.0.write_bytes(CANARY, gap.1) };
        }
        Ok(area)
    }

    /// Returns the accessible bytes around the memory: those up to the guard behind it, and the last 256 before it.
    fn gaps(&self) -> [(NonNull<u8>, usize); 2] {
        let front = (self.base.addr().get() - self.whole.addr().get() - GUARD).min(256);
        // SAFETY: so many bytes lie between the first guard and the memory.
        let before = unsafe { self.base.sub(front) };
        // SAFETY: the memory is that long.
        let behind = unsafe { self.base.add(self.len) };
        [(before, front), (behind, self.padded - self.len)]
    }

    /// Returns whether the bytes around the memory are as they were made.
    pub(crate) fn intact(&self) -> bool {
        self.gaps().iter().all(|&(start, len)| {
            // SAFETY: the gaps are accessible, and no correct user writes there.
            unsafe { std::slice::from_raw_parts(start.as_ptr(), len) }.iter().all(|&byte| byte == CANARY)
        })
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own. A user that still uses it has broken the contract of
        // `Kernel::unmap`.
        let _ = unsafe { munmap(self.whole.as_ptr().cast(), self.whole_len) };
    }
}
