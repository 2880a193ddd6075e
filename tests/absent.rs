//! Set-up where io_uring is switched off, or does not exist: the error says which of the two.

mod common;

use bare_uring::{Call, Errno, IoUring, SetupError};
use common::skip;

/// `sysctl kernel.io_uring_disabled`: 0 for on, 1 for on for a group and for the privileged, 2 for off.
fn switch() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok().map(|text| text.trim().to_owned())
}

#[test]
fn set_up_tells_off_from_absent() {
    match IoUring::new(8).map(drop) {
        Ok(()) => {
            assert_ne!(switch().as_deref(), Some("2"));
            skip("set_up_tells_off_from_absent", "io_uring is there");
        }
        Err(SetupError::Kernel(Call::Setup, Errno::EPERM)) => assert_eq!(switch().as_deref(), Some("2")),
        // An emulator that does not know the call, under a kernel that may well have it.
        error => assert_eq!(error, Err(SetupError::Kernel(Call::Setup, Errno::ENOSYS))),
    }
}
