//! The life of a request: push, submit, wait, take the completion.
//!
//! A push only writes into memory that is shared with the kernel. The submit is the one system call, and here it waits
//! as well. What comes back carries the number that the request was given, since completions keep no order.

use std::error::Error;

use bare_uring::{IoUring, opcode};

fn main() -> Result<(), Box<dyn Error>> {
    let mut ring = IoUring::new(8)?;

    for user_data in 1..=3 {
        let request = opcode::Nop::new().result(user_data * 10).build().user_data(user_data as u64);
        // SAFETY: the request points to no memory.
        unsafe { ring.submission().push(request)? };
    }
    let submitted = ring.submit_and_wait(3)?;
    println!("submitted {submitted}");

    // The iterator ends when the queue is empty, and gives the slots back to the kernel when it is dropped.
    for cqe in ring.completion() {
        println!("request {} completed with {:?}", cqe.user_data(), cqe.outcome());
    }
    Ok(())
}
