//! Facts of the machine, looked up without the crate: the kernel's own answers to raw calls, and what /proc and /sys say.

use std::ffi::{c_long, c_void};

use super::has;

const EPERM: i32 = 1;
const EFAULT: i32 = 14;
/// The calls' numbers, the same on all architectures that Rust has tests for.
const SETUP: c_long = 425;
const REGISTER: c_long = 427;

/// The C library that the standard library is linked to.
mod c {
    use std::ffi::{c_int, c_long};

    unsafe extern "C" {
        pub(super) fn syscall(number: c_long, ...) -> c_long;
        pub(super) fn close(fd: c_int) -> c_int;
    }
}

/// What the kernel says to a registration whose argument lies nowhere, on a ring of these set-up flags: `EFAULT` if it
/// has the operation, another number if it does not come to read the argument.
fn refusal(flags: u32, operation: u32) -> i32 {
    // `struct io_uring_params`, 120 bytes, of which the third word has the flags.
    let mut params = [0_u32; 30];
    params[2] = flags;
    // SAFETY: the parameters are as long as the kernel's structure, and name no memory.
    let fd = unsafe { c::syscall(SETUP, 4_u32, params.as_mut_ptr()) };
    assert!(fd >= 0, "a ring: {}", std::io::Error::last_os_error());
    let nowhere: *mut c_void = std::ptr::without_provenance_mut(8);
    // SAFETY: there is no memory at that address, which the kernel finds out.
    let outcome = unsafe { c::syscall(REGISTER, fd, operation, nowhere, 1_u32) };
    let error = std::io::Error::last_os_error();
    assert_eq!(outcome, -1, "registration {operation} from nowhere");
    // SAFETY: the descriptor was made above, and nobody else has it.
    assert_eq!(unsafe { c::close(fd.try_into().unwrap()) }, 0);
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
