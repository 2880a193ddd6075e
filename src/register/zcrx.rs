//! Zero-copy receive: the network card writes received data into the program's memory.
//!
//! An [`Ifq`] (interface queue) describes the receive queue of an interface, a [`ZcrxArea`] of memory, and the memory
//! of the refill ring. Registering it gives an [`Instance`]. Requests (`IORING_OP_RECV_ZC`) name the instance. Their
//! 32-byte completions name a piece of the area ([`RegisteredArea::chunk`]), which the [`RefillRing`] gives back to the
//! kernel.
//!
//! Zero-copy receive needs a ring with DEFER_TASKRUN and 32-byte or mixed completions, CAP_NET_ADMIN, and a card whose
//! driver splits headers from data.

mod refill;

use core::mem::size_of;
use core::ptr::{NonNull, from_mut};

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::types::Fd;
use crate::uapi::io_uring_register_op::IORING_REGISTER_ZCRX_IFQ;
use crate::uapi::io_uring_zcrx_area_flags::IORING_ZCRX_AREA_DMABUF;
use crate::uapi::{
    IORING_MEM_REGION_TYPE_USER, IORING_REGISTER_ZCRX_CTRL, IORING_ZCRX_AREA_MASK, ZCRX_CTRL_ADD_AREA,
    ZCRX_CTRL_ARM_EVENT, ZCRX_CTRL_EXPORT, ZCRX_CTRL_FLUSH_RQ, ZCRX_EVENT_ALLOC_FAIL, ZCRX_EVENT_COPY,
    ZCRX_EVENT_DESC_FLAG_STATS, ZCRX_REG_IMPORT, ZCRX_REG_NODEV, io_uring_region_desc, io_uring_zcrx_area_reg,
    io_uring_zcrx_ifq_reg, io_uring_zcrx_offsets, zcrx_ctrl, zcrx_event_desc,
};

pub use refill::RefillRing;

/// Memory that a network card may write to.
#[derive(Debug, Clone, Copy)]
#[doc(alias = "io_uring_zcrx_area_reg")]
pub struct ZcrxArea(io_uring_zcrx_area_reg);

impl ZcrxArea {
    /// Describes memory of the process, which must be whole pages.
    #[must_use]
    pub fn memory(memory: NonNull<[u8]>) -> Self {
        let address = memory.as_ptr().expose_provenance() as u64;
        Self::new(address, memory.len() as u64, 0, 0)
    }

    /// Describes a DMA buffer of `length` bytes, used as a whole. The process can't read it, and the kernel can't copy
    /// into it. Since 6.16.
    #[must_use]
    #[doc(alias = "IORING_ZCRX_AREA_DMABUF")]
    pub const fn dma_buffer(buffer: Fd, length: u64) -> Self {
        Self::new(0, length, IORING_ZCRX_AREA_DMABUF as u32, buffer.0.cast_unsigned())
    }

    const fn new(addr: u64, len: u64, flags: u32, dmabuf_fd: u32) -> Self {
        Self(io_uring_zcrx_area_reg { addr, len, rq_area_token: 0, flags, dmabuf_fd, __resv2: [0; 2] })
    }
}

/// A registered area, with the token that names it in completions and in the refill ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisteredArea {
    token: u64,
    length: u64,
}

/// A piece of an area that holds received data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "io_uring_zcrx_cqe")]
#[doc(alias = "io_uring_zcrx_rqe")]
pub struct Chunk {
    area: u64,
    /// The start of the chunk, in bytes from the start of its area.
    offset: u64,
    length: u32,
}

impl Chunk {
    /// Returns the start of the chunk, in bytes from the start of its area.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the length of the chunk in bytes.
    #[must_use]
    pub const fn length(&self) -> u32 {
        self.length
    }
}

impl RegisteredArea {
    /// Makes the value from the kernel's description of an area.
    const fn of(area: &io_uring_zcrx_area_reg) -> Self {
        Self { token: area.rq_area_token & IORING_ZCRX_AREA_MASK, length: area.len }
    }

    /// Returns the token (`rq_area_token`).
    #[must_use]
    pub const fn token(&self) -> u64 {
        self.token
    }

    /// Returns the chunk that a completion of `IORING_OP_RECV_ZC` names. `received` is the completion's result, and
    /// `big` are the 16 bytes behind the plain completion. `None` if nothing was received, or if the chunk does not lie
    /// wholly in this area.
    #[must_use]
    pub const fn chunk(&self, received: u32, big: [u64; 2]) -> Option<Chunk> {
        // kernel: io_uring/zcrx.c io_zcrx_queue_cqe (7.3): the first of the two words is the area's token plus the
        // offset in the area; the second one means nothing.
        let [place, _] = big;
        let (area, offset) = (place & IORING_ZCRX_AREA_MASK, place & !IORING_ZCRX_AREA_MASK);
        match offset.checked_add(received as u64) {
            Some(end) if received != 0 && area == self.token && end <= self.length => {
                Some(Chunk { area, offset, length: received })
            }
            _ => None,
        }
    }
}

/// An event that zero-copy receive can report by a completion (`enum zcrx_event_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "zcrx_event_type")]
#[repr(transparent)]
pub struct ZcrxEvent(pub u32);

impl ZcrxEvent {
    /// No free buffer was left: give chunks back faster. Since 7.2.
    #[doc(alias = "ZCRX_EVENT_ALLOC_FAIL")]
    #[doc(alias = "ZCRX_NOTIF_NO_BUFFERS")]
    pub const ALLOC_FAIL: Self = Self(ZCRX_EVENT_ALLOC_FAIL);
    /// Data had to be copied into the area. Since 7.2.
    #[doc(alias = "ZCRX_EVENT_COPY")]
    #[doc(alias = "ZCRX_NOTIF_COPY")]
    pub const COPY: Self = Self(ZCRX_EVENT_COPY);
}

/// The argument of a registration: a receive queue, an area, and the memory of the refill ring.
///
/// The kernel writes the results of the registration into it.
#[derive(Debug, Clone, Copy)]
#[doc(alias = "io_uring_zcrx_ifq_reg")]
pub struct Ifq {
    queue: io_uring_zcrx_ifq_reg,
    area: ZcrxArea,
    region: io_uring_region_desc,
    events: Option<zcrx_event_desc>,
}

impl Ifq {
    /// Describes receive queue `queue` of the interface with this index (`if_nametoindex(3)`), with a refill ring of
    /// `entries` (at most 32,768, rounded up to a power of two) in the memory `refill`. That memory must be whole
    /// pages, and at least [`RefillRing::memory_size`] bytes.
    #[must_use]
    pub fn new(interface: u32, queue: u32, entries: u32, area: ZcrxArea, refill: NonNull<[u8]>) -> Self {
        Self::build(interface, queue, entries, area, refill.as_ptr().expose_provenance() as u64, refill.len() as u64)
    }

    /// Describes a receive queue like [`new`](Self::new), with a refill ring of `size` bytes in the kernel's memory,
    /// which [`map_refill_ring`](Submitter::map_refill_ring) maps.
    #[must_use]
    pub const fn with_kernel_memory(interface: u32, queue: u32, entries: u32, area: ZcrxArea, size: u64) -> Self {
        Self::build(interface, queue, entries, area, 0, size)
    }

    const fn build(interface: u32, queue: u32, entries: u32, area: ZcrxArea, address: u64, size: u64) -> Self {
        Self {
            queue: io_uring_zcrx_ifq_reg { if_idx: interface, if_rxq: queue, rq_entries: entries, ..EMPTY },
            area,
            region: io_uring_region_desc {
                user_addr: address,
                size,
                flags: if address == 0 { 0 } else { IORING_MEM_REGION_TYPE_USER as u32 },
                id: 0,
                mmap_offset: 0,
                __resv: [0; 4],
            },
            events: None,
        }
    }

    /// Sets the size of the buffers that the card fills: a power of two, at least a page. Since 7.0.
    #[must_use]
    #[doc(alias = "ZCRX_FEATURE_RX_PAGE_SIZE")]
    pub const fn buffer_length(mut self, bytes: u32) -> Self {
        self.queue.rx_buf_len = bytes;
        self
    }

    /// Uses no network card, for tests: the kernel copies all data into the area, and the refill ring must be
    /// [flushed](Submitter::zcrx_flush). Interface and queue must be 0. Since 7.1.
    #[must_use]
    #[doc(alias = "ZCRX_REG_NODEV")]
    pub const fn without_device(mut self) -> Self {
        self.queue.flags |= ZCRX_REG_NODEV;
        self
    }

    /// Reports an event by a completion with this user data, which is the same for all events. After one report the
    /// event is not reported again until it is [armed](Submitter::zcrx_arm_event). An event number above 31 changes
    /// nothing. Since 7.2.
    #[must_use]
    #[doc(alias = "zcrx_event_desc")]
    pub const fn report(mut self, event: ZcrxEvent, user_data: u64) -> Self {
        // kernel: io_uring/zcrx.c zcrx_send_notif (7.3): an event that was reported stays quiet until it is armed; the
        // completion's result is the number of the event.
        let mut events = self.event_description();
        events.user_data = user_data;
        if event.0 < u32::BITS {
            events.type_mask |= 1 << event.0;
        }
        self.events = Some(events);
        self
    }

    /// Has the kernel count copies in a [`zcrx_stats`](crate::uapi::zcrx_stats), which lies `offset` bytes into the
    /// memory of the refill ring, behind its entries. Since 7.2.
    #[must_use]
    #[doc(alias = "ZCRX_EVENT_DESC_FLAG_STATS")]
    pub const fn statistics_at(mut self, offset: u64) -> Self {
        // kernel: io_uring/zcrx.c zcrx_validate_notif_stats (7.3): an offset that is not aligned is EINVAL; one that
        // lies among the entries, or too near the end, is ERANGE.
        let mut events = self.event_description();
        events.flags |= ZCRX_EVENT_DESC_FLAG_STATS;
        events.stats_offset = offset;
        self.events = Some(events);
        self
    }

    const fn event_description(&self) -> zcrx_event_desc {
        match self.events {
            Some(events) => events,
            None => zcrx_event_desc { user_data: 0, type_mask: 0, flags: 0, stats_offset: 0, __resv2: [0; 9] },
        }
    }
}

const EMPTY: io_uring_zcrx_ifq_reg = io_uring_zcrx_ifq_reg {
    if_idx: 0,
    if_rxq: 0,
    rq_entries: 0,
    flags: 0,
    area_ptr: 0,
    region_ptr: 0,
    offsets: io_uring_zcrx_offsets { head: 0, tail: 0, rqes: 0, __resv2: 0, __resv: [0; 2] },
    zcrx_id: 0,
    rx_buf_len: 0,
    event_desc: 0,
    __resv: [0; 2],
};

/// A registered receive queue, as the kernel describes it.
#[derive(Debug, Clone, Copy)]
pub struct Instance {
    /// The number by which requests and control operations name the instance.
    pub id: u32,
    /// The number of entries in the refill ring.
    pub entries: u32,
    /// The offsets of head, tail and entries in the memory of the refill ring. [`RefillRing::new`] checks them.
    pub offsets: io_uring_zcrx_offsets,
    /// The area.
    pub area: RegisteredArea,
    /// The size of the refill ring's memory in bytes.
    pub size: u64,
    /// The offset from which [`map_refill_ring`](Submitter::map_refill_ring) maps memory of the kernel's. 0 for memory
    /// of the caller's.
    pub map_offset: u64,
}

impl<K: Kernel> Submitter<'_, K> {
    /// Registers a network card's receive queue with an area of memory. Since 6.15.
    ///
    /// The registration ends with the ring: there is no way to unregister it. Until then memory of the caller's belongs
    /// to the kernel. Of memory of the kernel's, the [`RefillRing`] owns the mapping, which keeps the ring alive. So
    /// drop the refill ring first, then the ring, then wait until the kernel has released the ring, and only then free
    /// the area.
    ///
    /// # Errors
    ///
    /// `EPERM`: the task lacks CAP_NET_ADMIN. `EINVAL`: the ring lacks DEFER_TASKRUN or 32-byte completions; no entries
    /// or more than 32,768 (a ring with CLAMP cuts them); memory that is too short or not made of whole pages; a flag
    /// or field that the kernel does not know, or the kernel is older. `ENODEV`: no such interface. `EOPNOTSUPP`: the
    /// interface's driver can't do it. `EEXIST`, `EBUSY`: the receive queue is taken. `EFAULT`: memory that the process
    /// does not have. `ENOMEM`: above RLIMIT_MEMLOCK, or no memory. `ERANGE`: no such queue, or (since 7.2) statistics
    /// that do not lie behind the entries.
    ///
    /// # Safety
    ///
    /// - The area's memory and that of the refill ring are valid for reads and writes until the kernel has released the
    ///   ring. That is some time after the ring was closed, or later if the instance was exported. Until then only the
    ///   kernel, the [`RefillRing`], and reads of a [`Chunk`] access this memory.
    /// - A [`Chunk`] of the area is read only between its completion and its return by the refill ring.
    #[doc(alias = "IORING_REGISTER_ZCRX_IFQ")]
    #[doc(alias = "io_uring_register_ifq")]
    pub unsafe fn register_ifq(&self, ifq: &mut Ifq) -> Result<Instance, Errno> {
        let Ifq { queue, area: ZcrxArea(area), region, events } = ifq;
        // Clears the results of an earlier registration.
        // kernel: io_uring/zcrx.c io_register_zcrx (7.3): a number or token that is not 0 is EINVAL; both, the entries
        // as rounded up, and the two descriptions are written back.
        (queue.zcrx_id, area.rq_area_token, region.mmap_offset) = (0, 0, 0);
        queue.area_ptr = from_mut(&mut *area).expose_provenance() as u64;
        queue.region_ptr = from_mut(&mut *region).expose_provenance() as u64;
        queue.event_desc = events.as_mut().map_or(0, |events| from_mut(events).expose_provenance() as u64);
        let argument = from_mut(&mut *queue).cast();
        // SAFETY: the argument, and the three descriptions that it names, are borrowed for the call, and not accessed
        // before it returns. The caller guarantees the memory that the descriptions name.
        unsafe { self.register(IORING_REGISTER_ZCRX_IFQ as u32, argument, 1) }?;
        Ok(Instance {
            id: queue.zcrx_id,
            entries: queue.rq_entries,
            offsets: queue.offsets,
            area: RegisteredArea::of(area),
            size: region.size,
            map_offset: region.mmap_offset,
        })
    }

    /// Imports an instance that another ring has [exported](Self::zcrx_export), and returns its number in this ring.
    /// Since 6.19.
    ///
    /// The area and the refill ring are those of the exporter, and chunks go back through the exporter's refill ring.
    ///
    /// # Errors
    ///
    /// `EPERM`, `EINVAL`: as in [`register_ifq`](Self::register_ifq). `EBADF`: no such descriptor, or not an instance.
    /// `EFAULT`: the kernel is older, and expects a refill ring. `ENOMEM`: no memory.
    #[doc(alias = "ZCRX_REG_IMPORT")]
    pub fn zcrx_import(&self, instance: Fd) -> Result<u32, Errno> {
        let mut argument =
            io_uring_zcrx_ifq_reg { if_idx: instance.0.cast_unsigned(), flags: ZCRX_REG_IMPORT, ..EMPTY };
        // kernel: io_uring/zcrx.c import_zcrx (7.3): the descriptor is in the interface's field; queue, entries, area
        // and region must be 0.
        // SAFETY: the argument is the operation's own structure, used during the call only, and names no memory.
        unsafe { self.register(IORING_REGISTER_ZCRX_IFQ as u32, from_mut(&mut argument).cast(), 1) }?;
        Ok(argument.zcrx_id)
    }

    /// Has the kernel take the entries of the refill ring now, and not when the card next needs them. Since 6.19.
    ///
    /// # Errors
    ///
    /// `ENXIO`: no such instance. `EINVAL`: the kernel is older.
    #[doc(alias = "IORING_REGISTER_ZCRX_CTRL")]
    #[doc(alias = "ZCRX_CTRL_FLUSH_RQ")]
    #[doc(alias = "io_uring_register_zcrx_ctrl")]
    pub fn zcrx_flush(&self, id: u32) -> Result<(), Errno> {
        // kernel: io_uring/zcrx.c zcrx_parse_rq (7.3): takes the entries up to the first one that names no buffer, and
        // that one with them.
        // SAFETY: the payload names no memory.
        unsafe { self.zcrx_control(id, ZCRX_CTRL_FLUSH_RQ, [0; 6]) }.map(drop)
    }

    /// Makes a descriptor (close-on-exec) with which another ring can [import](Self::zcrx_import) the instance. The
    /// caller must close the descriptor. The instance lives, and writes to its area, until the descriptor is closed and
    /// all rings that use the instance are gone. Since 6.19.
    ///
    /// # Errors
    ///
    /// `ENXIO`: no such instance. `EINVAL`: the kernel is older. `EMFILE`, `ENFILE`: no descriptor left. `ENOMEM`: no
    /// memory.
    #[doc(alias = "IORING_REGISTER_ZCRX_CTRL")]
    #[doc(alias = "ZCRX_CTRL_EXPORT")]
    #[doc(alias = "io_uring_register_zcrx_ctrl")]
    pub fn zcrx_export(&self, id: u32) -> Result<Fd, Errno> {
        // kernel: io_uring/zcrx.c zcrx_export (7.3): the payload must be 0; the descriptor is written to its first 32
        // bits, and holds references to the instance.
        // SAFETY: the payload names no memory.
        let [first, ..] = unsafe { self.zcrx_control(id, ZCRX_CTRL_EXPORT, [0; 6]) }?;
        Ok(Fd(halves(first)[0].cast_signed()))
    }

    /// Arms an event that was reported, so that it is reported again. Since 7.2.
    ///
    /// # Errors
    ///
    /// `ENXIO`: no such instance. `EINVAL`: no such event, an event that was not reported since, or the kernel is
    /// older. `EOPNOTSUPP`: the kernel has no events.
    #[doc(alias = "IORING_REGISTER_ZCRX_CTRL")]
    #[doc(alias = "ZCRX_CTRL_ARM_EVENT")]
    #[doc(alias = "ZCRX_CTRL_ARM_NOTIFICATION")]
    #[doc(alias = "io_uring_register_zcrx_ctrl")]
    pub fn zcrx_arm_event(&self, id: u32, event: ZcrxEvent) -> Result<(), Errno> {
        // SAFETY: the payload names no memory.
        unsafe { self.zcrx_control(id, ZCRX_CTRL_ARM_EVENT, [word([event.0, 0]), 0, 0, 0, 0, 0]) }.map(drop)
    }

    /// Adds an area to an instance. Since 7.3.
    ///
    /// # Errors
    ///
    /// `ENXIO`: no such instance. `EINVAL`: an area that is not made of whole pages, or the kernel is older.
    /// `EOPNOTSUPP`: the kernel knows only one area for each instance. `EFAULT`, `ENOMEM`: as in
    /// [`register_ifq`](Self::register_ifq).
    ///
    /// # Safety
    ///
    /// The conditions of [`register_ifq`](Self::register_ifq), for this area.
    #[doc(alias = "IORING_REGISTER_ZCRX_CTRL")]
    #[doc(alias = "ZCRX_CTRL_ADD_AREA")]
    #[doc(alias = "io_uring_register_zcrx_ctrl")]
    pub unsafe fn zcrx_add_area(&self, id: u32, area: &mut ZcrxArea) -> Result<RegisteredArea, Errno> {
        // Clears the result of an earlier registration, because the kernel refuses a token that is not 0.
        area.0.rq_area_token = 0;
        let address = from_mut(&mut area.0).expose_provenance() as u64;
        // kernel: io_uring/zcrx.c zcrx_ctrl_add_area (7.3): writes the token back before it adds the area, so that the
        // token counts only after success.
        // SAFETY: the payload names the description, which is borrowed for the call. The caller guarantees the memory
        // of the area.
        unsafe { self.zcrx_control(id, ZCRX_CTRL_ADD_AREA, [address, 0, 0, 0, 0, 0]) }?;
        Ok(RegisteredArea::of(&area.0))
    }

    /// Makes a control operation, and returns its payload as the kernel has left it.
    ///
    /// # Safety
    ///
    /// Memory that `payload` names is valid for what `op` does with it.
    unsafe fn zcrx_control(&self, id: u32, op: u32, payload: [u64; 6]) -> Result<[u64; 6], Errno> {
        let mut argument = zcrx_ctrl { zcrx_id: id, op, __resv: [0; 2], payload };
        // SAFETY: the argument is the operation's own structure, used during the call only. The caller guarantees the
        // memory that the payload names.
        unsafe { self.register(IORING_REGISTER_ZCRX_CTRL, from_mut(&mut argument).cast(), 0) }?;
        Ok(argument.payload)
    }
}

/// Joins two words to one, so that they lie one after the other in memory in either byte order.
const fn word(halves: [u32; 2]) -> u64 {
    let [[a, b, c, d], [e, f, g, h]] = [halves[0].to_ne_bytes(), halves[1].to_ne_bytes()];
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// Splits a word into its two halves, in the order in which they lie in memory.
const fn halves(word: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
    [u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h])]
}

const _: () = assert!(size_of::<zcrx_ctrl>() == 72);
