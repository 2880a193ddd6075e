//! Compares two sets with the same flags, one made by the crate's macro and one by `bitflags!`, for every pair of
//! numbers.

use std::format;
use std::vec::Vec;

use bitflags::Flags;

mod ours {
    crate::flags::set::flag_sets! {
        /// One of two bits apart, one of two bits together, and one that another contains.
        pub struct Set: u8 {
            /// The lowest.
            const A = 1;
            /// The highest.
            const B = 0x80;
            /// Two at once.
            const C = 6;
            /// One of these.
            const D = 4;
        }
    }
}

mod theirs {
    bitflags::bitflags! {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct Set: u8 {
            const A = 1;
            const B = 0x80;
            const C = 6;
            const D = 4;
            const _ = !0;
        }
    }
}

/// Compares the results of every method, operator and formatter that is not generic, for two numbers.
macro_rules! outcome {
    ($Set:ty, $a:expr, $b:expr) => {{
        type Set = $Set;
        let (a, b) = (Set::from_bits_retain($a), Set::from_bits_retain($b));
        let changed = |change: fn(&mut Set, Set)| {
            let mut set = a;
            change(&mut set, b);
            set.bits()
        };
        let sets = [
            a.union(b).bits(),
            a.intersection(b).bits(),
            a.difference(b).bits(),
            a.symmetric_difference(b).bits(),
            a.complement().bits(),
            (a | b).bits(),
            (a & b).bits(),
            (a - b).bits(),
            (a ^ b).bits(),
            (!a).bits(),
            changed(Set::insert),
            changed(Set::remove),
            changed(Set::toggle),
            changed(|set, other| set.set(other, true)),
            changed(|set, other| set.set(other, false)),
            changed(|set, other| *set |= other),
            changed(|set, other| *set &= other),
            changed(|set, other| *set -= other),
            changed(|set, other| *set ^= other),
            changed(|set, other| set.extend([other, Set::A])),
            [a, b].into_iter().collect::<Set>().bits(),
            Set::from_bits_truncate($a).bits(),
            Set::empty().bits(),
            Set::all().bits(),
            Set::default().bits(),
        ];
        let answers = [a.contains(b), a.intersects(b), a.is_empty(), a.is_all(), a == b];
        (sets, answers, Set::from_bits($a).map(|set| set.bits()))
    }};
}

/// Compares how a set is written, and what is found in it.
macro_rules! content {
    ($Set:ty, $bits:expr) => {{
        let set = <$Set>::from_bits_retain($bits);
        let formats = format!("{set:?} {set:#?} {set:b} {set:#010b} {set:o} {set:x} {set:#X}");
        let parts: Vec<_> = set.iter().map(|part| part.bits()).collect();
        let same: Vec<_> = set.into_iter().map(|part| part.bits()).collect();
        let names: Vec<_> = set.iter_names().map(|(name, part)| (name, part.bits())).collect();
        (formats, parts, same, names)
    }};
}

#[test]
fn every_pair_of_numbers_comes_out_as_from_bitflags() {
    for a in 0..=u8::MAX {
        for b in 0..=u8::MAX {
            assert_eq!(outcome!(ours::Set, a, b), outcome!(theirs::Set, a, b), "{a:#x} and {b:#x}");
        }
    }
}

#[test]
fn every_number_is_written_and_taken_apart_as_by_bitflags() {
    for bits in 0..=u8::MAX {
        assert_eq!(content!(ours::Set, bits), content!(theirs::Set, bits), "{bits:#x}");
    }
}

/// Compares the names and numbers of the flags, and what generic code sees of a flag that is looked up.
fn table<F: Flags<Bits = u8>>() -> (Vec<(&'static str, u8)>, Vec<u8>, u8) {
    let flags = F::FLAGS.iter().map(|flag| (flag.name(), flag.value().bits())).collect();
    let found = ["B", "", "b"].into_iter().filter_map(F::from_name).map(|set| set.bits()).collect();
    (flags, found, F::all_named().bits())
}

#[test]
fn generic_code_finds_the_same_flags() {
    assert_eq!(table::<ours::Set>(), table::<theirs::Set>());
    assert_eq!(ours::Set::from_name("C").map(|set| set.bits()), Some(6));
    assert_eq!(ours::Set::from_name("E"), None);
}
