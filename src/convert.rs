//! Conversions between this crate's types and rustix's, with the feature `rustix`.
//!
//! Only rustix's types are used: no system call of this crate goes through it.
#![forbid(unsafe_code)]

use rustix::event::{PollFlags, epoll};
use rustix::fs::{AtFlags, OFlags, StatxFlags};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::error::Errno;
use crate::types;

impl From<Errno> for rustix::io::Errno {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(i32::from(errno.raw()))
    }
}

impl TryFrom<rustix::io::Errno> for Errno {
    /// The number, if the kernel has no such errno.
    type Error = i32;

    fn try_from(errno: rustix::io::Errno) -> Result<Self, i32> {
        let number = errno.raw_os_error();
        u16::try_from(number).ok().and_then(Self::from_raw).ok_or(number)
    }
}

// With `std`, rustix's descriptors are those of the standard library, whose conversions are in `types`.
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

impl From<epoll::EventFlags> for types::PollEvents {
    fn from(flags: epoll::EventFlags) -> Self {
        Self(flags.bits())
    }
}

impl From<SendFlags> for types::MsgFlags {
    fn from(flags: SendFlags) -> Self {
        Self(flags.bits())
    }
}

impl From<RecvFlags> for types::MsgFlags {
    fn from(flags: RecvFlags) -> Self {
        Self(flags.bits())
    }
}

impl From<SocketFlags> for types::SocketFlags {
    fn from(flags: SocketFlags) -> Self {
        Self(flags.bits())
    }
}

impl From<AddressFamily> for types::AddressFamily {
    fn from(family: AddressFamily) -> Self {
        Self(u32::from(family.as_raw()))
    }
}

impl From<SocketType> for types::SocketType {
    fn from(socket_type: SocketType) -> Self {
        Self(socket_type.as_raw())
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressFamily, Errno, OFlags, PollFlags, RecvFlags, SendFlags, SocketFlags, SocketType, epoll, types};

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
        assert_eq!(types::PollEvents::from(epoll::EventFlags::IN).0, linux_raw_sys::general::POLLIN);
        assert_eq!(types::MsgFlags::from(SendFlags::NOSIGNAL), types::MsgFlags::NOSIGNAL);
        assert_eq!(types::MsgFlags::from(RecvFlags::PEEK), types::MsgFlags::PEEK);
        assert_eq!(types::SocketFlags::from(SocketFlags::CLOEXEC), types::SocketFlags::CLOEXEC);
        assert_eq!(types::AddressFamily::from(AddressFamily::INET6), types::AddressFamily::INET6);
        assert_eq!(types::SocketType::from(SocketType::DGRAM), types::SocketType::DGRAM);
    }
}
