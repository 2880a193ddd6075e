//! A limit of time for every test: a program of which one hangs ends with a message, however it was started.
//!
//! Nothing is to be called for it. The thread that watches starts before `main`, sleeps as long as a test may take, and
//! opens no descriptor before: some tests count descriptors, or take them all.

use std::ffi::{c_int, c_uint, c_void};
use std::time::Duration;

/// How long a test may take; `BARE_URING_TEST_LIMIT` has other seconds, for emulated machines.
const SECONDS: u64 = 120;
/// How often as long all of a program's tests may take together.
const TESTS: u64 = 10;

/// The C library that the standard library is linked to. Of the standard library nothing may be used before `main`.
mod c {
    use super::{c_int, c_uint, c_void};

    unsafe extern "C" {
        pub(super) fn pthread_create(
            thread: *mut usize,
            attributes: *const c_void,
            start: extern "C" fn(*mut c_void) -> *mut c_void,
            argument: *mut c_void,
        ) -> c_int;
        pub(super) safe fn pthread_detach(thread: usize) -> c_int;
        pub(super) safe fn sleep(seconds: c_uint) -> c_uint;
    }
}

/// Called by the C library as the program starts.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = {
    extern "C" fn start() {
        let mut thread = 0;
        // SAFETY: a thread's handle is as large as a pointer with the C libraries of Linux; null asks for no attributes,
        // and is what `watch` takes.
        if unsafe { c::pthread_create(&raw mut thread, std::ptr::null(), watch, std::ptr::null_mut()) } == 0 {
            c::pthread_detach(thread);
        }
    }
    start
};

extern "C" fn watch(_: *mut c_void) -> *mut c_void {
    // Until `main` has begun, at least.
    c::sleep(1);
    let seconds = std::env::var("BARE_URING_TEST_LIMIT").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    // A child hangs for its parent's test. It ends first, so that the parent can say what the child had to say.
    let child = std::env::var_os(super::raw::CHILD).is_some();
    let limit = if child { seconds - seconds / 6 } else { seconds };
    let mut wait = limit;
    loop {
        std::thread::sleep(Duration::from_secs(wait));
        let threads = threads();
        let late = |thread: &Thread| thread.age >= if thread.main && !child { seconds * TESTS } else { limit };
        if threads.iter().any(late) {
            let names: Vec<String> =
                threads.iter().map(|thread| format!("{} for {} s", thread.name, thread.age)).collect();
            eprintln!("a test hangs: none may take {limit} s. Threads, by the first letters of their tests: {names:?}");
            std::process::abort();
        }
        let oldest = threads.iter().filter(|thread| !thread.main).map(|thread| thread.age).max();
        wait = (limit - oldest.unwrap_or(0)).max(1);
    }
}

/// A thread of this process: the first of all, or one of a test, which the harness names by it.
struct Thread {
    main: bool,
    name: String,
    /// In seconds.
    age: u64,
}

/// The threads that there are, but for the one that watches and the kernel's own.
fn threads() -> Vec<Thread> {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let uptime: u64 = uptime.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let own = rustix::thread::gettid().as_raw_nonzero().to_string();
    let process = std::process::id().to_string();
    let thread = |entry: std::fs::DirEntry| {
        let number = entry.file_name().into_string().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (name, numbers) = stat.split_once('(')?.1.rsplit_once(") ")?;
        let start: u64 = numbers.split(' ').nth(19)?.parse().ok()?;
        let age = uptime.saturating_sub(start / rustix::param::clock_ticks_per_second());
        let counts = number != own && !name.starts_with("iou-");
        counts.then(|| Thread { main: number == process, name: name.to_owned(), age })
    };
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    tasks.filter_map(|entry| thread(entry.ok()?)).collect()
}
