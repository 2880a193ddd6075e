//! How ring memory is read and written, in one place, so that a model checker can take its place: the atomics, and the
//! plain accesses that the atomics order.
//!
//! DESIGN.md has a table of every ordering used in the crate, with the kernel access that it pairs with.

#[cfg(not(all(test, loom)))]
pub(crate) use core::sync::atomic::{AtomicU16, AtomicU32, Ordering, fence};

#[cfg(not(all(test, loom)))]
mod plain {
    use core::ptr::NonNull;

    /// Writes memory that the other side reads after an atomic access tells it to.
    ///
    /// # Safety
    ///
    /// The conditions of [`NonNull::write`] hold, and the other side neither reads nor writes there until an atomic
    /// store tells it to.
    #[inline(always)]
    pub(crate) unsafe fn write<T>(place: NonNull<T>, value: T) {
        // SAFETY: the caller's contract is that of `NonNull::write`.
        unsafe { place.write(value) };
    }

    /// Reads memory that the other side wrote before an atomic access said so.
    ///
    /// # Safety
    ///
    /// The conditions of [`NonNull::read`] hold, and the other side does not write there until an atomic store tells it
    /// to.
    #[inline(always)]
    pub(crate) unsafe fn read<T: Copy>(place: NonNull<T>) -> T {
        // SAFETY: the caller's contract is that of `NonNull::read`.
        unsafe { place.read() }
    }
}

#[cfg(not(all(test, loom)))]
pub(crate) use plain::{read, write};

#[cfg(all(test, loom))]
pub(crate) mod shadow;

#[cfg(all(test, loom))]
pub(crate) use shadow::{AtomicU16, AtomicU32, Ordering, fence, read, write};
