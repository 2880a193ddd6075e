//! Checks that the parts of a ring don't overlap, in memory that others have laid out.

use super::offsets::{CQ_CQES, CQ_FLAGS, HEAD, SQ_ARRAY, TAIL, cq_words, sq_words};
use super::{EntrySizes, Region, WORD};
use crate::uapi::io_uring_params;

/// Addresses: from the first one, up to the second one without it.
type Span = (u64, u64);

/// A span that meets no other.
const NOWHERE: Span = (0, 0);

/// Returns the span of `count` things of `size` bytes that start `offset` bytes into the region. (`Regions` and `Queue::locate`
/// check that the span ends in the region.)
fn span(region: Region, offset: u32, count: u32, size: usize) -> Span {
    let start = (region.base.addr() as u64).wrapping_add(u64::from(offset));
    (start, start.wrapping_add(u64::from(count) * size as u64))
}

/// Tells whether two spans have a byte in common.
const fn meet(a: Span, b: Span) -> bool {
    a.0 < b.1 && b.0 < a.1
}

/// Checks that CQEs, SQEs and index array overlap neither each other nor any word of the queues, and that no word that we write
/// overlaps another word. Otherwise a write by one side would change what the other side relies on, and entries would change
/// while they are read.
#[inline]
pub(super) fn apart(params: &io_uring_params, sizes: EntrySizes, [sq, cq, sqes]: [Region; 3]) -> bool {
    let (sq_words, cq_words) = (sq_words(params), cq_words(params));
    let [array_at, cqes_at] = [sq_words[SQ_ARRAY], cq_words[CQ_CQES]];
    let array = if array_at == 0 { NOWHERE } else { span(sq, array_at, params.sq_entries, WORD) };
    let cqes = span(cq, cqes_at, params.cq_entries, sizes.cqe);
    let sqes = span(sqes, 0, params.sq_entries, sizes.sqe);
    let mut words = [NOWHERE; 14];
    let of_sq = sq_words.iter().enumerate().map(|(place, &at)| (sq, at, place != SQ_ARRAY, place == TAIL));
    let of_cq = cq_words.iter().enumerate().map(|(place, &at)| {
        // Kernels before 5.8 have no completion queue flags, and report offset 0.
        let is_word = place != CQ_CQES && (place != CQ_FLAGS || at != 0);
        (cq, at, is_word, place == HEAD || place == CQ_FLAGS)
    });
    let mut ours = [false; 14];
    for ((word, our), (region, at, is_word, written)) in words.iter_mut().zip(&mut ours).zip(of_sq.chain(of_cq)) {
        if is_word {
            *word = span(region, at, 1, WORD);
            *our = written;
        }
    }
    let alone =
        |number: usize, word: Span| words.iter().enumerate().all(|(n, &other)| n == number || !meet(word, other));
    let words_apart = words.iter().zip(&ours).enumerate().all(|(number, (&word, &our))| {
        ![array, cqes, sqes].iter().any(|&entries| meet(word, entries)) && (!our || alone(number, word))
    });
    words_apart && !meet(array, cqes) && !meet(array, sqes) && !meet(cqes, sqes)
}
