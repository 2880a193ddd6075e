//! Linked requests: a copy whose read and write are submitted together, with no wait between them.
//!
//! `IO_LINK` makes the kernel start the write when the read has returned all that was asked for. A shorter read breaks
//! the chain: the write completes with ECANCELED. So each length is computed from the file's size.

use std::error::Error;
use std::fs::File;
use std::os::fd::AsRawFd;

use bare_uring::squeue::Flags;
use bare_uring::types::Fd;
use bare_uring::{IoUring, opcode};

/// Bytes copied by one chain.
const PIECE: usize = 65_536;

/// User data of the two requests of a chain.
const READ: u64 = 0;
const WRITE: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else { return Err("usage: linked_copy FROM TO".into()) };
    let (from, to) = (File::open(from)?, File::create(to)?);
    let size = from.metadata()?.len();

    let mut ring = IoUring::new(4)?;
    let mut buffer = vec![0_u8; PIECE];
    let (mut offset, mut chains) = (0, 0);
    while offset < size {
        let len = PIECE.min((size - offset) as usize) as u32;
        let read = opcode::Read::new(Fd(from.as_raw_fd()), buffer.as_mut_ptr(), len).offset(offset).build();
        let write = opcode::Write::new(Fd(to.as_raw_fd()), buffer.as_ptr(), len).offset(offset).build();
        let chain = [read.flags(Flags::IO_LINK).user_data(READ), write.user_data(WRITE)];
        // SAFETY: the loop below waits for both completions before the buffer is used again.
        unsafe { ring.submission().push_multiple(&chain) }.map_err(|error| error.to_string())?;

        let mut outstanding = 2;
        let mut failure = None;
        ring.submit()?;
        while outstanding > 0 {
            ring.submit_and_wait(1)?;
            for cqe in ring.completion() {
                outstanding -= 1;
                match (cqe.user_data(), cqe.outcome()) {
                    (_, Ok(done)) if done == len => {}
                    (READ, outcome) => failure = Some(format!("read of {len} at {offset}: {outcome:?}")),
                    // ECANCELED only repeats that the read failed.
                    (_, outcome) => failure = failure.or(Some(format!("write of {len} at {offset}: {outcome:?}"))),
                }
            }
        }
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        offset += u64::from(len);
        chains += 1;
    }
    println!("copied {size} bytes in {chains} chains");
    Ok(())
}
