//! Registration of the ring's own file descriptor with the task, which saves each call the look-up of the descriptor.
//!
//! The kernel keeps registered rings in a table of the task, so an index may mean another ring in another thread. A ring
//! with an index therefore has a type that can't be sent: its kernel is [`Registered<K>`], which puts the index into every
//! call, and unregisters it when the ring is closed.

use core::cell::Cell;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr::{NonNull, from_mut};

use crate::error::Errno;
use crate::flags::{EnterFlags, Features};
use crate::kernel::{DefaultKernel, Kernel};
use crate::parameters::Parameters;
use crate::ring::IoUring;
use crate::types::RawFd;
use crate::uapi::io_uring_register_op::{
    IORING_REGISTER_RING_FDS, IORING_REGISTER_USE_REGISTERED_RING, IORING_UNREGISTER_RING_FDS,
};
use crate::uapi::{io_uring_params, io_uring_rsrc_update};
use crate::{cqueue, squeue};

/// The number that stands for no index. The kernel refuses it.
// kernel: io_uring/tctx.c io_ringfd_unregister (7.3): an index above 15 is EINVAL.
const NONE: u32 = u32::MAX;

/// A ring that is named by its registered index, and bound to its thread.
pub type LocalRing<S = squeue::Entry, C = cqueue::Entry, K = DefaultKernel> = IoUring<S, C, Registered<K>>;

/// A kernel, and the index under which one ring is registered with the calling task.
///
/// Every call to `io_uring_enter(2)` for that ring uses the index, and so does every registration if the kernel can. The
/// value can't be sent to another thread, and so the ring can't either.
#[derive(Debug)]
pub struct Registered<K> {
    kernel: K,
    /// The index, or [`NONE`] once the ring was closed.
    index: Cell<u32>,
    /// Whether the ring also has a file descriptor.
    has_fd: bool,
    /// Whether registrations can use the index too (`FEAT_REG_REG_RING`).
    registers: bool,
    task: PhantomData<*const ()>,
}

impl<K: Kernel> Registered<K> {
    /// Makes the value for a ring without a descriptor. All kernels that make such rings (since 6.5) have
    /// `FEAT_REG_REG_RING` (since 6.3).
    pub(crate) fn without_fd(kernel: K, index: u32) -> Self {
        Self { kernel, index: Cell::new(index), has_fd: false, registers: true, task: PhantomData }
    }

    /// Removes the ring from the task's table.
    fn forget_index(&self, fd: RawFd) -> Result<(), Errno> {
        let mut update = io_uring_rsrc_update { offset: self.index.get(), resv: 0, data: 0 };
        let argument = from_mut(&mut update).cast();
        // kernel: io_uring/tctx.c io_ringfd_unregister (7.3): the reserved word and the data must be 0; the table is
        // the calling task's, whichever ring the call names.
        // SAFETY: the argument is the operation's own structure, alive, and used during the call only. Only this value
        // uses the index.
        let forgotten = unsafe { self.register(fd, IORING_UNREGISTER_RING_FDS as u32, argument, 1) };
        match forgotten {
            // The ring's restrictions forbid the call. The table belongs to the task, so that any other ring will do.
            Err(Errno::EACCES) => self.forget_through_another(argument),
            outcome => outcome.map(drop),
        }
    }

    #[cold]
    fn forget_through_another(&self, argument: *mut c_void) -> Result<(), Errno> {
        let mut params = Parameters::NOTHING.0;
        // SAFETY: `params` name no memory.
        let fd = unsafe { self.kernel.setup(1, &mut params) }?.cast_signed();
        // SAFETY: the argument is the operation's own structure, alive, and used during the call only. Only this value
        // uses the index.
        let forgotten = unsafe { self.kernel.register(fd, IORING_UNREGISTER_RING_FDS as u32, argument, 1) };
        // SAFETY: this function has just made the ring, and nothing else uses it.
        let _ = unsafe { self.kernel.close(fd) };
        forgotten.map(drop)
    }
}

// SAFETY: each call is passed on for the same ring, by its index where the call can take an index. So the contracts of
// the inner kernel hold here too.
unsafe impl<K: Kernel> Kernel for Registered<K> {
    /// Returns `EOPNOTSUPP`. The value stands for one ring: a new ring made through it would use that ring's index.
    unsafe fn setup(&self, _: u32, _: &mut io_uring_params) -> Result<u32, Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    #[inline(always)]
    unsafe fn enter(
        &self,
        _fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        // kernel: io_uring/io_uring.c io_uring_ctx_get_file (7.3): the number is looked up in the calling task's table of 16
        // places; a number beyond the table is EINVAL, an empty place EBADF.
        let flags = flags | EnterFlags::REGISTERED_RING.bits();
        // SAFETY: the caller meets the contract of `enter`. The index is the ring's own, in the task that is running.
        unsafe { self.kernel.enter(self.index.get().cast_signed(), to_submit, min_complete, flags, argument, size) }
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        // The ring has an index already.
        if operation == IORING_REGISTER_RING_FDS as u32 {
            return Err(Errno::EEXIST);
        }
        let (fd, operation) = if fd >= 0 && self.registers {
            (self.index.get().cast_signed(), operation | IORING_REGISTER_USE_REGISTERED_RING as u32)
        } else {
            (fd, operation)
        };
        // kernel: io_uring/register.c io_uring_register (7.3): the bit USE_REGISTERED_RING of the operation makes the
        // kernel look the number up in the calling task's table.
        // SAFETY: the caller meets the contract of `register`. The index is the ring's own, in the task that is
        // running.
        unsafe { self.kernel.register(fd, operation, argument, count) }
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        if self.has_fd { self.kernel.map(length, fd, offset) } else { Err(Errno::EBADF) }
    }

    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller meets the contract of `unmap`.
        unsafe { self.kernel.unmap(address, length) }
    }

    unsafe fn keep_from_fork(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller meets the contract of `keep_from_fork`.
        unsafe { self.kernel.keep_from_fork(address, length) }
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        if self.index.get() == NONE {
            return Err(Errno::EBADF);
        }
        let forgotten = self.forget_index(fd);
        self.index.set(NONE);
        if self.has_fd {
            // SAFETY: the caller meets the contract of `close`.
            unsafe { self.kernel.close(fd) }
        } else {
            // The ring has no descriptor: the number `fd` may be another file of the process.
            forgotten
        }
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> IoUring<S, C, K> {
    /// Registers the ring's descriptor with the calling task, and binds the ring to the task. Each call of
    /// `io_uring_enter` uses the index from now on, and with `FEAT_REG_REG_RING` each registration. Dropping the ring
    /// frees the index. Since 5.18.
    ///
    /// In another thread the index may mean another ring. So a ring with an index can't be sent:
    ///
    /// ```compile_fail,E0277
    /// fn send(ring: bare_uring::IoUring) {
    ///     let Ok(local) = ring.register_ring_fd() else { return };
    ///     std::thread::spawn(move || drop(local));
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The ring comes back with the error. `EBUSY`: all 16 places of the task are taken. `EINVAL`: the kernel is older.
    /// `EEXIST`: the ring has an index already.
    #[doc(alias = "IORING_REGISTER_RING_FDS")]
    #[doc(alias = "io_uring_register_ring_fd")]
    #[allow(clippy::result_large_err, reason = "without an allocator the ring can only come back by value")]
    pub fn register_ring_fd(self) -> Result<LocalRing<S, C, K>, (Self, Errno)> {
        // kernel: io_uring/tctx.c io_ringfd_register (7.3): offset -1 means any free place, whose number is written
        // back; the result is the number of rings registered.
        let fd = self.fd();
        let mut update = io_uring_rsrc_update { offset: u32::MAX, resv: 0, data: u64::from(fd.cast_unsigned()) };
        let operation = IORING_REGISTER_RING_FDS as u32;
        // SAFETY: the argument is the operation's own structure, alive, and used during the call only.
        match unsafe { self.kernel().register(fd, operation, from_mut(&mut update).cast(), 1) } {
            Ok(1) => {}
            Ok(_) => return Err((self, Errno::EINVAL)),
            Err(errno) => return Err((self, errno)),
        }
        let index = update.offset;
        let registers = self.params().features().contains(Features::REG_REG_RING);
        Ok(self.map_kernel(|kernel| Registered {
            kernel,
            index: Cell::new(index),
            has_fd: true,
            registers,
            task: PhantomData,
        }))
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker, K: Kernel> LocalRing<S, C, K> {
    /// Unregisters the index. The ring uses its descriptor again, and can be sent. Since 5.18.
    ///
    /// # Errors
    ///
    /// The ring comes back as it was, with the error. `EBADF`: the ring has no descriptor (it was made without one, or
    /// the descriptor was closed), and could not be reached without the index.
    #[doc(alias = "IORING_UNREGISTER_RING_FDS")]
    #[doc(alias = "io_uring_unregister_ring_fd")]
    #[allow(clippy::result_large_err, reason = "without an allocator the ring can only come back by value")]
    pub fn unregister_ring_fd(self) -> Result<IoUring<S, C, K>, (Self, Errno)> {
        if !self.kernel().has_fd {
            return Err((self, Errno::EBADF));
        }
        match self.kernel().forget_index(self.fd()) {
            Ok(()) => Ok(self.map_kernel(|registered| registered.kernel)),
            Err(errno) => Err((self, errno)),
        }
    }

    /// Closes the ring's descriptor. Only the index leads to the ring from now on.
    ///
    /// # Errors
    ///
    /// `EBADF`: the ring has no descriptor. `EOPNOTSUPP`: registrations on this kernel need the descriptor (it lacks
    /// `FEAT_REG_REG_RING`).
    #[doc(alias = "io_uring_close_ring_fd")]
    pub fn close_ring_fd(&mut self) -> Result<(), Errno> {
        if !self.kernel().has_fd {
            return Err(Errno::EBADF);
        }
        if !self.kernel().registers {
            return Err(Errno::EOPNOTSUPP);
        }
        let fd = self.fd();
        // SAFETY: the descriptor is the ring's own. `has_fd` is false from here on, so that nothing uses it again.
        let closed = unsafe { self.kernel().kernel.close(fd) };
        self.kernel_mut().has_fd = false;
        let index = self.registered_index();
        self.set_fd(index);
        closed
    }

    /// Returns the index in the task's table.
    #[must_use]
    pub fn registered_index(&self) -> u32 {
        self.kernel().index.get()
    }
}
