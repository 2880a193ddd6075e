//! Why a ring could not be made.

use core::fmt;

use super::Errno;
use crate::flags::SetupFlags;

/// One of a ring's areas of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Area {
    /// The heads, tails and flags, the completion entries and the index array.
    Rings,
    /// The submission entries.
    Sqes,
}

/// The kernel call that failed while a ring was set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// `io_uring_setup(2)`.
    Setup,
    /// `mmap(2)` of a part of the ring.
    Map,
    /// `madvise(2)` with `MADV_DONTFORK`.
    KeepFromFork,
}

/// Why a ring could not be made.
///
/// All except [`Kernel`](Self::Kernel), [`Garbled`](Self::Garbled) and [`Unconsumed`](Self::Unconsumed) are found
/// before the kernel is called. In every case nothing is left behind: no file descriptor and no mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// A queue of 0 entries was asked for.
    NoEntries,
    /// More entries than the kernel allows (32,768 submissions, 65,536 completions). Ask for fewer, or let
    /// `setup_clamp` cut the number.
    TooManyEntries {
        /// The number that was asked for.
        entries: u32,
        /// The number that the kernel allows.
        limit: u32,
    },
    /// The completion queue would be smaller than the submission queue (both rounded up to powers of two).
    CqSmallerThanSq {
        /// Submission entries, rounded up.
        sq: u32,
        /// Completion entries, rounded up.
        cq: u32,
    },
    /// A mixed queue has too few entries: it needs at least two, and a mixed submission queue needs four, because a
    /// large entry at the end of the array takes a filler and two slots.
    TooFewForMixed,
    /// Two flags exclude each other.
    Conflict(SetupFlags, SetupFlags),
    /// The first flag works only together with the second (or with one of them).
    Needs(SetupFlags, SetupFlags),
    /// Flags were set by hand that follow from the entry types, or from the way in which the ring is built.
    NotByHand(SetupFlags),
    /// The memory provided is shorter than what the kernel would write.
    TooShort {
        /// The area.
        area: Area,
        /// Bytes that this ring needs.
        needed: usize,
        /// Bytes that were given.
        given: usize,
    },
    /// The memory provided does not start at a page.
    Unaligned(Area),
    /// Offsets, sizes or masks that the kernel reported do not fit the ring's memory.
    Garbled,
    /// The ring that was taken over still holds submissions that its kernel has not consumed, through an index array of
    /// unknown content.
    Unconsumed,
    /// The kernel refused the ring.
    ///
    /// | errno of [`Call::Setup`] | meaning, and what to do |
    /// |--|--|
    /// | `ENOSYS` | no io_uring in this kernel, or hidden by seccomp: use another way of I/O |
    /// | `EPERM` | switched off (sysctl `kernel.io_uring_disabled`), or SQPOLL without privilege before 5.11; or forbidden, as in the next row |
    /// | `EACCES`, `EOPNOTSUPP` | forbidden by the system that runs the program: a security module, or a filter of a container (which can return any errno) |
    /// | `EINVAL` | a flag that this kernel does not know, or a combination that it refuses; memory not aligned to its pages; `setup_attach_wq` with an fd that is no ring |
    /// | `ENXIO` | `setup_attach_wq` with an fd that is closed |
    /// | `EMFILE`, `ENFILE` | no file descriptor left, in the process or in the system |
    /// | `ENOMEM` | out of memory, or above RLIMIT_MEMLOCK (without CAP_IPC_LOCK) |
    /// | `EFAULT` | memory provided that the process does not have |
    Kernel(Call, Errno),
}

impl SetupError {
    /// Returns the errno that says the same: the kernel's errno where the kernel refused, `EBUSY` for
    /// [`Unconsumed`](Self::Unconsumed), `EPROTO` for [`Garbled`](Self::Garbled), and `EINVAL` for everything that no
    /// kernel would take.
    ///
    /// Use it in programs that pass on an [`Errno`]. To decide whether to do without io_uring, ask
    /// [`is_unavailable`](Self::is_unavailable).
    #[must_use]
    pub const fn errno(self) -> Errno {
        match self {
            Self::Kernel(_, errno) => errno,
            Self::Garbled => Errno::EPROTO,
            Self::Unconsumed => Errno::EBUSY,
            _ => Errno::EINVAL,
        }
    }

    /// Returns whether no ring can be made here at all: io_uring is missing, switched off, or forbidden (`ENOSYS`,
    /// `EPERM`, `EACCES` and `EOPNOTSUPP` of set-up). A program then falls back to another way of I/O. Any other error
    /// is either a mistake in what was asked for, or a shortage that may pass (memory, descriptors).
    ///
    /// Before 5.11, `EPERM` is also the error of SQPOLL without privilege: a program that asks for SQPOLL should first
    /// try without it.
    ///
    /// ```
    /// use bare_uring::{Call, Errno, IoUring, SetupError};
    ///
    /// match IoUring::new(8) {
    ///     Ok(ring) => drop(ring),
    ///     Err(error) if error.is_unavailable() => println!("without io_uring: {error}"),
    ///     Err(error) => panic!("{error}"),
    /// }
    /// assert!(SetupError::Kernel(Call::Setup, Errno::EACCES).is_unavailable());
    /// assert!(!SetupError::Kernel(Call::Setup, Errno::ENOMEM).is_unavailable());
    /// ```
    // kernel: io_uring/io_uring.c io_uring_allowed (6.12.117): `EPERM` where the sysctl forbids rings to everybody, or
    // to every process without CAP_SYS_ADMIN outside of the group that another sysctl names.
    #[must_use]
    pub const fn is_unavailable(self) -> bool {
        matches!(self, Self::Kernel(Call::Setup, Errno::ENOSYS | Errno::EPERM | Errno::EACCES | Errno::EOPNOTSUPP))
    }
}

/// Converts to the kernel's errno where there is one, and otherwise to an error of the kind `InvalidInput` that holds
/// this error.
#[cfg(feature = "std")]
impl From<SetupError> for std::io::Error {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Kernel(_, errno) => Self::from(errno),
            _ => Self::new(std::io::ErrorKind::InvalidInput, error),
        }
    }
}

impl fmt::Display for SetupError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoEntries => f.write_str("a queue needs at least one entry"),
            Self::TooManyEntries { entries, limit } => {
                write!(f, "{entries} entries are more than the kernel's limit of {limit}")
            }
            Self::CqSmallerThanSq { sq, cq } => {
                write!(f, "the completion queue of {cq} is smaller than the submission queue of {sq}")
            }
            Self::TooFewForMixed => f.write_str("a mixed queue needs at least two entries"),
            Self::Conflict(a, b) => write!(f, "{a:?} and {b:?} exclude each other"),
            Self::Needs(a, b) => write!(f, "{a:?} needs {b:?}"),
            Self::NotByHand(flags) => write!(f, "{flags:?} can't be set by hand"),
            Self::TooShort { area, needed, given } => {
                write!(f, "{given} bytes are too short for {area:?}, which needs {needed}")
            }
            Self::Unaligned(area) => write!(f, "the memory for {area:?} does not start at a page"),
            Self::Garbled => f.write_str("the kernel reported offsets that do not fit the ring's memory"),
            Self::Unconsumed => f.write_str("the ring holds submissions that were not consumed"),
            Self::Kernel(call, errno) => write!(f, "{} failed: {errno}{}", call.c_name(), call.hint(errno)),
        }
    }
}

impl core::error::Error for SetupError {}

impl Call {
    const fn c_name(self) -> &'static str {
        match self {
            Self::Setup => "io_uring_setup",
            Self::Map => "mmap",
            Self::KeepFromFork => "madvise",
        }
    }

    /// Returns what the errno means for this call, where its name alone misleads.
    const fn hint(self, errno: Errno) -> &'static str {
        match (self, errno) {
            (Self::Setup, Errno::ENOSYS) => " (no io_uring in this kernel, or hidden by seccomp)",
            (Self::Setup, Errno::EPERM) => " (io_uring is switched off here: sysctl kernel.io_uring_disabled)",
            (Self::Setup, Errno::EACCES | Errno::EOPNOTSUPP) => " (io_uring is forbidden here)",
            (Self::Setup, Errno::EINVAL) => " (this kernel does not know a flag, or refuses the combination)",
            (Self::Setup, Errno::ENOMEM) => " (out of memory, or above RLIMIT_MEMLOCK)",
            _ => "",
        }
    }
}
