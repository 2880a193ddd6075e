//! Names of `linux/io_uring/bpf_filter.h`, which the bindings do not have, and `struct sock_filter`.
#![allow(non_camel_case_types, reason = "the kernel's names")]

/// `IORING_REGISTER_BPF_FILTER`. Since Linux 7.0.
pub const IORING_REGISTER_BPF_FILTER: u32 = 37;

/// `IO_URING_BPF_CMD_FILTER`: the argument is a filter. Since Linux 7.0.
pub const IO_URING_BPF_CMD_FILTER: u16 = 1;
/// `IO_URING_BPF_FILTER_DENY_REST`: opcodes without a filter are denied. Since Linux 7.0.
pub const IO_URING_BPF_FILTER_DENY_REST: u32 = 1;
/// `IO_URING_BPF_FILTER_SZ_STRICT`: the payload must have exactly the size given. Since Linux 7.0.
pub const IO_URING_BPF_FILTER_SZ_STRICT: u32 = 2;

/// `struct sock_filter`: one instruction of classic BPF.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct sock_filter {
    /// The operation.
    pub code: u16,
    /// How many instructions a jump passes over if its condition holds.
    pub jt: u8,
    /// How many instructions a jump passes over if its condition does not hold.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// `struct io_uring_bpf_filter`. Since Linux 7.0.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct io_uring_bpf_filter {
    /// The request opcode that is filtered.
    pub opcode: u32,
    /// `IO_URING_BPF_FILTER_*`.
    pub flags: u32,
    /// The number of instructions.
    pub filter_len: u32,
    /// In: the size of the payload that the filter was written for. Out: the size of the kernel's.
    pub pdu_size: u8,
    /// Reserved, zero.
    pub resv: [u8; 3],
    /// Address of the instructions.
    pub filter_ptr: u64,
    /// Reserved, zero.
    pub resv2: [u64; 5],
}

/// `struct io_uring_bpf`: the argument of `IORING_REGISTER_BPF_FILTER`. Since Linux 7.0.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct io_uring_bpf {
    /// `IO_URING_BPF_CMD_*`.
    pub cmd_type: u16,
    /// No flag is known so far.
    pub cmd_flags: u16,
    /// Reserved, zero.
    pub resv: u32,
    /// The filter.
    pub filter: io_uring_bpf_filter,
}

/// `struct io_uring_bpf_ctx`: what a filter's loads read, by their offset in it. Since Linux 7.0.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct io_uring_bpf_ctx {
    /// The request's user data.
    pub user_data: u64,
    /// The request's opcode.
    pub opcode: u8,
    /// `IOSQE_*`.
    pub sqe_flags: u8,
    /// How many bytes of the payload are filled.
    pub pdu_size: u8,
    /// Padding.
    pub pad: [u8; 5],
    /// The opcode's own part: `family`, `type`, `protocol` (32 bits each) of a socket; `flags`, `mode`, `resolve` (64
    /// bits each) of an open.
    pub payload: [u64; 3],
}

const _: () = {
    use core::mem::{offset_of, size_of};
    assert!(size_of::<sock_filter>() == 8);
    assert!(offset_of!(sock_filter, jt) == 2);
    assert!(offset_of!(sock_filter, jf) == 3);
    assert!(offset_of!(sock_filter, k) == 4);
    assert!(size_of::<io_uring_bpf_filter>() == 64);
    assert!(offset_of!(io_uring_bpf_filter, flags) == 4);
    assert!(offset_of!(io_uring_bpf_filter, filter_len) == 8);
    assert!(offset_of!(io_uring_bpf_filter, pdu_size) == 12);
    assert!(offset_of!(io_uring_bpf_filter, filter_ptr) == 16);
    assert!(size_of::<io_uring_bpf>() == 72);
    assert!(offset_of!(io_uring_bpf, filter) == 8);
    assert!(size_of::<io_uring_bpf_ctx>() == 40);
    assert!(offset_of!(io_uring_bpf_ctx, opcode) == 8);
    assert!(offset_of!(io_uring_bpf_ctx, sqe_flags) == 9);
    assert!(offset_of!(io_uring_bpf_ctx, pdu_size) == 10);
    assert!(offset_of!(io_uring_bpf_ctx, payload) == 16);
};
