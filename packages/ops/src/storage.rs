//! The memory of a slab.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::buffer::Pool;
use crate::file::Place;
use crate::group::Shelves;
use crate::list::{Link, List};
use crate::slab::Slab;
use crate::slot::Slot;
use crate::waiters::Waiter;

/// The memory of a slab, for a `static`: `OPERATIONS` at a time, `FILES` open at a time, `BUFFERS` of `SIZE` bytes.
///
/// A new storage is all zero, so that it takes no room in the program's file, and no memory before it is used.
///
/// Nothing grows. These are the bytes on machines of 64 bits:
///
/// | for | bytes |
/// |--|--|
/// | the storage itself | 880 |
/// | an operation | 720 |
/// | a file | 12 |
/// | a buffer, beside its bytes | 2 |
///
/// An operation's bytes have also the place of a future that [waits for room](crate::Slab::ready).
pub struct Storage<const OPERATIONS: usize, const FILES: usize, const BUFFERS: usize, const SIZE: usize> {
    taken: AtomicBool,
    slots: [Slot; OPERATIONS],
    waiters: [Waiter; OPERATIONS],
    files: [Place; FILES],
    links: [Link; BUFFERS],
    buffers: UnsafeCell<[[u8; SIZE]; BUFFERS]>,
    slab: UnsafeCell<MaybeUninit<Slab>>,
}

// SAFETY: everything inside is reached through the slab that `start` gives out, to one thread, because a reference to a
// slab is not `Send`. Only the flag is shared.
unsafe impl<const O: usize, const F: usize, const B: usize, const S: usize> Sync for Storage<O, F, B, S> {}

impl<const OPERATIONS: usize, const FILES: usize, const BUFFERS: usize, const SIZE: usize>
    Storage<OPERATIONS, FILES, BUFFERS, SIZE>
{
    /// The largest count, because indices have 16 bits.
    const MAX: usize = u16::MAX as usize;

    /// Makes storage that no slab uses yet.
    ///
    /// More than 65,535 of anything, or a buffer of 2 GiB, is an error of compilation:
    ///
    /// ```compile_fail,E0080
    /// static STORAGE: bare_uring_ops::Storage<65_536, 1, 1, 1> = bare_uring_ops::Storage::new();
    /// ```
    ///
    /// ```compile_fail,E0080
    /// static STORAGE: bare_uring_ops::Storage<1, 65_536, 1, 1> = bare_uring_ops::Storage::new();
    /// ```
    ///
    /// ```compile_fail,E0080
    /// static STORAGE: bare_uring_ops::Storage<1, 1, 65_536, 1> = bare_uring_ops::Storage::new();
    /// ```
    ///
    /// ```compile_fail,E0080
    /// static STORAGE: bare_uring_ops::Storage<1, 1, 0, 0x8000_0000> = bare_uring_ops::Storage::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(OPERATIONS <= Self::MAX && FILES <= Self::MAX && BUFFERS <= Self::MAX, "at most 65,535 of each");
            // A completion counts in an `i32`.
            assert!(SIZE <= i32::MAX as usize, "a buffer has less than 2 GiB");
        };
        Self {
            taken: AtomicBool::new(false),
            slots: [const { Slot::new() }; OPERATIONS],
            waiters: [const { Waiter::new() }; OPERATIONS],
            files: [const { Place::new() }; FILES],
            links: [const { Link::new(0) }; BUFFERS],
            buffers: UnsafeCell::new([[0; SIZE]; BUFFERS]),
            slab: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Makes the slab that has this memory for ever, for the thread that calls. `None`: it was made before.
    #[must_use]
    pub fn start(&'static self) -> Option<&'static Slab> {
        if self.taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        let base = NonNull::new(self.buffers.get().cast::<u8>())?;
        // The size fits: `new` asserts it.
        let pool = Pool { base, size: SIZE as u32, links: &self.links, free: List::new(), shelves: Shelves::new() };
        // SAFETY: the flag lets one caller come here, so that this is the only reference, and becomes the shared one.
        let place = unsafe { &mut *self.slab.get() };
        Some(&*place.write(Slab::new(&self.slots, &self.files, &self.waiters, pool)))
    }
}

impl<const OPERATIONS: usize, const FILES: usize, const BUFFERS: usize, const SIZE: usize> Default
    for Storage<OPERATIONS, FILES, BUFFERS, SIZE>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const O: usize, const F: usize, const B: usize, const S: usize> core::fmt::Debug for Storage<O, F, B, S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}
