//! What comes after a completion: the end of the operation, or one more request of a stream.
//!
//! A receive of no bytes has two meanings: the other side sends no more, or it has sent an empty datagram. The kernel ends
//! a multishot receive at both, and tells no difference. So a stream asks: it waits until the socket can be read again, by a
//! poll. If the poll says that the other side sends no more, the stream looks once more, because there may be something left
//! in the socket; nothing is then the end. Otherwise it receives again. A socket that is known to be one for a stream of
//! bytes is not asked.
// kernel: io_uring/net.c io_recv, io_recv_finish (6.12.117): a result of 0 ends a multishot request, and the buffer that was
// picked for it goes back to the ring.

use bare_uring::squeue::Entry;
use bare_uring::types::{Fd, PollEvents};
use bare_uring::{Errno, cqueue, opcode};
use linux_raw_sys::general::{POLLHUP, POLLIN, POLLRDHUP};

use super::Slab;
use crate::buffer::Buffer;
use crate::file::File;
use crate::message;
use crate::slot::{Effect, Phase, Slot};

/// What a poll says of a socket whose other side sends no more.
// kernel: net/ipv4/tcp.c tcp_poll, net/core/datagram.c datagram_poll, net/unix/af_unix.c unix_poll (6.12.117): EPOLLRDHUP if
// nothing can be received any more (RCV_SHUTDOWN), with EPOLLIN.
const NO_MORE: u32 = POLLRDHUP | POLLHUP;

impl Slab {
    /// Tells whether a completion of a receiving stream has brought no bytes, and so may be the end.
    pub(super) fn brought_nothing(slot: &Slot, cqe: &cqueue::Entry, piece: Option<&Buffer>) -> bool {
        match (slot.effect.get(), cqe.outcome()) {
            (Effect::Receive, Ok(count)) => count == 0,
            (Effect::Datagrams, Ok(count)) => count == 0 || piece.is_some_and(|piece| message::is_empty(piece)),
            _ => false,
        }
    }

    /// Notes a completion after which the request goes on.
    pub(super) fn brought_more(slot: &Slot, cqe: &cqueue::Entry) {
        match (slot.effect.get(), slot.phase.get()) {
            (Effect::Lend, _) => slot.sent.set(cqe.result()),
            (_, Phase::Last) => slot.phase.set(Phase::Receives),
            _ => {}
        }
    }

    /// Returns the result of an operation whose last completion has come. `None`: the operation is a stream that goes on with
    /// another request: because the request was one of several, because a pause has ended it, or to find out about an
    /// empty datagram.
    pub(super) fn end(slot: &Slot, cqe: &cqueue::Entry, is_empty: bool) -> Option<i32> {
        if slot.effect.get() == Effect::Lend && cqe.notif() {
            return Some(slot.sent.get());
        }
        let phase = slot.phase.get();
        let asks = matches!(phase, Phase::Receives | Phase::Asks) && (is_empty || phase == Phase::Asks);
        let is_one_of_many = slot.flow.share.get() > 0 && !is_empty;
        if (asks || is_one_of_many) && slot.cancelled.get() && cqe.outcome().is_ok() {
            return Some(-i32::from(Errno::ECANCELED.raw()));
        }
        // A stream whose handle is gone has its slot freed instead.
        let goes_on = slot.held.get() && !slot.cancelled.get();
        let next = match (phase, cqe.outcome()) {
            (_, Err(Errno::ECANCELED)) if slot.flow.stopped.get() && goes_on => phase,
            (Phase::Receives, Ok(_)) if is_empty && goes_on => Phase::Asks,
            // A kernel that has no poll: nothing more is known.
            (Phase::Asks, Err(Errno::EINVAL | Errno::EOPNOTSUPP)) => return Some(0),
            (Phase::Asks, Ok(events)) if goes_on && events & NO_MORE == 0 => Phase::Receives,
            (Phase::Asks, Ok(_)) if goes_on => Phase::Last,
            (_, Ok(_)) if is_empty => return Some(0),
            (Phase::Last, Ok(_)) if is_one_of_many && goes_on => Phase::Receives,
            (_, Ok(_)) if is_one_of_many && goes_on => phase,
            _ => return Some(cqe.result()),
        };
        slot.phase.set(next);
        None
    }

    /// Makes the poll that asks whether more can come.
    pub(super) fn question(slot: &Slot) -> Entry {
        let file = slot.file.take();
        let fd = file.as_ref().map_or(Fd(-1), File::fd);
        slot.file.set(file);
        opcode::PollAdd::new(fd, PollEvents(POLLIN | POLLRDHUP)).build()
    }
}
