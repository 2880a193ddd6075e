//! Registers and unregisters provided buffer rings.

use bare_uring::Errno;
use bare_uring::uapi::{io_uring_buf_reg, io_uring_buf_status};

use super::Argument;
use crate::buffers::Group;
use crate::coverage::Mark;
use crate::memory::Area;
use crate::user::pointer_to;
use crate::world::World;

/// `IOU_PBUF_RING_MMAP`.
const PBUF_MMAP: u16 = 1;
/// `IOU_PBUF_RING_INC`.
const PBUF_INC: u16 = 2;

impl World {
    /// Registers a buffer ring.
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    // kernel: io_uring/kbuf.c io_register_pbuf_ring (7.2): EINVAL for unknown flags, reserved bits, `min_left` without
    // INC, and sizes that are no power of two or above 32768; EEXIST if the group is registered.
    pub(super) unsafe fn register_group(&mut self, id: u32, argument: Argument) -> Result<u32, Errno> {
        // SAFETY: the operation's contract.
        let register = unsafe { argument.read::<io_uring_buf_reg>() }?;
        let rules = self.profile.groups;
        let flags = if rules.mapped { PBUF_MMAP } else { 0 } | if rules.incremental { PBUF_INC } else { 0 };
        // `min_left` is the first half of the first reserved word, as it lies in memory.
        let [first, ..] = register.resv;
        let [a, b, c, d, rest @ ..] = first.to_ne_bytes();
        let min_left = u32::from_ne_bytes([a, b, c, d]);
        let reserved = rest != [0; 4] || register.resv[1..] != [0; 2];
        let takes_least = rules.min_left && register.flags & PBUF_INC != 0;
        let known = register.flags & !flags == 0 && !reserved && (min_left == 0 || takes_least);
        let entries = u16::try_from(register.ring_entries).map_err(|_| Errno::EINVAL)?;
        if !known || !entries.is_power_of_two() || entries > 32_768 {
            return Err(Errno::EINVAL);
        }
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        if ring.groups.contains_key(&register.bgid) {
            return Err(Errno::EEXIST);
        }
        let area = if register.flags & PBUF_MMAP != 0 { Some(Area::new(usize::from(entries) * 16)?) } else { None };
        let provided = || pointer_to(register.ring_addr);
        let bufs = area.as_ref().map(Area::base).or_else(provided).ok_or(Errno::EFAULT)?;
        let incremental = register.flags & PBUF_INC != 0;
        ring.groups.insert(register.bgid, Group { bufs, entries, head: 0, incremental, min_left, area });
        Ok(0)
    }

    /// Unregisters a buffer ring.
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    pub(super) unsafe fn unregister_group(&mut self, id: u32, argument: Argument) -> Result<u32, Errno> {
        // SAFETY: the operation's contract.
        let register = unsafe { argument.read::<io_uring_buf_reg>() }?;
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        let group = ring.groups.remove(&register.bgid).ok_or(Errno::ENOENT)?;
        // The user unmaps the memory afterwards, if it was mapped.
        ring.old_groups.extend(group.area.filter(|area| area.mapped.is_some()));
        if ring.flights.values().any(|flight| flight.progress.held.is_some()) {
            ring.coverage.mark(Mark::HeldBeyondGroup);
        }
        Ok(0)
    }

    /// Reports the head of a buffer ring.
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    // kernel: io_uring/kbuf.c io_register_pbuf_status (7.2): ENOENT if the group is not registered.
    pub(super) unsafe fn group_status(&mut self, id: u32, argument: Argument) -> Result<u32, Errno> {
        // SAFETY: the operation's contract: a status.
        let status = unsafe { argument.read::<io_uring_buf_status>() }?;
        let ring = self.rings.get(&id).ok_or(Errno::EBADF)?;
        let group = u16::try_from(status.buf_group).ok().and_then(|group| ring.groups.get(&group));
        let head = u32::from(group.ok_or(Errno::ENOENT)?.head);
        // SAFETY: the status that was just read, which the kernel writes back to.
        unsafe { argument.write(io_uring_buf_status { head, ..status }) };
        Ok(0)
    }
}
