//! Real work: reads a file piece by piece and writes it to standard output.
//!
//! A result is either a count or an error; `outcome` tells which. A read may return less than was asked for, and a
//! write may take less than it was given. Only a read of 0 bytes is the end of the file. A request without an offset
//! starts at 0; the offset -1 stands for the file's own position, as in write(2).

use std::error::Error;
use std::fs::File;
use std::os::fd::AsRawFd;

use bare_uring::squeue::Entry;
use bare_uring::types::Fd;
use bare_uring::{Errno, IoUring, opcode};

/// Submits one request and waits for its completion.
///
/// # Safety
///
/// The request's memory must stay valid until the function returns.
unsafe fn run(ring: &mut IoUring, request: Entry) -> Result<u32, Errno> {
    // SAFETY: the caller's contract.
    unsafe { ring.submission().push(request) }.expect("the queue is empty: each request is waited for");
    loop {
        match ring.submit_and_wait(1) {
            // A signal ends the wait early: look for the completion, then wait again.
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        if let Some(cqe) = ring.completion().next() {
            return cqe.outcome();
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: cat FILE")?;
    let file = File::open(path)?;
    let mut ring = IoUring::new(4)?;
    let mut buffer = [0_u8; 16_384];
    let mut offset = 0_u64;
    loop {
        let read = opcode::Read::new(Fd(file.as_raw_fd()), buffer.as_mut_ptr(), buffer.len() as u32).offset(offset);
        // SAFETY: nothing else uses the buffer until `run` returns.
        let len = unsafe { run(&mut ring, read.build())? };
        if len == 0 {
            return Ok(());
        }
        let mut piece = &buffer[..len as usize];
        while !piece.is_empty() {
            let write = opcode::Write::new(Fd(1), piece.as_ptr(), piece.len() as u32).offset(u64::MAX);
            // SAFETY: nothing writes to the buffer until `run` returns.
            let written = unsafe { run(&mut ring, write.build())? };
            piece = &piece[written as usize..];
        }
        offset += u64::from(len);
    }
}
