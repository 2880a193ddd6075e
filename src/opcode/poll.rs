//! Waiting until a file is ready.

use crate::flags::{PollEvents, PollFlags};
use crate::squeue::Entry;
use crate::types::sealed::UseFixed;
use crate::uapi::io_uring_op::{IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE};

/// Waits until a file is ready, as `poll(2)`.
///
/// Since 5.1. Refers to no memory of the caller.
///
/// # Completion
///
/// The events that are ready ([`poll_events`](crate::cqueue::Entry::poll_events)), which may include `POLLERR` and
/// `POLLHUP` even if they were not asked for. `ECANCELED`: removed or cancelled, at once. `EBADF`: `fd` is not open.
/// `EINVAL`: [`multi`](Self::multi) together with the flag [`SKIP_SUCCESS`](crate::squeue::Flags::SKIP_SUCCESS). A file
/// that cannot be polled is always ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_POLL_ADD")]
#[doc(alias = "io_uring_prep_poll_add")]
#[doc(alias = "io_uring_prep_poll_multishot")]
#[repr(transparent)]
pub struct PollAdd(Entry);

request!(PollAdd, IORING_OP_POLL_ADD);

impl PollAdd {
    /// Waits for `events` on `fd`, once. Events above 16 bits since 5.9 (`FEAT_POLL_32BITS`).
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, events: PollEvents) -> Self {
        // kernel: io_uring/poll.c io_poll_add_prep (6.12.117): of the flags only the one for multishot is taken;
        // `addr`, `off` and `buf_index` must be 0.
        let mut entry = Entry::new(Self::CODE).target(fd.into_target());
        entry.op_flags = events.encoded();
        Self(entry)
    }

    /// Reports each time that the file becomes ready, until a completion without `MORE`. Since 5.13.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_POLL_ADD_MULTI")]
    pub const fn multi(mut self) -> Self {
        self.0.len |= PollFlags::ADD_MULTI.bits();
        self
    }

    /// Reports as long as the file is ready (level-triggered), not only when it becomes so. The flag is in the
    /// interface since 6.0, but Linux up to 7.3 at least refuses it with `EINVAL`.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_POLL_ADD_LEVEL")]
    pub const fn level(mut self) -> Self {
        self.0.len |= PollFlags::ADD_LEVEL.bits();
        self
    }
}

/// Cancels a poll, which is found by its user data.
///
/// Since 5.1. Refers to no memory of the caller.
///
/// # Completion
///
/// 0; the poll itself completes with `ECANCELED`. `ENOENT`: there is no such poll. `EALREADY`: the poll is just
/// completing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_POLL_REMOVE")]
#[doc(alias = "io_uring_prep_poll_remove")]
#[repr(transparent)]
pub struct PollRemove(Entry);

request!(PollRemove, IORING_OP_POLL_REMOVE);

impl PollRemove {
    /// Cancels the poll that carries `user_data`.
    #[inline]
    #[must_use]
    pub const fn new(user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        Self(entry)
    }
}

/// Changes a poll in place, which is found by its user data: the events, the user data that it carries, or both.
///
/// Since 5.13. Refers to no memory of the caller. The poll stays one-shot or multishot as it was. If an event that it
/// now waits for is ready already, it completes at once.
///
/// ```
/// use std::os::fd::AsRawFd;
/// use std::os::unix::net::UnixStream;
///
/// use bare_uring::opcode::{PollAdd, PollUpdate};
/// use bare_uring::types::{Fd, PollEvents};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// const POLLIN: u32 = 1;
/// const POLLOUT: u32 = 4;
/// let (socket, _peer) = UnixStream::pair()?;
/// // Nothing will ever arrive there.
/// let poll = PollAdd::new(Fd(socket.as_raw_fd()), PollEvents(POLLIN)).build().user_data(7);
/// // SAFETY: the request refers to no memory.
/// unsafe { ring.submission().push(poll)? };
/// ring.submit()?;
/// // From now on the poll waits for room to write, which there is, and carries 8. (`events(7, ..)` keeps the user
/// // data, `user_data(7, 8)` keeps the events.)
/// let update = PollUpdate::user_data(7, 8).with_events(PollEvents(POLLOUT)).build().user_data(1);
/// // SAFETY: the request refers to no memory.
/// unsafe { ring.submission().push(update)? };
/// ring.submit_and_wait(2)?;
/// let mut seen = [(0, Ok(0)); 2];
/// for (seen, cqe) in seen.iter_mut().zip(ring.completion()) {
///     *seen = (cqe.user_data(), cqe.outcome());
/// }
/// # if seen.contains(&(1, Err(bare_uring::Errno::EINVAL))) { println!("skipped: before Linux 5.13"); return Ok(()) }
/// seen.sort_by_key(|&(user_data, _)| user_data);
/// assert_eq!(seen, [(1, Ok(0)), (8, Ok(POLLOUT))]);
/// # Ok(())
/// # }
/// ```
///
/// # Completion
///
/// 0: the poll was changed. `ENOENT`: there is no such poll. `EALREADY`: the poll is just completing. If the changed
/// poll cannot be armed again, it completes with `ECANCELED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_POLL_REMOVE")]
#[doc(alias = "io_uring_prep_poll_update")]
#[repr(transparent)]
pub struct PollUpdate(Entry);

request!(PollUpdate, IORING_OP_POLL_REMOVE);

impl PollUpdate {
    /// Changes the events of the poll that carries `user_data`. The kernel takes the lower 16 bits of them.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_POLL_UPDATE_EVENTS")]
    pub const fn events(user_data: u64, events: PollEvents) -> Self {
        Self::of(user_data).with_events(events)
    }

    /// Changes the user data of the poll that carries `old` to `new`.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_POLL_UPDATE_USER_DATA")]
    pub const fn user_data(old: u64, new: u64) -> Self {
        Self::of(old).with_user_data(new)
    }

    /// Changes the poll's events too.
    #[inline]
    #[must_use]
    pub const fn with_events(mut self, events: PollEvents) -> Self {
        // kernel: io_uring/poll.c io_poll_remove (6.12.117): the lower 16 bits of the events are replaced; the bits
        // above, among them one-shot, stay those of the poll.
        self.0.len |= PollFlags::UPDATE_EVENTS.bits();
        self.0.op_flags = events.encoded();
        self
    }

    /// Changes the poll's user data too.
    #[inline]
    #[must_use]
    pub const fn with_user_data(mut self, new: u64) -> Self {
        // kernel: io_uring/poll.c io_poll_remove_prep (6.12.117): `off` must be 0 unless the user data is changed, and
        // the events must be 0 unless the events are changed.
        self.0.len |= PollFlags::UPDATE_USER_DATA.bits();
        self.0.off = new;
        self
    }

    /// Says that the poll is multishot. The kernel accepts the flag, and keeps the poll as it is in any case.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_POLL_ADD_MULTI")]
    pub const fn multi(mut self) -> Self {
        self.0.len |= PollFlags::ADD_MULTI.bits();
        self
    }

    const fn of(user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.addr = user_data;
        Self(entry)
    }
}
