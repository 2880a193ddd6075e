//! `cp SRC DST`: copies one file, with many reads and writes under way at once.
//!
//! Shows a ring that is kept busy with many requests, and how to cancel and clean up.
//!
//! - The copy has the permission bits (`rwxrwxrwx`) of the source, whatever the umask. Owner, times, and the bits
//!   set-user-ID, set-group-ID and sticky are those of a new file, as with any `cp`.
//! - If `DST` is a directory, the copy goes into it under the source's name. A symbolic link is followed.
//! - A regular file is written under another name beside `DST`, and renamed when it is complete. So a program that
//!   opens `DST` finds either the whole old content or the whole new content. After an error or a signal, `cp` removes
//!   the unfinished copy; SIGKILL leaves it behind under its other name, `.cp-…`. Other hard links to the old file keep
//!   the old content. `DST` must be writable, as if it were written to.
//! - If a file is replaced, the copy reaches the device before the rename does: after a crash, too, `DST` has one of
//!   the two contents. If no file is replaced, no content can be lost, and `cp` does not wait for the device.
//! - Anything else at `DST` (a terminal, a pipe, a device) is written to as it is.
//! - A copy ends where the source ends. A source that grows meanwhile is copied to its new end. A source that becomes
//!   shorter is an error, because the bytes that were read are a content that the file never had.
#![no_std]
#![no_main]

mod copy;
mod destination;
mod failure;
mod interrupt;
mod progress;

use core::ffi::CStr;

use bare_uring::types::{RawFd, StatxBuffer};
use bare_uring::{Errno, IoUring};
use freestanding::missing::{self, Need};
use freestanding::path::Path;
use freestanding::print::Line;
use freestanding::{Args, request};
use linux_raw_sys::general::{O_NOCTTY, O_RDONLY, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG};

use copy::{Copy, Sink, Source};
use destination::Destination;
use failure::{About, Failure};
use interrupt::Interrupt;

freestanding::entry!(main);

const USAGE: &str = "usage: cp SRC DST\n";

/// Exit status for wrong arguments.
const MISUSED: u8 = 2;

/// Entries of the submission queue: one for each part of the copy, and a few for the timer and the signals.
const ENTRIES: u32 = 64;

/// The requests that every copy makes.
const NEEDS: &[Need] = freestanding::needs![
    IORING_OP_STATX,
    IORING_OP_OPENAT,
    IORING_OP_READ,
    IORING_OP_WRITE,
    IORING_OP_CLOSE,
    IORING_OP_POLL_ADD,
];

fn main(args: Args) -> u8 {
    let Some((source, destination)) = operands(args) else {
        Line::new().text(USAGE).to_stderr();
        return MISUSED;
    };
    if source == c"--help" {
        Line::new().text(USAGE).text("Copies the file SRC to the file DST, or into the directory DST.\n").to_stdout();
        return 0;
    }
    let mut path = Path::new();
    match run(source, destination, &mut path) {
        Ok(()) => 0,
        Err(failure) => {
            let destination = if path.as_bytes().is_empty() { destination } else { path.as_c_str() };
            if !failure.errno().is_some_and(|errno| missing::explain("cp", errno, NEEDS)) {
                failure.print(source, destination);
            }
            1
        }
    }
}

/// Returns the two operands; `--help` counts as both. `None`: there are more or fewer, or an option.
fn operands(args: Args) -> Option<(&'static CStr, &'static CStr)> {
    let mut args = args.skip(1);
    let mut first = args.next()?;
    if first == c"--help" {
        return Some((first, first));
    }
    if first == c"--" {
        first = args.next()?;
    } else if first.to_bytes().len() > 1 && first.to_bytes().starts_with(b"-") {
        return None;
    }
    let second = args.next()?;
    if args.next().is_none() { Some((first, second)) } else { None }
}

/// Copies the file. Puts the path of the file that `destination` means into `path`.
fn run(source: &CStr, destination: &CStr, path: &mut Path) -> Result<(), Failure> {
    let mut ring = make_ring()?;
    let (input, about) = open_source(&mut ring, source)?;
    let old = destination::find(&mut ring, source, destination, path)?;
    if old.is_some_and(|old| same_file(&about, &old)) {
        return Err(About::Destination.unfit("is the same file as the source"));
    }
    let in_place = match &old {
        Some(old) => destination::open_old(&mut ring, path, old)?,
        None => None,
    };
    // Not earlier: a signal must end an open that waits for the other end of a pipe.
    let interrupt = Interrupt::block()?;
    let target = match in_place {
        Some(fd) => Destination::in_place(path, fd),
        None => Destination::beside(&mut ring, path, old.is_some())?,
    };
    let mode = u32::from(about.stx_mode) & 0o777;
    let copied = interrupt
        .watch(&mut ring)
        .and_then(|()| transfer(&mut ring, input, &about, &target))
        .and_then(|()| target.complete(&mut ring, mode));
    if copied.is_err() {
        target.abandon();
    }
    if let Err(Failure::Interrupted) = copied {
        interrupt.act();
    }
    copied
}

/// Makes a ring for one thread that runs completion work only when it waits; a plain ring if the kernel is older than
/// 6.1 and refuses that.
fn make_ring() -> Result<IoUring, Failure> {
    IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .build(ENTRIES)
        .or_else(|_| IoUring::new(ENTRIES))
        .map_err(Failure::setup)
}

fn open_source(ring: &mut IoUring, path: &CStr) -> Result<(RawFd, StatxBuffer), Failure> {
    let failed = About::Source.refused("cannot open");
    // A pipe is opened once, by an open that waits for the writer. An open that does not wait would already count as a
    // reader: the writer could then write everything and close the pipe, and a second open would wait for another
    // writer.
    let is_pipe = request::stat(ring, path).is_ok_and(|about| file_type(&about) == S_IFIFO);
    let input = request::open(ring, path, O_RDONLY | O_NOCTTY, 0, is_pipe).map_err(&failed)?;
    let about = request::stat_fd(ring, input).map_err(&failed)?;
    match file_type(&about) {
        S_IFDIR => return Err(About::Source.refused("cannot copy")(Errno::EISDIR)),
        // The path became a pipe after the `stat`. Without the wait it would read as ended before a writer has opened
        // it.
        S_IFIFO if !is_pipe => return Err(failed(Errno::EAGAIN)),
        _ => {}
    }
    Ok((input, about))
}

fn same_file(one: &StatxBuffer, other: &StatxBuffer) -> bool {
    (one.stx_dev_major, one.stx_dev_minor, one.stx_ino) == (other.stx_dev_major, other.stx_dev_minor, other.stx_ino)
}

/// Returns the type of a file, `S_IF…`.
fn file_type(about: &StatxBuffer) -> u32 {
    u32::from(about.stx_mode) & S_IFMT
}

fn is_regular(about: &StatxBuffer) -> bool {
    file_type(about) == S_IFREG
}

/// Copies the content, and checks a source that ended early.
fn transfer(ring: &mut IoUring, input: RawFd, about: &StatxBuffer, target: &Destination<'_>) -> Result<(), Failure> {
    let source = Source { fd: input, size: about.stx_size, regular: is_regular(about) };
    let sink = Sink { fd: target.fd(), regular: target.is_regular() };
    let end = Copy::new(ring, source, sink).run()?;
    if end.expected_more {
        // A file in /sys claims a page and holds less. Any other file has become shorter, and may have grown again
        // since.
        let failed = About::Source.refused("cannot be read");
        let now = request::stat_fd(ring, input).map_err(&failed)?;
        if end.torn || now.stx_size < about.stx_size || copy::has_more(ring, input, end.offset).map_err(failed)? {
            return Err(About::Source.unfit("became shorter while it was copied"));
        }
    }
    Ok(())
}
