//! Paths in fixed memory.

use core::ffi::CStr;

use bare_uring::Errno;
use linux_raw_sys::general::PATH_MAX;

/// Length of the longest path that the kernel takes, with its zero byte.
const CAPACITY: usize = PATH_MAX as usize;

/// A path to which bytes can be appended.
///
/// # Invariants
///
/// The bytes before `len` are not zero, all others are zero, and `len` is less than the capacity.
#[derive(Debug, Clone)]
pub struct Path {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Default for Path {
    fn default() -> Self {
        Self::new()
    }
}

impl Path {
    /// Makes an empty path.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; CAPACITY], len: 0 }
    }

    /// Makes a path of these bytes, up to the first zero byte if there is one.
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG`: the path is longer than the kernel takes.
    pub fn of(bytes: &[u8]) -> Result<Self, Errno> {
        let mut path = Self::new();
        path.push(bytes)?;
        Ok(path)
    }

    /// Appends bytes, up to the first zero byte if there is one. Adds no slash.
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG`: the path is longer than the kernel takes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        for &byte in bytes {
            if byte == 0 {
                break;
            }
            match self.bytes.get_mut(self.len) {
                Some(place) if self.len + 1 < CAPACITY => *place = byte,
                _ => return Err(Errno::ENAMETOOLONG),
            }
            self.len += 1;
        }
        Ok(())
    }

    /// Appends a number in decimal.
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG`: the path is longer than the kernel takes.
    pub fn push_number(&mut self, number: u64) -> Result<(), Errno> {
        if number >= 10 {
            self.push_number(number / 10)?;
        }
        // The remainder is one digit, so the cast loses nothing.
        self.push(&[b'0' + (number % 10) as u8])
    }

    /// Returns the path's bytes without the zero at the end.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Returns the path as a C string, which the kernel takes.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }

    /// Returns the part up to and including the last slash: the directory of the last name. It is empty if that
    /// directory is the working directory.
    #[must_use]
    pub fn directory(&self) -> &[u8] {
        directory(self.as_bytes())
    }
}

/// Returns the part of a path up to and including its last slash.
#[must_use]
pub fn directory(path: &[u8]) -> &[u8] {
    let len = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    path.get(..len).unwrap_or_default()
}

/// Returns the part of a path after its last slash.
#[must_use]
pub fn file_name(path: &[u8]) -> &[u8] {
    path.get(directory(path).len()..).unwrap_or_default()
}
