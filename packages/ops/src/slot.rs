//! A slot: the place of one operation.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::task::Waker;

use bare_uring::Errno;
use bare_uring::squeue::Entry;
use bare_uring::types::{OpenHow, SockAddr, StatxBuffer, Timespec};

use crate::buffer::Buffer;
use crate::file::File;
use crate::list::{Link, Linked, List};

/// What an operation does with what its slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: its result is all.
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

/// What the kernel reads or writes of an operation beside its buffer: one of these, of integers all.
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

/// One operation at a time.
///
/// # Invariants
///
/// - While `flying`, the kernel may read and write `argument`, and the bytes of `buffer` outside the window (`Fill`) or
///   read those in it (`Drain`): nobody here touches either. Both stay where they are, in static memory.
/// - While `flying` or `queued`, `entry` names no memory but these and `limit`, and no file but `file`, which is open.
/// - `generation` changes when the slot becomes free.
pub struct Slot {
    pub(crate) generation: Cell<u32>,
    pub(crate) link: Link,
    pub(crate) held: Cell<bool>,
    pub(crate) queued: Cell<bool>,
    pub(crate) flying: Cell<bool>,
    /// The handle asked for its end, so that `ECANCELED` is not the time limit's doing.
    pub(crate) cancelled: Cell<bool>,
    pub(crate) limited: Cell<bool>,
    pub(crate) tries: Cell<u8>,
    pub(crate) effect: Cell<Effect>,
    pub(crate) entry: Cell<Option<Entry>>,
    /// The last completion's result.
    pub(crate) result: Cell<Option<i32>>,
    pub(crate) waker: Cell<Option<Waker>>,
    pub(crate) buffer: Cell<Option<Buffer>>,
    pub(crate) file: Cell<Option<File>>,
    /// The place of the file that is made.
    pub(crate) made: Cell<Option<File>>,
    /// What a stream brought, and nobody has taken yet: files, or shelves.
    pub(crate) backlog: List,
    pub(crate) argument: UnsafeCell<Argument>,
    pub(crate) limit: UnsafeCell<Timespec>,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self {
            generation: Cell::new(0),
            link: Cell::new(0),
            held: Cell::new(false),
            queued: Cell::new(false),
            flying: Cell::new(false),
            cancelled: Cell::new(false),
            limited: Cell::new(false),
            tries: Cell::new(0),
            effect: Cell::new(Effect::Plain),
            entry: Cell::new(None),
            result: Cell::new(None),
            waker: Cell::new(None),
            buffer: Cell::new(None),
            file: Cell::new(None),
            made: Cell::new(None),
            backlog: List::new(),
            argument: UnsafeCell::new(Argument { none: () }),
            limit: UnsafeCell::new(Timespec::ZERO),
        }
    }

    /// Waits for the next completion with this waker.
    pub(crate) fn wake_with(&self, waker: &Waker) {
        match self.waker.take() {
            Some(known) if known.will_wake(waker) => self.waker.set(Some(known)),
            _ => self.waker.set(Some(waker.clone())),
        }
    }

    /// What a completed statx wrote to its argument.
    ///
    /// # Safety
    ///
    /// The operation was made with `Argument::stat`, and has completed.
    pub(crate) unsafe fn stat(&self) -> StatxBuffer {
        // SAFETY: the operation flies no more, so that nobody writes to the argument.
        let argument = unsafe { *self.argument.get() };
        // SAFETY: it was made as this field.
        let stat = unsafe { argument.stat };
        // SAFETY: it was made of zeroes, and consists of integers.
        unsafe { stat.assume_init() }
    }

    /// The result, with `ETIME` for an operation that its time limit has ended.
    pub(crate) fn outcome(&self) -> Option<Result<u32, Errno>> {
        let result = self.result.get()?;
        let ended = self.limited.get() && !self.cancelled.get();
        Some(match Errno::from_result(result) {
            Some(Errno::ECANCELED | Errno::EINTR) if ended => Err(Errno::ETIME),
            Some(errno) => Err(errno),
            None => Ok(result.cast_unsigned()),
        })
    }
}

impl Linked for Slot {
    fn link(&self) -> &Link {
        &self.link
    }
}
