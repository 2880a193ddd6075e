//! System calls of this program that io_uring has no request for, or that must work without it.

use core::ffi::CStr;

use bare_uring::Errno;
use bare_uring::types::{AddressFamily, RawFd, ShutdownHow, SockAddr, SocketType, Timespec};
use linux_raw_sys::general as nr;

use crate::sys;

/// Returns an address as the argument of a system call.
pub fn address<T: ?Sized>(place: *const T) -> usize {
    place.cast::<u8>().expose_provenance()
}

/// Turns a raw result into a value or an error.
///
/// # Errors
///
/// The negated result, if it is that of an errno.
pub fn outcome(word: isize) -> Result<usize, Errno> {
    match i32::try_from(word).ok().and_then(Errno::from_result) {
        Some(errno) => Err(errno),
        None => Ok(word.cast_unsigned()),
    }
}

/// The names of the kernel: `struct utsname`.
pub struct Names([u8; 6 * 65]);

impl Names {
    /// Asks the kernel for its names.
    pub fn get() -> Self {
        let mut names = Self([0; 6 * 65]);
        // SAFETY: the kernel writes six names of 65 bytes, for which there is room.
        let _ = unsafe { sys::raw(nr::__NR_uname, [address(&raw mut names), 0, 0, 0, 0, 0]) };
        names
    }

    fn name(&self, number: usize) -> &[u8] {
        let name = self.0.get(number * 65..(number + 1) * 65).unwrap_or_default();
        CStr::from_bytes_until_nul(name).map_or(name, CStr::to_bytes)
    }

    /// Returns the release, as `uname -r` prints it.
    pub fn release(&self) -> &[u8] {
        self.name(2)
    }

    /// Returns the machine, as `uname -m` prints it.
    pub fn machine(&self) -> &[u8] {
        self.name(4)
    }

    /// Returns the first two numbers of the release.
    pub fn version(&self) -> (u32, u32) {
        let mut numbers = self.release().split(|byte| !byte.is_ascii_digit()).map(|digits| {
            digits.iter().fold(0_u32, |number, digit| number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')))
        });
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }
}

/// Mounts an empty file system in memory.
///
/// # Errors
///
/// The errors of `mount(2)`.
pub fn mount_tmpfs(at: &CStr) -> Result<(), Errno> {
    let name = address(c"tmpfs".as_ptr());
    // SAFETY: the kernel reads the names during the call.
    outcome(unsafe { sys::raw(nr::__NR_mount, [name, address(at.as_ptr()), name, 0, 0, 0]) }).map(drop)
}

/// Sets the loopback interface up.
///
/// # Errors
///
/// The errors of `socket(2)` and `ioctl(2)`.
pub fn raise_loopback() -> Result<(), Errno> {
    /// `SIOCSIFFLAGS`, and `IFF_UP`.
    const SET_FLAGS: usize = 0x8914;
    const UP: i16 = 1;
    // `struct ifreq`: a name of 16 bytes, then a union of at most 24.
    let mut request = [0_u8; 40];
    request[..2].copy_from_slice(b"lo");
    request[16..18].copy_from_slice(&UP.to_ne_bytes());
    let socket = socket(AddressFamily::INET, SocketType::DGRAM)?;
    let arguments = [socket as usize, SET_FLAGS, address(&raw mut request), 0, 0, 0];
    // SAFETY: the kernel reads the request during the call.
    let set = outcome(unsafe { sys::raw(nr::__NR_ioctl, arguments) });
    close(socket);
    set.map(drop)
}

/// Makes a socket.
///
/// # Errors
///
/// The errors of `socket(2)`.
pub fn socket(domain: AddressFamily, kind: SocketType) -> Result<RawFd, Errno> {
    // SAFETY: no memory is involved.
    let fd = unsafe { sys::raw(nr::__NR_socket, [domain.0 as usize, kind.0 as usize, 0, 0, 0, 0]) };
    outcome(fd).map(|fd| fd as RawFd)
}

/// Binds a socket to an address, and makes it listen.
///
/// # Errors
///
/// The errors of `bind(2)` and `listen(2)`.
pub fn bind_and_listen(socket: RawFd, name: &SockAddr) -> Result<(), Errno> {
    let arguments = [socket as usize, address(name.as_ptr()), name.len() as usize, 0, 0, 0];
    // SAFETY: the kernel reads the address during the call.
    outcome(unsafe { sys::raw(nr::__NR_bind, arguments) })?;
    // SAFETY: no memory is involved.
    outcome(unsafe { sys::raw(nr::__NR_listen, [socket as usize, 8, 0, 0, 0, 0]) }).map(drop)
}

/// Ends one direction of a connection.
///
/// # Errors
///
/// The errors of `shutdown(2)`.
pub fn shutdown(socket: RawFd, how: ShutdownHow) -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    outcome(unsafe { sys::raw(nr::__NR_shutdown, [socket as usize, how.0 as usize, 0, 0, 0, 0]) }).map(drop)
}

/// Closes a file, and ignores errors.
pub fn close(fd: RawFd) {
    // SAFETY: no memory is involved.
    let _ = unsafe { sys::raw(nr::__NR_close, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// Makes a file in memory, without a name.
///
/// # Errors
///
/// The errors of `memfd_create(2)`.
pub fn memory_file() -> Result<RawFd, Errno> {
    // SAFETY: the kernel reads the name during the call.
    let fd = unsafe { sys::raw(nr::__NR_memfd_create, [address(c"init".as_ptr()), 0, 0, 0, 0, 0]) };
    outcome(fd).map(|fd| fd as RawFd)
}

/// Makes a pipe. Returns the end to read from and the end to write to.
///
/// # Errors
///
/// The errors of `pipe2(2)`.
pub fn pipe() -> Result<[RawFd; 2], Errno> {
    pipe_with(0)
}

/// Makes a pipe as [`pipe`] does. Its ends fail with `EAGAIN` where others would wait.
///
/// # Errors
///
/// The errors of `pipe2(2)`.
pub fn nonblocking_pipe() -> Result<[RawFd; 2], Errno> {
    pipe_with(nr::O_NONBLOCK)
}

fn pipe_with(flags: u32) -> Result<[RawFd; 2], Errno> {
    let mut ends = [-1; 2];
    // SAFETY: the kernel writes both file descriptors during the call.
    outcome(unsafe { sys::raw(nr::__NR_pipe2, [address(&raw mut ends), flags as usize, 0, 0, 0, 0]) })?;
    Ok(ends)
}

/// Reads as many bytes as the array has.
///
/// # Errors
///
/// The errors of `read(2)`, and `ENODATA`: there are fewer.
pub fn read<const N: usize>(fd: RawFd) -> Result<[u8; N], Errno> {
    let mut bytes = [0; N];
    // SAFETY: the kernel writes to the array during the call.
    let read = outcome(unsafe { sys::raw(nr::__NR_read, [fd as usize, address(&raw mut bytes), N, 0, 0, 0]) })?;
    if read == N { Ok(bytes) } else { Err(Errno::ENODATA) }
}

/// Waits for some milliseconds.
pub fn sleep(milliseconds: u32) {
    let time = Timespec::new(i64::from(milliseconds / 1000), milliseconds % 1000 * 1_000_000);
    // `ppoll` of no file. 32-bit architectures have a second call for it, with a 64-bit time.
    cfg_select! {
        target_pointer_width = "64" => { const PPOLL: u32 = nr::__NR_ppoll; }
        _ => { const PPOLL: u32 = nr::__NR_ppoll_time64; }
    }
    // SAFETY: the kernel reads the time during the call.
    let _ = unsafe { sys::raw(PPOLL, [0, 0, address(&raw const time), 0, 0, 0]) };
}

/// Returns the time since the machine was started, in nanoseconds.
pub fn monotonic() -> u64 {
    let mut time = Timespec::ZERO;
    cfg_select! {
        target_pointer_width = "64" => { const GET: u32 = nr::__NR_clock_gettime; }
        _ => { const GET: u32 = nr::__NR_clock_gettime64; }
    }
    // SAFETY: the kernel writes the time during the call.
    let _ = unsafe { sys::raw(GET, [nr::CLOCK_MONOTONIC as usize, address(&raw mut time), 0, 0, 0, 0]) };
    time.seconds().cast_unsigned() * 1_000_000_000 + time.nanoseconds().cast_unsigned()
}

/// Switches the machine off.
pub fn power_off() {
    let magic = [nr::LINUX_REBOOT_MAGIC1 as usize, nr::LINUX_REBOOT_MAGIC2 as usize];
    // SAFETY: the program has nothing left to do.
    let _ =
        unsafe { sys::raw(nr::__NR_reboot, [magic[0], magic[1], nr::LINUX_REBOOT_CMD_POWER_OFF as usize, 0, 0, 0]) };
}
