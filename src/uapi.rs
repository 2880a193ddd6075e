//! The kernel's own names: `linux_raw_sys::io_uring`, and what is newer than it.
//!
//! `linux-raw-sys` 0.12 was generated from the headers of Linux 6.17. What later kernels added stands
//! here once, under the C name, with its size asserted. Everything in the crate takes its numbers from this
//! module.

pub use linux_raw_sys::io_uring::*;

/// `IORING_SETUP_CQE_MIXED`: 16- and 32-byte completions in one ring. Since Linux 6.18.
pub const IORING_SETUP_CQE_MIXED: u32 = 1 << 18;
/// `IORING_SETUP_SQE_MIXED`: 64- and 128-byte submissions in one ring. Since Linux 6.19.
pub const IORING_SETUP_SQE_MIXED: u32 = 1 << 19;
/// `IORING_SETUP_SQ_REWIND`: every submission starts at entry 0. Since Linux 7.0.
pub const IORING_SETUP_SQ_REWIND: u32 = 1 << 20;

/// `IOSQE_FIXED_FILE`. The bindings have the bit numbers only.
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

/// `IORING_CQE_F_SKIP`: a filler in a mixed ring, to be passed over. Since Linux 6.18.
pub const IORING_CQE_F_SKIP: u32 = 1 << 5;
/// `IORING_CQE_F_32`: a 32-byte completion in a mixed ring. Since Linux 6.18.
pub const IORING_CQE_F_32: u32 = 1 << 15;
/// `IORING_CQE_F_TSTAMP_HW`: the timestamp was taken by the hardware. Since Linux 6.17.
pub const IORING_CQE_F_TSTAMP_HW: u32 = 1 << IORING_CQE_BUFFER_SHIFT;

/// `IORING_REGISTER_QUERY`. Since Linux 6.18.
pub const IORING_REGISTER_QUERY: u32 = 35;

/// `struct io_uring_query_hdr`, the link of a query chain. Since Linux 6.18.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the kernel's name")]
pub struct io_uring_query_hdr {
    /// Address of the next header, or 0.
    pub next_entry: u64,
    /// Address of the record that the kernel fills.
    pub query_data: u64,
    /// Which question: an `IO_URING_QUERY_*` number.
    pub query_op: u32,
    /// In: the size of our record. Out: how much of it the kernel filled.
    pub size: u32,
    /// 0, or a negative errno for this question alone.
    pub result: i32,
    /// Reserved, zero.
    pub __resv: [u32; 3],
}

/// `IO_URING_QUERY_SCQ`: how large the head of a ring in provided memory is. Since Linux 6.19.
pub const IO_URING_QUERY_SCQ: u32 = 2;

/// `struct io_uring_query_scq`. Since Linux 6.19.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the kernel's name")]
pub struct io_uring_query_scq {
    /// Bytes before the completion entries.
    pub hdr_size: u64,
    /// Alignment that the part before the index array is rounded up to.
    pub hdr_alignment: u64,
}

const _: () = {
    use core::mem::size_of;
    assert!(size_of::<io_uring_params>() == 120);
    assert!(size_of::<io_uring_sqe>() == 64);
    assert!(size_of::<io_uring_getevents_arg>() == 24);
    assert!(size_of::<io_uring_reg_wait>() == 64);
    assert!(size_of::<io_uring_sync_cancel_reg>() == 64);
    assert!(size_of::<io_uring_rsrc_update>() == 16);
    assert!(size_of::<io_uring_query_hdr>() == 40);
    assert!(size_of::<io_uring_query_scq>() == 16);
    assert!(size_of::<__kernel_timespec>() == 16);
};
