//! Facts of the machine, looked up without the crate: the kernel's own answers to raw calls, and what /proc and /sys say.

use std::ffi::{c_long, c_void};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::has;

const EPERM: i32 = 1;
const ENOMEM: i32 = 12;
const EFAULT: i32 = 14;
/// The calls' numbers, the same on all architectures that Rust has tests for.
const SETUP: c_long = 425;
const REGISTER: c_long = 427;

/// The C library that the standard library is linked to.
mod c {
    use std::ffi::c_long;

    unsafe extern "C" {
        pub(super) fn syscall(number: c_long, ...) -> c_long;
    }
}

/// The descriptor of a ring of so many entries, with these set-up flags.
fn ring(entries: u32, flags: u32) -> std::io::Result<OwnedFd> {
    // `struct io_uring_params`, 120 bytes, of which the third word has the flags.
    let mut params = [0_u32; 30];
    params[2] = flags;
    // SAFETY: the parameters are as long as the kernel's structure, and name no memory.
    let fd = unsafe { c::syscall(SETUP, entries, params.as_mut_ptr()) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd.try_into().unwrap()) })
}

/// Whether the kernel counts the memory of rings as locked, and refuses one of so many entries for it. Between 5.12 and
/// 6.13 that memory is the control group's affair, and again in 7.x.
pub fn counts_rings(entries: u32) -> bool {
    ring(entries, 0).is_err_and(|error| error.raw_os_error() == Some(ENOMEM))
}

/// What the kernel says to a registration whose argument lies nowhere, on a ring of these set-up flags: `EFAULT` if it
/// has the operation, another number if it does not come to read the argument.
fn refusal(flags: u32, operation: u32) -> i32 {
    let ring = ring(4, flags).unwrap();
    let nowhere: *mut c_void = std::ptr::without_provenance_mut(8);
    // SAFETY: there is no memory at that address, which the kernel finds out.
    let outcome = unsafe { c::syscall(REGISTER, ring.as_raw_fd(), operation, nowhere, 1_u32) };
    let error = std::io::Error::last_os_error();
    assert_eq!(outcome, -1, "registration {operation} from nowhere");
    error.raw_os_error().unwrap()
}

/// Whether the kernel, which is new enough, was also built with this: says that the test is skipped where it was not.
fn built_with(test: &str, what: &str, refusal: i32) -> bool {
    match refusal {
        EFAULT => return true,
        EPERM => super::skip(test, &format!("the right to {what}")),
        _ => super::skip(test, &format!("{what} in the kernel's configuration")),
    }
    false
}

/// Whether the kernel has zero-copy receive, and lets this process ask for it.
pub fn has_zcrx(test: &str) -> bool {
    // CQE32, SINGLE_ISSUER and DEFER_TASKRUN, without which it is refused before anything is read.
    let flags = 1 << 11 | 1 << 12 | 1 << 13;
    let what = "IORING_REGISTER_ZCRX_IFQ";
    has(test, what, (6, 15)) && built_with(test, what, refusal(flags, 32))
}

/// Whether the kernel has filters of requests.
pub fn has_filters(test: &str) -> bool {
    let what = "IORING_REGISTER_BPF_FILTER";
    has(test, what, (7, 0)) && built_with(test, what, refusal(0, 37))
}

/// Whether the kernel polls network devices for rings: since 6.9, where it polls them at all.
pub fn has_napi(test: &str) -> bool {
    let what = "IORING_REGISTER_NAPI";
    let polls = std::fs::exists("/proc/sys/net/core/busy_poll").unwrap();
    has(test, what, (6, 9)) && built_with(test, what, if polls { EFAULT } else { 0 })
}
