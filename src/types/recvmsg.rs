//! The content of a buffer that a multishot `recvmsg` filled.

use core::mem::size_of;

use super::MsgHdr;
use crate::flags::net::MsgFlags;
use crate::uapi::io_uring_recvmsg_out;

/// One message of a multishot [`RecvMsg`](crate::opcode::RecvMsg), in the buffer that its completion names.
///
/// The buffer begins with a header. Then come as many bytes for the address and for control data as the request's
/// [`MsgHdr`] gave room for, and then the payload. Every length is checked against the buffer and that room.
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

/// The length of the header in bytes: four 32-bit numbers.
const HEADER: usize = 16;

const _: () = {
    use core::mem::offset_of;

    assert!(size_of::<io_uring_recvmsg_out>() == HEADER);
    assert!(offset_of!(io_uring_recvmsg_out, namelen) == 0);
    assert!(offset_of!(io_uring_recvmsg_out, controllen) == 4);
    assert!(offset_of!(io_uring_recvmsg_out, payloadlen) == 8);
    assert!(offset_of!(io_uring_recvmsg_out, flags) == 12);
};

/// Takes a field of `room` bytes off the front of `rest`, and returns its first bytes, at most `used` of them.
#[inline]
fn field<'buf>(rest: &mut &'buf [u8], room: usize, used: u32) -> Option<&'buf [u8]> {
    let (field, after) = rest.split_at_checked(room)?;
    *rest = after;
    field.get(..room.min(usize::try_from(used).unwrap_or(usize::MAX)))
}

impl<'buf> RecvMsgOut<'buf> {
    /// Takes a buffer apart. `buffer` has as many bytes as the completion's result says, and `message` is the request's
    /// header.
    ///
    /// Returns `None` if the buffer is too short for the header and the room.
    #[inline]
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_validate")]
    pub fn parse(buffer: &'buf [u8], message: &MsgHdr) -> Option<Self> {
        let (header, mut rest) = buffer.split_first_chunk::<HEADER>()?;
        let number = |at: usize| Some(u32::from_ne_bytes(*header.get(at..)?.first_chunk()?));
        let (name_len, control_len) = (number(0)?, number(4)?);
        // kernel: io_uring/net.c io_recvmsg_multishot (6.12.117): the header's lengths of address and payload are those
        // before a cut to the room; the completion's result is that of header, both rooms and the payload that fits.
        let (payload_len, flags) = (number(8)?, MsgFlags(number(12)?));
        // The kernel refuses a negative length, which is how it reads a number that large.
        let name_room = usize::try_from(i32::try_from(message.name_len()).ok()?).ok()?;
        let name = field(&mut rest, name_room, name_len)?;
        let control = field(&mut rest, message.control_len(), control_len)?;
        let room = rest.len();
        let payload = field(&mut rest, room, payload_len)?;
        Some(Self { name_len, control_len, payload_len, flags, name_room, name, control, payload })
    }

    /// Returns the sender's address, as much of it as there was room for: see
    /// [`SockAddr::from_bytes`](super::SockAddr).
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_name")]
    pub const fn name_data(&self) -> &'buf [u8] {
        self.name
    }

    /// Returns the control data, as much of it as there was room for.
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_cmsg_firsthdr")]
    #[doc(alias = "io_uring_recvmsg_cmsg_nexthdr")]
    pub const fn control_data(&self) -> &'buf [u8] {
        self.control
    }

    /// Returns the payload, as much of it as there was room for.
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_payload")]
    pub const fn payload_data(&self) -> &'buf [u8] {
        self.payload
    }

    /// Returns the length of the sender's address in bytes.
    #[must_use]
    pub const fn incoming_name_len(&self) -> u32 {
        self.name_len
    }

    /// Returns the length of the control data in bytes, as the kernel reports it.
    #[must_use]
    pub const fn incoming_control_len(&self) -> u32 {
        self.control_len
    }

    /// Returns the length of the payload in bytes, as the kernel reports it: with [`MsgFlags::TRUNC`] among the
    /// request's flags, that of the whole datagram.
    #[must_use]
    #[doc(alias = "io_uring_recvmsg_payload_length")]
    pub const fn incoming_payload_len(&self) -> u32 {
        self.payload_len
    }

    /// Returns whether the address was cut for lack of room.
    #[must_use]
    pub const fn is_name_data_truncated(&self) -> bool {
        self.name_len as usize > self.name_room
    }

    /// Returns whether control data was cut for lack of room (`MSG_CTRUNC`).
    #[must_use]
    pub const fn is_control_data_truncated(&self) -> bool {
        self.flags.contains(MsgFlags::CTRUNC)
    }

    /// Returns whether the datagram was cut for lack of room (`MSG_TRUNC`).
    #[must_use]
    pub const fn is_payload_truncated(&self) -> bool {
        self.flags.contains(MsgFlags::TRUNC)
    }

    /// Returns the flags that the kernel reports for the message.
    #[must_use]
    pub const fn flags(&self) -> MsgFlags {
        self.flags
    }
}
