//! Signals that want the program to end, as completions.
//!
//! They are blocked, and a poll request watches for them. When one has come, the copy stops, cleans up, and lets the
//! signal through, which then ends the program as it would have at once: whoever started it sees by which.

use bare_uring::types::{Fd, PollEvents, RawFd, Sigset};
use bare_uring::{Errno, IoUring, opcode};
use freestanding::sys;
use linux_raw_sys::general::{EPOLLIN, SIGHUP, SIGINT, SIGTERM};

use crate::failure::Failure;

/// What the completion of the poll request carries.
pub(crate) const USER_DATA: u64 = 1 << 32;

/// The signals that this program waits for.
pub(crate) struct Interrupt {
    signals: Sigset,
    fd: RawFd,
}

impl Interrupt {
    /// Blocks the signals: one that comes now waits for [`watch`](Self::watch).
    ///
    /// One that is ignored, as `nohup` sets it, stays so.
    pub(crate) fn block() -> Result<Self, Failure> {
        let signals = [SIGHUP, SIGINT, SIGTERM]
            .into_iter()
            .filter(|&signal| !sys::is_ignored(signal))
            .fold(Sigset::EMPTY, Sigset::with);
        sys::block(signals).map_err(Failure::ring)?;
        let fd = sys::signal_fd(signals).map_err(Failure::ring)?;
        Ok(Self { signals, fd })
    }

    /// Queues the request that watches for them. Not before requests that are run one by one, which drop the
    /// completions of others.
    pub(crate) fn watch(&self, ring: &mut IoUring) -> Result<(), Failure> {
        let poll = opcode::PollAdd::new(Fd(self.fd), PollEvents(EPOLLIN)).build().user_data(USER_DATA);
        // SAFETY: the request points to nothing.
        unsafe { ring.submission().push(poll) }.map_err(|_| Failure::ring(Errno::EBUSY))
    }

    /// Lets the signal act that has come. It ends the program.
    pub(crate) fn act(&self) {
        let _ = sys::unblock(self.signals);
    }
}
