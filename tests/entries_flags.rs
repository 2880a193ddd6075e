//! Every flag is the bit of the kernel's header under the kernel's name: whole sets against literals.

use bare_uring::types::{
    AttrTypes, CancelFlags, CloneBuffersFlags, FixedFdFlags, FsyncFlags, IntegrityFlags, MsgFlags, NopFlags, PollFlags,
    TimeoutFlags,
};
use bare_uring::{EnterFlags, Features, SetupFlags, SqFlags, cqueue, squeue};

/// Whether a set has exactly these names, from the lowest bit on, one bit each without a gap but for those that are empty.
#[track_caller]
fn bits<F: bitflags::Flags>(names: &str)
where
    u64: TryFrom<F::Bits>,
{
    let ours: Vec<_> = F::FLAGS.iter().filter(|flag| flag.is_named()).collect();
    let ours: Vec<_> =
        ours.iter().map(|flag| (flag.name(), u64::try_from(flag.value().bits()).unwrap_or_default())).collect();
    let expected = names.split_whitespace().enumerate().filter(|(_, name)| *name != "-");
    let expected: Vec<_> = expected.map(|(bit, name)| (name, 1_u64 << bit)).collect();
    assert_eq!(ours, expected);
}

#[test]
fn of_set_up() {
    bits::<SetupFlags>(
        "IOPOLL SQPOLL SQ_AFF CQSIZE CLAMP ATTACH_WQ R_DISABLED SUBMIT_ALL COOP_TASKRUN TASKRUN_FLAG SQE128 CQE32 \
         SINGLE_ISSUER DEFER_TASKRUN NO_MMAP REGISTERED_FD_ONLY NO_SQARRAY HYBRID_IOPOLL CQE_MIXED SQE_MIXED SQ_REWIND",
    );
    bits::<Features>(
        "SINGLE_MMAP NODROP SUBMIT_STABLE RW_CUR_POS CUR_PERSONALITY FAST_POLL POLL_32BITS SQPOLL_NONFIXED EXT_ARG \
         NATIVE_WORKERS RSRC_TAGS CQE_SKIP LINKED_FILE REG_REG_RING RECVSEND_BUNDLE MIN_TIMEOUT RW_ATTR NO_IOWAIT",
    );
}

#[test]
fn of_calls_and_queues() {
    bits::<EnterFlags>("GETEVENTS SQ_WAKEUP SQ_WAIT EXT_ARG REGISTERED_RING ABS_TIMER EXT_ARG_REG NO_IOWAIT");
    bits::<SqFlags>("NEED_WAKEUP CQ_OVERFLOW TASKRUN");
    bits::<squeue::Flags>("FIXED_FILE IO_DRAIN IO_LINK IO_HARDLINK ASYNC BUFFER_SELECT SKIP_SUCCESS");
    bits::<cqueue::Flags>("BUFFER MORE SOCK_NONEMPTY NOTIF BUF_MORE SKIP - - - - - - - - - BIG");
}

#[test]
fn of_requests() {
    bits::<FsyncFlags>("DATASYNC");
    bits::<TimeoutFlags>("ABS UPDATE BOOTTIME REALTIME LINK_UPDATE ETIME_SUCCESS MULTISHOT IMMEDIATE_ARG");
    bits::<PollFlags>("ADD_MULTI UPDATE_EVENTS UPDATE_USER_DATA ADD_LEVEL");
    bits::<CancelFlags>("ALL FD ANY FD_FIXED USERDATA OP");
    bits::<FixedFdFlags>("NO_CLOEXEC");
    bits::<NopFlags>("INJECT_RESULT FILE FIXED_FILE FIXED_BUFFER TW CQE32");
    bits::<AttrTypes>("PI");
    bits::<IntegrityFlags>("CHK_GUARD CHK_REFTAG CHK_APPTAG");
}

#[test]
fn of_registrations() {
    bits::<CloneBuffersFlags>("SRC_REGISTERED DST_REPLACE");
}

#[test]
fn several_flags_are_contained_only_together() {
    let both = MsgFlags::TRUNC.with(MsgFlags::CTRUNC);
    assert!(both.contains(both) && both.contains(MsgFlags::TRUNC) && both.contains(MsgFlags(0)));
    assert!(!MsgFlags::TRUNC.contains(both) && !MsgFlags::TRUNC.contains(MsgFlags::CTRUNC));
}
