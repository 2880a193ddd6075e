//! The few system calls that io_uring has no request for.
//!
//! The calls go through the library's own shims: this package compiles the same file, with one asm block for each
//! architecture. The crate rustix would fit, but it needs a C library on three of the eight architectures (loongarch64,
//! powerpc64, s390x), so a second mechanism would be needed there.

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

/// Makes a system call, and turns a negated errno into an error.
///
/// # Safety
///
/// What the call `number` does with these arguments must be sound; see `arch`.
#[inline]
unsafe fn call<const COUNT: usize>(number: u32, arguments: [usize; COUNT]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = arch::words(arguments);
    // SAFETY: the caller's contract is the shim's.
    let raw = unsafe { arch::syscall6(number as usize, a, b, c, d, e, f) };
    // `check` returns valid numbers only, so that EIO never appears here.
    arch::check(raw).map_err(|number| Errno::from_raw(number.get()).unwrap_or(Errno::EIO))
}

/// Makes any system call and returns the kernel's raw result. Inlined down to the instruction, as in the library.
///
/// # Safety
///
/// What the call `number` does with these arguments must be sound.
#[inline(always)]
#[must_use]
pub unsafe fn raw(number: u32, arguments: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = arch::words(arguments);
    // SAFETY: the caller's contract is the shim's.
    unsafe { arch::syscall6(number as usize, a, b, c, d, e, f) }
}

/// Maps memory, as `mmap(2)`, and returns the kernel's raw result: an address or a negated errno. The offset is in
/// bytes and must be a multiple of 4096.
///
/// # Safety
///
/// With `MAP_FIXED`, nothing that is used may be mapped at the address.
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
    // SAFETY: the caller's contract. If the kernel reads the arguments from memory, that memory lives until the call
    // ends.
    unsafe { raw(number, arguments) }
}

/// Converts a file descriptor to an argument word: the low 32 bits, sign-extended.
#[inline]
const fn word(fd: RawFd) -> usize {
    (fd as isize).cast_unsigned()
}

fn address(path: &CStr) -> usize {
    path.as_ptr().expose_provenance()
}

/// Ends the program.
#[inline(always)]
pub fn exit(status: u8) -> ! {
    loop {
        // SAFETY: no code of the program runs afterwards. Should the call ever return, the loop repeats it.
        let _ = unsafe { call(nr::__NR_exit_group, [usize::from(status)]) };
    }
}

/// Writes bytes to a file, as `write(2)`. Returns the number of bytes written, which can be less than all.
///
/// # Errors
///
/// The errors of `write(2)`.
pub fn write(fd: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads the slice during the call.
    unsafe { call(nr::__NR_write, [word(fd), bytes.as_ptr().expose_provenance(), bytes.len()]) }
}

/// Returns whether `fd` is a terminal.
#[must_use]
pub fn is_terminal(fd: RawFd) -> bool {
    // `struct termios` has at most 60 bytes (powerpc64: 44, elsewhere 36), and no field needs a larger alignment than
    // u64.
    let mut termios = [0_u64; 8];
    // SAFETY: the kernel writes a `struct termios`, for which there is room.
    unsafe { call(nr::__NR_ioctl, [word(fd), TCGETS as usize, termios.as_mut_ptr().expose_provenance()]) }.is_ok()
}

/// Sets the permission bits of an open file, as `fchmod(2)`.
///
/// # Errors
///
/// The errors of `fchmod(2)`.
pub fn set_mode(fd: RawFd, mode: u32) -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe { call(nr::__NR_fchmod, [word(fd), mode as usize]) }.map(drop)
}

/// Renames a file, as `rename(2)`. Replaces a file that has the new name.
///
/// # Errors
///
/// The errors of `rename(2)`.
pub fn rename(from: &CStr, to: &CStr) -> Result<(), Errno> {
    let cwd = word(nr::AT_FDCWD);
    // `renameat2`, because riscv64 and loongarch64 have no older call. Its fifth argument, the flags, is 0.
    // SAFETY: the kernel reads both paths during the call.
    unsafe { call(nr::__NR_renameat2, [cwd, address(from), cwd, address(to), 0]) }.map(drop)
}

/// Removes a file name, as `unlink(2)`.
///
/// # Errors
///
/// The errors of `unlink(2)`.
pub fn unlink(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the kernel reads the path during the call.
    unsafe { call(nr::__NR_unlinkat, [word(nr::AT_FDCWD), address(path), 0]) }.map(drop)
}

/// Reads the symbolic link `path` into `target`, as `readlink(2)`. Returns the number of bytes read; a longer link is
/// cut, and fills `target`.
///
/// # Errors
///
/// The errors of `readlink(2)`. `EINVAL`: `path` is not a link.
pub fn read_link(path: &CStr, target: &mut [u8]) -> Result<usize, Errno> {
    let buffer = target.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel reads the path and writes to the slice during the call.
    unsafe { call(nr::__NR_readlinkat, [word(nr::AT_FDCWD), address(path), buffer, target.len()]) }
}

/// Returns the process ID.
#[must_use]
pub fn process_id() -> u64 {
    // SAFETY: no memory is involved. The call can't fail.
    unsafe { call(nr::__NR_getpid, []) }.map_or(0, |id| id as u64)
}

/// Returns whether `signal` is ignored, as `nohup` and shells set it for background jobs.
#[must_use]
pub fn is_ignored(signal: u32) -> bool {
    /// Words for the kernel's `struct sigaction`: at most four words and a signal set, the handler first.
    const WORDS: usize = 8;
    let mut action = [0_usize; WORDS];
    let buffer = action.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes a `struct sigaction`, for which there is room, and changes no setting.
    let asked = unsafe { call(nr::__NR_rt_sigaction, [signal as usize, 0, buffer, Sigset::SIZE as usize]) };
    // 1 is SIG_IGN on all these architectures.
    asked.is_ok() && action[0] == 1
}

/// Blocks signals: they stay pending until [`unblock`].
///
/// # Errors
///
/// The errors of `sigprocmask(2)`.
pub fn block(signals: Sigset) -> Result<(), Errno> {
    change_mask(nr::SIG_BLOCK, signals)
}

/// Unblocks signals; a pending one acts at once.
///
/// # Errors
///
/// The errors of `sigprocmask(2)`.
pub fn unblock(signals: Sigset) -> Result<(), Errno> {
    change_mask(nr::SIG_UNBLOCK, signals)
}

fn change_mask(how: u32, signals: Sigset) -> Result<(), Errno> {
    let set = (&raw const signals).expose_provenance();
    // SAFETY: the kernel reads the set during the call.
    unsafe { call(nr::__NR_rt_sigprocmask, [how as usize, set, 0, Sigset::SIZE as usize]) }.map(drop)
}

/// Blocks those of `signals` that are not ignored, and makes a [signalfd](signal_fd) for them.
///
/// A signal that is ignored, as `nohup` sets it, stays ignored.
///
/// # Errors
///
/// The errors of `sigprocmask(2)` and `signalfd(2)`.
pub fn watch_signals(signals: &[u32]) -> Result<(Sigset, RawFd), Errno> {
    let watched = signals.iter().copied().filter(|&signal| !is_ignored(signal)).fold(Sigset::EMPTY, Sigset::with);
    block(watched)?;
    Ok((watched, signal_fd(watched)?))
}

/// Makes a signalfd, as `signalfd(2)`: a file descriptor that is readable while one of these signals is pending. The
/// signals must be blocked.
///
/// # Errors
///
/// The errors of `signalfd(2)`.
pub fn signal_fd(signals: Sigset) -> Result<RawFd, Errno> {
    let set = (&raw const signals).expose_provenance();
    let new = word(-1);
    // SAFETY: the kernel reads the set during the call.
    let fd = unsafe { call(nr::__NR_signalfd4, [new, set, Sigset::SIZE as usize, nr::O_CLOEXEC as usize]) }?;
    Ok(fd as RawFd)
}

/// Makes an eventfd, as `eventfd(2)`: a counter that starts at 0. A read waits until the counter is above 0.
///
/// # Errors
///
/// The errors of `eventfd(2)`.
pub fn event_fd() -> Result<RawFd, Errno> {
    // SAFETY: no memory is involved.
    let fd = unsafe { call(nr::__NR_eventfd2, [0, nr::EFD_CLOEXEC as usize]) }?;
    Ok(fd as RawFd)
}

/// Makes two connected stream sockets, as `socketpair(2)`.
///
/// # Errors
///
/// The errors of `socketpair(2)`.
pub fn socket_pair() -> Result<[RawFd; 2], Errno> {
    /// `AF_UNIX`, and `SOCK_STREAM` as all these architectures have it.
    const UNIX_STREAM: [usize; 2] = [1, 1];
    let mut fds: [RawFd; 2] = [-1; 2];
    let buffer = fds.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes both file descriptors to the array during the call.
    unsafe { call(nr::__NR_socketpair, [UNIX_STREAM[0], UNIX_STREAM[1] | nr::O_CLOEXEC as usize, 0, buffer]) }?;
    Ok(fds)
}

/// A level and a name of `setsockopt(2)`, as all these architectures have them.
pub type SocketOption = [usize; 2];
/// `SO_REUSEADDR` of `SOL_SOCKET`.
pub const REUSE_ADDRESS: SocketOption = [1, 2];
/// `TCP_NODELAY` of `IPPROTO_TCP`.
pub const NO_DELAY: SocketOption = [6, 1];

/// Sets a socket option that is a number, as `setsockopt(2)`.
///
/// # Errors
///
/// The errors of `setsockopt(2)`.
pub fn set_socket_option(fd: RawFd, [level, name]: SocketOption, value: i32) -> Result<(), Errno> {
    let buffer = (&raw const value).expose_provenance();
    // SAFETY: the kernel reads the value during the call; the fifth argument is its size.
    unsafe { call(nr::__NR_setsockopt, [word(fd), level, name, buffer, size_of_val(&value)]) }.map(drop)
}

/// Returns a socket's own address, as `getsockname(2)`.
///
/// # Errors
///
/// The errors of `getsockname(2)`.
pub fn socket_name(fd: RawFd) -> Result<SockAddr, Errno> {
    let mut name = SockAddr::EMPTY;
    let (address, len) = name.out();
    // SAFETY: during the call the kernel writes the address and its length; there is as much room as the length says.
    unsafe { call(nr::__NR_getsockname, [word(fd), address.expose_provenance(), len.expose_provenance()]) }?;
    Ok(name)
}

/// Raises the limit of open files to the hard limit, as `setrlimit(2)` allows every program.
///
/// # Errors
///
/// The errors of `prlimit(2)`.
pub fn raise_file_limit() -> Result<(), Errno> {
    // `struct rlimit64`: the limit, and the hard limit.
    let mut limits = [0_u64; 2];
    let resource = nr::RLIMIT_NOFILE as usize;
    let buffer = limits.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes both numbers to the array during the call.
    unsafe { call(nr::__NR_prlimit64, [0, resource, 0, buffer]) }?;
    limits[0] = limits[1];
    let buffer = limits.as_ptr().expose_provenance();
    // SAFETY: the kernel reads both numbers during the call.
    unsafe { call(nr::__NR_prlimit64, [0, resource, buffer, 0]) }.map(drop)
}
