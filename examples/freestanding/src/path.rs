//! Paths in fixed memory.

use core::ffi::CStr;

use bare_uring::Errno;
use linux_raw_sys::general::PATH_MAX;

/// The longest path that the kernel takes, with its zero byte.
const CAPACITY: usize = PATH_MAX as usize;

/// A path that grows piece by piece.
///
/// # Invariants
///
/// The bytes before `len` are not zero, all others are, and `len` is less than the capacity.
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
    /// An empty path.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; CAPACITY], len: 0 }
    }

    /// A path of these bytes, up to a zero byte if there is one.
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG`.
    pub fn of(bytes: &[u8]) -> Result<Self, Errno> {
        let mut path = Self::new();
        path.push(bytes)?;
        Ok(path)
    }

    /// Appends bytes, up to a zero byte if there is one. No slash is added.
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
    /// As [`push`](Self::push).
    pub fn push_number(&mut self, number: u64) -> Result<(), Errno> {
        if number >= 10 {
            self.push_number(number / 10)?;
        }
        // A single digit, which the cast keeps.
        self.push(&[b'0' + (number % 10) as u8])
    }

    /// The path's bytes, without the zero at the end.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The path as the kernel takes it.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }

    /// The part up to and with the last slash: the directory that the path's last name is in. Empty if that is the
    /// working directory.
    #[must_use]
    pub fn directory(&self) -> &[u8] {
        directory(self.as_bytes())
    }
}

/// The part of a path up to and with its last slash.
#[must_use]
pub fn directory(path: &[u8]) -> &[u8] {
    let len = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    path.get(..len).unwrap_or_default()
}

/// The part of a path after its last slash.
#[must_use]
pub fn file_name(path: &[u8]) -> &[u8] {
    path.get(directory(path).len()..).unwrap_or_default()
}
