//! The socket that listens.

use core::net::{Ipv4Addr, SocketAddr};

use bare_uring::types::{AddressFamily, Fd, RawFd, SockAddr, SocketFlags, SocketType};
use bare_uring::{Errno, IoUring, opcode};
use freestanding::{request, sys};

use crate::Failure;

/// Connections that may wait to be accepted; the system has a limit of its own.
const WAITING: u32 = 4096;

/// Opens it, on 127.0.0.1. Port 0: any free one.
pub(crate) fn open(ring: &mut IoUring, port: u16) -> Result<RawFd, Failure> {
    let make = opcode::Socket::new(AddressFamily::INET, SocketType::STREAM, 0).flags(SocketFlags::CLOEXEC);
    // SAFETY: the request points to nothing.
    let fd = unsafe { request::run(ring, make.build()) }.map_err(Failure::of("socket"))?.cast_signed();
    // Connections of a server that has just ended do not keep the port.
    sys::set_socket_option(fd, sys::REUSE_ADDRESS, 1).map_err(Failure::of("setsockopt"))?;
    // Connections inherit it. Otherwise a small piece would wait until the one before has arrived.
    sys::set_socket_option(fd, sys::NO_DELAY, 1).map_err(Failure::of("setsockopt"))?;
    let address = SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let bind = opcode::Bind::new(Fd(fd), address.as_ptr(), address.len());
    // SAFETY: the address lives until the call returns, and is not needed after the submission.
    unsafe { request::run(ring, bind.build()) }.map_err(Failure::of("bind"))?;
    // SAFETY: the request points to nothing.
    unsafe { request::run(ring, opcode::Listen::new(Fd(fd), WAITING).build()) }.map_err(Failure::of("listen"))?;
    Ok(fd)
}

/// The port that it has.
pub(crate) fn port(fd: RawFd) -> Result<u16, Errno> {
    let address = sys::socket_name(fd)?;
    Ok(address.to_ip().ok_or(Errno::EAFNOSUPPORT)?.port())
}
