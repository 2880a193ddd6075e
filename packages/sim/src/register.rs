//! `io_uring_register`.

use std::ffi::c_void;

use bare_uring::Errno;
use bare_uring::uapi::{
    IORING_REGISTER_QUERY, io_uring_register_op as Op, io_uring_rsrc_update, io_uring_sync_cancel_reg,
};

use crate::requests::Key;
use crate::ring::Ring;
use crate::user::copy_to_user;
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

mod groups;
mod query;
mod resources;

/// The argument of a registration.
#[derive(Clone, Copy)]
struct Argument(*mut c_void);

impl Argument {
    /// Reads a `T`. A null pointer is `EFAULT`.
    ///
    /// # Safety
    ///
    /// The argument points to a `T`, for which any bits are valid.
    unsafe fn read<T>(self) -> Result<T, Errno> {
        if self.0.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's contract.
        Ok(unsafe { self.0.cast::<T>().read_unaligned() })
    }

    /// Writes a `T`.
    ///
    /// # Safety
    ///
    /// The argument points to room for a `T`.
    unsafe fn write<T>(self, value: T) {
        // SAFETY: the caller's contract.
        unsafe { self.0.cast::<T>().write_unaligned(value) };
    }

    /// Returns the argument as an address.
    fn address(self) -> u64 {
        self.0.expose_provenance() as u64
    }
}

impl World {
    /// Carries out `io_uring_register`; `id` is `None` for a call without a ring.
    ///
    /// # Safety
    ///
    /// The conditions of `Kernel::register`.
    #[expect(
        clippy::multiple_unsafe_ops_per_block,
        reason = "one of the operations is carried out, and all have the same contract"
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
            let unsupported = operation < 64 && self.profile.unsupported_registrations >> operation & 1 != 0;
            return Err(if unsupported { Errno::ENOSYS } else { self.profile.unknown_registration });
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
                    // A request that was armed before may look for a buffer before the user publishes any.
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

    /// Empties a table of a ring. `ENXIO` if it was empty.
    fn clear(&mut self, id: u32, take: impl FnOnce(&mut Ring) -> bool) -> Result<u32, Errno> {
        let ring = self.rings.get_mut(&id).ok_or(Errno::EBADF)?;
        if take(ring) { Err(Errno::ENXIO) } else { Ok(0) }
    }

    /// Reports which requests the kernel knows.
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    unsafe fn probe(&mut self, argument: Argument, count: u32) -> Result<u32, Errno> {
        if argument.0.is_null() || count > 256 {
            return Err(Errno::EINVAL);
        }
        let claims_all = self.profile.probe_claims_all;
        let last = (0..128_u8).rev().find(|&opcode| self.profile.knows(opcode)).unwrap_or(0);
        let count = count.min(u32::from(last) + 1);
        let mut bytes = vec![0_u8; 16 + count as usize * 8];
        bytes[0] = last;
        bytes[1] = count as u8;
        for (opcode, row) in (0..count as u8).zip(bytes[16..].chunks_exact_mut(8)) {
            row[0] = opcode;
            let flags = u16::from(claims_all || self.profile.knows(opcode));
            row[2..4].copy_from_slice(&flags.to_ne_bytes());
        }
        // SAFETY: the operation's contract: a header and `count` rows.
        unsafe { copy_to_user(argument.address(), &bytes) };
        Ok(0)
    }

    /// Enables a ring that was set up with R_DISABLED.
    // kernel: io_uring/register.c io_register_enable_rings (7.2): EBADFD if it is enabled; the caller is the issuer
    // from now on, and the SQPOLL thread is woken.
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

    /// Puts a ring into the task's table.
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    unsafe fn register_ring_fds(&mut self, argument: Argument, count: u32) -> Result<u32, Errno> {
        if count != 1 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the operation's contract: an update.
        let update = unsafe { argument.read::<io_uring_rsrc_update>() }?;
        let ring = self.ring_of(i32::try_from(update.data).map_err(|_| Errno::EBADF)?)?;
        let place = self.register_ring(ring, (update.offset != u32::MAX).then_some(update.offset))?;
        // SAFETY: the update that was just read, which the kernel writes back to.
        unsafe { argument.write(io_uring_rsrc_update { offset: place, ..update }) };
        Ok(1)
    }

    /// Takes a ring out of the task's table.
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
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

    /// Cancels requests, and waits for them.
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    // kernel: io_uring/cancel.c io_sync_cancel (7.2): a request that can no longer be cancelled is waited for until the
    // timeout, then ETIME.
    unsafe fn sync_cancel(&mut self, id: u32, argument: Argument) -> Result<u32, Errno> {
        // SAFETY: the operation's contract.
        let cancel = unsafe { argument.read::<io_uring_sync_cancel_reg>() }?;
        let key = Key { user_data: cancel.addr, fd: cancel.fd, flags: cancel.flags, opcode: cancel.opcode };
        let by_user_data = self.profile.cancels_by_user_data;
        let result = self.cancel(id, key);
        // Nothing runs on during a simulated call, so a request that runs is never done before the timeout.
        match Errno::from_result(result) {
            None => Ok(0),
            // OSv does not wait for a request that it found.
            Some(Errno::EALREADY) if by_user_data => Ok(0),
            Some(Errno::EALREADY) => Err(Errno::ETIME),
            Some(errno) => Err(errno),
        }
    }
}
