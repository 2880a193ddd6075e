//! Shared helpers: values that the compiler can't know, memory, and the kernel's answers.

use core::cell::Cell;
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::panic::Location;

use bare_uring::register::query::{self, Opcodes};
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Errno, IoUring, Kernel, Linux, SetupError, cqueue, squeue};
use freestanding::pages::Pages;

pub use freestanding::pages::PAGE;

/// A ring of plain entries.
pub type Ring<K> = IoUring<squeue::Entry, cqueue::Entry, K>;

/// The outcome of a topic, or of one of its steps.
pub type Outcome<T> = Result<T, Failed>;

/// The error of a step, and the step's location in this program.
pub struct Failed {
    /// The error; `EIO` if a call did something wrong.
    pub errno: Errno,
    /// The location of the step.
    pub at: &'static Location<'static>,
}

impl From<Errno> for Failed {
    #[track_caller]
    fn from(errno: Errno) -> Self {
        Self { errno, at: Location::caller() }
    }
}

impl From<SetupError> for Failed {
    #[track_caller]
    fn from(error: SetupError) -> Self {
        Self { errno: error.errno(), at: Location::caller() }
    }
}

/// Fails with `EIO` unless the condition holds.
#[track_caller]
pub fn check(holds: bool) -> Outcome<()> {
    if holds { Ok(()) } else { Err(Errno::EIO.into()) }
}

/// Returns the value in such a way that the compiler can't know it.
pub fn any<T>(value: T) -> T {
    black_box(value)
}

/// Returns the first `length` items, or no item if there are fewer.
pub fn part<T>(items: &[T], length: usize) -> &[T] {
    items.get(..any(length)).unwrap_or_default()
}

/// Numbers for invalid calls: at both ends, and around the limits of the kernel's tables and of integer types.
pub const ODD: [u32; 12] = [0, 1, 3, 255, 256, 0x4000, 0x8000, 0x8001, 0x1_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX];

/// How many registration operations the running kernel has, and how many calls it refused because it lacks them.
pub struct Has {
    operations: u32,
    lacking: Cell<u32>,
}

impl Has {
    /// Asks the kernel. A kernel before 6.18 can't answer, and may lack any operation.
    pub fn ask() -> Self {
        let known = query::query::<Opcodes, _>(&Linux);
        Self { operations: known.map_or(0, |answer| answer.record.nr_register_opcodes), lacking: Cell::new(0) }
    }

    /// Returns `None`, and counts the call, if the kernel refused an operation that it may lack or was built without.
    #[track_caller]
    pub fn or_lacks<T>(&self, operation: u32, outcome: Result<T, Errno>) -> Outcome<Option<T>> {
        match outcome {
            Err(Errno::EINVAL) if operation >= self.operations => {}
            Err(Errno::EOPNOTSUPP) => {}
            Ok(value) => return Ok(Some(value)),
            Err(errno) => return Err(errno.into()),
        }
        self.lacks();
        Ok(None)
    }

    /// Returns whether the kernel could not answer, and may lack any operation.
    pub const fn may_lack_any(&self) -> bool {
        self.operations == 0
    }

    /// Counts a call that the kernel lacks.
    pub fn lacks(&self) {
        self.lacking.set(self.lacking.get().saturating_add(1));
    }

    /// Returns how many calls were counted since the last time, and resets the counter.
    pub fn take_lacking(&self) -> u32 {
        self.lacking.take()
    }
}

/// Time limit of a wait for a completion that is expected.
const LONG: Timespec = Timespec::new(2, 0);

/// Submits one request, and waits for its completion.
///
/// # Safety
///
/// The contract of [`push`](bare_uring::SubmissionQueue::push).
#[track_caller]
pub unsafe fn run<K: Kernel>(ring: &mut Ring<K>, entry: squeue::Entry) -> Outcome<cqueue::Entry> {
    // SAFETY: the caller's contract.
    unsafe { push(ring, entry) }?;
    next(ring)
}

/// Submits one request.
///
/// # Safety
///
/// The contract of [`push`](bare_uring::SubmissionQueue::push).
#[track_caller]
pub unsafe fn push<K: Kernel>(ring: &mut Ring<K>, entry: squeue::Entry) -> Outcome<()> {
    // SAFETY: the caller's contract.
    unsafe { ring.submission().push(entry) }.map_err(|_| Errno::EBUSY)?;
    check(ring.submit()? == 1)
}

/// Waits for a completion.
#[track_caller]
pub fn next<K: Kernel>(ring: &mut Ring<K>) -> Outcome<cqueue::Entry> {
    ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&LONG))?;
    Ok(ring.completion().next().ok_or(Errno::ENODATA)?)
}

static POOL: Pages<512> = Pages::new();

/// Returns a page of zeroes that is used by nothing else.
pub fn page() -> Result<&'static mut [MaybeUninit<u8>; PAGE], Errno> {
    POOL.take()
}

/// Returns `count` values at the start of a page that is used by nothing else.
pub fn filled<T: Copy>(count: usize, value: T) -> Result<&'static mut [T], Errno> {
    POOL.filled(any(count), value)
}
