//! All the memory there is, known when the program is built.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use bare_uring::{Builder, MemorySize, RingMemory, cqueue, squeue};

/// Slots of the submission queue.
pub const ENTRIES: u32 = 8;

const SIZE: MemorySize = match Builder::<squeue::Entry, cqueue::Entry>::new().memory_size(ENTRIES) {
    Ok(size) => size,
    Err(_) => panic!("the set-up contradicts itself"),
};

/// Ring memory starts at a page.
#[repr(align(4096))]
struct Pages<const N: usize>([MaybeUninit<u8>; N]);

static mut RINGS: Pages<{ SIZE.rings }> = Pages([MaybeUninit::uninit(); SIZE.rings]);
static mut SQES: Pages<{ SIZE.sqes }> = Pages([MaybeUninit::uninit(); SIZE.sqes]);
static mut BUFFER: [u8; 1000] = [0; 1000];

/// For one ring, for ever: the kernel may write to it for a while after the ring was dropped.
pub struct Memory {
    pub ring: RingMemory,
    pub buffer: &'static mut [u8],
}

/// The memory, for the first who asks.
pub fn take() -> Option<Memory> {
    static TAKEN: AtomicBool = AtomicBool::new(false);

    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    let (rings, sqes, buffer) = (&raw mut RINGS, &raw mut SQES, &raw mut BUFFER);
    // SAFETY: `TAKEN` lets one caller through, and this is the only place that uses the statics.
    let rings = unsafe { &mut *rings };
    // SAFETY: the same.
    let sqes = unsafe { &mut *sqes };
    // SAFETY: the same.
    let buffer = unsafe { &mut *buffer };
    Some(Memory { ring: RingMemory { rings: &mut rings.0, sqes: &mut sqes.0 }, buffer })
}
