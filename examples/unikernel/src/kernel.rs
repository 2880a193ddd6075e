//! The trait of the crate, over one function.

use core::ffi::{c_int, c_long, c_void};

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::{Errno, Kernel};

unsafe extern "C" {
    /// A system call of Linux by its number, as a call: a value, or a negated errno.
    ///
    /// # Safety
    ///
    /// As the call itself.
    pub unsafe fn uk_syscall6_r(
        number: c_long,
        a: c_long,
        b: c_long,
        c: c_long,
        d: c_long,
        e: c_long,
        f: c_long,
    ) -> c_long;
}

/// Numbers that are the same on all architectures; that of `close` is x86_64's.
const IO_URING_SETUP: c_long = 425;
const IO_URING_ENTER: c_long = 426;
const IO_URING_REGISTER: c_long = 427;
const CLOSE: c_long = 3;

/// The kernel that this program is linked with.
#[derive(Debug, Clone, Copy)]
pub struct Unikernel;

/// Tells a value from a negated errno.
fn outcome(result: c_long) -> Result<u32, Errno> {
    // What is no errno is a descriptor or a count: 31 bits.
    let result = c_int::try_from(result).map_err(|_| Errno::EINVAL)?;
    match Errno::from_result(result) {
        Some(errno) => Err(errno),
        None => Ok(result.cast_unsigned()),
    }
}

/// An address as the kernel takes it.
fn address<T>(pointer: *const T) -> c_long {
    pointer.expose_provenance().cast_signed() as c_long
}

// SAFETY: the kernel behind the function implements the calls as Linux does. A call into code that the compiler does not
// see is the barrier that the trait asks for. Memory is never mapped: rings are made in provided memory only.
unsafe impl Kernel for Unikernel {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        let params = address(core::ptr::from_mut(params).cast_const());
        // SAFETY: the kernel writes to `params` only; for memory named inside the caller answers.
        outcome(unsafe { uk_syscall6_r(IO_URING_SETUP, c_long::from(entries), params, 0, 0, 0, 0) })
    }

    #[inline(always)]
    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        let [fd, submit, complete] = [c_long::from(fd), c_long::from(to_submit), c_long::from(min_complete)];
        let (argument, size) = (address(argument), size.cast_signed() as c_long);
        // SAFETY: the caller's contract.
        outcome(unsafe { uk_syscall6_r(IO_URING_ENTER, fd, submit, complete, c_long::from(flags), argument, size) })
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        let [fd, operation, count] = [c_long::from(fd), c_long::from(operation), c_long::from(count)];
        // SAFETY: the caller's contract.
        outcome(unsafe { uk_syscall6_r(IO_URING_REGISTER, fd, operation, address(argument), count, 0, 0) })
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        // SAFETY: the caller's contract.
        outcome(unsafe { uk_syscall6_r(CLOSE, c_long::from(fd), 0, 0, 0, 0, 0) }).map(drop)
    }
}
