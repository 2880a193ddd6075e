//! Why a ring could not be made.

use core::fmt;

use super::Errno;
use crate::flags::SetupFlags;

/// Which of a ring's areas of memory is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Area {
    /// The heads, tails and flags, the completion entries and the index array.
    Rings,
    /// The submission entries.
    Sqes,
}

/// Which call of the kernel failed while a ring was set up.
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
/// All but [`Kernel`](Self::Kernel), [`Garbled`](Self::Garbled) and [`Unconsumed`](Self::Unconsumed) are found
/// before the kernel is asked. In every case nothing is left behind: no file descriptor and no mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// A queue of 0 entries was asked for.
    NoEntries,
    /// More entries than the kernel allows (32,768 submissions, 65,536 completions). Ask for fewer, or let
    /// `setup_clamp` cut the number.
    TooManyEntries {
        /// What was asked for.
        entries: u32,
        /// What the kernel allows.
        limit: u32,
    },
    /// The completion queue would be smaller than the submission queue (both rounded up to powers of two).
    CqSmallerThanSq {
        /// Submission entries, rounded up.
        sq: u32,
        /// Completion entries, rounded up.
        cq: u32,
    },
    /// A mixed queue needs at least two entries; a mixed submission queue four, since a large entry at the end of the
    /// array takes a filler and two slots.
    TooFewForMixed,
    /// These two flags exclude each other.
    Conflict(SetupFlags, SetupFlags),
    /// The first flag works only together with (one of) the second.
    Needs(SetupFlags, SetupFlags),
    /// These flags follow from the entry types or from the way in which the ring is built, and can't be set by hand.
    NotByHand(SetupFlags),
    /// The memory provided is shorter than the kernel would write.
    TooShort {
        /// Which area.
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
    /// The ring taken over still holds submissions that its kernel has not consumed, through an index array of
    /// unknown content.
    Unconsumed,
    /// The kernel refused.
    ///
    /// | errno of [`Call::Setup`] | meaning, and what to do |
    /// |--|--|
    /// | `ENOSYS` | no io_uring in this kernel, or hidden by seccomp: use another way of I/O |
    /// | `EPERM` | switched off (sysctl `kernel.io_uring_disabled`), or SQPOLL without privilege before 5.11; or as the next |
    /// | `EACCES`, `EOPNOTSUPP` | forbidden by whoever runs the program: a security module, or a filter of a container (which can give any errno) |
    /// | `EINVAL` | a flag that this kernel does not know, or a combination that it refuses; memory not aligned to its pages; `setup_attach_wq` with an fd that is no ring |
    /// | `ENXIO` | `setup_attach_wq` with an fd that is closed |
    /// | `EMFILE`, `ENFILE` | no file descriptor left, in the process or in the system |
    /// | `ENOMEM` | out of memory, or above RLIMIT_MEMLOCK (without CAP_IPC_LOCK) |
    /// | `EFAULT` | memory provided that the process does not have |
    Kernel(Call, Errno),
}

impl SetupError {
    /// The errno that says the same: the kernel's where it was the kernel that refused, `EINVAL` for what no kernel would take,
    /// `EBUSY` for [`Unconsumed`](Self::Unconsumed), `EPROTO` for [`Garbled`](Self::Garbled).
    ///
    /// For programs that hand on an [`Errno`]. Who wants to know whether to do without io_uring asks
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

    /// Whether no ring is to be had here, however it is asked for: io_uring is missing, switched off, or forbidden (`ENOSYS`,
    /// `EPERM`, `EACCES` and `EOPNOTSUPP` of set-up). A program falls back to another way of I/O then; all else is either a
    /// mistake in what it asked for, or a lack that may pass (memory, descriptors).
    ///
    /// Before 5.11 `EPERM` is also what SQPOLL gives without privilege: a program that asks for that tries without it first.
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
    #[must_use]
    pub const fn is_unavailable(self) -> bool {
        matches!(self, Self::Kernel(Call::Setup, Errno::ENOSYS | Errno::EPERM | Errno::EACCES | Errno::EOPNOTSUPP))
    }
}

/// The kernel's errno where there is one; otherwise an error of the kind `InvalidInput` that holds this one.
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

    /// What the errno says at this place, where the name alone misleads.
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
