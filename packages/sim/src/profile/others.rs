//! Kernels that are not Linux. What each does was read in its source, which is named above each profile.

use bare_uring::uapi::{IOSQE_ASYNC, IOSQE_FIXED_FILE};
use bare_uring::{EnterFlags, Features, SetupFlags};

use super::{Header, Overflow, Profile, Waits, bits};

impl Profile {
    /// OSv.
    ///
    /// `cloudius-systems/osv`, `fs/io_uring.cc` at 85d7da4: `sys_io_uring_setup()` takes four set-up flags and at most
    /// 4096 entries, and reports these five features (no `SINGLE_MMAP`: the queues are two areas). `sys_io_uring_enter()`
    /// ignores flags that it does not know. `io_uring_complete_op()` counts a completion that finds no room and drops
    /// it, although `NODROP` is reported. `io_uring_wait_cqe()` returns when nothing is pending and something is there.
    ///
    /// Left out: its timeout takes the entry's length (1) for a number of completions, and reads the timespec in a
    /// thread of its own, later than the kernel says it would.
    #[must_use]
    pub fn osv() -> Self {
        let linux = Self::linux(5, 11);
        Self {
            name: "OSv",
            setup: SetupFlags::CQSIZE | SetupFlags::SQPOLL | SetupFlags::SQ_AFF | SetupFlags::CLAMP,
            features: Features::NODROP
                | Features::SUBMIT_STABLE
                | Features::RW_CUR_POS
                | Features::FAST_POLL
                | Features::SQPOLL_NONFIXED,
            enter: EnterFlags::GETEVENTS | EnterFlags::SQ_WAKEUP,
            refuses_enter_flags: false,
            bad_entry_ends_batch: false,
            registrations: 0b1_0100_1111 | 1 << 22 | 1 << 23 | 1 << 24,
            header: Header::Osv,
            cq_flags: false,
            overflow: Overflow::Drop,
            waits: Waits::UntilIdle,
            // Its rounding makes two of one.
            min_entries: 2,
            max_entries: 4096,
            ..linux
        }
    }

    /// Nanos.
    ///
    /// `nanovms/nanos`, `src/unix/io_uring.c` at 0468d56: `io_uring_setup()` takes `CQSIZE` alone and reports two
    /// features; `io_uring_enter()` takes `GETEVENTS` alone; `iour_submit()` takes two entry flags and thirteen requests,
    /// and ends the batch at an unknown one; `iour_complete_locked()` drops and counts what finds no room; a timeout that
    /// ends also ends the wait (`iour_getevents_bh()`), as on Linux. The layout is that of `io_rings`.
    #[must_use]
    pub fn nanos() -> Self {
        Self {
            name: "Nanos",
            setup: SetupFlags::CQSIZE,
            features: Features::SINGLE_MMAP | Features::RW_CUR_POS,
            enter: EnterFlags::GETEVENTS,
            opcodes: bits(&[0, 1, 2, 4, 5, 6, 7, 11, 12, 19, 22, 23]),
            sqe_flags: IOSQE_FIXED_FILE | IOSQE_ASYNC,
            registrations: 0b1_0100_1111,
            header: Header::Nanos,
            cq_flags: false,
            overflow: Overflow::Drop,
            ..Self::linux(5, 6)
        }
    }

    /// StarryOS.
    ///
    /// `rcore-os/tgoskits`, `os/StarryOS/kernel/src/file/io_uring.rs` and `syscall/fs/io_uring.rs`: two set-up flags, two
    /// features (no `SINGLE_MMAP`), `GETEVENTS` alone. `sys_io_uring_enter()` executes each entry on the spot, ignores how
    /// many completions are waited for, and answers `EOPNOTSUPP` in the completion for any entry flag and unknown
    /// request; a timeout completes at once with 0. `push_cqe()` drops and counts what finds no room. Registration knows
    /// the probe.
    #[must_use]
    pub fn starry() -> Self {
        Self {
            name: "StarryOS",
            setup: SetupFlags::CQSIZE | SetupFlags::CLAMP,
            features: Features::SUBMIT_STABLE | Features::RW_CUR_POS,
            enter: EnterFlags::GETEVENTS,
            opcodes: bits(&[0, 1, 2, 3, 11, 22, 23]),
            unknown_opcode: -95,
            bad_entry_ends_batch: false,
            sqe_flags: 0,
            registrations: 1 << 8,
            header: Header::Starry,
            overflow: Overflow::Drop,
            waits: Waits::Never,
            timers: false,
            max_entries: 4096,
            ..Self::linux(5, 6)
        }
    }

    /// gVisor, where io_uring is switched on.
    ///
    /// `google/gvisor`, `pkg/sentry/syscalls/linux/sys_iouring.go` at 39fdf5f and `pkg/sentry/fsimpl/iouringfs/iouringfs.go`
    /// at 21c00c1: no set-up flag, `SINGLE_MMAP` alone, `GETEVENTS` alone. `IOUringEnter()` returns 0 at once if nothing is
    /// submitted; `ProcessSubmissions()` executes each entry on the spot, takes it from the slot of the head without
    /// looking at the index array, never waits, and drops and counts what finds no room. A nop and a vectored read at
    /// offset 0 are all it knows. There is no `io_uring_register`.
    #[must_use]
    pub fn gvisor() -> Self {
        Self {
            name: "gVisor",
            setup: SetupFlags::empty(),
            features: Features::SINGLE_MMAP,
            enter: EnterFlags::GETEVENTS,
            opcodes: bits(&[0, 1]),
            bad_entry_ends_batch: false,
            // `handleReadv()` refuses any; a nop is not looked at.
            sqe_flags: 0,
            registrations: 0,
            has_register: false,
            header: Header::Lines,
            reads_array: false,
            overflow: Overflow::Drop,
            waits: Waits::Never,
            timers: false,
            ..Self::linux(5, 6)
        }
    }
}
