//! Everything that is simulated, and its progress: in each step one thing happens, and the seed says which.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::ThreadId;

use bare_uring::types::RawFd;
use bare_uring::uapi::IOSQE_FIXED_FILE;
use bare_uring::{Errno, SetupFlags};

use crate::chaos::Chaos;
use crate::coverage::Coverage;
use crate::fault::Fault;
use crate::files::{Files, Kind, Open};
use crate::hostile::Hostile;
use crate::memory::Area;
use crate::profile::Profile;
use crate::random::Random;
use crate::ring::Ring;
use crate::sqe::Sqe;

/// The table of registered rings of a task has so many places.
pub(crate) const REGISTERED: usize = 16;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) profile: Profile,
    pub(crate) chaos: Chaos,
    /// Nanoseconds.
    pub(crate) clock: u64,
    pub(crate) rings: BTreeMap<u32, Ring>,
    pub(crate) next_ring: u32,
    pub(crate) next_flight: u64,
    pub(crate) files: Files,
    pub(crate) registered: HashMap<ThreadId, [Option<u32>; REGISTERED]>,
    /// Mappings of rings that were closed before they were unmapped.
    pub(crate) orphans: Vec<Area>,
    /// Memory made for rings in provided memory.
    pub(crate) provided: Vec<Area>,
    pub(crate) faults: Vec<Fault>,
    /// Waits in a row that nothing could end.
    pub(crate) stuck: u32,
    pub(crate) calls: u64,
    /// The number of a call to fail, with what.
    pub(crate) failing: Option<(u64, Errno)>,
    pub(crate) hostile: Option<Hostile>,
    /// What was reached; that of rings that live is kept with them.
    pub(crate) coverage: Coverage,
}

impl World {
    /// The open file that a request names.
    pub(crate) fn file_of(&self, id: u32, sqe: &Sqe) -> Option<Arc<Open>> {
        if sqe.has(IOSQE_FIXED_FILE) {
            let slot = usize::try_from(sqe.fd).ok()?;
            self.rings.get(&id)?.files.get(slot)?.clone()
        } else {
            self.files.get(sqe.fd).cloned()
        }
    }

    /// The ring behind a descriptor.
    pub(crate) fn ring_of(&self, fd: RawFd) -> Result<u32, Errno> {
        match self.files.get(fd).ok_or(Errno::EBADF)?.kind {
            Kind::Ring(id) => Ok(id),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    pub(crate) fn is(&self, id: u32, flags: SetupFlags) -> bool {
        self.rings.get(&id).is_some_and(|ring| ring.is(flags))
    }
}
