//! The flag sets, one for each C prefix. Unknown bits are kept: what the kernel writes is never a closed set.
#![forbid(unsafe_code)]

use set::flag_sets;

use crate::uapi;

mod set;

flag_sets! {
    /// How a ring is set up (`IORING_SETUP_*`, `io_uring_setup(2)`).
    ///
    /// [`Builder`](crate::Builder) has a method for each flag, which states its conditions; `Builder::setup_flags`
    /// takes a set.
    pub struct SetupFlags: u32 {
        /// Completions are found by polling the device. Since 5.1.
        #[doc(alias = "IORING_SETUP_IOPOLL")]
        const IOPOLL = uapi::IORING_SETUP_IOPOLL;
        /// A kernel thread consumes the submissions. Since 5.1.
        #[doc(alias = "IORING_SETUP_SQPOLL")]
        const SQPOLL = uapi::IORING_SETUP_SQPOLL;
        /// The SQPOLL thread stays on one CPU. Since 5.1.
        #[doc(alias = "IORING_SETUP_SQ_AFF")]
        const SQ_AFF = uapi::IORING_SETUP_SQ_AFF;
        /// The caller sets the completion queue's size. Since 5.5.
        #[doc(alias = "IORING_SETUP_CQSIZE")]
        const CQSIZE = uapi::IORING_SETUP_CQSIZE;
        /// The kernel cuts sizes above its limits to the limits. Since 5.6.
        #[doc(alias = "IORING_SETUP_CLAMP")]
        const CLAMP = uapi::IORING_SETUP_CLAMP;
        /// The ring shares its workers with another ring. Since 5.6.
        #[doc(alias = "IORING_SETUP_ATTACH_WQ")]
        const ATTACH_WQ = uapi::IORING_SETUP_ATTACH_WQ;
        /// The ring starts disabled. Since 5.10.
        #[doc(alias = "IORING_SETUP_R_DISABLED")]
        const R_DISABLED = uapi::IORING_SETUP_R_DISABLED;
        /// A bad entry does not stop the batch. Since 5.18.
        #[doc(alias = "IORING_SETUP_SUBMIT_ALL")]
        const SUBMIT_ALL = uapi::IORING_SETUP_SUBMIT_ALL;
        /// Task work does not interrupt the task; it runs at the next entry to the kernel. Since 5.19.
        #[doc(alias = "IORING_SETUP_COOP_TASKRUN")]
        const COOP_TASKRUN = uapi::IORING_SETUP_COOP_TASKRUN;
        /// Pending task work shows in the ring's flags. Since 5.19.
        #[doc(alias = "IORING_SETUP_TASKRUN_FLAG")]
        const TASKRUN_FLAG = uapi::IORING_SETUP_TASKRUN_FLAG;
        /// Submission entries of 128 bytes. Since 5.19.
        #[doc(alias = "IORING_SETUP_SQE128")]
        const SQE128 = uapi::IORING_SETUP_SQE128;
        /// Completion entries of 32 bytes. Since 5.19.
        #[doc(alias = "IORING_SETUP_CQE32")]
        const CQE32 = uapi::IORING_SETUP_CQE32;
        /// Only one task submits. Since 6.0.
        #[doc(alias = "IORING_SETUP_SINGLE_ISSUER")]
        const SINGLE_ISSUER = uapi::IORING_SETUP_SINGLE_ISSUER;
        /// Completion work waits until the task asks for completions. Since 6.1.
        #[doc(alias = "IORING_SETUP_DEFER_TASKRUN")]
        const DEFER_TASKRUN = uapi::IORING_SETUP_DEFER_TASKRUN;
        /// The caller provides the ring's memory. Since 6.5.
        #[doc(alias = "IORING_SETUP_NO_MMAP")]
        const NO_MMAP = uapi::IORING_SETUP_NO_MMAP;
        /// Set-up returns a registered index instead of a file descriptor. Since 6.5.
        #[doc(alias = "IORING_SETUP_REGISTERED_FD_ONLY")]
        const REGISTERED_FD_ONLY = uapi::IORING_SETUP_REGISTERED_FD_ONLY;
        /// There is no index array between the queue and its entries. Since 6.6.
        #[doc(alias = "IORING_SETUP_NO_SQARRAY")]
        const NO_SQARRAY = uapi::IORING_SETUP_NO_SQARRAY;
        /// IOPOLL sleeps before it polls. Since 6.13.
        #[doc(alias = "IORING_SETUP_HYBRID_IOPOLL")]
        const HYBRID_IOPOLL = uapi::IORING_SETUP_HYBRID_IOPOLL;
        /// The ring has 16- and 32-byte completions. Since 6.18.
        #[doc(alias = "IORING_SETUP_CQE_MIXED")]
        const CQE_MIXED = uapi::IORING_SETUP_CQE_MIXED;
        /// The ring has 64- and 128-byte submissions. Since 6.19.
        #[doc(alias = "IORING_SETUP_SQE_MIXED")]
        const SQE_MIXED = uapi::IORING_SETUP_SQE_MIXED;
        /// Every submission starts at entry 0. Since 7.0.
        #[doc(alias = "IORING_SETUP_SQ_REWIND")]
        const SQ_REWIND = uapi::IORING_SETUP_SQ_REWIND;
    }

    /// What the kernel reports that it can do (`IORING_FEAT_*`).
    pub struct Features: u32 {
        /// Both queues are one mapping. Since 5.4.
        #[doc(alias = "IORING_FEAT_SINGLE_MMAP")]
        const SINGLE_MMAP = uapi::IORING_FEAT_SINGLE_MMAP;
        /// Completions that do not fit are kept and posted later. Since 5.5.
        #[doc(alias = "IORING_FEAT_NODROP")]
        const NODROP = uapi::IORING_FEAT_NODROP;
        /// Memory that a request points to, except its buffers, is no longer needed once the request has been
        /// submitted. Since 5.5.
        #[doc(alias = "IORING_FEAT_SUBMIT_STABLE")]
        const SUBMIT_STABLE = uapi::IORING_FEAT_SUBMIT_STABLE;
        /// Offset -1 means the file's own position. Since 5.6.
        #[doc(alias = "IORING_FEAT_RW_CUR_POS")]
        const RW_CUR_POS = uapi::IORING_FEAT_RW_CUR_POS;
        /// Requests run with the credentials of the task that submits them. Since 5.6.
        #[doc(alias = "IORING_FEAT_CUR_PERSONALITY")]
        const CUR_PERSONALITY = uapi::IORING_FEAT_CUR_PERSONALITY;
        /// Requests wait by polling, not in a worker. Since 5.7.
        #[doc(alias = "IORING_FEAT_FAST_POLL")]
        const FAST_POLL = uapi::IORING_FEAT_FAST_POLL;
        /// Poll takes 32 bits of events. Since 5.9.
        #[doc(alias = "IORING_FEAT_POLL_32BITS")]
        const POLL_32BITS = uapi::IORING_FEAT_POLL_32BITS;
        /// SQPOLL works with files that are not registered. Since 5.11.
        #[doc(alias = "IORING_FEAT_SQPOLL_NONFIXED")]
        const SQPOLL_NONFIXED = uapi::IORING_FEAT_SQPOLL_NONFIXED;
        /// A wait takes a timeout. Since 5.11.
        #[doc(alias = "IORING_FEAT_EXT_ARG")]
        const EXT_ARG = uapi::IORING_FEAT_EXT_ARG;
        /// Workers are threads of the process. Since 5.12.
        #[doc(alias = "IORING_FEAT_NATIVE_WORKERS")]
        const NATIVE_WORKERS = uapi::IORING_FEAT_NATIVE_WORKERS;
        /// Registered resources carry tags. Since 5.13.
        #[doc(alias = "IORING_FEAT_RSRC_TAGS")]
        const RSRC_TAGS = uapi::IORING_FEAT_RSRC_TAGS;
        /// A request can skip its completion if it succeeds. Since 5.17.
        #[doc(alias = "IORING_FEAT_CQE_SKIP")]
        const CQE_SKIP = uapi::IORING_FEAT_CQE_SKIP;
        /// A linked request looks up its file when it runs. Since 5.17.
        #[doc(alias = "IORING_FEAT_LINKED_FILE")]
        const LINKED_FILE = uapi::IORING_FEAT_LINKED_FILE;
        /// A registered ring fd works for registrations too. Since 6.3.
        #[doc(alias = "IORING_FEAT_REG_REG_RING")]
        const REG_REG_RING = uapi::IORING_FEAT_REG_REG_RING;
        /// Receives and sends take several buffers at once. Since 6.10.
        #[doc(alias = "IORING_FEAT_RECVSEND_BUNDLE")]
        const RECVSEND_BUNDLE = uapi::IORING_FEAT_RECVSEND_BUNDLE;
        /// A wait takes a minimum time. Since 6.12.
        #[doc(alias = "IORING_FEAT_MIN_TIMEOUT")]
        const MIN_TIMEOUT = uapi::IORING_FEAT_MIN_TIMEOUT;
        /// Reads and writes take attributes. Since 6.14.
        #[doc(alias = "IORING_FEAT_RW_ATTR")]
        const RW_ATTR = uapi::IORING_FEAT_RW_ATTR;
        /// A wait can be excluded from the count of I/O waits. Since 6.15.
        #[doc(alias = "IORING_FEAT_NO_IOWAIT")]
        const NO_IOWAIT = uapi::IORING_FEAT_NO_IOWAIT;
    }

    /// What a call of `io_uring_enter(2)` does (`IORING_ENTER_*`).
    pub struct EnterFlags: u32 {
        /// Flushes overflowed completions, and waits for completions. Since 5.1.
        #[doc(alias = "IORING_ENTER_GETEVENTS")]
        const GETEVENTS = uapi::IORING_ENTER_GETEVENTS;
        /// Wakes the SQPOLL thread. Since 5.1.
        #[doc(alias = "IORING_ENTER_SQ_WAKEUP")]
        const SQ_WAKEUP = uapi::IORING_ENTER_SQ_WAKEUP;
        /// Waits until the SQPOLL thread has made room. Since 5.10.
        #[doc(alias = "IORING_ENTER_SQ_WAIT")]
        const SQ_WAIT = uapi::IORING_ENTER_SQ_WAIT;
        /// The argument is a `struct io_uring_getevents_arg`. Since 5.11.
        #[doc(alias = "IORING_ENTER_EXT_ARG")]
        const EXT_ARG = uapi::IORING_ENTER_EXT_ARG;
        /// The fd is a registered index. Since 5.18.
        #[doc(alias = "IORING_ENTER_REGISTERED_RING")]
        const REGISTERED_RING = uapi::IORING_ENTER_REGISTERED_RING;
        /// The timeout is a point in time. Since 6.12.
        #[doc(alias = "IORING_ENTER_ABS_TIMER")]
        const ABS_TIMER = uapi::IORING_ENTER_ABS_TIMER;
        /// With EXT_ARG: the argument is an offset into the registered wait region. Since 6.13.
        #[doc(alias = "IORING_ENTER_EXT_ARG_REG")]
        const EXT_ARG_REG = uapi::IORING_ENTER_EXT_ARG_REG;
        /// The wait does not count as I/O wait. Since 6.15.
        #[doc(alias = "IORING_ENTER_NO_IOWAIT")]
        const NO_IOWAIT = uapi::IORING_ENTER_NO_IOWAIT;
    }

    /// What the kernel reports through the submission ring (`IORING_SQ_*`).
    pub struct SqFlags: u32 {
        /// The SQPOLL thread sleeps, and must be woken. Since 5.1.
        #[doc(alias = "IORING_SQ_NEED_WAKEUP")]
        const NEED_WAKEUP = uapi::IORING_SQ_NEED_WAKEUP;
        /// Completions wait outside the ring. Since 5.8.
        #[doc(alias = "IORING_SQ_CQ_OVERFLOW")]
        const CQ_OVERFLOW = uapi::IORING_SQ_CQ_OVERFLOW;
        /// Task work waits for an entry to the kernel. Since 5.19.
        #[doc(alias = "IORING_SQ_TASKRUN")]
        const TASKRUN = uapi::IORING_SQ_TASKRUN;
    }

    /// How the kernel treats one request (`IOSQE_*`).
    pub struct SqeFlags: u8 {
        /// The fd is an index into the registered files. Set by `types::Fixed`. Since 5.1.
        #[doc(alias = "IOSQE_FIXED_FILE")]
        const FIXED_FILE = uapi::IOSQE_FIXED_FILE;
        /// The request starts after all requests before it have completed, and no request after it starts earlier.
        /// Since 5.2.
        #[doc(alias = "IOSQE_IO_DRAIN")]
        const IO_DRAIN = uapi::IOSQE_IO_DRAIN;
        /// The next request starts after this one succeeded. Since 5.3.
        #[doc(alias = "IOSQE_IO_LINK")]
        const IO_LINK = uapi::IOSQE_IO_LINK;
        /// The next request starts after this one, whatever its result. Since 5.5.
        #[doc(alias = "IOSQE_IO_HARDLINK")]
        const IO_HARDLINK = uapi::IOSQE_IO_HARDLINK;
        /// The request goes to a worker at once. Since 5.6.
        #[doc(alias = "IOSQE_ASYNC")]
        const ASYNC = uapi::IOSQE_ASYNC;
        /// The kernel picks the buffer from a group. Since 5.7.
        #[doc(alias = "IOSQE_BUFFER_SELECT")]
        const BUFFER_SELECT = uapi::IOSQE_BUFFER_SELECT;
        /// The request has no completion if it succeeds. Since 5.17.
        #[doc(alias = "IOSQE_CQE_SKIP_SUCCESS")]
        const SKIP_SUCCESS = uapi::IOSQE_CQE_SKIP_SUCCESS;
    }

    /// What a completion says besides its result (`IORING_CQE_F_*`). The upper 16 bits are a buffer id or a detail.
    pub struct CqeFlags: u32 {
        /// The upper 16 bits are the id of the buffer used. Since 5.7.
        #[doc(alias = "IORING_CQE_F_BUFFER")]
        const BUFFER = uapi::IORING_CQE_F_BUFFER;
        /// The request goes on, and more completions follow. Since 5.13.
        #[doc(alias = "IORING_CQE_F_MORE")]
        const MORE = uapi::IORING_CQE_F_MORE;
        /// The socket had more to read. Since 5.19.
        #[doc(alias = "IORING_CQE_F_SOCK_NONEMPTY")]
        const SOCK_NONEMPTY = uapi::IORING_CQE_F_SOCK_NONEMPTY;
        /// A zero-copy send no longer uses its memory. Since 6.0.
        #[doc(alias = "IORING_CQE_F_NOTIF")]
        const NOTIF = uapi::IORING_CQE_F_NOTIF;
        /// The buffer stays in use and will be filled further. Since 6.12.
        #[doc(alias = "IORING_CQE_F_BUF_MORE")]
        const BUF_MORE = uapi::IORING_CQE_F_BUF_MORE;
        /// A filler of a mixed ring, which this crate never hands out. Since 6.18.
        #[doc(alias = "IORING_CQE_F_SKIP")]
        const SKIP = uapi::IORING_CQE_F_SKIP;
        /// A 32-byte completion of a mixed ring. Since 6.18.
        #[doc(alias = "IORING_CQE_F_32")]
        const BIG = uapi::IORING_CQE_F_32;
    }

    /// How a file is synchronised (`IORING_FSYNC_*`).
    pub struct FsyncFlags: u32 {
        /// Works as `fdatasync(2)`: metadata is written only as far as needed to read the data back. Since 5.1.
        #[doc(alias = "IORING_FSYNC_DATASYNC")]
        const DATASYNC = uapi::IORING_FSYNC_DATASYNC;
    }

    /// How a timeout counts (`IORING_TIMEOUT_*`).
    pub struct TimeoutFlags: u32 {
        /// The time is a point in time, not a span. Since 5.5.
        #[doc(alias = "IORING_TIMEOUT_ABS")]
        const ABS = uapi::IORING_TIMEOUT_ABS;
        /// Changes a running timeout; the opcode for that sets it. Since 5.11.
        #[doc(alias = "IORING_TIMEOUT_UPDATE")]
        const UPDATE = uapi::IORING_TIMEOUT_UPDATE;
        /// The clock is CLOCK_BOOTTIME. Since 5.15.
        #[doc(alias = "IORING_TIMEOUT_BOOTTIME")]
        const BOOTTIME = uapi::IORING_TIMEOUT_BOOTTIME;
        /// The clock is CLOCK_REALTIME. Since 5.15.
        #[doc(alias = "IORING_TIMEOUT_REALTIME")]
        const REALTIME = uapi::IORING_TIMEOUT_REALTIME;
        /// Changes a running link timeout. Since 5.15.
        #[doc(alias = "IORING_LINK_TIMEOUT_UPDATE")]
        const LINK_UPDATE = uapi::IORING_LINK_TIMEOUT_UPDATE;
        /// An expired timeout does not break a link. Since 5.16.
        #[doc(alias = "IORING_TIMEOUT_ETIME_SUCCESS")]
        const ETIME_SUCCESS = uapi::IORING_TIMEOUT_ETIME_SUCCESS;
        /// The timeout fires repeatedly. Since 6.4.
        #[doc(alias = "IORING_TIMEOUT_MULTISHOT")]
        const MULTISHOT = uapi::IORING_TIMEOUT_MULTISHOT;
        /// The time is in the entry, in nanoseconds. The constructors for that set it. Since 7.1.
        #[doc(alias = "IORING_TIMEOUT_IMMEDIATE_ARG")]
        const IMMEDIATE_ARG = uapi::IORING_TIMEOUT_IMMEDIATE_ARG;
    }

    /// How a poll is armed, changed or kept (`IORING_POLL_*`).
    pub struct PollFlags: u32 {
        /// The poll reports repeatedly. Since 5.13.
        #[doc(alias = "IORING_POLL_ADD_MULTI")]
        const ADD_MULTI = uapi::IORING_POLL_ADD_MULTI;
        /// Changes the events of a poll that is armed. Since 5.13.
        #[doc(alias = "IORING_POLL_UPDATE_EVENTS")]
        const UPDATE_EVENTS = uapi::IORING_POLL_UPDATE_EVENTS;
        /// Changes the user data of a poll that is armed. Since 5.13.
        #[doc(alias = "IORING_POLL_UPDATE_USER_DATA")]
        const UPDATE_USER_DATA = uapi::IORING_POLL_UPDATE_USER_DATA;
        /// The poll is level-triggered. Since 6.0.
        #[doc(alias = "IORING_POLL_ADD_LEVEL")]
        const ADD_LEVEL = uapi::IORING_POLL_ADD_LEVEL;
    }

    /// The keys by which requests to cancel are found (`IORING_ASYNC_CANCEL_*`).
    pub struct CancelFlags: u32 {
        /// Cancels all requests that match, not only the first. Since 5.19.
        #[doc(alias = "IORING_ASYNC_CANCEL_ALL")]
        const ALL = uapi::IORING_ASYNC_CANCEL_ALL;
        /// The key is a file descriptor. Since 5.19.
        #[doc(alias = "IORING_ASYNC_CANCEL_FD")]
        const FD = uapi::IORING_ASYNC_CANCEL_FD;
        /// Any request matches. Since 5.19.
        #[doc(alias = "IORING_ASYNC_CANCEL_ANY")]
        const ANY = uapi::IORING_ASYNC_CANCEL_ANY;
        /// The fd is a registered index. Since 6.0.
        #[doc(alias = "IORING_ASYNC_CANCEL_FD_FIXED")]
        const FD_FIXED = uapi::IORING_ASYNC_CANCEL_FD_FIXED;
        /// The user data is a key too, beside another key. Since 6.6.
        #[doc(alias = "IORING_ASYNC_CANCEL_USERDATA")]
        const USERDATA = uapi::IORING_ASYNC_CANCEL_USERDATA;
        /// The key is an opcode. Since 6.6.
        #[doc(alias = "IORING_ASYNC_CANCEL_OP")]
        const OP = uapi::IORING_ASYNC_CANCEL_OP;
    }

    /// How registered buffers are cloned (`IORING_REGISTER_SRC_*`, `IORING_REGISTER_DST_*`).
    pub struct CloneBuffersFlags: u32 {
        /// The source is an index in the task's table of rings. Set by `register::BufferSource`. Since 6.12.
        #[doc(alias = "IORING_REGISTER_SRC_REGISTERED")]
        const SRC_REGISTERED = uapi::IORING_REGISTER_SRC_REGISTERED as u32;
        /// Replaces buffers that are at the destination indices already. Since 6.13.
        #[doc(alias = "IORING_REGISTER_DST_REPLACE")]
        const DST_REPLACE = uapi::IORING_REGISTER_DST_REPLACE as u32;
    }

    /// How a registered file becomes a file descriptor (`IORING_FIXED_FD_*`).
    pub struct FixedFdFlags: u32 {
        /// The descriptor stays open on `execve(2)`. Since 6.8.
        #[doc(alias = "IORING_FIXED_FD_NO_CLOEXEC")]
        const NO_CLOEXEC = uapi::IORING_FIXED_FD_NO_CLOEXEC;
    }

    /// Which attributes a read or write carries (`IORING_RW_ATTR_FLAG_*`).
    pub struct AttrTypes: u64 {
        /// Protection information: one `types::AttrPi`. Since 6.14.
        #[doc(alias = "IORING_RW_ATTR_FLAG_PI")]
        const PI = uapi::IORING_RW_ATTR_FLAG_PI as u64;
    }

    /// The parts of the protection information that are checked (`IO_INTEGRITY_CHK_*`).
    pub struct IntegrityFlags: u16 {
        /// The guard, a checksum of the data.
        #[doc(alias = "IO_INTEGRITY_CHK_GUARD")]
        const CHK_GUARD = uapi::IO_INTEGRITY_CHK_GUARD as u16;
        /// The reference tag, the block's number.
        #[doc(alias = "IO_INTEGRITY_CHK_REFTAG")]
        const CHK_REFTAG = uapi::IO_INTEGRITY_CHK_REFTAG as u16;
        /// The application tag.
        #[doc(alias = "IO_INTEGRITY_CHK_APPTAG")]
        const CHK_APPTAG = uapi::IO_INTEGRITY_CHK_APPTAG as u16;
    }

    /// The variants of a no-op (`IORING_NOP_*`).
    pub struct NopFlags: u32 {
        /// Completes with the given result. Since 6.10.
        #[doc(alias = "IORING_NOP_INJECT_RESULT")]
        const INJECT_RESULT = uapi::IORING_NOP_INJECT_RESULT;
        /// Looks a file up. Since 6.13.
        #[doc(alias = "IORING_NOP_FILE")]
        const FILE = uapi::IORING_NOP_FILE;
        /// The file is a registered one. Since 6.13.
        #[doc(alias = "IORING_NOP_FIXED_FILE")]
        const FIXED_FILE = uapi::IORING_NOP_FIXED_FILE;
        /// Looks a registered buffer up. Since 6.13.
        #[doc(alias = "IORING_NOP_FIXED_BUFFER")]
        const FIXED_BUFFER = uapi::IORING_NOP_FIXED_BUFFER;
        /// Completes through task work. Since 6.17.
        #[doc(alias = "IORING_NOP_TW")]
        const TW = uapi::IORING_NOP_TW;
        /// Completes with a 32-byte completion. Since 6.18.
        #[doc(alias = "IORING_NOP_CQE32")]
        const CQE32 = uapi::IORING_NOP_CQE32;
    }
}

/// Declares open flag words: the kernel owns their numbers, which differ by architecture, and the crate passes them on.
macro_rules! open_words {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl From<u32> for $name {
            fn from(bits: u32) -> Self {
                Self(bits)
            }
        }

        impl From<i32> for $name {
            fn from(bits: i32) -> Self {
                Self(bits.cast_unsigned())
            }
        }
    )*};
}

mod files;
pub(crate) mod net;

open_words! {
    /// `O_*` of `open(2)`: numbers of `linux_raw_sys::general`, or rustix's `OFlags`.
    OpenFlags
    /// `AT_*` of `openat(2)` and its kin: numbers of `linux_raw_sys::general`, or rustix's `AtFlags`.
    AtFlags
    /// `STATX_*` of `statx(2)`: which fields are asked for.
    StatxMask
    /// `RESOLVE_*` of `openat2(2)`.
    ResolveFlags
    /// `RENAME_*` of `renameat2(2)`.
    RenameFlags
    /// `XATTR_*` of `setxattr(2)`.
    XattrFlags
    /// `FALLOC_FL_*` of `fallocate(2)`.
    FallocateFlags
    /// `SYNC_FILE_RANGE_*` of `sync_file_range(2)`.
    SyncFileRangeFlags
    /// `POSIX_FADV_*` of `posix_fadvise(2)`: one of these numbers, which differ on s390x.
    FileAdvice
    /// `MADV_*` of `madvise(2)`: one of these numbers.
    MemoryAdvice
    /// `SPLICE_F_*` of `splice(2)` and `tee(2)`.
    SpliceFlags
    /// `RWF_*` of `preadv2(2)` and `pwritev2(2)`.
    RwFlags
    /// `POLL*` of `poll(2)` and `EPOLL*` of `epoll_ctl(2)`: what a poll waits for.
    PollEvents
}

impl PollEvents {
    /// Returns the events as `sqe->poll32_events` holds them: on a big-endian machine with the half-words swapped,
    /// because the field once had 16 bits.
    pub(crate) const fn encoded(self) -> u32 {
        // kernel: io_uring/poll.c io_poll_parse_events (6.12.117): a big-endian kernel swaps the half-words of the
        // field.
        if cfg!(target_endian = "big") { self.0.rotate_left(16) } else { self.0 }
    }
}
