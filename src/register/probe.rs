//! Which opcodes the running kernel has.

use core::fmt;
use core::mem::{offset_of, size_of};
use core::ptr::from_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::IORING_REGISTER_PROBE;
use crate::uapi::{IO_URING_OP_SUPPORTED, io_uring_probe, io_uring_probe_op};

/// As many opcodes as the byte of an entry can name, and the most that the kernel takes.
const OPCODES: usize = 256;

/// What the kernel tells about one opcode (`struct io_uring_probe_op`).
#[derive(Clone, Copy)]
#[repr(C)]
struct Opcode {
    number: u8,
    resv: u8,
    flags: u16,
    resv2: u32,
}

/// Which opcodes the running kernel has: filled by [`Submitter::register_probe`].
///
/// Numbers that this crate does not know are kept as well as those that it does.
///
/// The kernel's `struct io_uring_probe` is a head that a list follows, of any length. Here both are one structure, of
/// 2,064 bytes, so that a reference to it covers all that the kernel writes.
#[doc(alias = "io_uring_probe")]
#[repr(C)]
pub struct Probe {
    last_op: u8,
    ops_len: u8,
    resv: u16,
    resv2: [u32; 3],
    ops: [Opcode; OPCODES],
}

impl Probe {
    /// Knows of no opcode yet.
    #[must_use]
    pub const fn new() -> Self {
        let none = Opcode { number: 0, resv: 0, flags: 0, resv2: 0 };
        Self { last_op: 0, ops_len: 0, resv: 0, resv2: [0; 3], ops: [none; OPCODES] }
    }

    /// Whether the kernel has this opcode (as `opcode::Read::CODE`). It can have one and lack some flag of it.
    #[doc(alias = "io_uring_opcode_supported")]
    #[must_use]
    pub const fn is_supported(&self, opcode: u8) -> bool {
        // The length of the list makes every index good.
        self.ops[opcode as usize].flags & IO_URING_OP_SUPPORTED as u16 != 0
    }

    /// The highest number that the kernel has an opcode for.
    #[must_use]
    pub const fn last_op(&self) -> u8 {
        self.last_op
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Probe {
    /// The numbers of the opcodes supported.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries((0..=u8::MAX).filter(|&opcode| self.is_supported(opcode))).finish()
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Asks the kernel which opcodes it has. What `probe` held before is forgotten. Since 5.6.
    ///
    /// # Errors
    ///
    /// `EINVAL`: the kernel can't be asked (before 5.6). `ENOMEM`: no memory.
    #[doc(alias = "IORING_REGISTER_PROBE")]
    #[doc(alias = "io_uring_register_probe")]
    #[doc(alias = "io_uring_get_probe_ring")]
    #[doc(alias = "io_uring_get_probe")]
    pub fn register_probe(&self, probe: &mut Probe) -> Result<(), Errno> {
        // The kernel refuses one that is not zero.
        *probe = Probe::new();
        // SAFETY: head and list are one object of the size that the count says, which the kernel may fill with any
        // bits: all fields are integers.
        unsafe { self.register(IORING_REGISTER_PROBE as u32, from_mut(probe).cast(), OPCODES as u32) }.map(drop)
    }
}

const _: () = {
    assert!(size_of::<Opcode>() == 8);
    assert!(size_of::<Opcode>() == size_of::<io_uring_probe_op>());
    assert!(offset_of!(Opcode, number) == offset_of!(io_uring_probe_op, op));
    assert!(offset_of!(Opcode, flags) == offset_of!(io_uring_probe_op, flags));
    assert!(offset_of!(Probe, last_op) == offset_of!(io_uring_probe, last_op));
    assert!(offset_of!(Probe, ops_len) == offset_of!(io_uring_probe, ops_len));
    assert!(offset_of!(Probe, ops) == offset_of!(io_uring_probe, ops));
    assert!(size_of::<Probe>() == size_of::<io_uring_probe>() + OPCODES * size_of::<io_uring_probe_op>());
};
