//! The kinds of ring that are compared.

use crate::work::nop::ENTRIES;

/// How a ring is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// What `new(entries)` gives.
    Plain,
    /// COOP_TASKRUN.
    Coop,
    /// SINGLE_ISSUER and DEFER_TASKRUN.
    Defer,
    /// The same, entered through its registered descriptor.
    DeferRegistered,
    /// The same, without index array, in memory of the program's.
    DeferRegisteredProvided,
    /// A kernel thread that has gone to sleep before each round.
    SqpollAsleep,
    /// A kernel thread that is awake.
    SqpollSpinning,
}

impl Setup {
    pub const ALL: [Self; 7] = [
        Self::Plain,
        Self::Coop,
        Self::Defer,
        Self::DeferRegistered,
        Self::DeferRegisteredProvided,
        Self::SqpollAsleep,
        Self::SqpollSpinning,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Coop => "coop",
            Self::Defer => "defer",
            Self::DeferRegistered => "defer + registered fd",
            Self::DeferRegisteredProvided => "defer + registered fd + NO_SQARRAY + NO_MMAP",
            Self::SqpollAsleep => "SQPOLL asleep",
            Self::SqpollSpinning => "SQPOLL spinning",
        }
    }

    pub const fn coop(self) -> bool {
        matches!(self, Self::Coop)
    }

    pub const fn defer(self) -> bool {
        matches!(self, Self::Defer | Self::DeferRegistered | Self::DeferRegisteredProvided)
    }

    pub const fn registered(self) -> bool {
        matches!(self, Self::DeferRegistered | Self::DeferRegisteredProvided)
    }

    pub const fn provided(self) -> bool {
        matches!(self, Self::DeferRegisteredProvided)
    }

    /// Slots of the ring: the largest batch, or two of them where the kernel's thread gives slots back a little later than
    /// it completes what was in them.
    pub const fn entries(self) -> u32 {
        match self.sqpoll_idle() {
            None => ENTRIES,
            Some(_) => 2 * ENTRIES,
        }
    }

    /// Milliseconds until the kernel's thread sleeps, where there is one.
    pub const fn sqpoll_idle(self) -> Option<u32> {
        match self {
            Self::SqpollAsleep => Some(1),
            Self::SqpollSpinning => Some(2000),
            _ => None,
        }
    }

    /// The processor of the kernel's thread. It is not the program's: two that spin in turn on one get nowhere.
    pub const fn sqpoll_cpu(self) -> Option<u32> {
        match self.sqpoll_idle() {
            None => None,
            Some(_) => Some(1),
        }
    }

    /// The kernel's flags, for who passes numbers. Set-ups of provided memory add theirs.
    pub const fn flags(self) -> u32 {
        const SQPOLL: u32 = 1 << 1;
        const SQ_AFF: u32 = 1 << 2;
        const COOP_TASKRUN: u32 = 1 << 8;
        const SINGLE_ISSUER: u32 = 1 << 12;
        const DEFER_TASKRUN: u32 = 1 << 13;
        const NO_SQARRAY: u32 = 1 << 16;
        let mut flags = 0;
        if self.coop() {
            flags |= COOP_TASKRUN;
        }
        if self.defer() {
            flags |= SINGLE_ISSUER | DEFER_TASKRUN;
        }
        if self.provided() {
            flags |= NO_SQARRAY;
        }
        if self.sqpoll_idle().is_some() {
            flags |= SQPOLL | SQ_AFF;
        }
        flags
    }
}
