//! [`Linux`]: the kernel behind the system call instruction.

use core::ffi::c_void;
use core::ptr::NonNull;

use linux_raw_sys::general::{
    __NR_close, __NR_io_uring_enter, __NR_io_uring_register, __NR_io_uring_setup, __NR_madvise, __NR_munmap,
    MADV_DONTFORK, MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE,
};

use super::Kernel;
use crate::arch::{self, Mmap};
use crate::error::Errno;
use crate::types::RawFd;
use crate::uapi::io_uring_params;

/// The Linux kernel that the program runs on, entered by the processor's system call instruction.
///
/// The type exists where the crate has a shim: Linux on x86_64, x86, aarch64, arm, riscv64, loongarch64, powerpc64 and
/// s390x.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Linux;

/// Enters the kernel, and tells values from errors.
///
/// # Safety
///
/// What the call `number` does with these arguments is sound; see [`arch`].
#[inline(always)]
unsafe fn call<const COUNT: usize>(number: u32, arguments: [usize; COUNT]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = arch::words(arguments);
    // SAFETY: the caller's contract is that of the shim.
    let raw = unsafe { arch::syscall6(number as usize, a, b, c, d, e, f) };
    arch::check(raw).map_err(Errno::from_shim)
}

/// Converts a descriptor to a register's value: the kernel reads the low 32 bits, and the rest is the sign.
#[inline(always)]
const fn word(fd: RawFd) -> usize {
    (fd as isize).cast_unsigned()
}

// SAFETY: the kernel implements the calls as the trait describes them. For the compiler, the shims' asm blocks may
// access any memory, so that they are the barrier that the trait asks for.
unsafe impl Kernel for Linux {
    #[inline]
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        // kernel: io_uring/io_uring.c io_uring_create (6.12.117): the parameters are written back after every check of
        // the flags and sizes, so that `EINVAL` leaves them as they were.
        let address = core::ptr::from_mut(params).expose_provenance();
        // SAFETY: the kernel writes to `params` only, whose size is the kernel's (asserted in `uapi`); the caller
        // answers for memory that `params` names.
        unsafe { call(__NR_io_uring_setup, [entries as usize, address]) }.map(|fd| fd as u32)
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
        // kernel: io_uring/io_uring.c io_uring_enter (6.12.117): the number of entries consumed is returned if there is
        // one, whatever the wait says; under SQPOLL it is `to_submit` itself.
        let argument = argument.expose_provenance();
        let arguments = [word(fd), to_submit as usize, min_complete as usize, flags as usize, argument, size];
        // SAFETY: the caller's contract covers the entries and the argument.
        unsafe { call(__NR_io_uring_enter, arguments) }.map(|count| count as u32)
    }

    #[inline]
    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        let arguments = [word(fd), operation as usize, argument.expose_provenance(), count as usize];
        // SAFETY: the caller's contract covers the operation and its argument.
        unsafe { call(__NR_io_uring_register, arguments) }.map(|result| result as u32)
    }

    #[inline]
    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        // kernel: io_uring/memmap.c io_uring_get_unmapped_area, io_uring_mmap (6.12.117): an address that the caller
        // chooses is `EINVAL`; a ring made with `IORING_SETUP_NO_MMAP` cannot be mapped.
        const PROTECTION: usize = (PROT_READ | PROT_WRITE) as usize;
        const FLAGS: usize = (MAP_SHARED | MAP_POPULATE) as usize;
        // On 32-bit targets `mmap2` counts the offset in units of 4096 bytes, so that the largest offset that rings use
        // (2^31 and more) fits.
        let (number, offset) = match arch::MMAP {
            Mmap::Bytes(number) | Mmap::Block(number) => (number, usize::try_from(offset)),
            Mmap::Pages(number) => (number, usize::try_from(offset / 4096)),
        };
        let arguments = [0, length, PROTECTION, FLAGS, word(fd), offset.map_err(|_| Errno::EOVERFLOW)?];
        let arguments = match arch::MMAP {
            Mmap::Bytes(_) | Mmap::Pages(_) => arguments,
            Mmap::Block(_) => [arguments.as_ptr().expose_provenance(), 0, 0, 0, 0, 0],
        };
        // SAFETY: without a fixed address the kernel maps where there is no mapping yet; `arguments`, from which it may
        // read them, is alive.
        let address = unsafe { call(number, arguments) }?;
        NonNull::new(core::ptr::with_exposed_provenance_mut(address)).ok_or(Errno::ENOMEM)
    }

    #[inline]
    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        let address = address.as_ptr().expose_provenance();
        // SAFETY: the memory is one of the crate's own mappings, and nothing uses it any more, by the caller's
        // contract.
        unsafe { call(__NR_munmap, [address, length]) }.map(drop)
    }

    #[inline]
    unsafe fn keep_from_fork(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        let arguments = [address.as_ptr().expose_provenance(), length, MADV_DONTFORK as usize];
        // SAFETY: the memory is one of the crate's own mappings, and the advice changes nothing in this process.
        unsafe { call(__NR_madvise, arguments) }.map(drop)
    }

    #[inline]
    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        // SAFETY: the ring is the crate's own, and nothing uses it any more, by the caller's contract.
        unsafe { call(__NR_close, [word(fd)]) }.map(drop)
    }
}
