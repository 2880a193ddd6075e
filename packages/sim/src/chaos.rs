//! [`Chaos`]: how often what may go wrong goes wrong.

use crate::random::Random;

/// How often something happens, in 256 cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate(pub u8);

impl Rate {
    /// Draws whether it happens now. A rate of 0 draws no number.
    pub(crate) fn happens(self, random: &mut Random) -> bool {
        self.0 != 0 && random.chance(u32::from(self.0), 256)
    }
}

/// How often the simulated kernel does what a real one does seldom. A kernel may do any of it at any time, except where
/// the field says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chaos {
    /// A signal interrupts a wait: `EINTR`, if the completion queue is empty.
    pub interrupted: Rate,
    /// There is no memory for a request: the submit is short, or fails with `EAGAIN` if nothing was consumed.
    pub short_submits: Rate,
    /// A wait ends with fewer completions than asked for.
    pub early_returns: Rate,
    /// A completion finds neither room in the queue nor memory, and is lost. The next wait says `EBADR`.
    pub lost_completions: Rate,
    /// A request that could complete at once completes later.
    pub delayed: Rate,
    /// The kernel-side SQPOLL thread goes to sleep when it finds no entry.
    pub sleepy: Rate,
    /// A ring starts just before its heads and tails wrap.
    pub near_the_wrap: Rate,
    /// A completion lies about the buffer that it names: about the result, and about `IORING_CQE_F_BUF_MORE`. No kernel
    /// may do so.
    pub forged: Rate,
}

impl Chaos {
    /// Returns rates with which nothing goes wrong. The seed still picks the order of completions.
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

    /// Draws the rates. Each of them is zero in some cases.
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
