//! Checks of reads and writes that can't block, on a pipe and on a file in memory.

use bare_uring::types::{Fd, IoVec, RawFd};
use bare_uring::{IoUring, opcode};

use super::{Known, run};
use crate::checks::os;
use crate::checks::report::Report;
use crate::pages::Pages;
use crate::sys;

const TEXT: [u8; 5] = *b"hello";

/// Memory that the kernel may use for ever, should a request not complete.
static MEMORY: Pages<1> = Pages::new();

/// What the requests point to.
#[derive(Clone, Copy)]
struct Memory {
    bytes: [u8; 16],
    pieces: [IoVec; 2],
}

pub(super) fn check(report: &mut Report, known: &Known, ring: &mut IoUring) -> Option<()> {
    let empty = Memory { bytes: [0; 16], pieces: [IoVec::new(core::ptr::null_mut(), 0); 2] };
    let Ok([memory]) = MEMORY.filled(1, empty) else { return None };
    writes(report, known, ring, memory)?;
    reads(report, known, ring, memory)?;
    file(report, known, ring, memory)
}

/// Makes a pipe, and names the lack of pipes.
fn pipe(report: &mut Report) -> Option<[RawFd; 2]> {
    match os::nonblocking_pipe() {
        Ok(ends) => Some(ends),
        Err(errno) => {
            report.absent("pipes", errno);
            None
        }
    }
}

/// Checks writes to a pipe, which come in the order in which they were made.
fn writes(report: &mut Report, known: &Known, ring: &mut IoUring, memory: &mut Memory) -> Option<()> {
    memory.bytes[..5].copy_from_slice(&TEXT);
    let start = memory.bytes.as_mut_ptr();
    memory.pieces = [IoVec::new(start, 2), IoVec::new(start.wrapping_add(2), 3)];
    let pieces = memory.pieces.as_ptr();

    let Some([from, to]) = pipe(report) else { return Some(()) };
    let halves = [(0, 2), (2, 3)].map(|(at, len)| opcode::Write::new(Fd(to), start.wrapping_add(at), len).build());
    let mut all = true;
    for (half, len) in halves.into_iter().zip([2, 3]) {
        // SAFETY: the bytes are given out once, and stay for ever.
        let once = |report: &mut Report| unsafe { run(report, "Write", ring, half) };
        all &= known.tried(report, "Write", opcode::Write::CODE, once, Ok(len))?;
    }
    if all {
        report.equal("the bytes written", os::read(from), Ok(TEXT));
    }
    let write = opcode::Writev::new(Fd(to), pieces, 2).build();
    // SAFETY: the pieces and their bytes are given out once, and stay for ever.
    let once = |report: &mut Report| unsafe { run(report, "Writev", ring, write) };
    if known.tried(report, "Writev", opcode::Writev::CODE, once, Ok(5))? {
        report.equal("the pieces written", os::read(from), Ok(TEXT));
    }
    os::close(from);
    os::close(to);
    Some(())
}

/// Checks reads of a pipe that has bytes.
fn reads(report: &mut Report, known: &Known, ring: &mut IoUring, memory: &mut Memory) -> Option<()> {
    let Some([from, to]) = pipe(report) else { return Some(()) };
    report.equal("write(2)", sys::write(to, &TEXT), Ok(5));
    memory.bytes = [0; 16];
    let start = memory.bytes.as_mut_ptr();
    let read = opcode::Read::new(Fd(from), start, 16).build();
    // SAFETY: the bytes are given out once, and stay for ever.
    let once = |report: &mut Report| unsafe { run(report, "Read", ring, read) };
    if known.tried(report, "Read", opcode::Read::CODE, once, Ok(5))? {
        report.equal("the bytes read", &memory.bytes, b"hello\0\0\0\0\0\0\0\0\0\0\0");
        report.equal("write(2)", sys::write(to, &TEXT), Ok(5));
    }
    memory.bytes = [0; 16];
    let start = memory.bytes.as_mut_ptr();
    memory.pieces = [IoVec::new(start, 2), IoVec::new(start.wrapping_add(8), 8)];
    let read = opcode::Readv::new(Fd(from), memory.pieces.as_ptr(), 2).build();
    // SAFETY: the pieces and their bytes are given out once, and stay for ever.
    let once = |report: &mut Report| unsafe { run(report, "Readv", ring, read) };
    if known.tried(report, "Readv", opcode::Readv::CODE, once, Ok(5))? {
        report.equal("the pieces read", &memory.bytes, b"he\0\0\0\0\0\0llo\0\0\0\0\0");
    }
    os::close(from);
    os::close(to);
    Some(())
}

/// Checks a write and a read at an offset.
fn file(report: &mut Report, known: &Known, ring: &mut IoUring, memory: &mut Memory) -> Option<()> {
    const AT: u64 = 0x1000;

    let file = match os::memory_file() {
        Ok(file) => Fd(file),
        Err(errno) => {
            report.absent("files in memory", errno);
            return Some(());
        }
    };
    memory.bytes = *b"sixteen bytes...";
    let start = memory.bytes.as_mut_ptr();
    let write = opcode::Write::new(file, start, 16).offset(AT).build();
    // SAFETY: the bytes are given out once, and stay for ever.
    let once = |report: &mut Report| unsafe { run(report, "Write", ring, write) };
    let written = known.tried(report, "Write", opcode::Write::CODE, once, Ok(16))?;
    memory.bytes = [0; 16];
    let start = memory.bytes.as_mut_ptr();
    let read = opcode::Read::new(file, start, 16).offset(AT + 8).build();
    // SAFETY: the bytes are given out once, and stay for ever.
    let once = |report: &mut Report| unsafe { run(report, "Read", ring, read) };
    let expected = if written { Ok(8) } else { Ok(0) };
    if known.tried(report, "Read", opcode::Read::CODE, once, expected)? && written {
        report.equal("the bytes at the offset", &memory.bytes, b"bytes...\0\0\0\0\0\0\0\0");
    }
    os::close(file.0);
    Some(())
}
