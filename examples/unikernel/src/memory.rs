//! All memory of the package, whose size is known at compile time.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use bare_uring::{Builder, MemorySize, RingMemory, cqueue, squeue};

/// Entries of the submission queue.
pub const ENTRIES: u32 = 8;

const SIZE: MemorySize = match Builder::<squeue::Entry, cqueue::Entry>::new().memory_size(ENTRIES) {
    Ok(size) => size,
    Err(_) => panic!("the set-up contradicts itself"),
};

/// Memory that starts at a page boundary, as ring memory must.
#[repr(align(4096))]
struct Pages<const N: usize>([MaybeUninit<u8>; N]);

static mut RINGS: Pages<{ SIZE.rings }> = Pages([MaybeUninit::uninit(); SIZE.rings]);
static mut SQES: Pages<{ SIZE.sqes }> = Pages([MaybeUninit::uninit(); SIZE.sqes]);
static mut BUFFER: [u8; 1000] = [0; 1000];

/// Memory for one ring, borrowed for ever: the kernel may write to it for a while after the ring was dropped.
pub struct Memory {
    pub ring: RingMemory,
    pub buffer: &'static mut [u8],
}

/// Returns the memory at the first call, and `None` afterwards.
pub fn take() -> Option<Memory> {
    static TAKEN: AtomicBool = AtomicBool::new(false);

    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    let (rings, sqes, buffer) = (&raw mut RINGS, &raw mut SQES, &raw mut BUFFER);
    // SAFETY: `TAKEN` lets one caller through, and only this function uses `RINGS`.
    let rings = unsafe { &mut *rings };
    // SAFETY: `TAKEN` lets one caller through, and only this function uses `SQES`.
    let sqes = unsafe { &mut *sqes };
    // SAFETY: `TAKEN` lets one caller through, and only this function uses `BUFFER`.
    let buffer = unsafe { &mut *buffer };
    Some(Memory { ring: RingMemory { rings: &mut rings.0, sqes: &mut sqes.0 }, buffer })
}
