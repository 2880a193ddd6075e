//! [`Sqe`]: a submission queue entry, as the simulated kernel reads it.

use bare_uring::uapi::{IOSQE_CQE_SKIP_SUCCESS, IOSQE_IO_DRAIN, IOSQE_IO_HARDLINK, IOSQE_IO_LINK};

/// The fields of a `struct io_uring_sqe`. Where the structure has a union, the field has the union's first name.
#[derive(Debug, Clone)]
pub(crate) struct Sqe {
    pub(crate) opcode: u8,
    pub(crate) flags: u8,
    pub(crate) ioprio: u16,
    pub(crate) fd: i32,
    pub(crate) off: u64,
    pub(crate) addr: u64,
    pub(crate) len: u32,
    pub(crate) op_flags: u32,
    pub(crate) user_data: u64,
    pub(crate) buf_index: u16,
    pub(crate) file_index: u32,
    pub(crate) addr3: u64,
    /// The time of a request that has one, in nanoseconds, as its timespec was when the entry was consumed.
    pub(crate) time: u64,
    /// The lengths of the name and of the control data of a `struct msghdr`.
    pub(crate) gaps: (usize, usize),
    /// Addresses and lengths of the memory that the request reads or writes, as they were when the entry was consumed.
    pub(crate) pieces: Vec<(u64, usize)>,
}

impl Sqe {
    pub(crate) fn of(bytes: &[u8; 64]) -> Self {
        fn part<const N: usize>(bytes: &[u8; 64], at: usize) -> [u8; N] {
            let mut part = [0; N];
            part.copy_from_slice(&bytes[at..at + N]);
            part
        }
        Self {
            opcode: bytes[0],
            flags: bytes[1],
            ioprio: u16::from_ne_bytes(part(bytes, 2)),
            fd: i32::from_ne_bytes(part(bytes, 4)),
            off: u64::from_ne_bytes(part(bytes, 8)),
            addr: u64::from_ne_bytes(part(bytes, 16)),
            len: u32::from_ne_bytes(part(bytes, 24)),
            op_flags: u32::from_ne_bytes(part(bytes, 28)),
            user_data: u64::from_ne_bytes(part(bytes, 32)),
            buf_index: u16::from_ne_bytes(part(bytes, 40)),
            file_index: u32::from_ne_bytes(part(bytes, 44)),
            addr3: u64::from_ne_bytes(part(bytes, 48)),
            time: 0,
            gaps: (0, 0),
            pieces: Vec::new(),
        }
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn links(&self) -> bool {
        self.has(IOSQE_IO_LINK | IOSQE_IO_HARDLINK)
    }

    pub(crate) fn drains(&self) -> bool {
        self.has(IOSQE_IO_DRAIN)
    }

    pub(crate) fn skips(&self) -> bool {
        self.has(IOSQE_CQE_SKIP_SUCCESS)
    }
}
