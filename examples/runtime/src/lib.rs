//! An async runtime without std, C library or allocator: embassy's executor on the operations of `bare-uring-ops`.
//!
//! # Why this executor
//!
//! `embassy-executor` keeps each task in a static of its own, whose size the compiler knows, and its run queue in links
//! inside the tasks: it never allocates, and never refuses to wake. Without a feature for a platform it is nothing but
//! that: where pointers are atomic it needs no critical section, and it leaves the waiting to whoever owns it. It asks for
//! one function, `__pender`, called when a task became ready while none was. (Executors of the standard library's world
//! want an allocator for each task; `edge-executor` wants `alloc` or a fixed arena of one kind of task; those of RTIC and
//! Hubris belong to a processor.)
//!
//! # How it runs
//!
//! One thread, and one loop: the tasks that are ready are polled, then the driver takes a turn. Everything that the tasks
//! have asked for meanwhile goes to the kernel in one system call, which also waits, unless a task is ready again.
//!
//! | what | where, and how much |
//! |--|--|
//! | tasks | statics that `#[embassy_executor::task(pool_size = N)]` makes |
//! | operations, files, buffers | the `Storage` that the program declares |
//! | the ring | mapped by the kernel, once |
//!
//! That no panic is left can't be shown here, as the other freestanding programs do it by linking: each `async fn` has one
//! for being polled after its end, in a place that the optimiser does not see through. So a panic ends these programs with
//! a message (the feature `report-panics` of the package `freestanding`).
#![no_std]

pub mod listener;

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use bare_uring::types::Sigset;
use bare_uring::{Errno, Kernel};
use bare_uring_ops::{Driver, File, Slab, Wait};
use embassy_executor::Spawner;
use embassy_executor::raw::Executor;
use freestanding::sys;
use linux_raw_sys::general::{SIGINT, SIGTERM};

/// Whether a task is ready.
static READY: AtomicBool = AtomicBool::new(false);

/// What the executor calls when a task became ready.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    // One thread, which looks at it after this.
    READY.store(true, Ordering::Relaxed);
}

/// The one executor: tasks refer to it as long as the program runs.
struct Place {
    taken: AtomicBool,
    executor: UnsafeCell<MaybeUninit<Executor>>,
}

// SAFETY: the flag lets one caller come to the executor, which is not sent to another thread afterwards.
unsafe impl Sync for Place {}

static PLACE: Place = Place { taken: AtomicBool::new(false), executor: UnsafeCell::new(MaybeUninit::uninit()) };

/// Runs tasks, those that `start` spawns first, until `over` says that it is enough. Then nothing polls them any more.
///
/// # Errors
///
/// `EBUSY`: this is not the first call. Else the driver's.
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

/// Keeps SIGINT and SIGTERM from ending the program, and gives a file from which a read ends when one has come. One that
/// is ignored, as `nohup` sets it, stays so.
///
/// # Errors
///
/// `EMFILE`: the slab's table of files is full. Else as `signalfd(2)`.
pub fn signals(slab: &'static Slab) -> Result<File, Errno> {
    let signals =
        [SIGINT, SIGTERM].into_iter().filter(|&signal| !sys::is_ignored(signal)).fold(Sigset::EMPTY, Sigset::with);
    sys::block(signals)?;
    let fd = sys::signal_fd(signals)?;
    // SAFETY: the descriptor was made just now, and nobody else knows it.
    unsafe { slab.adopt(fd) }.ok_or(Errno::EMFILE)
}
