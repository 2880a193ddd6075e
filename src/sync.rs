//! How ring memory is read and written, in one place, so that a model checker can stand in: the atomics, and the plain
//! accesses that the atomics order.
//!
//! Every ordering used in the crate stands in a table in DESIGN.md, beside the kernel access that it pairs with.

#[cfg(not(all(test, loom)))]
pub(crate) use core::sync::atomic::{AtomicU16, AtomicU32, Ordering, fence};

#[cfg(not(all(test, loom)))]
mod plain {
    use core::ptr::NonNull;

    /// Writes what the other side reads once an atomic says so.
    ///
    /// # Safety
    ///
    /// As [`NonNull::write`]; and the other side neither reads nor writes there until an atomic store tells it to.
    #[inline(always)]
    pub(crate) unsafe fn write<T>(place: NonNull<T>, value: T) {
        // SAFETY: the caller's contract.
        unsafe { place.write(value) };
    }

    /// Reads what the other side wrote before an atomic said so.
    ///
    /// # Safety
    ///
    /// As [`NonNull::read`]; and the other side does not write there until an atomic store tells it to.
    #[inline(always)]
    pub(crate) unsafe fn read<T: Copy>(place: NonNull<T>) -> T {
        // SAFETY: the caller's contract.
        unsafe { place.read() }
    }
}

#[cfg(not(all(test, loom)))]
pub(crate) use plain::{read, write};

#[cfg(all(test, loom))]
pub(crate) mod shadow;

#[cfg(all(test, loom))]
pub(crate) use shadow::{AtomicU16, AtomicU32, Ordering, fence, read, write};
