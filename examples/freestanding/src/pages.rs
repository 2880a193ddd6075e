//! Pages of static memory, for areas that the kernel may keep using.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering};

use bare_uring::Errno;

/// Bytes of a page: the largest page size of the supported architectures.
pub const PAGE: usize = 64 * 1024;

/// `N` pages of zeroes, each of which is given out once.
///
/// # Invariants
///
/// The pages below the number `taken` have been given out; no other page has.
#[derive(Debug)]
#[repr(C, align(65536))]
pub struct Pages<const N: usize> {
    memory: UnsafeCell<[[MaybeUninit<u8>; PAGE]; N]>,
    taken: AtomicUsize,
}

// SAFETY: `take` gives each page to one caller.
unsafe impl<const N: usize> Sync for Pages<N> {}

impl<const N: usize> Default for Pages<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::mut_from_ref, reason = "each page is given out once")]
impl<const N: usize> Pages<N> {
    /// Makes the pages, none of which is given out yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { memory: UnsafeCell::new([[MaybeUninit::zeroed(); PAGE]; N]), taken: AtomicUsize::new(0) }
    }

    /// Gives out a page.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: all pages have been given out.
    pub fn take(&'static self) -> Result<&'static mut [MaybeUninit<u8>; PAGE], Errno> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        if number >= N {
            return Err(Errno::ENOMEM);
        }
        let first = self.memory.get().cast::<[MaybeUninit<u8>; PAGE]>();
        // SAFETY: the number is less than that of the pages.
        let page = unsafe { first.add(number) };
        // SAFETY: `taken` never has the same value twice, so no other reference to this page exists.
        Ok(unsafe { &mut *page })
    }

    /// Gives out a page as `count` values of `value`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: all pages have been given out, or so many values don't fit in a page.
    pub fn filled<T: Copy>(&'static self, count: usize, value: T) -> Result<&'static mut [T], Errno> {
        const { assert!(align_of::<T>() <= PAGE) };
        if count > PAGE / size_of::<T>().max(1) {
            return Err(Errno::ENOMEM);
        }
        let first = self.take()?.as_mut_ptr().cast::<T>();
        for index in 0..count {
            // SAFETY: `count` values fit in the page, whose alignment suffices for any `T`.
            let place = unsafe { first.add(index) };
            // SAFETY: the place is within the page, and only this function uses the page.
            unsafe { place.write(value) };
        }
        // SAFETY: the loop has written all of these values, and only the caller will use the page.
        Ok(unsafe { core::slice::from_raw_parts_mut(first, count) })
    }
}
