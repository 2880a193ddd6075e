//! Sets of epoll.

use super::on_memory;
use crate::flags::net::EpollOp;
use crate::squeue::Entry;
use crate::types::EpollEvent;
use crate::types::address;
use crate::types::sealed::{UseFd, UseFixed};
use crate::uapi::io_uring_op::{IORING_OP_EPOLL_CTL, IORING_OP_EPOLL_WAIT};

/// Adds a file to an epoll set, changes it there, or takes it out, as `epoll_ctl(2)`.
///
/// Since 5.6. The event must stay valid until the entry was submitted.
///
/// Both files go by their descriptors: the kernel does not look at `IOSQE_FIXED_FILE` here, and would take the number
/// of a slot for a descriptor. A [`Fixed`](crate::types::Fixed) therefore does not compile, neither as the set:
///
/// ```compile_fail,E0277
/// use bare_uring::{opcode, types};
/// let event = types::EpollEvent::default();
/// opcode::EpollCtl::new(types::Fixed(0), types::Fd(5), types::EpollOp::ADD, &event);
/// ```
///
/// nor as the file in it:
///
/// ```compile_fail,E0277
/// use bare_uring::{opcode, types};
/// let event = types::EpollEvent::default();
/// opcode::EpollCtl::new(types::Fd(4), types::Fixed(0), types::EpollOp::ADD, &event);
/// ```
///
/// With descriptors it does:
///
/// ```
/// use bare_uring::{opcode, types};
/// let event = types::EpollEvent::default();
/// opcode::EpollCtl::new(types::Fd(4), types::Fd(5), types::EpollOp::ADD, &event);
/// ```
///
/// # Completion
///
/// 0 on success. `EEXIST`: already in the set. `ENOENT`: not in it. `EPERM`: the file can't be polled. `EBADF`: not
/// open. `EINVAL`: not an epoll set, an unknown operation, events that do not go together. `ELOOP`, `ENOMEM`, `ENOSPC`
/// as `epoll_ctl(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_EPOLL_CTL")]
#[doc(alias = "io_uring_prep_epoll_ctl")]
#[repr(transparent)]
pub struct EpollCtl(Entry);

request!(EpollCtl, IORING_OP_EPOLL_CTL);

impl EpollCtl {
    /// Does `op` with `fd` in the set `epfd`; to take it out, the event may be null.
    #[inline]
    #[must_use]
    pub fn new(epfd: impl UseFd, fd: impl UseFd, op: EpollOp, event: *const EpollEvent) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = epfd.into_fd().0;
        entry.addr = address(event);
        entry.len = op.0;
        // The kernel reads the lower half back as a signed number.
        entry.off = u64::from(fd.into_fd().0.cast_unsigned());
        Self(entry)
    }
}

/// Waits for events of an epoll set, as `epoll_wait(2)`, without a timeout: link one behind it
/// ([`LinkTimeout`](super::LinkTimeout)).
///
/// Since 6.15. The events must stay valid, and nobody else's, until the completion.
///
/// # Completion
///
/// The number of events written, at least one. `ECANCELED`: [cancelled](crate::opcode#cancelling), at once. `EINVAL`:
/// not an epoll set, or room for no event. `EBADF`: not open. `EFAULT`: the events are not writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_EPOLL_WAIT")]
#[doc(alias = "io_uring_prep_epoll_wait")]
#[repr(transparent)]
pub struct EpollWait(Entry);

request!(EpollWait, IORING_OP_EPOLL_WAIT);

impl EpollWait {
    /// Writes at most `max_events` events of the set `fd` to `events`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, events: *mut EpollEvent, max_events: u32) -> Self {
        Self(on_memory(Self::CODE, fd, events, max_events))
    }
}
