//! What a request has picked of a buffer ring, and what its completion says about that.

use bare_uring::uapi::{IORING_CQE_BUFFER_SHIFT, IORING_CQE_F_BUF_MORE, IORING_CQE_F_BUFFER};

use super::Picked;

/// What a request in flight has done so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Whether the request runs in a worker (`IO_URING_F_UNLOCKED`).
    pub(crate) in_worker: bool,
    /// Whether the request was attempted before.
    pub(crate) armed: bool,
    /// What a zero-copy send has sent, which stays in the user's memory until the notification.
    pub(crate) lent: Vec<u8>,
    /// The buffers that the request keeps until its end (`REQ_F_BUFFER_RING` without `REQ_F_BUFFERS_COMMIT`).
    pub(crate) held: Option<Held>,
}

/// Buffers that were committed when they were picked.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Addresses and lengths.
    pub(crate) pieces: Vec<(u64, u32)>,
    pub(crate) id: u16,
    /// Whether the completion says `IORING_CQE_F_BUF_MORE`: the rest of the last buffer stays in the ring.
    pub(crate) more: bool,
}

impl Held {
    /// Returns the flags of every completion of the request, also of an error: the buffer is used up.
    pub(crate) fn flags(&self) -> u32 {
        named(self.id) | if self.more { IORING_CQE_F_BUF_MORE } else { 0 }
    }
}

/// Returns the flags of a completion that names this buffer.
pub(crate) fn named(id: u16) -> u32 {
    u32::from(id) << IORING_CQE_BUFFER_SHIFT | IORING_CQE_F_BUFFER
}

/// The buffers that a request may fill or send.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) pieces: Vec<(u64, u32)>,
    pub(crate) id: u16,
    /// Whether only a part of a plain buffer was picked (`buf_sel_arg.partial_map`).
    pub(crate) partial: bool,
}

impl Selected {
    /// Makes the selection of these buffers; `None` if there are no buffers.
    pub(crate) fn of(pieces: &[Picked], partial: bool) -> Option<Self> {
        let id = pieces.first()?.id;
        Some(Self { pieces: pieces.iter().map(|piece| (piece.address, piece.len)).collect(), id, partial })
    }

    /// Returns the length of all buffers together.
    pub(crate) fn room(&self) -> usize {
        self.pieces.iter().map(|piece| piece.1 as usize).sum()
    }

    /// Returns how many of the buffers `count` bytes take.
    pub(crate) fn buffers(&self, count: usize) -> u16 {
        let (mut left, mut buffers) = (count, 0);
        for piece in &self.pieces {
            if left == 0 {
                break;
            }
            left -= left.min(piece.1 as usize);
            buffers += 1;
        }
        buffers
    }
}
