//! [`Adapted`]: what kernels say by their behaviour, and not by their features.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem::size_of;
use core::ptr::{NonNull, from_ref, null, with_exposed_provenance};

use super::Kernel;
use crate::error::Errno;
use crate::flags::{EnterFlags, Features, SetupFlags};
use crate::types::{RawFd, Sigset};
use crate::uapi::{io_uring_getevents_arg, io_uring_params};

/// The behaviours of a kernel that [`Adapted`] makes up for. Linux has none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// `io_uring_enter(2)` without entries to submit answers -1, which is `EPERM`, though completions may be there. gVisor does so.
    pub empty_enter_fails: bool,
    /// A wait takes `struct io_uring_getevents_arg`, and the kernel does not report `FEAT_EXT_ARG`. OSv does so.
    pub timed_waits_unsaid: bool,
    /// A wait takes signal masks of 128 bytes, and refuses masks of 8 bytes. OSv does so.
    pub long_masks: bool,
}

/// A kernel that keeps to Linux's behaviour: it hands each call on to `K`, and makes up for the [`Quirks`] of `K`.
///
/// Take it in place of `K` on a kernel that is not Linux. Programs on Linux don't need it, and pay nothing for it.
///
/// ```
/// use bare_uring::{Adapted, IoUring, Linux, Quirks};
///
/// # fn made() -> Result<(), bare_uring::SetupError> {
/// // Tries the behaviours out when the ring is made; `Adapted::with` takes the caller's word instead.
/// let ring: IoUring<_, _, _> = IoUring::<bare_uring::squeue::Entry, bare_uring::cqueue::Entry, _>::with_kernel(Adapted::new(Linux), 8)?;
/// assert_eq!(ring.kernel().quirks(), Quirks::default());
/// # Ok(())
/// # }
/// # if let Err(error) = made() { println!("skipped: {error}") }
/// ```
#[derive(Debug)]
pub struct Adapted<K> {
    kernel: K,
    quirks: Cell<Quirks>,
    /// Whether the next set-up tries the behaviours out.
    tries: bool,
}

/// The longest signal mask that a C library has: 1024 signals.
const LONG: usize = 128;

impl<K: Kernel> Adapted<K> {
    /// Finds the quirks out by trying, when a ring is made: by up to four calls on the new ring that neither submit nor wait. A ring
    /// without a descriptor is not tried, and neither is one that starts disabled.
    pub const fn new(kernel: K) -> Self {
        let none = Quirks { empty_enter_fails: false, timed_waits_unsaid: false, long_masks: false };
        Self { kernel, quirks: Cell::new(none), tries: true }
    }

    /// Takes the caller's word for the quirks, and tries nothing.
    pub const fn with(kernel: K, quirks: Quirks) -> Self {
        Self { kernel, quirks: Cell::new(quirks), tries: false }
    }

    /// Returns the quirks that are made up for.
    #[must_use]
    pub fn quirks(&self) -> Quirks {
        self.quirks.get()
    }

    /// Tries a wait that asks for nothing and returns at once.
    fn wait(&self, fd: RawFd, flags: EnterFlags, argument: *const c_void, size: usize) -> Result<u32, Errno> {
        // SAFETY: nothing is submitted; the caller passes an argument that `flags` call for, alive during the call.
        unsafe { self.kernel.enter(fd, 0, 0, flags.bits(), argument, size) }
    }

    /// Tries a wait with a mask of this many bytes, in which all signals stay blocked for the moment.
    fn takes_mask(&self, fd: RawFd, size: usize) -> Result<u32, Errno> {
        let mask = [u64::MAX; LONG / size_of::<u64>()];
        self.wait(fd, EnterFlags::GETEVENTS, mask.as_ptr().cast(), size)
    }

    fn find(&self, fd: RawFd, features: Features) -> Quirks {
        let argument = io_uring_getevents_arg { sigmask: 0, sigmask_sz: 0, min_wait_usec: 0, ts: 0 };
        let extended = EnterFlags::GETEVENTS.union(EnterFlags::EXT_ARG);
        let size = size_of::<io_uring_getevents_arg>();
        Quirks {
            empty_enter_fails: self.wait(fd, EnterFlags::empty(), null(), 0) == Err(Errno::EPERM),
            timed_waits_unsaid: !features.contains(Features::EXT_ARG)
                && self.wait(fd, extended, from_ref(&argument).cast(), size).is_ok(),
            long_masks: self.takes_mask(fd, Sigset::SIZE as usize) == Err(Errno::EINVAL)
                && self.takes_mask(fd, LONG).is_ok(),
        }
    }

    /// Calls `enter` with a mask of 128 bytes in place of one of 8, as an argument by itself or in the structure.
    ///
    /// # Safety
    ///
    /// The conditions of [`Kernel::enter`].
    unsafe fn enter_with_long_mask(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
    ) -> Result<u32, Errno> {
        let extended = EnterFlags::from_bits_retain(flags).contains(EnterFlags::EXT_ARG);
        let (mut structure, short) = if extended {
            // SAFETY: with EXT_ARG the argument is such a structure (caller's contract).
            let structure = unsafe { argument.cast::<io_uring_getevents_arg>().read() };
            (Some(structure), with_exposed_provenance::<Sigset>(structure.sigmask as usize))
        } else {
            (None, argument.cast::<Sigset>())
        };
        let mut mask = [0_u64; LONG / size_of::<u64>()];
        if !short.is_null() {
            // SAFETY: the mask has 8 bytes, and is alive during the call (caller's contract).
            mask[0] = unsafe { short.read() }.0;
        }
        let (argument, size): (*const c_void, usize) = match &mut structure {
            Some(structure) => {
                if structure.sigmask != 0 {
                    structure.sigmask = mask.as_ptr().expose_provenance() as u64;
                    structure.sigmask_sz = LONG as u32;
                }
                (from_ref(structure).cast(), size_of::<io_uring_getevents_arg>())
            }
            None => (mask.as_ptr().cast(), LONG),
        };
        // SAFETY: the caller's contract; the copies of the argument live until the call returns.
        unsafe { self.kernel.enter(fd, to_submit, min_complete, flags, argument, size) }
    }
}

// SAFETY: each call is handed on with the caller's arguments, or with copies of them that mean as much and live until it returns; the
// calls that try something out submit nothing and name memory of their own.
unsafe impl<K: Kernel> Kernel for Adapted<K> {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        let asked = SetupFlags::from_bits_retain(params.flags);
        // SAFETY: the caller's contract carries over.
        let fd = unsafe { self.kernel.setup(entries, params) }?;
        if self.tries && !asked.intersects(SetupFlags::REGISTERED_FD_ONLY.union(SetupFlags::R_DISABLED)) {
            self.quirks.set(self.find(fd.cast_signed(), Features::from_bits_retain(params.features)));
        }
        if self.quirks().timed_waits_unsaid {
            params.features |= Features::EXT_ARG.bits();
        }
        Ok(fd)
    }

    #[inline]
    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        let quirks = self.quirks();
        let extended = EnterFlags::from_bits_retain(flags);
        let has_mask = !argument.is_null() && !extended.contains(EnterFlags::EXT_ARG_REG);
        let outcome = if quirks.long_masks && has_mask {
            // SAFETY: the caller's contract carries over.
            unsafe { self.enter_with_long_mask(fd, to_submit, min_complete, flags, argument) }
        } else {
            // SAFETY: the caller's contract carries over.
            unsafe { self.kernel.enter(fd, to_submit, min_complete, flags, argument, size) }
        };
        match outcome {
            Err(Errno::EPERM) if quirks.empty_enter_fails && to_submit == 0 => Ok(0),
            outcome => outcome,
        }
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        // SAFETY: the caller's contract carries over.
        unsafe { self.kernel.register(fd, operation, argument, count) }
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        self.kernel.map(length, fd, offset)
    }

    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller's contract carries over.
        unsafe { self.kernel.unmap(address, length) }
    }

    unsafe fn keep_from_fork(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller's contract carries over.
        unsafe { self.kernel.keep_from_fork(address, length) }
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        // SAFETY: the caller's contract carries over.
        unsafe { self.kernel.close(fd) }
    }
}
