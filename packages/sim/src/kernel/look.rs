//! What a test learns from a simulated kernel.

use super::SimKernel;
use crate::coverage::{Coverage, Mark};
use crate::fault::Fault;
use crate::flight::Wait;
use crate::ledger::Event;
use crate::memory::Area;
use crate::ring::Ring;
use crate::world::World;

/// Rings and mappings that were not given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leaks {
    /// The number of rings that are not closed.
    pub rings: usize,
    /// The number of mappings that are not unmapped.
    pub mappings: usize,
}

impl SimKernel {
    /// Returns the number of the ring that was made last.
    #[must_use]
    pub fn last_ring(&self) -> Option<u32> {
        self.world().next_ring.checked_sub(1)
    }

    /// Says what will be pushed to a ring next. From the first call on, every entry that the kernel consumes must be
    /// the next of these; another entry is a [`Fault::Unexpected`].
    pub fn expect(&self, ring: u32, user_data: u64) {
        if let Some(ring) = self.world().rings.get_mut(&ring) {
            ring.ledger.expected.get_or_insert_default().push_back(user_data);
        }
    }

    /// Leaves requests out of the ledger whose user data agree with `value` in the bits of `mask`.
    pub fn ignore(&self, ring: u32, mask: u64, value: u64) {
        if let Some(ring) = self.world().rings.get_mut(&ring) {
            ring.ledger.ignored.push((mask, value));
        }
    }

    /// Returns the user data of the entries that were expected and not consumed.
    #[must_use]
    pub fn unconsumed(&self, ring: u32) -> Vec<u64> {
        let world = self.world();
        let expected = world.rings.get(&ring).and_then(|ring| ring.ledger.expected.as_ref());
        expected.map_or(Vec::new(), |expected| expected.iter().copied().collect())
    }

    /// Takes the events of a ring since the last call.
    #[must_use]
    pub fn events(&self, ring: u32) -> Vec<Event> {
        self.world().rings.get_mut(&ring).map_or(Vec::new(), |ring| std::mem::take(&mut ring.ledger.events))
    }

    /// Returns the user data of requests that were consumed and are not complete. Requests left out of the ledger are
    /// not among them.
    #[must_use]
    pub fn in_flight(&self, ring: u32) -> Vec<u64> {
        let world = self.world();
        let Some(ring) = world.rings.get(&ring) else { return Vec::new() };
        ring.in_flight().into_iter().filter(|&user_data| !ring.ledger.ignores(user_data)).collect()
    }

    /// Returns the user data of the requests that were consumed, are not complete, and are left out of the ledger
    /// ([`ignore`](Self::ignore)).
    #[must_use]
    pub fn ignored_in_flight(&self, ring: u32) -> Vec<u64> {
        let world = self.world();
        let Some(ring) = world.rings.get(&ring) else { return Vec::new() };
        ring.in_flight().into_iter().filter(|&user_data| ring.ledger.ignores(user_data)).collect()
    }

    /// Takes what the users did wrong since the last call.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut world = self.world();
        let World { rings, faults, no_mmap_areas, next_ring, coverage, .. } = &mut *world;
        let areas = no_mmap_areas.len() + rings.values().map(|ring| ring.memory.areas.len()).sum::<usize>();
        coverage.add(Mark::CanariesRead, areas as u64);
        if !no_mmap_areas.iter().all(Area::intact) {
            faults.push(Fault::OutOfBounds { ring: next_ring.saturating_sub(1) });
        }
        for (&ring, contents) in rings {
            if !contents.intact() {
                faults.push(Fault::OutOfBounds { ring });
            }
        }
        std::mem::take(faults)
    }

    /// Returns how often the kernel did what a kernel may do, so far.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let world = self.world();
        let mut coverage = world.coverage.clone();
        let of_rings = world.rings.values().map(|ring| &ring.coverage);
        for part in of_rings.chain(world.hostile.as_ref().map(|hostile| &hostile.coverage)) {
            coverage.merge(part);
        }
        coverage
    }

    /// Returns what was not given back so far.
    #[must_use]
    pub fn leaks(&self) -> Leaks {
        let world = self.world();
        let of_rings = world
            .rings
            .values()
            .flat_map(|ring| &ring.memory.areas)
            .filter(|piece| piece.area.mapped.is_some())
            .count();
        let of_groups = world.rings.values().map(Ring::mapped_groups).sum::<usize>();
        Leaks { rings: world.rings.len(), mappings: of_rings + of_groups + world.orphans.len() }
    }

    /// Returns the provided buffers of a group that the kernel may fill, in order: address, length, and buffer id. A
    /// buffer that was used in part counts with its rest. `None` if there is no such group.
    #[must_use]
    pub fn provided(&self, ring: u32, group: u16) -> Option<Vec<(usize, u32, u16)>> {
        let world = self.world();
        let group = world.rings.get(&ring)?.groups.get(&group)?;
        Some(group.ready().iter().map(|piece| (piece.address as usize, piece.len, piece.id)).collect())
    }

    /// Returns the provided buffers that requests in flight have committed already: address and length.
    #[must_use]
    pub fn held(&self, ring: u32) -> Vec<(usize, u32)> {
        let world = self.world();
        let flights = world.rings.get(&ring).into_iter().flat_map(|ring| ring.flights.values());
        let held = flights.filter(|flight| !matches!(flight.wait, Wait::Told(_)));
        let pieces = held.filter_map(|flight| flight.progress.held.as_ref()).flat_map(|held| &held.pieces);
        pieces.map(|&(address, len)| (address as usize, len)).collect()
    }
}
