//! The macro that makes the types of flag sets.
//!
//! The types are what `bitflags::bitflags!` would make, with its trait [`Flags`](bitflags::Flags), and the tests
//! compare the two. But that macro makes a second type inside of each type, with the same methods and operators again,
//! and code for formatters that a program may never call: more than a third of the time that the whole crate took to
//! compile (DESIGN.md). Here everything is `#[inline]`, so that only a caller pays for the code.

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;

/// Declares sets of flags: for each set a type with its flags as constants, the methods, operators and formatters that
/// users of `bitflags` know, and the trait `Flags`. Every bit is known, with a name or without one, so that none is
/// lost.
macro_rules! flag_sets {
    ($($(#[$doc:meta])* pub struct $Set:ident: $Bits:ty {
        $($(#[$flag_doc:meta])* const $FLAG:ident = $value:expr;)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $Set(pub(crate) $Bits);

        impl $Set {
            $($(#[$flag_doc])* pub const $FLAG: Self = Self($value);)*

            /// Returns the empty set.
            #[inline]
            pub const fn empty() -> Self {
                Self(0)
            }

            /// Returns the set of all bits, including those without a name.
            #[inline]
            pub const fn all() -> Self {
                Self(!0)
            }

            /// Returns the number that the kernel knows.
            #[inline]
            pub const fn bits(&self) -> $Bits {
                self.0
            }

            /// Returns the set with these bits, which exists for every number.
            #[inline]
            pub const fn from_bits(bits: $Bits) -> Option<Self> {
                Some(Self(bits))
            }

            /// Returns the set with these bits; no bit is cut off.
            #[inline]
            pub const fn from_bits_truncate(bits: $Bits) -> Self {
                Self(bits)
            }

            /// Returns the set with these bits, whether they have names or not.
            #[inline]
            pub const fn from_bits_retain(bits: $Bits) -> Self {
                Self(bits)
            }

            /// Returns the flag with this name.
            #[inline]
            pub fn from_name(name: &str) -> Option<Self> {
                bitflags::Flags::from_name(name)
            }

            /// Returns whether no bit is set.
            #[inline]
            pub const fn is_empty(&self) -> bool {
                self.0 == 0
            }

            /// Returns whether every bit is set.
            #[inline]
            pub const fn is_all(&self) -> bool {
                self.0 == !0
            }

            /// Returns whether at least one of these flags is set.
            #[inline]
            pub const fn intersects(&self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Returns whether all of these flags are set.
            #[inline]
            pub const fn contains(&self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Sets these flags.
            #[inline]
            pub fn insert(&mut self, other: Self) {
                self.0 |= other.0;
            }

            /// Clears these flags.
            #[inline]
            pub fn remove(&mut self, other: Self) {
                self.0 &= !other.0;
            }

            /// Sets those of these flags that are clear, and clears those that are set.
            #[inline]
            pub fn toggle(&mut self, other: Self) {
                self.0 ^= other.0;
            }

            /// Sets these flags if `value` is true, and clears them otherwise.
            #[inline]
            pub fn set(&mut self, other: Self, value: bool) {
                if value { self.insert(other) } else { self.remove(other) }
            }

            /// Returns the bits that are in both sets.
            #[inline]
            #[must_use]
            pub const fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// Returns the bits that are in at least one of the sets.
            #[inline]
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Returns the bits that are in this set and not in the other.
            #[inline]
            #[must_use]
            pub const fn difference(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Returns the bits that are in exactly one of the sets.
            #[inline]
            #[must_use]
            pub const fn symmetric_difference(self, other: Self) -> Self {
                Self(self.0 ^ other.0)
            }

            /// Returns the bits that are not in this set.
            #[inline]
            #[must_use]
            pub const fn complement(self) -> Self {
                Self(!self.0)
            }

            /// Iterates over the flags of the set, and then over the bits without a name, as one item.
            #[inline]
            pub fn iter(&self) -> bitflags::iter::Iter<Self> {
                bitflags::Flags::iter(self)
            }

            /// Iterates over the flags of the set, with their names.
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
                self.insert(Self::from_iter(sets));
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

/// Writes `Name(A | B | 0x80)`, as `bitflags` does; `Name(0x0)` for the empty set.
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
