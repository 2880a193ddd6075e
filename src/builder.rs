//! [`Builder`]: collects the flags and sizes of a ring.
//!
//! The folder has the rest of making a ring: `rules.rs` says what may be combined, `attempts.rs` what is tried and what it falls
//! back to, `make.rs` and `takeover.rs` have all ways to get a ring.

use core::fmt;
use core::marker::PhantomData;

use crate::flags::SetupFlags;
use crate::types::RawFd;
use crate::{cqueue, squeue};

mod attempts;
mod make;
mod rules;
mod takeover;

pub use make::RingMemory;

/// The largest number of slots of a submission queue (`IORING_MAX_ENTRIES`).
// kernel: io_uring/io_uring.h IORING_MAX_ENTRIES, IORING_MAX_CQ_ENTRIES (7.3): no uapi header has the two limits.
pub const MAX_ENTRIES: u32 = 32_768;
/// The largest number of slots of a completion queue (`IORING_MAX_CQ_ENTRIES`).
pub const MAX_CQ_ENTRIES: u32 = 65_536;

/// Collects the flags and sizes of a ring, and makes the ring.
///
/// Each method stands for one of the kernel's set-up flags; its documentation says what the flag needs and excludes. A
/// combination that the kernel would refuse is an error before the system call, and the error names the flags. Two kinds of
/// flags have no method: those of the entry types (`SQE128`, `CQE32` and the mixed ones), and those of provided memory
/// (`NO_MMAP`, `REGISTERED_FD_ONLY`).
///
/// The builder adds two flags by itself:
/// - `NO_SQARRAY`, which saves an array and a load for each request. A kernel that does not know the flag (before 6.6) is asked
///   again without it.
/// - `TASKRUN_FLAG` with `COOP_TASKRUN` or `DEFER_TASKRUN`, so that a plain submit sees that completions are waiting.
///
/// [`setup_fastest`](Self::setup_fastest) chooses the flags that make the ring of one thread fast, as far as the kernel has them.
///
/// ```
/// use bare_uring::IoUring;
///
/// # fn made() -> Result<(), bare_uring::SetupError> {
/// let ring: IoUring = IoUring::builder().setup_cqsize(1024).setup_coop_taskrun().build(64)?;
/// # assert!(ring.params().cq_entries() == 1024);
/// # Ok(())
/// # }
/// # if let Err(error) = made() { println!("skipped: {error}") }
/// ```
#[derive(Clone)]
pub struct Builder<S: squeue::EntryMarker = squeue::Entry, C: cqueue::EntryMarker = cqueue::Entry> {
    pub(crate) flags: SetupFlags,
    cq_entries: u32,
    sq_thread_cpu: u32,
    sq_thread_idle: u32,
    wq_fd: RawFd,
    pub(crate) dontfork: bool,
    /// Whether the flags of [`setup_fastest`](Self::setup_fastest) were asked for, and may be left out for an older kernel.
    fastest: bool,
    entries: PhantomData<fn() -> (S, C)>,
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> Default for Builder<S, C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> fmt::Debug for Builder<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("flags", &self.flags).field("dontfork", &self.dontfork).finish_non_exhaustive()
    }
}

impl<S: squeue::EntryMarker, C: cqueue::EntryMarker> Builder<S, C> {
    /// Starts with no flags but those of the entry types.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            flags: S::SETUP.union(C::SETUP),
            cq_entries: 0,
            sq_thread_cpu: 0,
            sq_thread_idle: 0,
            wq_fd: 0,
            dontfork: false,
            fastest: false,
            entries: PhantomData,
        }
    }

    const fn add(&mut self, flags: SetupFlags) -> &mut Self {
        self.flags = self.flags.union(flags);
        self
    }

    /// Keeps the ring's mappings from child processes (`MADV_DONTFORK`). For provided memory the caller does that.
    #[doc(alias = "io_uring_ring_dontfork")]
    pub const fn dontfork(&mut self) -> &mut Self {
        self.dontfork = true;
        self
    }

    /// Finds completions by polling the device, not by interrupts. Such a ring takes commands, and reads and writes with
    /// `O_DIRECT` on files whose driver has polled queues; nothing else. Since 5.1.
    // kernel: io_uring/io_uring.c io_init_req (7.3): on such a ring an opcode without polling (`iopoll` in
    // io_uring/opdef.c) is EINVAL.
    #[doc(alias = "IORING_SETUP_IOPOLL")]
    pub const fn setup_iopoll(&mut self) -> &mut Self {
        self.add(SetupFlags::IOPOLL)
    }

    /// Sleeps for part of the expected time before it polls. Needs IOPOLL. Since 6.13.
    #[doc(alias = "IORING_SETUP_HYBRID_IOPOLL")]
    pub const fn setup_hybrid_iopoll(&mut self) -> &mut Self {
        self.add(SetupFlags::HYBRID_IOPOLL)
    }

    /// Starts a kernel-side SQPOLL thread, which consumes SQEs without a system call. After `idle` milliseconds without an
    /// SQE the thread sleeps (0 means one second). Excludes COOP_TASKRUN, TASKRUN_FLAG, DEFER_TASKRUN and SQ_REWIND.
    /// Since 5.1; needs privilege before 5.11.
    ///
    /// In the first five minutes after a 32-bit kernel has booted, the thread sleeps only after it had work.
    // kernel: io_uring/sqpoll.c io_sq_offload_create (7.3): an idle time of 0 becomes one second.
    // kernel: io_uring/sqpoll.c io_sq_thread (7.3): the time at which the thread may sleep starts at tick 0, and moves
    // only with work. The 32-bit tick counter begins five minutes before it wraps to 0.
    #[doc(alias = "IORING_SETUP_SQPOLL")]
    pub const fn setup_sqpoll(&mut self, idle: u32) -> &mut Self {
        self.sq_thread_idle = idle;
        self.add(SetupFlags::SQPOLL)
    }

    /// Binds the SQPOLL thread to this CPU. Needs SQPOLL. Since 5.1.
    #[doc(alias = "IORING_SETUP_SQ_AFF")]
    pub const fn setup_sqpoll_cpu(&mut self, cpu: u32) -> &mut Self {
        self.sq_thread_cpu = cpu;
        self.add(SetupFlags::SQ_AFF)
    }

    /// Gives the completion queue at least `entries` slots (rounded up to a power of two), instead of twice the slots of the
    /// submission queue. Since 5.5.
    #[doc(alias = "IORING_SETUP_CQSIZE")]
    pub const fn setup_cqsize(&mut self, entries: u32) -> &mut Self {
        // Rounded up here, because Linux 5.5 to 5.9 and other kernels compare this size with that of the submission queue before
        // they round it.
        self.cq_entries = if entries <= MAX_CQ_ENTRIES && entries != 0 { entries.next_power_of_two() } else { entries };
        self.add(SetupFlags::CQSIZE)
    }

    /// Cuts sizes above the limits ([`MAX_ENTRIES`], [`MAX_CQ_ENTRIES`]) to the limits. Without this flag they are refused.
    /// Since 5.6.
    #[doc(alias = "IORING_SETUP_CLAMP")]
    pub const fn setup_clamp(&mut self) -> &mut Self {
        self.add(SetupFlags::CLAMP)
    }

    /// Shares the SQPOLL thread of the ring `fd`. A ring of another process does not share its thread: then the new ring gets
    /// a thread of its own. Without SQPOLL the flag once shared worker threads; kernels since 5.12 share them per task, and
    /// only check that `fd` is a ring. Since 5.6.
    // kernel: io_uring/sqpoll.c io_get_sq_data, io_attach_sq_data, io_sq_offload_create (7.3): the thread of a ring of
    // another process is EPERM, which makes a new thread; without SQPOLL only the descriptor is checked.
    #[doc(alias = "IORING_SETUP_ATTACH_WQ")]
    pub const fn setup_attach_wq(&mut self, fd: RawFd) -> &mut Self {
        self.wq_fd = fd;
        self.add(SetupFlags::ATTACH_WQ)
    }

    /// Starts the ring disabled, so that it can be restricted. Until it is enabled, each `io_uring_enter(2)` fails with
    /// `EBADFD`. Since 5.10.
    // kernel: io_uring/io_uring.c io_uring_enter (7.3): the state is looked at before anything is submitted or waited for.
    #[doc(alias = "IORING_SETUP_R_DISABLED")]
    pub const fn setup_r_disabled(&mut self) -> &mut Self {
        self.add(SetupFlags::R_DISABLED)
    }

    /// Submits the whole batch, even if a request in it is refused at once. Without this flag the entries behind such a
    /// request stay queued for the next submit. Since 5.18.
    // kernel: io_uring/io_uring.c io_submit_sqes, io_submit_fail_init (7.3): a refused entry is consumed and counted, and
    // gets a completion. Outside a chain, and at the end of one, it ends the batch unless the ring has SUBMIT_ALL.
    #[doc(alias = "IORING_SETUP_SUBMIT_ALL")]
    pub const fn setup_submit_all(&mut self) -> &mut Self {
        self.add(SetupFlags::SUBMIT_ALL)
    }

    /// Lets completion work wait until the task next enters the kernel, instead of interrupting the task. Excludes SQPOLL.
    /// Since 5.19.
    // kernel: io_uring/io_uring.c io_uring_create (7.3): task work is announced without an inter-processor interrupt.
    #[doc(alias = "IORING_SETUP_COOP_TASKRUN")]
    pub const fn setup_coop_taskrun(&mut self) -> &mut Self {
        self.add(SetupFlags::COOP_TASKRUN)
    }

    /// Shows pending completion work in the ring's flags. Needs COOP_TASKRUN or DEFER_TASKRUN; the builder adds this flag to
    /// either. Since 5.19.
    #[doc(alias = "IORING_SETUP_TASKRUN_FLAG")]
    pub const fn setup_taskrun_flag(&mut self) -> &mut Self {
        self.add(SetupFlags::TASKRUN_FLAG)
    }

    /// Binds submission to one task: the task that made the ring, or with R_DISABLED the task that enables it. Other tasks get
    /// `EEXIST`. Since 6.0.
    // kernel: io_uring/tctx.c __io_uring_add_tctx_node_from_submit (7.3): a submit by another task is EEXIST.
    #[doc(alias = "IORING_SETUP_SINGLE_ISSUER")]
    pub const fn setup_single_issuer(&mut self) -> &mut Self {
        self.add(SetupFlags::SINGLE_ISSUER)
    }

    /// Runs completion work only when the ring's task asks for completions. This is the fastest mode. Needs SINGLE_ISSUER,
    /// excludes SQPOLL. Since 6.1.
    // kernel: io_uring/tw.h io_allowed_run_tw (7.3): a wait by another task is EEXIST.
    #[doc(alias = "IORING_SETUP_DEFER_TASKRUN")]
    pub const fn setup_defer_taskrun(&mut self) -> &mut Self {
        self.add(SetupFlags::DEFER_TASKRUN)
    }

    /// Asks for the fastest ring of one thread that submits and reaps: SINGLE_ISSUER and DEFER_TASKRUN (since 6.1), on older
    /// kernels COOP_TASKRUN (since 5.19), and before that neither. Excludes SQPOLL, as these flags do.
    ///
    /// If the thread keeps the ring, [`register_ring_fd`](crate::IoUring::register_ring_fd) also saves the look-up of the
    /// descriptor in each call:
    ///
    /// ```
    /// use bare_uring::IoUring;
    ///
    /// # fn made() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring: IoUring = IoUring::builder().setup_fastest().build(64)?;
    /// let ring = ring.register_ring_fd().map_err(|(_, errno)| errno)?;
    /// # drop(ring);
    /// # Ok(())
    /// # }
    /// # match made() {
    /// #     Err(error) if error.is::<bare_uring::SetupError>() => println!("skipped: {error}"),
    /// #     outcome => outcome.unwrap(),
    /// # }
    /// ```
    pub const fn setup_fastest(&mut self) -> &mut Self {
        self.fastest = true;
        self.add(SetupFlags::SINGLE_ISSUER.union(SetupFlags::DEFER_TASKRUN))
    }

    /// Insists on a ring without an index array. The builder asks for such a ring in any case, but asks again without the flag
    /// if the kernel does not know it; after this call such a kernel is an error. Since 6.6.
    #[doc(alias = "IORING_SETUP_NO_SQARRAY")]
    pub const fn setup_no_sqarray(&mut self) -> &mut Self {
        self.add(SetupFlags::NO_SQARRAY)
    }

    /// Starts every submission at entry 0, so that small batches stay in the same cache lines. Needs NO_SQARRAY (which this
    /// method adds), excludes SQPOLL. Since 7.0.
    #[doc(alias = "IORING_SETUP_SQ_REWIND")]
    pub const fn setup_sq_rewind(&mut self) -> &mut Self {
        self.setup_flags(SetupFlags::SQ_REWIND)
    }

    /// Adds any flags, also flags that this crate does not know. SQ_REWIND brings NO_SQARRAY with it, as in
    /// [`setup_sq_rewind`](Self::setup_sq_rewind).
    pub const fn setup_flags(&mut self, flags: SetupFlags) -> &mut Self {
        let more = if flags.contains(SetupFlags::SQ_REWIND) { SetupFlags::NO_SQARRAY } else { SetupFlags::empty() };
        self.add(flags.union(more))
    }
}
