//! Messages to other rings. The target ring is named by its descriptor, because the kernel does not let rings be
//! registered files.

use crate::flags::CqeFlags;
use crate::squeue::Entry;
use crate::types::sealed::UseFd;
use crate::types::{DestinationSlot, Fixed};
use crate::uapi::io_uring_msg_ring_flags::IORING_MSG_SEND_FD;
use crate::uapi::io_uring_op::IORING_OP_MSG_RING;
use crate::uapi::{IORING_MSG_RING_CQE_SKIP, IORING_MSG_RING_FLAGS_PASS};

/// Posts a completion to another ring, or to this one.
///
/// Since 5.18. Refers to no memory of the caller. From a thread that has no ring,
/// [`register_sync_msg`](crate::register::register_sync_msg) does it.
///
/// # Completion
///
/// 0: the completion is in the other ring, or on its way to the task of a DEFER_TASKRUN ring. `EBADFD`: the file is no
/// ring, or the ring is disabled. `EBADF`: the descriptor is not open. `EOVERFLOW`, `ENOMEM`: there is no memory to
/// keep the completion in. `EOWNERDEAD`: the ring's task is gone. `EINVAL`: the request has a personality, or the
/// kernel does not know a part of it.
///
/// ```
/// use bare_uring::opcode::MsgRingData;
/// use bare_uring::types::Fd;
/// use bare_uring::IoUring;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// let mut other = IoUring::new(8)?;
/// let message = MsgRingData::new(Fd(other.fd()), -5, 42).build().user_data(1);
/// // SAFETY: the request refers to no memory.
/// unsafe { ring.submission().push(message)? };
/// ring.submit_and_wait(1)?;
/// let sent = ring.completion().next().expect("waited for one");
/// # if sent.outcome() == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 5.18"); return Ok(()) }
/// assert_eq!((sent.user_data(), sent.outcome()), (1, Ok(0)));
/// // The other ring gets this completion.
/// other.submit_and_wait(1)?;
/// let arrived = other.completion().next().expect("waited for one");
/// assert_eq!((arrived.user_data(), arrived.result()), (42, -5));
/// # Ok(())
/// # }
/// ```
///
/// A ring among registered files does not compile:
///
/// ```compile_fail,E0277
/// use bare_uring::{opcode::MsgRingData, types::Fixed};
/// let _ = MsgRingData::new(Fixed(0), -5, 42);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_MSG_RING")]
#[doc(alias = "IORING_MSG_DATA")]
#[doc(alias = "io_uring_prep_msg_ring")]
#[doc(alias = "io_uring_prep_msg_ring_cqe_flags")]
#[repr(transparent)]
pub struct MsgRingData(Entry);

request!(MsgRingData, IORING_OP_MSG_RING);

impl MsgRingData {
    /// Makes a message to the ring `ring`: a completion with this result and user data.
    ///
    /// Any result is passed on, even a negative one that is no errno.
    #[inline]
    #[must_use]
    pub fn new(ring: impl UseFd, result: i32, user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = ring.into_fd().0;
        // kernel: io_uring/msg_ring.c io_msg_ring_data (6.12.117): the completion's result is `len` as it is, its user
        // data `off`, its flags `file_index` if the pass flag is set; `addr3` must be 0, and so must `file_index`
        // without the pass flag.
        entry.len = result.cast_unsigned();
        entry.off = user_data;
        Self(entry)
    }

    /// Sets the completion's flags. The default is no flag. Since 6.3.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_MSG_RING_FLAGS_PASS")]
    pub const fn flags(mut self, flags: CqeFlags) -> Self {
        self.0.op_flags = IORING_MSG_RING_FLAGS_PASS;
        self.0.file_index = flags.bits();
        self
    }
}

/// Copies one of this ring's registered files to an index of another ring's registered files.
///
/// Since 6.0. Refers to no memory of the caller. The other ring gets a completion with the user data and the result
/// below, unless [`skip`](Self::skip).
///
/// # Completion
///
/// 0, or the index if it was [`ALLOCATE`](DestinationSlot::ALLOCATE)d. `EBADF`: this ring has no such file, or `ring` is
/// not open. `EBADFD`: `ring` is no ring, or is disabled. `EINVAL`: `ring` is this ring, or has no such index. `ENXIO`:
/// `ring` has no registered files. `ENFILE`: no index of `ring` is free. `EOVERFLOW`: the file was copied, but there was
/// no memory for the other ring's completion. `EOWNERDEAD`: the ring's task is gone.
///
/// ```
/// use std::os::fd::AsRawFd;
///
/// use bare_uring::opcode::{Close, MsgRingSendFd};
/// use bare_uring::types::{DestinationSlot, Fd, Fixed};
/// use bare_uring::IoUring;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// let mut other = IoUring::new(8)?;
/// let file = std::fs::File::open("/dev/null")?;
/// let sparse = other.submitter().register_files_sparse(4);
/// # if sparse == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 5.19"); return Ok(()) }
/// sparse?;
/// ring.submitter().register_files(&[file.as_raw_fd()])?;
/// let send = MsgRingSendFd::new(Fd(other.fd()), Fixed(0), DestinationSlot::ALLOCATE, 42).build();
/// // SAFETY: the request refers to no memory.
/// unsafe { ring.submission().push(send)? };
/// ring.submit_and_wait(1)?;
/// let sent = ring.completion().next().expect("waited for one");
/// # if sent.outcome() == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 6.0"); return Ok(()) }
/// let index = sent.outcome()?;
/// // The other ring gets the index too, and can use the file at once.
/// other.submit_and_wait(1)?;
/// let arrived = other.completion().next().expect("waited for one");
/// assert_eq!((arrived.user_data(), arrived.outcome()), (42, Ok(index)));
/// // SAFETY: the request refers to no memory.
/// unsafe { other.submission().push(Close::new(Fixed(index)).build())? };
/// other.submit_and_wait(1)?;
/// assert_eq!(other.completion().next().expect("waited for one").outcome(), Ok(0));
/// # Ok(())
/// # }
/// ```
///
/// As with [`MsgRingData`], a ring among registered files does not compile:
///
/// ```compile_fail,E0277
/// use bare_uring::{opcode::MsgRingSendFd, types::{DestinationSlot, Fixed}};
/// let _ = MsgRingSendFd::new(Fixed(0), Fixed(1), DestinationSlot::ALLOCATE, 42);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_MSG_RING")]
#[doc(alias = "IORING_MSG_SEND_FD")]
#[doc(alias = "io_uring_prep_msg_ring_fd")]
#[doc(alias = "io_uring_prep_msg_ring_fd_alloc")]
#[repr(transparent)]
pub struct MsgRingSendFd(Entry);

request!(MsgRingSendFd, IORING_OP_MSG_RING);

impl MsgRingSendFd {
    /// Copies the file at index `source` to `destination` of the ring `ring`, whose completion carries `user_data`.
    #[inline]
    #[must_use]
    pub fn new(ring: impl UseFd, source: Fixed, destination: DestinationSlot, user_data: u64) -> Self {
        let mut entry = Entry::new(Self::CODE);
        entry.fd = ring.into_fd().0;
        // kernel: io_uring/msg_ring.c io_msg_install_complete (6.12.117): the file is installed first and the
        // completion posted second, so that `EOVERFLOW` means that the file is there.
        entry.addr = IORING_MSG_SEND_FD as u64;
        entry.off = user_data;
        entry.addr3 = u64::from(source.0);
        entry.file_index = destination.encoded();
        Self(entry)
    }

    /// Posts no completion to the other ring.
    #[inline]
    #[must_use]
    #[doc(alias = "IORING_MSG_RING_CQE_SKIP")]
    pub const fn skip(mut self) -> Self {
        self.0.op_flags |= IORING_MSG_RING_CQE_SKIP;
        self
    }
}
