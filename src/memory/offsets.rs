//! Where everything in a ring lies, as the kernel reports it: plain numbers.

use core::mem::offset_of;
use core::ptr::from_ref;

use super::{EntrySizes, WORD};
use crate::uapi::{io_cqring_offsets, io_sqring_offsets, io_uring_params};

/// Computes how long each region must be to hold the entries and the array that the kernel reports in it. The words are checked
/// one by one, in `Queue::locate`.
// kernel: io_uring/memmap.c io_mmap_get_region, io_uring_mmap (7.3): the offsets of both rings mean one region, of which any
// length from its start can be mapped.
// kernel: mm/memory.c vm_insert_pages (6.12.117): a mapping of the SQEs that is shorter than their pages is EFAULT.
#[inline(always)]
pub(super) fn extent(params: &io_uring_params, sizes: EntrySizes) -> [u64; 3] {
    let array = if params.sq_off.array == 0 { 0 } else { end_of(params.sq_off.array, params.sq_entries, WORD) };
    let cqes = end_of(params.cq_off.cqes, params.cq_entries, sizes.cqe);
    [array, cqes, end_of(0, params.sq_entries, sizes.sqe)]
}

/// The offsets of the words of one queue, in the kernel's order.
pub(super) type Words = [u32; 7];

/// Places in [`Words`] that both queues have.
pub(super) const HEAD: usize = 0;
pub(super) const TAIL: usize = 1;
pub(super) const MASK: usize = 2;
pub(super) const ENTRIES: usize = 3;
/// Places in the [`Words`] of the submission queue.
pub(super) const SQ_FLAGS: usize = 4;
pub(super) const SQ_DROPPED: usize = 5;
pub(super) const SQ_ARRAY: usize = 6;
/// Places in the [`Words`] of the completion queue.
pub(super) const CQ_OVERFLOW: usize = 4;
pub(super) const CQ_CQES: usize = 5;
pub(super) const CQ_FLAGS: usize = 6;
/// The place in the [`Words`] of both queues for what a ring may lack: the array, and (before 5.8) the completion queue flags.
/// The offset is 0 then.
// kernel: io_uring/io_uring.c io_prepare_config (7.3): the offset of the array is written only for a ring that has one.
pub(super) const MAY_LACK: usize = 6;

/// Returns the offsets of the words of the submission queue.
pub(super) fn sq_words(params: &io_uring_params) -> &Words {
    // SAFETY: the structure starts with these seven words (asserted below).
    unsafe { from_ref(&params.sq_off).cast::<Words>().as_ref_unchecked() }
}

/// Returns the offsets of the words of the completion queue.
pub(super) fn cq_words(params: &io_uring_params) -> &Words {
    // SAFETY: the structure starts with these seven words (asserted below).
    unsafe { from_ref(&params.cq_off).cast::<Words>().as_ref_unchecked() }
}

const _: () = {
    assert!(SQ_ARRAY == MAY_LACK && CQ_FLAGS == MAY_LACK);
    assert!(offset_of!(io_sqring_offsets, head) == HEAD * WORD);
    assert!(offset_of!(io_sqring_offsets, tail) == TAIL * WORD);
    assert!(offset_of!(io_sqring_offsets, ring_mask) == MASK * WORD);
    assert!(offset_of!(io_sqring_offsets, ring_entries) == ENTRIES * WORD);
    assert!(offset_of!(io_sqring_offsets, flags) == SQ_FLAGS * WORD);
    assert!(offset_of!(io_sqring_offsets, dropped) == SQ_DROPPED * WORD);
    assert!(offset_of!(io_sqring_offsets, array) == SQ_ARRAY * WORD);
    assert!(offset_of!(io_cqring_offsets, head) == HEAD * WORD);
    assert!(offset_of!(io_cqring_offsets, tail) == TAIL * WORD);
    assert!(offset_of!(io_cqring_offsets, ring_mask) == MASK * WORD);
    assert!(offset_of!(io_cqring_offsets, ring_entries) == ENTRIES * WORD);
    assert!(offset_of!(io_cqring_offsets, overflow) == CQ_OVERFLOW * WORD);
    assert!(offset_of!(io_cqring_offsets, cqes) == CQ_CQES * WORD);
    assert!(offset_of!(io_cqring_offsets, flags) == CQ_FLAGS * WORD);
};

/// Returns the end of `count` things of `size` bytes (a word or an entry) at `offset`. The end is less than 2^40.
pub(super) fn end_of(offset: u32, count: u32, size: usize) -> u64 {
    u64::from(offset) + u64::from(count) * size as u64
}
