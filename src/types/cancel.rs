//! [`CancelBuilder`]: which requests a cancellation means.

use super::RawFd;
use super::sealed::{Target, UseFixed};
use crate::flags::CancelFlags;

/// Which requests are to be cancelled.
///
/// The constructors name one key each, the `with_` methods further ones that a request must match as well. The first
/// request that matches is meant, or with [`all`](Self::all) every one.
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
    /// A descriptor or an index, as the flags say; -1 where they name no file.
    fd: RawFd,
    opcode: u8,
}

impl CancelBuilder {
    const NONE: Self = Self { flags: CancelFlags::empty(), user_data: None, fd: -1, opcode: 0 };

    /// Every request in flight. Since 5.19.
    #[doc(alias = "IORING_ASYNC_CANCEL_ANY")]
    #[must_use]
    pub const fn any() -> Self {
        Self { flags: CancelFlags::ANY, ..Self::NONE }
    }

    /// A request that carries this user data.
    #[must_use]
    pub const fn user_data(user_data: u64) -> Self {
        Self::NONE.with_user_data(user_data)
    }

    /// A request on this file: a [`Fd`](crate::types::Fd), or a [`Fixed`](crate::types::Fixed) one (since 6.0). Since
    /// 5.19.
    ///
    /// It is the file that must be the same, not the number: another descriptor of the same open file matches.
    #[doc(alias = "IORING_ASYNC_CANCEL_FD")]
    #[doc(alias = "IORING_ASYNC_CANCEL_FD_FIXED")]
    #[must_use]
    pub fn fd(fd: impl UseFixed) -> Self {
        Self::NONE.with_fd(fd)
    }

    /// A request with this opcode (as `opcode::Read::CODE`). Since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_OP")]
    #[must_use]
    pub const fn opcode(opcode: u8) -> Self {
        Self::NONE.with_opcode(opcode)
    }

    /// Only one that carries this user data too. Together with a file or an opcode since 6.6.
    #[doc(alias = "IORING_ASYNC_CANCEL_USERDATA")]
    #[must_use]
    pub const fn with_user_data(self, user_data: u64) -> Self {
        Self { user_data: Some(user_data), ..self.narrowed() }
    }

    /// Only one on this file too.
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

    /// Only one with this opcode too. Since 6.6.
    #[must_use]
    pub const fn with_opcode(self, opcode: u8) -> Self {
        let this = self.narrowed();
        Self { flags: this.flags.union(CancelFlags::OP), opcode, ..this }
    }

    /// All that match, not the first only. [`any`](Self::any) means all of them anyway. Since 5.19.
    #[doc(alias = "IORING_ASYNC_CANCEL_ALL")]
    #[must_use]
    pub const fn all(self) -> Self {
        Self { flags: self.flags.union(CancelFlags::ALL), ..self }
    }

    /// Makes room for a key: the kernel ignores or refuses keys beside ANY, which are meant to narrow it.
    const fn narrowed(self) -> Self {
        if !self.flags.contains(CancelFlags::ANY) {
            return self;
        }
        Self { flags: self.flags.difference(CancelFlags::ANY).union(CancelFlags::ALL), ..self }
    }

    /// The flags for the kernel. Without a file or an opcode it goes by the user data unasked, and before 6.6 it does
    /// not know the flag that asks for it.
    #[must_use]
    pub(crate) const fn flags(self) -> CancelFlags {
        let others = CancelFlags::FD.union(CancelFlags::OP);
        if self.user_data.is_some() && self.flags.intersects(others) {
            self.flags.union(CancelFlags::USERDATA)
        } else {
            self.flags
        }
    }

    /// The user data, file and opcode for the kernel, where there is one of each.
    #[must_use]
    pub(crate) const fn keys(self) -> (u64, RawFd, u8) {
        let user_data = match self.user_data {
            Some(user_data) => user_data,
            None => 0,
        };
        (user_data, self.fd, self.opcode)
    }
}
