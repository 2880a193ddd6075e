//! Every structure that goes to or comes from the kernel, beside the name that the kernel's headers have for it.
//!
//! Nothing here runs. `ci/layouts.sh` compiles it for every architecture, and `ci/layouts/compare.py` reads the offset
//! and size of each field out of the debug information, private fields and what is nested in them included.
//!
//! A row is a name of its own, the kernel's structure, ours, and the fields that are named differently, as `ours=theirs`.
//! `ours=-` is a field that means nothing to the kernel, or bytes that stand for several of its fields; a name with `.*`
//! takes in all below it. `+theirs` is a field of the kernel's that we do without. A row without fields is all of it.
#![no_std]

use core::mem::MaybeUninit;

use bare_uring::register::{Probe, Restriction, TaskRestrictions, buf_ring};
use bare_uring::{cqueue, opcode, squeue, types, uapi};
// Its comparisons of numbers are made where it is compiled.
use facts as _;
use linux_raw_sys::{general, ioctl, net};

/// Carries a type into the debug information, pointers in it or not.
#[repr(transparent)]
pub struct Layout<T>(pub MaybeUninit<T>);

// SAFETY: nothing is ever read from or written to it.
unsafe impl<T> Sync for Layout<T> {}

macro_rules! layouts {
    ($($row:ident: $theirs:ident = $ours:ty, $fields:literal;)*) => {$(
        #[doc = concat!("`struct ", stringify!($theirs), "`")]
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals, reason = "the row's name")]
        pub static $row: Layout<$ours> = Layout(MaybeUninit::uninit());
    )*};
}

layouts! {
    // linux/io_uring.h
    sqe: io_uring_sqe = uapi::io_uring_sqe, "";
    entry: io_uring_sqe = squeue::Entry, "op_flags=rw_flags";
    entry128: io_uring_sqe128 = squeue::Entry128, "entry.op_flags=sqe.rw_flags entry.=sqe. tail=rest";
    attr_pi: io_uring_attr_pi = uapi::io_uring_attr_pi, "";
    own_attr_pi: io_uring_attr_pi = types::AttrPi, "";
    cqe: io_uring_cqe = uapi::io_uring_cqe, "";
    completion: io_uring_cqe = cqueue::Entry, "";
    completion32: io_uring_cqe32 = cqueue::Entry32, "entry.=cqe. big=extra";
    sq_offsets: io_sqring_offsets = uapi::io_sqring_offsets, "";
    cq_offsets: io_cqring_offsets = uapi::io_cqring_offsets, "";
    params: io_uring_params = uapi::io_uring_params, "";
    files_update: io_uring_files_update = uapi::io_uring_files_update, "";
    region_desc: io_uring_region_desc = uapi::io_uring_region_desc, "";
    mem_region_reg: io_uring_mem_region_reg = uapi::io_uring_mem_region_reg, "";
    rsrc_register: io_uring_rsrc_register = uapi::io_uring_rsrc_register, "";
    rsrc_update: io_uring_rsrc_update = uapi::io_uring_rsrc_update, "";
    rsrc_update2: io_uring_rsrc_update2 = uapi::io_uring_rsrc_update2, "";
    probe_op: io_uring_probe_op = uapi::io_uring_probe_op, "";
    probe: io_uring_probe = uapi::io_uring_probe, "";
    own_probe: io_uring_probe = Probe, "ops[].number=ops[].op";
    restriction: io_uring_restriction = uapi::io_uring_restriction, "";
    own_restriction: io_uring_restriction = Restriction, "kind=opcode value=register_op";
    task_restriction: io_uring_task_restriction = uapi::io_uring_task_restriction, "+restrictions +restrictions[].*";
    own_task_restriction: io_uring_task_restriction = TaskRestrictions<1>, "head.= list[].kind=restrictions[].opcode list[].value=restrictions[].register_op list[].=restrictions[]. list=restrictions";
    clock_register: io_uring_clock_register = uapi::io_uring_clock_register, "";
    clone_buffers: io_uring_clone_buffers = uapi::io_uring_clone_buffers, "";
    buf: io_uring_buf = uapi::io_uring_buf, "";
    buf_ring_entry: io_uring_buf = buf_ring::BufRingEntry, "address=addr id=bid reserved=resv";
    buf_ring: io_uring_buf_ring = uapi::io_uring_buf_ring, "";
    buf_reg: io_uring_buf_reg = uapi::io_uring_buf_reg, "resv=- +min_left +resv";
    buf_status: io_uring_buf_status = uapi::io_uring_buf_status, "";
    napi: io_uring_napi = uapi::io_uring_napi, "";
    reg_wait: io_uring_reg_wait = uapi::io_uring_reg_wait, "";
    getevents_arg: io_uring_getevents_arg = uapi::io_uring_getevents_arg, "";
    sync_cancel_reg: io_uring_sync_cancel_reg = uapi::io_uring_sync_cancel_reg, "";
    file_index_range: io_uring_file_index_range = uapi::io_uring_file_index_range, "";
    recvmsg_out: io_uring_recvmsg_out = uapi::io_uring_recvmsg_out, "";
    timespec: io_timespec = uapi::io_timespec, "";

    // linux/io_uring/query.h
    query_hdr: io_uring_query_hdr = uapi::io_uring_query_hdr, "";
    query_opcode: io_uring_query_opcode = uapi::io_uring_query_opcode, "";
    query_zcrx: io_uring_query_zcrx = uapi::io_uring_query_zcrx, "";
    query_zcrx_event: io_uring_query_zcrx_event = uapi::io_uring_query_zcrx_event, "";
    query_scq: io_uring_query_scq = uapi::io_uring_query_scq, "";

    // linux/io_uring/zcrx.h
    zcrx_rqe: io_uring_zcrx_rqe = uapi::io_uring_zcrx_rqe, "";
    zcrx_cqe: io_uring_zcrx_cqe = uapi::io_uring_zcrx_cqe, "";
    zcrx_offsets: io_uring_zcrx_offsets = uapi::io_uring_zcrx_offsets, "";
    zcrx_area_reg: io_uring_zcrx_area_reg = uapi::io_uring_zcrx_area_reg, "";
    zcrx_ifq_reg: io_uring_zcrx_ifq_reg = uapi::io_uring_zcrx_ifq_reg, "";
    zcrx_event_desc: zcrx_event_desc = uapi::zcrx_event_desc, "";
    zcrx_stats: zcrx_stats = uapi::zcrx_stats, "";
    zcrx_ctrl: zcrx_ctrl = uapi::zcrx_ctrl, "payload=- +zc_export.* +zc_flush.* +zc_arm_event.* +zc_area.*";
    zcrx_ctrl_export: zcrx_ctrl_export = uapi::zcrx_ctrl_export, "";
    zcrx_ctrl_arm_event: zcrx_ctrl_arm_event = uapi::zcrx_ctrl_arm_event, "";
    zcrx_ctrl_add_area: zcrx_ctrl_add_area = uapi::zcrx_ctrl_add_area, "";

    // linux/io_uring/bpf_filter.h
    bpf: io_uring_bpf = uapi::io_uring_bpf, "";
    bpf_filter: io_uring_bpf_filter = uapi::io_uring_bpf_filter, "";
    bpf_ctx: io_uring_bpf_ctx = uapi::io_uring_bpf_ctx, "payload=- +socket.* +open.* +connect.*";

    // What requests point to.
    bound_iovec: iovec = general::iovec, "";
    bound_open_how: open_how = general::open_how, "";
    bound_epoll_event: epoll_event = general::epoll_event, "";
    bound_futex_waitv: futex_waitv = general::futex_waitv, "";
    bound_siginfo: siginfo = general::siginfo, "";
    sock_filter: sock_filter = uapi::sock_filter, "";
    kernel_timespec: __kernel_timespec = types::Timespec, "seconds=tv_sec nanoseconds=tv_nsec";
    iovec: iovec = types::IoVec, "base=iov_base len=iov_len";
    open_how: open_how = types::OpenHow, "";
    statx: statx = types::StatxBuffer, "";
    epoll_event: epoll_event = types::EpollEvent, "";
    futex_waitv: futex_waitv = types::FutexWaitV, "value=val futex=uaddr reserved=__reserved";
    msghdr: user_msghdr = types::MsgHdr, "name=msg_name name_len=msg_namelen pieces=msg_iov count=msg_iovlen control=msg_control control_len=msg_controllen flags=msg_flags";
    sockaddr: __kernel_sockaddr_storage = types::SockAddrStorage, "family=ss_family data=__data +__align";
    siginfo: siginfo = types::SigInfo, "signal=si_signo error=si_errno code=si_code child.=_sifields._sigchld._ rest=- +_sifields.* +_si_pad";
}

/// The numbers that the crate writes down itself though the bindings have them: io_uring's own are in the table of
/// `ci/facts`.
const _: () = {
    use opcode::FutexWait;
    use types::{AddressFamily, EpollOp, MsgFlags, ShutdownHow, SigInfo, Sigset, SockAddrStorage, SocketType};

    assert!(Sigset::SIZE == general::_NSIG / 8);
    assert!(FutexWait::ANY == general::FUTEX_BITSET_MATCH_ANY as u64);
    assert!(uapi::BLOCK_URING_CMD_DISCARD == ioctl::BLKROSET - 93);
    assert!(size_of::<SigInfo>() == general::SI_MAX_SIZE as usize);
    assert!(SockAddrStorage::SIZE as usize == size_of::<net::__kernel_sockaddr_storage>());

    assert!(MsgFlags::OOB.0 == net::MSG_OOB);
    assert!(MsgFlags::PEEK.0 == net::MSG_PEEK);
    assert!(MsgFlags::CTRUNC.0 == net::MSG_CTRUNC);
    assert!(MsgFlags::TRUNC.0 == net::MSG_TRUNC);
    assert!(MsgFlags::DONTWAIT.0 == net::MSG_DONTWAIT);
    assert!(MsgFlags::EOR.0 == net::MSG_EOR);
    assert!(MsgFlags::WAITALL.0 == net::MSG_WAITALL);
    assert!(MsgFlags::ERRQUEUE.0 == net::MSG_ERRQUEUE);
    assert!(MsgFlags::NOSIGNAL.0 == net::MSG_NOSIGNAL);
    assert!(MsgFlags::MORE.0 == net::MSG_MORE);
    assert!(AddressFamily::UNIX.0 == net::AF_UNIX);
    assert!(AddressFamily::INET.0 == net::AF_INET);
    assert!(AddressFamily::INET6.0 == net::AF_INET6);
    assert!(SocketType::STREAM.0 == net::SOCK_STREAM);
    assert!(SocketType::DGRAM.0 == net::SOCK_DGRAM);
    assert!(SocketType::SEQPACKET.0 == net::SOCK_SEQPACKET);
    assert!(ShutdownHow::READ.0 == net::SHUT_RD);
    assert!(ShutdownHow::WRITE.0 == net::SHUT_WR);
    assert!(ShutdownHow::BOTH.0 == net::SHUT_RDWR);
    assert!(EpollOp::ADD.0 == general::EPOLL_CTL_ADD);
    assert!(EpollOp::DEL.0 == general::EPOLL_CTL_DEL);
    assert!(EpollOp::MOD.0 == general::EPOLL_CTL_MOD);
};
