//! [`Completion`]: a completion queue entry, as the simulated kernel makes it.

/// A completion queue entry (`struct io_uring_cqe`), before it is in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// The user data of the request.
    pub user_data: u64,
    /// The result.
    pub result: i32,
    /// The flags, without those that tell the size of the entry.
    pub flags: u32,
    /// The upper 16 bytes (`big_cqe`), if the entry has them.
    pub big: Option<[u64; 2]>,
}

impl Completion {
    /// Returns the entry as it lies in memory, with `flags` added.
    pub(crate) fn bytes(&self, flags: u32) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.user_data.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.result.to_ne_bytes());
        bytes[12..16].copy_from_slice(&(self.flags | flags).to_ne_bytes());
        let big = self.big.unwrap_or_default();
        bytes[16..24].copy_from_slice(&big[0].to_ne_bytes());
        bytes[24..].copy_from_slice(&big[1].to_ne_bytes());
        bytes
    }
}
