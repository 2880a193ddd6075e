//! A slot: the place of one operation.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::task::Waker;

use bare_uring::Errno;
use bare_uring::squeue::Entry;
use bare_uring::types::{OpenHow, SockAddr, StatxBuffer, Timespec};

use crate::buffer::Buffer;
use crate::deadlines::{Clock, Due};
use crate::file::File;
use crate::list::{Link, Linked, List};
use crate::timers::{Timed, Timer};

/// What the completions of an operation do with what its slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: the result is a number.
    Plain,
    /// Fills the buffer.
    Fill,
    /// Uses up the buffer.
    Drain,
    /// Makes a file.
    Make,
    /// Makes files, again and again.
    Accept,
    /// Fills provided buffers, again and again.
    Receive,
}

/// What the kernel reads or writes of an operation beside its buffer. Each field consists of integers.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union Argument {
    pub(crate) none: (),
    pub(crate) time: Timespec,
    pub(crate) how: OpenHow,
    pub(crate) address: SockAddr,
    pub(crate) option: i32,
    pub(crate) stat: MaybeUninit<StatxBuffer>,
}

impl Argument {
    /// The argument of an operation that has none.
    pub(crate) const NONE: Self = Self { none: () };
}

/// What a stream needs to go on with another request after one that has ended.
pub(crate) struct Flow {
    /// The request that is made again. Only streams have one.
    pub(crate) again: Cell<Option<Entry>>,
    /// How many items may wait in the stream; 0: as many as come.
    pub(crate) share: Cell<u16>,
    /// The program wants no more for now.
    pub(crate) paused: Cell<bool>,
    /// The request was cancelled because of that, so that its `ECANCELED` is not the stream's end.
    pub(crate) stopped: Cell<bool>,
    /// The stream goes on, and has no request.
    pub(crate) idle: Cell<bool>,
}

impl Flow {
    const fn new() -> Self {
        Self {
            again: Cell::new(None),
            share: Cell::new(0),
            paused: Cell::new(false),
            stopped: Cell::new(false),
            idle: Cell::new(false),
        }
    }

    /// Forgets the stream.
    pub(crate) fn clear(&self) {
        self.again.set(None);
        self.share.set(0);
        self.paused.set(false);
        self.stopped.set(false);
        self.idle.set(false);
    }
}

/// The place of one operation at a time.
///
/// # Invariants
///
/// - While `in_flight`, the kernel may read and write `argument`. It may write the bytes of `buffer` outside the window
///   (`Fill`), or read those in it (`Drain`). Nobody here touches either; both stay where they are, in static memory.
/// - While `in_flight` or `queued`, `entry` names no memory but these and `limit`, and no file but `file`, which is open.
/// - `flow.again` names no memory, and no file but `file`.
/// - `generation` changes when the slot becomes free, and when a stream makes its request again.
///
/// The kernel may still know the linked timeout when the slot becomes free, because that has a completion of its own.
/// But it reads `limit` at submission only.
// kernel: io_uring/timeout.c __io_timeout_prep (7.2): the time of a timeout, linked or not, is copied while its entry
// is consumed.
// kernel: io_uring/statx.c io_statx, io_uring/openclose.c io_openat2 (7.2): a statx and an open look up their
// descriptor's number when they run, which may be in a worker long after submission. So `file` stays until the
// completion.
pub struct Slot {
    pub(crate) generation: Cell<u32>,
    /// Changes when the slot becomes free.
    pub(crate) uses: Cell<u32>,
    link: Link,
    /// The operation's handle lives.
    pub(crate) held: Cell<bool>,
    /// The slot waits for the driver.
    pub(crate) queued: Cell<bool>,
    /// The kernel knows the operation.
    pub(crate) in_flight: Cell<bool>,
    /// The handle asked for the operation's end, so that `ECANCELED` does not come from the time limit.
    pub(crate) cancelled: Cell<bool>,
    /// The operation has a time limit, in `limit`.
    pub(crate) limited: Cell<bool>,
    /// The part of the time limit, if that is counted by ticks.
    timer: Timer,
    /// What a stream keeps for the case that it is stopped and goes on.
    pub(crate) flow: Flow,
    /// How often the operation was cancelled again because it was not found.
    pub(crate) tries: Cell<u8>,
    pub(crate) effect: Cell<Effect>,
    /// The submission queue entry, until the driver takes it.
    pub(crate) entry: Cell<Option<Entry>>,
    /// The last completion's result.
    pub(crate) result: Cell<Option<i32>>,
    pub(crate) waker: Cell<Option<Waker>>,
    pub(crate) buffer: Cell<Option<Buffer>>,
    pub(crate) file: Cell<Option<File>>,
    /// The reserved place of the file that is made.
    pub(crate) made: Cell<Option<File>>,
    /// What a stream brought and nobody has taken yet: places of files, or shelves.
    pub(crate) backlog: List,
    pub(crate) argument: UnsafeCell<Argument>,
    /// The time limit. The kernel reads it if it is linked.
    pub(crate) limit: Cell<Timespec>,
    /// The clock by which the limit is a point of time; `None`: it is a span.
    pub(crate) clock: Cell<Option<Clock>>,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self {
            generation: Cell::new(0),
            uses: Cell::new(0),
            link: Cell::new(0),
            held: Cell::new(false),
            queued: Cell::new(false),
            in_flight: Cell::new(false),
            cancelled: Cell::new(false),
            limited: Cell::new(false),
            timer: Timer::new(),
            flow: Flow::new(),
            tries: Cell::new(0),
            effect: Cell::new(Effect::Plain),
            entry: Cell::new(None),
            result: Cell::new(None),
            waker: Cell::new(None),
            buffer: Cell::new(None),
            file: Cell::new(None),
            made: Cell::new(None),
            backlog: List::new(),
            argument: UnsafeCell::new(Argument::NONE),
            limit: Cell::new(Timespec::ZERO),
            clock: Cell::new(None),
        }
    }

    /// Keeps this waker for the next completion.
    pub(crate) fn wake_with(&self, waker: &Waker) {
        match self.waker.take() {
            Some(known) if known.will_wake(waker) => self.waker.set(Some(known)),
            _ => self.waker.set(Some(waker.clone())),
        }
    }

    /// Returns what a completed statx wrote to its argument.
    ///
    /// # Safety
    ///
    /// - The operation was made with `Argument::stat`.
    /// - It has completed.
    pub(crate) unsafe fn stat(&self) -> StatxBuffer {
        // SAFETY: the operation has completed (second condition), so that nobody writes to the argument.
        let argument = unsafe { *self.argument.get() };
        // SAFETY: the argument was made as this field (first condition).
        let stat = unsafe { argument.stat };
        // SAFETY: the field was made of zeroes, and consists of integers.
        unsafe { stat.assume_init() }
    }

    /// Returns the result, with `ETIME` for an operation that its time limit has ended.
    pub(crate) fn outcome(&self) -> Option<Result<u32, Errno>> {
        let result = self.result.get()?;
        // kernel: io_uring/io-wq.c __io_wq_worker_cancel (7.2): a request that a worker runs is cancelled by a signal
        // to the worker, so that its call may end with EINTR.
        let ended = self.limited.get() && !self.cancelled.get();
        Some(match Errno::from_result(result) {
            Some(Errno::ECANCELED | Errno::EINTR) if ended => Err(Errno::ETIME),
            Some(errno) => Err(errno),
            None => Ok(result.cast_unsigned()),
        })
    }
}

impl Due for Slot {
    fn deadline(&self) -> Timespec {
        self.limit.get()
    }
}

impl Timed for Slot {
    fn timer(&self) -> &Timer {
        &self.timer
    }
}

impl Linked for Slot {
    fn link(&self) -> &Link {
        &self.link
    }
}
