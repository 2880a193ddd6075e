//! `echo [PORT] [--connections N]`: a TCP server on 127.0.0.1 that sends back what it receives.
//!
//! - Port 0, or none: any free one. The first line on standard output says which: `listening on 127.0.0.1:PORT`.
//! - One accept request gives all connections, and one receive request per connection gives all of its data, into
//!   buffers that all connections share. What was received is sent from there, in order, one send at a time.
//! - All memory is fixed: see [`memory`]. More connections than it has room for are closed at once. While no buffer is
//!   free, nothing is received. A client that sends and does not read gets a part of the buffers only.
//! - A connection ends when the client sends no more, and all was sent back; or when it breaks.
//! - SIGINT, SIGTERM, or N connections that came and went: the server closes what is open, and ends with status 0.
//!
//! Needs Linux 6.11, the first with `bind` and `listen` as requests.
#![no_std]
#![no_main]

mod buffers;
mod connections;
mod listener;
mod memory;
mod server;

use core::ffi::CStr;

use bare_uring::types::{RawFd, Sigset};
use bare_uring::{Errno, IoUring};
use freestanding::print::Line;
use freestanding::{Args, sys};
use linux_raw_sys::general::{SIGINT, SIGTERM};

use buffers::Buffers;
use connections::Connections;
use server::Server;

freestanding::entry!(main);

const USAGE: &str = "usage: echo [PORT] [--connections N]\n";

/// Exit status for arguments that make no sense.
const MISUSED: u8 = 2;

/// Entries of the submission queue. When it is full, the server submits before it looks at more completions.
const ENTRIES: u32 = 1024;

/// Entries of the completion queue: two for each connection. What has no room waits in the kernel.
const COMPLETIONS: u32 = 8192;

/// What failed, and how.
pub(crate) struct Failure {
    what: &'static str,
    errno: Errno,
}

impl Failure {
    /// For `map_err`.
    pub(crate) const fn of(what: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self { what, errno }
    }
}

/// What the arguments ask for.
struct Request {
    port: u16,
    /// End after so many connections.
    connections: Option<u64>,
}

fn main(args: Args) -> u8 {
    if args.clone().skip(1).any(|argument| argument == c"--help") {
        Line::new().text(USAGE).text("Sends back what it receives on 127.0.0.1:PORT.\n").to_stdout();
        return 0;
    }
    let Some(request) = parse(args) else {
        Line::new().text(USAGE).to_stderr();
        return MISUSED;
    };
    match run(&request) {
        Ok(()) => 0,
        Err(Failure { what, errno }) => {
            Line::new().text("echo: ").text(what).text(": ").errno(errno).text("\n").to_stderr();
            1
        }
    }
}

fn parse(args: Args) -> Option<Request> {
    let mut args = args.skip(1);
    let mut port = None;
    let mut connections = None;
    while let Some(argument) = args.next() {
        if argument == c"--connections" && connections.is_none() {
            connections = Some(number(args.next()?)?);
        } else if port.is_none() {
            port = Some(u16::try_from(number(argument)?).ok()?);
        } else {
            return None;
        }
    }
    Some(Request { port: port.unwrap_or(0), connections })
}

/// A number in decimal.
fn number(text: &CStr) -> Option<u64> {
    let digits = text.to_bytes();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

fn run(request: &Request) -> Result<(), Failure> {
    // One that was refused leaves the limit as it is: fewer connections at once.
    let _ = sys::raise_file_limit();
    let signals = watch_signals().map_err(Failure::of("signals"))?;
    let mut ring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_cqsize(COMPLETIONS)
        .build(ENTRIES)
        .map_err(|error| Failure { what: "io_uring", errno: error.errno() })?;
    let memory = memory::take().ok_or(Errno::EBUSY).map_err(Failure::of("memory"))?;
    let buffers = Buffers::register(&ring.submitter(), memory.group, memory.held).map_err(Failure::of("buffers"))?;
    let connections = Connections::new(memory.connections, memory.vacant);

    let listener = listener::open(&mut ring, request.port)?;
    let port = listener::port(listener).map_err(Failure::of("getsockname"))?;
    Line::new().text("listening on 127.0.0.1:").number(u64::from(port)).text("\n").to_stdout();

    let mut server = Server::new(ring, listener, buffers, connections);
    let served = server.serve(signals, request.connections);
    server.close();
    served.map_err(Failure::of("io_uring"))
}

/// Blocks the signals that end the server, and gives the file that is ready when one has come. One that is ignored, as
/// `nohup` sets it, stays so.
fn watch_signals() -> Result<RawFd, Errno> {
    let signals =
        [SIGINT, SIGTERM].into_iter().filter(|&signal| !sys::is_ignored(signal)).fold(Sigset::EMPTY, Sigset::with);
    sys::block(signals)?;
    sys::signal_fd(signals)
}
