//! The set-ups of a ring that are compared.
//!
//! A plain ring is what each library makes when it is asked for nothing. The other set-ups are those of a user that
//! wants speed, so each contender gets every flag that its library knows, `NO_SQARRAY` among them.

use crate::work::nop::ENTRIES;

/// The set-up of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The set-up of `new(entries)`.
    Plain,
    /// COOP_TASKRUN.
    Coop,
    /// SINGLE_ISSUER and DEFER_TASKRUN.
    Defer,
    /// As `Defer`, entered through the ring's registered index.
    DeferRegistered,
    /// As `DeferRegistered`, without an index array, in the program's memory.
    DeferRegisteredProvided,
    /// SQPOLL, with a kernel thread that sleeps before each round.
    SqpollAsleep,
    /// SQPOLL, with a kernel thread that is awake.
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

    /// Returns whether contenders ask for a ring without an index array, if they can.
    pub const fn no_sqarray(self) -> bool {
        !matches!(self, Self::Plain)
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

    /// Returns the entries of the ring: the largest batch, or twice that for SQPOLL, whose kernel thread frees entries
    /// a little later than it completes their requests.
    pub const fn entries(self) -> u32 {
        match self.sqpoll_idle() {
            None => ENTRIES,
            Some(_) => 2 * ENTRIES,
        }
    }

    /// Returns the milliseconds until the kernel thread sleeps, for SQPOLL.
    pub const fn sqpoll_idle(self) -> Option<u32> {
        match self {
            Self::SqpollAsleep => Some(1),
            Self::SqpollSpinning => Some(2000),
            _ => None,
        }
    }

    /// Returns the processor of the kernel thread. It is not the program's, because both spin.
    pub const fn sqpoll_cpu(self) -> Option<u32> {
        match self.sqpoll_idle() {
            None => None,
            Some(_) => Some(1),
        }
    }

    /// Returns the kernel's flags, for contenders that pass numbers. With provided memory they add further flags.
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
        if self.no_sqarray() {
            flags |= NO_SQARRAY;
        }
        if self.sqpoll_idle().is_some() {
            flags |= SQPOLL | SQ_AFF;
        }
        flags
    }
}
