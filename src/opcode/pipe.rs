//! Pipes, and moving data through them without copying.

use crate::flags::{OpenFlags, SpliceFlags};
use crate::squeue::Entry;
use crate::types::address;
use crate::types::sealed::{Target, UseFixed};
use crate::types::{DestinationSlot, RawFd};
use crate::uapi;
use crate::uapi::io_uring_op::{IORING_OP_PIPE, IORING_OP_SPLICE, IORING_OP_TEE};

impl Entry {
    /// The same entry, which takes its data from this file, without flags.
    const fn splice_from(mut self, from: Target) -> Self {
        match from {
            Target::Fd(fd) => self.file_index = fd.0.cast_unsigned(),
            Target::Fixed(slot) => {
                self.file_index = slot.0;
                self.op_flags = uapi::SPLICE_F_FD_IN_FIXED;
            }
        }
        self
    }

    /// The same entry with these flags; where the data comes from stays as it is.
    const fn splice_flags(mut self, flags: SpliceFlags) -> Self {
        let fixed = self.op_flags & uapi::SPLICE_F_FD_IN_FIXED;
        self.op_flags = flags.0 & !uapi::SPLICE_F_FD_IN_FIXED | fixed;
        self
    }
}

/// Moves data between a pipe and another file, as `splice(2)`.
///
/// Since 5.7. Points to nothing. Each of the two can be a registered file. A worker does it, and waits there while the
/// pipe is empty or full.
///
/// # Completion
///
/// The number of bytes moved, which can be less than asked for, and then breaks a link; 0 is the end of the data.
/// `EINVAL`: neither is a pipe, an unknown flag, a file that can't be spliced. `EBADF`: no such file, or not open for
/// that direction. `ESPIPE`: an offset, though the file is a pipe. `EAGAIN`: nothing to do, and `SPLICE_F_NONBLOCK` or
/// `O_NONBLOCK` is set. `ECANCELED`, `EINTR`: cancelled, before it ran or in the middle (where some kernels say 512).
///
/// ```
/// use std::io::Read;
/// use std::os::fd::AsRawFd;
///
/// use bare_uring::opcode::Splice;
/// use bare_uring::types::{Fd, Fixed};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// let file = std::fs::File::open("Cargo.toml")?;
/// let (mut reader, writer) = std::io::pipe()?;
/// ring.submitter().register_files(&[file.as_raw_fd()])?;
/// // 16 bytes of the registered file, from its start on; a pipe has no offset (-1). Which of the two is registered,
/// // their types say: the flag for the input is set here.
/// let splice = Splice::new(Fixed(0), 0, Fd(writer.as_raw_fd()), -1, 16).build();
/// // SAFETY: it points to nothing.
/// unsafe { ring.submission().push(splice)? };
/// ring.submit_and_wait(1)?;
/// let outcome = ring.completion().next().expect("waited for one").outcome();
/// # if outcome == Err(bare_uring::Errno::EINVAL) { println!("skipped: before Linux 5.7"); return Ok(()) }
/// assert_eq!(outcome, Ok(16));
/// let mut text = [0; 16];
/// reader.read_exact(&mut text)?;
/// assert_eq!(text, std::fs::read("Cargo.toml")?[..16]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SPLICE")]
#[doc(alias = "io_uring_prep_splice")]
#[repr(transparent)]
pub struct Splice(Entry);

request!(Splice, IORING_OP_SPLICE);

impl Splice {
    /// Moves at most `len` bytes from `fd_in` to `fd_out`. An offset of -1 is none: the file's own position, and what a
    /// pipe must have.
    #[inline]
    #[must_use]
    #[doc(alias = "SPLICE_F_FD_IN_FIXED")]
    pub fn new(fd_in: impl UseFixed, off_in: i64, fd_out: impl UseFixed, off_out: i64, len: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd_out.into_target());
        entry.addr = off_in.cast_unsigned();
        entry.off = off_out.cast_unsigned();
        entry.len = len;
        Self(entry.splice_from(fd_in.into_target()))
    }

    /// `SPLICE_F_*`. That `fd_in` is a registered file is said by its type, not here.
    #[inline]
    #[must_use]
    pub const fn flags(self, flags: SpliceFlags) -> Self {
        Self(self.0.splice_flags(flags))
    }
}

/// Copies what is in a pipe to another one and leaves it there, as `tee(2)`.
///
/// Since 5.8. Points to nothing. Each of the two can be a registered file. A worker does it, and waits there while the
/// one pipe is empty or the other full.
///
/// # Completion
///
/// The number of bytes copied, which can be less than asked for, and then breaks a link; 0: nobody writes any more.
/// `EINVAL`: one is no pipe, both are the same, an unknown flag. `EBADF`: no such file, or not open for that direction.
/// `EAGAIN`: nothing to do, and `SPLICE_F_NONBLOCK` or `O_NONBLOCK` is set. `ECANCELED`, `EINTR`: cancelled, before it
/// ran or in the middle (where some kernels say 512).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_TEE")]
#[doc(alias = "io_uring_prep_tee")]
#[repr(transparent)]
pub struct Tee(Entry);

request!(Tee, IORING_OP_TEE);

impl Tee {
    /// Copies at most `len` bytes from `fd_in` to `fd_out`.
    #[inline]
    #[must_use]
    #[doc(alias = "SPLICE_F_FD_IN_FIXED")]
    pub fn new(fd_in: impl UseFixed, fd_out: impl UseFixed, len: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd_out.into_target());
        entry.len = len;
        Self(entry.splice_from(fd_in.into_target()))
    }

    /// `SPLICE_F_*`. That `fd_in` is a registered file is said by its type, not here.
    #[inline]
    #[must_use]
    pub const fn flags(self, flags: SpliceFlags) -> Self {
        Self(self.0.splice_flags(flags))
    }
}

/// Makes a pipe, as `pipe2(2)`.
///
/// Since 6.16. The two numbers must stay valid, and nobody else's, until the completion.
///
/// # Completion
///
/// 0, and the numbers written: first the end to read from, then the end to write to, as file descriptors, which are the
/// caller's to close, or as slots. `EINVAL`: an unknown flag; close-on-exec together with a slot; a slot outside the
/// registered files. `ENXIO`: no registered files. `EMFILE`, `ENFILE`: no descriptor, or no slot, is free. `EFAULT`:
/// the numbers can't be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_PIPE")]
#[doc(alias = "io_uring_prep_pipe")]
#[doc(alias = "io_uring_prep_pipe_direct")]
#[repr(transparent)]
pub struct Pipe(Entry);

request!(Pipe, IORING_OP_PIPE);

impl Pipe {
    /// Makes a pipe and writes its two numbers to `fds`.
    #[inline]
    #[must_use]
    pub fn new(fds: *mut [RawFd; 2]) -> Self {
        let mut entry = Entry::new(Self::CODE);
        // The kernel refuses any other descriptor than 0.
        entry.fd = 0;
        entry.addr = address(fds);
        Self(entry)
    }
}

file_index! {
    /// Puts both ends among the registered files, without file descriptors: the end to read from into this slot, the
    /// end to write to into the one after it; or each into a free one.
    Pipe
}

op_flags! {
    /// `O_CLOEXEC`, `O_NONBLOCK`, `O_DIRECT`, `O_NOTIFICATION_PIPE`.
    Pipe, OpenFlags
}
