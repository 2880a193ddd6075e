//! `io_uring_register`.

use std::ffi::c_void;
use std::ptr::with_exposed_provenance_mut;

use bare_uring::Errno;
use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_register_op as Op;
use bare_uring::uapi::{
    IO_URING_QUERY_SCQ, IORING_REGISTER_QUERY, IORING_RSRC_REGISTER_SPARSE, io_uring_buf_reg, io_uring_buf_status,
    io_uring_query_hdr, io_uring_query_scq, io_uring_rsrc_register, io_uring_rsrc_update, io_uring_rsrc_update2,
    io_uring_sync_cancel_reg,
};

use crate::buffers::{Group, copy_from_user, copy_to_user, descriptors_at};
use crate::coverage::Mark;
use crate::memory::Area;
use crate::opcodes::Key;
use crate::world::World;

const BUFFERS: u32 = Op::IORING_REGISTER_BUFFERS as u32;
const NO_BUFFERS: u32 = Op::IORING_UNREGISTER_BUFFERS as u32;
const FILES: u32 = Op::IORING_REGISTER_FILES as u32;
const NO_FILES: u32 = Op::IORING_UNREGISTER_FILES as u32;
const FILES_UPDATE: u32 = Op::IORING_REGISTER_FILES_UPDATE as u32;
const PROBE: u32 = Op::IORING_REGISTER_PROBE as u32;
const ENABLE: u32 = Op::IORING_REGISTER_ENABLE_RINGS as u32;
const FILES2: u32 = Op::IORING_REGISTER_FILES2 as u32;
const FILES_UPDATE2: u32 = Op::IORING_REGISTER_FILES_UPDATE2 as u32;
const BUFFERS2: u32 = Op::IORING_REGISTER_BUFFERS2 as u32;
const BUFFERS_UPDATE: u32 = Op::IORING_REGISTER_BUFFERS_UPDATE as u32;
const RING_FDS: u32 = Op::IORING_REGISTER_RING_FDS as u32;
const NO_RING_FDS: u32 = Op::IORING_UNREGISTER_RING_FDS as u32;
const PBUF_RING: u32 = Op::IORING_REGISTER_PBUF_RING as u32;
const NO_PBUF_RING: u32 = Op::IORING_UNREGISTER_PBUF_RING as u32;
const SYNC_CANCEL: u32 = Op::IORING_REGISTER_SYNC_CANCEL as u32;
const PBUF_STATUS: u32 = Op::IORING_REGISTER_PBUF_STATUS as u32;

const PBUF_MMAP: u16 = 1;
const PBUF_INC: u16 = 2;

/// The argument of a registration.
#[derive(Clone, Copy)]
struct Argument(*mut c_void);

impl Argument {
    /// # Safety
    ///
    /// There is a `T` at it, which may have any bits.
    unsafe fn read<T>(self) -> Result<T, Errno> {
        if self.0.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's contract.
        Ok(unsafe { self.0.cast::<T>().read_unaligned() })
    }

    /// # Safety
    ///
    /// There is room for a `T` at it.
    unsafe fn write<T>(self, value: T) {
        // SAFETY: the caller's contract.
        unsafe { self.0.cast::<T>().write_unaligned(value) };
    }

    fn address(self) -> u64 {
        self.0.expose_provenance() as u64
    }
}

impl World {
    /// # Safety
    ///
    /// As `Kernel::register`.
    #[expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "one of them is done, and the contract is the same for each"
    )]
    pub(crate) unsafe fn register(
        &mut self,
        id: Option<u32>,
        operation: u32,
        argument: *mut c_void,
        count: u32,
    ) -> Result<u32, Errno> {
        if !self.profile.has_register {
            return Err(Errno::ENOSYS);
        }
        if !self.profile.registers(operation) {
            return Err(Errno::EINVAL);
        }
        self.tick();
        let argument = Argument(argument);
        if operation == IORING_REGISTER_QUERY {
            // SAFETY: the caller's contract, for this operation.
            return unsafe { self.query(argument) };
        }
        let id = id.ok_or(Errno::EBADF)?;
        if !self.rings.contains_key(&id) {
            return Err(Errno::EBADF);
        }
        // SAFETY: the caller's contract is that of each operation, here and below.
        unsafe {
            match operation {
                BUFFERS => self.register_buffers(id, argument.address(), count),
                BUFFERS2 => self.register_buffers2(id, argument, count),
                BUFFERS_UPDATE => self.update_buffers(id, argument, count),
                NO_BUFFERS => self.clear(id, |ring| std::mem::take(&mut ring.buffers).is_empty()),
                FILES => self.register_files(id, argument.address(), count),
                FILES2 => self.register_files2(id, argument, count),
                FILES_UPDATE => self.update_files(id, argument, count),
                FILES_UPDATE2 => self.update_files2(id, argument, count),
                NO_FILES => self.clear(id, |ring| std::mem::take(&mut ring.files).is_empty()),
                PROBE => self.probe(argument, count),
                ENABLE => self.enable(id),
                RING_FDS => self.register_ring_fds(argument, count),
                NO_RING_FDS => self.unregister_ring_fds(argument, count),
                PBUF_RING => {
                    let registered = self.register_group(id, argument);
                    // What was armed before may look for a buffer before its user gets to publish any.
                    self.tick();
                    registered
                }
                NO_PBUF_RING => self.unregister_group(id, argument),
                PBUF_STATUS => self.group_status(id, argument),
                SYNC_CANCEL => self.sync_cancel(id, argument),
                _ => Err(Errno::EINVAL),
            }
        }
    }

    fn clear(&mut self, id: u32, take: impl FnOnce(&mut crate::ring::Ring) -> bool) -> Result<u32, Errno> {
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        if take(ring) { Err(Errno::ENXIO) } else { Ok(0) }
    }

    unsafe fn register_buffers(&mut self, id: u32, list: u64, count: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract: so many vectors.
        let buffers = unsafe { vectors(list, count) };
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        if !ring.buffers.is_empty() {
            return Err(Errno::EBUSY);
        }
        if count == 0 || count > 16_384 {
            return Err(Errno::EINVAL);
        }
        ring.buffers = buffers;
        Ok(0)
    }

    unsafe fn register_buffers2(&mut self, id: u32, argument: Argument, size: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, and below.
        let register = unsafe { rsrc_register(argument, size) }?;
        if register.flags & IORING_RSRC_REGISTER_SPARSE != 0 {
            let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
            if !ring.buffers.is_empty() {
                return Err(Errno::EBUSY);
            }
            ring.buffers = vec![None; register.nr as usize];
            return Ok(0);
        }
        // SAFETY: as above.
        unsafe { self.register_buffers(id, register.data, register.nr) }
    }

    unsafe fn update_buffers(&mut self, id: u32, argument: Argument, size: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, and below.
        let update = unsafe { rsrc_update2(argument, size) }?;
        // SAFETY: as above.
        let buffers = unsafe { vectors(update.data, update.nr) };
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        let start = update.offset as usize;
        let places = ring.buffers.get_mut(start..start + buffers.len()).ok_or(Errno::EINVAL)?;
        places.copy_from_slice(&buffers);
        Ok(update.nr)
    }

    unsafe fn register_files(&mut self, id: u32, list: u64, count: u32) -> Result<u32, Errno> {
        if !self.rings.get(&id).ok_or(Errno::EBADF)?.files.is_empty() {
            return Err(Errno::EBUSY);
        }
        if count == 0 || count > 32_768 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the operation's contract: so many descriptors.
        let fds = unsafe { numbers(list, count) };
        let files: Result<Vec<_>, Errno> = fds.iter().map(|&fd| self.open_for(fd)).collect();
        let files = files?;
        self.rings.get_mut(&id).ok_or(Errno::EBADF)?.files = files;
        Ok(0)
    }

    /// What a descriptor stands for in the table of files: -1 is a hole.
    fn open_for(&self, fd: RawFd) -> Result<Option<std::sync::Arc<crate::files::Open>>, Errno> {
        if fd == -1 { Ok(None) } else { self.files.get(fd).cloned().map(Some).ok_or(Errno::EBADF) }
    }

    unsafe fn register_files2(&mut self, id: u32, argument: Argument, size: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, and below.
        let register = unsafe { rsrc_register(argument, size) }?;
        if register.flags & IORING_RSRC_REGISTER_SPARSE == 0 {
            // SAFETY: as above.
            return unsafe { self.register_files(id, register.data, register.nr) };
        }
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        if !ring.files.is_empty() {
            return Err(Errno::EBUSY);
        }
        ring.files = vec![None; register.nr as usize];
        Ok(0)
    }

    unsafe fn update_files(&mut self, id: u32, argument: Argument, count: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, and below.
        let update = unsafe { argument.read::<io_uring_rsrc_update>() }?;
        // SAFETY: as above.
        let fds = unsafe { numbers(update.data, count) };
        self.replace_files(id, update.offset, &fds)
    }

    unsafe fn update_files2(&mut self, id: u32, argument: Argument, size: u32) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, and below.
        let update = unsafe { rsrc_update2(argument, size) }?;
        // SAFETY: as above.
        let fds = unsafe { numbers(update.data, update.nr) };
        self.replace_files(id, update.offset, &fds)
    }

    /// How many were replaced before one was refused; the refusal if it was the first.
    fn replace_files(&mut self, id: u32, offset: u32, fds: &[RawFd]) -> Result<u32, Errno> {
        const SKIP: RawFd = -2;

        let (start, len) = (offset as usize, self.rings.get(&id).ok_or(Errno::EBADF)?.files.len());
        if len == 0 {
            return Err(Errno::ENXIO);
        }
        if start + fds.len() > len {
            return Err(Errno::EINVAL);
        }
        for (done, &fd) in fds.iter().enumerate() {
            let open = match self.open_for(fd) {
                _ if fd == SKIP => continue,
                Ok(open) => open,
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => return Ok(done as u32),
            };
            if let Some(ring) = self.rings.get_mut(&id) {
                ring.files[start + done] = open;
            }
        }
        Ok(fds.len() as u32)
    }

    unsafe fn probe(&mut self, argument: Argument, count: u32) -> Result<u32, Errno> {
        if argument.0.is_null() || count > 256 {
            return Err(Errno::EINVAL);
        }
        let last = (0..128_u8).rev().find(|&opcode| self.profile.knows(opcode)).unwrap_or(0);
        let count = count.min(u32::from(last) + 1);
        let mut bytes = vec![0_u8; 16 + count as usize * 8];
        bytes[0] = last;
        bytes[1] = count as u8;
        for (opcode, row) in (0..count as u8).zip(bytes[16..].chunks_exact_mut(8)) {
            row[0] = opcode;
            let flags = u16::from(self.profile.knows(opcode));
            row[2..4].copy_from_slice(&flags.to_ne_bytes());
        }
        // SAFETY: the operation's contract: a header and so many rows.
        unsafe { copy_to_user(argument.address(), &bytes) };
        Ok(0)
    }

    fn enable(&mut self, id: u32) -> Result<u32, Errno> {
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        if !ring.disabled {
            return Err(Errno::EBADFD);
        }
        ring.disabled = false;
        ring.issuer = Some(std::thread::current().id());
        self.wake_thread(id);
        Ok(0)
    }

    unsafe fn register_ring_fds(&mut self, argument: Argument, count: u32) -> Result<u32, Errno> {
        if count != 1 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the operation's contract, and below.
        let update = unsafe { argument.read::<io_uring_rsrc_update>() }?;
        let ring = self.ring_of(i32::try_from(update.data).map_err(|_| Errno::EBADF)?)?;
        let place = self.register_ring(ring, (update.offset != u32::MAX).then_some(update.offset))?;
        // SAFETY: as above.
        unsafe { argument.write(io_uring_rsrc_update { offset: place, ..update }) };
        Ok(1)
    }

    unsafe fn unregister_ring_fds(&mut self, argument: Argument, count: u32) -> Result<u32, Errno> {
        if count != 1 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the operation's contract.
        let update = unsafe { argument.read::<io_uring_rsrc_update>() }?;
        let table = self.registered.get_mut(&std::thread::current().id());
        let place = table.and_then(|table| table.get_mut(update.offset as usize)).ok_or(Errno::EINVAL)?;
        if let Some(id) = place.take() {
            self.release(id);
        }
        Ok(1)
    }

    unsafe fn register_group(&mut self, id: u32, argument: Argument) -> Result<u32, Errno> {
        // SAFETY: the operation's contract.
        let register = unsafe { argument.read::<io_uring_buf_reg>() }?;
        let rules = self.profile.groups;
        let flags = if rules.mapped { PBUF_MMAP } else { 0 } | if rules.incremental { PBUF_INC } else { 0 };
        // The first half of the first reserved word, as it lies in memory.
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
        let provided = || descriptors_at(register.ring_addr);
        let descriptors = area.as_ref().map(Area::base).or_else(provided).ok_or(Errno::EFAULT)?;
        let incremental = register.flags & PBUF_INC != 0;
        ring.groups.insert(register.bgid, Group { descriptors, entries, head: 0, incremental, min_left, area });
        Ok(0)
    }

    unsafe fn unregister_group(&mut self, id: u32, argument: Argument) -> Result<u32, Errno> {
        // SAFETY: the operation's contract.
        let register = unsafe { argument.read::<io_uring_buf_reg>() }?;
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        let group = ring.groups.remove(&register.bgid).ok_or(Errno::ENOENT)?;
        // Its user unmaps it afterwards, if it was mapped.
        ring.old_groups.extend(group.area.filter(|area| area.mapped.is_some()));
        if ring.flights.values().any(|flight| flight.progress.held.is_some()) {
            ring.coverage.mark(Mark::HeldBeyondGroup);
        }
        Ok(0)
    }

    unsafe fn group_status(&mut self, id: u32, argument: Argument) -> Result<u32, Errno> {
        // SAFETY: the operation's contract, and below.
        let status = unsafe { argument.read::<io_uring_buf_status>() }?;
        let ring = self.rings.get(&id).ok_or(Errno::EBADF)?;
        let group = u16::try_from(status.buf_group).ok().and_then(|group| ring.groups.get(&group));
        let head = u32::from(group.ok_or(Errno::ENOENT)?.head);
        // SAFETY: as above.
        unsafe { argument.write(io_uring_buf_status { head, ..status }) };
        Ok(0)
    }

    unsafe fn sync_cancel(&mut self, id: u32, argument: Argument) -> Result<u32, Errno> {
        // SAFETY: the operation's contract.
        let cancel = unsafe { argument.read::<io_uring_sync_cancel_reg>() }?;
        let key = Key { user_data: cancel.addr, fd: cancel.fd, flags: cancel.flags, opcode: cancel.opcode };
        let result = self.cancel(id, key);
        // What is running is waited for as long as the timeout says; here nothing runs on during the call.
        match Errno::from_result(result) {
            None => Ok(0),
            Some(Errno::EALREADY) => Err(Errno::ETIME),
            Some(errno) => Err(errno),
        }
    }

    /// Answers a chain of questions.
    unsafe fn query(&mut self, argument: Argument) -> Result<u32, Errno> {
        const EOPNOTSUPP: i32 = -95;

        let mut next = argument;
        // The release that told the head of a ring also brought this request.
        let tells_head = self.profile.knows(63);
        while !next.0.is_null() {
            // SAFETY: the operation's contract: a chain of headers, each with room for its answer.
            let mut header = unsafe { next.read::<io_uring_query_hdr>() }?;
            let size = size_of::<io_uring_query_scq>();
            if header.query_op == IO_URING_QUERY_SCQ && tells_head && header.size as usize >= size {
                let mut answer = [0; 16];
                answer[..8].copy_from_slice(&64_u64.to_ne_bytes());
                answer[8..].copy_from_slice(&64_u64.to_ne_bytes());
                // SAFETY: as above.
                unsafe { copy_to_user(header.query_data, &answer) };
                header.size = size as u32;
                header.result = 0;
            } else {
                header.result = EOPNOTSUPP;
            }
            let after = header.next_entry;
            // SAFETY: as above.
            unsafe { next.write(header) };
            next = Argument(with_exposed_provenance_mut(after as usize));
        }
        Ok(0)
    }
}

unsafe fn rsrc_register(argument: Argument, size: u32) -> Result<io_uring_rsrc_register, Errno> {
    if size as usize != size_of::<io_uring_rsrc_register>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the operation's contract, for this size.
    let register = unsafe { argument.read::<io_uring_rsrc_register>() }?;
    if register.nr == 0 || register.resv2 != 0 { Err(Errno::EINVAL) } else { Ok(register) }
}

unsafe fn rsrc_update2(argument: Argument, size: u32) -> Result<io_uring_rsrc_update2, Errno> {
    if size as usize != size_of::<io_uring_rsrc_update2>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the operation's contract, for this size.
    let update = unsafe { argument.read::<io_uring_rsrc_update2>() }?;
    if update.nr == 0 || update.resv != 0 || update.resv2 != 0 { Err(Errno::EINVAL) } else { Ok(update) }
}

unsafe fn numbers(list: u64, count: u32) -> Vec<i32> {
    // SAFETY: the operation's contract: so many descriptors.
    let bytes = unsafe { copy_from_user(list, count as usize * 4) };
    bytes.chunks_exact(4).map(|bytes| bytes.try_into().map(i32::from_ne_bytes).unwrap_or(-1)).collect()
}

unsafe fn vectors(list: u64, count: u32) -> Vec<Option<(u64, u64)>> {
    let word = size_of::<usize>();
    // SAFETY: the operation's contract: so many vectors of an address and a length.
    let bytes = unsafe { copy_from_user(list, count as usize * 2 * word) };
    let number = |bytes: &[u8]| bytes.try_into().map(usize::from_ne_bytes).unwrap_or(0) as u64;
    let pairs = bytes.chunks_exact(2 * word).map(|pair| (number(&pair[..word]), number(&pair[word..])));
    pairs.map(|pair| (pair.0 != 0).then_some(pair)).collect()
}
