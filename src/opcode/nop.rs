//! Requests that do nothing.

use crate::flags::NopFlags;
use crate::squeue::{Entry, Entry128, LargeEntry};
use crate::types::Timespec;
use crate::types::sealed::{Target, UseFixed};
use crate::uapi::IORING_OP_NOP128;
use crate::uapi::io_uring_op::IORING_OP_NOP;

/// Defines what no-op requests of both sizes have.
macro_rules! nothing {
    ($name:ident) => {
        impl $name {
            /// Makes a request that does nothing.
            #[inline]
            #[must_use]
            pub const fn new() -> Self {
                // The kernel looks at no descriptor unless `file` names one. An entry of zeroes takes fewer
                // instructions to write.
                Self(Entry { fd: 0, ..Entry::new(Self::CODE) })
            }

            /// Completes with this result instead of 0. A negative result fails the request and breaks its chain of
            /// links. Since 6.10; `EINVAL` before.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_NOP_INJECT_RESULT")]
            pub const fn result(mut self, result: i32) -> Self {
                self.0.op_flags |= NopFlags::INJECT_RESULT.bits();
                // kernel: io_uring/nop.c io_nop_prep (6.12.117): `len` is read only if the flag to inject a result is
                // set; flags that the kernel does not know are `EINVAL`.
                // kernel: io_uring/nop.c io_nop (6.12.117): a negative result marks the request as failed, which breaks
                // a chain of links.
                self.0.len = result.cast_unsigned();
                self
            }

            /// Looks this file up while the request runs, as other requests do. Since 6.13.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_NOP_FILE")]
            #[doc(alias = "IORING_NOP_FIXED_FILE")]
            pub fn file(mut self, fd: impl UseFixed) -> Self {
                let (by, fd) = match fd.into_target() {
                    Target::Fd(fd) => (NopFlags::FILE, fd.0),
                    // The kernel reads the number as unsigned.
                    Target::Fixed(index) => (NopFlags::FILE.union(NopFlags::FIXED_FILE), index.0.cast_signed()),
                };
                let others = self.0.op_flags & !NopFlags::FIXED_FILE.bits();
                self.0.op_flags = others | by.bits();
                self.0.fd = fd;
                self
            }

            /// Looks this registered buffer up while the request runs. Since 6.13.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_NOP_FIXED_BUFFER")]
            pub const fn fixed_buffer(mut self, buf_index: u16) -> Self {
                self.0.op_flags |= NopFlags::FIXED_BUFFER.bits();
                self.0.buf_index = buf_index;
                self
            }

            /// Completes through task work, like a request that had to wait. Since 6.17.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_NOP_TW")]
            pub const fn task_work(mut self) -> Self {
                self.0.op_flags |= NopFlags::TW.bits();
                self
            }

            /// Completes with a 32-byte completion whose last 16 bytes are these. Since 6.18, on a ring that has such
            /// completions; `EINVAL` on other rings.
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

/// Does nothing, and completes with 0. For measuring, and for waking a thread that waits for completions.
///
/// Since 5.1. Refers to no memory of the caller.
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
/// 0, or what [`result`](Self::result) was given. `EBADF`, `EFAULT`: there is no such file or registered buffer (before
/// 7.1 and its stable backports the request then fails, but its completion still carries the result). `EINVAL`: the
/// kernel does not know a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_NOP")]
#[doc(alias = "io_uring_prep_nop")]
#[repr(transparent)]
pub struct Nop(Entry);

request!(Nop, IORING_OP_NOP);
nothing!(Nop);

impl Nop {
    /// Makes a request that only keeps a timespec in the ring's memory, [`TIMESPEC`](Self::TIMESPEC) bytes into its entry.
    pub(crate) const fn carrying(timespec: Timespec) -> Self {
        let mut entry = Entry::new(Self::CODE);
        // kernel: io_uring/nop.c io_nop_prep (6.12.117): without flags, neither `off` nor `addr` of a no-op is looked at, so that
        // they can hold anything.
        entry.off = timespec.seconds().cast_unsigned();
        entry.addr = timespec.nanoseconds().cast_unsigned();
        Self(entry)
    }

    /// The offset in the entry where [`carrying`](Self::carrying) keeps the timespec: two fields that follow each other.
    pub(crate) const TIMESPEC: usize = core::mem::offset_of!(Entry, off);
}

/// Does nothing, in an entry of 128 bytes, on rings that take such entries; see [`Nop`].
///
/// Since 6.19. Refers to no memory of the caller.
///
/// # Completion
///
/// The result and the errors are those of [`Nop`]. `EINVAL` too: the kernel is older, or the ring has entries of 64
/// bytes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_NOP128")]
#[doc(alias = "io_uring_prep_nop128")]
#[repr(transparent)]
pub struct Nop128(Entry);

nothing!(Nop128);

impl Nop128 {
    /// The opcode's number, `IORING_OP_NOP128`.
    pub const CODE: u8 = IORING_OP_NOP128 as u8;

    /// Returns the entry to push.
    #[inline]
    #[must_use]
    pub const fn build(self) -> LargeEntry {
        LargeEntry { whole: Entry128 { entry: self.0, tail: [0; 8] } }
    }
}
