//! What the test knows of memory, and what has happened over all seeds.

use std::collections::BTreeMap;

use bare_uring_ops::Buffer;
use bare_uring_sim::Coverage;

/// Returns the byte of the pattern after this one. All data follows the pattern, so that a piece of two sources shows.
pub const fn after(byte: u8) -> u8 {
    if byte >= 250 { 0 } else { byte + 1 }
}

/// Makes a run of the pattern.
pub fn run(first: u8, len: usize) -> Vec<u8> {
    std::iter::successors(Some(first % 251), |&byte| Some(after(byte))).take(len).collect()
}

/// Tells whether bytes are one run of the pattern.
pub fn is_run(bytes: &[u8]) -> bool {
    bytes.windows(2).all(|pair| pair[1] == after(pair[0]))
}

/// A buffer that the test holds, filled to its end. Nothing else may write to it.
pub struct Held {
    pub buffer: Buffer,
    content: Vec<u8>,
}

impl Held {
    pub fn new(mut buffer: Buffer, first: u8) -> Self {
        buffer.clear();
        let content = run(first, buffer.capacity());
        assert_eq!(buffer.extend(&content), content.len());
        Self { buffer, content }
    }

    pub fn check(&self) {
        assert_eq!(*self.buffer, *self.content, "a buffer was written to while the test held it");
    }
}

/// How often something has happened, and what the simulated kernels did.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<&'static str, u64>, pub Coverage);

/// All events that can happen.
const EVENTS: &[&str] = &[
    "a ring was made",
    "a ring was refused",
    "the kernel lied",
    "an operation completed",
    "an operation failed",
    "an operation was cancelled",
    "an operation was too late",
    "a stream brought a connection",
    "a stream brought data",
    "a stream brought a datagram",
    "a stream ended",
    "a task was woken",
    "a task was woken at the end",
    "a task was polled without being woken",
    "a task waited for room",
    "there was room",
    "room was taken before a waiter came",
    "a waiter was sent away at the end",
    "a file was closed",
    "a file was closed with its result",
    "several buffers came back",
    "a pipe was made",
    "both of two were done",
    "a whole buffer came back",
    "something was dropped",
    "something was forgotten",
    "a driver was shut down",
    "a driver gave up",
    "a driver was dropped",
    "a driver was forgotten",
    "everything was back",
    "every file was closed",
];

impl Tally {
    pub fn count(&mut self, event: &'static str) {
        assert!(EVENTS.contains(&event), "{event}");
        *self.0.entry(event).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (event, times) in &other.0 {
            *self.0.entry(event).or_default() += times;
        }
        self.1.merge(&other.1);
    }

    pub fn assert_everything_happened(&self) {
        for event in EVENTS {
            assert!(self.0.contains_key(event), "it never happened that {event}");
        }
    }
}
