//! An async runtime without std, C library or allocator: embassy's executor on the operations of `bare-uring-ops`.
//!
//! # Why this executor
//!
//! `embassy-executor` keeps each task in a static of its own, whose size the compiler knows, and its run queue in links
//! inside the tasks. So it never allocates, and never refuses to wake. It is used without a feature for a platform:
//! where pointers are atomic it then needs no critical section, and it leaves the waiting to its owner. It asks for one
//! function, `__pender`, called when a task became ready while no other was. (Executors of the standard library's world
//! want an allocator for each task; `edge-executor` wants `alloc` or a fixed arena of one kind of task; those of RTIC
//! and Hubris belong to a processor.)
//!
//! # How it runs
//!
//! There is one thread, and one loop: it polls the tasks that are ready, then the driver takes a turn. Everything that
//! the tasks have asked for meanwhile goes to the kernel in one system call, which also waits, unless a task is ready
//! again.
//!
//! | what | where, and how much |
//! |--|--|
//! | tasks | statics that `#[embassy_executor::task(pool_size = N)]` makes |
//! | operations, files, buffers | the `Storage` that the program declares |
//! | the ring | mapped by the kernel, once |
//!
//! The other freestanding programs show by linking that no panic is left. That is not possible here: each `async fn`
//! has a panic for being polled after its end, and the optimiser can't show that it is never reached. So a panic ends
//! these programs with a message (the feature `report-panics` of the package `freestanding`).
#![no_std]

pub mod listener;

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use bare_uring::types::Sigset;
use bare_uring::{Builder, Errno, Kernel, Linux};
use bare_uring_ops::{Driver, File, Missing, Request, Slab, Wait};
use embassy_executor::Spawner;
use embassy_executor::raw::Executor;
use freestanding::print::Line;
use freestanding::sys;
use linux_raw_sys::general::{SIGINT, SIGTERM};

/// Why a program can't begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The kernel lacks a request that the program needs.
    Missing(Missing),
    /// No ring was made.
    Ring(Errno),
}

/// Prints what the kernel lacks, for example `http: this kernel has no IORING_OP_BIND (Linux 6.11)`. By its parts, which
/// takes less room in the program than their text by `core::fmt`.
pub fn report(program: &str, missing: Missing) {
    let (name, (major, minor)) = (missing.request().name(), missing.request().since());
    let mut line = Line::new();
    line.text(program).text(": this kernel has no ").text(name).text(" (Linux ");
    line.number(major.into()).text(".").number(minor.into()).text(")\n").to_stderr();
}

/// Makes a driver, and sees that the kernel has everything that the program needs. A kernel that refuses the ring's flags
/// gets a ring without flags.
///
/// # Errors
///
/// The first of `needs` that the kernel lacks. The errors of [`Driver::new`].
pub fn driver(
    slab: &'static Slab,
    builder: &Builder,
    entries: u32,
    needs: &[Request],
) -> Result<Driver<Linux>, Refusal> {
    let driver = Driver::new(slab, Linux, builder, entries).or_else(|error| match error.errno() {
        Errno::EINVAL => Driver::new(slab, Linux, &Builder::new(), entries),
        _ => Err(error),
    });
    let driver = driver.map_err(|error| Refusal::Ring(error.errno()))?;
    match slab.missing(needs) {
        Some(missing) => Err(Refusal::Missing(missing)),
        None => Ok(driver),
    }
}

/// Whether a task is ready.
static READY: AtomicBool = AtomicBool::new(false);

/// Notes that a task became ready. The executor calls it.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    // Relaxed, because the one thread reads the flag itself, after this.
    READY.store(true, Ordering::Relaxed);
}

/// The one executor, which tasks refer to as long as the program runs.
struct Place {
    taken: AtomicBool,
    executor: UnsafeCell<MaybeUninit<Executor>>,
}

// SAFETY: the flag lets one caller come to the executor, which is not sent to another thread afterwards.
unsafe impl Sync for Place {}

static PLACE: Place = Place { taken: AtomicBool::new(false), executor: UnsafeCell::new(MaybeUninit::uninit()) };

/// Runs tasks until `over` returns true; `start` spawns the first of them. After the return, nothing polls the tasks
/// any more.
///
/// # Errors
///
/// `EBUSY`: this is not the first call. The errors of [`Driver::turn`].
pub fn run<K: Kernel>(
    driver: &mut Driver<K>,
    start: impl FnOnce(Spawner),
    mut over: impl FnMut() -> bool,
) -> Result<(), Errno> {
    if PLACE.taken.swap(true, Ordering::Relaxed) {
        return Err(Errno::EBUSY);
    }
    // SAFETY: the flag lets one caller come here, so that this is the only reference, and becomes the shared one.
    let place = unsafe { &mut *PLACE.executor.get() };
    let executor: &'static Executor = place.write(Executor::new(core::ptr::null_mut()));
    start(executor.spawner());
    while !over() {
        READY.store(false, Ordering::Relaxed);
        // SAFETY: only this loop polls the executor, and `turn` and `over` don't come back here: `run` is called once.
        unsafe { executor.poll() };
        driver.turn(if READY.load(Ordering::Relaxed) { Wait::No } else { Wait::One })?;
    }
    Ok(())
}

/// Keeps SIGINT and SIGTERM from ending the program, and gives a file: a read from it ends when a signal has come. A
/// signal that the program was started to ignore stays ignored.
///
/// # Errors
///
/// `EMFILE`: the slab's table of files is full. The errors of `signalfd(2)`.
pub fn signals(slab: &'static Slab) -> Result<File, Errno> {
    let signals =
        [SIGINT, SIGTERM].into_iter().filter(|&signal| !sys::is_ignored(signal)).fold(Sigset::EMPTY, Sigset::with);
    sys::block(signals)?;
    let fd = sys::signal_fd(signals)?;
    // SAFETY: the descriptor was made just now, and nobody else knows it.
    unsafe { slab.adopt(fd) }.ok_or(Errno::EMFILE)
}
