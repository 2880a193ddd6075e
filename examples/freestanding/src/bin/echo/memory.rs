//! The memory of the server, all of it, which takes no room in the program's file.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use bare_uring::register::buf_ring::{BufRingMemory, BufferState, Descriptor};

use crate::buffers::Held;
use crate::connections::Connection;

/// Connections at once.
pub(crate) const CONNECTIONS: usize = 4096;

/// Buffers that they share.
pub(crate) const BUFFERS: usize = 1024;

/// Bytes of one buffer.
const SIZE: usize = 4096;

/// 4 MiB of buffers, and some 200 KiB of what there is to know about them and about connections.
///
/// It starts at a page, of whatever size, as the descriptors must.
#[repr(C, align(65536))]
struct All {
    descriptors: [MaybeUninit<Descriptor>; BUFFERS],
    buffers: [u8; BUFFERS * SIZE],
    states: [BufferState; BUFFERS],
    held: [Held; BUFFERS],
    connections: [Connection; CONNECTIONS],
    vacant: [u16; CONNECTIONS],
}

struct Shared(UnsafeCell<All>);

// SAFETY: `take` gives out the only reference into it, once.
unsafe impl Sync for Shared {}

static ALL: Shared = Shared(UnsafeCell::new(All {
    descriptors: [MaybeUninit::zeroed(); BUFFERS],
    buffers: [0; BUFFERS * SIZE],
    states: [BufferState::NEW; BUFFERS],
    held: [Held::NONE; BUFFERS],
    connections: [Connection::NONE; CONNECTIONS],
    vacant: [0; CONNECTIONS],
}));

static TAKEN: AtomicBool = AtomicBool::new(false);

/// The memory in its parts, by user.
pub(crate) struct Memory {
    pub(crate) group: BufRingMemory,
    pub(crate) held: &'static mut [Held; BUFFERS],
    pub(crate) connections: &'static mut [Connection; CONNECTIONS],
    pub(crate) vacant: &'static mut [u16; CONNECTIONS],
}

/// The memory; `None` if it was taken before.
pub(crate) fn take() -> Option<Memory> {
    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: the flag lets one caller come here, so that this is the only reference there ever is.
    let all = unsafe { &mut *ALL.0.get() };
    let group = BufRingMemory { descriptors: &mut all.descriptors, buffers: &mut all.buffers, states: &mut all.states };
    Some(Memory { group, held: &mut all.held, connections: &mut all.connections, vacant: &mut all.vacant })
}
