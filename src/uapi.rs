//! The kernel's own names: those of `linux_raw_sys::io_uring`, and newer ones.
//!
//! `linux-raw-sys` 0.12 was generated from the headers of Linux 6.17. Names that later kernels added are defined here
//! once, under their C names, with their sizes asserted. Everything in the crate takes its numbers from this module.

mod bpf;
mod query;
mod zcrx;

pub use linux_raw_sys::io_uring::*;

pub use bpf::{
    IO_URING_BPF_CMD_FILTER, IO_URING_BPF_FILTER_DENY_REST, IO_URING_BPF_FILTER_SZ_STRICT, IORING_REGISTER_BPF_FILTER,
    io_uring_bpf, io_uring_bpf_ctx, io_uring_bpf_filter, sock_filter,
};
pub use query::{
    IO_URING_QUERY_OPCODES, IO_URING_QUERY_SCQ, IO_URING_QUERY_ZCRX, IO_URING_QUERY_ZCRX_EVENT, IORING_REGISTER_QUERY,
    io_uring_query_hdr, io_uring_query_opcode, io_uring_query_scq, io_uring_query_zcrx, io_uring_query_zcrx_event,
};
pub use zcrx::{
    IORING_REGISTER_ZCRX_CTRL, IORING_ZCRX_AREA_MASK, ZCRX_CTRL_ADD_AREA, ZCRX_CTRL_ARM_EVENT, ZCRX_CTRL_EXPORT,
    ZCRX_CTRL_FLUSH_RQ, ZCRX_EVENT_ALLOC_FAIL, ZCRX_EVENT_COPY, ZCRX_EVENT_DESC_FLAG_STATS, ZCRX_FEATURE_EVENT,
    ZCRX_FEATURE_RX_PAGE_SIZE, ZCRX_REG_IMPORT, ZCRX_REG_NODEV, io_uring_zcrx_ifq_reg, zcrx_ctrl, zcrx_ctrl_add_area,
    zcrx_ctrl_arm_event, zcrx_ctrl_export, zcrx_event_desc, zcrx_stats,
};

/// `IORING_SETUP_CQE_MIXED`: 16- and 32-byte completions in one ring. Since Linux 6.18.
pub const IORING_SETUP_CQE_MIXED: u32 = 1 << 18;
/// `IORING_SETUP_SQE_MIXED`: 64- and 128-byte submissions in one ring. Since Linux 6.19.
pub const IORING_SETUP_SQE_MIXED: u32 = 1 << 19;
/// `IORING_SETUP_SQ_REWIND`: every submission starts at entry 0. Since Linux 7.0.
pub const IORING_SETUP_SQ_REWIND: u32 = 1 << 20;

/// `IOSQE_FIXED_FILE`. The bindings have only the bit numbers.
pub const IOSQE_FIXED_FILE: u8 = 1 << 0;
/// `IOSQE_IO_DRAIN`.
pub const IOSQE_IO_DRAIN: u8 = 1 << 1;
/// `IOSQE_IO_LINK`.
pub const IOSQE_IO_LINK: u8 = 1 << 2;
/// `IOSQE_IO_HARDLINK`.
pub const IOSQE_IO_HARDLINK: u8 = 1 << 3;
/// `IOSQE_ASYNC`.
pub const IOSQE_ASYNC: u8 = 1 << 4;
/// `IOSQE_BUFFER_SELECT`.
pub const IOSQE_BUFFER_SELECT: u8 = 1 << 5;
/// `IOSQE_CQE_SKIP_SUCCESS`.
pub const IOSQE_CQE_SKIP_SUCCESS: u8 = 1 << 6;

/// `IORING_CQE_F_SKIP`: a filler in a mixed ring, which readers skip. Since Linux 6.18.
pub const IORING_CQE_F_SKIP: u32 = 1 << 5;
/// `IORING_CQE_F_32`: a 32-byte completion in a mixed ring. Since Linux 6.18.
pub const IORING_CQE_F_32: u32 = 1 << 15;
/// `IORING_CQE_F_TSTAMP_HW`: the timestamp was taken by the hardware. Since Linux 6.17.
pub const IORING_CQE_F_TSTAMP_HW: u32 = 1 << IORING_CQE_BUFFER_SHIFT;

/// `IORING_OP_NOP128`: a nop of 128 bytes. Since Linux 6.19.
pub const IORING_OP_NOP128: u32 = 63;
/// `IORING_OP_URING_CMD128`: a command of 128 bytes. Since Linux 6.19.
pub const IORING_OP_URING_CMD128: u32 = 64;
/// `IORING_NOP_CQE32`: a nop completes with 32 bytes. Since Linux 6.18.
pub const IORING_NOP_CQE32: u32 = 1 << 5;
/// `IORING_TIMEOUT_IMMEDIATE_ARG`: the time is in the entry, in nanoseconds. Since Linux 7.1.
pub const IORING_TIMEOUT_IMMEDIATE_ARG: u32 = 1 << 7;
/// `IORING_URING_CMD_MULTISHOT`: a command completes repeatedly. Since Linux 6.18.
pub const IORING_URING_CMD_MULTISHOT: u32 = 1 << 1;
/// `SOCKET_URING_OP_GETSOCKNAME`. Since Linux 6.19.
pub const SOCKET_URING_OP_GETSOCKNAME: u32 = 5;
/// `BLOCK_URING_CMD_DISCARD`, which is `_IO(0x12, 0)`. Since Linux 6.12.
pub const BLOCK_URING_CMD_DISCARD: u32 = crate::arch::IOC_NONE | 0x12 << 8;

/// `struct io_uring_task_restriction`: the header of a list of `io_uring_restriction`, which follows. Since Linux 7.0.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the kernel's name")]
pub struct io_uring_task_restriction {
    /// No flag is known.
    pub flags: u16,
    /// How many restrictions follow.
    pub nr_res: u16,
    /// Reserved, zero.
    pub resv: [u32; 3],
}

const _: () = {
    use core::mem::size_of;
    assert!(size_of::<io_uring_params>() == 120);
    assert!(size_of::<io_uring_sqe>() == 64);
    assert!(size_of::<io_uring_getevents_arg>() == 24);
    assert!(size_of::<io_uring_reg_wait>() == 64);
    assert!(size_of::<io_uring_sync_cancel_reg>() == 64);
    assert!(size_of::<io_uring_rsrc_update>() == 16);
    assert!(size_of::<io_uring_task_restriction>() == 16);
    assert!(core::mem::offset_of!(io_uring_task_restriction, nr_res) == 2);
    assert!(core::mem::offset_of!(io_uring_task_restriction, resv) == 4);
    assert!(size_of::<__kernel_timespec>() == 16);
};
