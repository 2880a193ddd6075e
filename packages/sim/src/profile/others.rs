//! Kernels that are not Linux. The source that was read of each is named at its rules.

use bare_uring::types::TimeoutFlags;
use bare_uring::uapi::{IOSQE_ASYNC, IOSQE_CQE_SKIP_SUCCESS, IOSQE_FIXED_FILE};
use bare_uring::{EnterFlags, Errno, Features, SetupFlags};

use super::{
    Counting, CqSize, Header, Mask, Overflow, Profile, ReadsTime, SIMULATED, TimeoutRules, Unready, Waits, bits,
};
use crate::errno::EINVAL;

/// `ERESTARTSYS`, which no program should see.
const ERESTARTSYS: i32 = -512;
/// `ESPIPE`.
const ESPIPE: i32 = -29;

/// Returns the registrations with these numbers.
const fn registrations(numbers: &[u8]) -> u64 {
    bits(numbers) as u64
}

impl Profile {
    /// OSv, at revision 24eb7668.
    ///
    /// Every request runs in a worker, and links, drains and skipped completions work. Left out: registering the
    /// eventfd, `IOPOLL`, and that enabling a ring twice or unregistering what is not registered is no error.
    // kernel: osv core/io_uring.cc io_uring_setup_impl (24eb7668): twelve set-up flags, seven features, at most 4096
    // entries, and CLAMP changes nothing; the size for CQSIZE is compared before it is rounded; no SINGLE_MMAP.
    // kernel: osv core/io_uring.cc io_uring_enter_impl (24eb7668): EXT_ARG is honoured, though set-up does not report
    // it; a mask without it must have sizeof(sigset_t), 128 bytes; unknown flags are ignored, ABS_TIMER among them; a
    // short submit is waited for.
    // kernel: osv core/io_uring.cc io_uring_post_cqe_locked (24eb7668): a completion without room goes to a list, and
    // sets CQ_OVERFLOW.
    // kernel: osv core/io_uring.cc io_uring_wait_cqe (24eb7668): ends when nothing is pending and something is there.
    // kernel: osv core/io_uring.cc exec_single_sqe (24eb7668): a timeout takes `len` for a number of completions, reads
    // its timespec in the worker, knows ETIME_SUCCESS alone, which makes its result 0, and is not ended by
    // TIMEOUT_REMOVE once its worker waits; requests are cancelled by user data.
    // kernel: osv core/io_uring.cc io_uring_register_impl (24eb7668): the probe says that all requests are supported;
    // synchronous cancellation looks at user data only; what is not supported is ENOSYS.
    // kernel: osv core/io_uring.cc close (24eb7668): joins all workers, and so waits for their requests.
    #[must_use]
    pub fn osv() -> Self {
        let linux = Self::linux(5, 11);
        let task_work = SetupFlags::COOP_TASKRUN | SetupFlags::TASKRUN_FLAG | SetupFlags::DEFER_TASKRUN;
        Self {
            name: "OSv",
            setup: SetupFlags::CQSIZE
                | SetupFlags::SQPOLL
                | SetupFlags::SQ_AFF
                | SetupFlags::CLAMP
                | SetupFlags::ATTACH_WQ
                | SetupFlags::SUBMIT_ALL
                | SetupFlags::R_DISABLED
                | SetupFlags::SINGLE_ISSUER
                | task_work,
            features: Features::NODROP
                | Features::SUBMIT_STABLE
                | Features::RW_CUR_POS
                | Features::FAST_POLL
                | Features::SQPOLL_NONFIXED
                | Features::CQE_SKIP
                | Features::NATIVE_WORKERS,
            enter: EnterFlags::GETEVENTS | EnterFlags::SQ_WAKEUP | EnterFlags::EXT_ARG,
            refuses_enter_flags: false,
            // Its last request is 49: FTRUNCATE (55) and PIPE (62) are not there, and NOP128 (63) is refused.
            opcodes: SIMULATED & !(1 << 55 | 1 << 62 | 1 << 63),
            bad_entry_ends_batch: false,
            bad_flags_end_batch: false,
            empty_submit_fails: false,
            short_submit_waits: true,
            sqe_flags: linux.sqe_flags | IOSQE_CQE_SKIP_SUCCESS,
            registrations: registrations(&[0, 1, 2, 3, 6, 8, 12, 22, 23, 24]),
            unsupported_registrations: registrations(&[
                9, 10, 11, 13, 14, 15, 16, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,
            ]),
            probe_claims_all: true,
            header: Header::Osv,
            cq_flags: false,
            overflow: Overflow::List,
            waits: Waits::UntilIdle,
            timeouts: TimeoutRules {
                counting: Counting::Len,
                reads: ReadsTime::InWorker,
                flags: TimeoutFlags::ETIME_SUCCESS,
                len_is_one: false,
                ends_waits: false,
                removes: false,
                success: 0,
                ..linux.timeouts
            },
            mask: Mask::Bytes(128),
            cancels_by_user_data: true,
            close_waits: true,
            without_effect: task_work | SetupFlags::SINGLE_ISSUER,
            cq_size: CqSize::Unrounded,
            clamps: false,
            max_entries: 4096,
            ..linux
        }
    }

    /// Nanos, at revision b9c3671d; what is quoted at 0468d568 was read there, the rest was seen on b9c3671d.
    ///
    /// Of its 18 requests 15 are simulated: opening, `statx` and updates of registered files are not. Left out:
    /// eventfds, that `msg_flags` are ignored (the simulation knows none), that a second waiting thread returns at once,
    /// and queues of more than 32768 entries.
    // kernel: nanos src/unix/io_uring.c io_uring_setup (0468d568): CQSIZE alone, compared before it is rounded; two
    // features; the header has 48 bytes.
    // kernel: nanos src/unix/io_uring.c io_uring_enter (0468d568): GETEVENTS alone; ignores the size of a mask; a submit
    // that consumes nothing is 0; a short submit is waited for; heads and tails are compared as plain numbers, so that
    // nothing works past 2^32.
    // kernel: nanos src/unix/io_uring.c iour_submit (0468d568): an entry flag other than FIXED_FILE and ASYNC is EINVAL
    // for that entry alone; an unknown request is EINVAL, and ends the batch.
    // kernel: nanos src/unix/io_uring.c iour_complete_locked (0468d568): what finds no room is dropped and counted.
    // kernel: nanos src/unix/io_uring.c iour_complete (0468d568): a timeout ends when the tail and the dropped together
    // are exactly its target; each one that ends moves the targets of the others on.
    // kernel: nanos src/unix/io_uring.c iour_timeout_add (0468d568): ABS is the only flag; the timespec is read at once.
    // kernel: nanos src/unix/io_uring.c iour_getevents_bh (0468d568): a timeout that ends also ends a wait.
    // kernel: nanos src/unix/io_uring.c iour_close, iour_close_bh (0468d568): ends timers and polls, and waits for all
    // other requests.
    #[must_use]
    pub fn nanos() -> Self {
        let linux = Self::linux(5, 6);
        Self {
            name: "Nanos",
            setup: SetupFlags::CQSIZE,
            features: Features::SINGLE_MMAP | Features::RW_CUR_POS,
            enter: EnterFlags::GETEVENTS,
            opcodes: SIMULATED & bits(&[0, 1, 2, 4, 5, 6, 7, 11, 12, 13, 18, 19, 20, 21, 22, 23, 26, 27]),
            bad_flags_end_batch: false,
            empty_submit_fails: false,
            short_submit_waits: true,
            sqe_flags: IOSQE_FIXED_FILE | IOSQE_ASYNC,
            registrations: registrations(&[0, 1, 2, 3, 6, 8]),
            header: Header::Nanos,
            cq_flags: false,
            overflow: Overflow::Drop,
            timeouts: TimeoutRules { counting: Counting::Exact, flags: TimeoutFlags::ABS, ..linux.timeouts },
            mask: Mask::AnySize,
            hangup: ERESTARTSYS,
            close_waits: true,
            wraps: false,
            cq_size: CqSize::Unrounded,
            ..linux
        }
    }

    /// StarryOS, in `rcore-os/tgoskits`.
    // kernel: starry os/StarryOS/kernel/src/syscall/fs/io_uring.rs setup_entries (3ed5fe66): CQSIZE and CLAMP; the sizes
    // are compared as they were asked for.
    // kernel: starry os/StarryOS/kernel/src/syscall/fs/io_uring.rs sys_io_uring_enter (3ed5fe66): GETEVENTS alone;
    // min_complete and the mask are ignored; entries are executed on the spot.
    // kernel: starry os/StarryOS/kernel/src/syscall/fs/io_uring.rs execute_sqe, execute_timeout (3ed5fe66): EOPNOTSUPP
    // in the completion for any entry flag and unknown requests; reads are plain calls, and block; a timeout completes
    // at once with 0, whatever its flags and its `len`.
    // kernel: starry os/StarryOS/kernel/src/syscall/fs/io_uring.rs sys_io_uring_register (3ed5fe66): the probe alone;
    // others are EOPNOTSUPP.
    // kernel: starry os/StarryOS/kernel/src/file/io_uring.rs fill_params, push_cqe (19574328): two features, three
    // mappings; what finds no room is dropped and counted.
    #[must_use]
    pub fn starry() -> Self {
        let linux = Self::linux(5, 6);
        Self {
            name: "StarryOS",
            setup: SetupFlags::CQSIZE | SetupFlags::CLAMP,
            features: Features::SUBMIT_STABLE | Features::RW_CUR_POS,
            enter: EnterFlags::GETEVENTS,
            opcodes: bits(&[0, 1, 2, 3, 11, 22, 23]),
            unknown_opcode: -95,
            bad_entry_ends_batch: false,
            bad_flags_end_batch: false,
            empty_submit_fails: false,
            short_submit_waits: true,
            sqe_flags: 0,
            registrations: registrations(&[8]),
            unknown_registration: Errno::EOPNOTSUPP,
            header: Header::Starry,
            cq_flags: false,
            overflow: Overflow::Drop,
            waits: Waits::Never,
            timeouts: TimeoutRules { timers: false, flags: TimeoutFlags::all(), len_is_one: false, ..linux.timeouts },
            mask: Mask::AnySize,
            unready: Unready::Blocks,
            cq_size: CqSize::AsAsked,
            max_entries: 4096,
            ..linux
        }
    }

    /// gVisor, where io_uring is switched on.
    // kernel: gvisor pkg/sentry/syscalls/linux/sys_iouring.go IOUringSetup (39fdf5f3): no set-up flag; too many entries
    // are EPERM.
    // kernel: gvisor pkg/sentry/syscalls/linux/sys_iouring.go IOUringEnter (3c5eee17): GETEVENTS alone; any mask is
    // EFAULT; a call that is told to submit nothing returns -1, which is EPERM. In 39fdf5f3 it returns 0.
    // kernel: gvisor pkg/sentry/fsimpl/iouringfs/iouringfs.go New (21c00c14): SINGLE_MMAP is the only feature.
    // kernel: gvisor pkg/sentry/fsimpl/iouringfs/iouringfs.go ProcessSubmissions (21c00c14): executes each entry on the
    // spot, takes it from the slot of the head without a look at the index array, never waits, and drops and counts what
    // finds no room.
    // kernel: gvisor pkg/sentry/fsimpl/iouringfs/iouringfs.go ProcessSubmission, handleReadv (21c00c14): a nop, and a
    // vectored read at offset 0, which fails on a pipe; others are EINVAL. The read takes no entry flag; a nop is not
    // looked at.
    #[must_use]
    pub fn gvisor() -> Self {
        let linux = Self::linux(5, 6);
        Self {
            name: "gVisor",
            setup: SetupFlags::empty(),
            features: Features::SINGLE_MMAP,
            enter: EnterFlags::GETEVENTS,
            opcodes: bits(&[0, 1]),
            unknown_opcode: EINVAL,
            bad_entry_ends_batch: false,
            bad_flags_end_batch: false,
            empty_submit_fails: false,
            short_submit_waits: true,
            empty_enter: Some(Errno::EPERM),
            sqe_flags: 0,
            registrations: 0,
            has_register: false,
            header: Header::Lines,
            reads_array: false,
            overflow: Overflow::Drop,
            waits: Waits::Never,
            timeouts: TimeoutRules { timers: false, ..linux.timeouts },
            mask: Mask::Refused,
            unready: Unready::Fails(ESPIPE),
            too_many_entries: Errno::EPERM,
            ..linux
        }
    }
}
