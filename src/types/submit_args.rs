//! [`SubmitArgs`]: what a wait may carry.

use super::{Sigset, Timespec};

/// Limits of a wait: a timeout, a signal mask, a minimum time.
///
/// ```
/// use bare_uring::types::{SubmitArgs, Timespec};
///
/// let deadline = Timespec::new(2, 0);
/// let args = SubmitArgs::new().timespec(&deadline).min_wait_usec(50);
/// # let _ = args;
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "io_uring_getevents_arg")]
pub struct SubmitArgs<'now> {
    pub(crate) timespec: Option<&'now Timespec>,
    pub(crate) sigmask: Option<&'now Sigset>,
    pub(crate) min_wait_usec: u32,
    pub(crate) absolute: bool,
}

impl<'now> SubmitArgs<'now> {
    /// Starts without limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { timespec: None, sigmask: None, min_wait_usec: 0, absolute: false }
    }

    /// Ends the wait after this time, or with [`absolute`](Self::absolute) at this point of time.
    #[must_use]
    pub const fn timespec(mut self, timespec: &'now Timespec) -> Self {
        self.timespec = Some(timespec);
        self
    }

    /// Takes the timespec as a point of time, of CLOCK_MONOTONIC or of the clock registered for the ring. This keeps a deadline
    /// through interruptions.
    #[must_use]
    #[doc(alias = "IORING_ENTER_ABS_TIMER")]
    pub const fn absolute(mut self) -> Self {
        self.absolute = true;
        self
    }

    /// Blocks these signals during the wait, in place of the thread's own mask.
    #[must_use]
    pub const fn sigmask(mut self, sigmask: &'now Sigset) -> Self {
        self.sigmask = Some(sigmask);
        self
    }

    /// Waits for all completions that were asked for during this many microseconds; after that one completion ends the wait.
    /// Needs `FEAT_MIN_TIMEOUT` (6.12). Works with and without a timeout.
    #[must_use]
    pub const fn min_wait_usec(mut self, microseconds: u32) -> Self {
        self.min_wait_usec = microseconds;
        self
    }
}
