//! Simulated files: pipes, sockets, listeners, files with content, and the table of descriptors.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};

use crate::errno::{EAGAIN, EBADF, ECONNRESET, EFBIG, EINVAL, EISDIR, ENOTCONN, EPIPE};

/// An open file (`struct file`). Descriptors, registered files and requests in flight share it; the last one closes it.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) kind: Kind,
}

/// What an open file is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A ring, by its number.
    Ring(u32),
    /// An end of a pipe or of a connection: the streams that this end reads and writes.
    End { read: Option<usize>, write: Option<usize> },
    /// A regular file. It can't be polled.
    Content(usize),
    /// A directory. It can't be polled, and a read of it fails.
    Directory,
    /// A listening socket.
    Listener(usize),
}

/// Bytes on their way from one open file to another.
#[derive(Debug, Default)]
struct Stream {
    bytes: VecDeque<u8>,
    capacity: usize,
    reader: Weak<Open>,
    writer: Weak<Open>,
    /// Whether either side has shut the stream down.
    ended: bool,
    /// Whether the writer has reset the stream, and the reader has not met `ECONNRESET` yet.
    reset: bool,
    /// The lengths of the messages in a stream of datagrams; `None` for a stream of bytes.
    messages: Option<VecDeque<usize>>,
}

/// What a regular file holds.
#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    position: usize,
}

/// All files, and the table of descriptors.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) table: BTreeMap<i32, Arc<Open>>,
    streams: Vec<Stream>,
    contents: Vec<Content>,
    listeners: Vec<VecDeque<Arc<Open>>>,
}

/// The number of bytes that a pipe or a connection holds in each direction.
pub const CAPACITY: usize = 4096;

/// The length that no regular file exceeds.
const LONGEST: usize = 1 << 24;

pub(crate) const POLLIN: u32 = 1;
pub(crate) const POLLOUT: u32 = 4;
const POLLERR: u32 = 8;
const POLLHUP: u32 = 16;

impl Files {
    /// Gives a file the lowest free descriptor, from 3 on.
    pub(crate) fn install(&mut self, open: Arc<Open>) -> i32 {
        let fd = (3..).find(|fd| !self.table.contains_key(fd)).unwrap_or(i32::MAX);
        self.table.insert(fd, open);
        fd
    }

    /// Gives a ring a descriptor.
    pub(crate) fn ring(&mut self, ring: u32) -> i32 {
        self.install(Arc::new(Open { kind: Kind::Ring(ring) }))
    }

    /// Returns the open file of a descriptor.
    pub(crate) fn get(&self, fd: i32) -> Option<&Arc<Open>> {
        self.table.get(&fd)
    }

    /// Makes a stream, and returns its index.
    fn stream(&mut self, capacity: usize) -> usize {
        self.streams.push(Stream { capacity, ..Stream::default() });
        self.streams.len() - 1
    }

    /// Makes an end of these streams.
    fn end(&mut self, read: Option<usize>, write: Option<usize>) -> Arc<Open> {
        let open = Arc::new(Open { kind: Kind::End { read, write } });
        if let Some(read) = read {
            self.streams[read].reader = Arc::downgrade(&open);
        }
        if let Some(write) = write {
            self.streams[write].writer = Arc::downgrade(&open);
        }
        open
    }

    /// Makes a pipe: the reading end and the writing end.
    pub(crate) fn pipe(&mut self, capacity: usize) -> (i32, i32) {
        let stream = self.stream(capacity);
        let (read, write) = (self.end(Some(stream), None), self.end(None, Some(stream)));
        (self.install(read), self.install(write))
    }

    /// Makes a connection: its two ends.
    fn connection(&mut self, capacity: usize) -> (Arc<Open>, Arc<Open>) {
        let (there, back) = (self.stream(capacity), self.stream(capacity));
        (self.end(Some(back), Some(there)), self.end(Some(there), Some(back)))
    }

    /// Makes two connected stream sockets.
    pub(crate) fn socket_pair(&mut self, capacity: usize) -> (i32, i32) {
        let (near, far) = self.connection(capacity);
        (self.install(near), self.install(far))
    }

    /// Makes a regular file.
    pub(crate) fn content(&mut self, bytes: Vec<u8>) -> i32 {
        self.contents.push(Content { bytes, position: 0 });
        let kind = Kind::Content(self.contents.len() - 1);
        self.install(Arc::new(Open { kind }))
    }

    /// Makes a directory.
    pub(crate) fn directory(&mut self) -> i32 {
        self.install(Arc::new(Open { kind: Kind::Directory }))
    }

    /// Makes two connected datagram sockets.
    pub(crate) fn datagram_pair(&mut self, capacity: usize) -> (i32, i32) {
        let first = self.streams.len();
        let (near, far) = self.connection(capacity);
        for stream in &mut self.streams[first..] {
            stream.messages = Some(VecDeque::new());
        }
        (self.install(near), self.install(far))
    }

    /// Resets the stream that `open` writes: its bytes are lost, and its reader meets `ECONNRESET` once, then the end.
    /// Returns `false` if `open` writes no stream.
    pub(crate) fn reset(&mut self, open: &Open) -> bool {
        let Kind::End { write: Some(write), .. } = open.kind else { return false };
        let stream = &mut self.streams[write];
        stream.bytes.clear();
        (stream.ended, stream.reset) = (true, true);
        true
    }

    /// Returns whether the kernel can wait for the file.
    // kernel: io_uring/io_uring.h io_file_can_poll (7.2): asks whether the file has a poll operation; regular files and
    // directories have none in most file systems.
    pub(crate) fn can_poll(&self, open: &Open) -> bool {
        !matches!(open.kind, Kind::Content(_) | Kind::Directory)
    }

    /// Returns how many bytes a reader would find now (`SIOCINQ`).
    pub(crate) fn waiting(&self, open: &Open) -> usize {
        match open.kind {
            Kind::End { read: Some(read), .. } => self.streams[read].bytes.len(),
            _ => 0,
        }
    }

    /// Makes a listening socket.
    pub(crate) fn listener(&mut self) -> i32 {
        self.listeners.push(VecDeque::new());
        let kind = Kind::Listener(self.listeners.len() - 1);
        self.install(Arc::new(Open { kind }))
    }

    /// Connects to a listener, and returns the descriptor of the near end. The far end waits to be accepted.
    pub(crate) fn connect(&mut self, listener: i32, capacity: usize) -> Option<i32> {
        let Kind::Listener(listener) = self.get(listener)?.kind else { return None };
        let (near, far) = self.connection(capacity);
        self.listeners[listener].push_back(far);
        Some(self.install(near))
    }

    /// Accepts a connection.
    pub(crate) fn accept(&mut self, open: &Open) -> Result<Arc<Open>, i32> {
        let Kind::Listener(listener) = open.kind else { return Err(EINVAL) };
        self.listeners[listener].pop_front().ok_or(EAGAIN)
    }

    /// Returns whether a connection waits to be accepted.
    pub(crate) fn more_to_accept(&self, open: &Open) -> bool {
        matches!(open.kind, Kind::Listener(listener) if !self.listeners[listener].is_empty())
    }

    /// Reads at most `limit` bytes. A regular file is read from `offset`, or from its position if `offset` is -1.
    pub(crate) fn read(&mut self, open: &Open, limit: usize, offset: u64) -> Result<Vec<u8>, i32> {
        self.receive(open, limit, offset).map(|received| received.0)
    }

    /// Reads as [`read`](Self::read) does, and also returns the whole length of a datagram that may have been cut.
    pub(crate) fn receive(&mut self, open: &Open, limit: usize, offset: u64) -> Result<(Vec<u8>, usize), i32> {
        let Kind::End { read: Some(read), .. } = open.kind else {
            let bytes = self.read_bytes(open, limit, offset)?;
            let count = bytes.len();
            return Ok((bytes, count));
        };
        let stream = &mut self.streams[read];
        let Some(message) = stream.messages.as_mut().and_then(VecDeque::pop_front) else {
            let bytes = self.read_bytes(open, limit, offset)?;
            let count = bytes.len();
            return Ok((bytes, count));
        };
        let mut bytes: Vec<u8> = stream.bytes.drain(..message).collect();
        bytes.truncate(limit);
        Ok((bytes, message))
    }

    /// Reads a file that keeps no messages apart.
    fn read_bytes(&mut self, open: &Open, limit: usize, offset: u64) -> Result<Vec<u8>, i32> {
        match open.kind {
            Kind::End { read: Some(read), .. } => {
                let stream = &mut self.streams[read];
                if std::mem::take(&mut stream.reset) {
                    return Err(ECONNRESET);
                }
                if stream.bytes.is_empty() && limit != 0 {
                    let over = stream.ended || stream.writer.strong_count() == 0;
                    return if over { Ok(Vec::new()) } else { Err(EAGAIN) };
                }
                let count = limit.min(stream.bytes.len());
                Ok(stream.bytes.drain(..count).collect())
            }
            Kind::Content(content) => {
                let Content { bytes, position } = &mut self.contents[content];
                let start = usize::try_from(offset).ok().filter(|_| offset != u64::MAX).unwrap_or(*position);
                let start = start.min(bytes.len());
                let end = start.saturating_add(limit).min(bytes.len());
                if offset == u64::MAX {
                    *position = end;
                }
                Ok(bytes[start..end].to_vec())
            }
            Kind::Directory => Err(EISDIR),
            Kind::End { read: None, .. } => Err(EBADF),
            _ => Err(EINVAL),
        }
    }

    /// Writes what fits, and returns how much that was.
    pub(crate) fn write(&mut self, open: &Open, bytes: &[u8], offset: u64) -> Result<usize, i32> {
        match open.kind {
            Kind::End { write: Some(write), .. } => {
                let stream = &mut self.streams[write];
                if stream.ended || stream.reader.strong_count() == 0 {
                    return Err(EPIPE);
                }
                let room = stream.capacity.saturating_sub(stream.bytes.len());
                if room == 0 && !bytes.is_empty() {
                    return Err(EAGAIN);
                }
                if stream.messages.is_some() && bytes.len() > room {
                    return Err(EAGAIN);
                }
                let count = bytes.len().min(room);
                if let Some(messages) = &mut stream.messages {
                    messages.push_back(count);
                }
                stream.bytes.extend(&bytes[..count]);
                Ok(count)
            }
            Kind::Content(content) => {
                let Content { bytes: old, position } = &mut self.contents[content];
                let start = usize::try_from(offset).ok().filter(|_| offset != u64::MAX).unwrap_or(*position);
                let end = start.checked_add(bytes.len()).filter(|&end| end <= LONGEST).ok_or(EFBIG)?;
                old.resize(old.len().max(end), 0);
                old[start..end].copy_from_slice(bytes);
                if offset == u64::MAX {
                    *position = end;
                }
                Ok(bytes.len())
            }
            Kind::End { write: None, .. } => Err(EBADF),
            _ => Err(EINVAL),
        }
    }

    /// Cuts a regular file to a length, or extends it with zeros, as `ftruncate(2)` does. The position stays.
    // Tests on the real kernel show `EINVAL` for what is no regular file, and for a negative length.
    pub(crate) fn truncate(&mut self, open: &Open, length: u64) -> i32 {
        let Kind::Content(content) = open.kind else { return EINVAL };
        match usize::try_from(length) {
            Ok(length) if length <= LONGEST => self.contents[content].bytes.resize(length, 0),
            _ if length > i64::MAX as u64 => return EINVAL,
            _ => return EFBIG,
        }
        0
    }

    /// Shuts down reading (0), writing (1), or both (2), as `shutdown(2)` does.
    pub(crate) fn shut_down(&mut self, open: &Open, how: u32) -> i32 {
        let Kind::End { read: Some(read), write: Some(write) } = open.kind else { return ENOTCONN };
        match how {
            0 => self.streams[read].ended = true,
            1 => self.streams[write].ended = true,
            2 => {
                self.streams[read].ended = true;
                self.streams[write].ended = true;
            }
            _ => return EINVAL,
        }
        0
    }

    /// Returns the events that `poll(2)` would report.
    pub(crate) fn events(&self, open: &Open) -> u32 {
        match open.kind {
            Kind::End { read, write } => {
                let mut events = 0;
                if let Some(stream) = read.map(|read| &self.streams[read]) {
                    let over = stream.ended || stream.writer.strong_count() == 0;
                    // An empty datagram can be received, too.
                    let empty = stream.messages.as_ref().map_or(stream.bytes.is_empty(), VecDeque::is_empty);
                    events |= if !empty || over { POLLIN } else { 0 };
                    events |= if over { POLLHUP } else { 0 };
                }
                if let Some(stream) = write.map(|write| &self.streams[write]) {
                    let over = stream.ended || stream.reader.strong_count() == 0;
                    events |= if stream.bytes.len() < stream.capacity || over { POLLOUT } else { 0 };
                    events |= if over { POLLERR } else { 0 };
                }
                events
            }
            Kind::Content(_) | Kind::Directory => POLLIN | POLLOUT,
            Kind::Listener(listener) => {
                if self.listeners[listener].is_empty() {
                    0
                } else {
                    POLLIN
                }
            }
            Kind::Ring(_) => 0,
        }
    }
}
