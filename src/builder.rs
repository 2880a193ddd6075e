//! [`Builder`]: what set-up may combine, how much memory it takes, and what it falls back to. [`Parameters`]: what came
//! of it.
#![forbid(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;

use crate::error::SetupError;
use crate::flags::SetupFlags;
use crate::memory::{Header, MemorySize};
use crate::types::RawFd;
use crate::uapi::io_uring_params;
use crate::{cqueue, squeue};

mod parameters;

pub use parameters::Parameters;

/// The most submission entries that a ring can have (`IORING_MAX_ENTRIES`).
pub const MAX_ENTRIES: u32 = 32_768;
/// The most completion entries that a ring can have (`IORING_MAX_CQ_ENTRIES`).
pub const MAX_CQ_ENTRIES: u32 = 65_536;

/// How a ring is to be made.
///
/// The methods follow the kernel's flags; their documentation says what each needs and excludes. What the kernel would
/// refuse is refused before it is asked, with an error that says which. The entry types stand for their flags
/// (`SQE128`, `CQE32` and the mixed ones), provided memory for `NO_MMAP`.
///
/// Two things are added without being asked for:
/// - `NO_SQARRAY`, which saves an array and a load for each request; dropped again where the kernel (before 6.6) does
///   not know it.
/// - `TASKRUN_FLAG` with `COOP_TASKRUN` or `DEFER_TASKRUN`, so that a plain submit sees that completions are waiting.
///
/// [`setup_fastest`](Self::setup_fastest) asks for whatever makes the ring of one thread fast, as far as the kernel has it.
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
    /// A ring with no flags but those of its entry types.
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

    /// Keeps the ring's mappings from child processes (`MADV_DONTFORK`). Provided memory is the caller's to advise.
    #[doc(alias = "io_uring_ring_dontfork")]
    pub const fn dontfork(&mut self) -> &mut Self {
        self.dontfork = true;
        self
    }

    /// Completions are found by polling the device, not by interrupt. Only reads and writes with `O_DIRECT` on files
    /// whose driver has polled queues, and commands, work on such a ring. Since 5.1.
    #[doc(alias = "IORING_SETUP_IOPOLL")]
    pub const fn setup_iopoll(&mut self) -> &mut Self {
        self.add(SetupFlags::IOPOLL)
    }

    /// With IOPOLL: sleeps for part of the expected time before it polls. Since 6.13.
    #[doc(alias = "IORING_SETUP_HYBRID_IOPOLL")]
    pub const fn setup_hybrid_iopoll(&mut self) -> &mut Self {
        self.add(SetupFlags::HYBRID_IOPOLL)
    }

    /// A thread of the kernel consumes the submissions, and sleeps after `idle` milliseconds without any (0: one
    /// second). Excludes COOP_TASKRUN, TASKRUN_FLAG, DEFER_TASKRUN and SQ_REWIND. Since 5.1; needs privilege before 5.11.
    ///
    /// In the first five minutes after the start of a kernel of 32 bits, the thread does not sleep before it had work.
    #[doc(alias = "IORING_SETUP_SQPOLL")]
    pub const fn setup_sqpoll(&mut self, idle: u32) -> &mut Self {
        self.sq_thread_idle = idle;
        self.add(SetupFlags::SQPOLL)
    }

    /// With SQPOLL: that thread runs on this CPU only. Since 5.1.
    #[doc(alias = "IORING_SETUP_SQ_AFF")]
    pub const fn setup_sqpoll_cpu(&mut self, cpu: u32) -> &mut Self {
        self.sq_thread_cpu = cpu;
        self.add(SetupFlags::SQ_AFF)
    }

    /// At least `entries` completion slots (rounded up to a power of two), instead of twice the submission slots.
    /// Since 5.5.
    #[doc(alias = "IORING_SETUP_CQSIZE")]
    pub const fn setup_cqsize(&mut self, entries: u32) -> &mut Self {
        self.cq_entries = entries;
        self.add(SetupFlags::CQSIZE)
    }

    /// Sizes above the limits ([`MAX_ENTRIES`], [`MAX_CQ_ENTRIES`]) are cut to them and not refused. Since 5.6.
    #[doc(alias = "IORING_SETUP_CLAMP")]
    pub const fn setup_clamp(&mut self) -> &mut Self {
        self.add(SetupFlags::CLAMP)
    }

    /// Shares the workers, and with SQPOLL the thread, of the ring `fd`. Since 5.6.
    #[doc(alias = "IORING_SETUP_ATTACH_WQ")]
    pub const fn setup_attach_wq(&mut self, fd: RawFd) -> &mut Self {
        self.wq_fd = fd;
        self.add(SetupFlags::ATTACH_WQ)
    }

    /// The ring starts disabled, so that it can be restricted; until it is enabled, entering it gives `EBADFD`.
    /// Since 5.10.
    #[doc(alias = "IORING_SETUP_R_DISABLED")]
    pub const fn setup_r_disabled(&mut self) -> &mut Self {
        self.add(SetupFlags::R_DISABLED)
    }

    /// A request that is refused at once does not end the batch; without this flag what stands after it stays queued
    /// for the next submit. Since 5.18.
    #[doc(alias = "IORING_SETUP_SUBMIT_ALL")]
    pub const fn setup_submit_all(&mut self) -> &mut Self {
        self.add(SetupFlags::SUBMIT_ALL)
    }

    /// The kernel does not interrupt the task to run its completion work; that runs when the task next enters the
    /// kernel. Excludes SQPOLL. Since 5.19.
    #[doc(alias = "IORING_SETUP_COOP_TASKRUN")]
    pub const fn setup_coop_taskrun(&mut self) -> &mut Self {
        self.add(SetupFlags::COOP_TASKRUN)
    }

    /// The ring's flags show that completion work is pending. Added where it is possible; here to be asked for.
    /// Needs COOP_TASKRUN or DEFER_TASKRUN. Since 5.19.
    #[doc(alias = "IORING_SETUP_TASKRUN_FLAG")]
    pub const fn setup_taskrun_flag(&mut self) -> &mut Self {
        self.add(SetupFlags::TASKRUN_FLAG)
    }

    /// One task alone submits: the one that made the ring, or with R_DISABLED the one that enables it; others get
    /// `EEXIST`. Since 6.0.
    #[doc(alias = "IORING_SETUP_SINGLE_ISSUER")]
    pub const fn setup_single_issuer(&mut self) -> &mut Self {
        self.add(SetupFlags::SINGLE_ISSUER)
    }

    /// Completion work runs only when that task asks for completions; the fastest mode. Needs SINGLE_ISSUER, excludes
    /// SQPOLL. Since 6.1.
    #[doc(alias = "IORING_SETUP_DEFER_TASKRUN")]
    pub const fn setup_defer_taskrun(&mut self) -> &mut Self {
        self.add(SetupFlags::DEFER_TASKRUN)
    }

    /// The fastest ring for one thread that submits and reaps: SINGLE_ISSUER and DEFER_TASKRUN (6.1), on older kernels
    /// COOP_TASKRUN (5.19), before that nothing. Excludes SQPOLL, as these do.
    ///
    /// Where the thread keeps the ring, [`register_ring_fd`](crate::IoUring::register_ring_fd) then saves looking its
    /// descriptor up in each call:
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

    /// No index array. Added where it is possible; asked for here, a kernel that does not know it refuses. Since 6.6.
    #[doc(alias = "IORING_SETUP_NO_SQARRAY")]
    pub const fn setup_no_sqarray(&mut self) -> &mut Self {
        self.add(SetupFlags::NO_SQARRAY)
    }

    /// Every submission starts at entry 0, so that small batches stay in the same cache lines. Needs NO_SQARRAY (which
    /// this method adds), excludes SQPOLL. Since 7.0.
    #[doc(alias = "IORING_SETUP_SQ_REWIND")]
    pub const fn setup_sq_rewind(&mut self) -> &mut Self {
        self.setup_flags(SetupFlags::SQ_REWIND)
    }

    /// Any flags, those among them that this crate does not know. What a flag's own method adds besides comes here too.
    pub const fn setup_flags(&mut self, flags: SetupFlags) -> &mut Self {
        let more = if flags.contains(SetupFlags::SQ_REWIND) { SetupFlags::NO_SQARRAY } else { SetupFlags::empty() };
        self.add(flags.union(more))
    }

    /// How much memory this ring takes if it is provided ([`build_provided`](Self::build_provided)): enough with and
    /// without index array, so that both can be tried.
    ///
    /// For a `const`, and with it for a `static`:
    ///
    /// ```
    /// use bare_uring::{Builder, MemorySize, cqueue, squeue};
    ///
    /// const SIZE: MemorySize = match Builder::<squeue::Entry, cqueue::Entry>::new().memory_size(64) {
    ///     Ok(size) => size,
    ///     Err(_) => panic!("64 entries are no ring"),
    /// };
    /// assert_eq!(SIZE.sqes, 64 * 64);
    /// ```
    ///
    /// The head of the ring is counted as kernels for this architecture have it (a cache line); one that says
    /// otherwise (`IORING_REGISTER_QUERY`, since 6.19) is believed when the ring is made.
    ///
    /// # Errors
    ///
    /// As for building: sizes and combinations that make no ring.
    pub const fn memory_size(&self, entries: u32) -> Result<MemorySize, SetupError> {
        self.memory_size_with(entries, Header::USUAL)
    }

    pub(crate) const fn memory_size_with(&self, entries: u32, header: Header) -> Result<MemorySize, SetupError> {
        let (sq, cq) = match self.check(entries) {
            Ok(sizes) => sizes,
            Err(error) => return Err(error),
        };
        match MemorySize::compute(self.flags, sq, cq, header) {
            Some(size) => Ok(size),
            None => Err(SetupError::Garbled),
        }
    }

    /// What the kernel would refuse, refused by name; else the sizes of both queues. Inlined: of sizes and flags that are
    /// constants nothing is left to check.
    #[inline(always)]
    pub(crate) const fn check(&self, entries: u32) -> Result<(u32, u32), SetupError> {
        if let Some(error) = refused_combination(self.flags, S::SETUP.union(C::SETUP)) {
            return Err(error);
        }
        let sq = match round_up(entries, MAX_ENTRIES, self.flags) {
            Ok(sq) => sq,
            Err(error) => return Err(error),
        };
        let cq = if self.flags.contains(SetupFlags::CQSIZE) {
            match round_up(self.cq_entries, MAX_CQ_ENTRIES, self.flags) {
                Ok(cq) => cq,
                Err(error) => return Err(error),
            }
        } else {
            2 * sq
        };
        if cq < sq {
            return Err(SetupError::CqSmallerThanSq { sq, cq });
        }
        // A large entry may need a filler before its two slots, which a ring of two could never hold.
        if self.flags.contains(SetupFlags::SQE_MIXED) && sq < 4 || self.flags.contains(SetupFlags::CQE_MIXED) && cq < 2
        {
            return Err(SetupError::TooFewForMixed);
        }
        Ok((sq, cq))
    }

    /// The set of flags to try first.
    pub(crate) const fn best(&self) -> SetupFlags {
        let mut flags = self.flags.union(SetupFlags::NO_SQARRAY);
        if flags.intersects(SetupFlags::COOP_TASKRUN.union(SetupFlags::DEFER_TASKRUN)) {
            flags = flags.union(SetupFlags::TASKRUN_FLAG);
        }
        flags
    }

    /// What to try after `flags`, which the kernel does not know; `None` if all of it was asked for.
    pub(crate) const fn after(&self, flags: SetupFlags) -> Option<SetupFlags> {
        use SetupFlags as F;

        if flags.difference(self.flags).contains(F::NO_SQARRAY) {
            Some(flags.difference(F::NO_SQARRAY))
        } else if self.fastest && flags.contains(F::DEFER_TASKRUN) {
            Some(flags.difference(F::DEFER_TASKRUN.union(F::SINGLE_ISSUER)).union(F::COOP_TASKRUN))
        } else if self.fastest && flags.contains(F::COOP_TASKRUN) {
            Some(flags.difference(F::COOP_TASKRUN.union(F::TASKRUN_FLAG)))
        } else {
            None
        }
    }

    /// Writes all that it asks for, but for the flags, into a structure of zeroes.
    pub(crate) const fn fill(&self, params: &mut io_uring_params) {
        params.cq_entries = self.cq_entries;
        params.sq_thread_cpu = self.sq_thread_cpu;
        params.sq_thread_idle = self.sq_thread_idle;
        params.wq_fd = self.wq_fd.cast_unsigned();
    }
}

/// Rounds a size up to a power of two, as the kernel does (`io_uring_fill_params()`).
#[inline(always)]
const fn round_up(entries: u32, limit: u32, flags: SetupFlags) -> Result<u32, SetupError> {
    if entries == 0 {
        Err(SetupError::NoEntries)
    } else if entries <= limit {
        Ok(entries.next_power_of_two())
    } else if flags.contains(SetupFlags::CLAMP) {
        Ok(limit)
    } else {
        Err(SetupError::TooManyEntries { entries, limit })
    }
}

/// The rules of `io_uring_sanitise_params()` and of SQPOLL's set-up, each with its error.
#[inline(always)]
pub(crate) const fn refused_combination(flags: SetupFlags, of_entries: SetupFlags) -> Option<SetupError> {
    // The entry types alone are never refused.
    if flags.bits() == of_entries.bits() { None } else { refused_by_hand(flags, of_entries) }
}

const fn refused_by_hand(flags: SetupFlags, of_entries: SetupFlags) -> Option<SetupError> {
    use SetupFlags as F;

    const LAYOUT: SetupFlags = F::SQE128.union(F::CQE32).union(F::CQE_MIXED).union(F::SQE_MIXED);
    const NOT_BY_HAND: SetupFlags = LAYOUT.union(F::NO_MMAP).union(F::REGISTERED_FD_ONLY);
    const CONFLICTS: &[(SetupFlags, SetupFlags)] = &[
        (F::SQPOLL, F::COOP_TASKRUN),
        (F::SQPOLL, F::TASKRUN_FLAG),
        (F::SQPOLL, F::DEFER_TASKRUN),
        (F::SQPOLL, F::SQ_REWIND),
    ];
    const NEEDS: &[(SetupFlags, SetupFlags)] = &[
        (F::SQ_AFF, F::SQPOLL),
        (F::HYBRID_IOPOLL, F::IOPOLL),
        (F::DEFER_TASKRUN, F::SINGLE_ISSUER),
        (F::TASKRUN_FLAG, F::COOP_TASKRUN.union(F::DEFER_TASKRUN)),
        (F::SQ_REWIND, F::NO_SQARRAY),
    ];

    let by_hand = flags.difference(of_entries).intersection(NOT_BY_HAND);
    if !by_hand.is_empty() {
        return Some(SetupError::NotByHand(by_hand));
    }
    let mut i = 0;
    while i < CONFLICTS.len() {
        let (a, b) = CONFLICTS[i];
        if flags.contains(a) && flags.contains(b) {
            return Some(SetupError::Conflict(a, b));
        }
        i += 1;
    }
    let mut i = 0;
    while i < NEEDS.len() {
        let (flag, needed) = NEEDS[i];
        if flags.contains(flag) && !flags.intersects(needed) {
            return Some(SetupError::Needs(flag, needed));
        }
        i += 1;
    }
    None
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
