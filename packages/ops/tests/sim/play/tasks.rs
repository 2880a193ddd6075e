//! The tasks: operations and streams, which are polled when their wakers were called.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bare_uring::Errno;
use bare_uring::types::{FsyncFlags, ShutdownHow, Timespec};
use bare_uring_ops::{Buffer, CURRENT, Closing, Done, File, Linked, Made, Moved, Op, Piped, Stream, Vectored, Whole};

use super::{CONTENT, Play, SIZE};
use crate::books::{Held, is_run, run};
use crate::shared::Bell;

/// An operation that the test holds, and what it expects of it.
pub enum Running {
    Plain(Op<Done>),
    /// With what the buffer's window was, and whether it is to be filled.
    Moved(Op<Moved>, Vec<u8>, bool),
    /// With what the windows were, and whether they are to be filled.
    Vectored(Vectored<2>, [Vec<u8>; 2], bool),
    /// With what the buffer's window was, and whether it is to be filled. If the file is that with content: from which
    /// offset on.
    Whole(Whole, Vec<u8>, bool, Option<usize>),
    Closes(Closing),
    Pipes(Op<Piped>),
    /// With what the window was, and whether it is to be filled.
    Linked(Linked<Moved, Done>, Vec<u8>, bool),
    Made(Op<Made>),
    Accepts(Stream<File>),
    Pieces(Stream<Buffer>),
}

impl Running {
    pub fn cancel(&mut self) {
        match self {
            Self::Plain(operation) => operation.cancel(),
            Self::Moved(operation, ..) => operation.cancel(),
            Self::Vectored(operation, ..) => operation.cancel(),
            Self::Whole(operation, ..) => operation.cancel(),
            // A close can't be cancelled.
            Self::Closes(_) => {}
            Self::Pipes(operation) => operation.cancel(),
            Self::Linked(operation, ..) => operation.cancel(),
            Self::Made(operation) => operation.cancel(),
            Self::Accepts(stream) => stream.cancel(),
            Self::Pieces(stream) => stream.cancel(),
        }
    }
}

/// What a poll gave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    Pending,
    /// Something of a stream, which goes on.
    Item,
    Over,
}

/// An operation or a stream, and the waker that waits for it.
pub struct Task {
    pub running: Running,
    /// The task's end was asked for. Without that, no operation ends with `ECANCELED`.
    pub asked: bool,
    bell: Arc<Bell>,
    /// How often the bell had rung when the task was last polled.
    heard: usize,
    /// What the last poll gave, if the task was polled.
    last: Option<Polled>,
}

impl Task {
    fn new(running: Running) -> Self {
        Self { running, asked: false, bell: Bell::new(), heard: 0, last: None }
    }

    pub fn was_polled(&self) -> bool {
        self.last.is_some()
    }

    fn was_woken(&self) -> bool {
        let calls = self.bell.rings() - self.heard;
        assert!(calls <= 1, "woken {calls} times for one poll");
        calls == 1
    }

    /// Tells whether an executor would poll the task: it is new, was woken, or brought something and may have more.
    pub fn is_due(&self) -> bool {
        self.last != Some(Polled::Pending) || self.was_woken()
    }

    /// Drops the handle, and checks that its waker goes with it and is not called.
    pub fn drop_handle(self) {
        let Self { running, bell, .. } = self;
        let before = bell.rings();
        drop(running);
        assert_eq!((bell.rings(), bell.kept()), (before, 0), "a waker of a handle that was dropped");
    }
}

impl Play {
    /// Starts an operation or a stream.
    pub fn begin(&mut self, provides: bool) {
        if self.files.is_empty() {
            return;
        }
        let slab = self.slab;
        let which = self.random.below(self.files.len() as u32) as usize;
        let file = self.files[which].clone();
        let first = self.random.below(251) as u8;
        let running = match self.random.below(21) {
            kind @ 12.. => match self.begin_more(kind - 12, file, which, first) {
                Some(running) => running,
                None => return,
            },
            kind @ 0..6 => {
                let Some(mut buffer) = slab.buffer() else { return };
                let window = run(first, self.random.below(SIZE as u32 + 1) as usize);
                assert_eq!(buffer.extend(&window), window.len());
                let kind = if file.as_raw_fd() == self.content { 0 } else { kind };
                let (operation, fills) = match kind {
                    0 | 1 => (slab.read(&file, buffer, CURRENT), true),
                    2 | 3 => (slab.receive(&file, buffer), true),
                    4 => (slab.write(&file, buffer, CURRENT), false),
                    _ => (slab.send(&file, buffer), false),
                };
                Running::Moved(self.limited(operation), window, fills)
            }
            6 => Running::Plain(slab.nop()),
            7 => Running::Plain(slab.timeout(Timespec::new(0, self.random.below(10_000)))),
            8 => Running::Plain(match self.random.below(3) {
                0 => slab.fsync(&file, FsyncFlags::empty()),
                // A longer file would end in zeros, and the rest of a shorter one could not come back.
                1 => slab.ftruncate(&file, CONTENT as u64),
                _ => slab.shutdown(&file, ShutdownHow::WRITE),
            }),
            9 => Running::Made(slab.accept(&file)),
            10 if provides => Running::Pieces(slab.pieces(&file)),
            _ => Running::Accepts(slab.incoming(&file)),
        };
        self.tasks.push(Task::new(running));
    }

    fn limited(&mut self, operation: Op<Moved>) -> Op<Moved> {
        if self.random.chance(1, 4) { operation.within(Timespec::new(0, self.random.below(10_000))) } else { operation }
    }

    pub fn poll_some(&mut self) {
        for _ in 0..self.random.below(6) {
            let due: Vec<usize> =
                (0..self.tasks.len()).filter(|&at| !self.only_woken || self.tasks[at].is_due()).collect();
            if due.is_empty() {
                return;
            }
            let task = self.tasks.swap_remove(self.random.pick(&due));
            let task = self.poll(task);
            self.tasks.extend(task);
        }
    }

    pub fn take_task(&mut self) -> Option<Task> {
        let count = self.tasks.len() as u32;
        (count > 0).then(|| self.tasks.swap_remove(self.random.below(count) as usize))
    }

    /// Polls a task, with the waker that it had or with another. Gives it back if it is not over.
    ///
    /// Checks that a task that waits is ready when its waker was called, and only then.
    pub fn poll(&mut self, mut task: Task) -> Option<Task> {
        let (woken, waited) = (task.was_woken(), task.last == Some(Polled::Pending));
        let old = task.bell.clone();
        if self.random.chance(1, 2) {
            task.bell = Bell::new();
        }
        task.heard = task.bell.rings();
        let waker = Waker::from(task.bell.clone());
        let polled = self.poll_running(&mut task.running, task.asked, &mut Context::from_waker(&waker));
        drop(waker);
        match polled {
            Polled::Pending if woken => panic!("woken for nothing"),
            Polled::Item | Polled::Over if waited && !woken => panic!("ready, and nobody was woken"),
            Polled::Pending if waited => self.tally.count("a task was polled without being woken"),
            _ if woken => self.tally.count("a task was woken"),
            _ => {}
        }
        let kept = usize::from(polled != Polled::Over);
        if Arc::ptr_eq(&old, &task.bell) {
            assert_eq!(old.kept(), kept + 1, "wakers of the task");
        } else {
            assert_eq!((old.kept(), task.bell.kept()), (0, kept), "the old waker, and the new one");
        }
        task.last = Some(polled);
        (polled != Polled::Over).then_some(task)
    }

    fn poll_running(&mut self, running: &mut Running, asked: bool, context: &mut Context<'_>) -> Polled {
        match running {
            Running::Plain(operation) => match Pin::new(operation).poll(context) {
                Poll::Ready(outcome) => self.count(outcome.err(), asked),
                Poll::Pending => return Polled::Pending,
            },
            Running::Moved(operation, window, fills) => match Pin::new(operation).poll(context) {
                Poll::Ready((outcome, buffer)) => {
                    self.count(outcome.err(), asked);
                    self.moved(outcome, buffer, window, *fills);
                }
                Poll::Pending => return Polled::Pending,
            },
            Running::Vectored(..)
            | Running::Whole(..)
            | Running::Closes(_)
            | Running::Pipes(_)
            | Running::Linked(..) => {
                return self.poll_more(running, asked, context);
            }
            Running::Made(operation) => match Pin::new(operation).poll(context) {
                Poll::Ready(outcome) => {
                    self.count(outcome.as_ref().err().copied(), asked);
                    outcome.into_iter().for_each(|file| self.add(file));
                }
                Poll::Pending => return Polled::Pending,
            },
            Running::Accepts(stream) => match stream.poll_next(context) {
                Poll::Ready(Some(Ok(file))) => {
                    self.tally.count("a stream brought a connection");
                    self.add(file);
                    return Polled::Item;
                }
                Poll::Ready(Some(Err(_)) | None) => self.tally.count("a stream ended"),
                Poll::Pending => return Polled::Pending,
            },
            Running::Pieces(stream) => match stream.poll_next(context) {
                Poll::Ready(Some(Ok(piece))) => {
                    self.tally.count("a stream brought data");
                    assert!(self.hostile || is_run(&piece), "a piece is of two sources: {:?}", &*piece);
                    self.keep(piece);
                    return Polled::Item;
                }
                Poll::Ready(Some(Err(_)) | None) => self.tally.count("a stream ended"),
                Poll::Pending => return Polled::Pending,
            },
        }
        Polled::Over
    }

    pub fn moved(&mut self, outcome: Result<usize, Errno>, buffer: Buffer, window: &[u8], fills: bool) {
        if !self.hostile {
            let count = outcome.unwrap_or(0);
            if fills {
                let (before, new) = buffer.split_at(window.len());
                assert_eq!(before, window, "what was there before");
                assert_eq!(new.len(), count);
                assert!(is_run(new), "what was read is of two sources: {new:?}");
            } else {
                assert_eq!(&*buffer, &window[count..], "what is left");
            }
        }
        self.keep(buffer);
    }

    /// Holds a buffer for a while, or gives it back.
    pub fn keep(&mut self, buffer: Buffer) {
        // This holds whatever the kernel said.
        assert!(buffer.room() <= buffer.capacity() && buffer.len() <= buffer.capacity(), "{buffer:?}");
        if self.random.chance(1, 2) {
            self.held.push(Held::new(buffer, self.random.below(251) as u8));
        }
    }

    pub fn count(&mut self, error: Option<Errno>, asked: bool) {
        if error == Some(Errno::ECANCELED) {
            assert!(asked || self.hostile, "cancelled, and nobody asked for it");
        }
        self.tally.count(match error {
            None => "an operation completed",
            Some(Errno::ECANCELED) => "an operation was cancelled",
            Some(Errno::ETIME) => "an operation was too late",
            Some(_) => "an operation failed",
        });
    }
}
