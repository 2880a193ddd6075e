//! What a request has picked of a buffer ring, and what its completion says of it.

use bare_uring::uapi::{IORING_CQE_BUFFER_SHIFT, IORING_CQE_F_BUF_MORE, IORING_CQE_F_BUFFER};

use super::Picked;

/// What a request in flight has behind it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// It runs in a worker (`IO_URING_F_UNLOCKED`).
    pub(crate) in_worker: bool,
    /// It has waited for its file, or told something already.
    pub(crate) armed: bool,
    /// The buffers that it keeps until its end (`REQ_F_BUFFER_RING` without `REQ_F_BUFFERS_COMMIT`).
    pub(crate) held: Option<Held>,
}

/// Buffers that were committed when they were picked.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Addresses and lengths.
    pub(crate) pieces: Vec<(u64, u32)>,
    pub(crate) id: u16,
    /// The last of them is used further, and the completion says so.
    pub(crate) more: bool,
}

impl Held {
    /// What every completion of the request says, an error too: the buffer is taken.
    pub(crate) fn flags(&self) -> u32 {
        named(self.id) | if self.more { IORING_CQE_F_BUF_MORE } else { 0 }
    }
}

/// The flags of a completion that names a buffer.
pub(crate) fn named(id: u16) -> u32 {
    u32::from(id) << IORING_CQE_BUFFER_SHIFT | IORING_CQE_F_BUFFER
}

/// What a request may fill, or send.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) pieces: Vec<(u64, u32)>,
    pub(crate) id: u16,
    /// Of a plain buffer, only a part (`buf_sel_arg.partial_map`).
    pub(crate) partial: bool,
}

impl Selected {
    pub(crate) fn of(pieces: &[Picked], partial: bool) -> Option<Self> {
        let id = pieces.first()?.id;
        Some(Self { pieces: pieces.iter().map(|piece| (piece.address, piece.len)).collect(), id, partial })
    }

    /// Room in all of them.
    pub(crate) fn room(&self) -> usize {
        self.pieces.iter().map(|piece| piece.1 as usize).sum()
    }

    /// How many of them `count` bytes take.
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
