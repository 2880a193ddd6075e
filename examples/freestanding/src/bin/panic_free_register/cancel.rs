//! Topic: synchronous cancel, by every key.

use bare_uring::types::{CancelBuilder, Fd, Fixed, Timespec};
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_SYNC_CANCEL;
use bare_uring::{Errno, Kernel, opcode};
use freestanding::sys;

use crate::outside::{Has, ODD, Outcome, Ring, any, check, filled, next, push};

const NUMBER: u64 = 77;

/// Cancels reads that do not end by themselves.
pub fn cancel<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    let fds = sys::socket_pair()?;
    let fd = Fd(fds[0]);
    ring.submitter().register_files(&fds)?;
    let old = [CancelBuilder::user_data(any(NUMBER)), CancelBuilder::any(), CancelBuilder::fd(fd)];
    let new = [
        CancelBuilder::fd(Fixed(any(0))).all(),
        CancelBuilder::opcode(any(opcode::Read::CODE)),
        CancelBuilder::user_data(any(NUMBER)).with_fd(fd).with_opcode(any(opcode::Read::CODE)),
        CancelBuilder::any().all().with_fd(Fixed(any(0))).with_user_data(any(NUMBER)),
    ];
    for (builder, timeout) in old.into_iter().map(|key| (key, None)).chain(new.map(|key| (key, Some(any(WAIT))))) {
        let buffer = filled(8, 0_u8)?;
        let read = opcode::Read::new(fd, buffer.as_mut_ptr(), 8).build().user_data(NUMBER);
        let fixed = opcode::Read::new(Fixed(0), buffer.as_mut_ptr(), 8).build().user_data(NUMBER);
        // A request on a registered file is found by its index in the file table only.
        let by_index = new.first() == Some(&builder) || new.last() == Some(&builder);
        // SAFETY: the memory is static.
        unsafe { push(ring, if by_index { fixed } else { read }) }?;
        let cancelled = ring.submitter().register_sync_cancel(timeout, any(builder));
        if has.or_lacks(IORING_REGISTER_SYNC_CANCEL as u32, cancelled)?.is_none() {
            // The kernel lacks the operation, so a write ends the read.
            check(sys::write(fds[1], &[0; 8])? == 8)?;
        }
        check(next(ring)?.user_data() == NUMBER)?;
    }
    for odd in ODD {
        let (number, code) = (any(u64::from(odd)), any(odd as u8));
        let timeout = Some(Timespec::new(any(i64::from(odd)), any(odd)));
        let submitter = ring.submitter();
        let none = submitter.register_sync_cancel(any(timeout), CancelBuilder::user_data(number));
        check(none.is_err())?;
        let _ = submitter.register_sync_cancel(None, CancelBuilder::opcode(code).with_user_data(number).all());
        let _ = submitter.register_sync_cancel(timeout, CancelBuilder::any().with_fd(Fixed(any(odd))));
        let _ = submitter.register_sync_cancel(timeout, CancelBuilder::fd(Fd(any(!odd).cast_signed())).all());
    }
    let closed = ring.submitter().register_sync_cancel(None, CancelBuilder::fd(Fd(any(-1))));
    check(matches!(closed, Err(Errno::EBADF | Errno::EINVAL)))
}

/// Time limit of a cancel, longer than it takes.
const WAIT: Timespec = Timespec::new(1, 0);
