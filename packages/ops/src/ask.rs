//! Asks the kernel which requests it has, once for each driver.

use bare_uring::register::Probe;
use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{AddressFamily, Fd, FileAdvice, MsgHdr, OpenHow, SocketType, Timespec};
use bare_uring::{Errno, IoUring, Kernel, cqueue, opcode};

use crate::known::{Set, only};
use crate::token::{Role, Token};

/// A descriptor that no file has.
const NO_FILE: Fd = Fd(-1);

/// How often a trial looks for its completion.
const LOOKS: usize = 3;

/// What the trials point to. No kernel writes here.
static ZERO: Timespec = Timespec::ZERO;
static HOW: OpenHow = OpenHow::new();
static MESSAGE: Message = Message(MsgHdr::new(core::ptr::null(), 0));

struct Message(MsgHdr);

// SAFETY: the header's addresses are null, and nobody writes to it.
unsafe impl Sync for Message {}

/// What the kernel answered.
#[derive(Default)]
pub(crate) struct Answer {
    /// The requests that the kernel lacks, of those that a slab can make.
    pub(crate) lacks: Set,
    /// The number of trials whose completions are still to come.
    pub(crate) under_way: usize,
}

/// Asks the kernel. The ring is new: nothing was pushed on it.
pub(crate) fn ask<K: Kernel>(ring: &mut IoUring<Entry, cqueue::Entry, K>) -> Answer {
    let mut probe = Probe::new();
    if ring.submitter().register_probe(&mut probe).is_err() {
        return by_trial(ring);
    }
    // A set has 128 bits; no kernel has more requests.
    let lacks = (0..128).filter(|&code| !probe.is_supported(code)).fold(0, |all, code| all | only(code));
    Answer { lacks, under_way: 0 }
}

/// Makes one request of each kind, on no file, and sees which are refused as unknown. For kernels without a probe: Linux
/// before 5.6, and others.
///
/// A kernel refuses a number that it does not know at once. So a request that does not complete at once is one that
/// the kernel has. Its completion comes later, to the driver.
// kernel: io_uring/io_uring.c io_init_req (6.12.117): an opcode that the kernel does not know fails with EINVAL before it
// is prepared, while the entry is consumed.
#[cold]
#[inline(never)]
fn by_trial<K: Kernel>(ring: &mut IoUring<Entry, cqueue::Entry, K>) -> Answer {
    let mut answer = Answer::default();
    for entry in trials() {
        try_out(ring, &[mark(entry, entry.opcode())], &mut answer);
    }
    let limit = opcode::LinkTimeout::new(&raw const ZERO).build();
    let first = opcode::Nop::new().build().flags(Flags::IO_LINK);
    try_out(ring, &[first, limit].map(|entry| mark(entry, opcode::LinkTimeout::CODE)), &mut answer);
    answer
}

/// Marks an entry as the trial of an opcode.
const fn mark(entry: Entry, code: u8) -> Entry {
    entry.user_data(Token::trial(code).encode())
}

/// Submits entries, and notes which trials say that something is unknown.
#[inline(never)]
fn try_out<K: Kernel>(ring: &mut IoUring<Entry, cqueue::Entry, K>, entries: &[Entry], answer: &mut Answer) {
    // SAFETY: the entries point to statics, which stay as they are, or to nothing. They name no file.
    if unsafe { ring.submission().push_multiple(entries) }.is_err() {
        return;
    }
    answer.under_way += entries.len();
    for _ in 0..LOOKS {
        // An error shows again in the driver's first turn.
        let _ = ring.submit();
        for cqe in ring.completion() {
            // kernel: io_uring/net.c io_sendrecv_fail (6.12.117): a zero-copy send that fails before it has its file may
            // have a notification as well.
            if !cqe.more() {
                answer.under_way = answer.under_way.saturating_sub(1);
            }
            let is_unknown = matches!(cqe.outcome(), Err(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ENOSYS));
            if let (true, Some(Token { role: Role::Trial, index: code @ 0..128, .. })) =
                (is_unknown, Token::decode(cqe.user_data()))
            {
                answer.lacks |= 1 << code;
            }
        }
    }
}

/// Makes one entry for each request of a slab, but for the linked timeout. A kernel that knows the request answers it
/// with another error than `EINVAL` (no such file, or no such path), or does nothing at once.
fn trials() -> impl Iterator<Item = Entry> {
    let (nowhere, path) = (core::ptr::null_mut::<u8>(), c"".as_ptr());
    [
        opcode::Read::new(NO_FILE, nowhere, 0).build(),
        opcode::Write::new(NO_FILE, nowhere, 0).build(),
        opcode::Readv::new(NO_FILE, nowhere.cast(), 0).build(),
        opcode::Writev::new(NO_FILE, nowhere.cast(), 0).build(),
        opcode::ReadMulti::new(NO_FILE, 0).build(),
        opcode::Fsync::new(NO_FILE).build(),
        opcode::SyncFileRange::new(NO_FILE, 0).build(),
        opcode::Fallocate::new(NO_FILE, 0).build(),
        opcode::Fadvise::new(NO_FILE, 0, FileAdvice(0)).build(),
        opcode::Ftruncate::new(NO_FILE, 0).build(),
        opcode::OpenAt::new(NO_FILE, path).build(),
        opcode::OpenAt2::new(NO_FILE, path, &raw const HOW).build(),
        opcode::Statx::new(NO_FILE, path, nowhere.cast()).build(),
        opcode::RenameAt::new(NO_FILE, path, NO_FILE, path).build(),
        opcode::LinkAt::new(NO_FILE, path, NO_FILE, path).build(),
        opcode::SymlinkAt::new(NO_FILE, path, path).build(),
        opcode::UnlinkAt::new(NO_FILE, path).build(),
        opcode::MkDirAt::new(NO_FILE, path).build(),
        opcode::FSetXattr::new(NO_FILE, path, path.cast(), 0).build(),
        opcode::SetXattr::new(path, path.cast(), path, 0).build(),
        opcode::FGetXattr::new(NO_FILE, path, nowhere.cast(), 0).build(),
        opcode::GetXattr::new(path, nowhere.cast(), path, 0).build(),
        // It makes no pipe, because there is nowhere to write the numbers to.
        // kernel: io_uring/openclose.c io_pipe_fd (7.2): gives the numbers back, with EFAULT, if it can't write them.
        opcode::Pipe::new(nowhere.cast()).build(),
        opcode::Socket::new(AddressFamily(0), SocketType::STREAM, 0).build(),
        opcode::SetSockOpt::new(NO_FILE, 0, 0, nowhere.cast(), 0).build(),
        opcode::Bind::new(NO_FILE, nowhere.cast(), 0).build(),
        opcode::Listen::new(NO_FILE, 0).build(),
        opcode::Connect::new(NO_FILE, nowhere.cast(), 0).build(),
        opcode::Accept::new(NO_FILE, nowhere.cast(), nowhere.cast()).build(),
        opcode::Shutdown::new(NO_FILE, bare_uring::types::ShutdownHow::READ).build(),
        opcode::Recv::new(NO_FILE, nowhere, 0).build(),
        opcode::Send::new(NO_FILE, nowhere, 0).build(),
        opcode::SendMsg::new(NO_FILE, &raw const MESSAGE.0).build(),
        opcode::RecvMsg::new(NO_FILE, (&raw const MESSAGE.0).cast_mut()).build(),
        opcode::SendZc::new(NO_FILE, nowhere, 0).build(),
        opcode::Timeout::new(&raw const ZERO).build(),
        opcode::Nop::new().build(),
        opcode::AsyncCancel::new(u64::MAX).build(),
        opcode::Close::new(NO_FILE).build(),
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use bare_uring::opcode;

    use super::{only, trials};
    use crate::known::Request;

    #[test]
    fn each_request_that_an_operation_needs_is_tried() {
        let tried = trials().fold(only(opcode::LinkTimeout::CODE), |all, entry| all | only(entry.opcode()));
        assert_eq!(tried, Request::ALL.iter().fold(0, |all, request| all | request.all_ways()));
    }
}
