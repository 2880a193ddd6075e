//! A time limit for tests that would wait for ever if the crate were wrong.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A time that no test takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Ends the process if a test lives too long. A thread that spins can't be ended otherwise.
pub struct Limit {
    /// The channel that is closed when the test is over.
    _over: Sender<()>,
}

impl Limit {
    /// Starts the time.
    pub fn new() -> Self {
        let (over, is_over) = channel::<()>();
        let test = std::thread::current().name().unwrap_or("a test").to_string();
        std::thread::spawn(move || {
            if is_over.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{test} has not ended after {LIMIT:?}");
                std::process::abort();
            }
        });
        Self { _over: over }
    }
}
