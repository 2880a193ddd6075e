//! A kernel whose registrations a test answers itself, and the bytes that it was handed.

use core::ffi::c_void;
use std::sync::Mutex;

use bare_uring::types::RawFd;
use bare_uring::uapi::IORING_REGISTER_QUERY;
use bare_uring::{Errno, Kernel, Linux};

use super::pass_on;

/// One registration, as a kernel was asked: descriptor, operation, count, and the bytes at the argument.
pub type Asked = (RawFd, u32, u32, Vec<u8>);

/// The argument of a registration, or what it names, alive while the registration is answered.
///
/// The maker of the [`Answering`] that gave it answers for its length.
#[derive(Clone, Copy)]
pub struct Argument(*mut c_void);

impl Argument {
    /// Returns the first bytes of the argument.
    pub fn bytes(self, size: usize) -> Vec<u8> {
        // SAFETY: the contract of `Answering::new`.
        unsafe { std::slice::from_raw_parts(self.0.cast_const().cast(), size) }.to_vec()
    }

    /// Writes a number (or another value without padding) at `offset`.
    pub fn write<T>(self, offset: usize, value: T) {
        // SAFETY: the contract of `Answering::new`.
        let place = unsafe { self.0.byte_add(offset) };
        // SAFETY: the contract of `Answering::new` covers the place that is written, too.
        unsafe { place.cast::<T>().write_unaligned(value) };
    }

    /// What the address at `offset` names.
    pub fn named(self, offset: usize) -> Self {
        let bytes = self.bytes(offset + 8)[offset..].try_into().unwrap();
        Self(std::ptr::with_exposed_provenance_mut(usize::try_from(u64::from_ne_bytes(bytes)).unwrap()))
    }
}

/// What a test does with the argument of a registration.
type Answer = Box<dyn Fn(Argument) -> Result<u32, Errno> + Send + Sync>;

/// Forwards to Linux all but registrations. It keeps the bytes of these, and answers as it was told.
pub struct Answering {
    size: usize,
    answer: Answer,
    asked: Mutex<Vec<Asked>>,
}

impl Answering {
    /// Keeps `size` bytes of each argument, and answers with what `answer` makes of it.
    ///
    /// # Safety
    ///
    /// Every argument has that many bytes, and it and what it names have as many as `answer` looks at or writes to.
    pub unsafe fn new(size: usize, answer: impl Fn(Argument) -> Result<u32, Errno> + Send + Sync + 'static) -> Self {
        Self { size, answer: Box::new(answer), asked: Mutex::default() }
    }

    /// Answers 0 to everything.
    ///
    /// # Safety
    ///
    /// Every argument has that many bytes.
    pub unsafe fn yes(size: usize) -> Self {
        // SAFETY: the caller's contract; the answer looks at nothing.
        unsafe { Self::new(size, |_| Ok(0)) }
    }

    /// The registrations since the last look.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// Fields one after the other, as a C structure has them.
#[derive(Default)]
pub struct Fields(pub Vec<u8>);

impl Fields {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn u8(mut self, values: &[u8]) -> Self {
        self.0.extend(values);
        self
    }

    pub fn u16(mut self, values: &[u16]) -> Self {
        self.0.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
        self
    }

    pub fn u32(mut self, values: &[u32]) -> Self {
        self.0.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
        self
    }

    pub fn u64(mut self, values: &[u64]) -> Self {
        self.0.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
        self
    }
}

// SAFETY: each call is handed on to Linux; a registration is answered without touching memory but what it names.
unsafe impl Kernel for Answering {
    pass_on! { self => Linux; setup enter map unmap close }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        if argument.is_null() && operation == IORING_REGISTER_QUERY {
            // Whether there are queries, which is asked for by none.
            // SAFETY: the caller's contract is the same.
            return unsafe { Linux.register(fd, operation, argument, count) };
        }
        let argument = Argument(argument);
        self.asked.lock().unwrap().push((fd, operation, count, argument.bytes(self.size)));
        (self.answer)(argument)
    }
}
