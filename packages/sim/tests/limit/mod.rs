//! A time limit for tests that may wait for ever if what they test is wrong.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Longer than any of these tests takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Ends the process if it lives too long: a thread that spins can't be ended otherwise.
pub struct Limit {
    /// Closed when the test is over.
    _over: Sender<()>,
}

impl Limit {
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
