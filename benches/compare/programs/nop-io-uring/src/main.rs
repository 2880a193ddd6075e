//! Pushes one NOP and waits for its completion. The exit status is 0 if the completion is right.

use std::process::ExitCode;

use io_uring::{IoUring, opcode};

const USER_DATA: u64 = 0xba5e;

fn main() -> ExitCode {
    let Ok(mut ring) = IoUring::new(1) else { return ExitCode::from(1) };
    // SAFETY: the request points to nothing.
    if unsafe { ring.submission().push(&opcode::Nop::new().build().user_data(USER_DATA)) }.is_err() {
        return ExitCode::from(2);
    }
    if !matches!(ring.submit_and_wait(1), Ok(1)) {
        return ExitCode::from(3);
    }
    match ring.completion().next() {
        Some(cqe) if cqe.user_data() == USER_DATA && cqe.result() == 0 => ExitCode::SUCCESS,
        _ => ExitCode::from(4),
    }
}
