//! Lines of text, built in fixed memory and written by one call.

use core::ffi::CStr;
use core::fmt;

use bare_uring::Errno;
use bare_uring::types::RawFd;

use crate::sys;

/// Room for the longest path and for words around it.
const CAPACITY: usize = 4096 + 256;

/// A line to which text can be appended. Bytes that don't fit are left out.
#[derive(Debug)]
pub struct Line {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Line {
    /// Makes an empty line.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; CAPACITY], len: 0 }
    }

    /// Appends bytes. Never inlined: one copy of the loop is enough for a program.
    #[inline(never)]
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for &byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
        }
        self
    }

    /// Returns the bytes of the line.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Appends text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends a path.
    pub fn path(&mut self, path: &CStr) -> &mut Self {
        self.bytes(path.to_bytes())
    }

    /// Appends a number in decimal.
    pub fn number(&mut self, number: u64) -> &mut Self {
        if number >= 10 {
            self.number(number / 10);
        }
        // The remainder is one digit, so the cast loses nothing.
        self.bytes(&[b'0' + (number % 10) as u8]);
        self
    }

    /// Appends the C name of an error, or its number if it has no name.
    pub fn errno(&mut self, errno: Errno) -> &mut Self {
        match errno.name() {
            Some(name) => self.text(name),
            None => self.text("errno ").number(u64::from(errno.raw())),
        }
    }

    /// Writes the line to standard error. An error is ignored, because there is no place to report it.
    pub fn to_stderr(&mut self) {
        self.write_to(sys::STDERR);
    }

    /// Writes the line to standard output. An error is ignored.
    pub fn to_stdout(&mut self) {
        self.write_to(sys::STDOUT);
    }

    fn write_to(&mut self, fd: RawFd) {
        let mut rest = self.as_bytes();
        while !rest.is_empty() {
            match sys::write(fd, rest) {
                Ok(0) => return,
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }
}

/// Lets `write!` append to a line, for programs that can afford the size of `core::fmt`.
impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}
