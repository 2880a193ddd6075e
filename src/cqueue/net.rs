//! What completions of requests on sockets say besides their result.

use super::Entry;
use crate::flags::CqeFlags as Flags;
use crate::uapi::IORING_NOTIF_USAGE_ZC_COPIED;

impl Entry {
    /// Returns whether there was more to receive, or another connection. For receives and accepts.
    #[inline]
    #[must_use]
    pub const fn sock_nonempty(&self) -> bool {
        self.flags().contains(Flags::SOCK_NONEMPTY)
    }

    /// Returns whether this is the notification of a zero-copy send, after which its memory is the caller's again. Its
    /// [`outcome`](Self::outcome) is not the send's, which came before.
    #[inline]
    #[must_use]
    pub const fn notif(&self) -> bool {
        self.flags().contains(Flags::NOTIF)
    }

    /// Returns whether any of the data was copied after all. For a notification that was asked for with
    /// [`report_usage`](crate::opcode::SendZc::report_usage).
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_NOTIF_USAGE_ZC_COPIED")]
    pub const fn zc_copied(&self) -> bool {
        self.notif() && self.result().cast_unsigned() & IORING_NOTIF_USAGE_ZC_COPIED != 0
    }
}
