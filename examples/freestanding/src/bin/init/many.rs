//! Helpers for several requests at once.

use bare_uring::squeue::Entry;
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Errno, IoUring, Kernel, cqueue};

/// Time limit of every wait, for an emulated machine that shares its processor with others.
pub(crate) const PATIENCE: Timespec = Timespec::new(30, 0);

/// Pushes requests, numbered from 1 in the order given, and submits them.
///
/// # Safety
///
/// The contract of [`push`](bare_uring::SubmissionQueue::push), for each request.
pub(crate) unsafe fn submit<K: Kernel>(
    ring: &mut IoUring<Entry, cqueue::Entry, K>,
    entries: &[Entry],
) -> Result<usize, Errno> {
    for (entry, number) in entries.iter().zip(1..) {
        // SAFETY: the caller's contract.
        unsafe { ring.submission().push(entry.user_data(number)) }.map_err(|_| Errno::EBUSY)?;
    }
    ring.submit()
}

/// Waits for `N` completions. Returns the number and the outcome of each, in order of the numbers; `None` stands for a
/// completion that did not arrive.
pub(crate) fn wait<const N: usize, K: Kernel>(
    ring: &mut IoUring<Entry, cqueue::Entry, K>,
) -> [Option<(u64, Result<u32, Errno>)>; N] {
    let mut seen = [None; N];
    for place in &mut seen {
        let cqe = loop {
            if let Some(cqe) = ring.completion().next() {
                break Some(cqe);
            }
            match ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&PATIENCE)) {
                Ok(()) | Err(Errno::EINTR) => {}
                Err(_) => break None,
            }
        };
        *place = cqe.map(|cqe| (cqe.user_data(), cqe.outcome()));
    }
    seen.sort_unstable_by_key(|one| one.map_or(u64::MAX, |(number, _)| number));
    seen
}

/// Submits requests and waits for all of them. Returns their outcomes in the order given.
///
/// # Safety
///
/// The contract of [`push`](bare_uring::SubmissionQueue::push), for each request.
pub(crate) unsafe fn run<const N: usize>(ring: &mut IoUring, entries: [Entry; N]) -> [Result<u32, Errno>; N] {
    // SAFETY: the caller's contract.
    if let Err(errno) = unsafe { submit(ring, &entries) } {
        return [Err(errno); N];
    }
    wait::<N, _>(ring).map(|one| one.map_or(Err(Errno::ENODATA), |(_, outcome)| outcome))
}
