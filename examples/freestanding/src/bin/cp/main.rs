//! `cp SRC DST`: copies one file, with many reads and writes under way at once.
//!
//! - The copy has the permission bits (`rwxrwxrwx`) of the source, whatever the umask. Owner, times, and the bits for
//!   set-user-id and its kin are those of a new file, as with any `cp`.
//! - If `DST` is a directory, the copy goes into it under the source's name. A symbolic link is followed.
//! - A regular file is written under another name beside `DST`, and renamed when it is complete: who opens `DST` finds
//!   the old content or the new one, whole, whatever happens. An error or a signal removes the unfinished copy; SIGKILL
//!   leaves it behind under its other name, `.cp-…`. What else `DST` was linked to stays as it was. `DST` must be
//!   writable, as if it were written to.
//! - Where a file is replaced, the copy reaches the device before the renaming does: after a crash, too, `DST` has one
//!   of the two contents. Where nothing is replaced there is nothing to lose, and nobody waits for the device.
//! - Anything else at `DST` (a terminal, a pipe, a device) is written to as it is.
//! - A copy ends where the source does. One that grows meanwhile is copied with what has come; one that has become
//!   shorter is an error, since what was read is no content that the file ever had.
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

/// Exit status for arguments that make no sense.
const MISUSED: u8 = 2;

/// Entries of the submission queue: one for each part of the copy that is under way, and the few beside them.
const ENTRIES: u32 = 64;

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
            failure.print(source, destination);
            1
        }
    }
}

/// The two operands; of `--help` alone, twice that. `None` if there are more or fewer, or an option.
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

/// Copies; `path` becomes that of the file that `destination` means.
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
    // From here on, and not while an open waits for the other end of a pipe: a signal is to end that wait.
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

/// A ring for one thread, whose completions are worked off when they are asked for; a plain one where the kernel (before
/// 6.1) does not know such.
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
    // A pipe is opened once, by an open that waits for the writer. One that does not wait would be a reader already: the
    // writer goes on, may have written all and closed the pipe by then, and a second open would wait for another writer.
    let is_pipe = request::stat(ring, path).is_ok_and(|about| kind(&about) == S_IFIFO);
    let input = request::open(ring, path, O_RDONLY | O_NOCTTY, 0, is_pipe).map_err(&failed)?;
    let about = request::stat_fd(ring, input).map_err(&failed)?;
    match kind(&about) {
        S_IFDIR => return Err(About::Source.refused("cannot copy")(Errno::EISDIR)),
        // It has come to that name since: it would have an end before anybody has begun to write to it.
        S_IFIFO if !is_pipe => return Err(failed(Errno::EAGAIN)),
        _ => {}
    }
    Ok((input, about))
}

fn same_file(one: &StatxBuffer, other: &StatxBuffer) -> bool {
    (one.stx_dev_major, one.stx_dev_minor, one.stx_ino) == (other.stx_dev_major, other.stx_dev_minor, other.stx_ino)
}

/// `S_IF…`.
fn kind(about: &StatxBuffer) -> u32 {
    u32::from(about.stx_mode) & S_IFMT
}

fn is_regular(about: &StatxBuffer) -> bool {
    kind(about) == S_IFREG
}

/// Copies the content, and looks once more at a source that ended early.
fn transfer(ring: &mut IoUring, input: RawFd, about: &StatxBuffer, target: &Destination<'_>) -> Result<(), Failure> {
    let source = Source { fd: input, size: about.stx_size, regular: is_regular(about) };
    let sink = Sink { fd: target.fd(), regular: target.is_regular() };
    let end = Copy::new(ring, source, sink).run()?;
    if end.expected_more {
        // A file of the kernel's own (as in /sys) claims a page and holds less. Any other has become shorter, and may
        // have grown again since.
        let failed = About::Source.refused("cannot be read");
        let now = request::stat_fd(ring, input).map_err(&failed)?;
        if end.torn || now.stx_size < about.stx_size || copy::has_more(ring, input, end.offset).map_err(failed)? {
            return Err(About::Source.unfit("became shorter while it was copied"));
        }
    }
    Ok(())
}
