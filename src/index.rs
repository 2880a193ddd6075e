//! Head, tail, mask and wrap, as plain integers: no pointer, no atomic, no `unsafe`.
//!
//! A ring's head and tail count up for ever and wrap at `u32::MAX`; the slot of an index is its low bits. All
//! differences are taken modulo 2^32, so that every function here is right at the wrap too. The other side may have
//! written nonsense (a tail that jumped past the ring, a head ahead of the tail): the functions then return "full" or
//! "no more than the ring holds", and never more.
#![forbid(unsafe_code)]

/// The number of slots of a ring: a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    mask: u32,
}

impl Slots {
    /// A ring of one slot.
    pub(crate) const ONE: Self = Self { mask: 0 };

    /// Makes a ring of `count` slots; `None` if `count` is no power of two.
    pub(crate) const fn new(count: u32) -> Option<Self> {
        if count.is_power_of_two() { Some(Self { mask: count - 1 }) } else { None }
    }

    /// Returns the number of slots.
    #[inline(always)]
    pub(crate) const fn count(self) -> u32 {
        self.mask + 1
    }

    /// Returns the number of the last slot.
    #[inline(always)]
    pub(crate) const fn last(self) -> u32 {
        self.mask
    }

    /// Returns the slot of `index`, which is always below [`count`](Self::count).
    #[inline(always)]
    pub(crate) const fn slot(self, index: u32) -> u32 {
        index & self.mask
    }

    /// Returns the number of slots between `head` and `tail`, at most as many as the ring has.
    #[inline(always)]
    pub(crate) const fn used(self, head: u32, tail: u32) -> u32 {
        // kernel: io_uring/io_uring.h io_sqring_entries (6.12.117): the kernel computes its distances the same way,
        // modulo 2^32 and at most the number of slots.
        let distance = tail.wrapping_sub(head);
        if distance > self.mask { self.count() } else { distance }
    }

    /// Returns the number of slots that may still be filled.
    #[inline(always)]
    pub(crate) const fn free(self, head: u32, tail: u32) -> u32 {
        self.count() - self.used(head, tail)
    }

    /// Returns the number of slots from `index` to the end of the array, including that of `index`.
    #[inline(always)]
    pub(crate) const fn until_end(self, index: u32) -> u32 {
        self.count() - self.slot(index)
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    const EDGES: &[u32] = &[0, 1, 7, 8, 0x7fff_fffe, 0x8000_0000, u32::MAX - 8, u32::MAX - 1, u32::MAX];

    #[test]
    fn only_powers_of_two_are_rings() {
        let sizes: [u32; 4] = core::array::from_fn(|i| [1, 2, 8, 1 << 31][i]);
        for size in sizes {
            let slots = Slots::new(size).expect("a power of two");
            assert_eq!((slots.count(), slots.last()), (size, size - 1));
        }
        for size in [0, 3, 6, 12, u32::MAX] {
            assert_eq!(Slots::new(size), None);
        }
    }

    /// Counts naively: steps from head to tail one at a time, and gives up after a ring's worth.
    fn walk(head: u32, tail: u32, count: u32) -> u32 {
        let (mut at, mut steps) = (head, 0);
        while at != tail && steps < count {
            at = at.wrapping_add(1);
            steps += 1;
        }
        steps
    }

    #[test]
    fn used_and_free_agree_with_walking_at_every_edge() {
        for count in [1, 2, 8, 64] {
            let slots = Slots::new(count).unwrap();
            for &head in EDGES {
                for step in 0..=count + 3 {
                    for tail in [head.wrapping_add(step), head.wrapping_sub(step)] {
                        let used = walk(head, tail, count);
                        assert_eq!(slots.used(head, tail), used, "{head} {tail} of {count}");
                        assert_eq!(slots.free(head, tail), count - used, "{head} {tail} of {count}");
                    }
                }
            }
        }
    }

    #[test]
    fn slots_follow_each_other_through_the_wrap() {
        for count in [1, 2, 8, 64] {
            let slots = Slots::new(count).unwrap();
            for &index in EDGES {
                let slot = slots.slot(index);
                assert_eq!(slot, index % count);
                assert_eq!(slots.until_end(index), count - index % count);
                assert_eq!(slots.slot(index.wrapping_add(1)), (slot + 1) % count);
            }
        }
    }
}
