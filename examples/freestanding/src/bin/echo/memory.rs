//! All memory of the server. It takes no room in the program's file.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use bare_uring::register::buf_ring::{BufRingEntry, BufRingMemory, BufferState};

use crate::buffers::Held;
use crate::connections::Connection;

/// Maximum number of connections at once.
pub(crate) const CONNECTIONS: usize = 4096;

/// Number of buffers, which all connections share.
pub(crate) const BUFFERS: usize = 1024;

/// Bytes of one buffer.
const SIZE: usize = 4096;

/// 4 MiB of buffers, and some 200 KiB of state of the buffers and the connections.
///
/// The memory starts at a page boundary, whatever the page size, as the entries of the buffer ring must.
#[repr(C, align(65536))]
struct All {
    entries: [MaybeUninit<BufRingEntry>; BUFFERS],
    buffers: [u8; BUFFERS * SIZE],
    states: [BufferState; BUFFERS],
    held: [Held; BUFFERS],
    connections: [Connection; CONNECTIONS],
    vacant: [u16; CONNECTIONS],
}

struct Shared(UnsafeCell<All>);

// SAFETY: `take` gives out the only reference to the memory, once.
unsafe impl Sync for Shared {}

static ALL: Shared = Shared(UnsafeCell::new(All {
    entries: [MaybeUninit::zeroed(); BUFFERS],
    buffers: [0; BUFFERS * SIZE],
    states: [BufferState::NEW; BUFFERS],
    held: [Held::NONE; BUFFERS],
    connections: [Connection::NONE; CONNECTIONS],
    vacant: [0; CONNECTIONS],
}));

static TAKEN: AtomicBool = AtomicBool::new(false);

/// The memory, divided by its users.
pub(crate) struct Memory {
    pub(crate) group: BufRingMemory,
    pub(crate) held: &'static mut [Held; BUFFERS],
    pub(crate) connections: &'static mut [Connection; CONNECTIONS],
    pub(crate) vacant: &'static mut [u16; CONNECTIONS],
}

/// Returns the memory at the first call, and `None` afterwards.
pub(crate) fn take() -> Option<Memory> {
    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: the flag lets one caller get here, so this is the only reference that is ever made.
    let all = unsafe { &mut *ALL.0.get() };
    let group = BufRingMemory { entries: &mut all.entries, buffers: &mut all.buffers, states: &mut all.states };
    Some(Memory { group, held: &mut all.held, connections: &mut all.connections, vacant: &mut all.vacant })
}
