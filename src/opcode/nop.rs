//! Doing nothing.

use crate::flags::NopFlags;
use crate::squeue::{Entry, Entry128, LargeEntry};
use crate::types::Timespec;
use crate::types::sealed::{Target, UseFixed};
use crate::uapi::IORING_OP_NOP128;
use crate::uapi::io_uring_op::IORING_OP_NOP;

/// What both sizes of nop can be asked for.
macro_rules! nothing {
    ($name:ident) => {
        impl $name {
            /// A request that does nothing.
            #[inline]
            #[must_use]
            pub const fn new() -> Self {
                // No descriptor is looked at unless `file` names one; an entry of zeroes takes fewer instructions to write.
                Self(Entry { fd: 0, ..Entry::new(Self::CODE) })
            }

            /// Completes with this result instead of 0. A negative one fails the request, and the links behind it.
            /// Since 6.10; `EINVAL` before.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_NOP_INJECT_RESULT")]
            pub const fn result(mut self, result: i32) -> Self {
                self.0.op_flags |= NopFlags::INJECT_RESULT.bits();
                self.0.len = result.cast_unsigned();
                self
            }

            /// Looks this file up on the way, as other requests do. Since 6.13.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_NOP_FILE")]
            #[doc(alias = "IORING_NOP_FIXED_FILE")]
            pub fn file(mut self, fd: impl UseFixed) -> Self {
                let (by, fd) = match fd.into_target() {
                    Target::Fd(fd) => (NopFlags::FILE, fd.0),
                    // The kernel reads the number back as unsigned.
                    Target::Fixed(slot) => (NopFlags::FILE.union(NopFlags::FIXED_FILE), slot.0.cast_signed()),
                };
                let others = self.0.op_flags & !NopFlags::FIXED_FILE.bits();
                self.0.op_flags = others | by.bits();
                self.0.fd = fd;
                self
            }

            /// Looks this registered buffer up on the way. Since 6.13.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_NOP_FIXED_BUFFER")]
            pub const fn fixed_buffer(mut self, buf_index: u16) -> Self {
                self.0.op_flags |= NopFlags::FIXED_BUFFER.bits();
                self.0.buf_index = buf_index;
                self
            }

            /// Completes by task work, as a request that had to wait. Since 6.17.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_NOP_TW")]
            pub const fn task_work(mut self) -> Self {
                self.0.op_flags |= NopFlags::TW.bits();
                self
            }

            /// Completes with 32 bytes, of which these are the last 16. Since 6.18, on a ring that has such
            /// completions; `EINVAL` elsewhere.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_NOP_CQE32")]
            pub const fn big(mut self, big: [u64; 2]) -> Self {
                self.0.op_flags |= NopFlags::CQE32.bits();
                [self.0.off, self.0.addr] = big;
                self
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}

/// Does nothing, and completes with 0. For measuring, and for waking whoever waits.
///
/// Since 5.1. Points to nothing.
///
/// ```
/// use bare_uring::opcode;
///
/// let wake = opcode::Nop::new().build().user_data(1);
/// let failure = opcode::Nop::new().result(-5).build().user_data(2);
/// # let _ = (wake, failure);
/// ```
///
/// # Completion
///
/// 0, or what [`result`](Self::result) says. `EBADF`, `EFAULT`: no such file or registered buffer (before 7.1 and its
/// stable backports the request fails then, and yet completes with its result). `EINVAL`: a flag that the kernel does
/// not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_NOP")]
#[doc(alias = "io_uring_prep_nop")]
#[repr(transparent)]
pub struct Nop(Entry);

request!(Nop, IORING_OP_NOP);
nothing!(Nop);

impl Nop {
    /// A request that only keeps a timespec in the ring's memory, [`TIMESPEC`](Self::TIMESPEC) bytes into its entry.
    pub(crate) const fn carrying(timespec: Timespec) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.off = timespec.seconds().cast_unsigned();
        entry.addr = timespec.nanoseconds().cast_unsigned();
        Self(entry)
    }

    /// Where [`carrying`](Self::carrying) keeps the timespec: in two fields that follow each other.
    pub(crate) const TIMESPEC: usize = core::mem::offset_of!(Entry, off);
}

/// Does nothing in 128 bytes, for rings that take them; see [`Nop`].
///
/// Since 6.19. Points to nothing.
///
/// # Completion
///
/// As [`Nop`]. `EINVAL` also: the kernel is older, or the ring has entries of 64 bytes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_NOP128")]
#[doc(alias = "io_uring_prep_nop128")]
#[repr(transparent)]
pub struct Nop128(Entry);

nothing!(Nop128);

impl Nop128 {
    /// The opcode's number.
    pub const CODE: u8 = IORING_OP_NOP128 as u8;

    /// The entry to push.
    #[inline]
    #[must_use]
    pub const fn build(self) -> LargeEntry {
        LargeEntry { whole: Entry128 { entry: self.0, tail: [0; 8] } }
    }
}
