//! Copies the content, with many reads and writes under way at once.
//!
//! The memory is divided into [`PARTS`] buffers of [`SIZE`] bytes. A buffer takes one chunk of the file after the
//! other: it reads the chunk and writes it. If a read was short, it then reads and writes the rest of the chunk.
//!
//! Up to the size that the source had at first, chunks are handed out as fast as buffers become free. From there on the
//! copy probes for the end with one read at a time: the next read begins where the last one stopped, while the bytes of
//! the last one are being written. So a source that grows is copied to its end. A source without a size (a pipe, a file
//! in /proc) is copied by such probing reads alone.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, IoVec, RawFd};
use bare_uring::{Errno, IoUring, opcode};
use freestanding::request;

use crate::failure::{About, Failure};
use crate::interrupt;
use crate::progress::{self, Progress};

/// Number of buffers, each of which has at most one request under way.
const PARTS: usize = 32;

/// Bytes of one buffer. With files in memory, 8 to 64 parts of 32 to 256 KiB were about equally fast; devices are
/// faster with many large parts.
const SIZE: u32 = 128 * 1024;

/// Index of the one registered buffer, which spans all parts.
const REGISTERED: u16 = 0;

/// The offset that stands for the file's own position, which reads and writes move: for files without offsets.
const HERE: u64 = u64::MAX;

/// 4 MiB that only the kernel reads and writes. They take no room in the program's file.
#[repr(C, align(4096))]
struct Buffers(UnsafeCell<[[u8; SIZE as usize]; PARTS]>);

// SAFETY: no reference to the memory is ever made; only the kernel gets its addresses.
unsafe impl Sync for Buffers {}

static BUFFERS: Buffers = Buffers(UnsafeCell::new([[0; SIZE as usize]; PARTS]));

/// The file that is read.
pub(crate) struct Source {
    pub(crate) fd: RawFd,
    /// The size that its status claims.
    pub(crate) size: u64,
    /// Whether it can be read at offsets.
    pub(crate) regular: bool,
}

/// The file that is written.
pub(crate) struct Sink {
    pub(crate) fd: RawFd,
    /// Whether it can be written at offsets. If not, the chunks are written one after the other.
    pub(crate) regular: bool,
}

/// How the source ended.
pub(crate) struct End {
    /// The source ended before the size that it claimed.
    pub(crate) expected_more: bool,
    /// Bytes were read from beyond that end.
    pub(crate) torn: bool,
    /// Offset of the end.
    pub(crate) offset: u64,
}

/// State of a buffer.
#[derive(Clone, Copy)]
struct Part {
    /// Offset in the file of the buffer's first byte.
    offset: u64,
    /// Offset at which the chunk ends.
    end: u64,
    /// Number of bytes that were read.
    have: u32,
    /// Number of those bytes that are written.
    put: u32,
    doing: Doing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Nothing,
    Reading,
    /// Reading beyond the size that the source claimed, to find its end.
    Probing,
    Writing,
}

/// A copy under way.
pub(crate) struct Copy<'a> {
    ring: &'a mut IoUring,
    source: Source,
    sink: Sink,
    progress: Progress,
    /// Whether the buffers are registered.
    registered: bool,
    parts: [Part; PARTS],
    /// Number of parts that are not idle.
    busy: usize,
    /// Offset at which the next chunk starts.
    next: u64,
    /// Whether a part is probing for the end.
    probing: bool,
    /// Offset at which the source ended, once that is known.
    end: Option<u64>,
    /// End of the last byte that was read.
    reached: u64,
    written: u64,
}

impl<'a> Copy<'a> {
    pub(crate) fn new(ring: &'a mut IoUring, source: Source, sink: Sink) -> Self {
        // Registering pays for large files only. Above RLIMIT_MEMLOCK the kernel refuses; plain reads and writes work
        // too.
        let registered = source.size > u64::from(SIZE) && register(ring).is_ok();
        let progress = Progress::new(source.size);
        let idle = Part { offset: 0, end: 0, have: 0, put: 0, doing: Doing::Nothing };
        Self {
            ring,
            source,
            sink,
            progress,
            registered,
            parts: [idle; PARTS],
            busy: 0,
            next: 0,
            probing: false,
            end: None,
            reached: 0,
            written: 0,
        }
    }

    /// Copies to the end of the source.
    ///
    /// After an error requests may still be under way; their buffers are static.
    pub(crate) fn run(mut self) -> Result<End, Failure> {
        self.queue_timer()?;
        loop {
            self.hand_out()?;
            if self.busy == 0 {
                break;
            }
            request::submit_and_wait(self.ring).map_err(Failure::ring)?;
            let mut batch = [MaybeUninit::uninit(); PARTS];
            let completions = self.ring.completion().fill(&mut batch);
            for cqe in completions {
                match cqe.user_data() {
                    interrupt::USER_DATA => return Err(Failure::Interrupted),
                    progress::USER_DATA => {
                        self.progress.show(self.written);
                        self.queue_timer()?;
                    }
                    part => self.completed(part as usize, cqe.outcome())?,
                }
            }
        }
        let end = self.end.unwrap_or(self.reached);
        Ok(End { expected_more: end < self.source.size, torn: end < self.reached, offset: end })
    }

    /// Gives chunks to the parts that are idle.
    fn hand_out(&mut self) -> Result<(), Failure> {
        let parts = if self.sink.regular { PARTS } else { 1 };
        for part in 0..parts {
            if self.end.is_some() || self.probing {
                break;
            }
            let Some(state) = self.parts.get_mut(part) else { break };
            if state.doing != Doing::Nothing {
                continue;
            }
            let rest = self.source.size.saturating_sub(self.next);
            state.offset = self.next;
            if rest != 0 {
                self.next += rest.min(u64::from(SIZE));
                state.end = self.next;
                state.doing = Doing::Reading;
            } else {
                state.end = self.next + u64::from(SIZE);
                state.doing = Doing::Probing;
                self.probing = true;
            }
            self.busy += 1;
            self.queue(part)?;
        }
        Ok(())
    }

    /// Handles the completion of a part's request, and queues the part's next request.
    fn completed(&mut self, part: usize, outcome: Result<u32, Errno>) -> Result<(), Failure> {
        let cannot_write = About::Destination.refused("cannot be written");
        let Some(state) = self.parts.get_mut(part) else { return Ok(()) };
        match (state.doing, outcome) {
            (Doing::Nothing, _) => return Ok(()),
            // The request was interrupted: submit it again.
            (_, Err(Errno::EINTR)) => {}
            (Doing::Writing, Err(errno)) => return Err(cannot_write(errno)),
            // Nothing was written, and the kernel gave no reason.
            (Doing::Writing, Ok(0)) => return Err(cannot_write(Errno::EIO)),
            (_, Err(errno)) => return Err(About::Source.refused("cannot be read")(errno)),
            (Doing::Writing, Ok(count)) => {
                state.put += count;
                self.written += u64::from(count);
                if state.put >= state.have {
                    state.offset += u64::from(state.have);
                    state.doing = if state.offset < state.end { Doing::Reading } else { Doing::Nothing };
                }
            }
            (doing, Ok(0)) => {
                state.doing = Doing::Nothing;
                self.probing &= doing != Doing::Probing;
                self.end = Some(self.end.map_or(state.offset, |end| end.min(state.offset)));
            }
            (doing, Ok(count)) => {
                (state.have, state.put) = (count, 0);
                let reached = state.offset + u64::from(count);
                self.reached = self.reached.max(reached);
                if doing == Doing::Probing {
                    self.probing = false;
                    self.next = reached;
                    state.end = reached;
                }
                state.doing = Doing::Writing;
            }
        }
        if state.doing == Doing::Nothing {
            self.busy -= 1;
            return Ok(());
        }
        self.queue(part)
    }

    /// Queues the next request of a part.
    fn queue(&mut self, part: usize) -> Result<(), Failure> {
        let Some(state) = self.parts.get(part) else { return Ok(()) };
        let buffer = BUFFERS.0.get().cast::<u8>().wrapping_add(part * SIZE as usize);
        let mut entry = if state.doing == Doing::Writing {
            let rest = buffer.wrapping_add(state.put as usize);
            let offset = if self.sink.regular { state.offset + u64::from(state.put) } else { HERE };
            self.write(rest, state.have - state.put, offset)
        } else {
            // At most `SIZE`, so the cast loses nothing.
            let len = (state.end - state.offset).min(u64::from(SIZE)) as u32;
            let offset = if self.source.regular { state.offset } else { HERE };
            self.read(buffer, len, offset)
        };
        entry = entry.user_data(part as u64);
        // SAFETY: the buffer is a static, and each part has at most one request under way. Of the `have` bytes that
        // were read, the kernel has written `put`, so the rest lies within the buffer.
        unsafe { self.push(entry) }
    }

    fn read(&self, buffer: *mut u8, len: u32, offset: u64) -> Entry {
        let fd = Fd(self.source.fd);
        if self.registered {
            opcode::ReadFixed::new(fd, buffer, len, REGISTERED).offset(offset).build()
        } else {
            opcode::Read::new(fd, buffer, len).offset(offset).build()
        }
    }

    fn write(&self, buffer: *const u8, len: u32, offset: u64) -> Entry {
        let fd = Fd(self.sink.fd);
        if self.registered {
            opcode::WriteFixed::new(fd, buffer, len, REGISTERED).offset(offset).build()
        } else {
            opcode::Write::new(fd, buffer, len).offset(offset).build()
        }
    }

    fn queue_timer(&mut self) -> Result<(), Failure> {
        match self.progress.timer() {
            // SAFETY: the request points to a static.
            Some(timer) => unsafe { self.push(timer) },
            None => Ok(()),
        }
    }

    /// Queues a request.
    ///
    /// # Safety
    ///
    /// The contract of [`push`](bare_uring::SubmissionQueue::push).
    unsafe fn push(&mut self, entry: Entry) -> Result<(), Failure> {
        // The queue has room for one request of each part, and for the timer and the poll of the signals.
        // SAFETY: the caller's contract.
        unsafe { self.ring.submission().push(entry) }.map_err(|_| Failure::ring(Errno::EBUSY))
    }
}

/// Returns whether a file has a byte at an offset. Uses the buffers, so no part may be under way.
pub(crate) fn has_more(ring: &mut IoUring, fd: RawFd, offset: u64) -> Result<bool, Errno> {
    let read = opcode::Read::new(Fd(fd), BUFFERS.0.get().cast(), 1).offset(offset).build();
    // SAFETY: the buffer is a static.
    unsafe { request::run(ring, read) }.map(|count| count != 0)
}

/// Registers all buffers as one.
fn register(ring: &IoUring) -> Result<(), Errno> {
    let all = IoVec::new(BUFFERS.0.get().cast(), size_of::<Buffers>());
    // SAFETY: the memory is a static.
    unsafe { ring.submitter().register_buffers(&[all]) }
}
