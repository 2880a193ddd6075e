//! The parts of futex requests.

use core::mem::{offset_of, size_of};

use linux_raw_sys::general;

/// `FUTEX2_*`: how wide a futex is, and which processes share it. Open: the numbers are those of
/// `linux_raw_sys::general`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct FutexFlags(pub u32);

impl FutexFlags {
    /// The futex has 32 bits: the only width that Linux knows as of 6.18.
    #[doc(alias = "FUTEX2_SIZE_U32")]
    pub const SIZE_U32: Self = Self(general::FUTEX2_SIZE_U32);
    /// Only threads of this process use the futex, which is quicker to look up.
    ///
    /// On a Linux 6.18, a private wait that was pushed while the process had one thread was seen never to be woken by a
    /// thread that was made later: private futexes then get a table of their own, and the wait is not in it. Until
    /// there are other threads, wait without this flag (6.12, 6.16 and 7.3 are right).
    #[doc(alias = "FUTEX2_PRIVATE")]
    pub const PRIVATE: Self = Self(general::FUTEX2_PRIVATE);
    /// The word after the futex names its NUMA node. Since 6.16.
    #[doc(alias = "FUTEX2_NUMA")]
    pub const NUMA: Self = Self(general::FUTEX2_NUMA);
    /// The NUMA node is that of the memory's policy. Since 6.16.
    #[doc(alias = "FUTEX2_MPOL")]
    pub const MPOL: Self = Self(general::FUTEX2_MPOL);

    /// Returns both sets of flags together.
    #[must_use]
    pub const fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }
}

impl From<u32> for FutexFlags {
    fn from(bits: u32) -> Self {
        Self(bits)
    }
}

impl From<i32> for FutexFlags {
    fn from(bits: i32) -> Self {
        Self(bits.cast_unsigned())
    }
}

/// One of the futexes that an [`opcode::FutexWaitV`](crate::opcode::FutexWaitV) waits for (`struct futex_waitv`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "futex_waitv")]
#[repr(C)]
pub struct FutexWaitV {
    value: u64,
    futex: u64,
    flags: u32,
    reserved: u32,
}

impl FutexWaitV {
    /// Makes the part of a request that waits as long as `futex` holds `value`.
    #[must_use]
    pub fn new(futex: *const u32, value: u64, flags: FutexFlags) -> Self {
        // kernel: kernel/futex/syscalls.c futex_parse_waitv (6.12.117): a reserved word other than 0 and unknown flags
        // are `EINVAL`.
        Self { value, futex: super::address(futex), flags: flags.0, reserved: 0 }
    }
}

const _: () = {
    use general::futex_waitv;

    assert!(size_of::<FutexWaitV>() == size_of::<futex_waitv>());
    assert!(offset_of!(FutexWaitV, value) == offset_of!(futex_waitv, val));
    assert!(offset_of!(FutexWaitV, futex) == offset_of!(futex_waitv, uaddr));
    assert!(offset_of!(FutexWaitV, flags) == offset_of!(futex_waitv, flags));
    assert!(offset_of!(FutexWaitV, reserved) == offset_of!(futex_waitv, __reserved));
};
