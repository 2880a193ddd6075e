//! What a multishot `recvmsg` leaves in a buffer.

use core::mem::size_of;

use super::MsgHdr;
use crate::flags::net::MsgFlags;
use crate::uapi::io_uring_recvmsg_out;

/// One message of a multishot [`RecvMsg`](crate::opcode::RecvMsg), found in the buffer that its completion names.
///
/// The buffer begins with a header, then come as many bytes for the address and for control data as the request's
/// [`MsgHdr`] gave room for, then the payload. Every length is checked against the buffer and that room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "io_uring_recvmsg_out")]
pub struct RecvMsgOut<'buf> {
    name_len: u32,
    control_len: u32,
    payload_len: u32,
    flags: MsgFlags,
    name_room: usize,
    name: &'buf [u8],
    control: &'buf [u8],
    payload: &'buf [u8],
}

/// Bytes of the header: four numbers of 32 bits.
const HEADER: usize = 16;

const _: () = {
    use core::mem::offset_of;

    assert!(size_of::<io_uring_recvmsg_out>() == HEADER);
    assert!(offset_of!(io_uring_recvmsg_out, namelen) == 0);
    assert!(offset_of!(io_uring_recvmsg_out, controllen) == 4);
    assert!(offset_of!(io_uring_recvmsg_out, payloadlen) == 8);
    assert!(offset_of!(io_uring_recvmsg_out, flags) == 12);
};

/// The first bytes of what is left, at most `used` of them, out of a field of `room`.
fn field<'buf>(rest: &mut &'buf [u8], room: usize, used: u32) -> Option<&'buf [u8]> {
    let (field, after) = rest.split_at_checked(room)?;
    *rest = after;
    field.get(..room.min(usize::try_from(used).unwrap_or(usize::MAX)))
}

impl<'buf> RecvMsgOut<'buf> {
    /// Takes a buffer apart: its bytes as many as the completion's result says, and the header that the request had.
    ///
    /// `None` if the buffer is too short for the header and the room.
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_validate")]
    pub fn parse(buffer: &'buf [u8], message: &MsgHdr) -> Option<Self> {
        let (header, mut rest) = buffer.split_first_chunk::<HEADER>()?;
        let number = |at: usize| Some(u32::from_ne_bytes(*header.get(at..)?.first_chunk()?));
        let (name_len, control_len) = (number(0)?, number(4)?);
        let (payload_len, flags) = (number(8)?, MsgFlags(number(12)?));
        // The kernel refuses a negative length, which is what a number this large is to it.
        let name_room = usize::try_from(i32::try_from(message.name_len()).ok()?).ok()?;
        let name = field(&mut rest, name_room, name_len)?;
        let control = field(&mut rest, message.control_len(), control_len)?;
        let room = rest.len();
        let payload = field(&mut rest, room, payload_len)?;
        Some(Self { name_len, control_len, payload_len, flags, name_room, name, control, payload })
    }

    /// The sender's address, as much of it as there was room for: see [`SockAddr::from_bytes`](super::SockAddr).
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_name")]
    pub const fn name_data(&self) -> &'buf [u8] {
        self.name
    }

    /// Control data, as much of it as there was room for.
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_cmsg_firsthdr")]
    #[doc(alias = "io_uring_recvmsg_cmsg_nexthdr")]
    pub const fn control_data(&self) -> &'buf [u8] {
        self.control
    }

    /// The payload, as much of it as there was room for.
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_payload")]
    pub const fn payload_data(&self) -> &'buf [u8] {
        self.payload
    }

    /// Bytes of the sender's address.
    #[must_use]
    pub const fn incoming_name_len(&self) -> u32 {
        self.name_len
    }

    /// Bytes of control data, as the kernel says.
    #[must_use]
    pub const fn incoming_control_len(&self) -> u32 {
        self.control_len
    }

    /// Bytes of payload, as the kernel says: with [`MsgFlags::TRUNC`] among the request's flags, those of the whole
    /// datagram.
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_payload_length")]
    pub const fn incoming_payload_len(&self) -> u32 {
        self.payload_len
    }

    /// Whether the address had no room.
    #[must_use]
    pub const fn is_name_data_truncated(&self) -> bool {
        self.name_len as usize > self.name_room
    }

    /// Whether control data had no room (`MSG_CTRUNC`).
    #[must_use]
    pub const fn is_control_data_truncated(&self) -> bool {
        self.flags.contains(MsgFlags::CTRUNC)
    }

    /// Whether a part of the datagram had no room (`MSG_TRUNC`).
    #[must_use]
    pub const fn is_payload_truncated(&self) -> bool {
        self.flags.contains(MsgFlags::TRUNC)
    }

    /// What the kernel says of the message.
    #[must_use]
    pub const fn flags(&self) -> MsgFlags {
        self.flags
    }
}
