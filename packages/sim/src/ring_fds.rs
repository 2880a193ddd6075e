//! What names a ring: descriptors, and the table of registered rings of each task. A ring that nothing names ends.

use bare_uring::Errno;
use bare_uring::types::RawFd;

use crate::coverage::Mark;
use crate::fault::Fault;
use crate::files::Kind;
use crate::flight::Wait;
use crate::ring::Ring;
use crate::world::{REGISTERED, World};

impl World {
    /// Puts a ring into the task's table, at `place` or any free index. Returns the index.
    // kernel: io_uring/tctx.c io_ring_add_registered_file (7.2): EBUSY if the index, or the whole table, is taken.
    pub(crate) fn register_ring(&mut self, id: u32, place: Option<u32>) -> Result<u32, Errno> {
        let table = self.registered.entry(std::thread::current().id()).or_insert([None; REGISTERED]);
        let place = match place {
            Some(place) => usize::try_from(place).ok().filter(|&place| place < REGISTERED).ok_or(Errno::EINVAL)?,
            None => table.iter().position(Option::is_none).ok_or(Errno::EBUSY)?,
        };
        if table[place].is_some() {
            return Err(Errno::EBUSY);
        }
        table[place] = Some(id);
        Ok(place as u32)
    }

    /// Returns the ring at an index of the task's table.
    pub(crate) fn registered_ring(&self, place: RawFd) -> Result<u32, Errno> {
        let table = self.registered.get(&std::thread::current().id());
        let place = usize::try_from(place).ok().filter(|&place| place < REGISTERED).ok_or(Errno::EINVAL)?;
        table.and_then(|table| table[place]).ok_or(Errno::EBADF)
    }

    /// Closes a descriptor.
    pub(crate) fn close_fd(&mut self, fd: RawFd) -> Result<(), Errno> {
        let open = self.files.table.remove(&fd).ok_or(Errno::EBADF)?;
        if let Kind::Ring(id) = open.kind {
            self.release(id);
        }
        Ok(())
    }

    /// Lets the time pass that closing a ring takes on a kernel that waits for the ring's timers. What waits for a file
    /// is a [`Fault::ClosedInFlight`]: the call would not return.
    // kernel: nanos src/unix/io_uring.c iour_close (0468d568): takes timers and polls away, and waits for the rest.
    // kernel: osv core/io_uring.cc close (24eb7668): joins the workers, and so waits for timers too.
    fn wait_for_requests(&mut self, ring: &Ring) {
        if !self.profile.close_waits || self.profile.timeouts.removes {
            return;
        }
        let timers = ring.flights.values().filter_map(|flight| match &flight.wait {
            Wait::Timer(timer) => Some(timer.next()),
            _ => None,
        });
        if let Some(last) = timers.max() {
            self.coverage.mark(Mark::CloseWaited);
            self.clock = self.clock.max(last);
        }
    }

    /// Ends a ring that neither a descriptor, nor a registered index, nor the mapping of a buffer group names any more.
    pub(crate) fn release(&mut self, id: u32) {
        let by_fd = self.files.table.values().any(|open| matches!(open.kind, Kind::Ring(ring) if ring == id));
        let by_index = self.registered.values().flatten().any(|&ring| ring == Some(id));
        if by_fd || by_index {
            return;
        }
        if self.rings.get(&id).is_some_and(|ring| ring.mapped_groups() != 0) {
            self.coverage.mark(Mark::RingPinned);
            return;
        }
        let Some(mut ring) = self.rings.remove(&id) else { return };
        self.wait_for_requests(&ring);
        self.coverage.merge(&ring.coverage);
        let user_data: Vec<u64> = ring.in_flight().into_iter().filter(|&data| !ring.ledger.ignores(data)).collect();
        if !user_data.is_empty() {
            self.faults.push(Fault::ClosedInFlight { user_data });
        }
        self.coverage.add(Mark::CanariesRead, ring.memory.areas.len() as u64);
        if !ring.intact() {
            self.faults.push(Fault::OutOfBounds { ring: id });
        }
        let mapped = ring.memory.areas.drain(..).map(|piece| piece.area);
        self.orphans.extend(mapped.filter(|area| area.mapped.is_some()));
    }
}
