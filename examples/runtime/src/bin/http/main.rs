//! `http [--patience SECONDS] DIRECTORY [PORT]`: a web server on 127.0.0.1 for the files of a directory.
//!
//! - HTTP/1.1 and 1.0, GET and HEAD, connections that stay open, pipelined requests.
//! - Port 0, or none: any free one. The first line on standard output says which: `listening on 127.0.0.1:PORT`.
//! - A path is looked up beneath the directory only. The kernel ensures that (`openat2` with `RESOLVE_BENEATH`); symbolic
//!   links are followed as long as they stay there. A path that ends with a slash means the
//!   `index.html` in it. Whatever is no regular file is not found.
//! - A connection is closed if the client takes longer than the patience (10 seconds) to send the next bytes of a request,
//!   or to take the next bytes of an answer, or if it sends or takes them in too many pieces.
//! - [`CONNECTIONS`] are served at a time. [`REFUSALS`] more are told to come later (503). All others are closed at once.
//! - SIGINT or SIGTERM: the server answers the requests that have come, for 5 seconds at most, and ends with status 0.
//!
//! All memory is static. Needs Linux 6.11, the first with `bind` and `listen` as requests. On an older kernel the server
//! says what is missing.
#![no_std]
#![no_main]

mod connection;
mod request;
mod response;
mod tasks;

use core::ffi::CStr;
use core::time::Duration;

use bare_uring::types::{OpenFlags, OpenHow, Timespec};
use bare_uring::{Builder, Errno};
use bare_uring_ops::{File, Missing, Request as Need, Slab, Storage};
use embassy_executor::Spawner;
use freestanding::Args;
use freestanding::print::Line;
use linux_raw_sys::general::{O_DIRECTORY, O_PATH};
use runtime::Refusal;

freestanding::entry!(main);

const USAGE: &str = "usage: http [--patience SECONDS] DIRECTORY [PORT]\n";

/// Exit status for arguments that make no sense.
const MISUSED: u8 = 2;

/// Connections that are served at a time.
pub(crate) const CONNECTIONS: usize = 512;

/// Connections at a time that are told to come later.
pub(crate) const REFUSALS: usize = 32;

const TASKS: usize = CONNECTIONS + REFUSALS;

/// The longest head of a request, and the piece in which files are sent.
const BUFFER: usize = 8192;

/// Each task needs one operation, and one that is just being cancelled; two files; and three buffers: for the request,
/// the path and the answer. The rest is for the tasks that accept and that end the server.
static STORAGE: Storage<{ 2 * TASKS + 16 }, { 2 * TASKS + 256 }, BUFFERS, BUFFER> = Storage::new();

const BUFFERS: usize = 3 * TASKS + 16;

/// What the server needs of the kernel. The newest come first: the one that is named then tells the Linux that is enough.
const NEEDS: &[Need] = &[
    Need::BIND,
    Need::LISTEN,
    Need::SET_OPTION,
    Need::SOCKET,
    Need::SHUTDOWN,
    Need::OPEN_RESOLVED,
    Need::STAT,
    Need::READ,
    Need::SEND,
    Need::RECEIVE,
    Need::CLOSE,
    Need::ACCEPT,
    Need::CANCEL,
    Need::WITHIN,
    Need::TIMEOUT,
];

/// What every task needs.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) slab: &'static Slab,
    pub(crate) root: File,
    pub(crate) patience: Timespec,
}

/// What failed, and how.
enum Failure {
    Errno { what: &'static str, errno: Errno },
    Missing(Missing),
}

impl Failure {
    /// Makes a function for `map_err`.
    const fn of(what: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self::Errno { what, errno }
    }
}

/// What the arguments ask for.
struct Request {
    directory: &'static CStr,
    port: u16,
    patience: Timespec,
}

fn main(args: Args) -> u8 {
    if args.clone().skip(1).any(|argument| argument == c"--help") {
        Line::new().text(USAGE).text("Serves the files of DIRECTORY on 127.0.0.1:PORT.\n").to_stdout();
        return 0;
    }
    let Some(request) = parse(args) else {
        Line::new().text(USAGE).to_stderr();
        return MISUSED;
    };
    match serve(&request) {
        Ok(()) => 0,
        Err(Failure::Missing(missing)) => {
            runtime::report("http", missing);
            1
        }
        Err(Failure::Errno { what, errno }) => {
            Line::new().text("http: ").text(what).text(": ").errno(errno).text("\n").to_stderr();
            1
        }
    }
}

fn parse(args: Args) -> Option<Request> {
    let mut args = args.skip(1);
    let mut first = args.next()?;
    let mut patience = 10;
    if first == c"--patience" {
        patience = args.next()?.to_str().ok()?.parse::<u16>().ok().filter(|&seconds| seconds > 0)?;
        first = args.next()?;
    }
    let port = match args.next() {
        Some(port) => port.to_str().ok()?.parse().ok()?,
        None => 0,
    };
    let request = Request { directory: first, port, patience: Timespec::new(patience.into(), 0) };
    args.next().is_none().then_some(request)
}

/// Writes to all buffers once. The system gives each page at the first write to it. If it has none left, the server
/// should fail now, and not in the middle of an answer.
fn touch(slab: &'static Slab) {
    let mut all: [_; BUFFERS] = core::array::from_fn(|_| slab.buffer());
    for buffer in all.iter_mut().flatten() {
        let _ = buffer.extend(&[1; BUFFER]);
    }
}

fn serve(request: &Request) -> Result<(), Failure> {
    // If this is refused, the limit stays as it is, and fewer connections are served at once.
    let _ = freestanding::sys::raise_file_limit();
    let slab = STORAGE.start().ok_or(Errno::EBUSY).map_err(Failure::of("memory"))?;
    touch(slab);
    let signals = runtime::signals(slab).map_err(Failure::of("signals"))?;
    let mut builder = Builder::new();
    builder.setup_single_issuer().setup_defer_taskrun().setup_cqsize(4096);
    let mut driver = runtime::driver(slab, &builder, 1024, NEEDS).map_err(|refusal| match refusal {
        Refusal::Missing(missing) => Failure::Missing(missing),
        Refusal::Ring(errno) => Failure::of("io_uring")(errno),
    })?;

    let how = OpenHow::new().flags(OpenFlags(O_PATH | O_DIRECTORY));
    let root = driver.block_on(slab.open(None, request.directory, how)).and_then(|opened| opened);
    let root = root.map_err(Failure::of("directory"))?;
    let listener = driver.block_on(runtime::listener::listen(slab, request.port)).and_then(|made| made);
    let listener = listener.map_err(Failure::of("listen"))?;
    let port = runtime::listener::port(&listener).map_err(Failure::of("getsockname"))?;
    Line::new().text("listening on 127.0.0.1:").number(u64::from(port)).text("\n").to_stdout();

    let site = Site { slab, root, patience: request.patience };
    let start = |spawner: Spawner| {
        // Each task has a place, because it is spawned once.
        if let (Ok(stop), Ok(accept)) = (tasks::stop(slab, signals), tasks::accept(site, listener, spawner)) {
            spawner.spawn(stop);
            spawner.spawn(accept);
        }
    };
    runtime::run(&mut driver, start, tasks::over).map_err(Failure::of("io_uring"))?;
    // An operation that can't be cancelled in that time ends with the program.
    let _ = driver.shutdown(Duration::from_secs(1));
    Ok(())
}
