//! A slot: the place of one operation.

use core::cell::{Cell, UnsafeCell};
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::task::Waker;

use bare_uring::Errno;
use bare_uring::squeue::Entry;
use bare_uring::types::{IoVec, MsgHdr, OpenHow, RawFd, SockAddr, StatxBuffer, Timespec};

use crate::buffer::Buffer;
use crate::deadlines::{Clock, Due};
use crate::file::File;
use crate::list::{Link, Linked, List};
use crate::message::Envelope;
use crate::options;
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
    /// Makes a socket for a stream of bytes.
    MakeBytes,
    /// Fills the buffer and the envelope, and may make files.
    Message,
    /// Uses up the buffer, and passes the files of the envelope.
    Pass,
    /// Uses up the buffer, which comes back with the notification.
    Lend,
    /// Makes the two ends of a pipe.
    Pipe,
    /// Closes the file.
    Close,
    /// Fills or uses up several buffers. The handle does that, since it knows their windows.
    Vectored,
    /// Makes files, again and again.
    Accept,
    /// Fills provided buffers, again and again.
    Receive,
    /// Fills provided buffers with messages, again and again.
    Datagrams,
}

impl Effect {
    pub(crate) const fn makes_file(self) -> bool {
        matches!(self, Self::Make | Self::MakeBytes)
    }

    pub(crate) const fn fills_buffer(self) -> bool {
        matches!(self, Self::Fill | Self::Message)
    }
}

/// Where a stream stands that does not end with a receive of no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The stream ends with its request. Any other operation is in this phase, too.
    Plain,
    /// The stream receives.
    Receives,
    /// The stream has received nothing, and asks whether more can come.
    Asks,
    /// No more can come, but something may be left to receive.
    Last,
}

/// The bytes of names that a slot has room for: a name of an extended attribute, or paths of usual length.
pub(crate) const NAMES: usize = 256;

/// The most buffers that one vectored operation takes.
pub(crate) const VECTORS: usize = 8;

/// How a file is opened, and the names in a request: one after the other, each with its zero.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Names {
    how: OpenHow,
    pub(crate) text: [u8; NAMES],
}

impl Names {
    pub(crate) const fn new(how: OpenHow) -> Self {
        Self { how, text: [0; NAMES] }
    }

    /// Copies the names, if there is room for all.
    pub(crate) fn copy(&mut self, names: &[&CStr]) -> bool {
        let mut end = 0;
        for name in names {
            let name = name.to_bytes_with_nul();
            let Some(room) = self.text.get_mut(end..).and_then(|text| text.get_mut(..name.len())) else { return false };
            room.copy_from_slice(name);
            end += name.len();
        }
        true
    }
}

/// What the kernel reads or writes of an operation beside its buffer. Each field consists of integers and of pointers,
/// which the kernel reads only.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union Argument {
    pub(crate) none: (),
    pub(crate) time: Timespec,
    pub(crate) how: OpenHow,
    pub(crate) address: SockAddr,
    pub(crate) option: options::Bytes,
    pub(crate) stat: MaybeUninit<StatxBuffer>,
    pub(crate) names: Names,
    /// The two descriptors of a pipe.
    pub(crate) ends: [RawFd; 2],
    pub(crate) vectors: [IoVec; VECTORS],
}

/// The memory of an argument, or of what is too large to be passed on by value, and is filled in where it lies.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) union Room {
    pub(crate) argument: Argument,
    pub(crate) envelope: Envelope,
    /// The header of messages that come to provided buffers, which the kernel reads.
    pub(crate) header: MsgHdr,
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
///   (`Fill`, `Message`), or read those in it (`Drain`, `Pass`, `Lend`); of a vectored operation, those of each buffer in
///   `more` and `backlog`. Nobody here touches any of these; all stay where they are, in static memory. (Of a stream, the
///   kernel reads the header in the argument only, at submission.)
/// - While `in_flight` or `queued`, `entry` names no memory but these and `limit`, and no file but `file`, `other` and
///   those whose indices are in an envelope (`Pass`), which are open.
/// - `flow.again` names no memory but `argument`, and no file but `file`.
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
    /// The operation is one of the slab's number of those in flight. It stays one between the requests of a stream.
    pub(crate) counted: Cell<bool>,
    /// The handle asked for the operation's end, so that `ECANCELED` does not come from the time limit.
    pub(crate) cancelled: Cell<bool>,
    /// The operation has a time limit, in `limit`.
    pub(crate) limited: Cell<bool>,
    /// The part of the time limit, if that is counted by ticks.
    timer: Timer,
    /// What a stream keeps for the case that it is stopped and goes on.
    pub(crate) flow: Flow,
    /// The operation that is linked behind this one, by its index plus one. Zero: none.
    pub(crate) behind: Link,
    /// How often the operation was cancelled again because it was not found.
    pub(crate) tries: Cell<u8>,
    pub(crate) effect: Cell<Effect>,
    pub(crate) phase: Cell<Phase>,
    /// The result of a zero-copy send, until the notification comes.
    pub(crate) sent: Cell<i32>,
    /// The submission queue entry, until the driver takes it.
    pub(crate) entry: Cell<Option<Entry>>,
    /// The last completion's result.
    pub(crate) result: Cell<Option<i32>>,
    pub(crate) waker: Cell<Option<Waker>>,
    pub(crate) buffer: Cell<Option<Buffer>>,
    pub(crate) file: Cell<Option<File>>,
    /// The reserved place of the file that is made.
    pub(crate) made: Cell<Option<File>>,
    /// The second of two files: a directory, or the reserved place of a pipe's end to write to.
    pub(crate) other: Cell<Option<File>>,
    /// What a stream brought and nobody has taken yet: places of files, or shelves. Of a vectored operation, the shelves
    /// of its provided buffers.
    pub(crate) backlog: List,
    /// The buffers of a vectored operation that are the slab's own.
    pub(crate) more: List,
    pub(crate) argument: UnsafeCell<Room>,
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
            counted: Cell::new(false),
            cancelled: Cell::new(false),
            limited: Cell::new(false),
            timer: Timer::new(),
            flow: Flow::new(),
            behind: Cell::new(0),
            tries: Cell::new(0),
            effect: Cell::new(Effect::Plain),
            phase: Cell::new(Phase::Plain),
            sent: Cell::new(0),
            entry: Cell::new(None),
            result: Cell::new(None),
            waker: Cell::new(None),
            buffer: Cell::new(None),
            file: Cell::new(None),
            made: Cell::new(None),
            other: Cell::new(None),
            backlog: List::new(),
            more: List::new(),
            argument: UnsafeCell::new(Room { argument: Argument::NONE }),
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
        let argument = unsafe { *self.argument.get().cast::<Argument>() };
        // SAFETY: the argument was made as this field (first condition).
        let stat = unsafe { argument.stat };
        // SAFETY: the field was made of zeroes, and consists of integers.
        unsafe { stat.assume_init() }
    }

    /// Returns the two descriptors that a completed pipe wrote to its argument.
    ///
    /// # Safety
    ///
    /// - The operation was made with `Argument::ends`.
    /// - It has completed.
    pub(crate) unsafe fn ends(&self) -> [RawFd; 2] {
        // SAFETY: the operation has completed (second condition), so that nobody writes to the argument.
        let argument = unsafe { *self.argument.get().cast::<Argument>() };
        // SAFETY: the argument was made as this field (first condition), and any bytes are integers.
        unsafe { argument.ends }
    }

    /// Returns the address that the kernel wrote to the argument.
    ///
    /// # Safety
    ///
    /// - The operation was made with `Parts::address`.
    /// - It has completed.
    pub(crate) unsafe fn address(&self) -> SockAddr {
        // SAFETY: the operation has completed (second condition), so that nobody writes to the argument.
        let argument = unsafe { *self.argument.get().cast::<Argument>() };
        // SAFETY: the argument was made as this field (first condition), of integers, all of which have a value.
        unsafe { argument.address }
    }

    /// Returns the value of an option that the kernel wrote to the argument.
    ///
    /// # Safety
    ///
    /// - The operation was made with `Argument::option`.
    /// - It has completed.
    pub(crate) unsafe fn option(&self) -> options::Bytes {
        // SAFETY: the operation has completed (second condition), so that nobody writes to the argument.
        let argument = unsafe { *self.argument.get().cast::<Argument>() };
        // SAFETY: the argument was made as this field (first condition), of integers, all of which have a value.
        unsafe { argument.option }
    }

    /// Does something to the envelope.
    ///
    /// # Safety
    ///
    /// - The operation was made with `Parts::outgoing` or `Parts::incoming`.
    /// - The kernel does not know it: it was not started, or has completed.
    pub(crate) unsafe fn with_envelope<T>(&self, act: impl FnOnce(&mut Envelope) -> T) -> T {
        // SAFETY: the argument was made as this field (first condition), which is where the union is (`repr(C)`). The kernel
        // does not use it (second condition), and nobody here keeps a reference.
        act(unsafe { &mut *self.argument.get().cast::<Envelope>() })
    }

    /// Takes a descriptor that came with a message, found no place in the table of files, and is to be closed.
    pub(crate) fn next_stray(&self) -> Option<RawFd> {
        // SAFETY: the effect says that the argument is an envelope, and the completion has come (`has_strays` looks).
        if self.has_strays() { unsafe { self.with_envelope(Envelope::take_number) } } else { None }
    }

    /// Tells whether a descriptor that came with a message is to be closed.
    pub(crate) fn has_strays(&self) -> bool {
        let over = self.effect.get() == Effect::Message && !self.in_flight.get() && self.result.get().is_some();
        // SAFETY: only `Slab::receive_message` makes operations with this effect, with `Parts::incoming`. The operation has
        // a result, so that the kernel does not know it.
        over && unsafe { self.with_envelope(|envelope| envelope.count > 0) }
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
