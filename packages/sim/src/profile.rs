//! [`Profile`]: what a kernel offers, and how it behaves where kernels differ.

use bare_uring::{EnterFlags, Errno, Features, SetupFlags};

mod groups;
mod linux;
mod others;
mod timeouts;

pub use groups::{GroupRules, ReadError};
pub(crate) use linux::SIMULATED;
pub use timeouts::{Counting, ReadsTime, TimeoutRules};

/// What becomes of a completion that finds the queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The kernel drops the completion and counts it.
    Drop,
    /// The kernel keeps the completion in the overflow list. While the list is not empty, a submit fails with `EBUSY`
    /// (Linux 5.5 to 5.18).
    ListBusy,
    /// The kernel keeps the completion in the overflow list.
    List,
}

/// How the header of a ring's memory is laid out: the words of both queues, before the index array and the completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Header {
    /// Linux since 6.6: all words in 64 bytes.
    Line,
    /// Linux before 6.6: each head and tail in a cache line of its own.
    Lines,
    /// Nanos: 48 bytes, then the index array, then the completions.
    Nanos,
    /// StarryOS: one area for each queue; the array behind the words starts at 64.
    Starry,
    /// OSv: one area for each queue; the array starts right behind the words.
    Osv,
    /// In seeded order, at seeded distances. No kernel does so, and no kernel has promised not to.
    Shuffled,
}

/// How a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waits {
    /// When as many completions are there as were asked for, or something interrupts the wait.
    Count,
    /// As for `Count`, and also when nothing is in flight and the queue is not empty.
    UntilIdle,
    /// At once: the kernel ignores the number that was asked for.
    Never,
}

/// Which size of the completion queue (`CQSIZE`) must not be less than which size of the submission queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CqSize {
    /// Both sizes, rounded up to a power of two (Linux since 5.10).
    Rounded,
    /// The size that was asked for, compared with the rounded size of the submission queue.
    Unrounded,
    /// The sizes that were asked for.
    AsAsked,
}

/// How a kernel takes the signal mask of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mask {
    /// The mask has this size; another size is `EINVAL`.
    Bytes(u32),
    /// The kernel looks at no size.
    AnySize,
    /// Any mask is `EFAULT`.
    Refused,
}

/// What becomes of a request whose file is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unready {
    /// The request waits for the file.
    Waits,
    /// The submit waits for the file, without end if nobody else does anything. Then it is a [`Fault`], and the request
    /// ends with `EINTR`.
    ///
    /// [`Fault`]: crate::Fault::Stuck
    Blocks,
    /// The request fails with this result.
    Fails(i32),
}

/// What a simulated kernel offers. The fields are public, so that a test can take a profile and change it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// The name of the kernel, for messages.
    pub name: &'static str,
    /// The set-up flags that the kernel knows. Others are `EINVAL`.
    pub setup: SetupFlags,
    /// The features that set-up reports.
    pub features: Features,
    /// The flags of `io_uring_enter` that the kernel knows.
    pub enter: EnterFlags,
    /// Whether unknown flags of `io_uring_enter` are `EINVAL`; else the kernel ignores them.
    pub refuses_enter_flags: bool,
    /// The requests that the kernel knows, one bit each.
    pub opcodes: u128,
    /// The result of a request that the kernel does not know.
    pub unknown_opcode: i32,
    /// Whether an entry that is refused ends the batch, on a ring without `SUBMIT_ALL`.
    pub bad_entry_ends_batch: bool,
    /// Whether an entry with an unknown flag ends the batch too.
    pub bad_flags_end_batch: bool,
    /// Whether a submit that consumes nothing is `EAGAIN`; else it is 0. Only on a kernel with that error does a submit
    /// lack memory.
    pub empty_submit_fails: bool,
    /// Whether a call waits though its submit was short.
    pub short_submit_waits: bool,
    /// The error of a call that is told to submit nothing; `None` if such a call is as good as another.
    pub empty_enter: Option<Errno>,
    /// The `IOSQE_*` flags that the kernel knows.
    pub sqe_flags: u8,
    /// The registrations that the kernel knows, one bit each.
    pub registrations: u64,
    /// Whether the kernel has `io_uring_register` at all.
    pub has_register: bool,
    /// The error of a registration that the kernel does not know.
    pub unknown_registration: Errno,
    /// The registrations that are `ENOSYS` instead, one bit each.
    pub unsupported_registrations: u64,
    /// Whether the probe says of every request that the kernel knows it.
    pub probe_claims_all: bool,
    /// How the header of a ring's memory is laid out.
    pub header: Header,
    /// Whether rings have flags for the completion queue (`cq_flags`).
    pub cq_flags: bool,
    /// Whether the kernel reads the index array of a ring that has one.
    pub reads_array: bool,
    /// What becomes of completions that find no room.
    pub overflow: Overflow,
    /// How waits end.
    pub waits: Waits,
    /// How the kernel uses provided buffer rings.
    pub groups: GroupRules,
    /// Whether a wait returns 0 as soon as completions in the overflow list find no room (Linux since 7.3).
    pub returns_overflown: bool,
    /// How the kernel carries out timeouts.
    pub timeouts: TimeoutRules,
    /// How the kernel takes a signal mask.
    pub mask: Mask,
    /// What becomes of a request whose file is not ready.
    pub unready: Unready,
    /// The result of a read that waited on a pipe until its last writer went.
    pub hangup: i32,
    /// Whether requests are cancelled by their user data only, whatever the flags of the cancellation say.
    pub cancels_by_user_data: bool,
    /// Whether closing a ring waits for its requests; timers and polls aside if the kernel cancels those.
    pub close_waits: bool,
    /// Whether the queues' indices may pass 2^32.
    pub wraps: bool,
    /// The set-up flags that the kernel takes and that change nothing.
    pub without_effect: SetupFlags,
    /// How `CQSIZE` is compared.
    pub cq_size: CqSize,
    /// Whether `CLAMP` makes too large queues as large as can be; else they are an error all the same.
    pub clamps: bool,
    /// The error for too many entries.
    pub too_many_entries: Errno,
    /// The most submission queue entries of a ring.
    pub max_entries: u32,
}

impl Profile {
    /// Takes these features away, and what depends on them.
    #[must_use]
    pub fn without_features(mut self, features: Features) -> Self {
        self.features.remove(features);
        if features.contains(Features::NODROP) {
            self.overflow = Overflow::Drop;
        }
        if features.contains(Features::EXT_ARG) {
            self.enter.remove(EnterFlags::EXT_ARG | EnterFlags::ABS_TIMER | EnterFlags::EXT_ARG_REG);
            self.features.remove(Features::MIN_TIMEOUT);
        }
        if features.contains(Features::MIN_TIMEOUT) {
            // ABS_TIMER came with MIN_TIMEOUT, and has no feature bit of its own.
            self.enter.remove(EnterFlags::ABS_TIMER);
        }
        if features.contains(Features::NO_IOWAIT) {
            self.enter.remove(EnterFlags::NO_IOWAIT);
        }
        if features.contains(Features::CQE_SKIP) {
            self.sqe_flags &= !bare_uring::uapi::IOSQE_CQE_SKIP_SUCCESS;
        }
        self
    }

    /// Takes these set-up flags away.
    #[must_use]
    pub fn without_setup(mut self, flags: SetupFlags) -> Self {
        self.setup.remove(flags);
        self
    }

    /// Returns whether the kernel knows a request.
    #[must_use]
    pub const fn knows(&self, opcode: u8) -> bool {
        opcode < 128 && self.opcodes >> opcode & 1 != 0
    }

    /// Returns whether the kernel knows a registration.
    #[must_use]
    pub const fn registers(&self, operation: u32) -> bool {
        operation < 64 && self.registrations >> operation & 1 != 0
    }

    /// Returns Linux at each release that changed something visible, and the other kernels. A release that changed only
    /// provided buffers (see [`GroupRules`]) is not among them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = linux::RELEASES.iter().map(|&(major, minor)| Self::linux(major, minor)).collect();
        all.extend([Self::osv(), Self::nanos(), Self::starry(), Self::gvisor()]);
        all
    }
}

/// Makes a mask with these bits.
const fn bits(numbers: &[u8]) -> u128 {
    let mut mask = 0;
    let mut i = 0;
    while i < numbers.len() {
        mask |= 1 << numbers[i];
        i += 1;
    }
    mask
}
