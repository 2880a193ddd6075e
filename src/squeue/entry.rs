//! The kinds of entry of a submission queue, and how each kind lies in the ring.

use core::cell::Cell;
use core::fmt;
use core::mem::{offset_of, size_of};
use core::ptr::NonNull;

use super::LargeEntry;
use crate::cqueue::HIDDEN;
use crate::flags::{SetupFlags, SqeFlags as Flags};
use crate::index::Slots;
use crate::memory::slot;
use crate::types::sealed::Target;
use crate::{sync, uapi};

pub(crate) mod sealed {
    use super::{Cell, Flags, NonNull, SetupFlags, Slots};

    /// How a kind of entry lies in the ring.
    pub trait Layout: Sized {
        /// The set-up flags of a ring with such entries.
        const SETUP: SetupFlags;

        /// The largest number of slots that an entry takes, with the fillers before it.
        const MOST_SLOTS: u32 = 1;

        /// Returns the number of slots that this entry takes where `until_end` slots are left in the array.
        fn slots(&self, until_end: u32) -> u32;

        /// Writes the entry. `link` holds the flags that link the entry before it to this one; it is read and updated
        /// where fillers may come between the two.
        ///
        /// # Safety
        ///
        /// `sqes` are the entries of a ring of this kind with as many slots as `ring` says, and nothing else reads or
        /// writes the `self.slots(ring.until_end(at))` slots from `at` on.
        unsafe fn write(self, sqes: NonNull<u8>, ring: Slots, at: u32, link: &Cell<Flags>);
    }
}

/// The kinds of entry that a submission queue can have: [`Entry`], [`Entry128`], [`EntryMixed`](super::EntryMixed).
pub trait EntryMarker: Clone + fmt::Debug + From<Entry> + sealed::Layout {}

impl EntryMarker for Entry {}
impl EntryMarker for Entry128 {}

/// Defines what every request has: its flags, user data and credentials. `$entry` is the path to its first 64 bytes.
macro_rules! in_every_request {
    ($name:ident $(, $entry:ident)*) => {
        impl $name {
            /// Returns the request's opcode (`IORING_OP_*`).
            #[must_use]
            pub const fn opcode(&self) -> u8 {
                self$(.$entry)*.opcode
            }

            /// Adds flags to those that the request has.
            #[inline]
            #[must_use]
            #[doc(alias = "io_uring_sqe_set_flags")]
            pub const fn flags(mut self, flags: Flags) -> Self {
                self$(.$entry)*.flags |= flags.bits();
                self
            }

            /// Sets the value that the completion will carry.
            #[inline]
            #[must_use]
            #[doc(alias = "io_uring_sqe_set_data")]
            #[doc(alias = "io_uring_sqe_set_data64")]
            pub const fn user_data(mut self, user_data: u64) -> Self {
                self$(.$entry)*.user_data = user_data;
                self
            }

            /// Returns the value that the completion will carry.
            #[must_use]
            pub const fn get_user_data(&self) -> u64 {
                self$(.$entry)*.user_data
            }

            /// Runs the request with the credentials registered under this number. Since 5.6.
            #[inline]
            #[must_use]
            pub const fn personality(mut self, personality: u16) -> Self {
                self$(.$entry)*.personality = personality;
                self
            }
        }
    };
}

in_every_request!(Entry);
in_every_request!(Entry128, entry);
in_every_request!(LargeEntry, whole, entry);

/// A request of 64 bytes (`struct io_uring_sqe`), as the opcodes of [`opcode`](crate::opcode) build it.
///
/// The fields are flat: where the kernel's structure has a union, one of its names is used here, and each opcode knows
/// what it puts there.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "io_uring_sqe")]
#[repr(C)]
pub struct Entry {
    pub(crate) opcode: u8,
    pub(crate) flags: u8,
    pub(crate) ioprio: u16,
    pub(crate) fd: i32,
    pub(crate) off: u64,
    pub(crate) addr: u64,
    pub(crate) len: u32,
    pub(crate) op_flags: u32,
    pub(crate) user_data: u64,
    pub(crate) buf_index: u16,
    pub(crate) personality: u16,
    pub(crate) file_index: u32,
    pub(crate) addr3: u64,
    pub(crate) attr_type_mask: u64,
}

impl Entry {
    /// Makes the entry of an opcode, with a descriptor of -1 and every other field zero.
    #[must_use]
    pub(crate) const fn new(opcode: u8) -> Self {
        // kernel: io_uring/io_uring.c io_init_req (6.12.117): opcode, flags, user data, descriptor and personality are
        // read once each, and the opcode's prep function then reads its own fields, all before the slot is given back.
        // kernel: io_uring/io_uring.c io_init_req (6.12.117): a nonzero `ioprio` of an opcode that does not use it is
        // `EINVAL`, and prep functions refuse most other fields that they do not use: so all of them start as 0.
        Self {
            opcode,
            flags: 0,
            ioprio: 0,
            fd: -1,
            off: 0,
            addr: 0,
            len: 0,
            op_flags: 0,
            user_data: 0,
            buf_index: 0,
            personality: 0,
            file_index: 0,
            addr3: 0,
            attr_type_mask: 0,
        }
    }

    /// Makes the entry that fills a slot of a mixed ring: a no-op that continues the chain of links that it stands in,
    /// and posts a completion only if that chain fails.
    pub(super) const fn filler(link: Flags) -> Self {
        let nop = Self { fd: 0, ..Self::new(uapi::io_uring_op::IORING_OP_NOP as u8) };
        nop.flags(Flags::SKIP_SUCCESS.union(link)).user_data(HIDDEN)
    }

    /// Returns the flags that link the next entry to this one.
    pub(super) const fn link(&self) -> Flags {
        Flags::from_bits_retain(self.flags).intersection(Flags::IO_LINK.union(Flags::IO_HARDLINK))
    }

    /// Sets the file that the entry is for.
    #[inline]
    #[must_use]
    pub(crate) const fn target(mut self, target: Target) -> Self {
        match target {
            Target::Fd(fd) => self.fd = fd.0,
            Target::Fixed(slot) => {
                // The kernel reads the number as unsigned.
                self.fd = slot.0.cast_signed();
                self.flags |= uapi::IOSQE_FIXED_FILE;
            }
        }
        self
    }

    /// Makes an entry from its 64 bytes, for requests that this crate does not know.
    #[must_use]
    #[doc(alias = "io_uring_prep_rw")]
    #[doc(alias = "io_uring_initialize_sqe")]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        // SAFETY: both are 64 bytes, and every pattern of bits is a valid entry: all fields are integers.
        unsafe { core::mem::transmute(bytes) }
    }

    /// Returns the entry's 64 bytes, as the kernel reads them.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 64] {
        // SAFETY: both are 64 bytes, and the entry has no padding (asserted below), so that each byte has a value.
        unsafe { core::mem::transmute(self) }
    }
}

impl fmt::Debug for Entry {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("opcode", &self.opcode)
            .field("flags", &Flags::from_bits_retain(self.flags))
            .field("fd", &self.fd)
            .field("user_data", &self.user_data)
            .finish_non_exhaustive()
    }
}

impl sealed::Layout for Entry {
    const SETUP: SetupFlags = SetupFlags::empty();

    #[inline(always)]
    fn slots(&self, _until_end: u32) -> u32 {
        1
    }

    #[inline(always)]
    unsafe fn write(self, sqes: NonNull<u8>, ring: Slots, at: u32, _link: &Cell<Flags>) {
        // SAFETY: the entries are `Self`s, one for each slot.
        let slot = unsafe { slot::<Self>(sqes, ring, at) };
        // SAFETY: the slot is inside the entries, aligned as they are, and nothing else uses it, by the caller's
        // contract.
        unsafe { sync::write(slot, self) };
    }
}

/// A request of 128 bytes: an [`Entry`] and 80 bytes of command (from byte 48 on) for `uring_cmd`. Since 5.19.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Entry128 {
    pub(crate) entry: Entry,
    pub(crate) tail: [u64; 8],
}

impl Entry128 {
    /// Makes an entry from its 128 bytes, for requests that this crate does not know.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 128]) -> Self {
        // SAFETY: both are 128 bytes, and every pattern of bits is a valid entry: all fields are integers.
        unsafe { core::mem::transmute(bytes) }
    }

    /// Returns the entry's 128 bytes, as the kernel reads them.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 128] {
        // SAFETY: both are 128 bytes, and neither part has padding (asserted below), so that each byte has a value.
        unsafe { core::mem::transmute(self) }
    }
}

impl From<Entry> for Entry128 {
    #[inline]
    fn from(entry: Entry) -> Self {
        Self { entry, tail: [0; 8] }
    }
}

impl sealed::Layout for Entry128 {
    const SETUP: SetupFlags = SetupFlags::SQE128;

    #[inline(always)]
    fn slots(&self, _until_end: u32) -> u32 {
        1
    }

    #[inline(always)]
    unsafe fn write(self, sqes: NonNull<u8>, ring: Slots, at: u32, _link: &Cell<Flags>) {
        // SAFETY: the entries are `Self`s, one for each slot.
        let slot = unsafe { slot::<Self>(sqes, ring, at) };
        // SAFETY: the slot is inside the entries, aligned as they are, and nothing else uses it, by the caller's
        // contract.
        unsafe { sync::write(slot, self) };
    }
}

const _: () = {
    use uapi::io_uring_sqe as Sqe;

    assert!(size_of::<Entry>() == size_of::<Sqe>());
    assert!(size_of::<Entry128>() == 128);
    assert!(align_of::<Entry128>() == align_of::<Entry>());
    assert!(offset_of!(Entry, opcode) == offset_of!(Sqe, opcode));
    assert!(offset_of!(Entry, flags) == offset_of!(Sqe, flags));
    assert!(offset_of!(Entry, ioprio) == offset_of!(Sqe, ioprio));
    assert!(offset_of!(Entry, fd) == offset_of!(Sqe, fd));
    assert!(offset_of!(Entry, off) == offset_of!(Sqe, __bindgen_anon_1));
    assert!(offset_of!(Entry, addr) == offset_of!(Sqe, __bindgen_anon_2));
    assert!(offset_of!(Entry, len) == offset_of!(Sqe, len));
    assert!(offset_of!(Entry, op_flags) == offset_of!(Sqe, __bindgen_anon_3));
    assert!(offset_of!(Entry, user_data) == offset_of!(Sqe, user_data));
    assert!(offset_of!(Entry, buf_index) == offset_of!(Sqe, __bindgen_anon_4));
    assert!(offset_of!(Entry, personality) == offset_of!(Sqe, personality));
    assert!(offset_of!(Entry, file_index) == offset_of!(Sqe, __bindgen_anon_5));
    assert!(offset_of!(Entry, addr3) == offset_of!(Sqe, __bindgen_anon_6));
    assert!(offset_of!(Entry128, tail) == size_of::<Entry>());
    // The fields fill the entry: no padding.
    assert!(offset_of!(Entry, attr_type_mask) + size_of::<u64>() == size_of::<Entry>());
};

#[cfg(test)]
mod tests {
    use super::{Entry, Entry128, Flags, Target};
    use crate::types::{Fd, Fixed};

    /// Makes a pattern in which every byte differs from its neighbours.
    fn pattern<const N: usize>() -> [u8; N] {
        core::array::from_fn(|at| at as u8 ^ 0xa5)
    }

    #[test]
    fn bytes_come_out_as_they_went_in() {
        assert_eq!(Entry::from_bytes(pattern()).to_bytes(), pattern());
        assert_eq!(Entry128::from_bytes(pattern()).to_bytes(), pattern());
    }

    #[test]
    fn a_small_entry_is_the_first_half_of_a_large_one() {
        let small = Entry::from_bytes(pattern());
        let mut bytes = [0; 128];
        bytes[..64].copy_from_slice(&pattern::<64>());
        let large = Entry128::from_bytes(bytes);
        assert_eq!(Entry128::from(small), large);
    }

    #[test]
    fn a_target_is_a_descriptor_or_a_slot_with_its_flag() {
        let entry = Entry::new(9).flags(Flags::ASYNC);
        assert_eq!(entry.target(Target::Fd(Fd(5))), Entry { fd: 5, ..entry });
        let fixed = entry.target(Target::Fixed(Fixed(u32::MAX)));
        assert_eq!(fixed, Entry { fd: -1, ..entry.flags(Flags::FIXED_FILE) });
    }
}
