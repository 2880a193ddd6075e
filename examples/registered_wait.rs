//! Registered waits: a wait with a timeout that costs no more than one without.
//!
//! The arguments of waits lie in memory that is registered with the ring. A wait names its argument by an offset, so
//! the kernel copies nothing. The region must be registered while the ring is disabled. Needs Linux 6.13.

use std::error::Error;
use std::time::Instant;

use bare_uring::register::WaitArgument;
use bare_uring::types::Timespec;
use bare_uring::{Builder, Errno, IoUring, opcode};

fn main() -> Result<(), Box<dyn Error>> {
    let mut ring: IoUring = Builder::new().setup_single_issuer().setup_defer_taskrun().setup_r_disabled().build(8)?;
    let mut waits = ring.submitter().map_wait_region(4096)?;
    ring.submitter().register_enable_rings()?;

    let brief = waits.set(0, WaitArgument::new().timespec(Timespec::new(0, 20_000_000))).ok_or("there are 63")?;
    let long = waits.set(1, WaitArgument::new().timespec(Timespec::new(60, 0))).ok_or("there are 63")?;

    let start = Instant::now();
    let outcome = ring.submitter().submit_and_wait_reg(1, brief);
    println!("nothing came: {:?}, at least 20 ms later: {}", outcome, start.elapsed().as_millis() >= 20);

    // SAFETY: the request points to no memory.
    unsafe { ring.submission().push(opcode::Nop::new().build().user_data(7))? };
    let submitted = ring.submitter().submit_and_wait_reg(1, long)?;
    println!("submitted {submitted}, and request {:?} is done", ring.completion().next().map(|cqe| cqe.user_data()));

    // An argument may be changed at any time: the kernel reads it when a wait begins.
    waits.set(1, WaitArgument::new().timespec(Timespec::new(0, 1))).ok_or("there are 63")?;
    match ring.submitter().submit_and_wait_reg(1, long) {
        Err(Errno::ETIME) => println!("the same offset is a short wait now"),
        outcome => println!("unexpected: {outcome:?}"),
    }
    Ok(())
}
