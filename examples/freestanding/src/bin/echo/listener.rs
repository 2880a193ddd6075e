//! The socket that listens.

use core::net::{Ipv4Addr, SocketAddr};

use bare_uring::types::{AddressFamily, Fd, RawFd, SockAddr, SocketFlags, SocketType};
use bare_uring::{Errno, IoUring, opcode};
use freestanding::{request, sys};

use crate::Failure;

/// Maximum number of connections that wait to be accepted. The system may have a lower limit.
const WAITING: u32 = 4096;

/// Opens a listening socket on 127.0.0.1. Port 0 stands for any free port.
pub(crate) fn open(ring: &mut IoUring, port: u16) -> Result<RawFd, Failure> {
    let make = opcode::Socket::new(AddressFamily::INET, SocketType::STREAM, 0).flags(SocketFlags::CLOEXEC);
    // SAFETY: the request points to nothing.
    let fd = unsafe { request::run(ring, make.build()) }.map_err(Failure::of("socket"))?.cast_signed();
    // So that connections of a server that has just ended don't block the port.
    sys::set_socket_option(fd, sys::REUSE_ADDRESS, 1).map_err(Failure::of("setsockopt"))?;
    // Connections inherit the option. Without it, a small piece would wait until the last one was acknowledged.
    sys::set_socket_option(fd, sys::NO_DELAY, 1).map_err(Failure::of("setsockopt"))?;
    let address = SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let bind = opcode::Bind::new(Fd(fd), address.as_ptr(), address.len());
    // SAFETY: the address lives until the call returns, and is not needed after the submission.
    unsafe { request::run(ring, bind.build()) }.map_err(Failure::of("bind"))?;
    // SAFETY: the request points to nothing.
    unsafe { request::run(ring, opcode::Listen::new(Fd(fd), WAITING).build()) }.map_err(Failure::of("listen"))?;
    Ok(fd)
}

/// Returns the port of a socket.
pub(crate) fn port(fd: RawFd) -> Result<u16, Errno> {
    let address = sys::socket_name(fd)?;
    Ok(address.to_ip().ok_or(Errno::EAFNOSUPPORT)?.port())
}
