//! The table of connections.

use bare_uring::types::RawFd;

use crate::buffers::Backlog;
use crate::memory::CONNECTIONS;

/// The state of one connection: which of its requests are under way, and whether it is about to end.
pub(crate) struct Connection {
    /// The index is in use.
    open: bool,
    pub(crate) fd: RawFd,
    pub(crate) backlog: Backlog,
    /// A receive request is under way.
    pub(crate) receiving: bool,
    /// A cancel request for the receive request is under way.
    pub(crate) stopping: bool,
    /// The connection waits for a free buffer before it can receive.
    pub(crate) starving: bool,
    /// A send request is under way, with the first buffer of the backlog.
    pub(crate) sending: bool,
    /// The client sends no more.
    pub(crate) ended: bool,
    /// Nothing more can be sent.
    pub(crate) broken: bool,
}

impl Connection {
    /// An unused index.
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

/// All connections, by index.
///
/// An index is reused only when no request of its last connection is under way.
pub(crate) struct Connections {
    table: &'static mut [Connection; CONNECTIONS],
    /// The first `left` of these are the unused indices.
    vacant: &'static mut [u16; CONNECTIONS],
    left: usize,
}

impl Connections {
    /// Makes an empty table.
    pub(crate) fn new(table: &'static mut [Connection; CONNECTIONS], vacant: &'static mut [u16; CONNECTIONS]) -> Self {
        for (index, vacant) in (0..).zip(vacant.iter_mut()) {
            *vacant = index;
        }
        Self { table, vacant, left: CONNECTIONS }
    }

    /// Gives a connection an index; `None` if all are in use.
    pub(crate) fn open(&mut self, fd: RawFd) -> Option<u16> {
        let left = self.left.checked_sub(1)?;
        let index = *self.vacant.get(left)?;
        *self.table.get_mut(usize::from(index))? = Connection { open: true, fd, ..Connection::NONE };
        self.left = left;
        Some(index)
    }

    /// Returns the connection with an index.
    pub(crate) fn get(&mut self, index: u16) -> Option<&mut Connection> {
        self.table.get_mut(usize::from(index)).filter(|connection| connection.open)
    }

    /// Removes a connection and frees its index.
    pub(crate) fn remove(&mut self, index: u16) {
        let Some(connection) = self.get(index) else { return };
        connection.open = false;
        if let Some(vacant) = self.vacant.get_mut(self.left) {
            *vacant = index;
            self.left += 1;
        }
    }

    /// Returns the first index at or above `from` whose connection waits for a buffer.
    pub(crate) fn starving(&self, from: u16) -> Option<u16> {
        let rest = self.table.get(usize::from(from)..)?;
        let (index, _) = (from..).zip(rest).find(|(_, connection)| connection.open && connection.starving)?;
        Some(index)
    }

    /// Returns the open connections.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.table.iter().filter(|connection| connection.open)
    }
}
