//! Rings made of memory that somebody else mapped, with random parameters: each makes the ring that it describes, or none.

mod common;

use std::collections::HashSet;

use bare_uring::SetupError;
use bare_uring::uapi::io_uring_params;
use common::areas::{Areas, OFFSETS, RINGS, WHOLE, good, use_up};

/// xorshift64: the same numbers on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }

    /// Mostly what might pass, sometimes anything.
    fn offset(&mut self) -> u32 {
        match self.below(8) {
            0 => self.next(),
            1 => self.below(RINGS as u32 + 16),
            2 => u32::MAX - self.below(300),
            _ => self.below(RINGS as u32 / 4 + 2) * 4,
        }
    }
}

/// Whether no byte is of two parts of the ring; words that the kernel alone writes may be one.
fn lie_apart(params: &io_uring_params) -> bool {
    let (so, co) = (params.sq_off, params.cq_off);
    let kernels =
        [so.head, so.ring_mask, so.ring_entries, so.flags, so.dropped, co.tail, co.ring_mask, co.ring_entries];
    let kernels: HashSet<u32> = kernels.into_iter().chain([co.overflow]).collect();
    let words = kernels.iter().copied().chain([so.tail, co.head]).chain((co.flags != 0).then_some(co.flags));
    let words = words.map(|offset| (offset, 4));
    let array = (so.array != 0).then_some((so.array, params.sq_entries * 4));
    let mut taken = HashSet::new();
    words
        .chain(array)
        .chain([(co.cqes, params.cq_entries * 16)])
        .all(|(offset, bytes)| (offset..offset + bytes).all(|byte| taken.insert(byte)))
}

/// What must come of such a ring, worked out word by word in numbers that can't overflow.
fn verdict(areas: &Areas, params: &io_uring_params, [sq_len, cq_len, sqes_len]: [usize; 3]) -> Result<(), SetupError> {
    let inside = |offset: u32, align: u32, bytes: u128, len: usize| {
        offset.is_multiple_of(align) && u128::from(offset) + bytes <= len as u128
    };
    let (so, co) = (params.sq_off, params.cq_off);
    let (sq, cq) = (u128::from(params.sq_entries), u128::from(params.cq_entries));
    let fits = [so.head, so.tail, so.ring_mask, so.ring_entries, so.flags, so.dropped]
        .iter()
        .all(|&offset| inside(offset, 4, 4, sq_len))
        && [co.head, co.tail, co.ring_mask, co.ring_entries, co.overflow, co.flags]
            .iter()
            .all(|&offset| inside(offset, 4, 4, cq_len))
        && inside(co.cqes, 8, cq * 16, cq_len)
        && (so.array == 0 || inside(so.array, 4, sq * 4, sq_len))
        && sq * 64 <= sqes_len as u128;
    let is_ring = |entries: u32| entries.count_ones() == 1;
    if !fits || !is_ring(params.sq_entries) || !is_ring(params.cq_entries) {
        return Err(SetupError::Garbled);
    }
    if !lie_apart(params) {
        return Err(SetupError::Garbled);
    }
    let load = |offset: u32| areas.get(offset as usize);
    let agrees = |entries: u32, mask: u32, count: u32| load(entries) == count && load(mask) == count - 1;
    if !agrees(so.ring_entries, so.ring_mask, params.sq_entries)
        || !agrees(co.ring_entries, co.ring_mask, params.cq_entries)
    {
        return Err(SetupError::Garbled);
    }
    if so.array != 0 && load(so.head) != load(so.tail) {
        return Err(SetupError::Unconsumed);
    }
    Ok(())
}

#[test]
fn random_parameters_make_the_ring_they_describe_or_none() {
    let areas = Areas::new();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut made = 0;
    for round in 0..20_000 {
        areas.lay_out();
        let mut params = good();
        let mut lengths = WHOLE;
        for _ in 0..random.below(4) {
            match random.below(10) {
                0 => {
                    params.sq_entries =
                        [random.next(), random.below(9), 1 << random.below(32)][random.below(3) as usize]
                }
                1 => {
                    params.cq_entries =
                        [random.next(), random.below(9), 1 << random.below(32)][random.below(3) as usize]
                }
                2 => lengths[random.below(3) as usize] = random.below(RINGS as u32 + 1) as usize,
                3 => areas.set(random.below(RINGS as u32 / 4) as usize * 4, random.offset()),
                _ => *OFFSETS[random.below(14) as usize](&mut params) = random.offset(),
            }
        }
        let expected = verdict(&areas, &params, lengths);
        let ring = areas.ring(&params, lengths);
        assert_eq!(
            ring.as_ref().map(|_| ()).map_err(|error| *error),
            expected,
            "round {round}: {params:?} {lengths:?}"
        );
        if let Ok(ring) = ring {
            made += 1;
            use_up(ring);
        }
        assert!(areas.guards_are_untouched(), "round {round}: {params:?} {lengths:?}");
    }
    // Neither verdict went untried.
    assert!((5_000..15_000).contains(&made), "{made} rings were made");
}
