//! What happens when: completions come in, requests go out.
//!
//! [`Server::settle`] alone decides what a connection does next, by its state. A completion changes the state, and then
//! lets it decide.

use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, PollEvents, RawFd, SocketFlags, Timespec};
use bare_uring::{Errno, IoUring, cqueue, opcode};
use freestanding::request;
use linux_raw_sys::general::EPOLLIN;

use crate::buffers::{Buffers, GROUP};
use crate::connections::Connections;

/// A connection with so many buffers to be sent receives no more for now. The kernel may bring some more before it
/// hears of that.
const ENOUGH: u16 = 32;

/// With so few it goes on.
const FEW: u16 = 8;

/// The most entries that one completion leads to.
const ENTRIES_EACH: usize = 4;

/// How long to accept nothing after no file or memory was left for a connection.
static PAUSE: Timespec = Timespec::new(0, 50_000_000);

/// How long cancelled requests may take.
const PATIENCE: Timespec = Timespec::new(1, 0);

/// What a completion is of. Its user data is this, times 2^16, plus the place of the connection, if it is about one.
#[derive(Clone, Copy)]
#[repr(u16)]
enum Kind {
    Accept = 1,
    Receive = 2,
    Send = 3,
    /// Closing a connection that was served.
    Close = 4,
    Signal = 5,
    Pause = 6,
    /// Cancelling a receive.
    Stop = 7,
    /// Closing what was not served.
    Aside = 8,
}

impl Kind {
    const ALL: [Self; 8] =
        [Self::Accept, Self::Receive, Self::Send, Self::Close, Self::Signal, Self::Pause, Self::Stop, Self::Aside];

    const fn user_data(self, place: u16) -> u64 {
        (self as u64) << 16 | place as u64
    }

    /// The kind, and the place.
    fn of(cqe: &cqueue::Entry) -> Option<(Self, u16)> {
        let user_data = cqe.user_data();
        // The low 16 bits.
        let place = (user_data & 0xffff) as u16;
        Self::ALL.into_iter().find(|kind| kind.user_data(place) == user_data).map(|kind| (kind, place))
    }
}

/// The server.
pub(crate) struct Server {
    ring: IoUring,
    listener: RawFd,
    buffers: Buffers,
    connections: Connections,
    /// Requests whose last completion has not come.
    in_flight: usize,
    /// Connections that came and went.
    served: u64,
    /// A signal has come.
    signalled: bool,
    /// Where to look next for connections that starve, if there may be any.
    starving: Option<u16>,
}

impl Server {
    pub(crate) fn new(ring: IoUring, listener: RawFd, buffers: Buffers, connections: Connections) -> Self {
        Self { ring, listener, buffers, connections, in_flight: 0, served: 0, signalled: false, starving: None }
    }

    /// Serves until a signal comes, or so many connections came and went.
    pub(crate) fn serve(&mut self, signals: RawFd, limit: Option<u64>) -> Result<(), Errno> {
        let watch = opcode::PollAdd::new(Fd(signals), PollEvents(EPOLLIN)).build();
        // SAFETY: the request points to nothing.
        unsafe { self.push(watch, Kind::Signal, 0) }?;
        self.accept()?;
        while !self.signalled && limit.is_none_or(|limit| self.served < limit) {
            if self.starving.is_some() && self.buffers.any_free() {
                // Some had no room in the queue.
                self.ring.submit().or_else(passing)?;
            } else {
                request::submit_and_wait(&self.ring)?;
            }
            while let Some(cqe) = self.next() {
                self.complete(&cqe)?;
            }
            self.feed()?;
            // Before the next submission: a receive that starts then finds what is free.
            self.buffers.publish();
        }
        Ok(())
    }

    /// Ends all that is under way, and closes all connections.
    pub(crate) fn close(&mut self) {
        let _ = self.ring.submit();
        let Self { ring, in_flight, connections, .. } = self;
        if *in_flight > 0 {
            // What can't be cancelled in that time ends with the program.
            let _ = ring.cancel_and_drain(PATIENCE, |cqe| {
                if let (Some((Kind::Accept, _)), Ok(fd)) = (Kind::of(&cqe), cqe.outcome()) {
                    // One more to close; without a place, the end of the program closes it.
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

    /// A completion, if one is there, and if the queue has room for what it leads to.
    fn next(&mut self) -> Option<cqueue::Entry> {
        if self.has_room() { self.ring.completion().next() } else { None }
    }

    /// Whether the queue has room for what a completion leads to.
    fn has_room(&mut self) -> bool {
        let queue = self.ring.submission();
        queue.capacity() - queue.len() >= ENTRIES_EACH
    }

    /// Queues a request.
    ///
    /// # Safety
    ///
    /// As [`push`](bare_uring::SubmissionQueue::push).
    unsafe fn push(&mut self, entry: Entry, kind: Kind, place: u16) -> Result<(), Errno> {
        // SAFETY: the caller's contract.
        unsafe { self.ring.submission().push(entry.user_data(kind.user_data(place))) }.map_err(|_| Errno::EBUSY)?;
        self.in_flight += 1;
        Ok(())
    }

    fn complete(&mut self, cqe: &cqueue::Entry) -> Result<(), Errno> {
        if !cqe.more() {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        let Some((kind, place)) = Kind::of(cqe) else { return Ok(()) };
        match kind {
            Kind::Accept => self.accepted(cqe),
            Kind::Receive => self.received(cqe, place),
            Kind::Send => self.sent(cqe, place),
            Kind::Close => {
                self.served += 1;
                Ok(())
            }
            Kind::Signal => {
                self.signalled = true;
                Ok(())
            }
            Kind::Pause => self.accept(),
            Kind::Stop => self.stopped(cqe, place),
            Kind::Aside => Ok(()),
        }
    }

    fn accept(&mut self) -> Result<(), Errno> {
        let accept = opcode::Accept::multi(Fd(self.listener)).flags(SocketFlags::CLOEXEC).build();
        // SAFETY: the request points to nothing.
        unsafe { self.push(accept, Kind::Accept, 0) }
    }

    fn accepted(&mut self, cqe: &cqueue::Entry) -> Result<(), Errno> {
        let mut pause = false;
        match cqe.outcome() {
            Ok(fd) => match self.connections.open(fd.cast_signed()) {
                Some(place) => self.settle(place)?,
                None => self.close_file(fd.cast_signed(), Kind::Aside)?,
            },
            Err(errno @ (Errno::EBADF | Errno::EINVAL | Errno::ENOTSOCK | Errno::EOPNOTSUPP)) => return Err(errno),
            // The client has gone already.
            Err(Errno::ECONNABORTED) => {}
            // EMFILE, ENFILE, ENOMEM and their like: at once it would be the same again.
            Err(_) => pause = true,
        }
        if cqe.more() {
            Ok(())
        } else if pause {
            let timeout = opcode::Timeout::new(&raw const PAUSE).build();
            // SAFETY: the timespec is there as long as the program is.
            unsafe { self.push(timeout, Kind::Pause, 0) }
        } else {
            self.accept()
        }
    }

    fn close_file(&mut self, fd: RawFd, kind: Kind) -> Result<(), Errno> {
        // SAFETY: the request points to nothing; the descriptor came from an accept, and is closed once.
        unsafe { self.push(opcode::Close::new(Fd(fd)).build(), kind, 0) }
    }

    fn received(&mut self, cqe: &cqueue::Entry, place: u16) -> Result<(), Errno> {
        // A place is free only when no receive of its connection is under way.
        let Some(connection) = self.connections.get(place) else { return Ok(()) };
        // SAFETY: the completion is one of a receive of this group, just taken from the queue.
        let brought = unsafe { self.buffers.receive(cqe, &mut connection.backlog) };
        match cqe.outcome() {
            Ok(0) => connection.ended = true,
            Ok(_) => connection.broken |= !brought,
            // No buffer was free, or we have stopped it: `settle` sees to it.
            Err(Errno::ENOBUFS | Errno::ECANCELED | Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => connection.broken = true,
        }
        if !cqe.more() {
            connection.receiving = false;
            connection.stopping = false;
        }
        self.settle(place)
    }

    fn sent(&mut self, cqe: &cqueue::Entry, place: u16) -> Result<(), Errno> {
        let Some(connection) = self.connections.get(place) else { return Ok(()) };
        connection.sending = false;
        match cqe.outcome() {
            Ok(count) => self.buffers.sent(&mut connection.backlog, count),
            // Once more.
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => connection.broken = true,
        }
        self.settle(place)
    }

    fn stopped(&mut self, cqe: &cqueue::Entry, place: u16) -> Result<(), Errno> {
        if cqe.outcome().is_ok() {
            // The receive's last completion follows.
            return Ok(());
        }
        // It was not found: because it has ended, or because it was at work just then, and goes on. In the latter case
        // it is told once more, if it still has to be. (Where the place is another connection's already, telling that
        // one's receive twice does no harm: what it is told comes before the next one starts.)
        if let Some(connection) = self.connections.get(place) {
            connection.stopping = false;
        }
        self.settle(place)
    }

    /// Starts what the connection is to do next: at most two requests.
    fn settle(&mut self, place: u16) -> Result<(), Errno> {
        let Some(connection) = self.connections.get(place) else { return Ok(()) };
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
                // At most the size of a buffer.
                sending = Some(opcode::Send::new(fd, bytes.as_ptr(), bytes.len() as u32).build());
                connection.sending = true;
            }
        }
        if connection.receiving {
            stop = !connection.stopping && (connection.broken || connection.backlog.len() >= ENOUGH);
            connection.stopping |= stop;
        } else if connection.ended || connection.broken {
            if !connection.sending {
                self.connections.remove(place);
                return self.close_file(fd.0, Kind::Close);
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
            // SAFETY: the bytes stay in the backlog, and the buffer with it, until the completion.
            unsafe { self.push(send, Kind::Send, place) }?;
        }
        if receive {
            // SAFETY: the memory of the group is there as long as the program is.
            unsafe { self.push(opcode::Recv::multi(fd, GROUP).build(), Kind::Receive, place) }?;
        }
        if stop {
            let cancel = opcode::AsyncCancel::new(Kind::Receive.user_data(place)).build();
            // SAFETY: the request points to nothing.
            unsafe { self.push(cancel, Kind::Stop, place) }?;
        }
        Ok(())
    }

    /// Lets those receive that found no buffer free, now that one is.
    ///
    /// All of them, since a receive that finds no data takes none. Those that come too late starve on.
    fn feed(&mut self) -> Result<(), Errno> {
        while let Some(from) = self.starving
            && self.buffers.any_free()
            && self.has_room()
        {
            match self.connections.starving(from) {
                Some(place) => {
                    self.settle(place)?;
                    self.starving = Some(place.saturating_add(1));
                }
                // Once more from the start, for those before.
                None if from > 0 => self.starving = Some(0),
                None => self.starving = None,
            }
        }
        Ok(())
    }
}

/// Errors after which one has only to take completions and come back.
fn passing(errno: Errno) -> Result<usize, Errno> {
    match errno {
        Errno::EINTR | Errno::EAGAIN | Errno::EBUSY => Ok(0),
        errno => Err(errno),
    }
}
