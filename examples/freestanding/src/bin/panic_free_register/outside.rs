//! What comes from outside of the program: memory, numbers, and what the kernel says.

use core::cell::{Cell, UnsafeCell};
use core::hint::black_box;
use core::mem::{MaybeUninit, size_of};
use core::panic::Location;
use core::sync::atomic::{AtomicUsize, Ordering};

use bare_uring::register::query::{self, Opcodes};
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Errno, IoUring, Kernel, Linux, SetupError, cqueue, squeue};

/// A ring of plain entries.
pub type Ring<K> = IoUring<squeue::Entry, cqueue::Entry, K>;

/// The outcome of a topic, or of a step of it.
pub type Outcome<T> = Result<T, Failed>;

/// What failed, and where in this program.
pub struct Failed {
    /// Why; `EIO` if a call did something else than it should have.
    pub errno: Errno,
    /// The step.
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

/// That something is as it should be.
#[track_caller]
pub fn check(holds: bool) -> Outcome<()> {
    if holds { Ok(()) } else { Err(Errno::EIO.into()) }
}

/// The same value, of which the compiler knows nothing.
pub fn any<T>(value: T) -> T {
    black_box(value)
}

/// The first `length` of them, or none if there are not so many.
pub fn part<T>(items: &[T], length: usize) -> &[T] {
    items.get(..any(length)).unwrap_or_default()
}

/// Numbers to ask nonsense with: at both ends, around the limits of the kernel's tables, and around those of types.
pub const ODD: [u32; 12] = [0, 1, 3, 255, 256, 0x4000, 0x8000, 0x8001, 0x1_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX];

/// How many operations the running kernel has, and how many calls were refused since it has not more.
pub struct Has {
    operations: u32,
    lacking: Cell<u32>,
}

impl Has {
    /// Asks. A kernel before 6.18 can't tell, and may then lack any of them.
    pub fn ask() -> Self {
        let known = query::query::<Opcodes, _>(&Linux);
        Self { operations: known.map_or(0, |answer| answer.record.nr_register_opcodes), lacking: Cell::new(0) }
    }

    /// `None` if the kernel refused an operation that it may lack, or was built without.
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

    /// Whether the kernel can't tell.
    pub const fn may_lack_any(&self) -> bool {
        self.operations == 0
    }

    /// Counts a call that the kernel lacks.
    pub fn lacks(&self) {
        self.lacking.set(self.lacking.get().saturating_add(1));
    }

    /// How many have been counted since it was last asked.
    pub fn take_lacking(&self) -> u32 {
        self.lacking.take()
    }
}

/// How long to wait for a completion that is to come.
const LONG: Timespec = Timespec::new(2, 0);

/// Submits one request, and waits for its completion.
///
/// # Safety
///
/// As [`push`](bare_uring::SubmissionQueue::push).
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
/// As [`push`](bare_uring::SubmissionQueue::push).
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

/// Where pages are large: 64 KiB.
pub const PAGE: usize = 64 * 1024;

const PAGES: usize = 512;

#[repr(align(65536))]
struct Pages(UnsafeCell<[[MaybeUninit<u8>; PAGE]; PAGES]>);

// SAFETY: each page is given out once.
unsafe impl Sync for Pages {}

static POOL: Pages = Pages(UnsafeCell::new([[MaybeUninit::zeroed(); PAGE]; PAGES]));
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// A page that nobody has had.
pub fn page() -> Result<&'static mut [MaybeUninit<u8>; PAGE], Errno> {
    let number = TAKEN.fetch_add(1, Ordering::Relaxed);
    if number >= PAGES {
        return Err(Errno::ENOMEM);
    }
    let first = POOL.0.get().cast::<[MaybeUninit<u8>; PAGE]>();
    // SAFETY: the number is below that of the pages.
    let page = unsafe { first.add(number) };
    // SAFETY: nobody else has been or will be given this page.
    Ok(unsafe { &mut *page })
}

/// Such a page, or the first bytes of one, as so many of these values.
pub fn filled<T: Copy>(count: usize, value: T) -> Result<&'static mut [T], Errno> {
    let first = page()?.as_mut_ptr().cast::<T>();
    if any(count) > PAGE / size_of::<T>().max(1) {
        return Err(Errno::ENOMEM);
    }
    for index in 0..count {
        // SAFETY: so many fit into the page, whose alignment is above that of any type here.
        let place = unsafe { first.add(index) };
        // SAFETY: the place is within the page, which is nobody else's.
        unsafe { place.write(value) };
    }
    // SAFETY: they were written just now, and the page is nobody else's.
    Ok(unsafe { core::slice::from_raw_parts_mut(first, count) })
}
