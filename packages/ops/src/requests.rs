//! The operations that a slab offers: one function each.
//!
//! Each has handles of its own to the files that it names. What it takes by value (a buffer) comes back with the result.
//!
//! What any of them can give stands at [`Slab`], and only what is special at each.
#![forbid(unsafe_code)]

use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::net::SocketAddr;

use bare_uring::squeue::Entry;
use bare_uring::types::{
    AddressFamily, AtFlags, Fd, FsyncFlags, OpenHow, RawFd, ShutdownHow, SockAddr, SocketFlags, SocketType, StatxMask,
    Timespec,
};
use bare_uring::{Errno, opcode};
use linux_raw_sys::general::{AT_EMPTY_PATH, O_CLOEXEC, STATX_BASIC_STATS};

use crate::buffer::Buffer;
use crate::file::File;
use crate::op::{Done, Made, Moved, Op, Stated};
use crate::slab::{Draft, Parts, Slab};
use crate::slot::{Argument, Effect};

/// The position in a file that moves with each read and write, and that which pipes and sockets need.
pub const CURRENT: u64 = u64::MAX;

const NOTHING: Argument = Argument { none: () };

/// Bytes and files.
impl Slab {
    /// Reads into the room after the buffer's window, from this offset of the file in bytes, or at its [`CURRENT`] position.
    /// 0 is the end of the file. Since 5.6.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: the buffer has no room; [`clear`](Buffer::clear) or [`compact`](Buffer::compact) it. `ETIME`, `ECANCELED` and the
    /// like as [any operation](Slab#errors-of-operations). The kernel's: [`Read`](opcode::Read).
    pub fn read(&'static self, file: &File, buffer: Buffer, offset: u64) -> Op<Moved> {
        self.transfer(Effect::Fill, file, buffer, |fd, parts| {
            opcode::Read::new(fd, parts.space.0, parts.space.1).offset(offset).build()
        })
    }

    /// Writes from the buffer's window, at this offset of the file in bytes, or at its [`CURRENT`] position. What was written is
    /// taken off the window: go on until that is empty. Since 5.6.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`Write`](opcode::Write).
    pub fn write(&'static self, file: &File, buffer: Buffer, offset: u64) -> Op<Moved> {
        self.transfer(Effect::Drain, file, buffer, |fd, parts| {
            opcode::Write::new(fd, parts.window.0, parts.window.1).offset(offset).build()
        })
    }

    /// Receives into the room after the buffer's window. 0: the other side sends no more. Since 5.6.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: the buffer has no room; [`clear`](Buffer::clear) or [`compact`](Buffer::compact) it. Others as
    /// [any operation](Slab#errors-of-operations). The kernel's: [`Recv`](opcode::Recv).
    pub fn receive(&'static self, socket: &File, buffer: Buffer) -> Op<Moved> {
        self.transfer(Effect::Fill, socket, buffer, |fd, parts| {
            opcode::Recv::new(fd, parts.space.0, parts.space.1).build()
        })
    }

    /// Sends from the buffer's window. What was sent is taken off it: go on until that is empty. Since 5.6.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`Send`](opcode::Send).
    pub fn send(&'static self, socket: &File, buffer: Buffer) -> Op<Moved> {
        self.transfer(Effect::Drain, socket, buffer, |fd, parts| {
            opcode::Send::new(fd, parts.window.0, parts.window.1).build()
        })
    }

    /// Brings what was written to the device. Since 5.1.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`Fsync`](opcode::Fsync).
    pub fn fsync(&'static self, file: &File, flags: FsyncFlags) -> Op<Done> {
        self.plain(Some(file), NOTHING, |fd, _| opcode::Fsync::new(fd).flags(flags).build())
    }

    /// Opens a file, close-on-exec, seen from `directory` or from the working directory. The path lies in a buffer of the
    /// slab meanwhile. A file that is made has the mode in `how`. Since 5.6.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: no buffer is free for the path. `ENAMETOOLONG`: it is longer than a buffer. `EMFILE`: no place in the table of
    /// files. Others as [any operation](Slab#errors-of-operations). The kernel's: [`OpenAt2`](opcode::OpenAt2).
    pub fn open(&'static self, directory: Option<&File>, path: &CStr, how: OpenHow) -> Op<Made> {
        let path = path.to_bytes_with_nul();
        let Some(mut buffer) = self.buffer() else { return Op::refused(self, Errno::ENOBUFS) };
        if buffer.extend(path) < path.len() {
            return Op::refused(self, Errno::ENAMETOOLONG);
        }
        let how = OpenHow { flags: how.flags | u64::from(O_CLOEXEC), ..how };
        let fd = directory.map_or(Fd::CWD, File::fd);
        let draft = Draft { effect: Effect::Make, file: directory, buffer: Some(buffer), argument: Argument { how } };
        Op::new(self, draft, |parts| opcode::OpenAt2::new(fd, parts.window.0.cast(), parts.argument.cast()).build())
    }

    /// What there is to know about an open file. Since 5.6.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`Statx`](opcode::Statx).
    pub fn stat(&'static self, file: &File) -> Op<Stated> {
        let argument = Argument { stat: MaybeUninit::zeroed() };
        let draft = Draft { effect: Effect::Plain, file: Some(file), buffer: None, argument };
        let fd = file.fd();
        Op::new(self, draft, |parts| {
            opcode::Statx::new(fd, c"".as_ptr(), parts.argument.cast())
                .flags(AtFlags(AT_EMPTY_PATH))
                .mask(StatxMask(STATX_BASIC_STATS))
                .build()
        })
    }
}

/// Sockets.
impl Slab {
    /// A socket, close-on-exec. Since 5.19.
    ///
    /// # Errors
    ///
    /// `EMFILE`: no place in the table of files. Others as [any operation](Slab#errors-of-operations). The kernel's:
    /// [`Socket`](opcode::Socket).
    pub fn socket(&'static self, domain: AddressFamily, kind: SocketType, protocol: u32) -> Op<Made> {
        let draft = Draft { effect: Effect::Make, file: None, buffer: None, argument: NOTHING };
        Op::new(self, draft, |_| opcode::Socket::new(domain, kind, protocol).flags(SocketFlags::CLOEXEC).build())
    }

    /// Sets an option that is a number, as `setsockopt(2)`. Since 6.7.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`SetSockOpt`](opcode::SetSockOpt).
    pub fn set_option(&'static self, socket: &File, level: u32, name: u32, value: i32) -> Op<Done> {
        const SIZE: u32 = size_of::<i32>() as u32;

        self.plain(Some(socket), Argument { option: value }, |fd, parts| {
            opcode::SetSockOpt::new(fd, level, name, parts.argument.cast(), SIZE).build()
        })
    }

    /// Gives a socket its address. Since 6.11.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`Bind`](opcode::Bind).
    pub fn bind(&'static self, socket: &File, address: SocketAddr) -> Op<Done> {
        let address = SockAddr::from(address);
        let len = address.len();
        self.plain(Some(socket), Argument { address }, |fd, parts| {
            opcode::Bind::new(fd, parts.argument.cast(), len).build()
        })
    }

    /// Lets a socket listen, and so many connections wait. Since 6.11.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`Listen`](opcode::Listen).
    pub fn listen(&'static self, socket: &File, backlog: u32) -> Op<Done> {
        self.plain(Some(socket), NOTHING, |fd, _| opcode::Listen::new(fd, backlog).build())
    }

    /// Connects a socket. Since 5.5.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`Connect`](opcode::Connect).
    pub fn connect(&'static self, socket: &File, address: SocketAddr) -> Op<Done> {
        let address = SockAddr::from(address);
        let len = address.len();
        self.plain(Some(socket), Argument { address }, |fd, parts| {
            opcode::Connect::new(fd, parts.argument.cast(), len).build()
        })
    }

    /// Accepts one connection, close-on-exec. Since 5.5.
    ///
    /// # Errors
    ///
    /// `EMFILE`: no place in the table of files, found before the kernel is asked, or no descriptor left. Others as
    /// [any operation](Slab#errors-of-operations). The kernel's: [`Accept`](opcode::Accept).
    pub fn accept(&'static self, socket: &File) -> Op<Made> {
        let draft = Draft { effect: Effect::Make, file: Some(socket), buffer: None, argument: NOTHING };
        let fd = socket.fd();
        Op::new(self, draft, |_| {
            let nowhere = core::ptr::null_mut();
            opcode::Accept::new(fd, nowhere, nowhere.cast()).flags(SocketFlags::CLOEXEC).build()
        })
    }

    /// Closes a connection in one direction or both; the file stays open. Since 5.11.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`Shutdown`](opcode::Shutdown).
    pub fn shutdown(&'static self, socket: &File, how: ShutdownHow) -> Op<Done> {
        self.plain(Some(socket), NOTHING, |fd, _| opcode::Shutdown::new(fd, how).build())
    }
}

/// Without a file.
impl Slab {
    /// Gives `ETIME` when this span has passed: what it waits for, and no failure. Since 5.4.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations). The kernel's: [`Timeout`](opcode::Timeout).
    pub fn timeout(&'static self, span: impl Into<Timespec>) -> Op<Done> {
        self.plain(None, Argument { time: span.into() }, |_, parts| {
            opcode::Timeout::new(parts.argument.cast_const().cast()).build()
        })
    }

    /// Nothing, by way of the kernel. Since 5.1.
    ///
    /// # Errors
    ///
    /// As [any operation](Slab#errors-of-operations).
    pub fn nop(&'static self) -> Op<Done> {
        self.plain(None, NOTHING, |_, _| opcode::Nop::new().build())
    }
}

/// What they have in common.
impl Slab {
    fn transfer(
        &'static self,
        effect: Effect,
        file: &File,
        buffer: Buffer,
        build: impl FnOnce(Fd, &Parts) -> Entry,
    ) -> Op<Moved> {
        let draft = Draft { effect, file: Some(file), buffer: Some(buffer), argument: NOTHING };
        let fd = file.fd();
        Op::new(self, draft, |parts| build(fd, parts))
    }

    fn plain(
        &'static self,
        file: Option<&File>,
        argument: Argument,
        build: impl FnOnce(Fd, &Parts) -> Entry,
    ) -> Op<Done> {
        let draft = Draft { effect: Effect::Plain, file, buffer: None, argument };
        let fd = Fd(file.map_or(-1, |file| -> RawFd { file.as_raw_fd() }));
        Op::new(self, draft, |parts| build(fd, parts))
    }
}
