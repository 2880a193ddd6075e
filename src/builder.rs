//! [`Builder`]: what is asked of a ring.
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
pub const MAX_ENTRIES: u32 = 32_768;
/// The largest number of slots of a completion queue (`IORING_MAX_CQ_ENTRIES`).
pub const MAX_CQ_ENTRIES: u32 = 65_536;

/// Collects the flags and sizes of a ring, then makes it.
///
/// Each method stands for one of the kernel's set-up flags; its documentation says what the flag needs and excludes. A
/// combination that the kernel would refuse is refused before the system call, by an error that names the flags. Two kinds of
/// flags have no method: those of the entry types (`SQE128`, `CQE32` and the mixed ones), and `NO_MMAP`, which goes with
/// provided memory.
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
    /// Whether the flags of [`setup_fastest`](Self::setup_fastest) give way to a kernel that does not know them.
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
    #[doc(alias = "IORING_SETUP_IOPOLL")]
    pub const fn setup_iopoll(&mut self) -> &mut Self {
        self.add(SetupFlags::IOPOLL)
    }

    /// Sleeps for part of the expected time before it polls. Needs IOPOLL. Since 6.13.
    #[doc(alias = "IORING_SETUP_HYBRID_IOPOLL")]
    pub const fn setup_hybrid_iopoll(&mut self) -> &mut Self {
        self.add(SetupFlags::HYBRID_IOPOLL)
    }

    /// Starts a kernel-side SQPOLL thread, which consumes SQEs without a system call. The thread sleeps after `idle`
    /// milliseconds without any (0 means one second). Excludes COOP_TASKRUN, TASKRUN_FLAG, DEFER_TASKRUN and SQ_REWIND. Since 5.1; needs privilege before 5.11.
    ///
    /// In the first five minutes after a 32-bit kernel has booted, the thread sleeps only after it had work.
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
        self.cq_entries = entries;
        self.add(SetupFlags::CQSIZE)
    }

    /// Cuts sizes above the limits ([`MAX_ENTRIES`], [`MAX_CQ_ENTRIES`]) to the limits. Without this flag they are refused.
    /// Since 5.6.
    #[doc(alias = "IORING_SETUP_CLAMP")]
    pub const fn setup_clamp(&mut self) -> &mut Self {
        self.add(SetupFlags::CLAMP)
    }

    /// Shares the workers of the ring `fd`, and with SQPOLL its thread. Since 5.6.
    #[doc(alias = "IORING_SETUP_ATTACH_WQ")]
    pub const fn setup_attach_wq(&mut self, fd: RawFd) -> &mut Self {
        self.wq_fd = fd;
        self.add(SetupFlags::ATTACH_WQ)
    }

    /// Starts the ring disabled, so that it can be restricted. Until it is enabled, each `io_uring_enter(2)` answers `EBADFD`.
    /// Since 5.10.
    #[doc(alias = "IORING_SETUP_R_DISABLED")]
    pub const fn setup_r_disabled(&mut self) -> &mut Self {
        self.add(SetupFlags::R_DISABLED)
    }

    /// Submits the whole batch, even if a request in it is refused at once. Without this flag the entries behind such a
    /// request stay queued for the next submit. Since 5.18.
    #[doc(alias = "IORING_SETUP_SUBMIT_ALL")]
    pub const fn setup_submit_all(&mut self) -> &mut Self {
        self.add(SetupFlags::SUBMIT_ALL)
    }

    /// Lets completion work wait until the task next enters the kernel, instead of interrupting the task. Excludes SQPOLL.
    /// Since 5.19.
    #[doc(alias = "IORING_SETUP_COOP_TASKRUN")]
    pub const fn setup_coop_taskrun(&mut self) -> &mut Self {
        self.add(SetupFlags::COOP_TASKRUN)
    }

    /// Shows pending completion work in the ring's flags. Needs COOP_TASKRUN or DEFER_TASKRUN, and the builder adds the flag to
    /// both by itself. Since 5.19.
    #[doc(alias = "IORING_SETUP_TASKRUN_FLAG")]
    pub const fn setup_taskrun_flag(&mut self) -> &mut Self {
        self.add(SetupFlags::TASKRUN_FLAG)
    }

    /// Binds submission to one task: the one that made the ring, or with R_DISABLED the one that enables it. Other tasks get
    /// `EEXIST`. Since 6.0.
    #[doc(alias = "IORING_SETUP_SINGLE_ISSUER")]
    pub const fn setup_single_issuer(&mut self) -> &mut Self {
        self.add(SetupFlags::SINGLE_ISSUER)
    }

    /// Runs completion work only when the ring's task asks for completions. This is the fastest mode. Needs SINGLE_ISSUER,
    /// excludes SQPOLL. Since 6.1.
    #[doc(alias = "IORING_SETUP_DEFER_TASKRUN")]
    pub const fn setup_defer_taskrun(&mut self) -> &mut Self {
        self.add(SetupFlags::DEFER_TASKRUN)
    }

    /// Asks for the fastest ring of one thread that submits and reaps: SINGLE_ISSUER and DEFER_TASKRUN (6.1), on older kernels
    /// COOP_TASKRUN (5.19), before that no flag. Excludes SQPOLL, as these flags do.
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

    /// Leaves the index array out. The builder asks for that by itself and falls back; after this call a kernel that does not
    /// know the flag is an error. Since 6.6.
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

    /// Adds any flags, also such as this crate does not know. A flag that its own method adds to these is added here too.
    pub const fn setup_flags(&mut self, flags: SetupFlags) -> &mut Self {
        let more = if flags.contains(SetupFlags::SQ_REWIND) { SetupFlags::NO_SQARRAY } else { SetupFlags::empty() };
        self.add(flags.union(more))
    }
}
