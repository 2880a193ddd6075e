//! Messages: one ring posts a completion to another ring, which may belong to another thread.
//!
//! The receiver waits for a message as for any completion, so that it needs no eventfd or channel beside its ring. The
//! sender chooses the result and the user data of the receiver's completion. Needs Linux 5.18.

use std::error::Error;
use std::thread;

use bare_uring::types::Fd;
use bare_uring::{Errno, IoUring, opcode};

/// User data of the message that ends the receiver.
const STOP: u64 = u64::MAX;

/// Adds up the results that arrive.
fn receive(mut ring: IoUring) -> Result<u64, Errno> {
    let mut sum = 0_u64;
    loop {
        ring.submit_and_wait(1)?;
        for cqe in ring.completion() {
            if cqe.user_data() == STOP {
                return Ok(sum);
            }
            sum += u64::from(cqe.outcome()?);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let receiver = IoUring::new(4)?;
    let to = Fd(receiver.fd());
    let mut sender = IoUring::new(32)?;
    let thread = thread::spawn(move || receive(receiver));

    for number in 1..=10 {
        let message = opcode::MsgRingData::new(to, number, number as u64).build();
        // SAFETY: the request points to no memory; the receiver keeps its ring open until the message `STOP`.
        unsafe { sender.submission().push(message)? };
    }
    sender.submit_and_wait(10)?;
    for cqe in sender.completion() {
        cqe.outcome()?;
    }
    // SAFETY: the request points to no memory, and the receiver's ring is still open.
    unsafe { sender.submission().push(opcode::MsgRingData::new(to, 0, STOP).build())? };
    sender.submit_and_wait(1)?;

    let sum = thread.join().map_err(|_| "the receiver panicked")??;
    println!("the receiver got a sum of {sum}");
    Ok(())
}
