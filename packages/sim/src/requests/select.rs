//! Which buffers a request gets, and what is committed of them.

use bare_uring::uapi::IORING_CQE_F_BUF_MORE;

use crate::buffers::{Group, Held, Progress, Selected, named};
use crate::coverage::Mark;
use crate::errno::{ENOBUFS, ENOENT};
use crate::files::Open;
use crate::sqe::Sqe;
use crate::world::World;

impl World {
    /// Picks the buffer that a request fills, at most `wanted` bytes of it. In a worker, and on a file that can't be
    /// polled, the buffer is committed at once.
    // kernel: io_uring/kbuf.c io_ring_buffer_select (7.2): a length of 0, or more than the buffer has, asks for the
    // whole buffer.
    // kernel: io_uring/kbuf.c io_should_commit (7.2): in a worker, and on a file that can't be polled, the buffer is
    // committed when it is picked.
    pub(crate) fn select(
        &mut self,
        id: u32,
        sqe: &Sqe,
        file: &Open,
        wanted: u32,
        progress: &mut Progress,
    ) -> Result<Selected, i32> {
        if let Some(held) = &progress.held {
            return Ok(Selected { pieces: held.pieces.clone(), id: held.id, partial: false });
        }
        let zero_is_all = self.profile.groups.zero_is_all;
        let Some(group) = self.group(id, sqe.buf_index) else {
            self.coverage.mark(Mark::NoGroup);
            return Err(ENOBUFS);
        };
        let Some(mut picked) = group.next() else {
            self.coverage.mark(Mark::NoBuffer);
            return Err(ENOBUFS);
        };
        if wanted != 0 || !zero_is_all {
            picked.len = picked.len.min(wanted);
        }
        self.coverage.mark(Mark::BufferPicked);
        let selected = Selected { pieces: vec![(picked.address, picked.len)], id: picked.id, partial: false };
        if progress.in_worker || !self.files.can_poll(file) {
            self.hold(id, sqe, &selected, progress);
        }
        Ok(selected)
    }

    /// Picks the buffers of a bundle or of a send, at most `most`.
    // kernel: io_uring/kbuf.c io_buffers_peek (7.2): ENOENT if there is no such group.
    // kernel: io_uring/kbuf.c io_ring_buffers_peek (7.2): ENOBUFS if the group has no buffer left.
    pub(crate) fn select_several(&mut self, id: u32, sqe: &Sqe, wanted: u32, most: usize) -> Result<Selected, i32> {
        let Some(group) = self.group(id, sqe.buf_index) else {
            self.coverage.mark(Mark::NoGroup);
            return Err(ENOENT);
        };
        let mut pieces = group.peek(wanted);
        pieces.truncate(most);
        let whole = group.ready().get(pieces.len().wrapping_sub(1)).map(|piece| piece.len);
        let partial = !group.incremental && pieces.last().map(|piece| piece.len) != whole;
        let Some(selected) = Selected::of(&pieces, partial) else {
            self.coverage.mark(Mark::NoBuffer);
            return Err(ENOBUFS);
        };
        self.coverage.mark(Mark::BufferPicked);
        Ok(selected)
    }

    /// Commits the buffers at selection: all that the request may use, however much it will use.
    pub(crate) fn hold(&mut self, id: u32, sqe: &Sqe, selected: &Selected, progress: &mut Progress) {
        let (room, buffers) = (selected.room() as u32, selected.pieces.len() as u16);
        let kept = !self.commit(id, sqe, room, buffers);
        // Kernels before 7.0 dropped the answer of the commit.
        let more = kept && self.profile.groups.more_unpolled;
        self.coverage.mark(Mark::BufferHeld);
        if kept && !more {
            self.coverage.mark(Mark::MoreLeftOut);
        }
        progress.held = Some(Held { pieces: selected.pieces.clone(), id: selected.id, more });
    }

    /// Commits `count` bytes in `buffers` buffers. Returns whether the last buffer is used up.
    pub(crate) fn commit(&mut self, id: u32, sqe: &Sqe, count: u32, buffers: u16) -> bool {
        let Self { rings, coverage, .. } = self;
        let group = rings.get_mut(&id).and_then(|ring| ring.groups.get_mut(&sqe.buf_index));
        group.is_none_or(|group| group.commit(count, buffers, coverage))
    }

    /// Commits what was received, and returns the flags of the completion. `count` may be more than the buffers have.
    pub(crate) fn commit_received(&mut self, id: u32, sqe: &Sqe, selected: &Selected, count: u32, buffers: u16) -> u32 {
        let incremental = self.group(id, sqe.buf_index).is_some_and(|group| group.incremental);
        if incremental && count as usize > selected.room() {
            self.coverage.mark(Mark::PassedOver);
        }
        let used_up = self.commit(id, sqe, count, buffers);
        // At the end of a file an incremental buffer stays in the ring. Kernels before 7.0 did not say so.
        let kept = incremental && if count == 0 { self.profile.groups.more_at_end } else { !used_up };
        if incremental && count == 0 && !kept {
            self.coverage.mark(Mark::MoreLeftOut);
        }
        named(selected.id) | if kept { IORING_CQE_F_BUF_MORE } else { 0 }
    }

    /// Returns a buffer group of a ring.
    fn group(&self, id: u32, group: u16) -> Option<&Group> {
        self.rings.get(&id)?.groups.get(&group)
    }
}
