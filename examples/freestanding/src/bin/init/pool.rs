//! Memory that the kernel may keep: pages of the largest size that there is, each given out once.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering};

use bare_uring::RingMemory;

/// Where pages are large: 64 KiB.
const PAGE: usize = 64 * 1024;

/// Two for each ring in provided memory, and what registrations take.
const PAGES: usize = 64;

#[repr(align(65536))]
struct Pages(UnsafeCell<[[MaybeUninit<u8>; PAGE]; PAGES]>);

// SAFETY: each page is given out once.
unsafe impl Sync for Pages {}

static POOL: Pages = Pages(UnsafeCell::new([[MaybeUninit::zeroed(); PAGE]; PAGES]));
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// A page of zeroes. There are enough for what this program does.
pub(crate) fn page() -> &'static mut [MaybeUninit<u8>] {
    let number = TAKEN.fetch_add(1, Ordering::Relaxed);
    assert!(number < PAGES, "more pages than the pool has");
    let first = POOL.0.get().cast::<[MaybeUninit<u8>; PAGE]>();
    // SAFETY: the number is below that of the pages.
    let page = unsafe { first.add(number) };
    // SAFETY: nobody else has been or will be given this page.
    unsafe { &mut *page }
}

/// Such a page as so many of these values.
pub(crate) fn of<T: Copy>(count: usize, value: T) -> &'static mut [T] {
    let page = page();
    assert!(count * size_of::<T>() <= page.len());
    let first = page.as_mut_ptr().cast::<T>();
    for number in 0..count {
        // SAFETY: it is within the page, which is aligned to more than any type.
        let place = unsafe { first.add(number) };
        // SAFETY: as before.
        unsafe { place.write(value) };
    }
    // SAFETY: so many values were written just now, and the page is nobody else's.
    unsafe { core::slice::from_raw_parts_mut(first, count) }
}

/// The memory of a ring.
pub(crate) fn ring() -> RingMemory {
    RingMemory { rings: page(), sqes: page() }
}
