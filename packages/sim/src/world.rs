//! [`World`]: everything that is simulated.

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

/// How many rings a task can register.
// kernel: include/linux/io_uring_types.h IO_RINGFD_REG_MAX (6.13): 16 for each task.
pub(crate) const REGISTERED: usize = 16;

/// A simulated machine.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) profile: Profile,
    pub(crate) chaos: Chaos,
    /// The time, in nanoseconds.
    pub(crate) clock: u64,
    pub(crate) rings: BTreeMap<u32, Ring>,
    pub(crate) next_ring: u32,
    pub(crate) next_flight: u64,
    pub(crate) files: Files,
    /// The table of registered rings of each task.
    pub(crate) registered: HashMap<ThreadId, [Option<u32>; REGISTERED]>,
    /// The mappings of rings that were closed before they were unmapped.
    pub(crate) orphans: Vec<Area>,
    /// The memory that was made for rings in provided memory.
    pub(crate) no_mmap_areas: Vec<Area>,
    pub(crate) faults: Vec<Fault>,
    /// How many waits in a row nothing could end.
    pub(crate) stuck: u32,
    pub(crate) calls: u64,
    /// The number of a call that shall fail, and the error.
    pub(crate) failing: Option<(u64, Errno)>,
    pub(crate) hostile: Option<Hostile>,
    /// What was reached; a ring that lives keeps its own counts.
    pub(crate) coverage: Coverage,
}

impl World {
    /// Returns the open file that a request names.
    pub(crate) fn file_of(&self, id: u32, sqe: &Sqe) -> Option<Arc<Open>> {
        if sqe.has(IOSQE_FIXED_FILE) {
            let index = usize::try_from(sqe.fd).ok()?;
            self.rings.get(&id)?.files.get(index)?.clone()
        } else {
            self.files.get(sqe.fd).cloned()
        }
    }

    /// Returns the ring behind a descriptor.
    pub(crate) fn ring_of(&self, fd: RawFd) -> Result<u32, Errno> {
        match self.files.get(fd).ok_or(Errno::EBADF)?.kind {
            Kind::Ring(id) => Ok(id),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    /// Returns whether a ring was set up with one of these flags.
    pub(crate) fn is(&self, id: u32, flags: SetupFlags) -> bool {
        self.rings.get(&id).is_some_and(|ring| ring.is(flags))
    }
}
