//! The clock of timed waits.

use core::mem::size_of;
use core::ptr::from_mut;

use linux_raw_sys::general::{CLOCK_BOOTTIME, CLOCK_MONOTONIC};

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_clock_register;
use crate::uapi::io_uring_register_op::IORING_REGISTER_CLOCK;

/// A clock, by its number (`CLOCK_*` of `clock_gettime(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Clock(pub u32);

impl Clock {
    /// Stands still while the machine is suspended. Every ring starts with this clock.
    #[doc(alias = "CLOCK_MONOTONIC")]
    pub const MONOTONIC: Self = Self(CLOCK_MONOTONIC);
    /// Goes on while the machine is suspended.
    #[doc(alias = "CLOCK_BOOTTIME")]
    pub const BOOTTIME: Self = Self(CLOCK_BOOTTIME);
}

impl<K: Kernel> Submitter<'_, K> {
    /// Sets the clock of the ring's waits: of their timeouts, relative and absolute, and of their minimum times.
    /// Timeout requests have flags of their own that choose a clock. Since 6.12.
    ///
    /// # Errors
    ///
    /// `EINVAL`: a clock that is neither [`Clock::MONOTONIC`] nor [`Clock::BOOTTIME`], or the kernel is older.
    #[doc(alias = "IORING_REGISTER_CLOCK")]
    #[doc(alias = "io_uring_register_clock")]
    pub fn register_clock(&self, clock: Clock) -> Result<(), Errno> {
        let mut argument = io_uring_clock_register { clockid: clock.0, __resv: [0; 3] };
        // kernel: io_uring/register.c io_register_clock (7.3): takes CLOCK_MONOTONIC and CLOCK_BOOTTIME.
        // kernel: io_uring/register.c __io_uring_register (7.3): any count but 0 is EINVAL for this operation.
        // SAFETY: the argument is the operation's own structure, which the kernel reads during the call only.
        unsafe { self.register(IORING_REGISTER_CLOCK as u32, from_mut(&mut argument).cast(), 0) }.map(drop)
    }
}

const _: () = assert!(size_of::<io_uring_clock_register>() == 16);
