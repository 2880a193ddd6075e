//! [`Coverage`]: how often the simulated kernel did what a kernel may do and seldom does.

use std::fmt;

/// Something that a kernel may do, and that its user must be ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mark {
    /// A ring started just before its heads and tails wrap.
    NearTheWrap,
    /// A submission queue slot whose entry was consumed was overwritten.
    EntryOverwritten,
    /// A completion queue slot that the user gave back was overwritten.
    CompletionOverwritten,
    /// The bytes around an area were compared with what they should be.
    CanariesRead,
    /// The kernel-side SQPOLL thread fell asleep.
    ThreadSlept,
    /// The SQPOLL thread saw entries right after it had set `IORING_SQ_NEED_WAKEUP`, and went on.
    ThreadLookedAgain,
    /// A call woke the SQPOLL thread.
    ThreadWoken,
    /// The SQPOLL thread consumed fewer entries than it saw.
    ThreadTookPart,
    /// The SQPOLL thread slept over visible entries while its user was in the kernel.
    ThreadSleptOver,
    /// A call waited for room in the submission queue.
    WaitedForRoom,
    /// There was no memory for a request: the submit was short.
    ShortSubmit,
    /// There was no memory for the first request: `EAGAIN`.
    NoMemory,
    /// A kernel that is told to submit nothing answered with an error.
    EmptyEnter,
    /// A call waited though its submit was short.
    WaitedAfterShort,
    /// An entry with an unknown flag was refused, and its batch went on.
    BadFlags,
    /// A refused entry ended its batch.
    BatchEnded,
    /// A submit was refused while the overflow list was not empty: `EBUSY`.
    Busy,
    /// A chain was refused because of one of its entries.
    ChainRefused,
    /// A chain waited for all requests before it.
    Drained,
    /// A failed link cancelled the requests behind it.
    LinkBroken,
    /// A request ended without a completion.
    Skipped,
    /// A request that could complete at once completed later.
    Delayed,
    /// A request completed before one that was started earlier.
    Reordered,
    /// A request completed more than once.
    Repeated,
    /// A request completed as cancelled.
    Cancelled,
    /// A linked timeout ended its request, or found the request done.
    LimitReached,
    /// Task work waited for the task to enter the kernel.
    WorkDeferred,
    /// A completion found no room, and went into the overflow list.
    Listed,
    /// A completion was moved out of the overflow list into the queue.
    Flushed,
    /// A completion found no room, and was dropped by a kernel that has no overflow list.
    Dropped,
    /// A completion found no room and no memory, and was lost.
    Lost,
    /// A wait said that completions were lost: `EBADR`.
    LossTold,
    /// A filler (`IORING_CQE_F_SKIP`) took the last slot of the completion queue.
    Filler,
    /// A wait was interrupted, and the completion queue was empty: `EINTR`.
    Interrupted,
    /// A wait was interrupted, and the completion queue was not empty.
    InterruptedWithSome,
    /// A wait ended early, with fewer completions than asked for.
    EarlyReturn,
    /// A wait ended because the overflow list found no room.
    EndedByOverflow,
    /// Enough completions ended a timeout.
    CountReached,
    /// A timeout was removed, or got another time.
    TimeoutChanged,
    /// A read that waited for a pipe ended with an odd error, because the writer went.
    HungUp,
    /// Closing a ring took time, because the kernel waits for its timers.
    CloseWaited,
    /// A request's timeout ended a wait.
    EndedByTimeout,
    /// The time of a wait was over: `ETIME`, if the completion queue was empty.
    TimeOver,
    /// The minimum time of a wait was over.
    MinimumOver,
    /// A call named a ring by its registered index.
    NamedByIndex,
    /// A disabled ring refused a call: `EBADFD`.
    Disabled,
    /// A provided buffer was picked.
    BufferPicked,
    /// No buffer was left: `ENOBUFS`.
    NoBuffer,
    /// A request named a buffer group that does not exist.
    NoGroup,
    /// A request committed its buffers when it picked them: in a worker, on a file that can't be polled, or to send.
    BufferHeld,
    /// A part of an incremental buffer was used, and the rest stays in the ring.
    BufferKept,
    /// An incremental buffer was used up.
    BufferUsedUp,
    /// An incremental buffer had less left than `min_left`, and counted as used up.
    RestTooShort,
    /// An incremental buffer stayed in the ring, and the completion lacked `IORING_CQE_F_BUF_MORE`.
    MoreLeftOut,
    /// A completion with an error named a buffer that was used up.
    ErrorUsesBuffer,
    /// A completion with an error named a buffer that stayed in the ring.
    ErrorOnlyNames,
    /// A completion at the end of a file named a buffer.
    EndNamesBuffer,
    /// A zero-copy send was done, and its notification was still to come.
    Lent,
    /// A datagram was longer than its buffer, and was cut.
    DatagramCut,
    /// More bytes were committed than the picked buffer had, and buffers were passed over.
    PassedOver,
    /// A request filled several buffers.
    Bundled,
    /// A bundle received a second time before its completion.
    BundleAppended,
    /// The completion of a bundle of incremental buffers named another buffer than the first.
    BundleOutOfOrder,
    /// The result of a message counted bytes that the kernel has not written.
    GapCounted,
    /// A request sent from provided buffers.
    SentFromGroup,
    /// A buffer group was unregistered while requests held its buffers.
    HeldBeyondGroup,
    /// A ring outlived its descriptors, because the memory of a buffer group was mapped.
    RingPinned,
    /// A completion lied about a buffer.
    Forged,
    /// A hostile kernel changed a word of the ring's memory.
    WordChanged,
    /// A hostile kernel lied when it made a ring.
    SetupLie,
    /// A hostile kernel answered with a random number.
    NumberLie,
    /// A hostile kernel answered with a random error.
    ErrorLie,
}

impl Mark {
    /// All marks, in the order of their values.
    pub const ALL: [Self; 72] = [
        Self::NearTheWrap,
        Self::EntryOverwritten,
        Self::CompletionOverwritten,
        Self::CanariesRead,
        Self::ThreadSlept,
        Self::ThreadLookedAgain,
        Self::ThreadWoken,
        Self::ThreadTookPart,
        Self::ThreadSleptOver,
        Self::WaitedForRoom,
        Self::ShortSubmit,
        Self::NoMemory,
        Self::EmptyEnter,
        Self::WaitedAfterShort,
        Self::BadFlags,
        Self::BatchEnded,
        Self::Busy,
        Self::ChainRefused,
        Self::Drained,
        Self::LinkBroken,
        Self::Skipped,
        Self::Delayed,
        Self::Reordered,
        Self::Repeated,
        Self::Cancelled,
        Self::LimitReached,
        Self::WorkDeferred,
        Self::Listed,
        Self::Flushed,
        Self::Dropped,
        Self::Lost,
        Self::LossTold,
        Self::Filler,
        Self::Interrupted,
        Self::InterruptedWithSome,
        Self::EarlyReturn,
        Self::EndedByOverflow,
        Self::CountReached,
        Self::TimeoutChanged,
        Self::HungUp,
        Self::CloseWaited,
        Self::EndedByTimeout,
        Self::TimeOver,
        Self::MinimumOver,
        Self::NamedByIndex,
        Self::Disabled,
        Self::BufferPicked,
        Self::NoBuffer,
        Self::NoGroup,
        Self::BufferHeld,
        Self::BufferKept,
        Self::BufferUsedUp,
        Self::RestTooShort,
        Self::MoreLeftOut,
        Self::ErrorUsesBuffer,
        Self::ErrorOnlyNames,
        Self::EndNamesBuffer,
        Self::Lent,
        Self::DatagramCut,
        Self::PassedOver,
        Self::Bundled,
        Self::BundleAppended,
        Self::BundleOutOfOrder,
        Self::GapCounted,
        Self::SentFromGroup,
        Self::HeldBeyondGroup,
        Self::RingPinned,
        Self::Forged,
        Self::WordChanged,
        Self::SetupLie,
        Self::NumberLie,
        Self::ErrorLie,
    ];
}

// Counts are found by the mark's value, so the list must have the same order.
const _: () = {
    let mut at = 0;
    while at < Mark::ALL.len() {
        assert!(Mark::ALL[at] as usize == at);
        at += 1;
    }
    assert!(Mark::ErrorLie as usize + 1 == Mark::ALL.len());
};

/// How often each [`Mark`] was reached. A simulation that has grown kind no longer reaches some of them, and all tests
/// on it still pass. A test must look at these counts too.
#[derive(Clone, PartialEq, Eq)]
pub struct Coverage([u64; Mark::ALL.len()]);

impl fmt::Debug for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(Mark::ALL.iter().map(|&mark| (mark, self.count(mark)))).finish()
    }
}

impl Default for Coverage {
    fn default() -> Self {
        Self([0; Mark::ALL.len()])
    }
}

impl Coverage {
    /// Returns how often `mark` was reached.
    #[must_use]
    pub const fn count(&self, mark: Mark) -> u64 {
        self.0[mark as usize]
    }

    /// Adds `times` to the count of `mark`.
    pub const fn add(&mut self, mark: Mark, times: u64) {
        self.0[mark as usize] += times;
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for mark in Mark::ALL {
            self.add(mark, other.count(mark));
        }
    }

    /// Compares the counts with a table that has a row for each mark: the least count per 1000 `runs`, or 0 if the mark
    /// need not be reached. Returns a line for each mark that was reached too seldom or has no row.
    #[must_use]
    pub fn shortfalls(&self, runs: u64, per_thousand: &[(Mark, u64)]) -> Vec<String> {
        let mut wrong = Vec::new();
        for mark in Mark::ALL {
            let count = self.count(mark);
            match per_thousand.iter().find(|row| row.0 == mark) {
                None => wrong.push(format!("{mark:?} has no row in the table")),
                Some(&(_, least)) if count * 1000 < least * runs => {
                    wrong.push(format!(
                        "{mark:?} was reached {count} times in {runs} runs, fewer than {least} per 1000"
                    ));
                }
                Some(_) => {}
            }
        }
        wrong
    }

    pub(crate) const fn mark(&mut self, mark: Mark) {
        self.add(mark, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::{Coverage, Mark};

    #[test]
    fn what_is_reached_too_seldom_is_told() {
        let mut coverage = Coverage::default();
        coverage.add(Mark::Busy, 5);
        coverage.add(Mark::Lost, 1);
        let mut table: Vec<_> = Mark::ALL.iter().map(|&mark| (mark, 0)).collect();
        table.iter_mut().find(|row| row.0 == Mark::Busy).expect("a row").1 = 2;
        table.retain(|row| row.0 != Mark::Dropped);
        let dropped = "Dropped has no row in the table".to_string();
        assert_eq!(coverage.shortfalls(2500, &table), std::slice::from_ref(&dropped));
        let busy = "Busy was reached 5 times in 2501 runs, fewer than 2 per 1000".to_string();
        assert_eq!(coverage.shortfalls(2501, &table), [busy, dropped]);
    }

    #[test]
    fn counts_are_merged_one_by_one() {
        let (mut one, mut other) = (Coverage::default(), Coverage::default());
        one.mark(Mark::Busy);
        other.add(Mark::Busy, 2);
        other.add(Mark::ErrorLie, 3);
        one.merge(&other);
        assert_eq!((one.count(Mark::Busy), one.count(Mark::ErrorLie), one.count(Mark::Lost)), (3, 3, 0));
    }
}
