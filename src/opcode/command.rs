//! Commands that a file understands by itself: sockets, block devices, drivers.

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
    BLOCK_URING_CMD_DISCARD, IORING_OP_URING_CMD128, IORING_URING_CMD_FIXED, IORING_URING_CMD_MULTISHOT,
    SOCKET_URING_OP_GETSOCKNAME,
};

/// Two 32-bit fields that follow each other, as the 64-bit one in whose place they stand.
const fn pair(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// The 8 bytes from `at` on, as the 64-bit field in whose place they stand; `at` is at most `N` - 8.
const fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    let mut word = [0; 8];
    let mut i = 0;
    while i < word.len() {
        word[i] = bytes[at + i];
        i += 1;
    }
    u64::from_ne_bytes(word)
}

/// A command without arguments.
fn command(code: u8, fd: impl UseFixed, cmd_op: u32) -> Entry {
    let mut entry = Entry::new(code).target(fd.into_target());
    entry.off = pair(cmd_op, 0);
    entry
}

/// What all sizes of command have.
macro_rules! command {
    ($name:ident) => {
        impl $name {
            /// The command `cmd_op` to `fd`, without arguments.
            #[inline]
            #[must_use]
            pub fn new(fd: impl UseFixed, cmd_op: u32) -> Self {
                Self::of(command(Self::CODE, fd, cmd_op))
            }

            /// The entry's address field, for commands that read it.
            #[inline]
            #[must_use]
            pub const fn addr(mut self, addr: u64) -> Self {
                self.entry_mut().addr = addr;
                self
            }

            /// The entry's length field, for commands that read it.
            #[inline]
            #[must_use]
            pub const fn len(mut self, len: u32) -> Self {
                self.entry_mut().len = len;
                self
            }

            /// The command's memory lies in this registered buffer. Since 6.1.
            #[inline]
            #[must_use]
            #[doc(alias = "IORING_URING_CMD_FIXED")]
            pub const fn fixed_buffer(mut self, buf_index: u16) -> Self {
                self.entry_mut().op_flags |= IORING_URING_CMD_FIXED;
                self.entry_mut().buf_index = buf_index;
                self
            }

            /// Completes again and again, until a completion without `MORE`, each time with a buffer of this group. Not
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

/// What the commands of 80 bytes have.
macro_rules! large_command {
    ($name:ident, $code:ident) => {
        command!($name);

        impl $name {
            /// The opcode's number.
            pub const CODE: u8 = $code as u8;

            /// The command's own 80 bytes.
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

/// A command to a file, with 16 bytes of its own.
///
/// Since 5.19. What must stay valid until when, and what the completion holds, is up to the file; keep all of it until
/// the completion. Once the file has the command, no cancellation finds it, unless it waits for the file to be ready;
/// a file can allow that its commands end early when the ring or its task does.
///
/// # Completion
///
/// The file's answer; in 32 bytes of completion there may be a second one. `EOPNOTSUPP`: the file takes no commands, or
/// not this one (a socket says so; a block device says `EINVAL`). `EFAULT`: no such registered buffer. `EINVAL`: a flag that the kernel does not know, or the file wants
/// a larger entry or completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_URING_CMD")]
#[doc(alias = "io_uring_prep_uring_cmd")]
#[repr(transparent)]
pub struct UringCmd16(Entry);

request!(UringCmd16, IORING_OP_URING_CMD);
command!(UringCmd16);

impl UringCmd16 {
    /// The command's own 16 bytes.
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

/// A command to a file, with 80 bytes of its own, for rings whose entries all have 128 bytes.
///
/// Since 5.19. On a ring with both sizes take [`UringCmd128`].
///
/// # Completion
///
/// As [`UringCmd16`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_URING_CMD")]
#[repr(transparent)]
pub struct UringCmd80(Entry128);

large_command!(UringCmd80, IORING_OP_URING_CMD);

impl UringCmd80 {
    /// The entry to push.
    #[inline]
    #[must_use]
    pub const fn build(self) -> Entry128 {
        self.0
    }
}

/// A command to a file, with 80 bytes of its own, by an opcode that has 128 bytes on every ring that knows it.
///
/// Since 6.19. For rings with both sizes, and for those whose entries all have 128 bytes.
///
/// # Completion
///
/// As [`UringCmd16`]. `EINVAL` also: the kernel is older, or the ring has entries of 64 bytes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_URING_CMD128")]
#[doc(alias = "io_uring_prep_uring_cmd128")]
#[repr(transparent)]
pub struct UringCmd128(Entry128);

large_command!(UringCmd128, IORING_OP_URING_CMD128);

impl UringCmd128 {
    /// The entry to push.
    #[inline]
    #[must_use]
    pub const fn build(self) -> LargeEntry {
        LargeEntry { whole: self.0 }
    }
}

/// Asks how many bytes a socket has received that nobody has read yet.
///
/// Since 6.7. Points to nothing.
///
/// # Completion
///
/// The number of bytes. `EOPNOTSUPP`: the socket can't tell, or the file is no socket. `EINVAL`: a listening one.
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

/// Asks how many bytes a socket has that its peer has not acknowledged yet.
///
/// Since 6.7. Points to nothing.
///
/// # Completion
///
/// The number of bytes. Errors as [`SiocInq`].
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

/// Asks for an option of a socket, as `getsockopt(2)`.
///
/// Since 6.7. The value's memory, and nobody else's, must stay valid until the completion.
///
/// # Completion
///
/// The number of bytes written: those of the option, or `optlen` if that is less. `EOPNOTSUPP`: a level other than
/// `SOL_SOCKET`, or no socket. Others as `getsockopt(2)`.
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
/// // SAFETY: `value` stays, and nobody else uses it, until the completion.
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
        let entry = command(Self::CODE, fd, SOCKET_URING_OP_GETSOCKOPT as u32);
        Self(option(entry, level, optname, address(optval), optlen))
    }
}

/// Sets an option of a socket, as `setsockopt(2)`.
///
/// Since 6.7. The value must stay valid and unchanged until the completion.
///
/// # Completion
///
/// 0: set. `EOPNOTSUPP`: no socket. Others as `setsockopt(2)`.
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

/// Tells when the packets of a socket were sent: multishot, one 32-byte completion for each timestamp, which
/// [`tx_timestamp`](crate::cqueue::Entry32::tx_timestamp) reads.
///
/// Since 6.17. Points to nothing. Timestamps are turned on by the socket option `SO_TIMESTAMPING`, with
/// `SOF_TIMESTAMPING_OPT_TSONLY`: packets that come back with their content are left where they are.
///
/// # Completion
///
/// With `MORE`: one timestamp. Without: the last one, which has none; `ECANCELED`: cancelled. `ENOBUFS`: the completion queue
/// was full: take what is there, and push the request anew. `EINVAL`: the ring has no
/// 32-byte completions. `EOPNOTSUPP`: no socket, or an older kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SOCKET_URING_OP_TX_TIMESTAMP")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[repr(transparent)]
pub struct TxTimestamp(Entry);

request!(TxTimestamp, IORING_OP_URING_CMD);

impl TxTimestamp {
    /// Tells about the socket `fd`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed) -> Self {
        Self(command(Self::CODE, fd, SOCKET_URING_OP_TX_TIMESTAMP as u32))
    }
}

/// Asks for a socket's address, as `getsockname(2)`, or its peer's, as `getpeername(2)`.
///
/// Since 6.19. The address and its length, and nobody else's, must stay valid until the completion.
///
/// # Completion
///
/// 0: the address is written as far as there was room, and its full length. `EOPNOTSUPP`: no socket, or an older
/// kernel. `ENOTCONN`: there is no peer. Others as `getsockname(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "SOCKET_URING_OP_GETSOCKNAME")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[doc(alias = "io_uring_prep_cmd_getsockname")]
#[repr(transparent)]
pub struct GetSockName(Entry);

request!(GetSockName, IORING_OP_URING_CMD);

impl GetSockName {
    /// Writes the address of `fd` to `addr`, a `sockaddr` of any family, for which `addrlen` says how much room there
    /// is.
    #[inline]
    #[must_use]
    pub fn new<A>(fd: impl UseFixed, addr: *mut A, addrlen: *mut u32) -> Self {
        let mut entry = command(Self::CODE, fd, SOCKET_URING_OP_GETSOCKNAME);
        entry.addr = address(addr);
        entry.addr3 = address(addrlen);
        Self(entry)
    }

    /// The peer's address instead.
    #[inline]
    #[must_use]
    pub const fn peer(mut self) -> Self {
        self.0.file_index = 1;
        self
    }
}

/// Tells a block device that a range of it holds nothing of worth any more.
///
/// Since 6.12. Points to nothing. Reads and writes of the range must not be under way at the same time.
///
/// # Completion
///
/// 0: discarded. `EOPNOTSUPP`: the file is no block device, or one that can't discard. `EINVAL`: the range is empty,
/// not made of the device's blocks, or goes past its end. `EBADF`: not open for writing. `EPERM`: read-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "BLOCK_URING_CMD_DISCARD")]
#[doc(alias = "IORING_OP_URING_CMD")]
#[doc(alias = "io_uring_prep_cmd_discard")]
#[repr(transparent)]
pub struct BlockDiscard(Entry);

request!(BlockDiscard, IORING_OP_URING_CMD);

impl BlockDiscard {
    /// Discards `len` bytes of the device `fd`, from `offset` on.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, offset: u64, len: u64) -> Self {
        let mut entry = command(Self::CODE, fd, BLOCK_URING_CMD_DISCARD);
        entry.addr = offset;
        entry.addr3 = len;
        Self(entry)
    }
}
