//! The few system calls that are no io_uring request.
//!
//! They go through the library's own shims: the file with one asm block for each architecture is part of both packages.
//! A crate with system calls would be neater, but rustix, the one that fits, needs a C library on three of the eight
//! architectures (loongarch64, powerpc64, s390x), and two mechanisms are worse than this one.

use core::ffi::CStr;

use bare_uring::Errno;
use bare_uring::types::{RawFd, Sigset, SockAddr};
use linux_raw_sys::general as nr;
use linux_raw_sys::ioctl::TCGETS;

use crate::arch;

/// Standard input.
pub const STDIN: RawFd = 0;
/// Standard output.
pub const STDOUT: RawFd = 1;
/// Standard error.
pub const STDERR: RawFd = 2;

/// # Safety
///
/// What the call `number` does with these arguments is sound; see `arch`.
#[inline]
unsafe fn call(number: u32, arguments: [usize; 4]) -> Result<usize, Errno> {
    let [a, b, c, d] = arguments;
    // SAFETY: the caller's contract is the shim's.
    let raw = unsafe { arch::syscall6(number as usize, a, b, c, d, 0, 0) };
    // An errno that is none can't come from `check`; EIO stands in for it.
    arch::check(raw).map_err(|number| Errno::from_raw(number.get()).unwrap_or(Errno::EIO))
}

/// Any system call: the kernel's word as the shim hands it on, inlined up to the instruction as in the library.
///
/// # Safety
///
/// What the call `number` does with these arguments is sound.
#[inline(always)]
#[must_use]
pub unsafe fn raw(number: u32, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    // SAFETY: the caller's contract is the shim's.
    unsafe { arch::syscall6(number as usize, a, b, c, d, e, f) }
}

/// `mmap(2)`, with the offset in bytes, which must be a multiple of 4096: the kernel's word, which is an address or a
/// negated errno.
///
/// # Safety
///
/// With `MAP_FIXED`, nothing is lost that is mapped there.
#[must_use]
pub unsafe fn map(address: usize, len: usize, protection: u32, flags: u32, fd: RawFd, offset: usize) -> isize {
    let arguments = [address, len, protection as usize, flags as usize, word(fd), offset];
    let (number, arguments) = match arch::MMAP {
        arch::Mmap::Bytes(number) => (number, arguments),
        arch::Mmap::Pages(number) => {
            (number, [arguments[0], len, arguments[2], arguments[3], arguments[4], offset / 4096])
        }
        arch::Mmap::Block(number) => (number, [arguments.as_ptr().expose_provenance(), 0, 0, 0, 0, 0]),
    };
    // SAFETY: the caller's contract; where the kernel reads the arguments from memory, they are alive.
    unsafe { raw(number, arguments) }
}

/// A descriptor as the kernel reads it back: the low 32 bits, sign-extended.
#[inline]
const fn word(fd: RawFd) -> usize {
    (fd as isize).cast_unsigned()
}

fn address(path: &CStr) -> usize {
    path.as_ptr().expose_provenance()
}

/// Ends the program.
pub fn exit(status: u8) -> ! {
    loop {
        // SAFETY: nothing runs afterwards that could notice. The kernel does not come back; if one did, once more.
        let _ = unsafe { call(nr::__NR_exit_group, [usize::from(status), 0, 0, 0]) };
    }
}

/// `write(2)`: the number of bytes written, which can be less than all.
///
/// # Errors
///
/// As there.
pub fn write(fd: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads the slice, during the call.
    unsafe { call(nr::__NR_write, [word(fd), bytes.as_ptr().expose_provenance(), bytes.len(), 0]) }
}

/// Whether `fd` is a terminal.
#[must_use]
pub fn is_terminal(fd: RawFd) -> bool {
    // `struct termios` is at most 60 bytes (powerpc64: 44, elsewhere 36); this is aligned as any of its fields.
    let mut termios = [0_u64; 8];
    // SAFETY: the kernel writes a `struct termios` there, for which there is room.
    unsafe { call(nr::__NR_ioctl, [word(fd), TCGETS as usize, termios.as_mut_ptr().expose_provenance(), 0]) }.is_ok()
}

/// `fchmod(2)`: sets the permission bits of an open file.
///
/// # Errors
///
/// As there.
pub fn set_mode(fd: RawFd, mode: u32) -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe { call(nr::__NR_fchmod, [word(fd), mode as usize, 0, 0]) }.map(drop)
}

/// `rename(2)`, which replaces what has that name.
///
/// # Errors
///
/// As there.
pub fn rename(from: &CStr, to: &CStr) -> Result<(), Errno> {
    let cwd = word(nr::AT_FDCWD);
    // `renameat2`, since riscv64 and loongarch64 have no older one; its fifth argument, the flags, is 0.
    // SAFETY: the kernel reads both paths during the call.
    unsafe { call(nr::__NR_renameat2, [cwd, address(from), cwd, address(to)]) }.map(drop)
}

/// `unlink(2)`.
///
/// # Errors
///
/// As there.
pub fn unlink(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the kernel reads the path during the call.
    unsafe { call(nr::__NR_unlinkat, [word(nr::AT_FDCWD), address(path), 0, 0]) }.map(drop)
}

/// `readlink(2)`: how many bytes of `target` hold where the link `path` points to; all of them if that is longer.
///
/// # Errors
///
/// As there; `EINVAL`: `path` is no link.
pub fn read_link(path: &CStr, target: &mut [u8]) -> Result<usize, Errno> {
    let buffer = target.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel reads the path and writes to the slice, during the call.
    unsafe { call(nr::__NR_readlinkat, [word(nr::AT_FDCWD), address(path), buffer, target.len()]) }
}

/// The number of this process.
#[must_use]
pub fn process_id() -> u64 {
    // SAFETY: no memory is involved. The call can't fail.
    unsafe { call(nr::__NR_getpid, [0; 4]) }.map_or(0, |id| id as u64)
}

/// Whether `signal` is ignored, as `nohup` and shells set it for background jobs.
#[must_use]
pub fn is_ignored(signal: u32) -> bool {
    /// `struct sigaction` as the kernel has it: at most four words and a set of signals, the handler first.
    const WORDS: usize = 8;
    let mut action = [0_usize; WORDS];
    let buffer = action.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes a `struct sigaction` there, for which there is room, and changes nothing.
    let asked = unsafe { call(nr::__NR_rt_sigaction, [signal as usize, 0, buffer, Sigset::SIZE as usize]) };
    // SIG_IGN, on every architecture here.
    asked.is_ok() && action[0] == 1
}

/// Blocks these signals: they stay pending until [`unblock`].
///
/// # Errors
///
/// As `sigprocmask(2)`.
pub fn block(signals: Sigset) -> Result<(), Errno> {
    change_mask(nr::SIG_BLOCK, signals)
}

/// Lets these signals through; one that is pending then acts at once.
///
/// # Errors
///
/// As `sigprocmask(2)`.
pub fn unblock(signals: Sigset) -> Result<(), Errno> {
    change_mask(nr::SIG_UNBLOCK, signals)
}

fn change_mask(how: u32, signals: Sigset) -> Result<(), Errno> {
    let set = (&raw const signals).expose_provenance();
    // SAFETY: the kernel reads the set during the call.
    unsafe { call(nr::__NR_rt_sigprocmask, [how as usize, set, 0, Sigset::SIZE as usize]) }.map(drop)
}

/// `signalfd(2)`: a descriptor that is ready when one of these signals, which must be blocked, is pending.
///
/// # Errors
///
/// As there.
pub fn signal_fd(signals: Sigset) -> Result<RawFd, Errno> {
    let set = (&raw const signals).expose_provenance();
    let new = word(-1);
    // SAFETY: the kernel reads the set during the call.
    let fd = unsafe { call(nr::__NR_signalfd4, [new, set, Sigset::SIZE as usize, nr::O_CLOEXEC as usize]) }?;
    Ok(fd as RawFd)
}

/// `eventfd(2)`: a counter that starts at 0, and reads of which wait until it is more.
///
/// # Errors
///
/// As there.
pub fn event_fd() -> Result<RawFd, Errno> {
    // SAFETY: no memory is involved.
    let fd = unsafe { call(nr::__NR_eventfd2, [0, nr::EFD_CLOEXEC as usize, 0, 0]) }?;
    Ok(fd as RawFd)
}

/// `socketpair(2)`: two stream sockets, each of which reads what is written to the other.
///
/// # Errors
///
/// As there.
pub fn socket_pair() -> Result<[RawFd; 2], Errno> {
    /// `AF_UNIX`, and `SOCK_STREAM` as every architecture here has it.
    const KIND: [usize; 2] = [1, 1];
    let mut fds: [RawFd; 2] = [-1; 2];
    let buffer = fds.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes both descriptors to the array, during the call.
    unsafe { call(nr::__NR_socketpair, [KIND[0], KIND[1] | nr::O_CLOEXEC as usize, 0, buffer]) }?;
    Ok(fds)
}

/// A level and a name of `setsockopt(2)`, as every architecture here has them.
pub type SocketOption = [usize; 2];
/// `SO_REUSEADDR` of `SOL_SOCKET`.
pub const REUSE_ADDRESS: SocketOption = [1, 2];
/// `TCP_NODELAY` of `IPPROTO_TCP`.
pub const NO_DELAY: SocketOption = [6, 1];

/// `setsockopt(2)`, of an option that is a number.
///
/// # Errors
///
/// As there.
pub fn set_socket_option(fd: RawFd, [level, name]: SocketOption, value: i32) -> Result<(), Errno> {
    let buffer = (&raw const value).expose_provenance();
    // SAFETY: the kernel reads the value, whose size is the fifth argument, during the call.
    let raw =
        unsafe { arch::syscall6(nr::__NR_setsockopt as usize, word(fd), level, name, buffer, size_of_val(&value), 0) };
    arch::check(raw).map(drop).map_err(|number| Errno::from_raw(number.get()).unwrap_or(Errno::EIO))
}

/// `getsockname(2)`: the address that a socket has.
///
/// # Errors
///
/// As there.
pub fn socket_name(fd: RawFd) -> Result<SockAddr, Errno> {
    let mut name = SockAddr::EMPTY;
    let (address, len) = name.out();
    // SAFETY: the kernel writes the address, for which there is as much room as the length says, and its length, during
    // the call.
    unsafe { call(nr::__NR_getsockname, [word(fd), address.expose_provenance(), len.expose_provenance(), 0]) }?;
    Ok(name)
}

/// Lets the program have as many open files as `setrlimit(2)` allows it.
///
/// # Errors
///
/// As there.
pub fn raise_file_limit() -> Result<(), Errno> {
    // The limit, and how far it may be raised: `struct rlimit64`.
    let mut limits = [0_u64; 2];
    let resource = nr::RLIMIT_NOFILE as usize;
    let buffer = limits.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes both numbers to the array, during the call.
    unsafe { call(nr::__NR_prlimit64, [0, resource, 0, buffer]) }?;
    limits[0] = limits[1];
    let buffer = limits.as_ptr().expose_provenance();
    // SAFETY: the kernel reads both numbers during the call.
    unsafe { call(nr::__NR_prlimit64, [0, resource, buffer, 0]) }.map(drop)
}
