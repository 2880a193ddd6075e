//! [`GroupRules`]: how a kernel uses rings of provided buffers.

/// What becomes of the buffer that a `Read` has picked from a file that is polled, when it ends in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// It is used up, and the completion names it (Linux before 6.10).
    UsesUp,
    /// It stays in the ring, and the completion names it all the same (6.10 to 6.17).
    OnlyNames,
    /// It stays in the ring, and the completion names none.
    Silent,
}

/// How a kernel uses rings of provided buffers. The fields are public, so that a test can take those of a release and
/// change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupRules {
    /// A request of length 0 asks for all that a buffer has; before, it asks for nothing.
    pub zero_is_all: bool,
    /// `RECV` and `RECVMSG` can go on.
    pub multishot: bool,
    /// The kernel can provide the memory of the ring (`IOU_PBUF_RING_MMAP`).
    pub mapped: bool,
    /// Requests may use several buffers at once, and `SEND` may use any.
    pub bundles: bool,
    /// A buffer can be used piece by piece (`IOU_PBUF_RING_INC`).
    pub incremental: bool,
    /// A buffer with less left than registered counts as used up.
    pub min_left: bool,
    /// What becomes of a polled `Read` that fails.
    pub read_error: ReadError,
    /// At the end of a file, `BUF_MORE` says that the buffer is kept.
    pub more_at_end: bool,
    /// `BUF_MORE` is also said of a buffer that was committed when it was picked.
    pub more_unpolled: bool,
    /// What is committed of a cut datagram is what was written of it.
    pub clamps_cut: bool,
    /// Bundles of incremental buffers are in order.
    pub bundles_in_order: bool,
}

impl GroupRules {
    /// Those of Linux of this release.
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
