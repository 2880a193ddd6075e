//! The small types that requests, waits and registrations are made of.

mod cancel;
mod epoll;
mod futex;
mod msghdr;
mod recvmsg;
mod sockaddr;
mod submit_args;
mod wait_id;

use core::time::Duration;

pub use crate::flags::net::{AddressFamily, EpollOp, MsgFlags, ShutdownHow, SocketFlags, SocketType};
pub use crate::flags::{
    AtFlags, AttrTypes, CancelFlags, CloneBuffersFlags, FallocateFlags, FileAdvice, FixedFdFlags, FsyncFlags,
    IntegrityFlags, MemoryAdvice, NopFlags, OpenFlags, PollEvents, PollFlags, RenameFlags, ResolveFlags, RwFlags,
    SpliceFlags, StatxMask, SyncFileRangeFlags, TimeoutFlags, XattrFlags,
};
use crate::uapi;
pub use cancel::CancelBuilder;
pub use epoll::EpollEvent;
pub use futex::{FutexFlags, FutexWaitV};
pub use msghdr::MsgHdr;
pub use recvmsg::RecvMsgOut;
pub use sockaddr::{SockAddr, SockAddrStorage};
pub use submit_args::SubmitArgs;
pub use wait_id::{IdType, SigInfo, WaitOptions};

/// What a [`Statx`](crate::opcode::Statx) request fills (`struct statx`).
pub use linux_raw_sys::general::statx as StatxBuffer;

/// A file descriptor as the kernel knows it: an `int`.
pub type RawFd = i32;

pub(crate) mod sealed {
    use super::{Fd, Fixed};

    /// A file that a request acts on.
    #[derive(Debug, Clone, Copy)]
    pub enum Target {
        /// A file descriptor of the process.
        Fd(Fd),
        /// An index into the ring's registered files.
        Fixed(Fixed),
    }

    /// Requests that take a file descriptor only.
    pub trait UseFd {
        fn into_fd(self) -> Fd;
    }

    /// Requests that take a registered file as well.
    pub trait UseFixed {
        fn into_target(self) -> Target;
    }
}

/// A file descriptor of the process.
///
/// The type is a number, not an owner. The kernel looks the number up when the request starts, and until then the number must
/// mean the same file. A request starts at its submission, with SQPOLL some time later, and with `ASYNC`, behind a link (since
/// 5.17) or behind a drain at any later time before its completion.
// kernel: io_uring/io_uring.c io_assign_file, io_issue_sqe, io_wq_submit_work (7.3): the file is looked up when the request
// is first issued, by the task or by a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Fd(pub RawFd);

impl Fd {
    /// `AT_FDCWD`: paths start from the working directory.
    pub const CWD: Self = Self(linux_raw_sys::general::AT_FDCWD);
}

/// Converts a pointer to an address as requests carry it: zero-extended to 64 bits, as the kernel reads it on every
/// architecture. Exposes the pointer's provenance, because the kernel goes by the number.
#[inline(always)]
pub(crate) fn address<T: ?Sized>(pointer: *const T) -> u64 {
    pointer.expose_provenance() as u64
}

/// An index into the files registered with the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Fixed(pub u32);

impl sealed::UseFd for Fd {
    #[inline]
    fn into_fd(self) -> Fd {
        self
    }
}

impl sealed::UseFixed for Fd {
    #[inline]
    fn into_target(self) -> sealed::Target {
        sealed::Target::Fd(self)
    }
}

impl sealed::UseFixed for Fixed {
    #[inline]
    fn into_target(self) -> sealed::Target {
        sealed::Target::Fixed(self)
    }
}

#[cfg(feature = "std")]
impl From<&std::os::fd::OwnedFd> for Fd {
    fn from(fd: &std::os::fd::OwnedFd) -> Self {
        Self(std::os::fd::AsRawFd::as_raw_fd(fd))
    }
}

#[cfg(feature = "std")]
impl From<std::os::fd::BorrowedFd<'_>> for Fd {
    fn from(fd: std::os::fd::BorrowedFd<'_>) -> Self {
        Self(std::os::fd::AsRawFd::as_raw_fd(&fd))
    }
}

/// Where a request puts the file that it makes: at an index of the registered files (`sqe->file_index`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DestinationSlot(u32);

impl DestinationSlot {
    /// Lets the kernel choose a free index; the completion's result is the index. Since 6.0.
    #[doc(alias = "IORING_FILE_INDEX_ALLOC")]
    pub const ALLOCATE: Self = Self(u32::MAX);

    /// Names the index, which must lie within the registered files. Returns `None` for the two largest numbers, which the kernel's
    /// encoding cannot express.
    // kernel: io_uring/filetable.c __io_fixed_fd_install (7.3): the field is the number plus one, and its largest value asks
    // for a free index.
    #[must_use]
    pub const fn at(index: u32) -> Option<Self> {
        match index {
            0..=0xffff_fffd => Some(Self(index + 1)),
            _ => None,
        }
    }

    /// Returns the value of `sqe->file_index`.
    #[must_use]
    pub(crate) const fn encoded(self) -> u32 {
        self.0
    }
}

/// A span or a point of time, with 64-bit fields on every architecture (`struct __kernel_timespec`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[doc(alias = "__kernel_timespec")]
#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

impl Timespec {
    /// No time at all.
    pub const ZERO: Self = Self::new(0, 0);

    /// Takes seconds and nanoseconds. 1,000,000,000 nanoseconds or more count as whole seconds. A timeout request with negative
    /// seconds fails with `EINVAL` (before 5.16 it never ended); a wait takes them for a time that has passed.
    // kernel: io_uring/timeout.c io_parse_user_time (7.3): only negative values are EINVAL; seconds and nanoseconds are added up.
    // kernel: io_uring/wait.c io_cqring_wait (7.3): the values are added up, and not checked.
    #[must_use]
    pub const fn new(seconds: i64, nanoseconds: u32) -> Self {
        Self { seconds, nanoseconds: nanoseconds as i64 }
    }

    /// Takes the two numbers as the kernel wrote them.
    pub(crate) const fn of_kernel(seconds: i64, nanoseconds: i64) -> Self {
        Self { seconds, nanoseconds }
    }

    /// Divides this span, rounded down.
    pub(crate) const fn divided_by(self, parts: u32) -> Self {
        let (seconds, rest) = (self.seconds / parts as i64, self.seconds % parts as i64);
        // The rest is less than `parts` seconds, which fit as nanoseconds.
        Self { seconds, nanoseconds: (rest * 1_000_000_000 + self.nanoseconds) / parts as i64 }
    }

    /// Returns the whole seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Returns the nanoseconds beyond the whole seconds.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.nanoseconds
    }
}

impl From<Duration> for Timespec {
    /// Converts a duration. A duration too long for the kernel becomes the longest that the type holds.
    fn from(duration: Duration) -> Self {
        Self::new(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), duration.subsec_nanos())
    }
}

/// A set of signals in the kernel's form, which has 8 bytes. The C library's `sigset_t` is longer.
///
/// Signal n is bit n - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Sigset(pub u64);

impl Sigset {
    /// The size that the kernel checks, in bytes (`_NSIG / 8`).
    // kernel: kernel/signal.c set_user_sigmask (6.12.117): another size is EINVAL.
    pub const SIZE: u32 = 8;

    /// No signal.
    pub const EMPTY: Self = Self(0);

    /// Adds `signal` (1 to 64); other numbers change nothing.
    #[must_use]
    pub const fn with(self, signal: u32) -> Self {
        match signal {
            1..=64 => Self(self.0 | 1 << (signal - 1)),
            _ => self,
        }
    }
}

/// A piece of memory for vectored reads and writes and for registered buffers (`struct iovec`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "iovec")]
#[repr(C)]
pub struct IoVec {
    /// First byte.
    pub base: *mut u8,
    /// Number of bytes.
    pub len: usize,
}

impl IoVec {
    /// Describes the `len` bytes that start at `base`.
    #[must_use]
    pub const fn new(base: *mut u8, len: usize) -> Self {
        Self { base, len }
    }
}

/// How [`OpenAt2`](crate::opcode::OpenAt2) opens (`struct open_how`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[doc(alias = "open_how")]
#[repr(C)]
pub struct OpenHow {
    /// `O_*`. Unlike in `openat(2)`, unknown bits are refused (`EINVAL`).
    // kernel: fs/open.c build_open_flags (6.12.117): unknown flags, unknown bits of `resolve`, and a mode without a file that is
    // created are EINVAL.
    pub flags: u64,
    /// Permission bits of the file if one is created; otherwise it must be 0.
    pub mode: u64,
    /// `RESOLVE_*`.
    pub resolve: u64,
}

impl OpenHow {
    /// Opens for reading, without restriction.
    #[must_use]
    pub const fn new() -> Self {
        Self { flags: 0, mode: 0, resolve: 0 }
    }

    /// Sets the `O_*` flags.
    #[must_use]
    pub const fn flags(mut self, flags: OpenFlags) -> Self {
        self.flags = flags.0 as u64;
        self
    }

    /// Sets the permission bits of a file that is created.
    #[must_use]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.mode = mode as u64;
        self
    }

    /// Sets how the path is followed.
    #[must_use]
    pub const fn resolve(mut self, resolve: ResolveFlags) -> Self {
        self.resolve = resolve.0 as u64;
        self
    }
}

/// Protection information for a read or write (`struct io_uring_attr_pi`). Since 6.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "io_uring_attr_pi")]
#[repr(C)]
pub struct AttrPi {
    flags: u16,
    app_tag: u16,
    len: u32,
    addr: u64,
    seed: u64,
    rsvd: u64,
}

impl AttrPi {
    // kernel: io_uring/rw.c io_prep_rw_pi (7.3): the structure is copied at submission; a reserved word other than 0 is EINVAL.
    /// Describes the `len` bytes of protection information at `buf`. A write reads them, a read writes them.
    #[must_use]
    pub fn new(buf: *mut u8, len: u32) -> Self {
        Self { flags: 0, app_tag: 0, len, addr: address(buf), seed: 0, rsvd: 0 }
    }

    /// Sets what is checked.
    #[must_use]
    pub const fn flags(mut self, flags: IntegrityFlags) -> Self {
        self.flags = flags.bits();
        self
    }

    /// Sets the application tag.
    #[must_use]
    pub const fn app_tag(mut self, tag: u16) -> Self {
        self.app_tag = tag;
        self
    }

    /// Sets the reference tag of the first block.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

const _: () = {
    use linux_raw_sys::general::open_how;
    use uapi::io_uring_attr_pi;

    assert!(size_of::<OpenHow>() == 24 && size_of::<OpenHow>() == size_of::<open_how>());
    assert!(core::mem::offset_of!(OpenHow, flags) == core::mem::offset_of!(open_how, flags));
    assert!(core::mem::offset_of!(OpenHow, mode) == core::mem::offset_of!(open_how, mode));
    assert!(core::mem::offset_of!(OpenHow, resolve) == core::mem::offset_of!(open_how, resolve));
    assert!(size_of::<AttrPi>() == 32 && size_of::<AttrPi>() == size_of::<io_uring_attr_pi>());
    assert!(core::mem::offset_of!(AttrPi, flags) == core::mem::offset_of!(io_uring_attr_pi, flags));
    assert!(core::mem::offset_of!(AttrPi, app_tag) == core::mem::offset_of!(io_uring_attr_pi, app_tag));
    assert!(core::mem::offset_of!(AttrPi, len) == core::mem::offset_of!(io_uring_attr_pi, len));
    assert!(core::mem::offset_of!(AttrPi, addr) == core::mem::offset_of!(io_uring_attr_pi, addr));
    assert!(core::mem::offset_of!(AttrPi, seed) == core::mem::offset_of!(io_uring_attr_pi, seed));
    assert!(core::mem::offset_of!(AttrPi, rsvd) == core::mem::offset_of!(io_uring_attr_pi, rsvd));
};

const _: () = {
    use core::mem::{offset_of, size_of};
    use linux_raw_sys::general::iovec;

    assert!(size_of::<Timespec>() == size_of::<uapi::__kernel_timespec>());
    assert!(offset_of!(Timespec, seconds) == offset_of!(uapi::__kernel_timespec, tv_sec));
    assert!(offset_of!(Timespec, nanoseconds) == offset_of!(uapi::__kernel_timespec, tv_nsec));
    assert!(size_of::<IoVec>() == size_of::<iovec>());
    assert!(offset_of!(IoVec, base) == offset_of!(iovec, iov_base));
    assert!(offset_of!(IoVec, len) == offset_of!(iovec, iov_len));
    assert!(size_of::<Sigset>() == Sigset::SIZE as usize);
};

#[cfg(test)]
mod tests {
    use super::{DestinationSlot, Sigset, Timespec};
    use core::time::Duration;

    #[test]
    fn a_slot_is_encoded_as_its_number_plus_one_and_never_wraps() {
        assert_eq!(DestinationSlot::at(0).map(DestinationSlot::encoded), Some(1));
        assert_eq!(DestinationSlot::at(u32::MAX - 2).map(DestinationSlot::encoded), Some(u32::MAX - 1));
        assert_eq!(DestinationSlot::at(u32::MAX - 1), None);
        assert_eq!(DestinationSlot::at(u32::MAX), None);
        assert_eq!(DestinationSlot::ALLOCATE.encoded(), u32::MAX);
    }

    #[test]
    fn a_signal_is_its_bit() {
        assert_eq!(Sigset::EMPTY.with(1).with(64), Sigset(1 | 1 << 63));
        assert_eq!(Sigset::EMPTY.with(0).with(65), Sigset::EMPTY);
    }

    /// The rest of whole seconds goes to the nanoseconds.
    #[test]
    fn parts_of_a_time_are_whole() {
        assert_eq!(Timespec::new(7, 501).divided_by(2), Timespec::new(3, 500_000_250));
        assert_eq!(Timespec::new(0, 999_999_999).divided_by(16), Timespec::new(0, 62_499_999));
        assert_eq!(Timespec::new(i64::MAX, 0).divided_by(2), Timespec::new(i64::MAX / 2, 500_000_000));
    }

    #[test]
    fn a_duration_too_long_becomes_the_longest() {
        assert_eq!(Timespec::from(Duration::MAX), Timespec::new(i64::MAX, 999_999_999));
        assert_eq!(Timespec::from(Duration::new(3, 7)), Timespec::new(3, 7));
    }
}
