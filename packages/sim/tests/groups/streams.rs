//! The files that requests read from and send to, and the bytes that they must find there.

use std::collections::VecDeque;

use bare_uring::types::RawFd;
use bare_uring_sim::{Random, SimKernel};

/// What kind of file a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Pipe,
    Socket,
    Datagrams,
    Content,
    Directory,
    /// A socket to send to.
    Sink,
}

/// A file, its far end, and the bytes on their way.
#[derive(Debug)]
pub struct Stream {
    pub source: Source,
    pub near: RawFd,
    pub far: RawFd,
    key: u64,
    sent: usize,
    /// The number of bytes that completions have counted.
    told: usize,
    messages: VecDeque<usize>,
    content: usize,
    /// Whether a request is in flight.
    pub busy: bool,
    /// Whether the far end is gone.
    pub ended: bool,
}

/// The upper bound of the length of a regular file.
pub const CONTENT: u32 = 48;

impl Stream {
    /// Makes a file and its far end.
    pub fn new(kernel: &SimKernel, random: &mut Random, source: Source) -> Self {
        let (key, content) = (random.bits(), random.below(CONTENT) as usize);
        let (near, far) = match source {
            Source::Pipe => kernel.pipe(),
            Source::Socket | Source::Sink => kernel.socket_pair(),
            Source::Datagrams => kernel.datagram_pair(),
            Source::Content => (kernel.file((0..content).map(|at| byte(key, at)).collect()), -1),
            Source::Directory => (kernel.directory(), -1),
        };
        Self { source, near, far, key, sent: 0, told: 0, messages: VecDeque::new(), content, busy: false, ended: false }
    }

    /// Sends `count` bytes from the far end.
    pub fn feed(&mut self, kernel: &SimKernel, count: usize) {
        if !matches!(self.source, Source::Pipe | Source::Socket | Source::Datagrams) || self.ended {
            return;
        }
        let bytes: Vec<u8> = (self.sent..self.sent + count).map(|at| byte(self.key, at)).collect();
        let taken = kernel.write(self.far, &bytes).unwrap_or(0);
        self.sent += taken;
        if taken != 0 && self.source == Source::Datagrams {
            self.messages.push_back(taken);
        }
    }

    /// Ends the far end, with an error or without.
    pub fn end(&mut self, kernel: &SimKernel, resets: bool) {
        let unread = self.source == Source::Sink && self.busy;
        if self.far != -1 && self.source != Source::Datagrams && !self.ended && !unread {
            self.ended = true;
            if resets {
                kernel.reset(self.far);
            } else {
                kernel.close_file(self.far);
            }
        }
    }

    /// Returns the bytes that a completion of `count` bytes must have brought. Of a datagram it returns all bytes, also
    /// if the datagram was cut.
    pub fn expect(&mut self, kernel: &SimKernel, count: usize, offset: usize) -> Vec<u8> {
        let (from, len) = match self.source {
            Source::Content => {
                assert!(offset + count <= self.content, "beyond the end of the file");
                (offset, count)
            }
            Source::Datagrams => {
                let len = self.messages.pop_front().expect("a message was sent");
                self.told += len;
                (self.told - len, len)
            }
            Source::Sink => {
                return kernel.read(self.far, count).expect("open").expect("it was sent");
            }
            _ => {
                self.told += count;
                (self.told - count, count)
            }
        };
        (from..from + len).map(|at| byte(self.key, at)).collect()
    }
}

/// Returns the byte at a position of a stream. Streams differ, and so do positions.
fn byte(key: u64, at: usize) -> u8 {
    Random::new(key.wrapping_add(at as u64)).bits() as u8
}
