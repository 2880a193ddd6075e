//! `echo [PORT] [--connections N]`: a TCP server on 127.0.0.1 that sends back what it receives.
//!
//! Shows multishot requests and a ring of provided buffers, in fixed memory.
//!
//! - Port 0, or no port, stands for any free port. The first line on standard output is `listening on 127.0.0.1:PORT`.
//! - One accept request gives all connections. One receive request per connection gives all of its data, in buffers
//!   that all connections share. The server sends from these buffers, in order, one send at a time.
//! - All memory is fixed: see [`memory`]. Connections for which there is no room are closed at once. While no buffer is
//!   free, nothing is received. A client that sends and does not read can fill only a part of the buffers.
//! - A connection ends when the client sends no more and everything was sent back, or when it breaks.
//! - After SIGINT or SIGTERM, or when N connections were served, the server closes what is open and ends with status 0.
//!
//! Needs Linux 6.11, the first with `bind` and `listen` as requests. On an older kernel the server says what is missing.
#![no_std]
#![no_main]

mod buffers;
mod connections;
mod listener;
mod memory;
mod server;

use bare_uring::{Errno, IoUring};
use freestanding::missing::{self, Need};
use freestanding::print::Line;
use freestanding::{Args, number, sys};
use linux_raw_sys::general::{SIGINT, SIGTERM};

use buffers::Buffers;
use connections::Connections;
use server::Server;

freestanding::entry!(main);

const USAGE: &str = "usage: echo [PORT] [--connections N]\n";

/// Exit status for wrong arguments.
const MISUSED: u8 = 2;

/// Entries of the submission queue. When it is nearly full, the server submits before it takes more completions.
const ENTRIES: u32 = 1024;

/// Entries of the completion queue: two for each connection. Completions for which it has no room wait in the kernel.
const COMPLETIONS: u32 = 8192;

/// The requests that the server makes.
const NEEDS: &[Need] = freestanding::needs![
    IORING_OP_BIND,
    IORING_OP_LISTEN,
    IORING_OP_SOCKET,
    IORING_OP_SEND,
    IORING_OP_RECV,
    IORING_OP_CLOSE,
    IORING_OP_ACCEPT,
    IORING_OP_ASYNC_CANCEL,
    IORING_OP_TIMEOUT,
    IORING_OP_POLL_ADD,
];

/// What failed, and the kernel's error.
pub(crate) struct Failure {
    what: &'static str,
    errno: Errno,
}

impl Failure {
    /// Returns a function for `map_err`, which makes a failure of `what`.
    pub(crate) const fn of(what: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self { what, errno }
    }
}

/// The arguments of the program.
struct Settings {
    port: u16,
    /// Number of connections after which the server ends.
    connections: Option<u64>,
}

fn main(args: Args) -> u8 {
    if args.clone().skip(1).any(|argument| argument == c"--help") {
        Line::new().text(USAGE).text("Sends back what it receives on 127.0.0.1:PORT.\n").to_stdout();
        return 0;
    }
    let Some(settings) = parse(args) else {
        Line::new().text(USAGE).to_stderr();
        return MISUSED;
    };
    match run(&settings) {
        Ok(()) => 0,
        Err(Failure { what, errno }) => {
            if !missing::explain("echo", errno, NEEDS) {
                Line::new().text("echo: ").text(what).text(": ").errno(errno).text("\n").to_stderr();
            }
            1
        }
    }
}

fn parse(args: Args) -> Option<Settings> {
    let mut args = args.skip(1);
    let mut port = None;
    let mut connections = None;
    while let Some(argument) = args.next() {
        if argument == c"--connections" && connections.is_none() {
            connections = Some(number::parse(args.next()?.to_bytes())?);
        } else if port.is_none() {
            port = Some(u16::try_from(number::parse(argument.to_bytes())?).ok()?);
        } else {
            return None;
        }
    }
    Some(Settings { port: port.unwrap_or(0), connections })
}

fn run(settings: &Settings) -> Result<(), Failure> {
    // An error leaves the limit as it is, which allows fewer connections at once.
    let _ = sys::raise_file_limit();
    let (_, signals) = sys::watch_signals(&[SIGINT, SIGTERM]).map_err(Failure::of("signals"))?;
    let mut ring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_cqsize(COMPLETIONS)
        .build(ENTRIES)
        .map_err(|error| Failure { what: "io_uring", errno: error.errno() })?;
    let memory = memory::take().ok_or(Errno::EBUSY).map_err(Failure::of("memory"))?;
    let buffers = Buffers::register(&ring.submitter(), memory.group, memory.held).map_err(Failure::of("buffers"))?;
    let connections = Connections::new(memory.connections, memory.vacant);

    let listener = listener::open(&mut ring, settings.port)?;
    let port = listener::port(listener).map_err(Failure::of("getsockname"))?;
    Line::new().text("listening on 127.0.0.1:").number(u64::from(port)).text("\n").to_stdout();

    let mut server = Server::new(ring, listener, buffers, connections);
    let served = server.serve(signals, settings.connections);
    server.close();
    served.map_err(Failure::of("io_uring"))
}
