//! Maps and unmaps the memory of a ring.

use std::ptr::NonNull;

use bare_uring::Errno;
use bare_uring::types::RawFd;
use bare_uring::uapi::{IORING_OFF_CQ_RING, IORING_OFF_PBUF_RING, IORING_OFF_PBUF_SHIFT};

use crate::coverage::Mark;
use crate::fault::Fault;
use crate::memory::Area;
use crate::world::World;

impl World {
    /// Maps an area of the ring's memory.
    // kernel: io_uring/memmap.c io_mmap_get_region (7.2): the offset picks the rings, the SQEs, or the memory of a
    // buffer group.
    pub(crate) fn map(&mut self, len: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        let id = self.ring_of(fd)?;
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        let single = ring.layout.single;
        let area = if offset >= u64::from(IORING_OFF_PBUF_RING) {
            let group = (offset - u64::from(IORING_OFF_PBUF_RING)) >> IORING_OFF_PBUF_SHIFT;
            let group = u16::try_from(group).ok().and_then(|group| ring.groups.get_mut(&group));
            group.and_then(|group| group.area.as_mut()).ok_or(Errno::EINVAL)?
        } else {
            let offset = if single && offset == u64::from(IORING_OFF_CQ_RING) { 0 } else { offset };
            let piece = ring.memory.areas.iter_mut().find(|piece| piece.offset == offset).ok_or(Errno::EINVAL)?;
            &mut piece.area
        };
        if len == 0 || len > area.len() {
            return Err(Errno::EINVAL);
        }
        area.mapped = Some(len);
        Ok(area.base())
    }

    /// Unmaps an area. If it is one of the queues', the kernel's side leaves the whole ring alone from then on.
    pub(crate) fn unmap(&mut self, address: NonNull<u8>, len: usize) -> Result<(), Errno> {
        let is_it = |area: &Area| area.base() == address && area.mapped == Some(len);
        for (&id, ring) in &mut self.rings {
            if let Some(at) = ring.memory.areas.iter().position(|piece| is_it(&piece.area)) {
                self.coverage.add(Mark::CanariesRead, ring.memory.areas.len() as u64);
                if !ring.intact() {
                    self.faults.push(Fault::OutOfBounds { ring: id });
                }
                ring.memory.areas.swap_remove(at);
                ring.detached = true;
                return Ok(());
            }
            // The memory of a buffer group lives as long as the group is registered. Its mapping keeps the ring alive.
            let mut areas = ring.groups.values_mut().filter_map(|group| group.area.as_mut());
            if let Some(area) = areas.find(|area| is_it(area)) {
                area.mapped = None;
                self.release(id);
                return Ok(());
            }
            if let Some(at) = ring.old_groups.iter().position(is_it) {
                ring.old_groups.swap_remove(at);
                self.release(id);
                return Ok(());
            }
        }
        if let Some(at) = self.orphans.iter().position(is_it) {
            self.orphans.swap_remove(at);
            return Ok(());
        }
        self.faults.push(Fault::Unmap { len });
        Err(Errno::EINVAL)
    }
}
