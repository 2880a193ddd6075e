//! Which ring a registration belongs to, for values that outlive a borrow of the ring.

use core::sync::atomic::{AtomicU32, Ordering};

use super::Core;

/// The identity given last. 0 means that no identity was given.
static LAST: AtomicU32 = AtomicU32::new(0);

/// The identity of a ring: different for any two rings of a program, also where one got the descriptor's number of the
/// other.
///
/// A ring gets its identity when it is first asked for, so that a ring that registers nothing costs nothing. (Numbers repeat
/// after 2^32 rings that had one.)
#[derive(Debug)]
pub(crate) struct Identity(AtomicU32);

impl Identity {
    pub(crate) const fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    fn get(&self) -> u32 {
        // Relaxed, as below: only the numbers themselves matter, and no other memory goes by them.
        let known = self.0.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let new = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1);
        // The other half of the ring may have been faster, in another thread.
        match self.0.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => new,
            Err(known) => known,
        }
    }
}

impl<K> Core<K> {
    /// See [`Identity`].
    pub(crate) fn identity(&self) -> u32 {
        self.identity.get()
    }
}
