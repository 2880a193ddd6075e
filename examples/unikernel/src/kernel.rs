//! The trait `Kernel`, implemented over one function.

use core::ffi::{c_int, c_long, c_void};

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::{Errno, Kernel};

unsafe extern "C" {
    /// Makes a Linux system call by its number. Returns a value, or a negated errno.
    ///
    /// # Safety
    ///
    /// What the system call does with these arguments must be sound.
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

/// Numbers of the system calls: the first three are the same on all architectures, `CLOSE` is that of x86_64.
const IO_URING_SETUP: c_long = 425;
const IO_URING_ENTER: c_long = 426;
const IO_URING_REGISTER: c_long = 427;
const CLOSE: c_long = 3;

/// The kernel that is linked with this program.
#[derive(Debug, Clone, Copy)]
pub struct Unikernel;

/// Tells a value from a negated errno.
fn outcome(result: c_long) -> Result<u32, Errno> {
    // A value is a file descriptor or a count, and has 31 bits.
    let result = c_int::try_from(result).map_err(|_| Errno::EINVAL)?;
    match Errno::from_result(result) {
        Some(errno) => Err(errno),
        None => Ok(result.cast_unsigned()),
    }
}

/// Returns an address as an argument of a system call.
fn address<T>(pointer: *const T) -> c_long {
    pointer.expose_provenance().cast_signed() as c_long
}

// SAFETY: the kernel behind the function implements the calls as Linux does. The compiler does not see the called code,
// so the call is the barrier that the trait requires. Memory is never mapped, because all rings use provided memory.
unsafe impl Kernel for Unikernel {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        let params = address(core::ptr::from_mut(params).cast_const());
        // SAFETY: the kernel writes to `params` and to memory that `params` names, for which the caller's contract
        // holds.
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
