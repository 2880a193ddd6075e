//! Pushes one NOP and waits for its completion. The exit status is 0 if the completion is right.
#![no_std]
#![no_main]

use rustix_uring::{IoUring, opcode};

#[path = "../../runtime.rs"]
mod runtime;

const USER_DATA: u64 = 0xba5e;

extern "C" fn main() -> u8 {
    let Ok(mut ring) = IoUring::new(1) else { return 1 };
    // SAFETY: the request points to nothing.
    if unsafe { ring.submission().push(&opcode::Nop::new().build().user_data(USER_DATA)) }.is_err() {
        return 2;
    }
    if ring.submit_and_wait(1) != Ok(1) {
        return 3;
    }
    match ring.completion().next() {
        Some(cqe) if cqe.user_data_u64() == USER_DATA && cqe.raw_result() == 0 => 0,
        _ => 4,
    }
}
