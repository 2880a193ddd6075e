//! Waiting for a futex, and waking its waiters.

use crate::squeue::Entry;
use crate::types::address;
use crate::types::{self, FutexFlags};
use crate::uapi::io_uring_op::{IORING_OP_FUTEX_WAIT, IORING_OP_FUTEX_WAITV, IORING_OP_FUTEX_WAKE};

/// Waits until a futex is woken, as `futex_wait(2)`.
///
/// Since 6.7. The futex must stay valid until the completion. For a timeout, link a [`LinkTimeout`](super::LinkTimeout)
/// behind it. A process that has only one thread should not use [`PRIVATE`](FutexFlags::PRIVATE); its documentation
/// says why.
///
/// ```
/// use core::sync::atomic::AtomicU32;
///
/// use bare_uring::opcode;
/// use bare_uring::types::FutexFlags;
///
/// static FUTEX: AtomicU32 = AtomicU32::new(1);
/// let wait = opcode::FutexWait::new(FUTEX.as_ptr(), 1, opcode::FutexWait::ANY, FutexFlags::SIZE_U32);
/// # let _ = wait;
/// ```
///
/// # Completion
///
/// 0: the request was woken. `EAGAIN`: the futex does not hold the value expected. `ECANCELED`: the request was
/// cancelled. `EINVAL`: the mask has no bit, the kernel does not know a flag or the width, the value is wider than the
/// futex, or the futex is misaligned. `EFAULT`: the futex cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FUTEX_WAIT")]
#[doc(alias = "io_uring_prep_futex_wait")]
#[repr(transparent)]
pub struct FutexWait(Entry);

request!(FutexWait, IORING_OP_FUTEX_WAIT);

impl FutexWait {
    /// The mask that matches every wake.
    #[doc(alias = "FUTEX_BITSET_MATCH_ANY")]
    pub const ANY: u64 = 0xffff_ffff;

    /// Waits as long as `futex` holds `value`, for a wake whose mask has a bit in common with `mask`.
    #[inline]
    #[must_use]
    pub fn new(futex: *const u32, value: u64, mask: u64, flags: FutexFlags) -> Self {
        Self(of(Self::CODE, futex, value, mask, flags))
    }
}

/// Wakes waiters of a futex, as `futex_wake(2)`: requests and threads alike.
///
/// Since 6.7. The address must be that of a futex of this process when the entry is submitted; the kernel neither reads
/// nor writes the futex.
///
/// # Completion
///
/// The number of waiters woken. `EINVAL`: as listed for [`FutexWait`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FUTEX_WAKE")]
#[doc(alias = "io_uring_prep_futex_wake")]
#[repr(transparent)]
pub struct FutexWake(Entry);

request!(FutexWake, IORING_OP_FUTEX_WAKE);

impl FutexWake {
    /// Wakes at most `count` waiters of `futex` whose mask has a bit in common with `mask`.
    #[inline]
    #[must_use]
    pub fn new(futex: *const u32, count: u64, mask: u64, flags: FutexFlags) -> Self {
        Self(of(Self::CODE, futex, count, mask, flags))
    }
}

/// Waits until one of several futexes is woken, as `futex_waitv(2)`.
///
/// Since 6.7. The list must stay valid until the entry has been submitted, and the futexes until the completion.
///
/// # Completion
///
/// The index in the list of a futex that was woken. `EAGAIN`: a futex does not hold the value expected. `ECANCELED`:
/// the request was cancelled. `EINVAL`: the list is empty or has more than 128 futexes, or one futex would be refused
/// by itself. `EFAULT`: the list or a futex cannot be read.
///
/// ```
/// use core::sync::atomic::AtomicU32;
///
/// use bare_uring::opcode;
/// use bare_uring::types::{FutexFlags, FutexWaitV};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// static FUTEXES: [AtomicU32; 2] = [AtomicU32::new(1), AtomicU32::new(2)];
/// let flags = FutexFlags::SIZE_U32;
/// let list = [0, 1].map(|i| FutexWaitV::new(FUTEXES[i].as_ptr(), i as u64 + 1, flags));
/// let wait = opcode::FutexWaitV::new(list.as_ptr(), 2).build().user_data(1);
/// let wake = opcode::FutexWake::new(FUTEXES[1].as_ptr(), 1, opcode::FutexWait::ANY, flags).build().user_data(2);
/// // SAFETY: the list stays until the submission, and the futexes are static.
/// unsafe { ring.submission().push_multiple(&[wait, wake]).expect("there is room") };
/// ring.submit_and_wait(2)?;
/// let mut seen = [(0, Ok(0)); 2];
/// for (seen, cqe) in seen.iter_mut().zip(ring.completion()) {
///     *seen = (cqe.user_data(), cqe.outcome());
/// }
/// # if seen.contains(&(1, Err(bare_uring::Errno::EINVAL))) { println!("skipped: before Linux 6.7"); return Ok(()) }
/// seen.sort_by_key(|&(user_data, _)| user_data);
/// // The futex with index 1 in the list was woken.
/// assert_eq!(seen, [(1, Ok(1)), (2, Ok(1))]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FUTEX_WAITV")]
#[doc(alias = "io_uring_prep_futex_waitv")]
#[repr(transparent)]
pub struct FutexWaitV(Entry);

request!(FutexWaitV, IORING_OP_FUTEX_WAITV);

impl FutexWaitV {
    /// Waits for the `count` futexes of the list at `futexes`.
    #[inline]
    #[must_use]
    pub fn new(futexes: *const types::FutexWaitV, count: u32) -> Self {
        let mut entry = Entry::new(Self::CODE);
        // The other two opcodes have their flags in this field.
        // kernel: io_uring/futex.c io_futexv_prep (6.12.117): the list is copied at submission; a nonzero `fd` (each
        // futex has flags of its own), `off` or `addr3` is `EINVAL`.
        entry.fd = 0;
        entry.addr = address(futexes);
        entry.len = count;
        Self(entry)
    }
}

fn of(code: u8, futex: *const u32, number: u64, mask: u64, flags: FutexFlags) -> Entry {
    let mut entry = Entry::new(code);
    // kernel: io_uring/futex.c io_futex_prep (6.12.117): the flags are read from `fd`, the value from `off`, the mask
    // from `addr3`; `len`, `buf_index` and `file_index` must be 0.
    entry.fd = flags.0.cast_signed();
    entry.addr = address(futex);
    entry.off = number;
    entry.addr3 = mask;
    entry
}
