//! Decorators over a kernel: what a real one won't do on demand.

use core::ffi::c_void;
use core::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::{Errno, Features, Kernel, Linux};

/// One call, as a kernel was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Setup { entries: u32, flags: u32 },
    Enter { fd: RawFd, to_submit: u32, min_complete: u32, flags: u32, size: usize },
    Register { fd: RawFd, operation: u32, count: u32 },
    Map { length: usize, offset: u64 },
    Unmap { length: usize },
    KeepFromFork { length: usize },
    Close { fd: RawFd },
}

/// Forwards to Linux, and on the way records calls, fails the n-th, and hides features.
#[derive(Debug, Default)]
pub struct Trace {
    calls: Mutex<Vec<Call>>,
    made: AtomicUsize,
    /// The call to fail (0 is the first), with what.
    pub fail: Option<(usize, Errno)>,
    /// Features that the ring is told it does not have.
    pub hide: Features,
}

impl Trace {
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails the call of this number, the first being 0.
    pub fn failing(nth: usize, errno: Errno) -> Self {
        Self { fail: Some((nth, errno)), ..Self::default() }
    }

    /// Says that the kernel lacks these features.
    pub fn without(hide: Features) -> Self {
        Self { hide, ..Self::default() }
    }

    /// How many calls there were, from the first on.
    pub fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// What was called since the last look.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// The calls to `io_uring_enter` since the last look.
    pub fn enters(&self) -> Vec<Call> {
        self.take().into_iter().filter(|call| matches!(call, Call::Enter { .. })).collect()
    }

    fn note(&self, call: Call) -> Result<(), Errno> {
        self.calls.lock().unwrap().push(call);
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        match self.fail {
            Some((nth, errno)) if nth == number => Err(errno),
            _ => Ok(()),
        }
    }
}

// SAFETY: each call is handed on to Linux unchanged, or not made at all; hidden features only make the crate ask less.
unsafe impl Kernel for Trace {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        self.note(Call::Setup { entries, flags: params.flags })?;
        // SAFETY: the caller's contract is the same.
        let fd = unsafe { Linux.setup(entries, params) }?;
        params.features &= !self.hide.bits();
        Ok(fd)
    }

    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        self.note(Call::Enter { fd, to_submit, min_complete, flags, size })?;
        // SAFETY: the caller's contract is the same.
        unsafe { Linux.enter(fd, to_submit, min_complete, flags, argument, size) }
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        self.note(Call::Register { fd, operation, count })?;
        // SAFETY: the caller's contract is the same.
        unsafe { Linux.register(fd, operation, argument, count) }
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        self.note(Call::Map { length, offset })?;
        Linux.map(length, fd, offset)
    }

    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        self.note(Call::Unmap { length })?;
        // SAFETY: the caller's contract is the same.
        unsafe { Linux.unmap(address, length) }
    }

    unsafe fn keep_from_fork(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        self.note(Call::KeepFromFork { length })?;
        // SAFETY: the caller's contract is the same.
        unsafe { Linux.keep_from_fork(address, length) }
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        self.note(Call::Close { fd })?;
        // SAFETY: the caller's contract is the same.
        unsafe { Linux.close(fd) }
    }
}
