//! A limit on how long a test may take: a test that hangs is named, and fails.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(30);

/// What each thread does, and since when.
static RUNNING: LazyLock<Mutex<HashMap<ThreadId, (String, Instant)>>> = LazyLock::new(Mutex::default);

fn running() -> MutexGuard<'static, HashMap<ThreadId, (String, Instant)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the thread off the list when the thread ends.
struct Listed(ThreadId);

impl Drop for Listed {
    fn drop(&mut self) {
        running().remove(&self.0);
    }
}

thread_local! {
    static LISTED: Listed = Listed(thread::current().id());
}

/// Ends the process, with a word on what hangs, if this thread neither ends nor comes here again within the limit.
///
/// The whole process ends, because a thread cannot be stopped, and a join of the thread would wait for ever.
pub fn limit(what: impl Into<String>) {
    static WATCH: Once = Once::new();

    let thread = LISTED.with(|listed| listed.0);
    running().insert(thread, (what.into(), Instant::now()));
    WATCH.call_once(|| drop(thread::spawn(watch)));
}

fn watch() -> ! {
    loop {
        thread::sleep(Duration::from_millis(200));
        if let Some((what, _)) = running().values().find(|(_, since)| since.elapsed() > LIMIT) {
            // Written without a macro, whose output the test harness would keep to itself.
            let _ = writeln!(std::io::stderr(), "hangs for {} s: {what}", LIMIT.as_secs());
            std::process::exit(101);
        }
    }
}
