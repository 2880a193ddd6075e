//! Checks of reads and writes: pipes, sockets, files.

use core::net::{Ipv4Addr, SocketAddr};

use bare_uring::squeue::Flags;
use bare_uring::types::{AddressFamily, AtFlags, Fd, IoVec, MsgFlags, MsgHdr, OpenFlags, RawFd, ShutdownHow, SockAddr};
use bare_uring::types::{SocketFlags, SocketType};
use bare_uring::{Errno, IoUring, opcode};
use freestanding::checks::os;
use freestanding::checks::report::Report;
use freestanding::{request, sys};
use linux_raw_sys::general as nr;

use crate::facts::Facts;
use crate::many;

const TEXT: [u8; 16] = *b"sixteen bytes...";

/// An offset above 4 GiB, so that both halves of it matter.
const FAR: u64 = 0x1_0000_1000;

pub(crate) fn check(report: &mut Report, facts: &Facts, ring: &mut IoUring) {
    pipe(report, ring);
    vectors(report, ring);
    unix_sockets(report, ring);
    files(report, facts, ring);
    if let Err((what, errno)) = tcp(report, facts, ring) {
        report.equal(what, Err::<(), _>(errno), Ok(()));
    }
}

/// Checks reads that wait for a later write.
fn pipe(report: &mut Report, ring: &mut IoUring) {
    let Some([from, to]) = report.value("a pipe", os::pipe()) else { return };
    let mut buffer = [0_u8; 16];
    let read = opcode::Read::new(Fd(from), buffer.as_mut_ptr(), 16).build();
    let write = opcode::Write::new(Fd(to), TEXT.as_ptr(), 16).build();
    for flags in [Flags::empty(), Flags::ASYNC] {
        buffer = [0; 16];
        // SAFETY: both buffers live until all completions have arrived.
        let outcomes = unsafe { many::run(ring, [read.flags(flags), write]) };
        report.equal("a pipe", (outcomes, buffer), ([Ok(16), Ok(16)], TEXT));
    }
    // SAFETY: nothing else uses this end.
    let closed = unsafe { request::run(ring, opcode::Close::new(Fd(to)).build()) };
    report.equal("close", closed, Ok(0));
    // SAFETY: the buffer lives until the completion.
    let end = unsafe { request::run(ring, read) };
    report.equal("the end of a pipe", end, Ok(0));
    os::close(from);
    // SAFETY: the file is closed, so the kernel does not use the buffer.
    let nothing = unsafe { request::run(ring, opcode::Read::new(Fd(from), buffer.as_mut_ptr(), 16).build()) };
    report.equal("a file that is closed", nothing, Err(Errno::EBADF));
}

/// Checks vectored reads and writes, whose `iovec` depends on the word size.
fn vectors(report: &mut Report, ring: &mut IoUring) {
    let Some([from, to]) = report.value("a pipe", os::pipe()) else { return };
    let mut buffers = [[0_u8; 8]; 2];
    let text = TEXT.as_ptr().cast_mut();
    let out = [IoVec::new(text, 3), IoVec::new(text.wrapping_add(3), 13)];
    let [one, other] = &mut buffers;
    let pieces = [IoVec::new(one.as_mut_ptr(), 8), IoVec::new(other.as_mut_ptr(), 8)];
    let write = opcode::Writev::new(Fd(to), out.as_ptr(), 2).build().flags(Flags::IO_LINK);
    let read = opcode::Readv::new(Fd(from), pieces.as_ptr(), 2).build();
    // SAFETY: pieces and buffers live until both completions have arrived.
    let outcomes = unsafe { many::run(ring, [write, read]) };
    report.equal("pieces", (outcomes, buffers), ([Ok(16), Ok(16)], [*b"sixteen ", *b"bytes..."]));
    os::close(from);
    os::close(to);
}

fn unix_sockets(report: &mut Report, ring: &mut IoUring) {
    let Some([one, other]) = report.value("sockets", sys::socket_pair()) else { return };
    let mut buffer = [0_u8; 32];
    let receive = opcode::Recv::new(Fd(other), buffer.as_mut_ptr(), 32).build();
    let send = opcode::Send::new(Fd(one), TEXT.as_ptr(), 16).build();
    // SAFETY: both buffers live until all completions have arrived.
    let outcomes = unsafe { many::run(ring, [receive, send]) };
    report.equal("send and receive", (outcomes, &buffer[..16]), ([Ok(16), Ok(16)], TEXT.as_slice()));

    let text = TEXT.as_ptr().cast_mut();
    let out = [IoVec::new(text, 8), IoVec::new(text.wrapping_add(8), 8)];
    let room = IoVec::new(buffer.as_mut_ptr(), 32);
    let (message, mut answer) = (MsgHdr::new(out.as_ptr(), 2), MsgHdr::new(&raw const room, 1));
    let send = opcode::SendMsg::new(Fd(one), &raw const message).build();
    let receive = opcode::RecvMsg::new(Fd(other), &raw mut answer).build();
    buffer.fill(0);
    // SAFETY: headers, pieces and buffers live until all completions have arrived.
    let outcomes = unsafe { many::run(ring, [receive, send]) };
    report.equal("messages", (outcomes, &buffer[..16]), ([Ok(16), Ok(16)], TEXT.as_slice()));

    let never = opcode::Recv::new(Fd(other), buffer.as_mut_ptr(), 32).flags(MsgFlags::DONTWAIT).build();
    // SAFETY: the buffer lives until the completion.
    report.equal("nothing there", unsafe { request::run(ring, never) }, Err(Errno::EAGAIN));
    os::close(one);
    os::close(other);
}

/// Checks TCP over the loopback interface: connects, accepts, sends and receives.
fn tcp(report: &mut Report, facts: &Facts, ring: &mut IoUring) -> Result<(), (&'static str, Errno)> {
    let local = SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let [listener, client] = [socket(facts, ring)?, socket(facts, ring)?];
    os::bind_and_listen(listener, &local).map_err(|errno| ("listen", errno))?;
    let name = sys::socket_name(listener).map_err(|errno| ("the name of a socket", errno))?;
    let mut peer = SockAddr::EMPTY;
    let (address, len) = peer.out();
    let accept = opcode::Accept::new(Fd(listener), address, len).flags(SocketFlags::CLOEXEC).build();
    let connect = opcode::Connect::new(Fd(client), name.as_ptr(), name.len()).build();
    // SAFETY: the addresses live until both completions have arrived.
    let [accepted, connected] = unsafe { many::run(ring, [accept, connect]) };
    report.equal("connect", connected, Ok(0));
    let server = accepted.map_err(|errno| ("accept", errno))?.cast_signed();
    report.equal("the peer's address", peer.to_ip(), sys::socket_name(client).ok().and_then(|name| name.to_ip()));

    let mut buffer = [0_u8; 16];
    let send = opcode::Send::new(Fd(client), TEXT.as_ptr(), 16).build();
    let receive = opcode::Recv::new(Fd(server), buffer.as_mut_ptr(), 16).flags(MsgFlags::WAITALL).build();
    // SAFETY: both buffers live until all completions have arrived.
    let outcomes = unsafe { many::run(ring, [receive, send]) };
    report.equal("over TCP", (outcomes, buffer), ([Ok(16), Ok(16)], TEXT));
    if facts.has(opcode::Shutdown::CODE) {
        let end = opcode::Recv::new(Fd(server), buffer.as_mut_ptr(), 16).build();
        let shut = opcode::Shutdown::new(Fd(client), ShutdownHow::WRITE).build();
        // SAFETY: the buffer lives until both completions have arrived.
        let outcomes = unsafe { many::run(ring, [end, shut]) };
        report.equal("the end of a connection", outcomes, [Ok(0), Ok(0)]);
    }
    for socket in [listener, client, server] {
        os::close(socket);
    }
    Ok(())
}

fn socket(facts: &Facts, ring: &mut IoUring) -> Result<RawFd, (&'static str, Errno)> {
    if !facts.has(opcode::Socket::CODE) {
        return os::socket(AddressFamily::INET, SocketType::STREAM).map_err(|errno| ("a socket", errno));
    }
    let make = opcode::Socket::new(AddressFamily::INET, SocketType::STREAM, 0).build();
    // SAFETY: the request points to nothing.
    unsafe { request::run(ring, make) }.map(u32::cast_signed).map_err(|errno| ("a socket", errno))
}

fn files(report: &mut Report, facts: &Facts, ring: &mut IoUring) {
    const PATH: &core::ffi::CStr = c"/tmp/bare-uring-init";
    let opened = request::open(ring, PATH, nr::O_RDWR | nr::O_CREAT | nr::O_TRUNC, 0o600, false);
    let Some(file) = report.value("open", opened) else { return };
    let mut buffer = [0_u8; 16];
    let write = opcode::Write::new(Fd(file), TEXT.as_ptr(), 16).offset(FAR).build().flags(Flags::IO_LINK);
    let sync = opcode::Fsync::new(Fd(file)).build().flags(Flags::IO_LINK);
    let read = opcode::Read::new(Fd(file), buffer.as_mut_ptr(), 16).offset(FAR).build();
    // SAFETY: both buffers live until all completions have arrived.
    let outcomes = unsafe { many::run(ring, [write, sync, read]) };
    report.equal("a file", (outcomes, buffer), ([Ok(16), Ok(0), Ok(16)], TEXT));
    let size = request::stat_fd(ring, file).map(|about| about.stx_size);
    report.equal("its size", size, Ok(FAR + 16));
    if facts.has(opcode::Ftruncate::CODE) {
        // SAFETY: the request points to nothing.
        let cut = unsafe { request::run(ring, opcode::Ftruncate::new(Fd(file), FAR + 7).build()) };
        report.equal("cut", (cut, request::stat_fd(ring, file).map(|about| about.stx_size)), (Ok(0), Ok(FAR + 7)));
    }
    let allocate = opcode::Fallocate::new(Fd(file), 4096).offset(0).build();
    // SAFETY: the request points to nothing.
    report.equal("fallocate", unsafe { request::run(ring, allocate) }, Ok(0));
    report.equal("close", request::close(ring, file), Ok(()));
    let missing = opcode::OpenAt::new(Fd::CWD, c"/tmp/bare-uring/none".as_ptr()).flags(OpenFlags(nr::O_RDONLY)).build();
    // SAFETY: the path is a constant.
    report.equal("a path that leads nowhere", unsafe { request::run(ring, missing) }, Err(Errno::ENOENT));
    if facts.has(opcode::UnlinkAt::CODE) {
        let unlink = opcode::UnlinkAt::new(Fd::CWD, PATH.as_ptr()).flags(AtFlags(0)).build();
        // SAFETY: the path is a constant.
        report.equal("unlink", unsafe { request::run(ring, unlink) }, Ok(0));
    } else {
        report.equal("unlink", sys::unlink(PATH), Ok(()));
    }
}
