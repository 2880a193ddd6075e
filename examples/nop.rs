//! The life of a request: push, submit, wait, and take the completion.
//!
//! A push only writes to memory that is shared with the kernel. The submit is the only system call, and here it also
//! waits. A completion carries the user data of its request, because completions come in any order.

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

    // The iterator ends when the queue is empty. Dropping it gives the CQEs back to the kernel.
    for cqe in ring.completion() {
        println!("request {} completed with {:?}", cqe.user_data(), cqe.outcome());
    }
    Ok(())
}
