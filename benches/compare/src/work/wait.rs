//! Waits with and without a timeout. The completion always arrives in time, so the difference is the cost of the
//! timeout.

use std::time::{Duration, Instant};

use super::nop::{NopRing, Seen};
use crate::measure::{Column, Lack, Opened, Row};

/// Time limit of the timed waits.
pub const SECONDS: u64 = 10;

/// A ring with its ways to wait.
pub trait WaitRing {
    type Ring: NopRing;
    fn ring(&mut self) -> &mut Self::Ring;
    /// Submits and waits for one completion, with a timeout that is passed in the call (`EXT_ARG`).
    fn wait_timed(&mut self);
    /// Submits and waits for one completion, with a timeout in registered memory (`EXT_ARG_REG`).
    fn wait_registered(&mut self);
    /// Why the library has no `wait_timed`, if it has none.
    const NO_TIMED: Option<&'static str> = None;
    /// Why the library has no `wait_registered`, if it has none.
    const NO_REGISTERED: Option<&'static str> = None;
}

struct Waits<R>(R);

macro_rules! timed_rounds {
    ($name:ident, $wait:expr) => {
        #[inline(never)]
        fn $name<R: WaitRing>(ring: &mut R, rounds: u32) -> Duration {
            let mut seen = Seen::default();
            let start = Instant::now();
            for round in 0..u64::from(rounds) {
                ring.ring().push(1, round);
                $wait(ring);
                ring.ring().reap(&mut seen);
            }
            let took = start.elapsed();
            seen.check(u64::from(rounds));
            took
        }
    };
}

timed_rounds!(untimed, |ring: &mut R| ring.ring().submit_and_wait(1));
timed_rounds!(timed, R::wait_timed);
timed_rounds!(registered, R::wait_registered);

impl<R: WaitRing> Row for Waits<R> {
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack> {
        match (column, R::NO_TIMED, R::NO_REGISTERED) {
            (1, Some(lack), _) | (2, _, Some(lack)) => Err(lack.into()),
            (0, ..) => Ok(untimed(&mut self.0, rounds)),
            (1, ..) => Ok(timed(&mut self.0, rounds)),
            _ => Ok(registered(&mut self.0, rounds)),
        }
    }
}

/// Makes a row of the table.
pub fn row<R: WaitRing + 'static>(ring: R) -> Opened {
    Ok(Box::new(Waits(ring)))
}

pub fn columns() -> Vec<Column> {
    ["untimed", "EXT_ARG", "registered wait"].map(|name| Column::new(name, 1)).to_vec()
}
