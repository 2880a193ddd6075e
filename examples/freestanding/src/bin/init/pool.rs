//! Memory that the kernel may keep using: pages, each of which is given out once.

use core::mem::MaybeUninit;

use bare_uring::RingMemory;
use freestanding::pages::{PAGE, Pages};

/// Two pages for each ring in provided memory, and those that registrations take.
static POOL: Pages<64> = Pages::new();

/// Returns a page of zeroes. The pool has enough of them for this program.
pub(crate) fn page() -> &'static mut [MaybeUninit<u8>; PAGE] {
    POOL.take().expect("the pool has a page left")
}

/// Returns `count` values at the start of a page that is used by nothing else.
pub(crate) fn of<T: Copy>(count: usize, value: T) -> &'static mut [T] {
    POOL.filled(count, value).expect("the pool has a page left, and the values fit in it")
}

/// Returns the memory of a ring.
pub(crate) fn ring() -> RingMemory {
    RingMemory { rings: page(), sqes: page() }
}
