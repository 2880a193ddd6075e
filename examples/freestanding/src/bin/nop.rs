//! The smallest round trip through a ring: makes one, pushes a request that does nothing, waits for its completion.
//!
//! Exit status 0 if all went well; otherwise the number of the step that did not.
#![no_std]
#![no_main]

use bare_uring::{IoUring, opcode};
use freestanding::Args;

freestanding::entry!(main);

/// What the completion must bring back.
const USER_DATA: u64 = 0xba5e;

fn main(_args: Args) -> u8 {
    // Borrowed where it was made: moving a ring copies some 300 bytes.
    let mut made = IoUring::new(1);
    let Ok(ring) = &mut made else { return 1 };
    let nop = opcode::Nop::new().build().user_data(USER_DATA);
    // SAFETY: the request points to nothing.
    if unsafe { ring.submission().push(nop) }.is_err() {
        return 2;
    }
    if ring.submit_and_wait(1) != Ok(1) {
        return 3;
    }
    match ring.completion().next() {
        Some(cqe) if cqe.user_data() == USER_DATA && cqe.outcome() == Ok(0) => 0,
        _ => 4,
    }
}
