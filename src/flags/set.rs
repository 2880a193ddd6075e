//! The macro that makes the types of flag sets.
//!
//! They are what `bitflags::bitflags!` would make, with its trait [`Flags`](bitflags::Flags), and the tests compare the
//! two. But that macro makes a second type inside of each, with the same methods and operators once more, and code for
//! formatters that nobody may call: more than a third of what the whole crate took to compile (DESIGN.md). Here all is
//! `#[inline]`, so that only who calls it pays for its code.

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;

/// Declares sets of flags: for each a type with its flags as constants, the methods, operators and formatters that
/// users of `bitflags` know, and the trait `Flags`. Every bit is known, with a name or without, so that none is lost.
macro_rules! flag_sets {
    ($($(#[$doc:meta])* pub struct $Set:ident: $Bits:ty {
        $($(#[$flag_doc:meta])* const $FLAG:ident = $value:expr;)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $Set(pub(crate) $Bits);

        impl $Set {
            $($(#[$flag_doc])* pub const $FLAG: Self = Self($value);)*

            /// No flag.
            #[inline]
            pub const fn empty() -> Self {
                Self(0)
            }

            /// Every bit, also those without a name.
            #[inline]
            pub const fn all() -> Self {
                Self(!0)
            }

            /// The number that the kernel knows.
            #[inline]
            pub const fn bits(&self) -> $Bits {
                self.0
            }

            /// The set with these bits, which is there for every number.
            #[inline]
            pub const fn from_bits(bits: $Bits) -> Option<Self> {
                Some(Self(bits))
            }

            /// The set with these bits: none is cut off.
            #[inline]
            pub const fn from_bits_truncate(bits: $Bits) -> Self {
                Self(bits)
            }

            /// The set with these bits.
            #[inline]
            pub const fn from_bits_retain(bits: $Bits) -> Self {
                Self(bits)
            }

            /// The flag of that name.
            #[inline]
            pub fn from_name(name: &str) -> Option<Self> {
                bitflags::Flags::from_name(name)
            }

            /// Whether no bit is set.
            #[inline]
            pub const fn is_empty(&self) -> bool {
                self.0 == 0
            }

            /// Whether every bit is set.
            #[inline]
            pub const fn is_all(&self) -> bool {
                self.0 == !0
            }

            /// Whether one of these is set.
            #[inline]
            pub const fn intersects(&self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Whether all of these are set.
            #[inline]
            pub const fn contains(&self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Sets these.
            #[inline]
            pub fn insert(&mut self, other: Self) {
                self.0 |= other.0;
            }

            /// Clears these.
            #[inline]
            pub fn remove(&mut self, other: Self) {
                self.0 &= !other.0;
            }

            /// Sets those of these that are clear, and clears those that are set.
            #[inline]
            pub fn toggle(&mut self, other: Self) {
                self.0 ^= other.0;
            }

            /// Sets or clears these.
            #[inline]
            pub fn set(&mut self, other: Self, value: bool) {
                if value { self.insert(other) } else { self.remove(other) }
            }

            /// What is in both.
            #[inline]
            #[must_use]
            pub const fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// What is in one of the two or in both.
            #[inline]
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// What is in this and not in the other.
            #[inline]
            #[must_use]
            pub const fn difference(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// What is in one of the two alone.
            #[inline]
            #[must_use]
            pub const fn symmetric_difference(self, other: Self) -> Self {
                Self(self.0 ^ other.0)
            }

            /// Every bit that is not in it.
            #[inline]
            #[must_use]
            pub const fn complement(self) -> Self {
                Self(!self.0)
            }

            /// The flags in it one by one, then in one the bits without a name.
            #[inline]
            pub fn iter(&self) -> bitflags::iter::Iter<Self> {
                bitflags::Flags::iter(self)
            }

            /// The flags in it one by one with their names.
            #[inline]
            pub fn iter_names(&self) -> bitflags::iter::IterNames<Self> {
                bitflags::Flags::iter_names(self)
            }
        }

        impl bitflags::Flags for $Set {
            const FLAGS: &'static [bitflags::Flag<Self>] =
                &[$(bitflags::Flag::new(stringify!($FLAG), Self::$FLAG),)* bitflags::Flag::new("", Self(!0))];

            type Bits = $Bits;

            #[inline]
            fn bits(&self) -> $Bits {
                self.0
            }

            #[inline]
            fn from_bits_retain(bits: $Bits) -> Self {
                Self(bits)
            }
        }

        impl core::fmt::Debug for $Set {
            #[inline]
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                $crate::flags::set::debug(stringify!($Set), *self, f)
            }
        }

        $crate::flags::set::flag_sets!(@format $Set: Binary, Octal, LowerHex, UpperHex);
        $crate::flags::set::flag_sets!(@operator $Set: BitOr bitor union, BitOrAssign bitor_assign);
        $crate::flags::set::flag_sets!(@operator $Set: BitAnd bitand intersection, BitAndAssign bitand_assign);
        $crate::flags::set::flag_sets!(@operator $Set: BitXor bitxor symmetric_difference, BitXorAssign bitxor_assign);
        $crate::flags::set::flag_sets!(@operator $Set: Sub sub difference, SubAssign sub_assign);

        impl core::ops::Not for $Set {
            type Output = Self;

            #[inline]
            fn not(self) -> Self {
                self.complement()
            }
        }

        impl Extend<Self> for $Set {
            #[inline]
            fn extend<T: IntoIterator<Item = Self>>(&mut self, sets: T) {
                sets.into_iter().for_each(|set| self.insert(set));
            }
        }

        impl FromIterator<Self> for $Set {
            #[inline]
            fn from_iter<T: IntoIterator<Item = Self>>(sets: T) -> Self {
                sets.into_iter().fold(Self(0), Self::union)
            }
        }

        impl IntoIterator for $Set {
            type Item = Self;
            type IntoIter = bitflags::iter::Iter<Self>;

            #[inline]
            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }
    )*};
    (@format $Set:ident: $($Format:ident),*) => {$(
        impl core::fmt::$Format for $Set {
            #[inline]
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::$Format::fmt(&self.0, f)
            }
        }
    )*};
    (@operator $Set:ident: $Operator:ident $operator:ident $method:ident, $Assign:ident $assign:ident) => {
        impl core::ops::$Operator for $Set {
            type Output = Self;

            #[inline]
            fn $operator(self, other: Self) -> Self {
                self.$method(other)
            }
        }

        impl core::ops::$Assign for $Set {
            #[inline]
            fn $assign(&mut self, other: Self) {
                *self = self.$method(other);
            }
        }
    };
}
pub(crate) use flag_sets;

/// `Name(A | B | 0x80)`, as `bitflags` writes it; `Name(0x0)` for none.
pub(crate) fn debug<F: bitflags::Flags>(name: &str, set: F, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result
where
    F::Bits: bitflags::parser::WriteHex,
{
    let flags = core::fmt::from_fn(|f| match set.is_empty() {
        true => f.write_str("0x0"),
        false => bitflags::parser::to_writer(&set, f),
    });
    f.debug_tuple(name).field(&flags).finish()
}
