//! Methods of a kernel that only pass a call on to another kernel.

/// Defines methods in an `impl Kernel` which pass their calls on unchanged: `pass_on! { self => Linux; enter unmap close }`.
#[allow(unused_macros, reason = "each test takes what it needs")]
macro_rules! pass_on {
    ($this:ident => $kernel:expr;) => {};
    ($this:ident => $kernel:expr; setup $($more:ident)*) => {
        unsafe fn setup(
            &$this,
            entries: u32,
            params: &mut ::bare_uring::uapi::io_uring_params,
        ) -> Result<u32, ::bare_uring::Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { $kernel.setup(entries, params) }
        }
        $crate::common::pass_on! { $this => $kernel; $($more)* }
    };
    ($this:ident => $kernel:expr; enter $($more:ident)*) => {
        unsafe fn enter(
            &$this,
            fd: ::bare_uring::types::RawFd,
            to_submit: u32,
            min_complete: u32,
            flags: u32,
            argument: *const ::core::ffi::c_void,
            size: usize,
        ) -> Result<u32, ::bare_uring::Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { $kernel.enter(fd, to_submit, min_complete, flags, argument, size) }
        }
        $crate::common::pass_on! { $this => $kernel; $($more)* }
    };
    ($this:ident => $kernel:expr; register $($more:ident)*) => {
        unsafe fn register(
            &$this,
            fd: ::bare_uring::types::RawFd,
            operation: u32,
            argument: *mut ::core::ffi::c_void,
            count: u32,
        ) -> Result<u32, ::bare_uring::Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { $kernel.register(fd, operation, argument, count) }
        }
        $crate::common::pass_on! { $this => $kernel; $($more)* }
    };
    ($this:ident => $kernel:expr; map $($more:ident)*) => {
        fn map(
            &$this,
            length: usize,
            fd: ::bare_uring::types::RawFd,
            offset: u64,
        ) -> Result<::core::ptr::NonNull<u8>, ::bare_uring::Errno> {
            $kernel.map(length, fd, offset)
        }
        $crate::common::pass_on! { $this => $kernel; $($more)* }
    };
    ($this:ident => $kernel:expr; unmap $($more:ident)*) => {
        unsafe fn unmap(
            &$this,
            address: ::core::ptr::NonNull<u8>,
            length: usize,
        ) -> Result<(), ::bare_uring::Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { $kernel.unmap(address, length) }
        }
        $crate::common::pass_on! { $this => $kernel; $($more)* }
    };
    ($this:ident => $kernel:expr; keep_from_fork $($more:ident)*) => {
        unsafe fn keep_from_fork(
            &$this,
            address: ::core::ptr::NonNull<u8>,
            length: usize,
        ) -> Result<(), ::bare_uring::Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { $kernel.keep_from_fork(address, length) }
        }
        $crate::common::pass_on! { $this => $kernel; $($more)* }
    };
    ($this:ident => $kernel:expr; close $($more:ident)*) => {
        unsafe fn close(&$this, fd: ::bare_uring::types::RawFd) -> Result<(), ::bare_uring::Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { $kernel.close(fd) }
        }
        $crate::common::pass_on! { $this => $kernel; $($more)* }
    };
}
#[allow(unused_imports, reason = "each test takes what it needs")]
pub(crate) use pass_on;
