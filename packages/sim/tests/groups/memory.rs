//! The memory of buffer groups: lent for ever, and taken back when the kernel and all buffers are gone.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::mem::MaybeUninit;

use bare_uring::register::buf_ring::{BufRingEntry, BufRingMemory, BufferState};

/// The alignment of a buffer ring.
const PAGE: usize = 4096;

/// The length of the memory that stale entries name.
pub const STALE: usize = 64;

/// Memory for groups, for as long as a seed runs.
#[derive(Default)]
pub struct Arena {
    pieces: Vec<(*mut u8, Layout)>,
}

impl Arena {
    /// Allocates zeroed memory.
    fn piece(&mut self, len: usize, align: usize) -> *mut u8 {
        let layout = Layout::from_size_align(len.max(1), align).expect("a sound size");
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        assert!(!start.is_null());
        self.pieces.push((start, layout));
        start
    }

    /// Makes a slice of zeroes.
    fn slice<T>(&mut self, count: usize, align: usize) -> &'static mut [T] {
        let start = self.piece(count * size_of::<T>(), align.max(align_of::<T>())).cast();
        // SAFETY: zeroes are valid for all types used here. No other slice has the memory. It is freed when all that
        // was lent is gone (contract of `free`).
        unsafe { std::slice::from_raw_parts_mut(start, count) }
    }

    /// Makes the memory of a group, and returns where its buffers start. The entries of its ring are what another group
    /// might have left there: a tail, and addresses in `stale` memory.
    pub fn group(&mut self, count: usize, size: usize, stale: usize) -> (BufRingMemory, usize) {
        let entries: &'static mut [MaybeUninit<BufRingEntry>] = self.slice(count, PAGE);
        for entry in entries.iter_mut() {
            let words = [stale as u64, STALE as u64 | 1000 << 48];
            let place = std::ptr::from_mut(entry).cast::<[u64; 2]>();
            // SAFETY: an entry is two words, for which any bits are valid.
            unsafe { place.write(words) };
        }
        let buffers: &'static mut [u8] = self.slice(count * size, 1);
        let start = buffers.as_ptr().addr();
        let states: &'static mut [BufferState] = self.slice(count, 1);
        states.fill(BufferState::NEW);
        (BufRingMemory { entries, buffers, states }, start)
    }

    /// Makes memory that must not be written to.
    pub fn stale(&mut self, len: usize) -> &'static [u8] {
        self.slice(len, 1)
    }

    /// Frees all memory.
    ///
    /// # Safety
    ///
    /// The groups, their buffers, and the kernel are gone.
    pub unsafe fn free(self) {
        for (start, layout) in self.pieces {
            // SAFETY: the memory was allocated with this layout, and is no longer used (contract).
            unsafe { dealloc(start, layout) };
        }
    }
}
