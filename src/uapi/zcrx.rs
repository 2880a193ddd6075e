//! Names of `linux/io_uring/zcrx.h` that are newer than the bindings.
//!
//! The names of events changed while they were being added to the kernel (`NOTIF`, `ARM_NOTIFICATION` in some headers);
//! here they are the newest ones. Layouts and numbers are the same.
#![allow(non_camel_case_types, reason = "the kernel's names")]

use super::{IORING_ZCRX_AREA_SHIFT, io_uring_zcrx_offsets};

/// `IORING_REGISTER_ZCRX_CTRL`. Since Linux 6.19.
pub const IORING_REGISTER_ZCRX_CTRL: u32 = 36;

/// `IORING_ZCRX_AREA_MASK`: the bits of an offset that name the area.
pub const IORING_ZCRX_AREA_MASK: u64 = !((1 << IORING_ZCRX_AREA_SHIFT) - 1);

/// `ZCRX_REG_IMPORT`: takes an instance that another ring exported. Since Linux 6.19.
pub const ZCRX_REG_IMPORT: u32 = 1;
/// `ZCRX_REG_NODEV`: no network device; all data is copied. Since Linux 7.1.
pub const ZCRX_REG_NODEV: u32 = 2;

/// `ZCRX_FEATURE_RX_PAGE_SIZE`: the size of the buffers can be chosen. Since Linux 7.0.
pub const ZCRX_FEATURE_RX_PAGE_SIZE: u32 = 1 << 0;
/// `ZCRX_FEATURE_EVENT`: events are reported. Since Linux 7.2.
pub const ZCRX_FEATURE_EVENT: u32 = 1 << 1;

/// `ZCRX_EVENT_ALLOC_FAIL`: no free buffer was left. Since Linux 7.2.
pub const ZCRX_EVENT_ALLOC_FAIL: u32 = 0;
/// `ZCRX_EVENT_COPY`: data had to be copied. Since Linux 7.2.
pub const ZCRX_EVENT_COPY: u32 = 1;
/// `ZCRX_EVENT_DESC_FLAG_STATS`: the offset of the statistics is set. Since Linux 7.2.
pub const ZCRX_EVENT_DESC_FLAG_STATS: u32 = 1 << 0;

/// `ZCRX_CTRL_FLUSH_RQ`: takes the entries of the refill ring. Since Linux 6.19.
pub const ZCRX_CTRL_FLUSH_RQ: u32 = 0;
/// `ZCRX_CTRL_EXPORT`: makes a descriptor for other rings. Since Linux 6.19.
pub const ZCRX_CTRL_EXPORT: u32 = 1;
/// `ZCRX_CTRL_ARM_EVENT`: an event that was reported may be reported again. Since Linux 7.2.
pub const ZCRX_CTRL_ARM_EVENT: u32 = 2;
/// `ZCRX_CTRL_ADD_AREA`: adds memory. Since Linux 7.3.
pub const ZCRX_CTRL_ADD_AREA: u32 = 3;

/// `struct io_uring_zcrx_ifq_reg`, as of Linux 7.2.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct io_uring_zcrx_ifq_reg {
    /// The network interface's index, or the descriptor of an instance to import.
    pub if_idx: u32,
    /// The interface's receive queue.
    pub if_rxq: u32,
    /// The number of entries of the refill ring. Out: the number rounded up.
    pub rq_entries: u32,
    /// `ZCRX_REG_*`.
    pub flags: u32,
    /// Address of the area's description.
    pub area_ptr: u64,
    /// Address of the description of the refill ring's memory.
    pub region_ptr: u64,
    /// Out: the offsets in the refill ring's memory.
    pub offsets: io_uring_zcrx_offsets,
    /// Out: the instance's number.
    pub zcrx_id: u32,
    /// The size of the buffers. Since Linux 7.0.
    pub rx_buf_len: u32,
    /// Address of a [`zcrx_event_desc`], or 0. Since Linux 7.2.
    pub event_desc: u64,
    /// Reserved, zero.
    pub __resv: [u64; 2],
}

/// `struct zcrx_event_desc`. Since Linux 7.2.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct zcrx_event_desc {
    /// The user data of the completions.
    pub user_data: u64,
    /// The events to report, a bit for each.
    pub type_mask: u32,
    /// `ZCRX_EVENT_DESC_FLAG_*`.
    pub flags: u32,
    /// The offset of the statistics in the refill ring's memory.
    pub stats_offset: u64,
    /// Reserved, zero.
    pub __resv2: [u64; 9],
}

/// `struct zcrx_stats`. Since Linux 7.2.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct zcrx_stats {
    /// How many completions reported copied data.
    pub copy_count: u64,
    /// How many bytes were copied.
    pub copy_bytes: u64,
}

/// `struct zcrx_ctrl`, with the payload as plain words; the other structures say what they mean. Since Linux 6.19.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct zcrx_ctrl {
    /// The instance.
    pub zcrx_id: u32,
    /// `ZCRX_CTRL_*`.
    pub op: u32,
    /// Reserved, zero.
    pub __resv: [u64; 2],
    /// The operation's own part: nothing, or one of the structures below.
    pub payload: [u64; 6],
}

/// `struct zcrx_ctrl_export`. Since Linux 6.19.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct zcrx_ctrl_export {
    /// Out: the descriptor.
    pub zcrx_fd: u32,
    /// Reserved, zero.
    pub __resv1: [u32; 11],
}

/// `struct zcrx_ctrl_arm_event`. Since Linux 7.2.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct zcrx_ctrl_arm_event {
    /// `ZCRX_EVENT_*`.
    pub event_type: u32,
    /// Reserved, zero.
    pub __resv: [u32; 11],
}

/// `struct zcrx_ctrl_add_area`. Since Linux 7.3.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct zcrx_ctrl_add_area {
    /// Address of the area's description.
    pub area_ptr: u64,
    /// Reserved, zero.
    pub __resv: [u64; 5],
}

const _: () = {
    use core::mem::{offset_of, size_of};
    use io_uring_zcrx_ifq_reg as Ours;
    use linux_raw_sys::io_uring::io_uring_zcrx_ifq_reg as Theirs;
    assert!(size_of::<Ours>() == 96);
    assert!(size_of::<Theirs>() == 96);
    assert!(offset_of!(Ours, if_idx) == offset_of!(Theirs, if_idx));
    assert!(offset_of!(Ours, if_rxq) == offset_of!(Theirs, if_rxq));
    assert!(offset_of!(Ours, rq_entries) == offset_of!(Theirs, rq_entries));
    assert!(offset_of!(Ours, flags) == offset_of!(Theirs, flags));
    assert!(offset_of!(Ours, area_ptr) == offset_of!(Theirs, area_ptr));
    assert!(offset_of!(Ours, region_ptr) == offset_of!(Theirs, region_ptr));
    assert!(offset_of!(Ours, offsets) == offset_of!(Theirs, offsets));
    assert!(offset_of!(Ours, zcrx_id) == offset_of!(Theirs, zcrx_id));
    assert!(offset_of!(Ours, rx_buf_len) == offset_of!(Theirs, __resv2));
    assert!(offset_of!(Ours, event_desc) == offset_of!(Theirs, __resv));
    assert!(size_of::<super::io_uring_zcrx_area_reg>() == 48);
    assert!(size_of::<super::io_uring_zcrx_rqe>() == 16);
    assert!(size_of::<super::io_uring_region_desc>() == 64);
    assert!(size_of::<zcrx_event_desc>() == 96);
    assert!(offset_of!(zcrx_event_desc, type_mask) == 8);
    assert!(offset_of!(zcrx_event_desc, flags) == 12);
    assert!(offset_of!(zcrx_event_desc, stats_offset) == 16);
    assert!(size_of::<zcrx_stats>() == 16);
    assert!(size_of::<zcrx_ctrl>() == 72);
    assert!(offset_of!(zcrx_ctrl, op) == 4);
    assert!(offset_of!(zcrx_ctrl, payload) == 24);
    assert!(size_of::<zcrx_ctrl_export>() == 48);
    assert!(size_of::<zcrx_ctrl_arm_event>() == 48);
    assert!(size_of::<zcrx_ctrl_add_area>() == 48);
};
