//! The table. `ci/facts.sh` compares it with every other place that says since which Linux something is there.
//!
//! A row is the kernel's name, its number, and the first release that has it. The numbers are compared with the crate's at
//! compile time, and by `ci/layouts.sh` with the kernel's headers, on every architecture. A structure's number is its size.
//! Rows of [`Kind::Item`], [`Kind::Command`] and [`Kind::Words`] have no number.

use bare_uring::uapi;

use crate::{Fact, Kind, Version, version};

/// Makes the table, a constant for each name, and the comparisons of the numbers with the crate's.
macro_rules! facts {
    (
        $(Kind::$kind:ident { $($name:ident = $number:expr, $since:literal;)* })*
        sizes { $($structure:ident = $size:literal, $structure_since:literal;)* }
        $(named $named:ident { $($text:literal, $named_since:literal;)* })*
    ) => {
        /// The table.
        pub const FACTS: &[Fact] = &[
            $($(Fact {
                kind: Kind::$kind,
                name: stringify!($name),
                number: $number,
                since: since::$name,
            },)*)*
            $(Fact {
                kind: Kind::Structure,
                name: stringify!($structure),
                number: $size,
                since: since::$structure,
            },)*
            $($(Fact { kind: Kind::$named, name: $text, number: 0, since: version(stringify!($named_since)) },)*)*
        ];

        /// The first release with each, by name.
        #[allow(non_upper_case_globals, reason = "the kernel's names")]
        pub mod since {
            use super::{Version, version};

            $($(#[doc = concat!("`", stringify!($name), "`")] pub const $name: Version = version(stringify!($since));)*)*
            $(
                #[doc = concat!("`struct ", stringify!($structure), "`")]
                pub const $structure: Version = version(stringify!($structure_since));
            )*
        }

        const _: () = {
            use uapi::io_uring_msg_ring_flags::*;
            use uapi::io_uring_napi_op::*;
            use uapi::io_uring_napi_tracking_strategy::*;
            use uapi::io_uring_op::*;
            use uapi::io_uring_register_op::*;
            use uapi::io_uring_register_pbuf_ring_flags::*;
            use uapi::io_uring_register_restriction_op::*;
            use uapi::io_uring_socket_op::*;
            use uapi::io_uring_zcrx_area_flags::*;
            use uapi::*;

            $($(assert!($name as i64 == $number, stringify!($name));)*)*
            $(assert!(size_of::<uapi::$structure>() == $size, stringify!($structure));)*
        };
    };
}

facts! {
    Kind::Setup {
        IORING_SETUP_IOPOLL = 1 << 0, 5.1;
        IORING_SETUP_SQPOLL = 1 << 1, 5.1;
        IORING_SETUP_SQ_AFF = 1 << 2, 5.1;
        IORING_SETUP_CQSIZE = 1 << 3, 5.5;
        IORING_SETUP_CLAMP = 1 << 4, 5.6;
        IORING_SETUP_ATTACH_WQ = 1 << 5, 5.6;
        IORING_SETUP_R_DISABLED = 1 << 6, 5.10;
        IORING_SETUP_SUBMIT_ALL = 1 << 7, 5.18;
        IORING_SETUP_COOP_TASKRUN = 1 << 8, 5.19;
        IORING_SETUP_TASKRUN_FLAG = 1 << 9, 5.19;
        IORING_SETUP_SQE128 = 1 << 10, 5.19;
        IORING_SETUP_CQE32 = 1 << 11, 5.19;
        IORING_SETUP_SINGLE_ISSUER = 1 << 12, 6.0;
        IORING_SETUP_DEFER_TASKRUN = 1 << 13, 6.1;
        IORING_SETUP_NO_MMAP = 1 << 14, 6.5;
        IORING_SETUP_REGISTERED_FD_ONLY = 1 << 15, 6.5;
        IORING_SETUP_NO_SQARRAY = 1 << 16, 6.6;
        IORING_SETUP_HYBRID_IOPOLL = 1 << 17, 6.13;
        IORING_SETUP_CQE_MIXED = 1 << 18, 6.18;
        IORING_SETUP_SQE_MIXED = 1 << 19, 6.19;
        IORING_SETUP_SQ_REWIND = 1 << 20, 7.0;
    }

    Kind::Feature {
        IORING_FEAT_SINGLE_MMAP = 1 << 0, 5.4;
        IORING_FEAT_NODROP = 1 << 1, 5.5;
        IORING_FEAT_SUBMIT_STABLE = 1 << 2, 5.5;
        IORING_FEAT_RW_CUR_POS = 1 << 3, 5.6;
        IORING_FEAT_CUR_PERSONALITY = 1 << 4, 5.6;
        IORING_FEAT_FAST_POLL = 1 << 5, 5.7;
        IORING_FEAT_POLL_32BITS = 1 << 6, 5.9;
        IORING_FEAT_SQPOLL_NONFIXED = 1 << 7, 5.11;
        IORING_FEAT_EXT_ARG = 1 << 8, 5.11;
        IORING_FEAT_NATIVE_WORKERS = 1 << 9, 5.12;
        IORING_FEAT_RSRC_TAGS = 1 << 10, 5.13;
        IORING_FEAT_CQE_SKIP = 1 << 11, 5.17;
        IORING_FEAT_LINKED_FILE = 1 << 12, 5.17;
        IORING_FEAT_REG_REG_RING = 1 << 13, 6.3;
        IORING_FEAT_RECVSEND_BUNDLE = 1 << 14, 6.10;
        IORING_FEAT_MIN_TIMEOUT = 1 << 15, 6.12;
        IORING_FEAT_RW_ATTR = 1 << 16, 6.14;
        IORING_FEAT_NO_IOWAIT = 1 << 17, 6.15;
    }

    Kind::Enter {
        IORING_ENTER_GETEVENTS = 1 << 0, 5.1;
        IORING_ENTER_SQ_WAKEUP = 1 << 1, 5.1;
        IORING_ENTER_SQ_WAIT = 1 << 2, 5.10;
        IORING_ENTER_EXT_ARG = 1 << 3, 5.11;
        IORING_ENTER_REGISTERED_RING = 1 << 4, 5.18;
        IORING_ENTER_ABS_TIMER = 1 << 5, 6.12;
        IORING_ENTER_EXT_ARG_REG = 1 << 6, 6.13;
        IORING_ENTER_NO_IOWAIT = 1 << 7, 6.15;
    }

    Kind::Sqe {
        IOSQE_FIXED_FILE = 1 << 0, 5.1;
        IOSQE_IO_DRAIN = 1 << 1, 5.2;
        IOSQE_IO_LINK = 1 << 2, 5.3;
        IOSQE_IO_HARDLINK = 1 << 3, 5.5;
        IOSQE_ASYNC = 1 << 4, 5.6;
        IOSQE_BUFFER_SELECT = 1 << 5, 5.7;
        IOSQE_CQE_SKIP_SUCCESS = 1 << 6, 5.17;
    }

    Kind::Opcode {
        IORING_OP_NOP = 0, 5.1;
        IORING_OP_READV = 1, 5.1;
        IORING_OP_WRITEV = 2, 5.1;
        IORING_OP_FSYNC = 3, 5.1;
        IORING_OP_READ_FIXED = 4, 5.1;
        IORING_OP_WRITE_FIXED = 5, 5.1;
        IORING_OP_POLL_ADD = 6, 5.1;
        IORING_OP_POLL_REMOVE = 7, 5.1;
        IORING_OP_SYNC_FILE_RANGE = 8, 5.2;
        IORING_OP_SENDMSG = 9, 5.3;
        IORING_OP_RECVMSG = 10, 5.3;
        IORING_OP_TIMEOUT = 11, 5.4;
        IORING_OP_TIMEOUT_REMOVE = 12, 5.5;
        IORING_OP_ACCEPT = 13, 5.5;
        IORING_OP_ASYNC_CANCEL = 14, 5.5;
        IORING_OP_LINK_TIMEOUT = 15, 5.5;
        IORING_OP_CONNECT = 16, 5.5;
        IORING_OP_FALLOCATE = 17, 5.6;
        IORING_OP_OPENAT = 18, 5.6;
        IORING_OP_CLOSE = 19, 5.6;
        IORING_OP_FILES_UPDATE = 20, 5.6;
        IORING_OP_STATX = 21, 5.6;
        IORING_OP_READ = 22, 5.6;
        IORING_OP_WRITE = 23, 5.6;
        IORING_OP_FADVISE = 24, 5.6;
        IORING_OP_MADVISE = 25, 5.6;
        IORING_OP_SEND = 26, 5.6;
        IORING_OP_RECV = 27, 5.6;
        IORING_OP_OPENAT2 = 28, 5.6;
        IORING_OP_EPOLL_CTL = 29, 5.6;
        IORING_OP_SPLICE = 30, 5.7;
        IORING_OP_PROVIDE_BUFFERS = 31, 5.7;
        IORING_OP_REMOVE_BUFFERS = 32, 5.7;
        IORING_OP_TEE = 33, 5.8;
        IORING_OP_SHUTDOWN = 34, 5.11;
        IORING_OP_RENAMEAT = 35, 5.11;
        IORING_OP_UNLINKAT = 36, 5.11;
        IORING_OP_MKDIRAT = 37, 5.15;
        IORING_OP_SYMLINKAT = 38, 5.15;
        IORING_OP_LINKAT = 39, 5.15;
        IORING_OP_MSG_RING = 40, 5.18;
        IORING_OP_FSETXATTR = 41, 5.19;
        IORING_OP_SETXATTR = 42, 5.19;
        IORING_OP_FGETXATTR = 43, 5.19;
        IORING_OP_GETXATTR = 44, 5.19;
        IORING_OP_SOCKET = 45, 5.19;
        IORING_OP_URING_CMD = 46, 5.19;
        IORING_OP_SEND_ZC = 47, 6.0;
        IORING_OP_SENDMSG_ZC = 48, 6.1;
        IORING_OP_READ_MULTISHOT = 49, 6.7;
        IORING_OP_WAITID = 50, 6.7;
        IORING_OP_FUTEX_WAIT = 51, 6.7;
        IORING_OP_FUTEX_WAKE = 52, 6.7;
        IORING_OP_FUTEX_WAITV = 53, 6.7;
        IORING_OP_FIXED_FD_INSTALL = 54, 6.8;
        IORING_OP_FTRUNCATE = 55, 6.9;
        IORING_OP_BIND = 56, 6.11;
        IORING_OP_LISTEN = 57, 6.11;
        IORING_OP_RECV_ZC = 58, 6.15;
        IORING_OP_EPOLL_WAIT = 59, 6.15;
        IORING_OP_READV_FIXED = 60, 6.15;
        IORING_OP_WRITEV_FIXED = 61, 6.15;
        IORING_OP_PIPE = 62, 6.16;
        IORING_OP_NOP128 = 63, 6.19;
        IORING_OP_URING_CMD128 = 64, 6.19;
    }

    Kind::Register {
        IORING_REGISTER_BUFFERS = 0, 5.1;
        IORING_UNREGISTER_BUFFERS = 1, 5.1;
        IORING_REGISTER_FILES = 2, 5.1;
        IORING_UNREGISTER_FILES = 3, 5.1;
        IORING_REGISTER_EVENTFD = 4, 5.2;
        IORING_UNREGISTER_EVENTFD = 5, 5.2;
        IORING_REGISTER_FILES_UPDATE = 6, 5.5;
        IORING_REGISTER_EVENTFD_ASYNC = 7, 5.6;
        IORING_REGISTER_PROBE = 8, 5.6;
        IORING_REGISTER_PERSONALITY = 9, 5.6;
        IORING_UNREGISTER_PERSONALITY = 10, 5.6;
        IORING_REGISTER_RESTRICTIONS = 11, 5.10;
        IORING_REGISTER_ENABLE_RINGS = 12, 5.10;
        IORING_REGISTER_FILES2 = 13, 5.13;
        IORING_REGISTER_FILES_UPDATE2 = 14, 5.13;
        IORING_REGISTER_BUFFERS2 = 15, 5.13;
        IORING_REGISTER_BUFFERS_UPDATE = 16, 5.13;
        IORING_REGISTER_IOWQ_AFF = 17, 5.14;
        IORING_UNREGISTER_IOWQ_AFF = 18, 5.14;
        IORING_REGISTER_IOWQ_MAX_WORKERS = 19, 5.15;
        IORING_REGISTER_RING_FDS = 20, 5.18;
        IORING_UNREGISTER_RING_FDS = 21, 5.18;
        IORING_REGISTER_PBUF_RING = 22, 5.19;
        IORING_UNREGISTER_PBUF_RING = 23, 5.19;
        IORING_REGISTER_SYNC_CANCEL = 24, 6.0;
        IORING_REGISTER_FILE_ALLOC_RANGE = 25, 6.0;
        IORING_REGISTER_PBUF_STATUS = 26, 6.8;
        IORING_REGISTER_NAPI = 27, 6.9;
        IORING_UNREGISTER_NAPI = 28, 6.9;
        IORING_REGISTER_CLOCK = 29, 6.12;
        IORING_REGISTER_CLONE_BUFFERS = 30, 6.12;
        IORING_REGISTER_SEND_MSG_RING = 31, 6.13;
        IORING_REGISTER_ZCRX_IFQ = 32, 6.15;
        IORING_REGISTER_RESIZE_RINGS = 33, 6.13;
        IORING_REGISTER_MEM_REGION = 34, 6.13;
        IORING_REGISTER_QUERY = 35, 6.18;
        IORING_REGISTER_ZCRX_CTRL = 36, 6.19;
        IORING_REGISTER_BPF_FILTER = 37, 7.0;
    }

    // What a registration's arguments say.
    Kind::Argument {
        IORING_REGISTER_USE_REGISTERED_RING = 1 << 31, 6.3;
        IORING_REGISTER_FILES_SKIP = -2, 5.12;
        IORING_RSRC_REGISTER_SPARSE = 1 << 0, 5.19;
        IOU_PBUF_RING_MMAP = 1 << 0, 6.4;
        IOU_PBUF_RING_INC = 1 << 1, 6.12;
        IORING_RESTRICTION_REGISTER_OP = 0, 5.10;
        IORING_RESTRICTION_SQE_OP = 1, 5.10;
        IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2, 5.10;
        IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3, 5.10;
        IO_URING_OP_SUPPORTED = 1 << 0, 5.6;
        // Without a name, and what a reserved field had to be, before 6.13; so is IO_URING_NAPI_TRACKING_DYNAMIC.
        IO_URING_NAPI_REGISTER_OP = 0, 6.9;
        IO_URING_NAPI_STATIC_ADD_ID = 1, 6.13;
        IO_URING_NAPI_STATIC_DEL_ID = 2, 6.13;
        IO_URING_NAPI_TRACKING_DYNAMIC = 0, 6.9;
        IO_URING_NAPI_TRACKING_STATIC = 1, 6.13;
        IO_URING_NAPI_TRACKING_INACTIVE = 255, 6.13;
        IORING_REGISTER_SRC_REGISTERED = 1 << 0, 6.12;
        IORING_REGISTER_DST_REPLACE = 1 << 1, 6.13;
        IORING_MEM_REGION_TYPE_USER = 1 << 0, 6.13;
        IORING_MEM_REGION_REG_WAIT_ARG = 1 << 0, 6.13;
        IORING_REG_WAIT_TS = 1 << 0, 6.13;
        IO_URING_QUERY_OPCODES = 0, 6.18;
        IO_URING_QUERY_ZCRX = 1, 6.19;
        IO_URING_QUERY_SCQ = 2, 6.19;
        IO_URING_QUERY_ZCRX_EVENT = 3, 7.2;
        IO_URING_BPF_CMD_FILTER = 1, 7.0;
        IO_URING_BPF_FILTER_DENY_REST = 1 << 0, 7.0;
        IO_URING_BPF_FILTER_SZ_STRICT = 1 << 1, 7.0;
        IORING_ZCRX_AREA_DMABUF = 1 << 0, 6.16;
        ZCRX_REG_IMPORT = 1 << 0, 6.19;
        ZCRX_REG_NODEV = 1 << 1, 7.1;
        ZCRX_FEATURE_RX_PAGE_SIZE = 1 << 0, 7.0;
        ZCRX_FEATURE_EVENT = 1 << 1, 7.2;
        ZCRX_EVENT_ALLOC_FAIL = 0, 7.2;
        ZCRX_EVENT_COPY = 1, 7.2;
        ZCRX_EVENT_DESC_FLAG_STATS = 1 << 0, 7.2;
        ZCRX_CTRL_FLUSH_RQ = 0, 6.19;
        ZCRX_CTRL_EXPORT = 1, 6.19;
        ZCRX_CTRL_ARM_EVENT = 2, 7.2;
        ZCRX_CTRL_ADD_AREA = 3, 7.3;
    }

    // What a request's own fields say.
    Kind::Request {
        IORING_FILE_INDEX_ALLOC = -1, 5.19;
        IORING_FSYNC_DATASYNC = 1 << 0, 5.1;
        IORING_TIMEOUT_ABS = 1 << 0, 5.5;
        IORING_TIMEOUT_UPDATE = 1 << 1, 5.11;
        IORING_TIMEOUT_BOOTTIME = 1 << 2, 5.15;
        IORING_TIMEOUT_REALTIME = 1 << 3, 5.15;
        IORING_LINK_TIMEOUT_UPDATE = 1 << 4, 5.15;
        IORING_TIMEOUT_ETIME_SUCCESS = 1 << 5, 5.16;
        IORING_TIMEOUT_MULTISHOT = 1 << 6, 6.4;
        IORING_TIMEOUT_IMMEDIATE_ARG = 1 << 7, 7.1;
        IORING_POLL_ADD_MULTI = 1 << 0, 5.13;
        IORING_POLL_UPDATE_EVENTS = 1 << 1, 5.13;
        IORING_POLL_UPDATE_USER_DATA = 1 << 2, 5.13;
        IORING_POLL_ADD_LEVEL = 1 << 3, 6.0;
        IORING_ASYNC_CANCEL_ALL = 1 << 0, 5.19;
        IORING_ASYNC_CANCEL_FD = 1 << 1, 5.19;
        IORING_ASYNC_CANCEL_ANY = 1 << 2, 5.19;
        IORING_ASYNC_CANCEL_FD_FIXED = 1 << 3, 6.0;
        IORING_ASYNC_CANCEL_USERDATA = 1 << 4, 6.6;
        IORING_ASYNC_CANCEL_OP = 1 << 5, 6.6;
        IORING_RECVSEND_POLL_FIRST = 1 << 0, 5.19;
        IORING_RECV_MULTISHOT = 1 << 1, 6.0;
        IORING_RECVSEND_FIXED_BUF = 1 << 2, 6.0;
        IORING_SEND_ZC_REPORT_USAGE = 1 << 3, 6.2;
        IORING_RECVSEND_BUNDLE = 1 << 4, 6.10;
        IORING_SEND_VECTORIZED = 1 << 5, 6.17;
        IORING_NOTIF_USAGE_ZC_COPIED = 1 << 31, 6.2;
        IORING_ACCEPT_MULTISHOT = 1 << 0, 5.19;
        IORING_ACCEPT_DONTWAIT = 1 << 1, 6.10;
        IORING_ACCEPT_POLL_FIRST = 1 << 2, 6.10;
        IORING_MSG_DATA = 0, 5.18;
        IORING_MSG_SEND_FD = 1, 6.0;
        IORING_MSG_RING_CQE_SKIP = 1 << 0, 6.0;
        IORING_MSG_RING_FLAGS_PASS = 1 << 1, 6.3;
        IORING_FIXED_FD_NO_CLOEXEC = 1 << 0, 6.8;
        IORING_NOP_INJECT_RESULT = 1 << 0, 6.10;
        IORING_NOP_FILE = 1 << 1, 6.13;
        IORING_NOP_FIXED_FILE = 1 << 2, 6.13;
        IORING_NOP_FIXED_BUFFER = 1 << 3, 6.13;
        IORING_NOP_TW = 1 << 4, 6.17;
        IORING_NOP_CQE32 = 1 << 5, 6.18;
        IORING_URING_CMD_FIXED = 1 << 0, 6.1;
        IORING_URING_CMD_MULTISHOT = 1 << 1, 6.18;
        IORING_RW_ATTR_FLAG_PI = 1 << 0, 6.14;
        SOCKET_URING_OP_SIOCINQ = 0, 6.7;
        SOCKET_URING_OP_SIOCOUTQ = 1, 6.7;
        SOCKET_URING_OP_GETSOCKOPT = 2, 6.7;
        SOCKET_URING_OP_SETSOCKOPT = 3, 6.7;
        SOCKET_URING_OP_TX_TIMESTAMP = 4, 6.17;
        SOCKET_URING_OP_GETSOCKNAME = 5, 6.19;
    }

    // What the kernel tells in the rings, and where they are mapped.
    Kind::Ring {
        IORING_SQ_NEED_WAKEUP = 1 << 0, 5.1;
        IORING_SQ_CQ_OVERFLOW = 1 << 1, 5.8;
        IORING_SQ_TASKRUN = 1 << 2, 5.19;
        IORING_CQ_EVENTFD_DISABLED = 1 << 0, 5.8;
        IORING_CQE_F_BUFFER = 1 << 0, 5.7;
        IORING_CQE_F_MORE = 1 << 1, 5.13;
        IORING_CQE_F_SOCK_NONEMPTY = 1 << 2, 5.19;
        IORING_CQE_F_NOTIF = 1 << 3, 6.0;
        IORING_CQE_F_BUF_MORE = 1 << 4, 6.12;
        IORING_CQE_F_SKIP = 1 << 5, 6.18;
        IORING_CQE_F_32 = 1 << 15, 6.18;
        IORING_CQE_F_TSTAMP_HW = 1 << 16, 6.17;
        IORING_CQE_BUFFER_SHIFT = 16, 5.7;
        IORING_TIMESTAMP_HW_SHIFT = 16, 6.17;
        IORING_TIMESTAMP_TYPE_SHIFT = 17, 6.17;
        IORING_ZCRX_AREA_SHIFT = 48, 6.15;
        IORING_ZCRX_AREA_MASK = -1 << 48, 6.15;
        IORING_OFF_SQ_RING = 0, 5.1;
        IORING_OFF_CQ_RING = 0x800_0000, 5.1;
        IORING_OFF_SQES = 0x1000_0000, 5.1;
        IORING_OFF_PBUF_RING = 0x8000_0000, 6.4;
        IORING_OFF_PBUF_SHIFT = 16, 6.4;
        IORING_OFF_MMAP_MASK = 0xf800_0000, 6.4;
    }

    sizes {
        io_uring_sqe = 64, 5.1;
        io_uring_cqe = 16, 5.1;
        io_uring_params = 120, 5.1;
        io_sqring_offsets = 40, 5.1;
        io_cqring_offsets = 40, 5.1;
        io_uring_probe = 16, 5.6;
        io_uring_probe_op = 8, 5.6;
        io_uring_restriction = 16, 5.10;
        io_uring_task_restriction = 16, 7.0;
        io_uring_getevents_arg = 24, 5.11;
        io_uring_rsrc_update = 16, 5.13;
        io_uring_rsrc_update2 = 32, 5.13;
        io_uring_rsrc_register = 32, 5.13;
        io_uring_buf = 16, 5.19;
        io_uring_buf_reg = 40, 5.19;
        io_uring_buf_status = 40, 6.8;
        io_uring_recvmsg_out = 16, 6.0;
        io_uring_sync_cancel_reg = 64, 6.0;
        io_uring_file_index_range = 16, 6.0;
        io_uring_napi = 16, 6.9;
        io_uring_clock_register = 16, 6.12;
        io_uring_clone_buffers = 32, 6.12;
        io_uring_region_desc = 64, 6.13;
        io_uring_mem_region_reg = 32, 6.13;
        io_uring_reg_wait = 64, 6.13;
        io_uring_attr_pi = 32, 6.14;
        io_timespec = 16, 6.17;
        io_uring_zcrx_rqe = 16, 6.15;
        io_uring_zcrx_cqe = 16, 6.15;
        io_uring_zcrx_offsets = 32, 6.15;
        io_uring_zcrx_area_reg = 48, 6.15;
        io_uring_zcrx_ifq_reg = 96, 6.15;
        io_uring_query_hdr = 40, 6.18;
        io_uring_query_opcode = 48, 6.18;
            io_uring_query_zcrx = 40, 6.19;
        io_uring_query_scq = 16, 6.19;
        zcrx_ctrl = 72, 6.19;
        zcrx_ctrl_export = 48, 6.19;
        io_uring_bpf = 72, 7.0;
        io_uring_bpf_filter = 64, 7.0;
        io_uring_bpf_ctx = 40, 7.0;
        io_uring_query_zcrx_event = 48, 7.2;
        zcrx_ctrl_arm_event = 48, 7.2;
        zcrx_event_desc = 96, 7.2;
        zcrx_stats = 16, 7.2;
        zcrx_ctrl_add_area = 48, 7.3;
    }

    named Item {
        "cqueue::Entry32", 5.19;
        "cqueue::EntryMixed", 6.18;
        "squeue::Entry128", 5.19;
        "squeue::LargeEntry", 6.19;
        "squeue::EntryMixed", 6.19;
        "in_every_request::personality", 5.6;
        "AsyncCancel::any", 5.19;
        "AsyncCancel::matching", 5.19;
        "AsyncCancel::all", 5.19;
        "CancelBuilder::fd", 5.19;
        "CancelBuilder::with_opcode", 6.6;
        "FilesUpdate::allocate", 6.0;
        "DestinationSlot::ALLOCATE", 6.0;
        "OpenAt::file_index", 5.15;
        "OpenAt2::file_index", 5.15;
        "Accept::file_index", 5.15;
        "PollAdd::new", 5.9;
        "opcode::PollUpdate", 5.13;
        "positioned::offset", 5.6;
        "single::attributes", 6.14;
        "written::write_stream", 6.16;
        "Send::dest_addr", 6.1;
        "SendZc::dest_addr", 6.0;
        "Send::buf_group", 6.10;
        "Send::buf_index", 7.2;
        "Recv::buf_index", 7.2;
        "Recv::limit", 6.17;
        "SendMsgZc::buf_index", 6.15;
        "notifies::notification_user_data", 7.1;
        "BufRingOptions::min_left", 7.1;
        "BufRing::reclaim", 6.8;
        "BufRing::available", 6.8;
        "Submitter::register_buffers_clone_offset", 6.13;
        "register::restrict_task", 7.0;
        "RefillRing::memory_size", 6.19;
        "FutexFlags::NUMA", 6.16;
        "FutexFlags::MPOL", 6.16;
        "io_uring_zcrx_ifq_reg::rx_buf_len", 7.0;
        "io_uring_zcrx_ifq_reg::event_desc", 7.2;
    }

    // Numbers of drivers, which are not io_uring's.
    named Command {
        "BLOCK_URING_CMD_DISCARD", 6.12;
        "NVME_URING_CMD_IO", 5.19;
        "NVME_URING_CMD_ADMIN", 6.0;
    }

    named Words {
        "EIO for a failed read", 6.12;
        "EOWNERDEAD", 5.12;
        "IORING_CQE_F_SOCK_NONEMPTY of an accept", 6.10;
        "IORING_OP_NOP, which looks at its flags", 6.10;
        "a bundle of several buffers for a single receive", 6.18;
        "a group of buffers for IORING_OP_SEND", 6.10;
        "a length of 0 for buffers of a group", 6.0;
        "a limit of IORING_RECV_MULTISHOT", 6.17;
        "a look at the task of a clone's source", 6.13;
        "a minimum left of IOU_PBUF_RING_INC", 7.1;
        "a registered buffer for IORING_OP_SEND", 7.2;
        "a registered buffer for IORING_OP_SENDMSG_ZC", 6.15;
        "addresses for IORING_OP_SEND", 6.1;
        "an end without a further attempt", 6.12;
        "an update to what is ready", 6.0;
        "commands for /dev/null", 6.2;
        "commands of block devices", 6.12;
        "commands to sockets", 6.7;
        "completions in order though the queue overflowed", 6.0;
        "direct descriptors", 5.15;
        "ranges of IORING_REGISTER_CLONE_BUFFERS", 6.13;
        "registered files for IORING_OP_FGETXATTR", 6.13;
        "registrations without a ring", 6.13;
        "restrictions of tasks", 7.0;
        "tags of what is unregistered", 6.13;
        "the flags of Linux 6.18", 6.18;
        "the last buffer's id checked", 6.1;
        "the tag of an update that stops half way", 6.13;
        "user data of its own", 7.1;
    }
}
