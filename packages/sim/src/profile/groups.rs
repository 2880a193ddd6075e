//! [`GroupRules`]: how a kernel uses provided buffer rings.

/// What becomes of the buffer of a `READ` on a file that can be polled, if the read fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The buffer is used up, and the completion names it (Linux before 6.10).
    UsesUp,
    /// The buffer stays in the ring, but the completion names it (6.10 to 6.17).
    OnlyNames,
    /// The buffer stays in the ring, and the completion names no buffer (since 6.18).
    Silent,
}

/// How a kernel uses provided buffer rings. The fields are public, so that a test can take the rules of a release and
/// change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupRules {
    /// A request of length 0 asks for the whole buffer; without this, it asks for nothing.
    pub zero_is_all: bool,
    /// `RECV` and `RECVMSG` can be multishot.
    pub multishot: bool,
    /// The kernel can provide the memory of the buffer ring (`IOU_PBUF_RING_MMAP`).
    pub mapped: bool,
    /// Requests may use several buffers at once (`IORING_RECVSEND_BUNDLE`), and `SEND` may use provided buffers.
    pub bundles: bool,
    /// A buffer can be used piece by piece (`IOU_PBUF_RING_INC`).
    pub incremental: bool,
    /// A buffer ring can have a `min_left`: a buffer with fewer bytes left counts as used up.
    pub min_left: bool,
    /// What becomes of the buffer of a `READ` that fails.
    pub read_error: ReadError,
    /// At the end of a file, `IORING_CQE_F_BUF_MORE` says that an incremental buffer stays in the ring.
    pub more_at_end: bool,
    /// `IORING_CQE_F_BUF_MORE` is also set for a buffer that was committed when it was picked.
    pub more_unpolled: bool,
    /// Of a datagram that was cut, only the bytes that were written are committed.
    pub clamps_cut: bool,
    /// The completion of a bundle of incremental buffers names the first buffer.
    pub bundles_in_order: bool,
}

impl GroupRules {
    /// Returns the rules of a release of Linux.
    #[must_use]
    pub fn linux(major: u8, minor: u8) -> Self {
        let since = |major_since, minor_since| (major_since, minor_since) <= (major, minor);
        Self {
            // `io_ring_buffer_select()`: "allow 0 length for buffer select".
            zero_is_all: since(6, 0),
            multishot: since(6, 0),
            mapped: since(6, 4),
            bundles: since(6, 10),
            incremental: since(6, 12),
            min_left: since(7, 1),
            read_error: match () {
                () if since(6, 18) => ReadError::Silent,
                () if since(6, 10) => ReadError::OnlyNames,
                () => ReadError::UsesUp,
            },
            // `io_kbuf_inc_commit()` and `REQ_F_BUF_MORE`; long-term kernels have both earlier.
            more_at_end: since(7, 0),
            more_unpolled: since(7, 0),
            clamps_cut: since(7, 0),
            bundles_in_order: !since(6, 13) || since(6, 17),
        }
    }
}
