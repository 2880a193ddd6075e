//! The kernel's entry as a literal, to compare whole ones with.

use bare_uring::squeue::Entry;
use bare_uring::types::DestinationSlot;

/// The fields of `struct io_uring_sqe` by their C names, in their order; where it has a union, the first name stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sqe {
    pub opcode: u8,
    pub flags: u8,
    pub ioprio: u16,
    pub fd: i32,
    pub off: u64,
    pub addr: u64,
    pub len: u32,
    pub op_flags: u32,
    pub user_data: u64,
    pub buf_index: u16,
    pub personality: u16,
    pub file_index: u32,
    pub addr3: u64,
    pub pad: u64,
}

impl Sqe {
    pub fn bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0] = self.opcode;
        bytes[1] = self.flags;
        bytes[2..4].copy_from_slice(&self.ioprio.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.fd.to_ne_bytes());
        bytes[8..16].copy_from_slice(&self.off.to_ne_bytes());
        bytes[16..24].copy_from_slice(&self.addr.to_ne_bytes());
        bytes[24..28].copy_from_slice(&self.len.to_ne_bytes());
        bytes[28..32].copy_from_slice(&self.op_flags.to_ne_bytes());
        bytes[32..40].copy_from_slice(&self.user_data.to_ne_bytes());
        bytes[40..42].copy_from_slice(&self.buf_index.to_ne_bytes());
        bytes[42..44].copy_from_slice(&self.personality.to_ne_bytes());
        bytes[44..48].copy_from_slice(&self.file_index.to_ne_bytes());
        bytes[48..56].copy_from_slice(&self.addr3.to_ne_bytes());
        bytes[56..64].copy_from_slice(&self.pad.to_ne_bytes());
        bytes
    }

    fn of(bytes: &[u8; 64]) -> Self {
        let u16_at = |at: usize| u16::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
        let u32_at = |at: usize| u32::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
        let u64_at = |at: usize| u64::from_ne_bytes(*bytes[at..].first_chunk().unwrap());
        Self {
            opcode: bytes[0],
            flags: bytes[1],
            ioprio: u16_at(2),
            fd: u32_at(4).cast_signed(),
            off: u64_at(8),
            addr: u64_at(16),
            len: u32_at(24),
            op_flags: u32_at(28),
            user_data: u64_at(32),
            buf_index: u16_at(40),
            personality: u16_at(42),
            file_index: u32_at(44),
            addr3: u64_at(48),
            pad: u64_at(56),
        }
    }
}

/// Whether an entry is exactly these 64 bytes.
#[track_caller]
pub fn check(entry: Entry, expected: &Sqe) {
    assert_eq!(Sqe::of(&entry.to_bytes()), *expected);
    assert_eq!(entry.to_bytes(), expected.bytes());
    assert_eq!(Entry::from_bytes(expected.bytes()), entry);
}

/// Where the memory of [`at`] lies: beyond what half of an address can name.
const FAR: usize = if cfg!(target_pointer_width = "64") { 0x7654_3210 << (usize::BITS / 2) } else { 0x7654_0000 };

/// A pointer that is only a number: far up, or null.
pub fn at<T>(address: usize) -> *mut T {
    core::ptr::without_provenance_mut(if address == 0 { 0 } else { FAR + address })
}

/// What [`at`] gives, in a field of the entry.
pub fn far(address: usize) -> u64 {
    (FAR + address) as u64
}

/// The slot with this number.
pub fn slot(number: u32) -> DestinationSlot {
    DestinationSlot::at(number).unwrap()
}

/// A type's bytes, to compare them with what C would write.
pub fn bytes_of<const N: usize, T: Copy>(value: T) -> [u8; N] {
    assert_eq!(size_of::<T>(), N);
    // SAFETY: the types that this is used with are integers without padding, N bytes in all.
    unsafe { core::mem::transmute_copy(&value) }
}
