//! The probe, which asks the running kernel which opcodes it has.

use core::fmt;
use core::mem::{offset_of, size_of};
use core::ptr::from_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::IORING_REGISTER_PROBE;
use crate::uapi::{IO_URING_OP_SUPPORTED, io_uring_probe, io_uring_probe_op};

/// The number of opcodes that the byte of an entry can name.
// kernel: io_uring/register.c __io_uring_register (7.3): a probe of more than 256 opcodes is EINVAL.
const OPCODES: usize = 256;

/// The kernel's answer about one opcode (`struct io_uring_probe_op`).
#[derive(Clone, Copy)]
#[repr(C)]
struct Opcode {
    number: u8,
    resv: u8,
    flags: u16,
    resv2: u32,
}

/// The opcodes that the running kernel has. [`Submitter::register_probe`] fills it.
///
/// Opcodes that this crate does not know are kept too.
///
/// The kernel's `struct io_uring_probe` is a header with a list of any length behind it. Here both are one structure of
/// 2,064 bytes, so that a reference to it covers everything that the kernel writes.
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
    /// Makes a probe that knows no opcode yet.
    #[must_use]
    pub const fn new() -> Self {
        let none = Opcode { number: 0, resv: 0, flags: 0, resv2: 0 };
        Self { last_op: 0, ops_len: 0, resv: 0, resv2: [0; 3], ops: [none; OPCODES] }
    }

    /// Returns whether the kernel has this opcode (`opcode::Read::CODE`, for example). A kernel can have an opcode and
    /// lack some of its flags.
    #[doc(alias = "io_uring_opcode_supported")]
    #[must_use]
    pub const fn is_supported(&self, opcode: u8) -> bool {
        // The list has 256 items, so that every `u8` is a valid index.
        self.ops[opcode as usize].flags & IO_URING_OP_SUPPORTED as u16 != 0
    }

    /// Returns the highest opcode number that the kernel knows.
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
    /// Lists the numbers of the supported opcodes.
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries((0..=u8::MAX).filter(|&opcode| self.is_supported(opcode))).finish()
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Asks the kernel which opcodes it has. The former contents of `probe` are lost. Since 5.6.
    ///
    /// # Errors
    ///
    /// `EINVAL`: the kernel can't be asked (before 5.6). `ENOMEM`: no memory.
    #[doc(alias = "IORING_REGISTER_PROBE")]
    #[doc(alias = "io_uring_register_probe")]
    #[doc(alias = "io_uring_get_probe_ring")]
    #[doc(alias = "io_uring_get_probe")]
    pub fn register_probe(&self, probe: &mut Probe) -> Result<(), Errno> {
        // kernel: io_uring/register.c io_probe (7.3): a probe that is not all zero is EINVAL.
        *probe = Probe::new();
        // SAFETY: header and list are one object, with as many items as the count states. The kernel may fill it with
        // any bits, since all fields are integers.
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
