//! [`CancelBuilder`]: which requests a cancellation means.

use super::RawFd;
use super::sealed::{Target, UseFixed};
use crate::flags::CancelFlags;

/// Says which requests a cancellation means.
///
/// Each constructor names one key, each `with_` method a further key that a request must match as well. The first request that
/// matches is cancelled, or with [`all`](Self::all) every request that matches.
///
/// ```
/// use bare_uring::opcode;
/// use bare_uring::types::{CancelBuilder, Fd, Fixed};
///
/// let one = CancelBuilder::user_data(42);
/// let all_of_a_file = CancelBuilder::fd(Fixed(3)).all();
/// let reads_of_a_file = CancelBuilder::opcode(opcode::Read::CODE).with_fd(Fd(0)).all();
/// # let _ = (one, all_of_a_file, reads_of_a_file);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelBuilder {
    flags: CancelFlags,
    user_data: Option<u64>,
    /// A file descriptor, or an index of a registered file, as the flags say; -1 where the flags name no file.
    fd: RawFd,
    opcode: u8,
}

impl CancelBuilder {
    const NONE: Self = Self { flags: CancelFlags::empty(), user_data: None, fd: -1, opcode: 0 };

    /// Matches every request in flight. Since 5.19.
    #[doc(alias = "IORING_ASYNC_CANCEL_ANY")]
    #[must_use]
    pub const fn any() -> Self {
        Self { flags: CancelFlags::ANY, ..Self::NONE }
    }

    /// Matches a request that carries this user data.
    #[must_use]
    pub const fn user_data(user_data: u64) -> Self {
        Self::NONE.with_user_data(user_data)
    }

    /// Matches a request on this file: a [`Fd`](crate::types::Fd) (since 5.19), or a [`Fixed`](crate::types::Fixed) file
    /// (since 6.0). Since 5.19.
    ///
    /// The open file must be the same, not the number: another descriptor of the same open file matches.
    #[doc(alias = "IORING_ASYNC_CANCEL_FD")]
    #[doc(alias = "IORING_ASYNC_CANCEL_FD_FIXED")]
    #[must_use]
    pub fn fd(fd: impl UseFixed) -> Self {
        Self::NONE.with_fd(fd)
    }

    /// Matches a request with this opcode (as `opcode::Read::CODE`). Since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_OP")]
    #[must_use]
    pub const fn opcode(opcode: u8) -> Self {
        Self::NONE.with_opcode(opcode)
    }

    /// Adds a key: the request carries this user data too. Together with a file or an opcode since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_USERDATA")]
    #[must_use]
    pub const fn with_user_data(self, user_data: u64) -> Self {
        Self { user_data: Some(user_data), ..self.narrowed() }
    }

    /// Adds a key: the request is on this file too.
    #[must_use]
    pub fn with_fd(self, fd: impl UseFixed) -> Self {
        let (by, fd) = match fd.into_target() {
            Target::Fd(fd) => (CancelFlags::FD, fd.0),
            // The kernel reads the number back as unsigned.
            Target::Fixed(slot) => (CancelFlags::FD.union(CancelFlags::FD_FIXED), slot.0.cast_signed()),
        };
        let this = self.narrowed();
        Self { flags: this.flags.difference(CancelFlags::FD_FIXED).union(by), fd, ..this }
    }

    /// Adds a key: the request has this opcode too. Since 6.6.
    #[must_use]
    pub const fn with_opcode(self, opcode: u8) -> Self {
        let this = self.narrowed();
        Self { flags: this.flags.union(CancelFlags::OP), opcode, ..this }
    }

    /// Cancels all requests that match, not the first alone. [`any`](Self::any) means all of them anyway. Since 5.19.
    #[doc(alias = "IORING_ASYNC_CANCEL_ALL")]
    #[must_use]
    pub const fn all(self) -> Self {
        Self { flags: self.flags.union(CancelFlags::ALL), ..self }
    }

    /// Turns ANY into ALL, because the kernel ignores or refuses a key beside ANY.
    const fn narrowed(self) -> Self {
        if !self.flags.contains(CancelFlags::ANY) {
            return self;
        }
        Self { flags: self.flags.difference(CancelFlags::ANY).union(CancelFlags::ALL), ..self }
    }

    /// Returns the flags for the kernel. Without a file or an opcode the kernel takes the user data as the key unasked, and
    /// before 6.6 it does not know the flag that asks for that.
    #[must_use]
    pub(crate) const fn flags(self) -> CancelFlags {
        let others = CancelFlags::FD.union(CancelFlags::OP);
        if self.user_data.is_some() && self.flags.intersects(others) {
            self.flags.union(CancelFlags::USERDATA)
        } else {
            self.flags
        }
    }

    /// Returns user data, file and opcode for the kernel; those that are no key are 0, or -1 for the file.
    #[must_use]
    pub(crate) const fn keys(self) -> (u64, RawFd, u8) {
        let user_data = match self.user_data {
            Some(user_data) => user_data,
            None => 0,
        };
        (user_data, self.fd, self.opcode)
    }
}
