//! Says which request the kernel lacks, for programs that fail because of that.
//!
//! A program asks only after it has failed, so that it makes no system call more where nothing is missing.

use bare_uring::register::Probe;
use bare_uring::{Errno, IoUring};

use crate::print::Line;

/// A request that a program needs. [`needs!`](crate::needs) makes them.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// The opcode.
    pub code: u8,
    /// The kernel's name of the opcode.
    pub name: &'static str,
    /// The first Linux that has the opcode.
    pub since: (u32, u32),
}

#[doc(hidden)]
pub use bare_uring::uapi::io_uring_op;
#[doc(hidden)]
pub use kernel_facts::since;

/// Makes a list of needs out of the kernel's names. The newest come first: the one that is named then tells the Linux
/// that is enough.
#[macro_export]
macro_rules! needs {
    ($($name:ident),+ $(,)?) => {
        &[$($crate::missing::Need {
            code: $crate::missing::io_uring_op::$name as u8,
            name: stringify!($name),
            since: $crate::missing::since::$name,
        }),+]
    };
}

/// Returns the first of the needs that the kernel lacks, on a ring of its own. `None` also if no ring can be made.
#[cold]
#[must_use]
pub fn first(needs: &[Need]) -> Option<Need> {
    let mut probe = Probe::new();
    let ring = IoUring::new(1).ok()?;
    let asked = ring.submitter().register_probe(&mut probe).is_ok();
    // A kernel without a probe is older than the probe, and so are all of its requests.
    let lacks =
        |need: &&Need| if asked { !probe.is_supported(need.code) } else { need.since >= since::IORING_REGISTER_PROBE };
    needs.iter().find(lacks).copied()
}

/// Prints what the kernel lacks, if a failure with this error comes from that, and tells whether it does. For example
/// `echo: this kernel has no IORING_OP_BIND (Linux 6.11)`.
pub fn explain(program: &str, errno: Errno, needs: &[Need]) -> bool {
    // Kernels refuse what they do not know with these.
    if !matches!(errno, Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EPERM) {
        return false;
    }
    let Some(Need { name, since: (major, minor), .. }) = first(needs) else { return false };
    Line::new()
        .text(program)
        .text(": this kernel has no ")
        .text(name)
        .text(" (Linux ")
        .number(major.into())
        .text(".")
        .number(minor.into())
        .text(")\n")
        .to_stderr();
    true
}
