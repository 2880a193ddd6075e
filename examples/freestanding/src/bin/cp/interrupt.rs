//! Turns signals that ask the program to end into completions.
//!
//! The signals are blocked, and a poll request waits for them. When one arrives, the copy stops, cleans up, and
//! unblocks the signal. The signal then ends the program, so that the parent process sees which signal it was.

use bare_uring::types::{Fd, PollEvents, RawFd, Sigset};
use bare_uring::{Errno, IoUring, opcode};
use freestanding::sys;
use linux_raw_sys::general::{EPOLLIN, SIGHUP, SIGINT, SIGTERM};

use crate::failure::Failure;

/// User data of the poll request.
pub(crate) const USER_DATA: u64 = 1 << 32;

/// The signals that this program waits for.
pub(crate) struct Interrupt {
    signals: Sigset,
    fd: RawFd,
}

impl Interrupt {
    /// Blocks the signals, so that one that arrives stays pending until [`watch`](Self::watch) looks for it. Signals
    /// that are ignored stay ignored.
    pub(crate) fn block() -> Result<Self, Failure> {
        let (signals, fd) = sys::watch_signals(&[SIGHUP, SIGINT, SIGTERM]).map_err(Failure::ring)?;
        Ok(Self { signals, fd })
    }

    /// Queues the request that waits for a signal. Must come after all calls of [`freestanding::request::run`], which
    /// drops the completions of other requests.
    pub(crate) fn watch(&self, ring: &mut IoUring) -> Result<(), Failure> {
        let poll = opcode::PollAdd::new(Fd(self.fd), PollEvents(EPOLLIN)).build().user_data(USER_DATA);
        // SAFETY: the request points to nothing.
        unsafe { ring.submission().push(poll) }.map_err(|_| Failure::ring(Errno::EBUSY))
    }

    /// Unblocks the pending signal, which ends the program.
    pub(crate) fn act(&self) {
        let _ = sys::unblock(self.signals);
    }
}
