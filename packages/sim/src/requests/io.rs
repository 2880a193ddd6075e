//! Requests that read, write, poll, accept and close, on simulated files and with the user's own memory.

use bare_uring::types::IoVec;
use bare_uring::uapi::{IORING_CQE_F_MORE, IORING_CQE_F_NOTIF, IORING_CQE_F_SOCK_NONEMPTY, IOSQE_BUFFER_SELECT};

use super::selected::goes_on;
use super::{Attempt, READ_FIXED, READ_MULTISHOT, RECV, RECVMSG, Reads, SEND, SEND_ZC, SENDMSG, WRITE_FIXED, row};
use crate::buffers::Progress;
use crate::coverage::Mark;
use crate::errno::{EAGAIN, EBADF, EFAULT, EINVAL, ENFILE};
use crate::fault::Fault;
use crate::files::{Kind, Open, POLLIN, POLLOUT};
use crate::flight::{Flight, Outcome};
use crate::sqe::Sqe;
use crate::user::{copy_from_user, copy_to_user};
use crate::world::World;

/// `IORING_RECVSEND_POLL_FIRST`, in `ioprio`.
pub(super) const RECVSEND_POLL_FIRST: u16 = 1;
/// `IORING_RECV_MULTISHOT`.
pub(super) const RECV_MULTISHOT: u16 = 2;
/// `IORING_RECVSEND_BUNDLE`.
pub(super) const RECVSEND_BUNDLE: u16 = 16;
/// `IORING_ACCEPT_MULTISHOT` and `IORING_ACCEPT_DONTWAIT`, in `ioprio`.
const ACCEPT_MULTISHOT: u16 = 1;
const ACCEPT_DONTWAIT: u16 = 2;
/// `IORING_FILE_INDEX_ALLOC`.
const ALLOCATE: u32 = u32::MAX;

impl World {
    /// Reads what a request points to and needs only until its entry was consumed.
    pub(crate) fn read_arguments(&mut self, sqe: &mut Sqe) -> Result<(), i32> {
        match row(sqe.opcode).map_or(Reads::Entry, |row| row.reads) {
            Reads::Vectors => sqe.pieces = pieces(sqe.addr, sqe.len as usize)?,
            Reads::Message => {
                const WIDTH: usize = size_of::<usize>();

                // SAFETY: the contract of `push`: the message is valid until the entry was consumed.
                let bytes = unsafe { copy_from_user(sqe.addr, 7 * WIDTH) };
                let word = |at: usize| bytes[at * WIDTH..][..WIDTH].try_into().map_or(0, usize::from_ne_bytes);
                let name_len = bytes[WIDTH..WIDTH + 4].try_into().map_or(0, u32::from_ne_bytes);
                sqe.gaps = (name_len as usize, word(5));
                sqe.pieces = pieces(word(2) as u64, word(3))?;
            }
            Reads::Time => return self.read_time(sqe),
            Reads::Entry => sqe.pieces = vec![(sqe.addr, sqe.len as usize)],
        }
        Ok(())
    }

    /// Returns whether the memory of a request lies within the registered buffer that the request names.
    fn fits_registered(&self, id: u32, sqe: &Sqe) -> bool {
        let Some(ring) = self.rings.get(&id) else { return false };
        let Some(&Some((start, len))) = ring.buffers.get(usize::from(sqe.buf_index)) else { return false };
        sqe.addr >= start && sqe.addr.saturating_add(u64::from(sqe.len)) <= start.saturating_add(len)
    }

    /// Carries out a read or a receive.
    pub(super) fn receive(&mut self, id: u32, sqe: &Sqe, file: &Open, progress: &mut Progress) -> Attempt {
        if sqe.opcode == READ_FIXED && !self.fits_registered(id, sqe) {
            return Attempt::done(EFAULT);
        }
        let offset = if matches!(sqe.opcode, RECV | RECVMSG | READ_MULTISHOT) { u64::MAX } else { sqe.off };
        if sqe.has(IOSQE_BUFFER_SELECT) {
            return self.receive_selected(id, sqe, file, progress);
        }
        if goes_on(sqe) {
            return Attempt::done(EINVAL);
        }
        let wanted = sqe.pieces.iter().map(|piece| piece.1).sum();
        let has_waited = std::mem::replace(&mut progress.armed, true);
        let bytes = match self.files.read(file, wanted, offset) {
            Ok(bytes) if bytes.is_empty() && wanted != 0 && has_waited && self.profile.hangup != 0 => {
                self.coverage.mark(Mark::HungUp);
                return Attempt::done(self.profile.hangup);
            }
            Ok(bytes) => bytes,
            Err(EAGAIN) => return Attempt::NotReady(POLLIN),
            Err(errno) => return Attempt::done(errno),
        };
        let mut rest = &bytes[..];
        for &(address, len) in &sqe.pieces {
            let (now, later) = rest.split_at(len.min(rest.len()));
            // SAFETY: the contract of `push`: the memory is valid for as many bytes, and the request's alone.
            unsafe { copy_to_user(address, now) };
            rest = later;
        }
        if sqe.opcode == RECVMSG {
            write_header(sqe.addr);
        }
        // kernel: io_uring/rw.c __io_complete_rw_common (7.2): a read with fewer bytes than asked for fails, and breaks
        // links.
        // kernel: io_uring/net.c io_recv (7.2): a receive with fewer bytes fails only with MSG_WAITALL.
        let fails = !matches!(sqe.opcode, RECV | RECVMSG) && bytes.len() != wanted;
        Attempt::Done(Outcome { fails, ..Outcome::of(bytes.len() as i32) })
    }

    /// Carries out a write or a send.
    pub(super) fn transmit(&mut self, id: u32, sqe: &Sqe, file: &Open, progress: &mut Progress) -> Attempt {
        /// More than any stream takes at once.
        const ENOUGH: usize = 1 << 20;

        if sqe.opcode == SEND && sqe.has(IOSQE_BUFFER_SELECT) {
            return self.send_selected(id, sqe, file, progress);
        }
        if sqe.opcode == WRITE_FIXED && !self.fits_registered(id, sqe) {
            return Attempt::done(EFAULT);
        }
        let wanted: usize = sqe.pieces.iter().map(|piece| piece.1).sum();
        let mut bytes = Vec::new();
        for &(address, len) in &sqe.pieces {
            let len = len.min(ENOUGH - bytes.len());
            // SAFETY: the contract of `push`: the memory is valid for as many bytes, and no other thread writes to it.
            bytes.extend(unsafe { copy_from_user(address, len) });
        }
        match self.files.write(
            file,
            &bytes,
            if matches!(sqe.opcode, SEND | SENDMSG | SEND_ZC) { u64::MAX } else { sqe.off },
        ) {
            Ok(count) => Attempt::Done(Outcome { fails: count != wanted, ..Outcome::of(count as i32) }),
            Err(EAGAIN) => Attempt::NotReady(POLLOUT),
            Err(errno) => Attempt::done(errno),
        }
    }

    /// Carries out a zero-copy send. The memory is the kernel's until the notification, and a change of it is a fault.
    // kernel: io_uring/net.c io_send_zc (7.2): the completion of an attempt to send has MORE; the notification follows when
    // the network has let go of the memory. io_send_zc, not repeated here: with a part sent, the attempt goes on.
    pub(super) fn lend(&mut self, id: u32, sqe: &Sqe, file: &Open, progress: &mut Progress) -> Attempt {
        let outcome = match self.transmit(id, sqe, file, progress) {
            Attempt::Done(outcome) if outcome.result >= 0 => outcome,
            other => return other,
        };
        for &(address, len) in &sqe.pieces {
            // SAFETY: the contract of `push`: the memory is valid for as many bytes, and no other thread writes to it.
            progress.lent.extend(unsafe { copy_from_user(address, len) });
        }
        self.coverage.mark(Mark::Lent);
        self.tell(id, sqe, outcome, IORING_CQE_F_MORE);
        Attempt::Lent(Outcome { flags: IORING_CQE_F_NOTIF, ..Outcome::of(0) })
    }

    /// Sees whether the memory of a zero-copy send is what it was.
    pub(super) fn look_at_lent(&mut self, id: u32, flight: &Flight) {
        let (mut now, lent) = (Vec::new(), &flight.progress.lent);
        if lent.is_empty() {
            return;
        }
        for &(address, len) in &flight.sqe.pieces {
            // SAFETY: the contract of `push`: the memory is valid until the notification.
            now.extend(unsafe { copy_from_user(address, len) });
        }
        if now != *lent {
            self.faults.push(Fault::Changed { ring: id, user_data: flight.sqe.user_data });
        }
    }

    /// Cuts or extends a file to the length in `off`.
    // kernel: io_uring/truncate.c io_ftruncate_prep (7.3): EINVAL unless `addr`, `len`, `buf_index`, `file_index`, `addr3`
    // and the flags are 0.
    pub(super) fn truncate(&mut self, sqe: &Sqe, file: &Open) -> i32 {
        let reserved = [sqe.addr, sqe.len.into(), sqe.buf_index.into(), sqe.file_index.into(), sqe.addr3];
        if sqe.op_flags != 0 || reserved != [0; 5] {
            return EINVAL;
        }
        self.files.truncate(file, sqe.off)
    }

    /// Carries out a one-shot poll. A poll with any flag (`IORING_POLL_ADD_MULTI`) is refused, as kernels before 5.13
    /// do.
    pub(super) fn poll(&mut self, sqe: &Sqe, file: &Open) -> Attempt {
        const ALWAYS: u32 = 8 | 16;

        if sqe.len != 0 {
            return Attempt::done(EINVAL);
        }
        let wanted = if cfg!(target_endian = "big") { sqe.op_flags.rotate_left(16) } else { sqe.op_flags };
        let there = self.files.events(file) & (wanted | ALWAYS);
        if there == 0 {
            return Attempt::NotReady(wanted | ALWAYS);
        }
        Attempt::Done(Outcome::of(there.cast_signed()))
    }

    /// Accepts a connection, as a descriptor or as a registered file.
    // kernel: io_uring/filetable.c __io_fixed_fd_install (7.2): `file_index` counts from 1; FILE_INDEX_ALLOC takes a
    // free index and is answered with that index, else the result is 0.
    pub(super) fn accept(&mut self, id: u32, sqe: &Sqe, file: &Open) -> Attempt {
        let connection = match self.files.accept(file) {
            Ok(connection) => connection,
            Err(EAGAIN) if sqe.ioprio & ACCEPT_DONTWAIT == 0 => return Attempt::NotReady(POLLIN),
            Err(errno) => return Attempt::done(errno),
        };
        let result = if sqe.file_index == 0 {
            self.files.install(connection)
        } else {
            let Some(ring) = self.rings.get_mut(&id) else { return Attempt::done(EBADF) };
            let index = if sqe.file_index == ALLOCATE {
                ring.files.iter().position(Option::is_none)
            } else {
                Some(sqe.file_index as usize - 1).filter(|&index| index < ring.files.len())
            };
            let Some(index) = index else { return Attempt::done(ENFILE) };
            ring.files[index] = Some(connection);
            if sqe.file_index == ALLOCATE { index as i32 } else { 0 }
        };
        let more = if self.files.more_to_accept(file) { IORING_CQE_F_SOCK_NONEMPTY } else { 0 };
        let outcome = Outcome { flags: more, ..Outcome::of(result) };
        if sqe.ioprio & ACCEPT_MULTISHOT != 0 { Attempt::More(outcome) } else { Attempt::Done(outcome) }
    }

    /// Closes a descriptor or a registered file.
    pub(super) fn close(&mut self, id: u32, sqe: &Sqe) -> Attempt {
        let closed = if sqe.file_index != 0 {
            let index = sqe.file_index as usize - 1;
            let ring = self.rings.get_mut(&id);
            ring.and_then(|ring| ring.files.get_mut(index)).and_then(Option::take)
        } else {
            // kernel: io_uring/openclose.c io_close (7.2): a ring can't be closed by a request; EBADF.
            let is_ring = |open: &Open| matches!(open.kind, Kind::Ring(_));
            if self.files.get(sqe.fd).is_some_and(|open| is_ring(open)) {
                return Attempt::done(EBADF);
            }
            self.files.table.remove(&sqe.fd)
        };
        Attempt::done(if closed.is_some() { 0 } else { EBADF })
    }
}

/// Writes to a `struct msghdr` what came beside the bytes: no address, no control data, no flags.
// kernel: io_uring/net.c io_recvmsg (7.2): a receive writes the lengths and the flags to the user's header.
fn write_header(header: u64) {
    const WIDTH: u64 = size_of::<usize>() as u64;

    for at in [WIDTH, 6 * WIDTH] {
        // SAFETY: the contract of `push`: the message is valid until the completion.
        unsafe { copy_to_user(header + at, &[0; 4]) };
    }
    // SAFETY: the contract of `push`: the message is valid until the completion.
    unsafe { copy_to_user(header + 5 * WIDTH, &[0; size_of::<usize>()]) };
}

/// Reads a list of `struct iovec`: addresses and lengths.
fn pieces(list: u64, count: usize) -> Result<Vec<(u64, usize)>, i32> {
    if count > 1024 {
        return Err(EINVAL);
    }
    let size = size_of::<IoVec>();
    // SAFETY: the contract of `push`: the list is valid until the entry was consumed.
    let bytes = unsafe { copy_from_user(list, count * size) };
    let word = |bytes: &[u8]| bytes.try_into().map(usize::from_ne_bytes).unwrap_or(0);
    let halves = |piece: &[u8]| (word(&piece[..size / 2]) as u64, word(&piece[size / 2..]));
    Ok(bytes.chunks_exact(size).map(halves).collect())
}
