//! A kernel that supports what the running one may lack: a network card for zero-copy receive, filters and task
//! restrictions.
//!
//! [`Card`] passes every other call on to Linux. Like Linux, it takes all entries of a refill ring.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{NonNull, with_exposed_provenance_mut};
use core::sync::atomic::{AtomicU32, Ordering};

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_register_op::{IORING_REGISTER_RESTRICTIONS, IORING_REGISTER_ZCRX_IFQ};
use bare_uring::uapi::{
    IORING_REGISTER_BPF_FILTER, IORING_REGISTER_ZCRX_CTRL, ZCRX_CTRL_ADD_AREA, ZCRX_CTRL_EXPORT, ZCRX_CTRL_FLUSH_RQ,
    ZCRX_REG_IMPORT, io_uring_bpf, io_uring_params, io_uring_region_desc, io_uring_task_restriction,
    io_uring_zcrx_area_reg, io_uring_zcrx_ifq_reg, io_uring_zcrx_offsets, zcrx_ctrl,
};
use bare_uring::{Errno, Kernel, Linux};

use crate::outside::any;

/// Layout of its refill rings.
pub const OFFSETS: io_uring_zcrx_offsets =
    io_uring_zcrx_offsets { head: 0, tail: 64, rqes: 128, __resv2: 0, __resv: [0; 2] };

/// Token of its areas.
pub const TOKEN: u64 = 3 << 48;

/// The kernel.
pub struct Card {
    /// Address of the refill ring, or 0.
    refill: Cell<u64>,
    /// Number of restrictions that the task has.
    restrictions: Cell<u16>,
}

impl Card {
    /// Makes a kernel without a refill ring or restrictions.
    pub const fn new() -> Self {
        Self { refill: Cell::new(0), restrictions: Cell::new(0) }
    }

    /// Returns how many restrictions the task has.
    pub fn restrictions(&self) -> u16 {
        self.restrictions.get()
    }

    /// Registers a zero-copy receive queue.
    ///
    /// # Safety
    ///
    /// The argument must be valid for the operation.
    unsafe fn queue(&self, queue: &mut io_uring_zcrx_ifq_reg) -> Result<u32, Errno> {
        queue.zcrx_id = any(6);
        if queue.flags & ZCRX_REG_IMPORT != 0 {
            return Ok(0);
        }
        let region = with_exposed_provenance_mut::<io_uring_region_desc>(queue.region_ptr as usize);
        // SAFETY: the caller's contract.
        let region = unsafe { region.as_mut() }.ok_or(Errno::EFAULT)?;
        region.mmap_offset = any(0x3000_0000);
        self.refill.set(region.user_addr);
        let area = with_exposed_provenance_mut::<io_uring_zcrx_area_reg>(queue.area_ptr as usize);
        // SAFETY: the caller's contract.
        unsafe { area.as_mut() }.ok_or(Errno::EFAULT)?.rq_area_token = any(TOKEN);
        queue.rq_entries = any(queue.rq_entries).checked_next_power_of_two().ok_or(Errno::EINVAL)?;
        queue.offsets = any(OFFSETS);
        Ok(0)
    }

    /// Does a control operation on the queue.
    ///
    /// # Safety
    ///
    /// The argument must be valid for the operation.
    unsafe fn control(&self, control: &mut zcrx_ctrl) -> Result<u32, Errno> {
        if control.zcrx_id != 6 {
            return Err(Errno::ENXIO);
        }
        match control.op {
            ZCRX_CTRL_FLUSH_RQ => self.flush(),
            ZCRX_CTRL_EXPORT => {
                let [a, b, c, d] = any(1234_u32).to_ne_bytes();
                control.payload[0] = u64::from_ne_bytes([a, b, c, d, 0, 0, 0, 0]);
            }
            ZCRX_CTRL_ADD_AREA => {
                let area = with_exposed_provenance_mut::<io_uring_zcrx_area_reg>(control.payload[0] as usize);
                // SAFETY: the caller's contract.
                unsafe { area.as_mut() }.ok_or(Errno::EFAULT)?.rq_area_token = any(2 * TOKEN);
            }
            _ => {}
        }
        Ok(0)
    }

    fn flush(&self) {
        let start = with_exposed_provenance_mut::<AtomicU32>(self.refill.get() as usize);
        if start.is_null() {
            return;
        }
        // SAFETY: the address is that of a refill ring in static memory; its head is its first word.
        let head = unsafe { &*start };
        // SAFETY: the tail lies within the refill ring, at its offset.
        let tail = unsafe { start.byte_add(OFFSETS.tail as usize) };
        // SAFETY: the tail is an aligned word in static memory.
        let tail = unsafe { &*tail };
        head.store(tail.load(Ordering::Acquire), Ordering::Release);
    }
}

// SAFETY: Linux does every call on a ring; the other operations write to their arguments only, as Linux does.
unsafe impl Kernel for Card {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is that of `Linux`.
        unsafe { Linux.setup(entries, params) }
    }

    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is that of `Linux`.
        unsafe { Linux.enter(fd, to_submit, min_complete, flags, argument, size) }
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        const IFQ: u32 = IORING_REGISTER_ZCRX_IFQ as u32;
        const RESTRICTIONS: u32 = IORING_REGISTER_RESTRICTIONS as u32;
        match operation {
            IFQ => {
                // SAFETY: the argument of this operation has this type, and is valid during the call.
                let queue = unsafe { &mut *argument.cast() };
                // SAFETY: the caller's contract.
                unsafe { self.queue(queue) }
            }
            IORING_REGISTER_ZCRX_CTRL => {
                // SAFETY: the argument of this operation has this type, and is valid during the call.
                let control = unsafe { &mut *argument.cast() };
                // SAFETY: the caller's contract.
                unsafe { self.control(control) }
            }
            IORING_REGISTER_BPF_FILTER => {
                // SAFETY: the argument of this operation has this type, and is valid during the call.
                let bpf = unsafe { &mut *argument.cast::<io_uring_bpf>() };
                bpf.filter.pdu_size = any(24);
                match any(bpf.filter.filter_len) {
                    0 => Err(Errno::EINVAL),
                    4 => Err(Errno::EMSGSIZE),
                    _ => Ok(0),
                }
            }
            RESTRICTIONS if fd < 0 => {
                // SAFETY: the argument of this operation has this type, and is valid during the call.
                let header = unsafe { &*argument.cast::<io_uring_task_restriction>() };
                self.restrictions.set(header.nr_res);
                Ok(0)
            }
            // SAFETY: the caller's contract is that of `Linux`.
            _ => unsafe { Linux.register(fd, operation, argument, count) },
        }
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        Linux.map(length, fd, offset)
    }

    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller's contract is that of `Linux`.
        unsafe { Linux.unmap(address, length) }
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        // SAFETY: the caller's contract is that of `Linux`.
        unsafe { Linux.close(fd) }
    }
}
