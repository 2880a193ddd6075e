//! The memory of a group: lent for ever, and taken back all the same when the kernel and all buffers are gone.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::mem::MaybeUninit;

use bare_uring::register::buf_ring::{BufRingMemory, BufferState, Descriptor};

/// What the ring must start at.
const PAGE: usize = 4096;

/// As much memory as stale descriptors name.
pub const STALE: usize = 64;

/// Memory for groups, as long as a seed runs.
#[derive(Default)]
pub struct Arena {
    pieces: Vec<(*mut u8, Layout)>,
}

impl Arena {
    fn piece(&mut self, len: usize, align: usize) -> *mut u8 {
        let layout = Layout::from_size_align(len.max(1), align).expect("a sound size");
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        assert!(!start.is_null());
        self.pieces.push((start, layout));
        start
    }

    fn slice<T>(&mut self, count: usize, align: usize) -> &'static mut [T] {
        let start = self.piece(count * size_of::<T>(), align.max(align_of::<T>())).cast();
        // SAFETY: zeroes are sound for all that is made here, nobody else has the memory, and it goes when all that was
        // lent is gone (contract of `free`).
        unsafe { std::slice::from_raw_parts_mut(start, count) }
    }

    /// The memory of a group, and where its buffers start. The descriptors are what another group might have left there:
    /// a tail, and places in `stale` memory.
    pub fn group(&mut self, count: usize, size: usize, stale: usize) -> (BufRingMemory, usize) {
        let descriptors: &'static mut [MaybeUninit<Descriptor>] = self.slice(count, PAGE);
        for descriptor in descriptors.iter_mut() {
            let words = [stale as u64, STALE as u64 | 1000 << 48];
            let place = std::ptr::from_mut(descriptor).cast::<[u64; 2]>();
            // SAFETY: a descriptor is two words, and any bits will do for one.
            unsafe { place.write(words) };
        }
        let buffers: &'static mut [u8] = self.slice(count * size, 1);
        let start = buffers.as_ptr().addr();
        let states: &'static mut [BufferState] = self.slice(count, 1);
        states.fill(BufferState::NEW);
        (BufRingMemory { descriptors, buffers, states }, start)
    }

    /// Memory that nobody may write to.
    pub fn stale(&mut self, len: usize) -> &'static [u8] {
        self.slice(len, 1)
    }

    /// Takes everything back.
    ///
    /// # Safety
    ///
    /// What was lent is gone: the groups, their buffers, and the kernel.
    pub unsafe fn free(self) {
        for (start, layout) in self.pieces {
            // SAFETY: allocated with this layout, and used by nobody any more (contract).
            unsafe { dealloc(start, layout) };
        }
    }
}
