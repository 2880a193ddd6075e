//! The table of connections.

use bare_uring::types::RawFd;

use crate::buffers::Backlog;
use crate::memory::CONNECTIONS;

/// One connection. Which of its requests are under way, and what it is to come to.
pub(crate) struct Connection {
    /// Whether the place is taken.
    open: bool,
    pub(crate) fd: RawFd,
    pub(crate) backlog: Backlog,
    /// A receive request is under way.
    pub(crate) receiving: bool,
    /// And was told to end.
    pub(crate) stopping: bool,
    /// It would receive, if a buffer were free.
    pub(crate) starving: bool,
    /// A send request is under way, with the first buffer of the backlog.
    pub(crate) sending: bool,
    /// Nothing more is to be received.
    pub(crate) ended: bool,
    /// Nothing more can be sent.
    pub(crate) broken: bool,
}

impl Connection {
    /// A place that is free.
    pub(crate) const NONE: Self = Self {
        open: false,
        fd: 0,
        backlog: Backlog::EMPTY,
        receiving: false,
        stopping: false,
        starving: false,
        sending: false,
        ended: false,
        broken: false,
    };
}

/// All of them, by the number of their place.
///
/// A place is given to another connection only when no request of the one before is under way.
pub(crate) struct Connections {
    table: &'static mut [Connection; CONNECTIONS],
    /// The first `left` of these are the free places.
    vacant: &'static mut [u16; CONNECTIONS],
    left: usize,
}

impl Connections {
    /// None yet.
    pub(crate) fn new(table: &'static mut [Connection; CONNECTIONS], vacant: &'static mut [u16; CONNECTIONS]) -> Self {
        for (number, place) in (0..).zip(vacant.iter_mut()) {
            *place = number;
        }
        Self { table, vacant, left: CONNECTIONS }
    }

    /// Gives a connection a place; `None` if all are taken.
    pub(crate) fn open(&mut self, fd: RawFd) -> Option<u16> {
        let left = self.left.checked_sub(1)?;
        let place = *self.vacant.get(left)?;
        *self.table.get_mut(usize::from(place))? = Connection { open: true, fd, ..Connection::NONE };
        self.left = left;
        Some(place)
    }

    /// The connection at a place.
    pub(crate) fn get(&mut self, place: u16) -> Option<&mut Connection> {
        self.table.get_mut(usize::from(place)).filter(|connection| connection.open)
    }

    /// Frees a place that is taken.
    pub(crate) fn remove(&mut self, place: u16) {
        let Some(connection) = self.get(place) else { return };
        connection.open = false;
        if let Some(vacant) = self.vacant.get_mut(self.left) {
            *vacant = place;
            self.left += 1;
        }
    }

    /// The first place at or after `from` whose connection starves.
    pub(crate) fn starving(&self, from: u16) -> Option<u16> {
        let rest = self.table.get(usize::from(from)..)?;
        let place = (from..).zip(rest).find(|(_, connection)| connection.open && connection.starving)?;
        Some(place.0)
    }

    /// Those that are there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.table.iter().filter(|connection| connection.open)
    }
}
