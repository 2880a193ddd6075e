//! Messages: what goes with the bytes that a socket sends or receives.

use core::mem::offset_of;

use bare_uring::types::{IoVec, MsgFlags, MsgHdr, RawFd, RecvMsgOut, SockAddr, SockAddrStorage};

use crate::buffer::Buffer;
use crate::control::{Control, PASSED, ROOM};
use crate::file::File;
use crate::passed::Passed;

/// The room for an address. The longest that sockets have is that of a Unix socket, with 110 bytes.
pub(crate) const NAME: u32 = 112;
/// The bytes before the payload of a message in a provided buffer: those of the kernel's header, and the room for an
/// address.
pub(crate) const FRONT: u32 = 16 + NAME;

/// The flags of a receive that a slab passes on. Others would change what the kernel writes
/// (`MSG_CMSG_COMPAT`), or mean nothing.
const RECEIVE: u32 = MsgFlags::OOB.0
    | MsgFlags::PEEK.0
    | MsgFlags::TRUNC.0
    | MsgFlags::DONTWAIT.0
    | MsgFlags::WAITALL.0
    | MsgFlags::ERRQUEUE.0
    | MsgFlags::NOSIGNAL.0;

/// The flags of a send that a slab passes on, with `MSG_DONTROUTE`, `MSG_CONFIRM` and `MSG_FASTOPEN`. Others would let
/// the kernel read the buffer after the completion (`MSG_ZEROCOPY`, `MSG_SPLICE_PAGES`), or mean nothing.
const SEND: u32 = MsgFlags::OOB.0
    | MsgFlags::DONTWAIT.0
    | MsgFlags::EOR.0
    | MsgFlags::WAITALL.0
    | MsgFlags::NOSIGNAL.0
    | MsgFlags::MORE.0
    | 0x4
    | 0x800
    | 0x2000_0000;

/// Tells whether a receive can have these flags.
pub(crate) const fn can_receive(flags: MsgFlags) -> bool {
    flags.0 & !RECEIVE == 0
}

/// Tells whether a send can have these flags.
pub(crate) const fn can_send(flags: MsgFlags) -> bool {
    flags.0 & !SEND == 0
}

/// `MSG_CMSG_CLOEXEC`: files that come with a message are closed on exec.
pub(crate) const CLOSE_ON_EXEC: MsgFlags = MsgFlags(0x4000_0000);

/// What goes with the bytes of a message that is sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outgoing<'a> {
    pub(crate) to: Option<SockAddr>,
    pub(crate) control: Control,
    pub(crate) files: &'a [&'a File],
    pub(crate) flags: MsgFlags,
}

impl<'a> Outgoing<'a> {
    /// Makes a message of nothing but bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self { to: None, control: Control::new(), files: &[], flags: MsgFlags(0) }
    }

    /// Sets the address that the message goes to, for a socket that is not connected.
    #[must_use]
    pub fn to(self, address: impl Into<SockAddr>) -> Self {
        Self { to: Some(address.into()), ..self }
    }

    /// Sets the control data.
    #[must_use]
    pub const fn control(self, control: Control) -> Self {
        Self { control, ..self }
    }

    /// Passes files, 16 at most, on a Unix socket (other sockets pass none, without a word). The other side gets a descriptor of its own for each. The operation
    /// has handles of its own to them.
    #[must_use]
    pub const fn files(self, files: &'a [&'a File]) -> Self {
        Self { files, ..self }
    }

    /// Sets flags.
    #[must_use]
    pub const fn flags(self, flags: MsgFlags) -> Self {
        Self { flags, ..self }
    }
}

/// What came with the bytes of a message.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// The number of bytes that were received. It is more than the buffer had room for if the flags of the receive ask
    /// for the whole length of a datagram ([`MsgFlags::TRUNC`]).
    pub count: usize,
    /// The address of the sender. `None`: the sender has none, or the socket is connected and its kind tells none.
    pub from: Option<SockAddr>,
    /// What the kernel says: [`MsgFlags::TRUNC`]: a part of the datagram had no room. [`MsgFlags::CTRUNC`]: a part of
    /// the control data or of the files had none.
    pub flags: MsgFlags,
    /// The control data, without files.
    pub control: Control,
    /// The files that were passed.
    pub files: Passed,
}

/// A message that came to a provided buffer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Datagram {
    /// The bytes, which may be none. A part of the buffer before them holds what the kernel says of the message;
    /// [`Buffer::clear`] makes it room again.
    pub buffer: Buffer,
    /// The address of the sender, if the sender has one.
    pub from: Option<SockAddr>,
    /// What the kernel says. [`MsgFlags::TRUNC`]: a part of the datagram had no room.
    pub flags: MsgFlags,
}

/// Takes a message in a provided buffer apart. `None`: the buffer is too short for one.
fn split(bytes: &[u8]) -> Option<RecvMsgOut<'_>> {
    RecvMsgOut::parse(bytes, &MsgHdr::default().from(core::ptr::null_mut(), NAME))
}

/// Tells whether a message in a provided buffer has no bytes.
pub(crate) fn is_empty(piece: &[u8]) -> bool {
    split(piece).is_none_or(|message| message.payload_data().is_empty())
}

/// Tells whether a message in a provided buffer has neither bytes nor a sender: then it may be the end.
pub(crate) fn is_nothing(piece: &[u8]) -> bool {
    split(piece).is_none_or(|message| message.payload_data().is_empty() && message.name_data().is_empty())
}

impl Datagram {
    /// Takes the message in a provided buffer apart.
    pub(crate) fn new(mut buffer: Buffer) -> Option<Self> {
        let message = split(&buffer)?;
        let (from, flags) = (SockAddr::from_bytes(message.name_data()), message.flags());
        buffer.consume(FRONT as usize);
        Some(Self { buffer, from, flags })
    }
}

/// What the kernel reads and writes of a message that is not in its buffer. The header points to the others.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Envelope {
    header: MsgHdr,
    piece: IoVec,
    name: Name,
    control: Area,
    /// Of a message that is sent: the indices of the files that go with it, to each of which the operation has a handle.
    /// Of one that came: the descriptors for which the table of files had no place, and which are to be closed.
    pub(crate) numbers: [i32; PASSED],
    pub(crate) count: u8,
}

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Name([u8; NAME as usize]);

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Area([u8; ROOM]);

impl Envelope {
    /// An envelope of zeros.
    pub(crate) const NEW: Self = Self {
        header: MsgHdr::new(core::ptr::null(), 0),
        piece: IoVec::new(core::ptr::null_mut(), 0),
        name: Name([0; NAME as usize]),
        control: Area([0; ROOM]),
        numbers: [0; PASSED],
        count: 0,
    };

    /// Seals an envelope for the bytes at `window`: fills in the header. Returns `None` if the address is longer than
    /// any that sockets have.
    ///
    /// # Safety
    ///
    /// `this` is valid for writes, and nobody else uses it.
    pub(crate) unsafe fn send(
        this: *mut Self,
        window: (*const u8, u32),
        to: Option<&SockAddr>,
        control: &Control,
    ) -> Option<*const MsgHdr> {
        let mut envelope = Self::NEW;
        let mut name_len = 0;
        if let Some(to) = to {
            let family = u16::try_from(to.storage().family().0).ok()?.to_ne_bytes();
            let bytes = family.iter().chain(to.storage().data()).take(to.len() as usize);
            name_len = to.len().min(SockAddrStorage::SIZE);
            envelope.name.0.get(..name_len as usize)?;
            envelope.name.0.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        }
        let control = control.bytes();
        envelope.control.0.iter_mut().zip(control).for_each(|(to, from)| *to = *from);
        // SAFETY: the caller's condition is the one of `place`.
        let header = unsafe { Self::place(this, envelope, (window.0.cast_mut(), window.1), name_len, control.len()) };
        Some(header)
    }

    /// Makes an envelope that takes the address and the control data of a message into `space`.
    ///
    /// # Safety
    ///
    /// `this` is valid for writes, and nobody else uses it.
    pub(crate) unsafe fn receive(this: *mut Self, space: (*mut u8, u32), control: usize) -> *mut MsgHdr {
        // SAFETY: the caller's condition is the one of `place`.
        unsafe { Self::place(this, Self::NEW, space, NAME, control.min(ROOM)) }
    }

    /// Puts an envelope at its place, with a header whose addresses are those of the place.
    ///
    /// # Safety
    ///
    /// `this` is valid for writes, and nobody else uses it.
    unsafe fn place(
        this: *mut Self,
        mut envelope: Self,
        bytes: (*mut u8, u32),
        name_len: u32,
        control_len: usize,
    ) -> *mut MsgHdr {
        envelope.piece = IoVec::new(bytes.0, bytes.1 as usize);
        let at = |offset: usize| this.wrapping_byte_add(offset);
        let piece = at(offset_of!(Self, piece)).cast();
        let (name, control) = (at(offset_of!(Self, name)).cast(), at(offset_of!(Self, control)).cast());
        let header_of = MsgHdr::new(piece, 1);
        let header_of = if name_len == 0 { header_of } else { header_of.from(name, name_len) };
        envelope.header = if control_len == 0 { header_of } else { header_of.control(control, control_len) };
        // SAFETY: the memory is valid for writes, and nobody else uses it (the function's condition).
        unsafe { this.write(envelope) };
        at(offset_of!(Self, header)).cast()
    }

    /// Returns the address of the sender, the flags, and the control data.
    ///
    /// The length of the control data that the kernel tells is not used: the room was all zero.
    // kernel: io_uring/net.c io_recvmsg (6.12.117): a receive that goes on after a part, as with MSG_WAITALL, has no
    // control data in its later parts. (In older kernels the length that is told is then that of the last part.)
    pub(crate) fn came(&self) -> (Option<SockAddr>, MsgFlags, Control) {
        let len = self.header.name_len().min(NAME) as usize;
        let from = self.name.0.get(..len).and_then(SockAddr::from_bytes);
        (from, self.header.flags(), Control::of(self.control.0))
    }

    /// Notes a number.
    pub(crate) fn note(&mut self, number: RawFd) {
        if let Some(place) = self.numbers.get_mut(usize::from(self.count)) {
            *place = number;
            self.count += 1;
        }
    }

    /// Takes the number that was noted last.
    pub(crate) fn take_number(&mut self) -> Option<RawFd> {
        self.count = self.count.checked_sub(1)?;
        self.numbers.get(usize::from(self.count)).copied()
    }
}

#[cfg(test)]
mod tests {
    use bare_uring::types::{MsgFlags, SockAddr};

    use super::{Envelope, NAME, can_receive, can_send};
    use crate::control::{Control, PASSED};

    #[test]
    fn flags_that_would_change_what_the_kernel_touches_are_refused() {
        assert!(can_receive(MsgFlags::PEEK.with(MsgFlags::TRUNC).with(MsgFlags::WAITALL)));
        assert!(can_send(MsgFlags::MORE.with(MsgFlags::EOR).with(MsgFlags::WAITALL)));
        // MSG_CMSG_COMPAT, MSG_CMSG_CLOEXEC, MSG_ZEROCOPY, MSG_SPLICE_PAGES.
        for flag in [0x8000_0000, 0x4000_0000, 0x400_0000, 0x800_0000] {
            assert_eq!((can_receive(MsgFlags(flag)), can_send(MsgFlags(flag))), (false, false), "{flag:#x}");
        }
        assert!(!can_send(MsgFlags::PEEK) && !can_receive(MsgFlags::MORE));
    }

    #[test]
    fn an_address_that_is_too_long_is_refused() {
        let mut envelope = Envelope::NEW;
        for (len, fits) in [(NAME as usize, true), (NAME as usize + 1, false)] {
            let to = SockAddr::from_bytes(&[1; 128][..len]);
            // SAFETY: the envelope is this test's own.
            let header =
                unsafe { Envelope::send(&raw mut envelope, (core::ptr::null(), 0), to.as_ref(), &Control::new()) };
            assert_eq!(header.is_some(), fits, "{len}");
        }
    }

    #[test]
    fn numbers_come_back_as_they_were_noted() {
        let mut envelope = Envelope::NEW;
        assert_eq!(envelope.take_number(), None);
        (0..PASSED as i32 + 1).for_each(|number| envelope.note(number));
        for number in (0..PASSED as i32).rev() {
            assert_eq!(envelope.take_number(), Some(number));
        }
        assert_eq!(envelope.take_number(), None);
    }
}
