//! Control data: what goes with a message beside its bytes, address and files.
#![forbid(unsafe_code)]

use core::net::{Ipv4Addr, Ipv6Addr};

use linux_raw_sys::net::{
    IP_PKTINFO, IP_TOS, IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_TCLASS, SCM_CREDENTIALS,
    SCM_RIGHTS, SO_TIMESTAMPNS, SOL_SOCKET,
};

/// `SOL_UDP`.
const UDP: u32 = 17;
/// `UDP_SEGMENT` and `UDP_GRO`.
const UDP_SEGMENT: u32 = 103;
const UDP_GRO: u32 = 104;
/// `SCM_PIDFD`: a file descriptor of the sender's process.
const SCM_PIDFD: u32 = 4;

/// The size of a `size_t`, to which each item is aligned.
const WORD: usize = size_of::<usize>();
/// The size of `struct cmsghdr`: the length of header and data, the level, the kind.
const HEADER: usize = WORD + 8;

/// The most files that one message passes.
pub(crate) const PASSED: usize = 16;
/// The bytes that the kernel gets for control data: those of one item with that many descriptors.
pub(crate) const ROOM: usize = HEADER + 4 * PASSED;

/// Control data of a message, at most 80 bytes (72 for a 32-bit program).
///
/// A message that was received has what the socket's options ask for
/// ([`SocketOption::PACKET_INFO`](crate::SocketOption::PACKET_INFO) and others). Files are none of it: they have places
/// of their own ([`Outgoing::files`](crate::Outgoing::files), [`Message::files`](crate::Message::files)).
///
/// ```
/// use bare_uring_ops::{Control, ControlItem};
///
/// let control = Control::new().with(ControlItem::SegmentSize(1200)).expect("room");
/// assert_eq!(control.items().collect::<Vec<_>>(), [ControlItem::SegmentSize(1200)]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    bytes: [u8; ROOM],
    /// The number of bytes that are used.
    len: u8,
}

/// One item of [`Control`] data. Only these can be sent: other items have addresses of memory in them, or numbers of
/// files, and the kernel would believe them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlItem {
    /// Sent: the payload is cut into datagrams of this many bytes (`UDP_SEGMENT`).
    SegmentSize(u16),
    /// Received: the payload is several datagrams of this many bytes each, the last of which may be shorter
    /// (`UDP_GRO`).
    Grouped(i32),
    /// The network interface by its index, the machine's own address, and the destination in the header of the packet
    /// (`IP_PKTINFO`). Of a message that is sent, the interface and the own address.
    PacketInfo {
        /// The interface.
        interface: i32,
        /// The own address.
        local: Ipv4Addr,
        /// The destination.
        destination: Ipv4Addr,
    },
    /// The own address and the network interface by its index (`IPV6_PKTINFO`).
    PacketInfo6 {
        /// The own address.
        address: Ipv6Addr,
        /// The interface.
        interface: u32,
    },
    /// How many routers a packet passes at most (`IP_TTL`).
    TimeToLive(i32),
    /// How many routers a packet passes at most (`IPV6_HOPLIMIT`).
    HopLimit(i32),
    /// The type of service (`IP_TOS`).
    TypeOfService(u8),
    /// The traffic class (`IPV6_TCLASS`).
    TrafficClass(i32),
    /// The process, user and group of the sender (`SCM_CREDENTIALS`).
    Credentials(Credentials),
    /// Received: when the packet came, in seconds and nanoseconds since 1970 (`SCM_TIMESTAMPNS`).
    Came {
        /// Seconds.
        seconds: i64,
        /// Nanoseconds.
        nanoseconds: i64,
    },
    /// Received: an item that has no name here.
    Other {
        /// The level.
        level: u32,
        /// The kind.
        kind: u32,
    },
}

/// A process with its user and its group (`struct ucred`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// The process ID.
    pub process: i32,
    /// The user ID.
    pub user: u32,
    /// The group ID.
    pub group: u32,
}

impl Credentials {
    pub(crate) fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let words = [self.process.to_ne_bytes(), self.user.to_ne_bytes(), self.group.to_ne_bytes()];
        bytes.iter_mut().zip(words.as_flattened()).for_each(|(to, from)| *to = *from);
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
        Some(Self { process: word(0)?.cast_signed(), user: word(4)?, group: word(8)? })
    }
}

/// Rounds a length up to whole words.
const fn aligned(len: usize) -> usize {
    len.next_multiple_of(WORD)
}

impl Control {
    /// Makes control data without an item.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; ROOM], len: 0 }
    }

    /// Adds an item. `None`: there is no room for it, or it can only be received.
    #[must_use]
    pub fn with(self, item: ControlItem) -> Option<Self> {
        let word = |word: i32| (word.to_ne_bytes(), 4);
        let mut long = [0; 20];
        let (level, kind, (short, len)) = match item {
            ControlItem::SegmentSize(size) => {
                let [a, b] = size.to_ne_bytes();
                (UDP, UDP_SEGMENT, ([a, b, 0, 0], 2))
            }
            ControlItem::PacketInfo { interface, local, destination } => {
                let words = [interface.to_ne_bytes(), local.octets(), destination.octets()];
                long.iter_mut().zip(words.as_flattened()).for_each(|(to, from)| *to = *from);
                return self.push(IPPROTO_IP as u32, IP_PKTINFO, long.get(..12)?);
            }
            ControlItem::PacketInfo6 { address, interface } => {
                let bytes = address.octets().into_iter().chain(interface.to_ne_bytes());
                long.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
                return self.push(IPPROTO_IPV6 as u32, IPV6_PKTINFO, &long);
            }
            ControlItem::TimeToLive(limit) => (IPPROTO_IP as u32, IP_TTL, word(limit)),
            ControlItem::HopLimit(limit) => (IPPROTO_IPV6 as u32, IPV6_HOPLIMIT, word(limit)),
            ControlItem::TypeOfService(service) => (IPPROTO_IP as u32, IP_TOS, ([service, 0, 0, 0], 1)),
            ControlItem::TrafficClass(class) => (IPPROTO_IPV6 as u32, IPV6_TCLASS, word(class)),
            ControlItem::Credentials(sender) => return self.push(SOL_SOCKET, SCM_CREDENTIALS, &sender.to_bytes()),
            ControlItem::Grouped(_) | ControlItem::Came { .. } | ControlItem::Other { .. } => return None,
        };
        self.push(level, kind, short.get(..len)?)
    }

    /// Adds an item with the numbers of file descriptors.
    pub(crate) fn with_descriptors(self, descriptors: &[i32]) -> Option<Self> {
        let mut bytes = [0; 4 * PASSED];
        let mut at = 0;
        for descriptor in descriptors {
            *bytes.get_mut(at..)?.first_chunk_mut()? = descriptor.to_ne_bytes();
            at += 4;
        }
        self.push(SOL_SOCKET, SCM_RIGHTS, bytes.get(..at)?)
    }

    fn push(mut self, level: u32, kind: u32, data: &[u8]) -> Option<Self> {
        let start = usize::from(self.len);
        let whole = HEADER + data.len();
        let end = start + aligned(whole);
        let room = self.bytes.get_mut(start..end)?;
        let head = whole.to_ne_bytes().into_iter().chain(level.to_ne_bytes()).chain(kind.to_ne_bytes());
        room.iter_mut().zip(head.chain(data.iter().copied())).for_each(|(to, from)| *to = from);
        // The end is at most the room, which fits.
        self.len = end as u8;
        Some(self)
    }

    /// Returns the bytes, as the kernel takes them.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Takes what the kernel has written, to a room that was all zero, so that what follows the last item is zero.
    pub(crate) const fn of(bytes: [u8; ROOM]) -> Self {
        Self { bytes, len: ROOM as u8 }
    }

    /// Walks over the items, without those for files.
    pub fn items(&self) -> impl Iterator<Item = ControlItem> + '_ {
        parts(self.bytes())
            .filter(|part| !part.has_descriptors())
            .map(|part| part.read().unwrap_or_else(|| part.other()))
    }

    /// Walks over the numbers of the file descriptors that came.
    // kernel: net/core/scm.c scm_detach_fds, include/net/scm.h scm_pidfd_recv (6.12.117): descriptors come in items of
    // the kinds SCM_RIGHTS and SCM_PIDFD. The length of an item counts the descriptors that were made.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = i32> + '_ {
        let with = parts(self.bytes()).filter(|part| part.has_descriptors());
        let numbers = with.flat_map(|part| part.data.chunks_exact(4));
        // In the place of a descriptor that could not be made, there may be an error.
        numbers.filter_map(|bytes| Some(i32::from_ne_bytes(*bytes.first_chunk()?))).filter(|&fd| fd >= 0)
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

/// One item as it lies in memory.
#[derive(Clone, Copy)]
struct Part<'a> {
    level: u32,
    kind: u32,
    data: &'a [u8],
}

impl Part<'_> {
    fn has_descriptors(&self) -> bool {
        self.level == SOL_SOCKET && matches!(self.kind, SCM_RIGHTS | SCM_PIDFD)
    }

    fn other(&self) -> ControlItem {
        ControlItem::Other { level: self.level, kind: self.kind }
    }

    fn read(&self) -> Option<ControlItem> {
        let word = || Some(i32::from_ne_bytes(*self.data.first_chunk()?));
        let address = |at: usize| Some(Ipv4Addr::from(*self.data.get(at..)?.first_chunk::<4>()?));
        let (ip, ip6) = (IPPROTO_IP as u32, IPPROTO_IPV6 as u32);
        Some(match (self.level, self.kind) {
            (UDP, UDP_SEGMENT) => ControlItem::SegmentSize(u16::from_ne_bytes(*self.data.first_chunk()?)),
            (UDP, UDP_GRO) => ControlItem::Grouped(word()?),
            (level, IP_PKTINFO) if level == ip => {
                ControlItem::PacketInfo { interface: word()?, local: address(4)?, destination: address(8)? }
            }
            (level, IP_TTL) if level == ip => ControlItem::TimeToLive(word()?),
            (level, IP_TOS) if level == ip => ControlItem::TypeOfService(*self.data.first()?),
            (level, IPV6_PKTINFO) if level == ip6 => ControlItem::PacketInfo6 {
                address: Ipv6Addr::from(*self.data.first_chunk::<16>()?),
                interface: u32::from_ne_bytes(*self.data.get(16..)?.first_chunk()?),
            },
            (level, IPV6_HOPLIMIT) if level == ip6 => ControlItem::HopLimit(word()?),
            (level, IPV6_TCLASS) if level == ip6 => ControlItem::TrafficClass(word()?),
            (SOL_SOCKET, SCM_CREDENTIALS) => ControlItem::Credentials(Credentials::from_bytes(self.data)?),
            (SOL_SOCKET, SO_TIMESTAMPNS) => {
                let number = |at: usize| Some(isize::from_ne_bytes(*self.data.get(at..)?.first_chunk()?) as i64);
                ControlItem::Came { seconds: number(0)?, nanoseconds: number(WORD)? }
            }
            _ => return None,
        })
    }
}

/// Walks over the items in memory. Ends at the first bytes that hold no item.
fn parts(mut rest: &[u8]) -> impl Iterator<Item = Part<'_>> {
    core::iter::from_fn(move || {
        let whole = usize::from_ne_bytes(*rest.first_chunk()?);
        let number = |at: usize| Some(u32::from_ne_bytes(*rest.get(at..)?.first_chunk()?));
        let part = Part { level: number(WORD)?, kind: number(WORD + 4)?, data: rest.get(HEADER..whole)? };
        rest = rest.get(whole.checked_next_multiple_of(WORD)?..).unwrap_or_default();
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::{Control, ControlItem, Credentials, HEADER, Ipv4Addr, Ipv6Addr, PASSED, ROOM};

    #[test]
    fn an_item_lies_as_the_kernel_has_it() {
        let control = Control::new().with(ControlItem::TypeOfService(0x28)).unwrap();
        let mut expected = Vec::from((HEADER + 1).to_ne_bytes());
        expected.extend(0_u32.to_ne_bytes());
        expected.extend(1_u32.to_ne_bytes());
        expected.push(0x28);
        expected.resize(HEADER + size_of::<usize>(), 0);
        assert_eq!(control.bytes(), expected);
    }

    #[test]
    fn what_can_be_sent_reads_as_it_was_written() {
        let sender = Credentials { process: 1, user: 2, group: u32::MAX };
        for item in [
            ControlItem::SegmentSize(0x1234),
            ControlItem::PacketInfo {
                interface: 0x0102_0304,
                local: Ipv4Addr::new(1, 2, 3, 4),
                destination: Ipv4Addr::new(5, 6, 7, 8),
            },
            ControlItem::PacketInfo6 { address: Ipv6Addr::new(1, 2, 3, 4, 5, 6, 7, 8), interface: 0x0506_0708 },
            ControlItem::TimeToLive(64),
            ControlItem::HopLimit(65),
            ControlItem::TypeOfService(1),
            ControlItem::TrafficClass(2),
            ControlItem::Credentials(sender),
        ] {
            let first = ControlItem::TypeOfService(9);
            let control = Control::new().with(first).unwrap().with(item).unwrap();
            assert_eq!(control.items().collect::<Vec<_>>(), [first, item]);
            assert_eq!(control.descriptors().count(), 0);
        }
        let other = ControlItem::Other { level: 1, kind: 1 };
        for item in [ControlItem::Grouped(1), ControlItem::Came { seconds: 0, nanoseconds: 0 }, other] {
            assert_eq!(Control::new().with(item), None);
        }
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let numbers: [i32; PASSED] = core::array::from_fn(|number| number as i32);
        let full = Control::new().with_descriptors(&numbers).unwrap();
        assert_eq!((full.bytes().len(), full.descriptors().collect::<Vec<_>>()), (ROOM, Vec::from(numbers)));
        assert_eq!(full.items().count(), 0);
        assert_eq!(full.with(ControlItem::TypeOfService(0)), None);
        assert_eq!(Control::new().with_descriptors(&[0; PASSED + 1]), None);
    }

    #[test]
    fn what_the_kernel_writes_is_checked() {
        let mut bytes = [0; ROOM];
        assert_eq!(Control::of(bytes).items().count(), 0);
        // Too long for the room, too short for a header, and the largest length of all.
        for len in [ROOM + 1, HEADER - 1, usize::MAX, usize::MAX - 1] {
            *bytes.first_chunk_mut().unwrap() = len.to_ne_bytes();
            assert_eq!((Control::of(bytes).items().count(), Control::of(bytes).descriptors().count()), (0, 0));
        }
        // The last item may end within a word, at the end of the room.
        *bytes.first_chunk_mut().unwrap() = ROOM.to_ne_bytes();
        let whole = ControlItem::Other { level: 0, kind: 0 };
        assert_eq!(Control::of(bytes).items().collect::<Vec<_>>(), [whole]);
        // Too short for what it says it is.
        *bytes.first_chunk_mut().unwrap() = (HEADER + 3).to_ne_bytes();
        *bytes[size_of::<usize>() + 4..].first_chunk_mut().unwrap() = 2_u32.to_ne_bytes();
        let short = ControlItem::Other { level: 0, kind: 2 };
        assert_eq!(Control::of(bytes).items().next(), Some(short));
    }
}
