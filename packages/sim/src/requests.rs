//! Requests: the table of those that are simulated, and the life of each.

use bare_uring::uapi::{IORING_OP_NOP128, io_uring_op as Op};

use crate::buffers::Progress;
use crate::errno::EINVAL;
use crate::files::Open;
use crate::flight::{Outcome, Timer};
use crate::profile::{GroupRules, SIMULATED};
use crate::sqe::Sqe;
use crate::world::World;

mod cancel;
mod io;
mod life;
mod nop;
mod pipe;
mod select;
mod selected;
mod timeout;

pub(crate) use cancel::Key;

const READV: u8 = Op::IORING_OP_READV as u8;
const READ_FIXED: u8 = Op::IORING_OP_READ_FIXED as u8;
const WRITE_FIXED: u8 = Op::IORING_OP_WRITE_FIXED as u8;
const SENDMSG: u8 = Op::IORING_OP_SENDMSG as u8;
const RECVMSG: u8 = Op::IORING_OP_RECVMSG as u8;
const POLL_ADD: u8 = Op::IORING_OP_POLL_ADD as u8;
const TIMEOUT: u8 = Op::IORING_OP_TIMEOUT as u8;
const TIMEOUT_REMOVE: u8 = Op::IORING_OP_TIMEOUT_REMOVE as u8;
pub(crate) const LINK_TIMEOUT: u8 = Op::IORING_OP_LINK_TIMEOUT as u8;
const READ: u8 = Op::IORING_OP_READ as u8;
const SEND: u8 = Op::IORING_OP_SEND as u8;
const RECV: u8 = Op::IORING_OP_RECV as u8;
const SEND_ZC: u8 = Op::IORING_OP_SEND_ZC as u8;
const READ_MULTISHOT: u8 = Op::IORING_OP_READ_MULTISHOT as u8;

/// How far an attempt at a request got.
#[derive(Debug)]
enum Attempt {
    /// The request is done.
    Done(Outcome),
    /// The request has one more completion, and goes on.
    More(Outcome),
    /// The request is done, and has told so; a notification follows at some time.
    Lent(Outcome),
    /// The file is not ready for these events of `poll(2)`.
    NotReady(u32),
    /// A worker goes on with the request, at some time.
    Punted,
    /// The request runs a timer.
    Timer(Timer),
}

impl Attempt {
    /// Returns that the request is done, with this result.
    const fn done(result: i32) -> Self {
        Self::Done(Outcome::of(result))
    }
}

/// What carries out a request.
#[derive(Debug, Clone, Copy)]
enum Runs {
    /// The request names no file.
    Alone(fn(&mut World, u32, &Sqe) -> Attempt),
    /// The request fails with `EBADF` if its file is not open.
    OnFile(fn(&mut World, u32, &Sqe, &Open, &mut Progress) -> Attempt),
}

/// What the kernel reads of the user's memory when it consumes the entry.
#[derive(Debug, Clone, Copy)]
enum Reads {
    /// Nothing: address and length name the memory of the request.
    Entry,
    /// A list of `struct iovec`.
    Vectors,
    /// A `struct msghdr`, and its list of `struct iovec`.
    Message,
    /// A timespec.
    Time,
}

/// Whether the request may have the kernel pick provided buffers (`IOSQE_BUFFER_SELECT`).
#[derive(Debug, Clone, Copy)]
enum Picks {
    Never,
    Always,
    /// Since `SEND` has bundles.
    WithBundles,
}

/// A request that is simulated.
#[derive(Debug, Clone, Copy)]
struct Row {
    opcode: u8,
    runs: Runs,
    reads: Reads,
    picks: Picks,
}

/// Makes the row of a request without a file.
const fn alone(opcode: Op, run: fn(&mut World, u32, &Sqe) -> Attempt) -> Row {
    Row { opcode: opcode as u8, runs: Runs::Alone(run), reads: Reads::Entry, picks: Picks::Never }
}

/// Makes the row of a request on a file.
const fn on_file(opcode: Op, run: fn(&mut World, u32, &Sqe, &Open, &mut Progress) -> Attempt) -> Row {
    Row { opcode: opcode as u8, runs: Runs::OnFile(run), reads: Reads::Entry, picks: Picks::Never }
}

impl Row {
    /// Sets what the kernel reads when it consumes the entry.
    const fn reads(self, reads: Reads) -> Self {
        Self { reads, ..self }
    }

    /// Sets whether the request may have the kernel pick buffers.
    const fn picks(self, picks: Picks) -> Self {
        Self { picks, ..self }
    }
}

/// All requests that are simulated. A new request is a row here, the function that the row names, and its number in
/// `SIMULATED` of `profile/linux.rs`.
// kernel: io_uring/opdef.c io_issue_defs (7.2): which requests need a file, and which may select buffers.
const ROWS: &[Row] = &[
    alone(Op::IORING_OP_NOP, World::nop),
    on_file(Op::IORING_OP_READV, World::receive).reads(Reads::Vectors).picks(Picks::Always),
    on_file(Op::IORING_OP_WRITEV, World::transmit).reads(Reads::Vectors),
    on_file(Op::IORING_OP_FSYNC, |_, _, _, _, _| Attempt::done(0)),
    on_file(Op::IORING_OP_READ_FIXED, World::receive),
    on_file(Op::IORING_OP_WRITE_FIXED, World::transmit),
    on_file(Op::IORING_OP_POLL_ADD, |world, _, sqe, file, _| world.poll(sqe, file)),
    alone(Op::IORING_OP_POLL_REMOVE, World::poll_remove),
    on_file(Op::IORING_OP_SENDMSG, World::transmit).reads(Reads::Message),
    on_file(Op::IORING_OP_RECVMSG, World::receive).reads(Reads::Message).picks(Picks::Always),
    alone(Op::IORING_OP_TIMEOUT, World::timeout).reads(Reads::Time),
    alone(Op::IORING_OP_TIMEOUT_REMOVE, World::timeout_remove).reads(Reads::Time),
    on_file(Op::IORING_OP_ACCEPT, |world, id, sqe, file, _| world.accept(id, sqe, file)),
    alone(Op::IORING_OP_ASYNC_CANCEL, World::async_cancel),
    // A linked timeout is carried out with the request before it. It fails if there is no such request.
    alone(Op::IORING_OP_LINK_TIMEOUT, |_, _, _| Attempt::done(EINVAL)).reads(Reads::Time),
    alone(Op::IORING_OP_CLOSE, World::close),
    on_file(Op::IORING_OP_READ, World::receive).picks(Picks::Always),
    on_file(Op::IORING_OP_WRITE, World::transmit),
    on_file(Op::IORING_OP_SEND, World::transmit).picks(Picks::WithBundles),
    on_file(Op::IORING_OP_RECV, World::receive).picks(Picks::Always),
    on_file(Op::IORING_OP_SHUTDOWN, |world, _, sqe, file, _| Attempt::done(world.files.shut_down(file, sqe.len))),
    on_file(Op::IORING_OP_MSG_RING, |world, _, sqe, file, _| world.message(sqe, file)),
    on_file(Op::IORING_OP_SEND_ZC, World::lend),
    on_file(Op::IORING_OP_READ_MULTISHOT, World::receive).picks(Picks::Always),
    on_file(Op::IORING_OP_FTRUNCATE, |world, _, sqe, file, _| Attempt::done(world.truncate(sqe, file))),
    alone(Op::IORING_OP_PIPE, |world, _, sqe| Attempt::done(world.make_pipe(sqe))),
    Row { opcode: IORING_OP_NOP128 as u8, ..alone(Op::IORING_OP_NOP, World::nop) },
];

// The profiles of Linux know exactly the requests of this table.
const _: () = {
    let (mut known, mut at) = (0, 0);
    while at < ROWS.len() {
        known |= 1 << ROWS[at].opcode;
        at += 1;
    }
    assert!(known == SIMULATED);
};

/// Returns the row of a request.
fn row(opcode: u8) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.opcode == opcode)
}

/// Returns whether the kernel may pick a buffer for a request.
pub(crate) fn selects_buffers(opcode: u8, rules: GroupRules) -> bool {
    match row(opcode).map(|row| row.picks) {
        Some(Picks::Always) => true,
        Some(Picks::WithBundles) => rules.bundles,
        Some(Picks::Never) | None => false,
    }
}

/// Returns whether a request needs a file.
fn needs_file(opcode: u8) -> bool {
    matches!(row(opcode), Some(Row { runs: Runs::OnFile(_), .. }))
}
