//! Names of `linux/io_uring/query.h`, which the bindings do not have.
#![allow(non_camel_case_types, reason = "the kernel's names")]

/// `IORING_REGISTER_QUERY`. Since Linux 6.18.
pub const IORING_REGISTER_QUERY: u32 = 35;

/// `IO_URING_QUERY_OPCODES`: how many opcodes and which flags the kernel knows. Since Linux 6.18.
pub const IO_URING_QUERY_OPCODES: u32 = 0;
/// `IO_URING_QUERY_ZCRX`: what zero-copy receive can do. Since Linux 6.19.
pub const IO_URING_QUERY_ZCRX: u32 = 1;
/// `IO_URING_QUERY_SCQ`: how large the header of a ring in provided memory is. Since Linux 6.19.
pub const IO_URING_QUERY_SCQ: u32 = 2;
/// `IO_URING_QUERY_ZCRX_EVENT`: what zero-copy receive can report. Since Linux 7.2; some headers name it
/// `IO_URING_QUERY_ZCRX_NOTIF`, with the same layout.
pub const IO_URING_QUERY_ZCRX_EVENT: u32 = 3;

/// `struct io_uring_query_hdr`, the link of a query chain. Since Linux 6.18.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct io_uring_query_hdr {
    /// Address of the next header, or 0.
    pub next_entry: u64,
    /// Address of the record that the kernel fills.
    pub query_data: u64,
    /// The kind of query: an `IO_URING_QUERY_*` number.
    pub query_op: u32,
    /// In: the size of the caller's record. Out: how much of it the kernel filled.
    pub size: u32,
    /// 0, or a negative errno for this query alone.
    pub result: i32,
    /// Reserved, zero.
    pub __resv: [u32; 3],
}

/// `struct io_uring_query_opcode`. Since Linux 6.18.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct io_uring_query_opcode {
    /// How many request opcodes there are.
    pub nr_request_opcodes: u32,
    /// How many register operations there are.
    pub nr_register_opcodes: u32,
    /// `IORING_FEAT_*`.
    pub feature_flags: u64,
    /// `IORING_SETUP_*`.
    pub ring_setup_flags: u64,
    /// `IORING_ENTER_*`.
    pub enter_flags: u64,
    /// `IOSQE_*`.
    pub sqe_flags: u64,
    /// How many kinds of query there are.
    pub nr_query_opcodes: u32,
    /// Padding.
    pub __pad: u32,
}

/// `struct io_uring_query_zcrx`. Since Linux 6.19.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct io_uring_query_zcrx {
    /// `ZCRX_REG_*`.
    pub register_flags: u64,
    /// `IORING_ZCRX_AREA_*`.
    pub area_flags: u64,
    /// How many `ZCRX_CTRL_*` operations there are.
    pub nr_ctrl_opcodes: u32,
    /// `ZCRX_FEATURE_*`; 0 before Linux 7.0, which did not report features.
    pub features: u32,
    /// The number of bytes before the entries of a refill ring.
    pub rq_hdr_size: u32,
    /// The alignment of these bytes.
    pub rq_hdr_alignment: u32,
    /// Reserved.
    pub __resv2: u64,
}

/// `struct io_uring_query_scq`. Since Linux 6.19.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct io_uring_query_scq {
    /// The number of bytes before the completion entries.
    pub hdr_size: u64,
    /// The alignment to which the part before the index array is rounded up.
    pub hdr_alignment: u64,
}

/// `struct io_uring_query_zcrx_event`. Since Linux 7.2; some headers name it `io_uring_query_zcrx_notif`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct io_uring_query_zcrx_event {
    /// The events that exist, a bit for each.
    pub event_flags: u32,
    /// The size of `struct zcrx_stats`.
    pub stats_size: u32,
    /// The offset of `struct zcrx_stats` must be a multiple of this.
    pub stats_off_alignment: u32,
    /// Reserved.
    pub __resv1: u32,
    /// Reserved.
    pub __resv2: [u64; 4],
}

const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(size_of::<io_uring_query_hdr>() == 40);
    assert!(offset_of!(io_uring_query_hdr, query_data) == 8);
    assert!(offset_of!(io_uring_query_hdr, query_op) == 16);
    assert!(offset_of!(io_uring_query_hdr, size) == 20);
    assert!(offset_of!(io_uring_query_hdr, result) == 24);
    assert!(size_of::<io_uring_query_opcode>() == 48);
    assert!(offset_of!(io_uring_query_opcode, nr_register_opcodes) == 4);
    assert!(offset_of!(io_uring_query_opcode, feature_flags) == 8);
    assert!(offset_of!(io_uring_query_opcode, ring_setup_flags) == 16);
    assert!(offset_of!(io_uring_query_opcode, enter_flags) == 24);
    assert!(offset_of!(io_uring_query_opcode, sqe_flags) == 32);
    assert!(offset_of!(io_uring_query_opcode, nr_query_opcodes) == 40);
    assert!(size_of::<io_uring_query_zcrx>() == 40);
    assert!(offset_of!(io_uring_query_zcrx, area_flags) == 8);
    assert!(offset_of!(io_uring_query_zcrx, nr_ctrl_opcodes) == 16);
    assert!(offset_of!(io_uring_query_zcrx, features) == 20);
    assert!(offset_of!(io_uring_query_zcrx, rq_hdr_size) == 24);
    assert!(offset_of!(io_uring_query_zcrx, rq_hdr_alignment) == 28);
    assert!(size_of::<io_uring_query_scq>() == 16);
    assert!(offset_of!(io_uring_query_scq, hdr_alignment) == 8);
    assert!(size_of::<io_uring_query_zcrx_event>() == 48);
    assert!(offset_of!(io_uring_query_zcrx_event, stats_size) == 4);
    assert!(offset_of!(io_uring_query_zcrx_event, stats_off_alignment) == 8);
};
