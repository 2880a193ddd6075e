//! The requests: one type for each of the kernel's opcodes, one file for each family.
//!
//! `opcode::Read::new(..).offset(..).build().user_data(..)`: `new` takes what a request needs, setters take the rest,
//! and `build` returns the [`squeue::Entry`](crate::squeue::Entry), whose own setters every request has. Building is
//! safe and makes no system call; the contract is that of [`push`](crate::SubmissionQueue::push).
//!
//! Each type's documentation says which memory must stay valid until the entry has been *submitted*, and which memory
//! until the *completion*. Submitted means that the kernel has consumed the entry: `submit` has counted it or, under
//! SQPOLL, the queue shows it as consumed. Before Linux 5.5 (no `FEAT_SUBMIT_STABLE`), memory needed for the submission
//! must stay valid until the completion too.
//!
//! # What any request can end with
//!
//! An error is a completion's result; [`outcome`](crate::cqueue::Entry::outcome) returns it as an
//! [`Errno`](crate::Errno). Each type lists its own errors and what they mean there. Besides these, any request can end
//! with:
//!
//! - `ECANCELED`: the request was cancelled; or a request that it was linked behind failed or did less than asked for,
//!   and this one has not run; or the thread that submitted it ended, before or while it ran. (A thread's end cancels
//!   its requests on rings without SQPOLL, including those of a ring's halves and of a ring that was moved to another
//!   thread. So the submitting thread must live as long as its requests.)
//! - `EBADF`: the descriptor is not open; for a [`Fixed`](crate::types::Fixed), the index is empty or does not exist.
//! - `EINVAL`: the kernel does not know the opcode (a [`Probe`](crate::register::Probe) tells beforehand) or a part of
//!   the entry; the personality is not registered; or the ring polls for completions (IOPOLL), and the opcode does not
//!   support that.
//! - `EOPNOTSUPP`: the kernel was built without networking, epoll or futexes; or the request has `IO_DRAIN`, and the
//!   ring has already seen a request with [`SKIP_SUCCESS`](crate::squeue::Flags::SKIP_SUCCESS).
//! - `EACCES`: the ring's restrictions forbid it.
//! - `EFAULT`: the request points to memory that the process does not have, or that is not writable.
//! - `ENOMEM`: the kernel has no memory for the request. Push it again later.
//!
//! `EAGAIN` is not among them for files that can be polled, unless the request's flags say not to wait: the kernel
//! waits until the file is ready, whether or not the file has `O_NONBLOCK`. (Kernels that were short of memory have
//! been reported to return it all the same.)
//!
//! # Cancelling
//!
//! [`AsyncCancel`], [`register_sync_cancel`](crate::Submitter::register_sync_cancel) and an expired [`LinkTimeout`]
//! look for a request where it waits:
//!
//! - Waiting for a file to be ready (a poll, and everything that would have blocked on a socket, a pipe or the like),
//!   for its time, for a futex or for a child: the request ends at once, with `ECANCELED`.
//! - Waiting for a worker thread: the request ends with `ECANCELED`, and has not run.
//! - In a worker thread, in the middle of the system call: the cancellation's result is `EALREADY`, and the worker gets
//!   a signal. The request ends as that call does: with `EINTR` (some kernels before 7.3: 512, a number that is
//!   internal to the kernel) or with less than asked for; if the call cannot be interrupted (it waits for a disk), the
//!   request ends as if it had not been cancelled. Requests on paths (except for opening), on extended attributes and
//!   on a file as a whole ([`Fsync`] and its like), [`Splice`], [`Tee`] and [`Shutdown`] always run in a worker, and so
//!   does a request with [`ASYNC`](crate::squeue::Flags::ASYNC).
//! - Anywhere else, the cancellation does not find the request (`ENOENT`): a device has it, or a link or a drain holds
//!   it back.
//!
//! Whatever the cancellation's result is, the request still has its own completion, and the kernel may use its memory
//! until then.
//!
//! # All of them
//!
//! | opcode | type | since | file |
//! |--|--|--|--|
//! | 0 `IORING_OP_NOP` | [`Nop`] | 5.1 | nop |
//! | 1 `IORING_OP_READV` | [`Readv`] | 5.1 | read_write |
//! | 2 `IORING_OP_WRITEV` | [`Writev`] | 5.1 | read_write |
//! | 3 `IORING_OP_FSYNC` | [`Fsync`] | 5.1 | file |
//! | 4 `IORING_OP_READ_FIXED` | [`ReadFixed`] | 5.1 | read_write |
//! | 5 `IORING_OP_WRITE_FIXED` | [`WriteFixed`] | 5.1 | read_write |
//! | 6 `IORING_OP_POLL_ADD` | [`PollAdd`] | 5.1 | poll |
//! | 7 `IORING_OP_POLL_REMOVE` | [`PollRemove`], [`PollUpdate`] | 5.1 | poll |
//! | 8 `IORING_OP_SYNC_FILE_RANGE` | [`SyncFileRange`] | 5.2 | file |
//! | 9 `IORING_OP_SENDMSG` | [`SendMsg`] | 5.3 | net |
//! | 10 `IORING_OP_RECVMSG` | [`RecvMsg`] | 5.3 | net |
//! | 11 `IORING_OP_TIMEOUT` | [`Timeout`] | 5.4 | timeout |
//! | 12 `IORING_OP_TIMEOUT_REMOVE` | [`TimeoutRemove`], [`TimeoutUpdate`] | 5.5 | timeout |
//! | 13 `IORING_OP_ACCEPT` | [`Accept`] | 5.5 | net |
//! | 14 `IORING_OP_ASYNC_CANCEL` | [`AsyncCancel`] | 5.5 | cancel |
//! | 15 `IORING_OP_LINK_TIMEOUT` | [`LinkTimeout`] | 5.5 | timeout |
//! | 16 `IORING_OP_CONNECT` | [`Connect`] | 5.5 | net |
//! | 17 `IORING_OP_FALLOCATE` | [`Fallocate`] | 5.6 | file |
//! | 18 `IORING_OP_OPENAT` | [`OpenAt`] | 5.6 | path |
//! | 19 `IORING_OP_CLOSE` | [`Close`] | 5.6 | file |
//! | 20 `IORING_OP_FILES_UPDATE` | [`FilesUpdate`] | 5.6 | file |
//! | 21 `IORING_OP_STATX` | [`Statx`] | 5.6 | path |
//! | 22 `IORING_OP_READ` | [`Read`] | 5.6 | read_write |
//! | 23 `IORING_OP_WRITE` | [`Write`] | 5.6 | read_write |
//! | 24 `IORING_OP_FADVISE` | [`Fadvise`] | 5.6 | file |
//! | 25 `IORING_OP_MADVISE` | [`Madvise`] | 5.6 | file |
//! | 26 `IORING_OP_SEND` | [`Send`] | 5.6 | net |
//! | 27 `IORING_OP_RECV` | [`Recv`] | 5.6 | net |
//! | 28 `IORING_OP_OPENAT2` | [`OpenAt2`] | 5.6 | path |
//! | 29 `IORING_OP_EPOLL_CTL` | [`EpollCtl`] | 5.6 | epoll |
//! | 30 `IORING_OP_SPLICE` | [`Splice`] | 5.7 | pipe |
//! | 31 `IORING_OP_PROVIDE_BUFFERS` | [`ProvideBuffers`] | 5.7 | buffers |
//! | 32 `IORING_OP_REMOVE_BUFFERS` | [`RemoveBuffers`] | 5.7 | buffers |
//! | 33 `IORING_OP_TEE` | [`Tee`] | 5.8 | pipe |
//! | 34 `IORING_OP_SHUTDOWN` | [`Shutdown`] | 5.11 | net |
//! | 35 `IORING_OP_RENAMEAT` | [`RenameAt`] | 5.11 | path |
//! | 36 `IORING_OP_UNLINKAT` | [`UnlinkAt`] | 5.11 | path |
//! | 37 `IORING_OP_MKDIRAT` | [`MkDirAt`] | 5.15 | path |
//! | 38 `IORING_OP_SYMLINKAT` | [`SymlinkAt`] | 5.15 | path |
//! | 39 `IORING_OP_LINKAT` | [`LinkAt`] | 5.15 | path |
//! | 40 `IORING_OP_MSG_RING` | [`MsgRingData`], [`MsgRingSendFd`] | 5.18 | msg_ring |
//! | 41 `IORING_OP_FSETXATTR` | [`FSetXattr`] | 5.19 | xattr |
//! | 42 `IORING_OP_SETXATTR` | [`SetXattr`] | 5.19 | xattr |
//! | 43 `IORING_OP_FGETXATTR` | [`FGetXattr`] | 5.19 | xattr |
//! | 44 `IORING_OP_GETXATTR` | [`GetXattr`] | 5.19 | xattr |
//! | 45 `IORING_OP_SOCKET` | [`Socket`] | 5.19 | net |
//! | 46 `IORING_OP_URING_CMD` | [`UringCmd16`], [`UringCmd80`] | 5.19 | command |
//! | | sockets: [`SiocInq`], [`SiocOutq`], [`GetSockOpt`], [`SetSockOpt`] | 6.7 | command |
//! | | sockets: [`TxTimestamp`], [`GetSockName`] | 6.17, 6.19 | command |
//! | | block devices: [`BlockDiscard`] | 6.12 | block |
//! | 47 `IORING_OP_SEND_ZC` | [`SendZc`] | 6.0 | net |
//! | 48 `IORING_OP_SENDMSG_ZC` | [`SendMsgZc`] | 6.1 | net |
//! | 49 `IORING_OP_READ_MULTISHOT` | [`ReadMulti`] | 6.7 | read_write |
//! | 50 `IORING_OP_WAITID` | [`WaitId`] | 6.7 | wait |
//! | 51 `IORING_OP_FUTEX_WAIT` | [`FutexWait`] | 6.7 | futex |
//! | 52 `IORING_OP_FUTEX_WAKE` | [`FutexWake`] | 6.7 | futex |
//! | 53 `IORING_OP_FUTEX_WAITV` | [`FutexWaitV`] | 6.7 | futex |
//! | 54 `IORING_OP_FIXED_FD_INSTALL` | [`FixedFdInstall`] | 6.8 | file |
//! | 55 `IORING_OP_FTRUNCATE` | [`Ftruncate`] | 6.9 | file |
//! | 56 `IORING_OP_BIND` | [`Bind`] | 6.11 | net |
//! | 57 `IORING_OP_LISTEN` | [`Listen`] | 6.11 | net |
//! | 58 `IORING_OP_RECV_ZC` | [`RecvZc`] | 6.15 | net |
//! | 59 `IORING_OP_EPOLL_WAIT` | [`EpollWait`] | 6.15 | epoll |
//! | 60 `IORING_OP_READV_FIXED` | [`ReadvFixed`] | 6.15 | read_write |
//! | 61 `IORING_OP_WRITEV_FIXED` | [`WritevFixed`] | 6.15 | read_write |
//! | 62 `IORING_OP_PIPE` | [`Pipe`] | 6.16 | pipe |
//! | 63 `IORING_OP_NOP128` | [`Nop128`] | 6.19 | nop |
//! | 64 `IORING_OP_URING_CMD128` | [`UringCmd128`] | 6.19 | command |
#![forbid(unsafe_code)]

use crate::squeue::Entry;
use crate::types::address;
use crate::types::sealed::UseFixed;

/// Defines what every request has: its opcode number and its entry.
macro_rules! request {
    ($name:ident, $code:ident) => {
        impl $name {
            #[doc = concat!("The opcode's number, `", stringify!($code), "`.")]
            pub const CODE: u8 = $code as u8;

            /// Returns the entry to push.
            #[inline]
            #[must_use]
            pub const fn build(self) -> Entry {
                self.0
            }
        }
    };
}

/// Defines `buf_group`, which takes the buffer from a group. Its purpose and first version differ between opcodes, so
/// each gives its own doc.
macro_rules! buf_group {
    ($(#[$doc:meta])+ $name:ident) => {
        impl $name {
            $(#[$doc])+
            #[inline]
            #[must_use]
            #[doc(alias = "IOSQE_BUFFER_SELECT")]
            #[doc(alias = "io_uring_sqe_set_buf_group")]
            pub const fn buf_group(mut self, group: u16) -> Self {
                self.0.buf_index = group;
                self.0.flags |= crate::flags::SqeFlags::BUFFER_SELECT.bits();
                self
            }
        }
    };
}

/// Defines `flags`: a set of io_uring's own, or a word of the opcode's system call.
macro_rules! op_flags {
    ($(#[$doc:meta])+ $name:ident, $flags:ty) => {
        impl $name {
            $(#[$doc])+
            #[inline]
            #[must_use]
            pub const fn flags(mut self, flags: $flags) -> Self {
                self.0.op_flags = flags.0;
                self
            }
        }
    };
}

/// Defines `file_index`, which puts a new file at an index of the registered files instead of a descriptor; each opcode
/// documents its own rules.
macro_rules! file_index {
    ($(#[$doc:meta])+ $name:ident) => {
        impl $name {
            $(#[$doc])+
            #[inline]
            #[must_use]
            pub const fn file_index(mut self, index: DestinationSlot) -> Self {
                self.0.file_index = index.encoded();
                self
            }
        }
    };
}

mod block;
mod buffers;
mod cancel;
mod command;
mod epoll;
mod file;
mod futex;
mod msg_ring;
mod net;
mod nop;
mod path;
mod pipe;
mod poll;
mod read_write;
mod timeout;
mod wait;
mod xattr;

pub use block::BlockDiscard;
pub use buffers::{ProvideBuffers, RemoveBuffers};
pub use cancel::AsyncCancel;
pub use command::{
    GetSockName, GetSockOpt, SetSockOpt, SiocInq, SiocOutq, TxTimestamp, UringCmd16, UringCmd80, UringCmd128,
};
pub use epoll::{EpollCtl, EpollWait};
pub use file::{Close, Fadvise, Fallocate, FilesUpdate, FixedFdInstall, Fsync, Ftruncate, Madvise, SyncFileRange};
pub use futex::{FutexWait, FutexWaitV, FutexWake};
pub use msg_ring::{MsgRingData, MsgRingSendFd};
pub use net::{
    Accept, Bind, Connect, Listen, Recv, RecvMsg, RecvZc, Send, SendMsg, SendMsgZc, SendZc, Shutdown, Socket,
};
pub use nop::{Nop, Nop128};
pub use path::{LinkAt, MkDirAt, OpenAt, OpenAt2, RenameAt, Statx, SymlinkAt, UnlinkAt};
pub use pipe::{Pipe, Splice, Tee};
pub use poll::{PollAdd, PollRemove, PollUpdate};
pub use read_write::{Read, ReadFixed, ReadMulti, Readv, ReadvFixed, Write, WriteFixed, Writev, WritevFixed};
pub use timeout::{LinkTimeout, Timeout, TimeoutRemove, TimeoutUpdate};
pub use wait::WaitId;
pub use xattr::{FGetXattr, FSetXattr, GetXattr, SetXattr};

/// Builds an entry about a file and memory: `len` bytes at `memory`, or `len` pieces that a list at `memory` describes.
fn on_memory<T>(code: u8, fd: impl UseFixed, memory: *const T, len: u32) -> Entry {
    let mut entry = Entry::new(code).target(fd.into_target());
    entry.addr = address(memory);
    entry.len = len;
    entry
}
