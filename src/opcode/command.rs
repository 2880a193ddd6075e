//! Commands that are defined by the file they go to: a socket, or a driver. Those of block devices are in `block.rs`.

use crate::flags::SqeFlags;
use crate::squeue::{Entry, Entry128, LargeEntry};
use crate::types::address;
use crate::types::sealed::UseFixed;
use crate::uapi::io_uring_op::IORING_OP_URING_CMD;
use crate::uapi::io_uring_socket_op::{
    SOCKET_URING_OP_GETSOCKOPT, SOCKET_URING_OP_SETSOCKOPT, SOCKET_URING_OP_SIOCINQ, SOCKET_URING_OP_SIOCOUTQ,
    SOCKET_URING_OP_TX_TIMESTAMP,
};
use crate::uapi::{
    IORING_OP_URING_CMD128, IORING_URING_CMD_FIXED, IORING_URING_CMD_MULTISHOT, SOCKET_URING_OP_GETSOCKNAME,
};

/// Packs two 32-bit fields that follow each other into the 64-bit field in whose place they stand.
const fn pair(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// Reads the 8 bytes from `at` on as the 64-bit field in whose place they stand; `at` is at most `N` - 8.
const fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    let mut word = [0; 8];
    let mut i = 0;
    while i < word.len() {
        word[i] = bytes[at + i];
        i += 1;
    }
    u64::from_ne_bytes(word)
}

/// Builds a command without arguments.
pub(super) fn command(code: u8, fd: impl UseFixed, cmd_op: u32) -> Entry {
    let mut entry = Entry::new(code).target(fd.into_target());
    // kernel: io_uring/uring_cmd.c io_uring_cmd_prep (6.12.117): `cmd_op` is the first half of `off`, and the other
    // half must be 0; flags that the kernel does not know are `EINVAL`.
    // kernel: io_uring/uring_cmd.c io_uring_cmd_prep_setup, io_uring_cmd (6.12.117): unless the request has ASYNC, the
    // kernel keeps the entry's address, and goes on reading the queue's slot, also when a first attempt is repeated.
    // kernel: io_uring/io_uring.c io_submit_sqe, io_submit_state_end (6.12.117): a request behind another of its chain
    // runs after that one, and the head of a chain that the submission cuts runs in a worker. Neither copies the entry.
    // kernel: io_uring/io_uring.c io_req_sqe_copy, io_submit_sqe, io_queue_async, io_queue_sqe_fallback (7.3): the
    // entry is copied before its slot is given back, wherever the command may still run after the submission.
    entry.off = pair(cmd_op, 0);
    entry
}

/// Defines what commands of every size have.
macro_rules! command {
    ($name:ident) => {
        impl $name {
            /// Makes the command `cmd_op` for `fd`, without arguments.
            #[inline]
            #[must_use]
            pub fn new(fd: impl UseFixed, cmd_op: u32) -> Self {
                Self::of(command(Self::CODE, fd, cmd_op))
            }

            /// Sets the entry's address field, for commands that read it.
            #[inline]
            #[must_use]
            pub const fn addr(mut self, addr: u64) -> Self {
                self.entry_mut().addr = addr;
                self
            }

            /// Sets the entry's length field, for commands that read it.
            #[inline]
            #[must_use]
            pub const fn len(mut self, len: u32) -> Self {
                self.entry_mut().len = len;
                self
            }

            /// Says that the command's memory lies in this registered buffer. Since 6.1.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_URING_CMD_FIXED")]
            pub const fn fixed_buffer(mut self, buf_index: u16) -> Self {
                self.entry_mut().op_flags |= IORING_URING_CMD_FIXED;
                self.entry_mut().buf_index = buf_index;
                self
            }

            /// Completes repeatedly, each time with a buffer of this group, until a completion without `MORE`. Not
            /// together with a registered buffer. Since 6.18.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_URING_CMD_MULTISHOT")]
            pub const fn multishot(mut self, buf_group: u16) -> Self {
                self.entry_mut().op_flags |= IORING_URING_CMD_MULTISHOT;
                self.entry_mut().flags |= SqeFlags::BUFFER_SELECT.bits();
                self.entry_mut().buf_index = buf_group;
                self
            }
        }
    };
}

/// Defines what commands with 80 bytes of their own have.
macro_rules! large_command {
    ($name:ident, $code:ident) => {
        command!($name);

        impl $name {
            /// The number of the opcode.
            pub const CODE: u8 = $code as u8;

            /// Sets the command's own 80 bytes.
            #[inline]
            #[must_use]
            pub const fn cmd(mut self, cmd: [u8; 80]) -> Self {
                self.0.entry.addr3 = word(&cmd, 0);
                self.0.entry.attr_type_mask = word(&cmd, 8);
                let mut i = 0;
                while i < self.0.tail.len() {
                    self.0.tail[i] = word(&cmd, 16 + 8 * i);
                    i += 1;
                }
                self
            }

            const fn of(entry: Entry) -> Self {
                Self(Entry128 { entry, tail: [0; 8] })
            }

            const fn entry_mut(&mut self) -> &mut Entry {
                &mut self.0.entry
            }
        }
    };
}

/// Sends a command to a file, with 16 bytes of its own.
///
/// Since 5.19. The file decides which memory must stay valid until when, and what the completion holds; keep all of it
/// until the completion. Once the file has the command, no cancellation finds it, unless the command waits for the file
/// to be ready; a file can allow its commands to end early when the ring or its task ends.
///
/// # Reused slots, on Linux 6.10 to 6.13
///
/// Kernels of these releases (6.13 up to 6.13.3, 6.12 up to 6.12.117 at least) read the arguments of a command from its
/// slot in the submission queue each time the command runs, not when the entry is consumed. Two kinds of commands run
/// after the slot was given back:
///
/// - A command in a chain: behind a request with `IO_LINK` or `IO_HARDLINK`, or itself with such a flag.
/// - A command that the file cannot do at once, so that the kernel tries again later. That is so for every
///   [`BlockDiscard`](super::BlockDiscard) of a range too long for one operation of the device.
///
/// By then the slot may hold another request, whose fields the kernel takes for the command's: it discards another
/// range, or writes to another address. Set [`ASYNC`](crate::squeue::Flags::ASYNC) on every command where one of these
/// kernels may run: then the kernel copies the entry when it consumes the entry, and a worker thread runs the command.
/// Where the file does not take commands from a worker, don't link them, and push so few requests that the slot is not
/// used again before the command's completion. Other kernels copy the entry in time. Of all opcodes only commands are
/// read late.
///
/// # Completion
///
/// The file's answer; a 32-byte completion may hold a second one. `EOPNOTSUPP`: the file takes no commands, or not this
/// one (a socket returns this; a block device returns `EINVAL`). `EFAULT`: there is no such registered buffer.
/// `EINVAL`: the kernel does not know a flag, or the file needs a larger entry or completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_URING_CMD")]
#[doc(alias = "io_uring_prep_uring_cmd")]
#[repr(transparent)]
pub struct UringCmd16(Entry);

request!(UringCmd16, IORING_OP_URING_CMD);
command!(UringCmd16);

impl UringCmd16 {
    /// Sets the command's own 16 bytes.
    #[inline]
    #[must_use]
    pub const fn cmd(mut self, cmd: [u8; 16]) -> Self {
        self.0.addr3 = word(&cmd, 0);
        self.0.attr_type_mask = word(&cmd, 8);
        self
    }

    const fn of(entry: Entry) -> Self {
        Self(entry)
    }

    const fn entry_mut(&mut self) -> &mut Entry {
        &mut self.0
    }
}

/// Sends a command to a file, with 80 bytes of its own, on a ring whose entries all have 128 bytes.
///
/// Since 5.19. For a ring with both entry sizes use [`UringCmd128`].
///
/// On Linux 6.10 to 6.13 set `ASYNC`, or the kernel may read the arguments of another request: see [`UringCmd16`].
///
/// # Completion
///
/// The result and the errors are those of [`UringCmd16`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_URING_CMD")]
#[repr(transparent)]
pub struct UringCmd80(Entry128);

large_command!(UringCmd80, IORING_OP_URING_CMD);

impl UringCmd80 {
    /// Returns the entry to push.
    #[inline]
    #[must_use]
    pub const fn build(self) -> Entry128 {
        self.0
    }
}

/// Sends a command to a file, with 80 bytes of its own, by an opcode that always has 128 bytes.
///
/// Since 6.19. For rings with both entry sizes, and for rings whose entries all have 128 bytes.
///
/// # Completion
///
/// The result and the errors are those of [`UringCmd16`]. `EINVAL` too: the kernel is older, or the ring has entries of
/// 64 bytes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_URING_CMD128")]
#[doc(alias = "io_uring_prep_uring_cmd128")]
#[repr(transparent)]
pub struct UringCmd128(Entry128);

large_command!(UringCmd128, IORING_OP_URING_CMD128);

impl UringCmd128 {
    /// Returns the entry to push.
    #[inline]
    #[must_use]
    pub const fn build(self) -> LargeEntry {
        LargeEntry { whole: self.0 }
    }
}

/// Asks how many received bytes of a socket have not been read yet.
///
/// Since 6.7. Refers to no memory of the caller.
///
/// On Linux 6.10 to 6.13 set `ASYNC`, or the kernel may read another request: see [`UringCmd16`].
///
/// # Completion
///
/// The number of bytes. `EOPNOTSUPP`: the socket's protocol cannot tell, or the file is no socket. `EINVAL`: the socket
/// listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SOCKET_URING_OP_SIOCINQ")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[repr(transparent)]
pub struct SiocInq(Entry);

request!(SiocInq, IORING_OP_URING_CMD);

impl SiocInq {
    /// Asks the socket `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed) -> Self {
        Self(command(Self::CODE, fd, SOCKET_URING_OP_SIOCINQ as u32))
    }
}

/// Asks how many sent bytes of a socket its peer has not acknowledged yet.
///
/// Since 6.7. Refers to no memory of the caller.
///
/// On Linux 6.10 to 6.13 set `ASYNC`, or the kernel may read another request: see [`UringCmd16`].
///
/// # Completion
///
/// The number of bytes. The errors are those of [`SiocInq`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SOCKET_URING_OP_SIOCOUTQ")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[repr(transparent)]
pub struct SiocOutq(Entry);

request!(SiocOutq, IORING_OP_URING_CMD);

impl SiocOutq {
    /// Asks the socket `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed) -> Self {
        Self(command(Self::CODE, fd, SOCKET_URING_OP_SIOCOUTQ as u32))
    }
}

/// Gets an option of a socket, as `getsockopt(2)`.
///
/// Since 6.7. The value's memory must stay valid, and be used by nothing else, until the completion.
///
/// On Linux 6.10 to 6.13 set `ASYNC`, or the kernel may read the arguments of another request: see [`UringCmd16`].
///
/// # Completion
///
/// The number of bytes written: the option's length, or `optlen` if that is less. `EOPNOTSUPP`: a level other than
/// `SOL_SOCKET`, or no socket. The other errors are those of `getsockopt(2)`.
///
/// ```
/// use std::os::fd::AsRawFd;
///
/// use bare_uring::opcode::GetSockOpt;
/// use bare_uring::types::{Fd, SocketType};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut ring = match bare_uring::IoUring::new(8) {
/// #     Ok(ring) => ring,
/// #     Err(error) => { println!("skipped: {error}"); return Ok(()) }
/// # };
/// const SOL_SOCKET: u32 = 1;
/// const SO_TYPE: u32 = 3;
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// let mut value = [0; 4];
/// let option = GetSockOpt::new(Fd(socket.as_raw_fd()), SOL_SOCKET, SO_TYPE, value.as_mut_ptr(), 4).build();
/// // SAFETY: `value` stays until the completion, and nothing else uses it.
/// unsafe { ring.submission().push(option)? };
/// ring.submit_and_wait(1)?;
/// let outcome = ring.completion().next().expect("waited for one").outcome();
/// # if outcome == Err(bare_uring::Errno::EOPNOTSUPP) { println!("skipped: before Linux 6.7"); return Ok(()) }
/// assert_eq!((outcome, u32::from_ne_bytes(value)), (Ok(4), SocketType::DGRAM.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SOCKET_URING_OP_GETSOCKOPT")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[doc(alias = "io_uring_prep_cmd_sock")]
#[repr(transparent)]
pub struct GetSockOpt(Entry);

request!(GetSockOpt, IORING_OP_URING_CMD);

impl GetSockOpt {
    /// Writes the option `optname` of `level` to the `optlen` bytes at `optval`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, level: u32, optname: u32, optval: *mut u8, optlen: u32) -> Self {
        // kernel: io_uring/uring_cmd.c io_uring_cmd_getsockopt (6.12.117): the length is passed by value in the entry
        // and the new length comes back as the result, so that there is no length in memory as `getsockopt(2)` has it;
        // a level other than `SOL_SOCKET` is `EOPNOTSUPP`.
        let entry = command(Self::CODE, fd, SOCKET_URING_OP_GETSOCKOPT as u32);
        Self(option(entry, level, optname, address(optval), optlen))
    }
}

/// Sets an option of a socket, as `setsockopt(2)`.
///
/// Since 6.7. The value must stay valid and unchanged until the completion.
///
/// On Linux 6.10 to 6.13 set `ASYNC`, or the kernel may read the arguments of another request: see [`UringCmd16`].
///
/// # Completion
///
/// 0: the option is set. `EOPNOTSUPP`: the file is no socket. The other errors are those of `setsockopt(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SOCKET_URING_OP_SETSOCKOPT")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[doc(alias = "io_uring_prep_cmd_sock")]
#[repr(transparent)]
pub struct SetSockOpt(Entry);

request!(SetSockOpt, IORING_OP_URING_CMD);

impl SetSockOpt {
    /// Sets the option `optname` of `level` to the `optlen` bytes at `optval`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, level: u32, optname: u32, optval: *const u8, optlen: u32) -> Self {
        let entry = command(Self::CODE, fd, SOCKET_URING_OP_SETSOCKOPT as u32);
        Self(option(entry, level, optname, address(optval), optlen))
    }
}

const fn option(mut entry: Entry, level: u32, optname: u32, optval: u64, optlen: u32) -> Entry {
    entry.addr = pair(level, optname);
    entry.addr3 = optval;
    entry.file_index = optlen;
    entry
}

/// Reports when the packets of a socket were sent. Multishot: each timestamp is one 32-byte completion, which
/// [`tx_timestamp`](crate::cqueue::Entry32::tx_timestamp) reads.
///
/// Since 6.17. Refers to no memory of the caller. Turn timestamps on with the socket option `SO_TIMESTAMPING`, with
/// `SOF_TIMESTAMPING_OPT_TSONLY`: packets that come back with their content stay in the socket's error queue.
///
/// # Completion
///
/// With `MORE`: one timestamp. Without `MORE`: the last completion, which holds no timestamp; `ECANCELED`: the request
/// was cancelled. `ENOBUFS`: the completion queue was full; take the completions, and push the request again. `EINVAL`:
/// the ring has no 32-byte completions. `EOPNOTSUPP`: the file is no socket, or the kernel is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SOCKET_URING_OP_TX_TIMESTAMP")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[repr(transparent)]
pub struct TxTimestamp(Entry);

request!(TxTimestamp, IORING_OP_URING_CMD);

impl TxTimestamp {
    /// Reports on the socket `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed) -> Self {
        Self(command(Self::CODE, fd, SOCKET_URING_OP_TX_TIMESTAMP as u32))
    }
}

/// Gets a socket's address, as `getsockname(2)`, or its peer's address, as `getpeername(2)`.
///
/// Since 6.19. The address and its length must stay valid, and be used by nothing else, until the completion.
///
/// # Completion
///
/// 0: the address was written as far as there was room, and its full length. `EOPNOTSUPP`: the file is no socket, or
/// the kernel is older. `ENOTCONN`: there is no peer. The other errors are those of `getsockname(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SOCKET_URING_OP_GETSOCKNAME")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[doc(alias = "io_uring_prep_cmd_getsockname")]
#[repr(transparent)]
pub struct GetSockName(Entry);

request!(GetSockName, IORING_OP_URING_CMD);

impl GetSockName {
    /// Writes the address of `fd` to `addr`, a `sockaddr` of any family. `addrlen` holds the room at `addr` before, and
    /// the address's length afterwards.
    #[inline]
    #[must_use]
    pub fn new<A>(fd: impl UseFixed, addr: *mut A, addrlen: *mut u32) -> Self {
        let mut entry = command(Self::CODE, fd, SOCKET_URING_OP_GETSOCKNAME);
        entry.addr = address(addr);
        entry.addr3 = address(addrlen);
        Self(entry)
    }

    /// Asks for the peer's address instead.
    #[inline]
    #[must_use]
    pub const fn peer(mut self) -> Self {
        self.0.file_index = 1;
        self
    }
}
