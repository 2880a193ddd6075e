//! Requests with provided buffers.

use bare_uring::uapi::{IORING_CQE_F_BUF_MORE, IORING_CQE_F_SOCK_NONEMPTY};

use super::io::{RECV_MULTISHOT, RECVSEND_BUNDLE, RECVSEND_POLL_FIRST};
use super::{Attempt, READ, READ_MULTISHOT, READV, RECV, RECVMSG};
use crate::buffers::{Progress, Selected, named};
use crate::coverage::Mark;
use crate::errno::{EAGAIN, EBADFD, EFAULT, EINVAL};
use crate::files::{Open, POLLIN, POLLOUT};
use crate::flight::Outcome;
use crate::profile::ReadError;
use crate::sqe::Sqe;
use crate::user::{copy_from_user, copy_to_user};
use crate::world::World;

/// `MSG_TRUNC`.
const TRUNC: u32 = 0x20;
/// `struct io_uring_recvmsg_out`.
const HEADER: usize = 16;
/// The most buffers that a bundle takes at once.
// kernel: io_uring/kbuf.c PEEK_MAX_IMPORT (7.2): 256.
const MOST: usize = 256;

/// What one attempt has received.
struct Received {
    /// The result of the completion.
    result: usize,
    /// The number of bytes that are committed.
    committed: usize,
}

impl World {
    /// Carries out a read or a receive with a provided buffer.
    pub(super) fn receive_selected(&mut self, id: u32, sqe: &Sqe, file: &Open, progress: &mut Progress) -> Attempt {
        let (rules, on_socket) = (self.profile.groups, matches!(sqe.opcode, RECV | RECVMSG));
        let multishot = goes_on(sqe);
        let bundle = sqe.opcode == RECV && sqe.ioprio & RECVSEND_BUNDLE != 0;
        if multishot && on_socket && !rules.multishot || bundle && !rules.bundles {
            return Attempt::done(EINVAL);
        }
        // kernel: io_uring/rw.c io_read_mshot (7.2): a multishot read needs a file that can be polled.
        if sqe.opcode == READ_MULTISHOT && !self.files.can_poll(file) {
            return Attempt::done(EBADFD);
        }
        let first = !std::mem::replace(&mut progress.armed, true);
        let polls_first = on_socket && sqe.ioprio & RECVSEND_POLL_FIRST != 0;
        // kernel: io_uring/net.c io_recv (7.2): with POLL_FIRST the file is waited for first; else the first attempt
        // selects a buffer before it looks at the file.
        if first && polls_first || !first && multishot && self.files.events(file) & POLLIN == 0 {
            return Attempt::NotReady(POLLIN);
        }
        if bundle && !progress.in_worker {
            return self.receive_bundle(id, sqe, file);
        }
        let in_pieces = matches!(sqe.opcode, READV | RECVMSG);
        let wanted = if in_pieces { sqe.pieces.first().map_or(0, |piece| piece.1 as u32) } else { sqe.len };
        let selected = match self.select(id, sqe, file, wanted, progress) {
            Ok(selected) => selected,
            Err(errno) => return Attempt::done(errno),
        };
        // A file that can't be polled may be cold. Its buffer is committed already, and a worker reads the file at some
        // time.
        if first && !self.files.can_poll(file) && self.chaos.delayed.happens(&mut self.random) {
            return Attempt::Punted;
        }
        let outcome = match self.receive_into(sqe, file, &selected) {
            Err(EAGAIN) => return Attempt::NotReady(POLLIN),
            Err(errno) => self.receive_failed(id, sqe, &selected, progress, errno),
            Ok(received) => self.receive_ended(id, sqe, file, &selected, progress, received),
        };
        // Each completion has a buffer of its own.
        progress.held = None;
        if multishot && outcome.result > 0 { Attempt::More(outcome) } else { Attempt::Done(outcome) }
    }

    /// Receives into the one buffer that was selected.
    fn receive_into(&mut self, sqe: &Sqe, file: &Open, selected: &Selected) -> Result<Received, i32> {
        let offset = if matches!(sqe.opcode, READ | READV) { sqe.off } else { u64::MAX };
        let front = if sqe.opcode == RECVMSG && goes_on(sqe) { HEADER + sqe.gaps.0 + sqe.gaps.1 } else { 0 };
        // kernel: io_uring/net.c io_recvmsg_prep_multishot (7.2): a buffer without room for the header, the name and
        // the control data is EFAULT.
        let room = selected.room().checked_sub(front).ok_or(EFAULT)?;
        let (bytes, whole) = self.files.receive(file, room, offset)?;
        let Some(&(address, _)) = selected.pieces.first() else { return Err(EFAULT) };
        // SAFETY: a buffer that is in the ring, or held, is the kernel's until a completion names it; the front and the
        // bytes fit it.
        unsafe { copy_to_user(address + front as u64, &bytes) };
        if bytes.len() < whole {
            self.coverage.mark(Mark::DatagramCut);
        }
        if front != 0 && whole != 0 {
            if front != HEADER {
                self.coverage.mark(Mark::GapCounted);
            }
            // The sockets have empty names and no control data, so the room for these is not written.
            // kernel: io_uring/net.c io_recvmsg_multishot (7.2): the header has the whole length of the message; the
            // result counts the header, the room for name and control data, and the bytes that fitted.
            let header = [[0; 4], [0; 4], (whole as u32).to_ne_bytes(), [0; 4]].concat();
            // SAFETY: the buffer is the kernel's, as for the bytes; the header fits in front of them.
            unsafe { copy_to_user(address, &header) };
            return Ok(Received { result: front + bytes.len(), committed: front + bytes.len() });
        }
        let cut = sqe.opcode == RECV && sqe.op_flags & TRUNC != 0;
        let result = if cut { whole } else { bytes.len() };
        let committed = if self.profile.groups.clamps_cut { bytes.len() } else { result };
        Ok(Received { result, committed })
    }

    /// Ends an attempt that has received bytes, or has met the end of the file.
    fn receive_ended(
        &mut self,
        id: u32,
        sqe: &Sqe,
        file: &Open,
        selected: &Selected,
        progress: &Progress,
        received: Received,
    ) -> Outcome {
        let Received { result, committed } = received;
        let mut flags = if let Some(held) = &progress.held {
            held.flags()
        } else if result != 0 || matches!(sqe.opcode, READ | READV) {
            // kernel: io_uring/rw.c kiocb_done (7.2): at the end of a file the buffer is put too; io_read_mshot and
            // io_recv recycle it.
            self.commit_received(id, sqe, selected, committed as u32, 1)
        } else {
            0
        };
        if result == 0 && flags != 0 {
            self.coverage.mark(Mark::EndNamesBuffer);
        }
        if sqe.opcode == RECV && self.files.waiting(file) != 0 {
            flags |= IORING_CQE_F_SOCK_NONEMPTY;
        }
        Outcome { flags, ..Outcome::of(result as i32) }
    }

    /// Ends an attempt that has failed. The release decides whether the completion names the buffer, and whether the
    /// buffer is used up.
    fn receive_failed(&mut self, id: u32, sqe: &Sqe, selected: &Selected, progress: &Progress, errno: i32) -> Outcome {
        let single_read = matches!(sqe.opcode, READ | READV);
        let flags = match (&progress.held, self.profile.groups.read_error) {
            (Some(held), _) => {
                self.coverage.mark(Mark::ErrorUsesBuffer);
                held.flags()
            }
            // Before 6.10 an error put the buffer as a success did.
            (None, ReadError::UsesUp) if single_read => {
                self.coverage.mark(Mark::ErrorUsesBuffer);
                self.commit(id, sqe, 0, 1);
                named(selected.id)
            }
            // kernel: io_uring/kbuf.c io_kbuf_commit (6.12): for a negative length the head stays.
            // kernel: io_uring/kbuf.c __io_put_kbufs (6.12): the completion names the buffer, whatever was committed.
            (None, ReadError::OnlyNames) if single_read => {
                self.coverage.mark(Mark::ErrorOnlyNames);
                named(selected.id)
            }
            _ => 0,
        };
        Outcome { flags, ..Outcome::of(errno) }
    }

    /// Receives into as many buffers as there are bytes for.
    // kernel: io_uring/net.c io_recv_buf_select (7.2): picks buffers for `len` bytes, or for as many as the socket was
    // known to have.
    // kernel: io_uring/net.c io_recv_finish (7.2): a full receive is repeated while the socket has more than one byte,
    // and its bytes are added to the result.
    fn receive_bundle(&mut self, id: u32, sqe: &Sqe, file: &Open) -> Attempt {
        let (mut total, mut flags, mut passes) = (0, 0, 0);
        loop {
            // What the kernel knew to be in the socket when it last looked; 0 before the first look.
            let waiting = self.files.waiting(file);
            let known = self.random.below(waiting as u32 + 1);
            let wanted = if sqe.len == 0 && known > 1 { known } else { sqe.len };
            let selected = match self.select_several(id, sqe, wanted, MOST) {
                Ok(selected) => selected,
                Err(errno) if passes == 0 => return Attempt::done(errno),
                Err(_) => break,
            };
            let bytes = match self.files.receive(file, selected.room(), u64::MAX) {
                Err(EAGAIN) if passes == 0 => return Attempt::NotReady(POLLIN),
                Err(errno) if passes == 0 => return Attempt::done(errno),
                Err(_) => break,
                Ok((bytes, _)) => bytes,
            };
            if bytes.is_empty() {
                break;
            }
            scatter(&selected, &bytes);
            let buffers = selected.buffers(bytes.len());
            let now = self.commit_received(id, sqe, &selected, bytes.len() as u32, buffers);
            // Bundles out of order: the flags of a later pass replace those of the first, and with them the buffer's
            // id.
            // kernel: io_uring/net.c io_recv_finish (7.2): of a later pass only the flags in CQE_F_MASK are taken.
            let disordered = passes != 0 && !self.profile.groups.bundles_in_order && self.is_incremental(id, sqe);
            if passes != 0 && now & !flags & IORING_CQE_F_BUF_MORE != 0 {
                self.coverage.mark(Mark::MoreLeftOut);
            }
            if disordered {
                self.coverage.mark(Mark::BundleOutOfOrder);
            }
            flags = if passes == 0 || disordered { now } else { flags };
            total += bytes.len();
            passes += 1;
            self.coverage.add(Mark::Bundled, u64::from(buffers > 1));
            self.coverage.add(Mark::BundleAppended, u64::from(passes > 1));
            let filled = bytes.len() == selected.room() && !selected.partial;
            if !filled || self.files.waiting(file) <= 1 || passes == 4 {
                break;
            }
        }
        if self.files.waiting(file) != 0 {
            flags |= IORING_CQE_F_SOCK_NONEMPTY;
        }
        let outcome = Outcome { flags, ..Outcome::of(total as i32) };
        if goes_on(sqe) && total != 0 { Attempt::More(outcome) } else { Attempt::Done(outcome) }
    }

    /// Returns whether the buffer group of a request is incremental.
    fn is_incremental(&self, id: u32, sqe: &Sqe) -> bool {
        self.rings.get(&id).and_then(|ring| ring.groups.get(&sqe.buf_index)).is_some_and(|group| group.incremental)
    }

    /// Sends from provided buffers.
    // kernel: io_uring/net.c io_send_select_buffer (7.2): picks one buffer, or several for a bundle.
    // kernel: io_uring/kbuf.c io_buffers_select (7.2): the buffers are committed when they are picked, and a send that
    // waits keeps them.
    pub(super) fn send_selected(&mut self, id: u32, sqe: &Sqe, file: &Open, progress: &mut Progress) -> Attempt {
        if progress.held.is_none() {
            let most = if sqe.ioprio & RECVSEND_BUNDLE != 0 { MOST } else { 1 };
            let wanted = if sqe.len == 0 { u32::MAX >> 1 } else { sqe.len };
            let selected = match self.select_several(id, sqe, wanted, most) {
                Ok(selected) => selected,
                Err(errno) => return Attempt::done(errno),
            };
            self.hold(id, sqe, &selected, progress);
        }
        let Some(held) = &progress.held else { return Attempt::done(EINVAL) };
        let mut bytes = Vec::new();
        for &(address, len) in &held.pieces {
            // SAFETY: a buffer that is held is the kernel's until a completion names it.
            bytes.extend(unsafe { copy_from_user(address, len as usize) });
        }
        match self.files.write(file, &bytes, u64::MAX) {
            Err(EAGAIN) => Attempt::NotReady(POLLOUT),
            Err(errno) => Attempt::Done(Outcome { flags: held.flags(), ..Outcome::of(errno) }),
            Ok(count) => {
                self.coverage.mark(Mark::SentFromGroup);
                Attempt::Done(Outcome { flags: held.flags(), ..Outcome::of(count as i32) })
            }
        }
    }
}

/// Returns whether a read or receive is multishot.
pub(super) const fn goes_on(sqe: &Sqe) -> bool {
    sqe.opcode == READ_MULTISHOT || matches!(sqe.opcode, RECV | RECVMSG) && sqe.ioprio & RECV_MULTISHOT != 0
}

/// Fills the buffers, one after the other.
fn scatter(selected: &Selected, bytes: &[u8]) {
    let mut rest = bytes;
    for &(address, len) in &selected.pieces {
        let (now, later) = rest.split_at((len as usize).min(rest.len()));
        // SAFETY: a buffer that is in the ring is the kernel's until a completion names it.
        unsafe { copy_to_user(address, now) };
        rest = later;
    }
}
