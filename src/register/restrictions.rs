//! Restrictions: which requests and registrations a ring, or every ring of a task, may use.

use core::mem::{offset_of, size_of};
use core::ptr::from_mut;

use super::raw::without_ring;
use super::resource;
use crate::error::Errno;
use crate::flags::SqeFlags;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_register_op::IORING_REGISTER_RESTRICTIONS;
use crate::uapi::io_uring_register_restriction_op as Kind;
use crate::uapi::{io_uring_restriction, io_uring_task_restriction};

/// One operation, opcode or set of flags that is allowed or required (`struct io_uring_restriction`). Everything that
/// no restriction names is forbidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "io_uring_restriction")]
#[repr(C)]
pub struct Restriction {
    kind: u16,
    /// An operation, an opcode, or flags.
    value: u8,
    resv: u8,
    resv2: [u32; 3],
}

impl Restriction {
    /// Allows a registration (`IORING_REGISTER_*`).
    #[doc(alias = "IORING_RESTRICTION_REGISTER_OP")]
    #[must_use]
    pub const fn register_op(operation: u8) -> Self {
        Self::new(Kind::IORING_RESTRICTION_REGISTER_OP, operation)
    }

    /// Allows requests with this opcode (`opcode::Read::CODE`, for example).
    #[doc(alias = "IORING_RESTRICTION_SQE_OP")]
    #[must_use]
    pub const fn sqe_op(opcode: u8) -> Self {
        Self::new(Kind::IORING_RESTRICTION_SQE_OP, opcode)
    }

    /// Allows these flags in requests. Required flags are allowed in any case. Of several such restrictions the last
    /// one counts.
    #[doc(alias = "IORING_RESTRICTION_SQE_FLAGS_ALLOWED")]
    #[must_use]
    pub const fn sqe_flags_allowed(flags: SqeFlags) -> Self {
        Self::new(Kind::IORING_RESTRICTION_SQE_FLAGS_ALLOWED, flags.bits())
    }

    /// Requires these flags in every request. Of several such restrictions the last one counts.
    #[doc(alias = "IORING_RESTRICTION_SQE_FLAGS_REQUIRED")]
    #[must_use]
    pub const fn sqe_flags_required(flags: SqeFlags) -> Self {
        Self::new(Kind::IORING_RESTRICTION_SQE_FLAGS_REQUIRED, flags.bits())
    }

    const fn new(kind: Kind, value: u8) -> Self {
        Self { kind: kind as u16, value, resv: 0, resv2: [0; 3] }
    }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Restricts the ring from the moment when it is [enabled](Self::register_enable_rings). A request that is not
    /// allowed completes with `EACCES`; a registration that is not allowed fails with `EACCES`. Since 5.10.
    ///
    /// A ring can be restricted once, while it is still disabled, and the restrictions can't be removed. An empty list
    /// forbids everything. Before 7.0, a list without registrations forbids all registrations, and a list without
    /// requests forbids all requests. Since 7.0, such a list leaves the kind that it does not mention unrestricted.
    ///
    /// # Errors
    ///
    /// `EBADFD`: the ring is not disabled (any more). `EBUSY`: the ring has restrictions already. `EINVAL`: an
    /// operation or opcode that the kernel does not know, or more restrictions than the kernel has operations and
    /// opcodes together. `ENOMEM`: no memory.
    #[doc(alias = "IORING_REGISTER_RESTRICTIONS")]
    #[doc(alias = "io_uring_register_restrictions")]
    pub fn register_restrictions(&self, restrictions: &[Restriction]) -> Result<(), Errno> {
        let count = resource::count(restrictions.len())?;
        let first = restrictions.as_ptr().cast_mut().cast();
        // kernel: io_uring/register.c io_parse_restrictions (7.3): requests and registrations are restricted apart,
        // each kind if the list has an item of it, and both if the list is empty.
        // kernel: io_uring/register.c io_register_restrictions (7.3): after an error the ring has no restrictions.
        // SAFETY: `first` and `count` describe the slice, which the kernel reads during the call only.
        unsafe { self.register(IORING_REGISTER_RESTRICTIONS as u32, first, count) }.map(drop)
    }
}

/// Restrictions for [`restrict_task`]: the kernel's header and, behind it, `N` restrictions (`struct
/// io_uring_task_restriction`).
#[derive(Debug, Clone, Copy)]
#[doc(alias = "io_uring_task_restriction")]
#[repr(C)]
pub struct TaskRestrictions<const N: usize> {
    head: io_uring_task_restriction,
    list: [Restriction; N],
}

impl<const N: usize> TaskRestrictions<N> {
    /// Makes the structure from a list of restrictions. More than 65,535 do not compile.
    #[must_use]
    pub const fn new(list: [Restriction; N]) -> Self {
        const { assert!(N <= u16::MAX as usize, "the kernel counts them with 16 bits") };
        Self { head: io_uring_task_restriction { flags: 0, nr_res: N as u16, resv: [0; 3] }, list }
    }
}

/// Restricts every ring that the calling task, or a child that it forks later, makes from now on. Since 7.0.
///
/// A task can be restricted once, and the restrictions can't be removed. Forbidden requests and registrations end in
/// `EACCES`, as with [`Submitter::register_restrictions`].
///
/// ```no_run
/// use bare_uring::register::{Restriction, TaskRestrictions, restrict_task};
/// use bare_uring::{Linux, opcode};
///
/// let only = [Restriction::sqe_op(opcode::Read::CODE), Restriction::sqe_op(opcode::Write::CODE)];
/// restrict_task(&Linux, TaskRestrictions::new(only))?;
/// # Ok::<(), bare_uring::Errno>(())
/// ```
///
/// # Errors
///
/// `EPERM`: the task is restricted already. `EACCES`: it has neither `no_new_privs` set (`prctl(2)`) nor
/// CAP_SYS_ADMIN. `EINVAL`: an operation or opcode that the kernel does not know, too many restrictions, or a kernel
/// before 7.0. `ENOMEM`: no memory.
#[doc(alias = "IORING_REGISTER_RESTRICTIONS")]
pub fn restrict_task<K: Kernel, const N: usize>(
    kernel: &K,
    mut restrictions: TaskRestrictions<N>,
) -> Result<(), Errno> {
    let address = from_mut(&mut restrictions).cast();
    // kernel: io_uring/register.c io_register_restrictions_task (7.3): a second call is EPERM; without no_new_privs and
    // CAP_SYS_ADMIN it is EACCES; the header's reserved words must be 0.
    // SAFETY: header and list are one object, alive, and read during the call only. The header states the list's length.
    unsafe { without_ring(kernel, IORING_REGISTER_RESTRICTIONS as u32, address, 1) }.map(drop)
}

const _: () = {
    assert!(size_of::<Restriction>() == 16);
    assert!(size_of::<Restriction>() == size_of::<io_uring_restriction>());
    assert!(offset_of!(Restriction, kind) == offset_of!(io_uring_restriction, opcode));
    assert!(offset_of!(Restriction, value) == offset_of!(io_uring_restriction, __bindgen_anon_1));
    assert!(offset_of!(TaskRestrictions<2>, list) == size_of::<io_uring_task_restriction>());
    assert!(size_of::<TaskRestrictions<2>>() == 48);
};
