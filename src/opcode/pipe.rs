//! Pipes, and moving data through them without copying.

use crate::flags::{OpenFlags, SpliceFlags};
use crate::squeue::Entry;
use crate::types::address;
use crate::types::sealed::{Target, UseFixed};
use crate::types::{DestinationSlot, RawFd};
use crate::uapi;
use crate::uapi::io_uring_op::{IORING_OP_PIPE, IORING_OP_SPLICE, IORING_OP_TEE};

impl Entry {
    /// Makes the entry take its data from this file, without flags.
    const fn splice_from(mut self, from: Target) -> Self {
        match from {
            Target::Fd(fd) => self.file_index = fd.0.cast_unsigned(),
            Target::Fixed(index) => {
                self.file_index = index.0;
                self.op_flags = uapi::SPLICE_F_FD_IN_FIXED;
            }
        }
        self
    }

    /// Sets flags, and keeps the flag that says whether the input is a registered file.
    const fn splice_flags(mut self, flags: SpliceFlags) -> Self {
        let fixed = self.op_flags & uapi::SPLICE_F_FD_IN_FIXED;
        self.op_flags = flags.0 & !uapi::SPLICE_F_FD_IN_FIXED | fixed;
        self
    }
}

/// Moves data between a pipe and another file, as `splice(2)`.
///
/// Since 5.7. Refers to no memory of the caller. Each of the two can be a registered file. The request runs in a
/// worker, which waits while the pipe is empty or full.
///
/// # Completion
///
/// The number of bytes moved, which can be less than asked for, and then breaks a link; 0 is the end of the data.
/// `EINVAL`: neither file is a pipe, a flag is unknown, or a file cannot be spliced. `EBADF`: a file is not open, or
/// not open for that direction. `ESPIPE`: there is an offset although the file is a pipe. `EAGAIN`: there is nothing to
/// move, and `SPLICE_F_NONBLOCK` or `O_NONBLOCK` is set. `ECANCELED`, `EINTR`: cancelled, before it ran or in the
/// middle (some kernels then return 512).
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
/// // 16 bytes from the start of the registered file; a pipe has no offset (-1). The types of the two files say which
/// // one is registered: `new` sets the flag for the input.
/// let splice = Splice::new(Fixed(0), 0, Fd(writer.as_raw_fd()), -1, 16).build();
/// // SAFETY: the request refers to no memory.
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
    /// Moves at most `len` bytes from `fd_in` to `fd_out`. An offset of -1 means no offset: the file's own position is
    /// used. A pipe must have an offset of -1.
    #[inline]
    #[must_use]
    #[doc(alias = "SPLICE_F_FD_IN_FIXED")]
    pub fn new(fd_in: impl UseFixed, off_in: i64, fd_out: impl UseFixed, off_out: i64, len: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).target(fd_out.into_target());
        // kernel: io_uring/splice.c io_splice_prep, io_splice (6.12.117): the input's offset is read from `addr` and
        // the output's from `off`; -1 means none.
        // kernel: io_uring/splice.c io_splice (6.12.117): the input file is looked up when the request runs, and is a
        // registered one if the flag for that is set; a result below the length marks the request as failed, which
        // breaks a chain of links.
        entry.addr = off_in.cast_unsigned();
        entry.off = off_out.cast_unsigned();
        entry.len = len;
        Self(entry.splice_from(fd_in.into_target()))
    }

    /// Sets `SPLICE_F_*` flags. The type of `fd_in`, not a flag, says whether it is a registered file.
    #[inline]
    #[must_use]
    pub const fn flags(self, flags: SpliceFlags) -> Self {
        Self(self.0.splice_flags(flags))
    }
}

/// Copies data from one pipe to another and leaves it in the first, as `tee(2)`.
///
/// Since 5.8. Refers to no memory of the caller. Each of the two can be a registered file. The request runs in a
/// worker, which waits while the input is empty or the output is full.
///
/// # Completion
///
/// The number of bytes copied, which can be less than asked for, and then breaks a link; 0: the input has no writer any
/// more. `EINVAL`: a file is no pipe, both are the same pipe, or a flag is unknown. `EBADF`: a file is not open, or not
/// open for that direction. `EAGAIN`: there is nothing to copy, and `SPLICE_F_NONBLOCK` or `O_NONBLOCK` is set.
/// `ECANCELED`, `EINTR`: cancelled, before it ran or in the middle (some kernels then return 512).
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

    /// Sets `SPLICE_F_*` flags. The type of `fd_in`, not a flag, says whether it is a registered file.
    #[inline]
    #[must_use]
    pub const fn flags(self, flags: SpliceFlags) -> Self {
        Self(self.0.splice_flags(flags))
    }
}

/// Makes a pipe, as `pipe2(2)`.
///
/// Since 6.16. The two numbers at `fds` must stay valid, and be used by nothing else, until the completion.
///
/// # Completion
///
/// 0, and the numbers are written, first that of the end to read from, then that of the end to write to. They are file
/// descriptors, which the caller must close, or indices. `EINVAL`: a flag is unknown; close-on-exec together with an
/// index; an index is outside the registered files. `ENXIO`: there are no registered files. `EMFILE`, `ENFILE`: no
/// descriptor, or no index, is free. `EFAULT`: the numbers cannot be written.
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
    /// Puts both ends among the registered files, without file descriptors: the end to read from at this index, and
    /// the end to write to at the next; or each at a free index.
    Pipe
}

op_flags! {
    /// Sets `O_CLOEXEC`, `O_NONBLOCK`, `O_DIRECT`, `O_NOTIFICATION_PIPE`.
    Pipe, OpenFlags
}
