//! [`CancelBuilder`]: which requests a cancellation means.

use super::RawFd;
use super::sealed::{Target, UseFixed};
use crate::flags::CancelFlags;

/// The requests to cancel.
///
/// Each constructor sets one key. The `with_` methods add keys, and a request must match all of them. Only the first
/// request that matches is cancelled, or with [`all`](Self::all) every one that matches.
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
    /// A descriptor, or an index, depending on the flags. -1 if the flags name no file.
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

    /// Matches a request on this file: a [`Fd`](crate::types::Fd), or a [`Fixed`](crate::types::Fixed) one (since 6.0).
    /// Since 5.19.
    ///
    /// The kernel compares the open file, and not the number: a request by another descriptor of the same open file
    /// matches too.
    #[doc(alias = "IORING_ASYNC_CANCEL_FD")]
    #[doc(alias = "IORING_ASYNC_CANCEL_FD_FIXED")]
    #[must_use]
    pub fn fd(fd: impl UseFixed) -> Self {
        Self::NONE.with_fd(fd)
    }

    /// Matches a request with this opcode (`opcode::Read::CODE`, for example). Since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_OP")]
    #[must_use]
    pub const fn opcode(opcode: u8) -> Self {
        Self::NONE.with_opcode(opcode)
    }

    /// Requires this user data too. Together with a file or an opcode since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_USERDATA")]
    #[must_use]
    pub const fn with_user_data(self, user_data: u64) -> Self {
        Self { user_data: Some(user_data), ..self.narrowed() }
    }

    /// Requires this file too.
    #[must_use]
    pub fn with_fd(self, fd: impl UseFixed) -> Self {
        let (by, fd) = match fd.into_target() {
            Target::Fd(fd) => (CancelFlags::FD, fd.0),
            // The kernel takes the number for unsigned again.
            Target::Fixed(index) => (CancelFlags::FD.union(CancelFlags::FD_FIXED), index.0.cast_signed()),
        };
        let this = self.narrowed();
        Self { flags: this.flags.difference(CancelFlags::FD_FIXED).union(by), fd, ..this }
    }

    /// Requires this opcode too. Since 6.6.
    #[must_use]
    pub const fn with_opcode(self, opcode: u8) -> Self {
        let this = self.narrowed();
        Self { flags: this.flags.union(CancelFlags::OP), opcode, ..this }
    }

    /// Cancels all requests that match, and not only the first. [`any`](Self::any) always means all of them. Since
    /// 5.19.
    #[doc(alias = "IORING_ASYNC_CANCEL_ALL")]
    #[must_use]
    pub const fn all(self) -> Self {
        Self { flags: self.flags.union(CancelFlags::ALL), ..self }
    }

    /// Replaces ANY by ALL before a key is added, so that the key narrows the choice.
    const fn narrowed(self) -> Self {
        // kernel: io_uring/cancel.c io_cancel_req_match (7.3): with ANY no other key is compared.
        if !self.flags.contains(CancelFlags::ANY) {
            return self;
        }
        Self { flags: self.flags.difference(CancelFlags::ANY).union(CancelFlags::ALL), ..self }
    }

    /// Returns the flags for the kernel. Without a file or an opcode they leave USERDATA out, which kernels before 6.6
    /// do not know.
    #[must_use]
    pub(crate) const fn flags(self) -> CancelFlags {
        // kernel: io_uring/cancel.c io_cancel_req_match (7.3): without FD and OP the user data is compared in any case.
        let others = CancelFlags::FD.union(CancelFlags::OP);
        if self.user_data.is_some() && self.flags.intersects(others) {
            self.flags.union(CancelFlags::USERDATA)
        } else {
            self.flags
        }
    }

    /// Returns the user data, the file and the opcode for the kernel: 0, -1 and 0 where a key is not set.
    #[must_use]
    pub(crate) const fn keys(self) -> (u64, RawFd, u8) {
        let user_data = match self.user_data {
            Some(user_data) => user_data,
            None => 0,
        };
        (user_data, self.fd, self.opcode)
    }
}
