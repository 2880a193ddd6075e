//! Identities of rings, by which a value that outlives the borrow of its ring tells that ring from others.

use core::sync::atomic::{AtomicU32, Ordering};

use super::Core;

/// The identity given last. 0 means that no identity was given.
static LAST: AtomicU32 = AtomicU32::new(0);

/// The identity of a ring. It differs between any two rings of a program, even if one has the descriptor's number that the
/// other had.
///
/// A ring gets its identity when code first asks for the identity, so a ring that registers nothing pays nothing. (Numbers
/// repeat after 2^32 rings that have one.)
#[derive(Debug)]
pub(crate) struct Identity {
    number: AtomicU32,
    /// Stands where the compiler would leave four bytes out, so that a ring can be filled with zeroes in one piece.
    #[expect(dead_code, reason = "only its place matters")]
    spare: u32,
}

impl Identity {
    pub(crate) const fn none() -> Self {
        Self { number: AtomicU32::new(0), spare: 0 }
    }

    #[inline]
    fn get(&self) -> u32 {
        // Relaxed, in all three operations: only the numbers themselves matter, and no other memory goes by them.
        let known = self.number.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let new = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1);
        // The other half of the ring may have been faster, in another thread.
        match self.number.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => new,
            Err(known) => known,
        }
    }
}

impl<K> Core<K> {
    /// Returns the ring's [`Identity`], as a number other than 0.
    pub(crate) fn identity(&self) -> u32 {
        self.identity.get()
    }
}
