//! [`Profile`]: what a kernel offers, and where it differs from the newest Linux.

use bare_uring::{EnterFlags, Features, SetupFlags};

mod groups;
mod linux;
mod others;

pub use groups::{GroupRules, ReadError};
pub(crate) use linux::SIMULATED;

/// What becomes of a completion that finds the queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// It is dropped and counted.
    Drop,
    /// It is kept in a list, and while there are any, submitting is refused with `EBUSY` (Linux 5.5 to 5.18).
    ListBusy,
    /// It is kept in a list.
    List,
}

/// How the words of a ring lie in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Head {
    /// Linux since 6.6: all words in one line of 64 bytes.
    Line,
    /// Linux before that: each head and tail in a line of its own.
    Lines,
    /// Nanos: 48 bytes, then the index array, then the completions.
    Nanos,
    /// StarryOS: one area for each queue, what follows the words starts at 64.
    Starry,
    /// OSv: one area for each queue, what follows the words starts right behind them.
    Osv,
    /// In seeded order, at seeded distances. No kernel does so; none has promised not to.
    Shuffled,
}

/// How a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waits {
    /// When so many completions are there as were asked for, or something interrupts it.
    Count,
    /// Also when nothing is in flight and the queue is not empty.
    UntilIdle,
    /// At once: the number asked for is ignored.
    Never,
}

/// What a simulated kernel offers. The fields are public, so that a test can take a profile and change it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// For messages.
    pub name: &'static str,
    /// The set-up flags that it knows; with others it answers `EINVAL`.
    pub setup: SetupFlags,
    /// What it says it can do.
    pub features: Features,
    /// The flags of `io_uring_enter` that it knows.
    pub enter: EnterFlags,
    /// Whether it answers `EINVAL` to flags of `io_uring_enter` that it does not know, or ignores them.
    pub refuses_enter_flags: bool,
    /// The requests that it knows, one bit each.
    pub opcodes: u128,
    /// What it answers to a request that it does not know, as the completion's result.
    pub unknown_opcode: i32,
    /// Whether such a request ends the batch, where the ring lacks `SUBMIT_ALL`.
    pub bad_entry_ends_batch: bool,
    /// The `IOSQE_*` flags that it knows.
    pub sqe_flags: u8,
    /// The registrations that it knows, one bit each.
    pub registrations: u64,
    /// Whether it has `io_uring_register` at all.
    pub has_register: bool,
    /// Where things lie.
    pub head: Head,
    /// Whether its rings have flags for the completion queue.
    pub cq_flags: bool,
    /// Whether it reads its index array, where there is one.
    pub reads_array: bool,
    /// What happens to completions that find no room.
    pub overflow: Overflow,
    /// How waits end.
    pub waits: Waits,
    /// How it uses rings of provided buffers.
    pub groups: GroupRules,
    /// Whether a timeout is a timer, or completes at once with 0.
    pub timers: bool,
    /// The fewest submission entries that it makes.
    pub min_entries: u32,
    /// The most submission entries.
    pub max_entries: u32,
}

impl Profile {
    /// The same kernel without these features.
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
            // ABS_TIMER came with it, and has no bit of its own.
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

    /// The same kernel, which does not know these set-up flags.
    #[must_use]
    pub fn without_setup(mut self, flags: SetupFlags) -> Self {
        self.setup.remove(flags);
        self
    }

    /// Whether it knows this request.
    #[must_use]
    pub const fn knows(&self, opcode: u8) -> bool {
        opcode < 128 && self.opcodes >> opcode & 1 != 0
    }

    /// Whether it knows this registration.
    #[must_use]
    pub const fn registers(&self, operation: u32) -> bool {
        operation < 64 && self.registrations >> operation & 1 != 0
    }

    /// Linux at each release that changed something that shows, and the other kernels. What changed about provided buffers
    /// alone (see [`GroupRules`]) is not among it.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = linux::RELEASES.iter().map(|&(major, minor)| Self::linux(major, minor)).collect();
        all.extend([Self::osv(), Self::nanos(), Self::starry(), Self::gvisor()]);
        all
    }
}

/// A mask with these bits.
const fn bits(numbers: &[u8]) -> u128 {
    let mut mask = 0;
    let mut i = 0;
    while i < numbers.len() {
        mask |= 1 << numbers[i];
        i += 1;
    }
    mask
}
