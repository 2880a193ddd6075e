//! The query of what a kernel can do.

use std::ptr::with_exposed_provenance_mut;

use bare_uring::Errno;
use bare_uring::uapi::{IO_URING_QUERY_SCQ, io_uring_query_hdr, io_uring_query_scq};

use super::Argument;
use crate::errno::EOPNOTSUPP;
use crate::user::copy_to_user;
use crate::world::World;

impl World {
    /// Answers a chain of questions.
    ///
    /// # Safety
    ///
    /// `argument` is what the operation calls for.
    // kernel: io_uring/query.c io_query (7.2): follows `next_entry` until 0.
    // kernel: io_uring/query.c io_handle_query_entry (7.2): an unknown question is EOPNOTSUPP in its own header.
    // kernel: io_uring/query.c io_query_scq (7.2): size and alignment of `struct io_rings`.
    pub(super) unsafe fn query(&mut self, argument: Argument) -> Result<u32, Errno> {
        let mut next = argument;
        // The release that answers SCQ also brought NOP128.
        let answers_scq = self.profile.knows(63);
        while !next.0.is_null() {
            // SAFETY: the operation's contract: a chain of headers, each with room for its answer.
            let mut header = unsafe { next.read::<io_uring_query_hdr>() }?;
            let size = size_of::<io_uring_query_scq>();
            if header.query_op == IO_URING_QUERY_SCQ && answers_scq && header.size as usize >= size {
                let mut answer = [0; 16];
                answer[..8].copy_from_slice(&64_u64.to_ne_bytes());
                answer[8..].copy_from_slice(&64_u64.to_ne_bytes());
                // SAFETY: the operation's contract: each header names room for its answer.
                unsafe { copy_to_user(header.query_data, &answer) };
                header.size = size as u32;
                header.result = 0;
            } else {
                header.result = EOPNOTSUPP;
            }
            let after = header.next_entry;
            // SAFETY: the header that was just read, which the kernel writes back to.
            unsafe { next.write(header) };
            next = Argument(with_exposed_provenance_mut(after as usize));
        }
        Ok(0)
    }
}
