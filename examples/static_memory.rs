//! `NO_MMAP`: a ring in static arrays, for programs that can't map memory.
//!
//! The builder computes at compile time how much memory its set-up needs. The kernel may write to the memory for a
//! while after the ring was dropped, so the ring borrows it for ever: statics that are taken once. Needs Linux 6.5.
//! Before 6.10 each of the two parts must be physically contiguous, as it is if it fits in a page.

use std::error::Error;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

use bare_uring::{Builder, IoUring, MemorySize, RingMemory, opcode};

const ENTRIES: u32 = 32;

const SIZE: MemorySize =
    match Builder::<bare_uring::squeue::Entry, bare_uring::cqueue::Entry>::new().memory_size(ENTRIES) {
        Ok(size) => size,
        Err(_) => panic!("the set-up contradicts itself"),
    };

/// Memory that starts at a page boundary; 64 KiB is the largest page size of the supported architectures.
#[repr(align(65536))]
struct Pages<const N: usize>([MaybeUninit<u8>; N]);

static mut RINGS: Pages<{ SIZE.rings }> = Pages([MaybeUninit::uninit(); SIZE.rings]);
static mut SQES: Pages<{ SIZE.sqes }> = Pages([MaybeUninit::uninit(); SIZE.sqes]);

/// Returns the memory at the first call, and `None` afterwards.
fn take() -> Option<RingMemory> {
    static TAKEN: AtomicBool = AtomicBool::new(false);

    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    let (rings, sqes) = (&raw mut RINGS, &raw mut SQES);
    // SAFETY: `TAKEN` lets one caller through, and only this function uses `RINGS`.
    let rings = unsafe { &mut *rings };
    // SAFETY: `TAKEN` lets one caller through, and only this function uses `SQES`.
    let sqes = unsafe { &mut *sqes };
    Some(RingMemory { rings: &mut rings.0, sqes: &mut sqes.0 })
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("a ring of {ENTRIES} entries needs {} bytes for its queues, {} for its requests", SIZE.rings, SIZE.sqes);
    let memory = take().ok_or("taken already")?;
    let mut ring: IoUring = Builder::new().build_provided(ENTRIES, memory)?;
    for user_data in 0..u64::from(ENTRIES) {
        // SAFETY: the request points to no memory.
        unsafe { ring.submission().push(opcode::Nop::new().build().user_data(user_data))? };
    }
    ring.submit_and_wait(ENTRIES as usize)?;
    let sum: u64 = ring.completion().map(|cqe| cqe.user_data()).sum();
    println!("the user data of all completions sum up to {sum}");
    Ok(())
}
