//! Every flag is the bit of the kernel's header under the kernel's name: whole sets against literals.

use bare_uring::types::{
    AtFlags, AttrTypes, CancelFlags, CloneBuffersFlags, FallocateFlags, FileAdvice, FixedFdFlags, FsyncFlags,
    IntegrityFlags, MsgFlags, NopFlags, OpenFlags, PollFlags, RenameFlags, ResolveFlags, RwFlags, StatxMask,
    SyncFileRangeFlags, TimeoutFlags, XattrFlags,
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

#[test]
fn names_of_files_are_the_headers() {
    let advice = [FileAdvice::NORMAL, FileAdvice::RANDOM, FileAdvice::SEQUENTIAL, FileAdvice::WILLNEED];
    assert_eq!(advice.map(|advice| advice.0), [0, 1, 2, 3]);
    let at = [
        AtFlags::SYMLINK_NOFOLLOW,
        AtFlags::REMOVEDIR,
        AtFlags::SYMLINK_FOLLOW,
        AtFlags::NO_AUTOMOUNT,
        AtFlags::EMPTY_PATH,
        AtFlags::STATX_FORCE_SYNC,
        AtFlags::STATX_DONT_SYNC,
    ];
    assert_eq!(at.map(|at| at.0), [0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000]);
    let masks = [StatxMask::BASIC_STATS, StatxMask::SIZE, StatxMask::BTIME, StatxMask::MNT_ID, StatxMask::DIOALIGN];
    assert_eq!(masks.map(|mask| mask.0), [0x7ff, 0x200, 0x800, 0x1000, 0x2000]);
    let resolve = [
        ResolveFlags::NO_XDEV,
        ResolveFlags::NO_MAGICLINKS,
        ResolveFlags::NO_SYMLINKS,
        ResolveFlags::BENEATH,
        ResolveFlags::IN_ROOT,
        ResolveFlags::CACHED,
    ];
    assert_eq!(resolve.map(|resolve| resolve.0), [1, 2, 4, 8, 16, 32]);
    assert_eq!([RenameFlags::NOREPLACE, RenameFlags::EXCHANGE].map(|flags| flags.0), [1, 2]);
    assert_eq!([XattrFlags::CREATE, XattrFlags::REPLACE].map(|flags| flags.0), [1, 2]);
    let room = [
        FallocateFlags::KEEP_SIZE,
        FallocateFlags::PUNCH_HOLE,
        FallocateFlags::COLLAPSE_RANGE,
        FallocateFlags::ZERO_RANGE,
        FallocateFlags::INSERT_RANGE,
        FallocateFlags::UNSHARE_RANGE,
    ];
    assert_eq!(room.map(|flags| flags.0), [1, 2, 8, 16, 32, 64]);
    let sync = [SyncFileRangeFlags::WAIT_BEFORE, SyncFileRangeFlags::WRITE, SyncFileRangeFlags::WAIT_AFTER];
    assert_eq!(sync.map(|flags| flags.0), [1, 2, 4]);
    let rw = [
        RwFlags::HIPRI,
        RwFlags::DSYNC,
        RwFlags::SYNC,
        RwFlags::NOWAIT,
        RwFlags::APPEND,
        RwFlags::NOAPPEND,
        RwFlags::ATOMIC,
        RwFlags::DONTCACHE,
        RwFlags::NOSIGNAL,
    ];
    assert_eq!(rw.map(|flags| flags.0), [1, 2, 4, 8, 16, 32, 64, 128, 256]);
    assert_eq!(OpenFlags::RDWR.with(OpenFlags::CREAT).0, OpenFlags::RDWR.0 | OpenFlags::CREAT.0);
}

#[test]
fn names_of_open_are_the_headers() {
    let names = [
        (OpenFlags::RDONLY, 0),
        (OpenFlags::WRONLY, 0o1),
        (OpenFlags::RDWR, 0o2),
        (OpenFlags::CREAT, 0o100),
        (OpenFlags::EXCL, 0o200),
        (OpenFlags::NOCTTY, 0o400),
        (OpenFlags::TRUNC, 0o1000),
        (OpenFlags::APPEND, 0o2000),
        (OpenFlags::NONBLOCK, 0o4000),
        (OpenFlags::DSYNC, 0o10000),
        (OpenFlags::NOATIME, 0o1_000_000),
        (OpenFlags::CLOEXEC, 0o2_000_000),
        (OpenFlags::SYNC, 0o4_010_000),
        (OpenFlags::PATH, 0o10_000_000),
    ];
    for (flag, number) in names {
        assert_eq!(flag.0, number, "{flag:?}");
    }
    // These differ by architecture; arm and PowerPC have numbers of their own.
    let differ = [OpenFlags::DIRECT, OpenFlags::DIRECTORY, OpenFlags::NOFOLLOW, OpenFlags::TMPFILE];
    if cfg!(any(target_arch = "arm", target_arch = "aarch64", target_arch = "powerpc", target_arch = "powerpc64")) {
        assert_eq!(
            differ.map(|flag| flag.0 & !0o20_000_000),
            [
                if cfg!(any(target_arch = "arm", target_arch = "aarch64")) { 0o200_000 } else { 0o400_000 },
                0o40_000,
                0o100_000,
                0o40_000,
            ]
        );
    } else {
        assert_eq!(differ.map(|flag| flag.0), [0o40_000, 0o200_000, 0o400_000, 0o20_200_000]);
    }
}
