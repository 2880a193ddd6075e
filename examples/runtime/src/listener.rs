//! The socket that listens.
#![forbid(unsafe_code)]

use core::net::{Ipv4Addr, SocketAddr};

use bare_uring::Errno;
use bare_uring::types::{AddressFamily, SocketType, Timespec};
use bare_uring_ops::{File, Slab, SocketOption};
use freestanding::sys;

/// How many connections may wait to be accepted. The system has a limit of its own.
const WAITING: u32 = 4096;

/// Opens a socket that listens on 127.0.0.1. Port 0: any free one. Needs Linux 6.11, the first with `bind` and `listen`
/// as requests.
///
/// # Errors
///
/// `EADDRINUSE` and the other errors of `bind(2)`.
pub async fn listen(slab: &'static Slab, port: u16) -> Result<File, Errno> {
    let socket = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await?;
    // Connections of a server that has just ended do not keep the port.
    slab.set_option(&socket, SocketOption::REUSE_ADDRESS, true).await?;
    // Connections inherit this option. Without it, a small piece would wait until the one before has arrived.
    slab.set_option(&socket, SocketOption::NO_DELAY, true).await?;
    slab.bind(&socket, SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    slab.listen(&socket, WAITING).await?;
    Ok(socket)
}

/// Waits before an accept loop begins again: for this long, or while all slots of the slab are taken, until one is free.
/// A loop that tried at once would spin.
pub async fn pause(slab: &'static Slab, span: Timespec) {
    if slab.timeout(span).await == Err(Errno::EBUSY) {
        // There is a place for it, because fewer tasks wait than there are slots.
        let _ = slab.ready().await;
    }
}

/// Returns the port of a socket that listens.
///
/// # Errors
///
/// The errors of `getsockname(2)`.
pub fn port(listener: &File) -> Result<u16, Errno> {
    let address = sys::socket_name(listener.as_raw_fd())?;
    Ok(address.to_ip().ok_or(Errno::EAFNOSUPPORT)?.port())
}
