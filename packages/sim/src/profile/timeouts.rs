//! [`TimeoutRules`]: how a kernel carries out `TIMEOUT` and `TIMEOUT_REMOVE`.

use bare_uring::types::TimeoutFlags;

/// What the number of completions of a timeout counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counting {
    /// Completions of other requests than timeouts, from the start of the timeout on (Linux since 5.8).
    Completions,
    /// As for `Completions`, and the requests that were consumed before the timeout count too (Linux 5.4 to 5.7).
    Consumed,
    /// Completions of all requests. The timeout ends when a completion makes the count exactly this number; a timeout
    /// that ends by its time makes no such comparison, and may carry the count past the number (Nanos).
    Exact,
    /// Completions of all requests, and the number is the entry's `len` (OSv).
    Len,
}

/// When the kernel reads the timespec of a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadsTime {
    /// When the kernel consumes the entry.
    Consumed,
    /// When the request starts, which is later than its consumption if it waits for a drain.
    Started,
    /// When a worker starts the request, at some time after its consumption. Slots of consumed entries keep their
    /// content on such a kernel.
    InWorker,
}

/// How a kernel carries out `TIMEOUT` and `TIMEOUT_REMOVE`. The fields are public, so that a test can take the rules of
/// a release and change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeoutRules {
    /// Whether a timeout is a timer; else it completes at once with 0.
    pub timers: bool,
    /// What the number of completions counts.
    pub counting: Counting,
    /// When the kernel reads the timespec.
    pub reads: ReadsTime,
    /// The flags that the kernel knows. Others are `EINVAL`.
    pub flags: TimeoutFlags,
    /// Whether a timeout may have entry flags; else any is `EINVAL`.
    pub entry_flags: bool,
    /// Whether `len` must be 1; else `EINVAL`.
    pub len_is_one: bool,
    /// Whether a timeout that ends also ends a wait for more completions.
    pub ends_waits: bool,
    /// Whether `TIMEOUT_REMOVE` ends a timeout whose timer runs; else the request says 0, and the timer runs on.
    pub removes: bool,
    /// Whether a removed timeout counts as one that has ended: it ends waits, and no other timeout counts it.
    pub counts_removed: bool,
    /// Whether a multishot timeout keeps the number of its repeats when it gets another time; else it has no end then.
    pub keeps_repeats: bool,
    /// The result of a timeout that `ETIME_SUCCESS` makes a success.
    pub success: i32,
}

impl TimeoutRules {
    /// Returns the rules of a release of Linux.
    ///
    /// Linux before 5.10 is known here by its patches: no file of those releases was read.
    // A timeout without a number is one without a count in all releases that have timeouts: the change that made it so
    // came with 5.4-rc8.
    // kernel: io_uring/timeout.c io_timeout, io_flush_timeouts (7.3): the number counts from the completion queue's tail
    // less cq_timeouts at the start.
    // kernel: io_uring/timeout.c __io_timeout_prep (7.2): EINVAL for unknown flags and for a `len` other than 1; the
    // time is read when the entry is consumed.
    // kernel: io_uring/timeout.c io_timeout_cancel (7.3): a removed timeout counts in cq_timeouts; in 7.2 it does not.
    // kernel: io_uring/timeout.c io_timeout_update (7.3): a multishot timeout keeps its repeats; in 7.2 it loses them.
    #[must_use]
    pub fn linux(major: u8, minor: u8) -> Self {
        let since = |major_since, minor_since| (major_since, minor_since) <= (major, minor);
        let flags = [
            (TimeoutFlags::ABS, (5, 5)),
            (TimeoutFlags::UPDATE, (5, 11)),
            (TimeoutFlags::BOOTTIME, (5, 15)),
            (TimeoutFlags::REALTIME, (5, 15)),
            (TimeoutFlags::LINK_UPDATE, (5, 15)),
            (TimeoutFlags::ETIME_SUCCESS, (5, 16)),
            (TimeoutFlags::MULTISHOT, (6, 4)),
            (TimeoutFlags::IMMEDIATE_ARG, (7, 1)),
        ];
        let known = flags.into_iter().filter(|row| since(row.1.0, row.1.1));
        Self {
            timers: true,
            counting: if since(5, 8) { Counting::Completions } else { Counting::Consumed },
            // SUBMIT_STABLE is the promise.
            reads: if since(5, 5) { ReadsTime::Consumed } else { ReadsTime::Started },
            flags: known.fold(TimeoutFlags::empty(), |all, row| all | row.0),
            entry_flags: since(5, 5),
            len_is_one: true,
            ends_waits: true,
            removes: true,
            counts_removed: since(7, 3),
            keeps_repeats: since(7, 3),
            success: crate::errno::ETIME,
        }
    }
}
