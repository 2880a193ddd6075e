//! `mirror [PORT]`: a TCP server on 127.0.0.1 that sends back what it receives, from buffers that all connections share.
//!
//! One request accepts all connections. All connections share the buffers, and the kernel picks one when data comes; each
//! connection has its share. The data is sent from where it lies. SIGINT or SIGTERM ends the server. Needs Linux 6.11; on
//! an older kernel the server says what is missing.
#![no_std]
#![no_main]

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use bare_uring::types::Timespec;
use bare_uring::{Builder, Errno};
use bare_uring_ops::{CURRENT, File, Group, Missing, Request, Slab, Storage};
use embassy_executor::Spawner;
use freestanding::Args;
use freestanding::print::Line;
use runtime::Refusal;

freestanding::entry!(main);

/// Connections at a time.
const CONNECTIONS: usize = 256;

/// Each connection needs a stream, a send, and one of each that is just being cancelled.
static STORAGE: Storage<{ 4 * CONNECTIONS }, { CONNECTIONS + 64 }, 1, 128> = Storage::new();
/// 1024 buffers for the data that comes in.
static GROUP: Group<1024, 4096> = Group::new();
static STOPPED: AtomicBool = AtomicBool::new(false);

/// What the server needs of the kernel. The newest come first: the one that is named then tells the Linux that is enough.
const NEEDS: &[Request] = &[
    Request::BIND,
    Request::LISTEN,
    Request::SET_OPTION,
    Request::SOCKET,
    Request::SEND,
    Request::RECEIVE,
    Request::READ,
    Request::CLOSE,
    Request::ACCEPT,
    Request::CANCEL,
    Request::WITHIN,
    Request::TIMEOUT,
];

/// How many buffers wait for one client, at most, beside the one that is being sent: its share. So a client that sends and
/// does not read leaves the others theirs.
const SHARE: u16 = 3;

/// A client to which a send takes longer counts as gone.
const PATIENCE: Timespec = Timespec::new(30, 0);

fn main(mut args: Args) -> u8 {
    let port = match args.nth(1).map(CStr::to_str) {
        None => Some(0),
        Some(Ok(text)) => text.parse().ok(),
        Some(Err(_)) => None,
    };
    let Some(port) = port else {
        Line::new().text("usage: mirror [PORT]\n").to_stderr();
        return 2;
    };
    match serve(port) {
        Ok(()) => 0,
        Err(Failure::Errno(errno)) => {
            Line::new().text("mirror: ").errno(errno).text("\n").to_stderr();
            1
        }
        Err(Failure::Missing(missing)) => {
            runtime::report("mirror", missing);
            1
        }
    }
}

/// Why the server has ended.
enum Failure {
    Missing(Missing),
    Errno(Errno),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing(missing) => Self::Missing(missing),
            Refusal::Ring(errno) => Self::Errno(errno),
        }
    }
}

fn serve(port: u16) -> Result<(), Failure> {
    let slab = STORAGE.start().ok_or(Errno::EBUSY)?;
    let mut builder = Builder::new();
    builder.setup_single_issuer().setup_defer_taskrun();
    let mut driver = runtime::driver(slab, &builder, 256, NEEDS)?;
    driver.provide(&GROUP)?;
    let signals = runtime::signals(slab)?;
    let listener = driver.block_on(runtime::listener::listen(slab, port))??;
    let port = runtime::listener::port(&listener)?;
    Line::new().text("listening on 127.0.0.1:").number(u64::from(port)).text("\n").to_stdout();
    let start = |spawner: Spawner| {
        // Each task has a place, because it is spawned once.
        if let (Ok(watch), Ok(accept)) = (watch(slab, signals), accept(slab, listener, spawner)) {
            spawner.spawn(watch);
            spawner.spawn(accept);
        }
    };
    runtime::run(&mut driver, start, || STOPPED.load(Ordering::Relaxed))?;
    Ok(driver.shutdown(Duration::from_secs(1))?)
}

#[embassy_executor::task]
async fn watch(slab: &'static Slab, signals: File) {
    if let Some(buffer) = slab.buffer() {
        let _ = slab.read(&signals, buffer, CURRENT).await;
    }
    STOPPED.store(true, Ordering::Relaxed);
}

#[embassy_executor::task]
async fn accept(slab: &'static Slab, listener: File, spawner: Spawner) {
    loop {
        let mut incoming = slab.incoming(&listener);
        while let Some(Ok(socket)) = incoming.next().await {
            // If all tasks are taken, the connection is closed.
            if let Ok(token) = mirror(slab, socket) {
                spawner.spawn(token);
            }
        }
        drop(incoming);
        // The request has ended because no file or memory was left, or was not made because no slot was free. A moment
        // later there may be some.
        runtime::listener::pause(slab, Timespec::new(0, 50_000_000)).await;
    }
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn mirror(slab: &'static Slab, socket: File) {
    let mut pieces = slab.pieces_at_most(&socket, SHARE);
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(mut piece) => {
                while !piece.is_empty() {
                    let (sent, rest) = slab.send(&socket, piece).within(PATIENCE).await;
                    if sent.is_err() {
                        return;
                    }
                    piece = rest;
                }
            }
            // All buffers are on their way back.
            Err(Errno::ENOBUFS) => {
                if slab.ready_provided().await.is_err() {
                    return;
                }
                pieces = slab.pieces_at_most(&socket, SHARE);
            }
            Err(_) => return,
        }
    }
}
