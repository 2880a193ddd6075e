//! Multishot: one request, many completions.
//!
//! A timer that ticks until it is removed. Each completion says with `more` whether others follow; the one without it is
//! the last, and until then the request is alive. Needs Linux 6.4.

use std::error::Error;

use bare_uring::types::{TimeoutFlags, Timespec};
use bare_uring::{Errno, IoUring, opcode};

const TIMER: u64 = 1;
const REMOVAL: u64 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let mut ring = IoUring::new(8)?;
    let period = Timespec::new(0, 5_000_000);
    let timer = opcode::Timeout::new(&period).flags(TimeoutFlags::MULTISHOT).build().user_data(TIMER);
    // SAFETY: the kernel copies the timespec when it takes the request, which is below.
    unsafe { ring.submission().push(timer)? };

    let mut ticks = 0;
    loop {
        ring.submit_and_wait(1)?;
        // Completions are copied out, so that the loop may push.
        while let Some(cqe) = { ring.completion().next() } {
            match (cqe.user_data(), cqe.outcome()) {
                // A tick of a timer is a timeout that expired.
                (TIMER, Err(Errno::ETIME)) if cqe.more() => {
                    ticks += 1;
                    println!("tick {ticks}");
                    if ticks == 3 {
                        let removal = opcode::TimeoutRemove::new(TIMER).build().user_data(REMOVAL);
                        // SAFETY: the request points to no memory.
                        unsafe { ring.submission().push(removal)? };
                    }
                }
                (TIMER, outcome) => {
                    println!("the timer ended: {outcome:?}");
                    return Ok(());
                }
                (_, outcome) => println!("removed: {outcome:?}"),
            }
        }
    }
}
