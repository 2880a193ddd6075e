//! `cat [FILE...]`: copies files to standard output through a ring. `-`, or no argument, stands for standard input.
//!
//! Shows reads and writes that handle short counts, with one request at a time. If a file can't be read, `cat` says so
//! on standard error, copies the others, and ends with status 1.
#![no_std]
#![no_main]

use core::cell::UnsafeCell;
use core::ffi::CStr;

use bare_uring::types::{Fd, RawFd};
use bare_uring::{Errno, IoUring, opcode};
use freestanding::print::Line;
use freestanding::{Args, request, sys};
use linux_raw_sys::general::O_RDONLY;

freestanding::entry!(main);

/// Bytes that one read asks for: as many as a pipe holds.
const SIZE: u32 = 64 * 1024;

/// The offset that stands for the file's own position, which reads and writes move. Pipes and terminals take no other.
const HERE: u64 = u64::MAX;

/// Memory that only the kernel reads and writes.
struct Buffer(UnsafeCell<[u8; SIZE as usize]>);

// SAFETY: no reference to the memory is ever made. The program has one thread, and one request at a time uses the
// memory.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new([0; SIZE as usize]));

/// Which side of a copy failed.
enum Failure {
    Input(Errno),
    Output(Errno),
}

fn main(args: Args) -> u8 {
    // Borrows the ring where it was made, because a move copies some 300 bytes.
    let mut made = IoUring::new(4);
    let ring = match &mut made {
        Ok(ring) => ring,
        Err(error) => {
            complain(c"io_uring", error.errno());
            return 1;
        }
    };
    let mut status = 0;
    let mut files = args.skip(1).peekable();
    if files.peek().is_none() {
        return show(ring, c"-");
    }
    for file in files {
        status |= show(ring, file);
    }
    status
}

/// Copies one file and prints an error if that fails. Returns the exit status.
fn show(ring: &mut IoUring, file: &CStr) -> u8 {
    match open_and_copy(ring, file) {
        Ok(()) => return 0,
        Err(Failure::Output(errno)) => complain(c"standard output", errno),
        Err(Failure::Input(errno)) => complain(file, errno),
    }
    1
}

fn complain(about: &CStr, errno: Errno) {
    Line::new().text("cat: ").path(about).text(": ").errno(errno).text("\n").to_stderr();
}

fn open_and_copy(ring: &mut IoUring, file: &CStr) -> Result<(), Failure> {
    if file == c"-" {
        return copy(ring, sys::STDIN);
    }
    // `wait`: the open of a pipe waits for a writer.
    let fd = request::open(ring, file, O_RDONLY, 0, true).map_err(Failure::Input)?;
    let copied = copy(ring, fd);
    // The file was only read, so an error of the close means nothing.
    let _ = request::close(ring, fd);
    copied
}

fn copy(ring: &mut IoUring, input: RawFd) -> Result<(), Failure> {
    let buffer = BUFFER.0.get().cast::<u8>();
    loop {
        let read = opcode::Read::new(Fd(input), buffer, SIZE).offset(HERE).build();
        // SAFETY: the buffer is a static, and no other request is under way.
        let got = unsafe { request::run(ring, read) }.map_err(Failure::Input)?;
        if got == 0 {
            return Ok(());
        }
        let mut written = 0;
        while written < got {
            // SAFETY: `written` is less than `got`, which is at most `SIZE`.
            let rest = unsafe { buffer.add(written as usize) };
            let write = opcode::Write::new(Fd(sys::STDOUT), rest, got - written).offset(HERE).build();
            // SAFETY: the buffer is a static, and no other request is under way.
            match unsafe { request::run(ring, write) } {
                Ok(0) => return Err(Failure::Output(Errno::EIO)),
                Ok(count) => written += count,
                Err(errno) => return Err(Failure::Output(errno)),
            }
        }
    }
}
