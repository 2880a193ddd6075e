//! [`Chaos`]: how often what may go wrong does.

use crate::random::Random;

/// How often something happens: so many times of 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate(pub u8);

impl Rate {
    pub(crate) fn happens(self, random: &mut Random) -> bool {
        self.0 != 0 && random.chance(u32::from(self.0), 256)
    }
}

/// How often the simulated kernel does what a real one does seldom. All of it is allowed to a kernel at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chaos {
    /// A wait is interrupted by a signal: `EINTR`, if nothing is there.
    pub interrupted: Rate,
    /// There is no memory for a request: the submission is short, or `EAGAIN` if nothing was consumed.
    pub short_submits: Rate,
    /// A wait ends with fewer completions than asked for.
    pub early_returns: Rate,
    /// A completion that finds no room is lost for want of memory; the next wait says `EBADR`.
    pub lost_completions: Rate,
    /// A request that could complete at once completes later.
    pub delayed: Rate,
    /// The thread of an SQPOLL ring goes to sleep when it finds nothing.
    pub sleepy: Rate,
    /// A ring starts just before its heads and tails wrap.
    pub near_the_wrap: Rate,
    /// A completion claims what is not so of the buffer that it names: its result, and whether it is used further. No
    /// kernel may do so.
    pub forged: Rate,
}

impl Chaos {
    /// Nothing goes wrong; the order of completions is seeded all the same.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            interrupted: Rate(0),
            short_submits: Rate(0),
            early_returns: Rate(0),
            lost_completions: Rate(0),
            delayed: Rate(128),
            sleepy: Rate(64),
            near_the_wrap: Rate(0),
            forged: Rate(0),
        }
    }

    /// Seeded rates, each zero in some of the cases.
    #[must_use]
    pub fn seeded(random: &mut Random) -> Self {
        let mut rate = |most: u32| if random.chance(1, 2) { Rate(0) } else { Rate(random.below(most) as u8) };
        Self {
            interrupted: rate(64),
            short_submits: rate(64),
            early_returns: rate(64),
            lost_completions: rate(32),
            delayed: rate(256),
            sleepy: rate(256),
            near_the_wrap: Rate(128),
            forged: Rate(0),
        }
    }
}

impl Default for Chaos {
    fn default() -> Self {
        Self::none()
    }
}
