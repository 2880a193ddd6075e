//! BPF filters: small programs that look at each request of one opcode, and allow or deny it.

use core::fmt;
use core::ptr::from_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::{
    IO_URING_BPF_CMD_FILTER, IO_URING_BPF_FILTER_DENY_REST, IO_URING_BPF_FILTER_SZ_STRICT, IORING_REGISTER_BPF_FILTER,
    io_uring_bpf, io_uring_bpf_filter, sock_filter,
};

/// One instruction of classic BPF (`struct sock_filter`).
///
/// The kernel takes loads of whole words from [`io_uring_bpf_ctx`](crate::uapi::io_uring_bpf_ctx), scratch memory,
/// arithmetic except the remainder, forward jumps and returns. A return of 0 denies the request; any other number
/// allows it.
// kernel: io_uring/bpf_filter.c io_uring_check_cbpf_filter (7.3): a load must be aligned to four bytes and lie within
// the context; BPF_MOD is not among the instructions.
#[doc(alias = "sock_filter")]
pub type Instruction = sock_filter;

/// A filter for one opcode.
///
/// ```
/// use bare_uring::register::{BpfFilter, Instruction};
///
/// const RETURN: u16 = 0x06; // BPF_RET | BPF_K
/// let never = [Instruction { code: RETURN, k: 0, ..Default::default() }];
/// let no_sockets = BpfFilter::new(45, &never);
/// # let _ = no_sockets;
/// ```
#[derive(Debug, Clone, Copy)]
#[doc(alias = "io_uring_bpf_filter")]
pub struct BpfFilter<'a> {
    opcode: u8,
    flags: u32,
    payload: u8,
    instructions: &'a [Instruction],
}

impl<'a> BpfFilter<'a> {
    /// Makes a filter of these instructions (1 to 4,096) for requests with this opcode.
    #[must_use]
    pub const fn new(opcode: u8, instructions: &'a [Instruction]) -> Self {
        Self { opcode, flags: 0, payload: 0, instructions }
    }

    /// Sets how many bytes of the opcode's own payload the instructions were written for: 12 for a socket, 24 for an
    /// open (7.0). The number is 0 at first. A kernel whose payload is shorter refuses the filter.
    #[must_use]
    pub const fn payload(mut self, bytes: u8) -> Self {
        self.payload = bytes;
        self
    }

    /// Denies all opcodes that have no filter, from now on.
    #[must_use]
    #[doc(alias = "IO_URING_BPF_FILTER_DENY_REST")]
    pub const fn deny_rest(mut self) -> Self {
        self.flags |= IO_URING_BPF_FILTER_DENY_REST;
        self
    }

    /// Makes a kernel whose payload is longer refuse the filter too.
    #[must_use]
    #[doc(alias = "IO_URING_BPF_FILTER_SZ_STRICT")]
    pub const fn strict_payload(mut self) -> Self {
        self.flags |= IO_URING_BPF_FILTER_SZ_STRICT;
        self
    }

    /// Makes the argument, and registers it by `call`, which hands it to the kernel.
    fn hand_over(&self, call: impl FnOnce(&mut io_uring_bpf) -> Result<u32, Errno>) -> Result<u8, BpfFilterError> {
        let length = u32::try_from(self.instructions.len()).map_err(|_| BpfFilterError::Kernel(Errno::EINVAL))?;
        let filter = io_uring_bpf_filter {
            opcode: u32::from(self.opcode),
            flags: self.flags,
            filter_len: length,
            pdu_size: self.payload,
            filter_ptr: self.instructions.as_ptr().expose_provenance() as u64,
            ..Default::default()
        };
        let mut argument = io_uring_bpf { cmd_type: IO_URING_BPF_CMD_FILTER, filter, ..Default::default() };
        // kernel: io_uring/bpf_filter.c io_bpf_filter_import (7.3): the kernel's own size of the payload is written
        // back in either case, and a wrong size is EMSGSIZE.
        match call(&mut argument) {
            Ok(_) => Ok(argument.filter.pdu_size),
            Err(Errno::EMSGSIZE) => Err(BpfFilterError::Payload { kernel: argument.filter.pdu_size }),
            Err(errno) => Err(BpfFilterError::Kernel(errno)),
        }
    }
}

/// Why a filter was not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BpfFilterError {
    /// The payload is not of the size that the filter was written for (`EMSGSIZE`).
    Payload {
        /// The size that the kernel has for this opcode.
        kernel: u8,
    },
    /// The kernel refused for another reason.
    ///
    /// `EINVAL`: an opcode, flag or instruction that the kernel does not know, a wrong number of instructions, or the
    /// kernel is older. `EACCES`: a filter for the task, without `no_new_privs` and without CAP_SYS_ADMIN. `ENOMEM`: no
    /// memory. `EFAULT`: instructions that the process does not have. `EBUSY`: the kernel was just releasing the
    /// inherited filters.
    Kernel(Errno),
}

impl fmt::Display for BpfFilterError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload { kernel } => write!(f, "the kernel's payload has {kernel} bytes"),
            Self::Kernel(errno) => write!(f, "the kernel refused: {errno}"),
        }
    }
}

impl core::error::Error for BpfFilterError {}

impl<K: Kernel> Submitter<'_, K> {
    /// Adds a filter to the ring, and returns the size of the payload that the kernel has for the opcode. Since 7.0.
    ///
    /// A denied request completes with `EACCES`. A filter cannot be removed or weakened: if an opcode has several
    /// filters, all of them must allow the request. The kernel copies the instructions during the call.
    ///
    /// # Errors
    ///
    /// [`BpfFilterError`] says what was refused.
    #[doc(alias = "IORING_REGISTER_BPF_FILTER")]
    #[doc(alias = "io_uring_register_bpf_filter")]
    pub fn register_bpf_filter(&self, filter: &BpfFilter<'_>) -> Result<u8, BpfFilterError> {
        filter.hand_over(|argument| {
            // SAFETY: the argument is the operation's own structure, which the kernel reads and writes during the call
            // only. The instructions that it names are borrowed meanwhile, and the kernel only reads them.
            unsafe { self.register(IORING_REGISTER_BPF_FILTER, from_mut(argument).cast(), 1) }
        })
    }
}

/// Adds a filter to the calling task, and returns the size of the payload that the kernel has for the opcode. The
/// filter applies to all rings that the task makes from now on. Its children inherit the filter. Since 7.0.
///
/// # Errors
///
/// [`BpfFilterError`] says what was refused.
#[doc(alias = "IORING_REGISTER_BPF_FILTER")]
#[doc(alias = "io_uring_register_bpf_filter_task")]
pub fn register_bpf_filter_task<K: Kernel>(kernel: &K, filter: &BpfFilter<'_>) -> Result<u8, BpfFilterError> {
    filter.hand_over(|argument| {
        // SAFETY: the argument is the operation's own structure, which the kernel reads and writes during the call
        // only. The instructions that it names are borrowed meanwhile, and the kernel only reads them.
        unsafe { kernel.register(-1, IORING_REGISTER_BPF_FILTER, from_mut(argument).cast(), 1) }
    })
}
