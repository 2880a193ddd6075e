//! The offsets of everything in a ring's memory.

use bare_uring::SetupFlags;
use bare_uring::uapi::{io_cqring_offsets, io_sqring_offsets};

use crate::profile::Header;
use crate::random::Random;

/// The words of a ring, by which [`Layout::words`] is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Word {
    SqHead,
    SqTail,
    SqMask,
    SqEntries,
    SqFlags,
    SqDropped,
    CqHead,
    CqTail,
    CqMask,
    CqEntries,
    CqOverflow,
    CqFlags,
}

const COUNT: usize = 12;

/// Offsets and lengths, in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    words: [u32; COUNT],
    /// The offset of the index array, if the ring has one.
    pub(crate) array: Option<u32>,
    pub(crate) cqes: u32,
    /// The length of the area with the submission queue's words; of the area with both queues, if `single`.
    pub(crate) sq_len: usize,
    pub(crate) cq_len: usize,
    pub(crate) sqes_len: usize,
    /// Whether both queues are in one area (`IORING_FEAT_SINGLE_MMAP`).
    pub(crate) single: bool,
    /// Whether the ring has flags for the completion queue (Linux since 5.8).
    cq_flags: bool,
}

/// Offsets in Linux's header (`struct io_rings`) from 6.6 on, in the order of [`Word`].
// kernel: include/linux/io_uring_types.h io_rings (6.13): head and tail of both queues, both masks, both sizes, then
// sq_dropped, sq_flags, cq_flags and cq_overflow; the CQEs start at the next cache line.
const LINE: [u32; COUNT] = [0, 4, 16, 24, 36, 32, 8, 12, 20, 28, 44, 40];
/// Offsets in Linux's header before 6.6, where each head and tail has a cache line of its own.
const LINES: [u32; COUNT] = [0, 64, 256, 264, 276, 272, 128, 192, 260, 268, 284, 280];
/// Offsets in the header of Nanos.
const NANOS: [u32; COUNT] = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 0];
/// Offsets in the headers of StarryOS and OSv, each of which has one area for each queue.
const APART: [u32; COUNT] = [0, 4, 8, 12, 16, 20, 0, 4, 8, 12, 16, 0];

/// What the layout of a ring depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) header: Header,
    pub(crate) setup: SetupFlags,
    pub(crate) single: bool,
    pub(crate) cq_flags: bool,
    pub(crate) sq_entries: u32,
    pub(crate) cq_entries: u32,
}

impl Shape {
    /// Returns the size of a submission queue slot.
    pub(crate) fn sqe_size(&self) -> usize {
        if self.setup.contains(SetupFlags::SQE128) { 128 } else { 64 }
    }

    /// Returns the size of a completion queue slot.
    pub(crate) fn cqe_size(&self) -> usize {
        if self.setup.contains(SetupFlags::CQE32) { 32 } else { 16 }
    }
}

impl Layout {
    /// Lays a ring out.
    pub(crate) fn new(shape: &Shape, random: &mut Random) -> Self {
        let cqes_len = shape.cq_entries * shape.cqe_size() as u32;
        let array_len = if shape.setup.contains(SetupFlags::NO_SQARRAY) { 0 } else { shape.sq_entries * 4 };
        let mut layout = Self {
            words: LINE,
            array: None,
            cqes: 64,
            sq_len: 0,
            cq_len: 0,
            sqes_len: shape.sq_entries as usize * shape.sqe_size(),
            single: shape.single,
            cq_flags: shape.cq_flags,
        };
        let mut array = 0;
        match shape.header {
            Header::Line | Header::Lines => {
                // kernel: io_uring/io_uring.c rings_size (7.2): with CQE32 the size of the header is doubled along with
                // the CQEs, and the index array starts at a cache line behind them.
                layout.words = if shape.header == Header::Line { LINE } else { LINES };
                layout.cqes = if shape.header == Header::Line { 64 } else { 320 };
                let large = shape.setup.contains(SetupFlags::CQE32);
                array = (layout.cqes * (1 + u32::from(large)) + cqes_len).next_multiple_of(64);
                layout.sq_len = (array + array_len) as usize;
                if array_len == 0 {
                    layout.sq_len = (layout.cqes * (1 + u32::from(large)) + cqes_len) as usize;
                }
                layout.cq_len = layout.sq_len;
            }
            Header::Nanos => {
                layout.words = NANOS;
                array = 48;
                // The completions are aligned: a queue of a single entry works on b9c3671d.
                layout.cqes = (array + array_len).next_multiple_of(8);
                layout.sq_len = (layout.cqes + cqes_len) as usize;
                layout.cq_len = layout.sq_len;
            }
            Header::Starry | Header::Osv => {
                layout.words = APART;
                array = if shape.header == Header::Starry { 64 } else { 24 };
                layout.cqes = if shape.header == Header::Starry { 64 } else { 24 };
                layout.sq_len = (array + array_len) as usize;
                layout.cq_len = (layout.cqes + cqes_len) as usize;
            }
            Header::Shuffled => layout.shuffle(random, cqes_len, array_len, &mut array),
        }
        layout.array = (array_len != 0).then_some(array);
        layout
    }

    /// Puts every word somewhere in the header, and the two arrays behind it in either order.
    fn shuffle(&mut self, random: &mut Random, cqes_len: u32, array_len: u32, array: &mut u32) {
        let mut places: Vec<u32> = (1..=40).collect();
        for word in &mut self.words {
            let place = places.swap_remove(random.below(places.len() as u32) as usize);
            *word = place * 4;
        }
        let gap = 8 * random.below(9);
        let start = 168 + gap;
        let second = |first_len: u32| (start + first_len).next_multiple_of(8) + gap;
        let end = if random.chance(1, 2) {
            *array = start;
            self.cqes = second(array_len);
            self.cqes + cqes_len
        } else {
            self.cqes = start;
            *array = second(cqes_len);
            *array + array_len
        };
        self.sq_len = end as usize;
        self.cq_len = end as usize;
    }

    /// Returns the offset of a word in its area.
    pub(crate) fn word(&self, word: Word) -> u32 {
        self.words[word as usize]
    }

    /// Returns whether a word lies in the area of the completion queue.
    pub(crate) fn in_cq(word: Word) -> bool {
        word as usize >= Word::CqHead as usize
    }

    /// Returns whether the ring has this word.
    pub(crate) fn has(&self, word: Word) -> bool {
        word != Word::CqFlags || self.cq_flags
    }

    /// Returns the offsets of the submission queue, as set-up reports them.
    pub(crate) fn sq_off(&self, user_addr: u64) -> io_sqring_offsets {
        io_sqring_offsets {
            head: self.word(Word::SqHead),
            tail: self.word(Word::SqTail),
            ring_mask: self.word(Word::SqMask),
            ring_entries: self.word(Word::SqEntries),
            flags: self.word(Word::SqFlags),
            dropped: self.word(Word::SqDropped),
            array: self.array.unwrap_or(0),
            resv1: 0,
            user_addr,
        }
    }

    /// Returns the offsets of the completion queue, as set-up reports them.
    pub(crate) fn cq_off(&self, user_addr: u64) -> io_cqring_offsets {
        io_cqring_offsets {
            head: self.word(Word::CqHead),
            tail: self.word(Word::CqTail),
            ring_mask: self.word(Word::CqMask),
            ring_entries: self.word(Word::CqEntries),
            overflow: self.word(Word::CqOverflow),
            cqes: self.cqes,
            flags: if self.cq_flags { self.word(Word::CqFlags) } else { 0 },
            resv1: 0,
            user_addr,
        }
    }
}
