//! Multishot requests: one request, many completions.
//!
//! The timer ticks until it is removed. `more` is true for every completion of a request but the last; until the last
//! one the request stays active. Needs Linux 6.4.

use std::error::Error;

use bare_uring::types::{TimeoutFlags, Timespec};
use bare_uring::{Errno, IoUring, opcode};

const TIMER: u64 = 1;
const REMOVAL: u64 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let mut ring = IoUring::new(8)?;
    let period = Timespec::new(0, 5_000_000);
    let timer = opcode::Timeout::new(&period).flags(TimeoutFlags::MULTISHOT).build().user_data(TIMER);
    // SAFETY: `period` lives until the submit below, in which the kernel copies it.
    unsafe { ring.submission().push(timer)? };

    let mut ticks = 0;
    loop {
        ring.submit_and_wait(1)?;
        // Takes one completion at a time, so that the queue is not borrowed and the loop can push.
        while let Some(cqe) = { ring.completion().next() } {
            match (cqe.user_data(), cqe.outcome()) {
                // A timeout that has expired completes with ETIME: that is a tick.
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
