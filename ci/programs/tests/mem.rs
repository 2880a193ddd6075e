//! Compares the memory functions of the freestanding programs, which have no others, with those of `core`.

#[path = "../../../examples/freestanding/src/mem.rs"]
mod mem;

use programs::bytes;

/// Lengths below, at and above a word, and above two; some are no multiple of a word.
const LENGTHS: [usize; 8] = [0, 1, 2, 7, 8, 17, 64, 301];

/// The byte around the area, which must not change.
const AROUND: u8 = 0xa5;

#[test]
fn memcpy_copies_just_these_bytes() {
    for len in LENGTHS {
        let (from, mut to) = (bytes(len), vec![AROUND; len + 2]);
        let place = to[1..].as_mut_ptr();
        // SAFETY: both are valid for `len` bytes, and don't overlap.
        let returned = unsafe { mem::memcpy(place, from.as_ptr(), len) };
        assert_eq!(returned, place);
        assert_eq!((to[0], &to[1..=len], to[len + 1]), (AROUND, &from[..], AROUND));
    }
}

#[test]
fn memmove_copies_as_if_by_way_of_another_place() {
    for len in LENGTHS {
        for (from, to) in [(0, 0), (0, 1), (1, 0), (0, 300), (300, 0), (5, 12), (12, 5)] {
            let mut area = bytes(1000);
            let mut expected = area.clone();
            expected.copy_within(from..from + len, to);
            let base = area.as_mut_ptr();
            let (source, target) = (base.wrapping_add(from), base.wrapping_add(to));
            // SAFETY: both places are valid for `len` bytes, since they end in the area.
            let returned = unsafe { mem::memmove(target, source, len) };
            assert_eq!(returned, target);
            assert!(area == expected, "{len} bytes from {from} to {to}");
        }
    }
}

#[test]
fn memset_fills_with_the_lowest_byte() {
    for len in LENGTHS {
        let mut to = vec![AROUND; len + 2];
        let place = to[1..].as_mut_ptr();
        // SAFETY: the place is valid for `len` bytes.
        let returned = unsafe { mem::memset(place, 0x1234_5678, len) };
        assert_eq!(returned, place);
        let mut expected = vec![0x78; len + 2];
        (expected[0], expected[len + 1]) = (AROUND, AROUND);
        assert_eq!(to, expected);
    }
}

#[test]
fn memcmp_and_bcmp_find_the_first_byte_that_differs() {
    for len in LENGTHS {
        let one = bytes(len);
        let compare = |one: &[u8], other: &[u8]| {
            // SAFETY: both slices are valid for `len` bytes.
            let order = unsafe { mem::memcmp(one.as_ptr(), other.as_ptr(), len) };
            // SAFETY: both slices are valid for `len` bytes.
            assert_eq!(unsafe { mem::bcmp(one.as_ptr(), other.as_ptr(), len) } == 0, order == 0);
            order.signum()
        };
        // A difference after the end does not count.
        let (mut this, mut that) = (one.clone(), one.clone());
        this.push(1);
        that.push(2);
        assert_eq!(compare(&this, &that), 0);
        for at in 0..len {
            let mut other = one.clone();
            other[at] = one[at].wrapping_add(0x80);
            if let Some(last) = other.get_mut(at + 1) {
                *last ^= 0xff;
            }
            let expected = one.cmp(&other) as i32;
            assert_eq!((compare(&one, &other), compare(&other, &one)), (expected, -expected), "{at} of {len}");
        }
    }
}

#[test]
fn until_zero_counts_what_is_before_it() {
    for len in LENGTHS {
        let mut string = vec![0xff; len];
        string.extend([0, b'x', 0]);
        // SAFETY: there is a zero byte in the string.
        assert_eq!(unsafe { mem::until_zero(string.as_ptr().cast()) }, len);
    }
}
