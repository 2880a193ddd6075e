//! The tasks: operations and streams, which are polled when their wakers were called.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bare_uring::Errno;
use bare_uring::types::{FsyncFlags, MsgFlags, ShutdownHow, Timespec};
use bare_uring_ops::{
    Accepted, Buffer, CURRENT, Clock, Closing, Datagram, Done, Figures, File, Kind, Linked, Made, Moved, Op, Outgoing,
    Piped, Ready, Received, Stream, Usage, Vectored, Whole,
};

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
    Accepted(Op<Accepted>),
    /// With what the buffer's window was.
    Received(Op<Received>, Vec<u8>),
    Datagrams(Stream<Datagram>),
    Accepts(Stream<File>),
    /// With how many pieces may wait in it, if that is limited.
    Pieces(Stream<Buffer>, Option<u16>),
    /// With the number of what it waits for, as in [`Running::usage`].
    Waits(Ready, u32),
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
            Self::Accepted(operation) => operation.cancel(),
            Self::Received(operation, _) => operation.cancel(),
            Self::Datagrams(stream) => stream.cancel(),
            Self::Accepts(stream) => stream.cancel(),
            Self::Pieces(stream, _) => stream.cancel(),
            // This has no other end than to be dropped.
            Self::Waits(..) => {}
        }
    }

    /// Pauses a stream, or lets it go on.
    pub fn pause(&mut self, is_on: bool) {
        match (self, is_on) {
            (Self::Accepts(stream), true) => stream.pause(),
            (Self::Accepts(stream), false) => stream.resume(),
            (Self::Pieces(stream, _), true) => stream.pause(),
            (Self::Pieces(stream, _), false) => stream.resume(),
            (Self::Datagrams(stream), true) => stream.pause(),
            (Self::Datagrams(stream), false) => stream.resume(),
            _ => {}
        }
    }

    /// Returns the usage of what is waited for.
    fn usage(which: u32, figures: Figures) -> Usage {
        match which {
            0 => figures.slots,
            1 => figures.buffers,
            2 => figures.files,
            _ => figures.provided,
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
    /// How many turns have found room for the task and not woken it.
    overlooked: usize,
}

impl Task {
    fn new(running: Running) -> Self {
        Self { running, asked: false, bell: Bell::new(), heard: 0, last: None, overlooked: 0 }
    }

    pub fn was_polled(&self) -> bool {
        self.last.is_some()
    }

    /// Waits for room. That is no operation, and may wait for the next driver.
    pub fn waits_for_room(&self) -> bool {
        matches!(self.running, Running::Waits(..))
    }

    /// Fails if a task waits for room that there is, and is not woken in its turn; or if a stream holds more than its
    /// share. Each turn that finds room wakes at least one, of as many as there are slots.
    pub fn check(&mut self, figures: Figures) {
        match &self.running {
            Running::Waits(_, which) if self.last == Some(Polled::Pending) && !self.was_woken() => {
                let usage = Running::usage(*which, figures);
                self.overlooked += usize::from(usage.used < usage.count);
                assert!(self.overlooked < figures.slots.count, "nobody was woken: {usage:?}");
            }
            Running::Pieces(stream, Some(share)) => assert!(stream.waiting() <= usize::from(*share)),
            _ => {}
        }
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
        let running = match self.random.below(30) {
            kind @ 21.. => match self.begin_more(kind - 21, file, which, first) {
                Some(running) => running,
                None => return,
            },
            kind @ 0..10 => {
                let Some(mut buffer) = slab.buffer() else { return };
                let window = run(first, self.random.below(SIZE as u32 + 1) as usize);
                assert_eq!(buffer.extend(&window), window.len());
                let kind = if file.as_raw_fd() == self.content { 0 } else { kind };
                if kind == 6 {
                    let places = self.random.below(4) as usize;
                    let receive = slab.receive_message(&file, buffer, MsgFlags(0), places);
                    let running = Running::Received(self.limited(receive), window);
                    self.tasks.push(Task::new(running));
                    return;
                }
                let passed: Vec<&File> = self.files.iter().take(kind as usize % 3).collect();
                let (operation, fills) = match kind {
                    0 | 1 => (slab.read(&file, buffer, CURRENT), true),
                    2 | 3 => (slab.receive(&file, buffer), true),
                    4 => (slab.write(&file, buffer, CURRENT), false),
                    7 | 8 => (slab.send_message(&file, buffer, Outgoing::new().files(&passed)), false),
                    9 => (slab.send_zero_copy(&file, buffer, MsgFlags(0)), false),
                    _ => (slab.send(&file, buffer), false),
                };
                Running::Moved(self.limited(operation), window, fills)
            }
            10 => Running::Plain(slab.nop()),
            11 => Running::Plain(slab.timeout(Timespec::new(0, self.random.below(10_000)))),
            12 => Running::Plain(match self.random.below(3) {
                0 => slab.fsync(&file, FsyncFlags::empty()),
                // A longer file would end in zeros, and the rest of a shorter one could not come back.
                1 => slab.ftruncate(&file, CONTENT as u64),
                _ => slab.shutdown(&file, ShutdownHow::WRITE),
            }),
            13 => Running::Made(slab.accept(&file)),
            14 => Running::Accepted(slab.accept_from(&file)),
            15 if provides => Running::Pieces(slab.pieces(&file), None),
            16 if provides => {
                let share = self.random.below(4) as u16;
                Running::Pieces(slab.pieces_at_most(&file, share), Some(share.max(1)))
            }
            17 if provides => Running::Datagrams(slab.datagrams(&file)),
            18 | 19 => match self.random.below(4) {
                0 => Running::Waits(slab.ready(), 0),
                1 => Running::Waits(slab.ready_buffer(), 1),
                2 => Running::Waits(slab.ready_file(), 2),
                _ => Running::Waits(slab.ready_provided(), 3),
            },
            _ => Running::Accepts(slab.incoming(&file)),
        };
        self.tasks.push(Task::new(running));
    }

    fn limited<T: Kind>(&mut self, operation: Op<T>) -> Op<T> {
        let nanoseconds = self.random.below(10_000);
        match self.random.below(8) {
            0 | 1 => operation.within(Timespec::new(0, nanoseconds)),
            2 => {
                let at = self.kernel.now() + Duration::from_nanos(nanoseconds.into());
                operation.until(Clock::Monotonic, at)
            }
            _ => operation,
        }
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
        task.overlooked = 0;
        let waker = Waker::from(task.bell.clone());
        let polled = self.poll_running(&mut task.running, task.asked, &mut Context::from_waker(&waker));
        drop(waker);
        match polled {
            // Others were faster.
            Polled::Pending if woken && task.waits_for_room() => {
                self.tally.count("room was taken before a waiter came")
            }
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
            Running::Accepted(operation) => match Pin::new(operation).poll(context) {
                Poll::Ready(outcome) => {
                    self.count(outcome.as_ref().err().copied(), asked);
                    outcome.into_iter().for_each(|(file, _)| self.add(file));
                }
                Poll::Pending => return Polled::Pending,
            },
            Running::Received(operation, window) => match Pin::new(operation).poll(context) {
                Poll::Ready((outcome, buffer)) => {
                    self.count(outcome.as_ref().err().copied(), asked);
                    self.moved(outcome.map(|message| message.count), buffer, window, true);
                }
                Poll::Pending => return Polled::Pending,
            },
            Running::Accepts(_) | Running::Pieces(..) | Running::Datagrams(_) => {
                return self.poll_stream(running, asked, context);
            }
            Running::Waits(ready, which) => match Pin::new(ready).poll(context) {
                Poll::Ready(Ok(())) => {
                    let usage = Running::usage(*which, self.slab.figures());
                    assert!(usage.used < usage.count, "there is no room: {usage:?}");
                    self.tally.count("there was room");
                }
                Poll::Ready(Err(Errno::ECANCELED)) => {
                    assert!(asked, "ended, and the driver is not shut down");
                    self.tally.count("a waiter was sent away at the end");
                }
                // All places of waiters are taken.
                Poll::Ready(outcome) => assert_eq!(outcome, Err(Errno::EBUSY)),
                Poll::Pending => {
                    self.tally.count("a task waited for room");
                    return Polled::Pending;
                }
            },
        }
        Polled::Over
    }

    fn poll_stream(&mut self, running: &mut Running, asked: bool, context: &mut Context<'_>) -> Polled {
        match running {
            Running::Accepts(stream) => match stream.poll_next(context) {
                Poll::Ready(Some(Ok(file))) => {
                    self.tally.count("a stream brought a connection");
                    self.add(file);
                    return Polled::Item;
                }
                Poll::Ready(end) => self.count_end(end.and_then(Result::err), asked),
                Poll::Pending => return Polled::Pending,
            },
            Running::Pieces(stream, _) => match stream.poll_next(context) {
                Poll::Ready(Some(Ok(piece))) => {
                    self.tally.count("a stream brought data");
                    assert!(self.hostile || is_run(&piece), "a piece is of two sources: {:?}", &*piece);
                    self.keep(piece);
                    return Polled::Item;
                }
                Poll::Ready(end) => self.count_end(end.and_then(Result::err), asked),
                Poll::Pending => return Polled::Pending,
            },
            Running::Datagrams(stream) => match stream.poll_next(context) {
                Poll::Ready(Some(Ok(datagram))) => {
                    self.tally.count("a stream brought a datagram");
                    let bytes = &*datagram.buffer;
                    assert!(self.hostile || is_run(bytes), "a datagram is of two sources: {bytes:?}");
                    self.keep(datagram.buffer);
                    return Polled::Item;
                }
                Poll::Ready(end) => self.count_end(end.and_then(Result::err), asked),
                Poll::Pending => return Polled::Pending,
            },
            _ => {}
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

    fn count_end(&mut self, error: Option<Errno>, asked: bool) {
        assert!(error != Some(Errno::ECANCELED) || asked || self.hostile, "a stream was cancelled");
        self.tally.count("a stream ended");
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
