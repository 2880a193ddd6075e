//! Tasks on the bytes of files: over several buffers, of a whole buffer, and closes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bare_uring::Errno;
use bare_uring::types::OpenFlags;
use bare_uring_ops::{Buffer, CURRENT, File, Linked, Progress};

use super::tasks::{Polled, Running};
use super::{CONTENT, Play, SIZE};
use crate::books::{is_run, run};

impl Play {
    /// Holds a new file.
    pub fn add(&mut self, file: File) {
        if file.as_raw_fd() == self.content {
            // The file with content is closed, and its number was free.
            self.content = -1;
        }
        self.files.push(file);
    }

    /// Makes an operation on bytes. `which` is the place of the file among those of the test. `None`: no buffer is free.
    pub fn begin_more(&mut self, kind: u32, file: File, which: usize, first: u8) -> Option<Running> {
        let slab = self.slab;
        let is_content = file.as_raw_fd() == self.content;
        Some(match kind {
            0 | 1 => {
                let (mut one, mut two) = (slab.buffer()?, slab.buffer()?);
                let windows = [&mut one, &mut two].map(|buffer| {
                    let window = run(first, self.random.below(SIZE as u32 + 1) as usize);
                    assert_eq!(buffer.extend(&window), window.len());
                    window
                });
                let fills = kind == 0 || is_content;
                let operation = if fills {
                    slab.read_vectored(&file, [one, two], CURRENT)
                } else {
                    slab.write_vectored(&file, [one, two], CURRENT)
                };
                let late = bare_uring::types::Timespec::new(0, self.random.below(10_000));
                let operation = if self.random.chance(1, 4) { operation.within(late) } else { operation };
                Running::Vectored(operation, windows, fills)
            }
            2 | 3 => {
                let mut buffer = slab.buffer()?;
                let window = run(first, self.random.below(SIZE as u32 + 1) as usize);
                assert_eq!(buffer.extend(&window), window.len());
                let fills = kind == 2 || is_content;
                let offset = is_content.then(|| self.random.below(CONTENT as u32 + 9) as usize);
                let place = offset.map_or(CURRENT, |offset| offset as u64);
                let operation =
                    if fills { slab.read_full(&file, buffer, place) } else { slab.write_all(&file, buffer, place) };
                let late = bare_uring::types::Timespec::new(0, self.random.below(10_000));
                let operation = if self.random.chance(1, 4) { operation.each_within(late) } else { operation };
                Running::Whole(operation, window, fills, offset)
            }
            4 => {
                if self.files.len() <= 2 {
                    return None;
                }
                drop(file);
                Running::Closes(slab.close(self.files.swap_remove(which)))
            }
            5 => Running::Pieces(slab.read_pieces(&file), None),
            6 | 7 => {
                let mut buffer = slab.buffer()?;
                let window = run(first, self.random.below(SIZE as u32 + 1) as usize);
                assert_eq!(buffer.extend(&window), window.len());
                let fills = kind == 6 || is_content;
                let first = if fills { slab.read(&file, buffer, CURRENT) } else { slab.write(&file, buffer, CURRENT) };
                let second = if self.random.chance(1, 2) { slab.nop() } else { slab.fdatasync(&file) };
                Running::Linked(first.then(second), window, fills)
            }
            _ => Running::Pipes(slab.pipe(OpenFlags::NONBLOCK)),
        })
    }

    /// Polls a task that [`begin_more`](Self::begin_more) made.
    pub fn poll_more(&mut self, running: &mut Running, asked: bool, context: &mut Context<'_>) -> Polled {
        match running {
            Running::Vectored(operation, windows, fills) => match Pin::new(operation).poll(context) {
                Poll::Ready((outcome, buffers)) => {
                    self.count(outcome.err(), asked);
                    self.moved_several(outcome, buffers, windows, *fills);
                }
                Poll::Pending => return Polled::Pending,
            },
            Running::Whole(operation, window, fills, offset) => {
                let before = operation.count();
                match Pin::new(&mut *operation).poll(context) {
                    Poll::Ready(progress) => {
                        self.count(progress.result.err(), asked);
                        self.moved_whole(progress, window, *fills, *offset);
                    }
                    // One request is over, and the next one has begun.
                    Poll::Pending if operation.count() > before => return Polled::Item,
                    Poll::Pending => return Polled::Pending,
                }
            }
            Running::Closes(closing) => match Pin::new(closing).poll(context) {
                Poll::Ready(outcome) => {
                    self.count(outcome.err(), asked);
                    self.closed(outcome);
                }
                Poll::Pending => return Polled::Pending,
            },
            Running::Pipes(operation) => match Pin::new(operation).poll(context) {
                Poll::Ready(outcome) => {
                    self.count(outcome.as_ref().err().copied(), asked);
                    self.made_pipe(outcome);
                }
                Poll::Pending => return Polled::Pending,
            },
            Running::Linked(operation, window, fills) => {
                let is_second = |operation: &Linked<_, _>| format!("{operation:?}").contains("first: None");
                let before = is_second(operation);
                match Pin::new(&mut *operation).poll(context) {
                    Poll::Ready(((outcome, buffer), second)) => {
                        // Each is cancelled for the other's sake as well.
                        self.count(outcome.err(), asked || second.is_err());
                        self.count(second.err(), true);
                        if !self.hostile && !self.cuts && second.is_ok() {
                            let whole = if *fills { SIZE - window.len() } else { window.len() };
                            assert_eq!(outcome, Ok(whole), "the second was done, and the first was not");
                            self.tally.count("both of two were done");
                        }
                        self.moved(outcome, buffer, window, *fills);
                    }
                    // The first is over, and the second is waited for.
                    Poll::Pending if is_second(operation) && !before => return Polled::Item,
                    Poll::Pending => return Polled::Pending,
                }
            }
            _ => return Polled::Pending,
        }
        Polled::Over
    }

    /// Checks the buffers of a vectored operation.
    pub fn moved_several(
        &mut self,
        outcome: Result<usize, Errno>,
        buffers: [Buffer; 2],
        windows: &[Vec<u8>; 2],
        fills: bool,
    ) {
        if !self.hostile {
            let mut left = outcome.unwrap_or(0);
            let mut new = Vec::new();
            for (buffer, window) in buffers.iter().zip(windows) {
                let room = if fills { SIZE - window.len() } else { window.len() };
                let count = left.min(room);
                left -= count;
                if fills {
                    assert_eq!((&buffer[..window.len()], buffer.len()), (&window[..], window.len() + count));
                    new.extend_from_slice(&buffer[window.len()..]);
                } else {
                    assert_eq!(&**buffer, &window[count..], "what is left");
                }
            }
            assert_eq!(left, 0, "more was moved than there is room for");
            assert!(is_run(&new), "what was read is of two sources: {new:?}");
            self.tally.count("several buffers came back");
        }
        buffers.into_iter().for_each(|buffer| self.keep(buffer));
    }

    /// Checks the buffer of a whole transfer.
    pub fn moved_whole(&mut self, progress: Progress, window: &[u8], fills: bool, offset: Option<usize>) {
        let Progress { buffer, count, result } = progress;
        if !self.hostile {
            if fills {
                let (before, new) = buffer.split_at(window.len());
                assert_eq!((before, new.len()), (window, count));
                if let Some(offset) = offset {
                    // Others read the same file, at its position or elsewhere.
                    let content = run(0, CONTENT);
                    assert_eq!(new, &content[offset.min(CONTENT)..][..count], "from {offset} on");
                }
            } else {
                assert_eq!(&*buffer, &window[count..], "what is left");
                assert!(result.is_err() || buffer.is_empty(), "it ended before all was written");
            }
            self.tally.count("a whole buffer came back");
        }
        self.keep(buffer);
    }

    /// Checks the two ends of a pipe, and keeps one of them: what is written to the other would be of several sources.
    pub fn made_pipe(&mut self, outcome: Result<(File, File), Errno>) {
        let Ok((reader, writer)) = outcome else { return };
        if !self.hostile {
            assert_eq!(self.kernel.write(reader.as_raw_fd(), b""), Err(Errno::EBADF), "it is the end to write to");
            assert_eq!(self.kernel.write(writer.as_raw_fd(), b"x"), Ok(1), "it is the end to read from");
            self.tally.count("a pipe was made");
        }
        let kept = if self.random.chance(1, 2) { reader } else { writer };
        self.add(kept);
    }

    /// Checks how a file was closed.
    pub fn closed(&mut self, outcome: Result<(), Errno>) {
        if self.hostile || !self.closes {
            return;
        }
        match outcome {
            Ok(()) => self.tally.count("a file was closed with its result"),
            // There is another handle or no slot, or the driver ended.
            Err(errno) => assert!(matches!(errno, Errno::EBUSY | Errno::ECANCELED), "close: {errno:?}"),
        }
    }
}
