//! The server's loop: takes completions and queues requests.
//!
//! Only [`Server::settle`] decides what a connection does next, by the connection's state. The handler of a completion
//! changes the state and then calls `settle`.

use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, PollEvents, RawFd, SocketFlags, Timespec};
use bare_uring::{Errno, IoUring, cqueue, opcode};
use freestanding::request;
use linux_raw_sys::general::EPOLLIN;

use crate::buffers::{Buffers, GROUP};
use crate::connections::Connections;

/// A connection with this many buffers to send stops receiving. The kernel may fill some more before the receive is
/// cancelled.
const ENOUGH: u16 = 32;

/// A connection that stopped receiving starts again when it has only this many buffers to send.
const FEW: u16 = 8;

/// Maximum number of requests that one completion leads to.
const ENTRIES_EACH: usize = 4;

/// Time to accept nothing after an accept has failed for lack of files or memory.
static PAUSE: Timespec = Timespec::new(0, 50_000_000);

/// Time limit for cancelled requests to end.
const PATIENCE: Timespec = Timespec::new(1, 0);

/// What a request does. Its user data is this number times 2^16, plus the index of its connection if it has one.
#[derive(Clone, Copy)]
#[repr(u16)]
enum RequestKind {
    Accept = 1,
    Receive = 2,
    Send = 3,
    /// Closes a connection that was served.
    Close = 4,
    Signal = 5,
    Pause = 6,
    /// Cancels a receive.
    Stop = 7,
    /// Closes a connection that was not served.
    Aside = 8,
}

impl RequestKind {
    const ALL: [Self; 8] =
        [Self::Accept, Self::Receive, Self::Send, Self::Close, Self::Signal, Self::Pause, Self::Stop, Self::Aside];

    const fn user_data(self, index: u16) -> u64 {
        (self as u64) << 16 | index as u64
    }

    /// Returns what a completion's request did, and the index of its connection.
    fn of(cqe: &cqueue::Entry) -> Option<(Self, u16)> {
        let user_data = cqe.user_data();
        // The cast keeps the low 16 bits.
        let index = (user_data & 0xffff) as u16;
        Self::ALL.into_iter().find(|kind| kind.user_data(index) == user_data).map(|kind| (kind, index))
    }
}

/// The server.
pub(crate) struct Server {
    ring: IoUring,
    listener: RawFd,
    buffers: Buffers,
    connections: Connections,
    /// Number of requests whose last completion has not arrived.
    in_flight: usize,
    /// Number of connections that were served.
    served: u64,
    /// A signal has arrived.
    signalled: bool,
    /// Next index to look at for connections that wait for a buffer; `None` if no connection does.
    starving: Option<u16>,
}

impl Server {
    pub(crate) fn new(ring: IoUring, listener: RawFd, buffers: Buffers, connections: Connections) -> Self {
        Self { ring, listener, buffers, connections, in_flight: 0, served: 0, signalled: false, starving: None }
    }

    /// Serves until a signal arrives, or until `limit` connections were served.
    pub(crate) fn serve(&mut self, signals: RawFd, limit: Option<u64>) -> Result<(), Errno> {
        let watch = opcode::PollAdd::new(Fd(signals), PollEvents(EPOLLIN)).build();
        // SAFETY: the request points to nothing.
        unsafe { self.push(watch, RequestKind::Signal, 0) }?;
        self.accept()?;
        while !self.signalled && limit.is_none_or(|limit| self.served < limit) {
            if self.starving.is_some() && self.buffers.any_free() {
                // A buffer is free, but the queue had no room for the receives: submit, and don't wait.
                self.ring.submit().or_else(passing)?;
            } else {
                request::submit_and_wait(&self.ring)?;
            }
            while let Some(cqe) = self.next() {
                self.complete(&cqe)?;
            }
            self.feed()?;
            // Before the next submit, so that a receive that starts then finds the free buffers.
            self.buffers.publish();
        }
        Ok(())
    }

    /// Cancels all requests, and closes all connections.
    pub(crate) fn close(&mut self) {
        let _ = self.ring.submit();
        let Self { ring, in_flight, connections, .. } = self;
        if *in_flight > 0 {
            // A request that can't be cancelled in that time ends with the program.
            let _ = ring.cancel_and_drain(PATIENCE, |cqe| {
                if let (Some((RequestKind::Accept, _)), Ok(fd)) = (RequestKind::of(&cqe), cqe.outcome()) {
                    // One more connection to close. If the table is full, the end of the program closes it.
                    let _ = connections.open(fd.cast_signed());
                }
                *in_flight -= usize::from(!cqe.more() && *in_flight > 0);
                *in_flight == 0
            });
        }
        for connection in connections.iter() {
            let _ = request::close(ring, connection.fd);
        }
        let _ = request::close(ring, self.listener);
    }

    /// Takes a completion, if one has arrived and the queue has room for the requests that it leads to.
    fn next(&mut self) -> Option<cqueue::Entry> {
        if self.has_room() { self.ring.completion().next() } else { None }
    }

    /// Returns whether the queue has room for the requests that a completion leads to.
    fn has_room(&mut self) -> bool {
        let queue = self.ring.submission();
        queue.capacity() - queue.len() >= ENTRIES_EACH
    }

    /// Queues a request.
    ///
    /// # Safety
    ///
    /// The contract of [`push`](bare_uring::SubmissionQueue::push).
    unsafe fn push(&mut self, entry: Entry, kind: RequestKind, index: u16) -> Result<(), Errno> {
        // SAFETY: the caller's contract.
        unsafe { self.ring.submission().push(entry.user_data(kind.user_data(index))) }.map_err(|_| Errno::EBUSY)?;
        self.in_flight += 1;
        Ok(())
    }

    fn complete(&mut self, cqe: &cqueue::Entry) -> Result<(), Errno> {
        if !cqe.more() {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let Some((kind, index)) = RequestKind::of(cqe) else { return Ok(()) };
        match kind {
            RequestKind::Accept => self.accepted(cqe),
            RequestKind::Receive => self.received(cqe, index),
            RequestKind::Send => self.sent(cqe, index),
            RequestKind::Close => {
                self.served += 1;
                Ok(())
            }
            RequestKind::Signal => {
                self.signalled = true;
                Ok(())
            }
            RequestKind::Pause => self.accept(),
            RequestKind::Stop => self.stopped(cqe, index),
            RequestKind::Aside => Ok(()),
        }
    }

    fn accept(&mut self) -> Result<(), Errno> {
        let accept = opcode::Accept::multi(Fd(self.listener)).flags(SocketFlags::CLOEXEC).build();
        // SAFETY: the request points to nothing.
        unsafe { self.push(accept, RequestKind::Accept, 0) }
    }

    fn accepted(&mut self, cqe: &cqueue::Entry) -> Result<(), Errno> {
        let mut pause = false;
        match cqe.outcome() {
            Ok(fd) => match self.connections.open(fd.cast_signed()) {
                Some(index) => self.settle(index)?,
                None => self.close_file(fd.cast_signed(), RequestKind::Aside)?,
            },
            Err(errno @ (Errno::EBADF | Errno::EINVAL | Errno::ENOTSOCK | Errno::EOPNOTSUPP)) => return Err(errno),
            // The client has closed the connection already.
            Err(Errno::ECONNABORTED) => {}
            // EMFILE, ENFILE, ENOMEM and the like: an accept right now would fail again.
            Err(_) => pause = true,
        }
        if cqe.more() {
            Ok(())
        } else if pause {
            let timeout = opcode::Timeout::new(&raw const PAUSE).build();
            // SAFETY: the timespec is a static.
            unsafe { self.push(timeout, RequestKind::Pause, 0) }
        } else {
            self.accept()
        }
    }

    fn close_file(&mut self, fd: RawFd, kind: RequestKind) -> Result<(), Errno> {
        // SAFETY: the request points to nothing; the file descriptor came from an accept, and is closed once.
        unsafe { self.push(opcode::Close::new(Fd(fd)).build(), kind, 0) }
    }

    fn received(&mut self, cqe: &cqueue::Entry, index: u16) -> Result<(), Errno> {
        // An index is unused only when no receive of its connection is under way.
        let Some(connection) = self.connections.get(index) else { return Ok(()) };
        // SAFETY: the completion is that of a receive on this group, and was just taken from the queue.
        let brought = unsafe { self.buffers.receive(cqe, &mut connection.backlog) };
        match cqe.outcome() {
            Ok(0) => connection.ended = true,
            Ok(_) => connection.broken |= !brought,
            // No buffer was free, or the receive was cancelled: `settle` decides whether to receive again.
            Err(Errno::ENOBUFS | Errno::ECANCELED | Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => connection.broken = true,
        }
        if !cqe.more() {
            connection.receiving = false;
            connection.stopping = false;
        }
        self.settle(index)
    }

    fn sent(&mut self, cqe: &cqueue::Entry, index: u16) -> Result<(), Errno> {
        let Some(connection) = self.connections.get(index) else { return Ok(()) };
        connection.sending = false;
        match cqe.outcome() {
            Ok(count) => self.buffers.sent(&mut connection.backlog, count),
            // `settle` sends the bytes again.
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => connection.broken = true,
        }
        self.settle(index)
    }

    fn stopped(&mut self, cqe: &cqueue::Entry, index: u16) -> Result<(), Errno> {
        if cqe.outcome().is_ok() {
            // The last completion of the receive follows.
            return Ok(());
        }
        // The kernel did not find the receive: it has ended, or it was running at that moment and goes on. If it goes
        // on and must still stop, `settle` cancels it again. (If the index belongs to another connection by now,
        // cancelling that connection's receive twice does no harm: both cancels run before the next receive starts.)
        if let Some(connection) = self.connections.get(index) {
            connection.stopping = false;
        }
        self.settle(index)
    }

    /// Queues the next requests of a connection: at most two.
    fn settle(&mut self, index: u16) -> Result<(), Errno> {
        let Some(connection) = self.connections.get(index) else { return Ok(()) };
        let fd = Fd(connection.fd);
        let mut sending = None;
        let mut receive = false;
        let mut stop = false;
        connection.starving = false;
        if !connection.sending {
            if connection.broken {
                self.buffers.drop_all(&mut connection.backlog);
            }
            if let Some(bytes) = self.buffers.next(&connection.backlog) {
                // At most the size of a buffer, so the cast loses nothing.
                sending = Some(opcode::Send::new(fd, bytes.as_ptr(), bytes.len() as u32).build());
                connection.sending = true;
            }
        }
        if connection.receiving {
            stop = !connection.stopping && (connection.broken || connection.backlog.len() >= ENOUGH);
            connection.stopping |= stop;
        } else if connection.ended || connection.broken {
            if !connection.sending {
                self.connections.remove(index);
                return self.close_file(fd.0, RequestKind::Close);
            }
        } else if connection.backlog.len() <= FEW {
            receive = self.buffers.any_free();
            connection.receiving = receive;
            connection.starving = !receive;
        }
        if connection.starving {
            self.starving.get_or_insert(0);
        }
        if let Some(send) = sending {
            // SAFETY: the buffer stays in the backlog until the completion.
            unsafe { self.push(send, RequestKind::Send, index) }?;
        }
        if receive {
            // SAFETY: the memory of the buffer group is static.
            unsafe { self.push(opcode::Recv::multi(fd, GROUP).build(), RequestKind::Receive, index) }?;
        }
        if stop {
            let cancel = opcode::AsyncCancel::new(RequestKind::Receive.user_data(index)).build();
            // SAFETY: the request points to nothing.
            unsafe { self.push(cancel, RequestKind::Stop, index) }?;
        }
        Ok(())
    }

    /// Lets the connections that wait for a buffer receive, now that one is free.
    ///
    /// Starts the receives of all of them, because a receive without data takes no buffer. A receive that then finds no
    /// buffer free makes its connection wait again.
    fn feed(&mut self) -> Result<(), Errno> {
        while let Some(from) = self.starving
            && self.buffers.any_free()
            && self.has_room()
        {
            match self.connections.starving(from) {
                Some(index) => {
                    self.settle(index)?;
                    self.starving = Some(index.saturating_add(1));
                }
                // Look again from the start, for connections with lower indices.
                None if from > 0 => self.starving = Some(0),
                None => self.starving = None,
            }
        }
        Ok(())
    }
}

/// Ignores the errors after which the server only has to take completions and submit again.
fn passing(errno: Errno) -> Result<usize, Errno> {
    match errno {
        Errno::EINTR | Errno::EAGAIN | Errno::EBUSY => Ok(0),
        errno => Err(errno),
    }
}
