//! Timed waits on a kernel without an argument for the time.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use bare_uring::squeue::Entry;
use bare_uring::types::{PollEvents, Timespec};
use bare_uring::{Features, IoUring, cqueue, opcode};

use super::kernels::Trace;
use super::push;
use super::ring_memory::{fd, until};

pub const POLLIN: i32 = 1;
pub const FAR: Timespec = Timespec::new(20, 0);

pub type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Trace>;

/// Linux as before 5.11.
pub fn old() -> Trace {
    Trace::without(Features::EXT_ARG.union(Features::MIN_TIMEOUT).union(Features::NO_IOWAIT))
}

pub fn milliseconds(count: u64) -> Timespec {
    Timespec::from(Duration::from_millis(count))
}

pub fn takes<T>(least: u64, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = run();
    let (took, least) = (start.elapsed(), Duration::from_millis(least));
    assert!(took >= least && took < least + Duration::from_secs(1), "{took:?}");
    value
}

pub fn poll(file: &impl AsRawFd, user_data: u64) -> Entry {
    opcode::PollAdd::new(fd(file), PollEvents::from(POLLIN)).build().user_data(user_data)
}

/// Pushes when there is room: under SQPOLL, requests of the crate's own may still be queued.
pub fn push_in_time(ring: &mut Ring<'_>, entry: Entry) {
    until("there is room", || !ring.submission().is_full());
    push(ring, entry);
}
