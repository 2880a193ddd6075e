//! Conversions from and to rustix's types, with the feature `rustix`.
//!
//! The crate is here for its types alone: no system call of this crate goes through it.
#![forbid(unsafe_code)]

use rustix::event::PollFlags;
use rustix::fs::{AtFlags, OFlags, StatxFlags};

use crate::error::Errno;
use crate::types;

impl From<Errno> for rustix::io::Errno {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(i32::from(errno.raw()))
    }
}

impl TryFrom<rustix::io::Errno> for Errno {
    /// The number, which is none of the kernel's.
    type Error = i32;

    fn try_from(errno: rustix::io::Errno) -> Result<Self, i32> {
        let number = errno.raw_os_error();
        u16::try_from(number).ok().and_then(Self::from_raw).ok_or(number)
    }
}

// With `std`, rustix's descriptors are the standard library's, whose conversions stand in `types`.
#[cfg(not(feature = "std"))]
impl From<rustix::fd::BorrowedFd<'_>> for types::Fd {
    fn from(fd: rustix::fd::BorrowedFd<'_>) -> Self {
        Self(rustix::fd::AsRawFd::as_raw_fd(&fd))
    }
}

#[cfg(not(feature = "std"))]
impl From<&rustix::fd::OwnedFd> for types::Fd {
    fn from(fd: &rustix::fd::OwnedFd) -> Self {
        Self(rustix::fd::AsRawFd::as_raw_fd(fd))
    }
}

impl From<OFlags> for types::OpenFlags {
    fn from(flags: OFlags) -> Self {
        Self(flags.bits())
    }
}

impl From<AtFlags> for types::AtFlags {
    fn from(flags: AtFlags) -> Self {
        Self(flags.bits())
    }
}

impl From<StatxFlags> for types::StatxMask {
    fn from(flags: StatxFlags) -> Self {
        Self(flags.bits())
    }
}

impl From<PollFlags> for types::PollEvents {
    fn from(flags: PollFlags) -> Self {
        Self(u32::from(flags.bits()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Errno, OFlags, PollFlags, types};

    #[test]
    fn an_errno_is_the_same_number_on_both_sides() {
        assert_eq!(rustix::io::Errno::from(Errno::ENOENT), rustix::io::Errno::NOENT);
        assert_eq!(Errno::try_from(rustix::io::Errno::NOENT), Ok(Errno::ENOENT));
    }

    #[test]
    fn flag_words_keep_their_bits() {
        let flags = types::OpenFlags::from(OFlags::CREATE | OFlags::WRONLY);
        assert_eq!(flags.0, linux_raw_sys::general::O_CREAT | linux_raw_sys::general::O_WRONLY);
        assert_eq!(types::PollEvents::from(PollFlags::IN).0, linux_raw_sys::general::POLLIN);
    }
}
