//! Ticks: points of time at one distance from each other.
#![forbid(unsafe_code)]

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use bare_uring::Errno;
use bare_uring::types::Timespec;

use crate::deadlines::Clock;
use crate::op::Op;
use crate::output::Done;
use crate::slab::Slab;

/// Points of time at one distance from each other, from [`Slab::ticks`].
///
/// Each tick is a point of time of the clock, and not a span after the one before. So ticks don't drift, however late the
/// task comes for one. Ticks that were missed come at once, one after the other.
#[derive(Debug)]
pub struct Ticks {
    slab: &'static Slab,
    clock: Clock,
    next: Timespec,
    period: Timespec,
    pause: Option<Op<Done>>,
}

/// Ticks.
impl Slab {
    /// Makes ticks: the first at this point of time, and each other one a period after the one before. A tick is a
    /// [`timeout_at`](Self::timeout_at), which has a slot while it is waited for.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime, UNIX_EPOCH};
    ///
    /// use bare_uring::Errno;
    /// use bare_uring_ops::{Clock, Slab};
    ///
    /// async fn beat(slab: &'static Slab) -> Result<(), Errno> {
    ///     let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ///     let mut ticks = slab.ticks(Clock::Realtime, now, Duration::from_secs(1));
    ///     loop {
    ///         ticks.next().await?;
    /// #       break Ok(());
    ///     }
    /// }
    /// # let _ = beat;
    /// ```
    pub fn ticks(&'static self, clock: Clock, first: impl Into<Timespec>, period: impl Into<Timespec>) -> Ticks {
        Ticks { slab: self, clock, next: first.into(), period: period.into(), pause: None }
    }
}

/// Adds a span to a point of time.
fn add(at: Timespec, span: Timespec) -> Timespec {
    const SECOND: i64 = 1_000_000_000;

    let nanoseconds = at.nanoseconds().saturating_add(span.nanoseconds());
    let seconds = at.seconds().saturating_add(span.seconds()).saturating_add(nanoseconds.div_euclid(SECOND));
    // The rest is below a second.
    Timespec::new(seconds, nanoseconds.rem_euclid(SECOND) as u32)
}

impl Ticks {
    /// Polls for the next tick, and gives the point of time at which it was due.
    ///
    /// # Errors
    ///
    /// The errors of [`timeout_at`](Slab::timeout_at). The tick is then still to come: [`ready`](Slab::ready) waits for a
    /// slot after `EBUSY`.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Timespec, Errno>> {
        let pause = self.pause.get_or_insert_with(|| self.slab.timeout_at(self.clock, self.next));
        let Poll::Ready(outcome) = Pin::new(pause).poll(context) else { return Poll::Pending };
        self.pause = None;
        Poll::Ready(match outcome {
            Ok(_) | Err(Errno::ETIME) => {
                let due = self.next;
                self.next = add(due, self.period);
                Ok(due)
            }
            Err(errno) => Err(errno),
        })
    }

    /// Returns [`poll_next`](Self::poll_next) as a future. Dropping the future loses nothing.
    #[allow(clippy::should_implement_trait, reason = "the name that streams have for it")]
    pub fn next(&mut self) -> NextTick<'_> {
        NextTick(self)
    }
}

/// The future of [`Ticks::next`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are polled"]
pub struct NextTick<'a>(&'a mut Ticks);

impl Future for NextTick<'_> {
    type Output = Result<Timespec, Errno>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use bare_uring::types::Timespec;

    use super::add;

    #[test]
    fn a_second_is_carried() {
        for (at, span, sum) in [
            ((1, 999_999_999), (0, 1), (2, 0)),
            ((1, 600_000_000), (2, 600_000_000), (4, 200_000_000)),
            ((1, 999_999_999), (0, 3_000_000_000), (4, 999_999_999)),
            ((i64::MAX, 999_999_999), (1, 1), (i64::MAX, 0)),
        ] {
            let [at, span, sum] = [at, span, sum].map(|(seconds, rest)| Timespec::new(seconds, rest));
            assert_eq!(add(at, span), sum, "{at:?} and {span:?}");
        }
    }
}
