//! Signals to a thread that waits.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bare_uring::types::Sigset;

/// SIGUSR2, which the test harness has no use for.
pub const SIGNAL: u32 = 12;

/// How many were caught.
pub static CAUGHT: AtomicU32 = AtomicU32::new(0);

/// The C library that the standard library is linked to.
mod c {
    pub(crate) const SIG_BLOCK: i32 = 0;
    pub(crate) const SIG_UNBLOCK: i32 = 1;

    unsafe extern "C" {
        pub(crate) safe fn signal(signal: i32, handler: usize) -> usize;
        pub(crate) safe fn raise(signal: i32) -> i32;
        pub(crate) safe fn pthread_self() -> usize;
        pub(crate) fn pthread_kill(thread: usize, signal: i32) -> i32;
        pub(crate) fn pthread_sigmask(how: i32, set: *const [u64; 16], old: *mut [u64; 16]) -> i32;
    }
}

extern "C" fn count(_: i32) {
    CAUGHT.fetch_add(1, Ordering::SeqCst);
}

/// From now on the process counts the signal.
fn catch() {
    c::signal(SIGNAL.cast_signed(), count as extern "C" fn(i32) as usize);
}

/// Blocks or unblocks the signal for this thread.
fn change_mask(how: i32) {
    let mut set = [0; 16];
    set[0] = Sigset::EMPTY.with(SIGNAL).0;
    // SAFETY: the set is as long as the C library's; no old one is asked for.
    assert_eq!(unsafe { c::pthread_sigmask(how, &set, std::ptr::null_mut()) }, 0);
}

/// Sends the signal to this thread.
pub fn raise() {
    assert_eq!(c::raise(SIGNAL.cast_signed()), 0);
}

/// Runs `body` with the signal blocked and pending.
pub fn with_pending_signal(body: impl FnOnce()) {
    catch();
    change_mask(c::SIG_BLOCK);
    raise();
    body();
    change_mask(c::SIG_UNBLOCK);
}

/// Runs `body` on a thread that is signalled after each `pause`, until it has ended.
pub fn interrupted<T: Send>(pause: Duration, body: impl FnOnce() -> T + Send) -> T {
    let (sender, waiter) = std::sync::mpsc::channel();
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            catch();
            sender.send(c::pthread_self()).unwrap();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            done.store(true, Ordering::SeqCst);
            outcome
        });
        let waiter = waiter.recv().unwrap();
        while !done.load(Ordering::SeqCst) {
            // SAFETY: the thread may have ended but was not joined, so that its handle is still good.
            unsafe { c::pthread_kill(waiter, SIGNAL.cast_signed()) };
            std::thread::sleep(pause);
        }
        waiting.join().unwrap().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
