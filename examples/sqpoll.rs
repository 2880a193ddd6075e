//! SQPOLL: a kernel thread takes the requests, so that a busy program makes no system call.
//!
//! The program calls `submit` as on any ring. While the kernel thread runs, `submit` only makes the entries visible to
//! it; when the thread sleeps, `submit` wakes it. This program polls for completions; it could also wait for them.

use std::error::Error;
use std::time::Duration;

use bare_uring::{Builder, IoUring, SqFlags, opcode};

/// Milliseconds without work after which the kernel thread sleeps.
const IDLE: u32 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let mut ring: IoUring = Builder::new().setup_sqpoll(IDLE).build(64)?;
    let mut completed = 0_u64;
    for round in 0..1000 {
        for i in 0..32 {
            // SAFETY: the request points to no memory.
            unsafe { ring.submission().push(opcode::Nop::new().build().user_data(round * 32 + i))? };
        }
        ring.submit()?;
        // The kernel thread takes entries when it gets to them; `squeue_wait` waits until a full queue has room.
        ring.submitter().squeue_wait()?;
        completed += ring.completion().count() as u64;
    }
    while completed < 32_000 {
        ring.submit_and_wait(1)?;
        completed += ring.completion().count() as u64;
    }
    println!("{completed} requests completed");

    while !ring.submission().flags().contains(SqFlags::NEED_WAKEUP) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // SAFETY: the request points to no memory.
    unsafe { ring.submission().push(opcode::Nop::new().build().user_data(7))? };
    ring.submit_and_wait(1)?;
    let cqe = ring.completion().next().ok_or("nothing came")?;
    println!("the thread slept, was woken, and did request {}", cqe.user_data());
    Ok(())
}
