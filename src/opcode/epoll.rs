//! Epoll sets.

use super::on_memory;
use crate::flags::net::EpollOp;
use crate::squeue::Entry;
use crate::types::EpollEvent;
use crate::types::address;
use crate::types::sealed::{UseFd, UseFixed};
use crate::uapi::io_uring_op::{IORING_OP_EPOLL_CTL, IORING_OP_EPOLL_WAIT};

/// Adds a file to an epoll set, changes its events, or removes it, as `epoll_ctl(2)`.
///
/// Since 5.6. The event must stay valid until the entry has been submitted.
///
/// Both files are named by descriptors: the kernel ignores `IOSQE_FIXED_FILE` here, and would take an index for a
/// descriptor. A [`Fixed`](crate::types::Fixed) therefore does not compile for the set:
///
/// ```compile_fail,E0277
/// use bare_uring::{opcode, types};
/// let event = types::EpollEvent::default();
/// opcode::EpollCtl::new(types::Fixed(0), types::Fd(5), types::EpollOp::ADD, &event);
/// ```
///
/// A `Fixed` does not compile for the file either:
///
/// ```compile_fail,E0277
/// use bare_uring::{opcode, types};
/// let event = types::EpollEvent::default();
/// opcode::EpollCtl::new(types::Fd(4), types::Fixed(0), types::EpollOp::ADD, &event);
/// ```
///
/// With descriptors it compiles:
///
/// ```
/// use bare_uring::{opcode, types};
/// let event = types::EpollEvent::default();
/// opcode::EpollCtl::new(types::Fd(4), types::Fd(5), types::EpollOp::ADD, &event);
/// ```
///
/// # Completion
///
/// 0 on success. `EEXIST`: the file is already in the set. `ENOENT`: the file is not in the set. `EPERM`: the file
/// cannot be polled. `EBADF`: a descriptor is not open. `EINVAL`: `epfd` is not an epoll set, the operation is unknown,
/// or the events do not go together. `ELOOP`, `ENOMEM`, `ENOSPC` as `epoll_ctl(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_EPOLL_CTL")]
#[doc(alias = "io_uring_prep_epoll_ctl")]
#[repr(transparent)]
pub struct EpollCtl(Entry);

request!(EpollCtl, IORING_OP_EPOLL_CTL);

impl EpollCtl {
    /// Applies `op` to `fd` in the set `epfd`. To remove a file, the event may be null.
    #[inline]
    #[must_use]
    pub fn new(epfd: impl UseFd, fd: impl UseFd, op: EpollOp, event: *const EpollEvent) -> Self {
        let mut entry = Entry::new(Self::CODE);
        // kernel: io_uring/epoll.c io_epoll_ctl_prep (6.12.117): both descriptors are taken as numbers of the process's
        // own table, without a look at the fixed-file flag; the event is copied at submission, and not read at all for
        // a removal; `buf_index` and `splice_fd_in` must be 0.
        entry.fd = epfd.into_fd().0;
        entry.addr = address(event);
        entry.len = op.0;
        // The kernel reads the lower 32 bits as a signed number.
        entry.off = u64::from(fd.into_fd().0.cast_unsigned());
        Self(entry)
    }
}

/// Waits for events of an epoll set, as `epoll_wait(2)`. It has no timeout of its own: link a
/// [`LinkTimeout`](super::LinkTimeout) behind it.
///
/// Since 6.15. The events must stay valid, and be used by nothing else, until the completion.
///
/// # Completion
///
/// The number of events written, at least one. `ECANCELED`: [cancelled](crate::opcode#cancelling), at once. `EINVAL`:
/// `fd` is not an epoll set, or `max_events` is 0. `EBADF`: `fd` is not open. `EFAULT`: the events are not writable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_EPOLL_WAIT")]
#[doc(alias = "io_uring_prep_epoll_wait")]
#[repr(transparent)]
pub struct EpollWait(Entry);

request!(EpollWait, IORING_OP_EPOLL_WAIT);

impl EpollWait {
    /// Waits for events of the set `fd`, and writes at most `max_events` of them to `events`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, events: *mut EpollEvent, max_events: u32) -> Self {
        Self(on_memory(Self::CODE, fd, events, max_events))
    }
}
