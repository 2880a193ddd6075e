//! `nop`: the smallest program that uses a ring. It makes a ring, pushes a NOP, and waits for its completion.
//!
//! The exit status is 0 if every step worked, otherwise the number of the step that failed.
#![no_std]
#![no_main]

use bare_uring::{IoUring, opcode};
use freestanding::Args;

freestanding::entry!(main);

/// User data of the request, which the completion must carry.
const USER_DATA: u64 = 0xba5e;

fn main(_args: Args) -> u8 {
    // Borrows the ring where it was made, because a move copies some 300 bytes.
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
        Some(cqe) if cqe.user_data() == USER_DATA && cqe.result() == 0 => 0,
        _ => 4,
    }
}
