//! What completions of requests on sockets say beside their result.

use super::Entry;
use crate::flags::CqeFlags as Flags;
use crate::uapi::IORING_NOTIF_USAGE_ZC_COPIED;

impl Entry {
    /// Of a receive or an accept: whether there was more to receive, or another connection.
    #[inline]
    #[must_use]
    pub const fn sock_nonempty(&self) -> bool {
        self.flags().contains(Flags::SOCK_NONEMPTY)
    }

    /// Whether this is the notification of a zero-copy send: its memory is the caller's again. Its
    /// [`outcome`](Self::outcome) is not the send's, which came before.
    #[inline]
    #[must_use]
    pub const fn notif(&self) -> bool {
        self.flags().contains(Flags::NOTIF)
    }

    /// Of a notification that [`report_usage`](crate::opcode::SendZc::report_usage) was asked for: whether any of the
    /// data was copied after all.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_NOTIF_USAGE_ZC_COPIED")]
    pub const fn zc_copied(&self) -> bool {
        self.notif() && self.result().cast_unsigned() & IORING_NOTIF_USAGE_ZC_COPIED != 0
    }
}
