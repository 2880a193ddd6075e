//! Options of sockets: each by its name, with the type of its value.
#![forbid(unsafe_code)]

mod values;

use core::marker::PhantomData;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use bare_uring::Errno;
use bare_uring::types::{AddressFamily, SocketType};
use linux_raw_sys::net as sys;

use crate::control::Credentials;

/// `SOL_UDP`, with `UDP_SEGMENT` and `UDP_GRO`.
const UDP: u32 = 17;
const UDP_SEGMENT: u32 = 103;
const UDP_GRO: u32 = 104;

/// The room for a value, and its bytes from the front.
pub(crate) type Bytes = [u8; 32];

/// Marks an option that can be set and got.
#[derive(Debug, Clone, Copy)]
pub enum Both {}
/// Marks an option that can be got.
#[derive(Debug, Clone, Copy)]
pub enum Get {}
/// Marks an option that can be set. (A kernel gets options of the level `SOL_SOCKET` only.)
// kernel: io_uring/cmd_net.c io_uring_cmd_getsockopt (7.2): EOPNOTSUPP for another level than SOL_SOCKET.
#[derive(Debug, Clone, Copy)]
pub enum Set {}

pub(crate) mod sealed {
    use super::Bytes;

    pub trait Settable {}
    pub trait Gettable {}

    pub trait Value: Copy {
        /// The bytes that a value takes at most.
        const SIZE: u32 = 4;

        /// Returns the value as bytes, and how many of them count.
        fn write(self) -> (Bytes, u32);

        /// Reads the bytes that the kernel has written.
        fn read(bytes: &[u8]) -> Option<Self>;
    }
}

impl sealed::Settable for Both {}
impl sealed::Gettable for Both {}
impl sealed::Gettable for Get {}
impl sealed::Settable for Set {}

/// The types of values: `bool`, `i32`, [`SocketType`], [`AddressFamily`], [`Errno`], [`Linger`], [`Name`],
/// [`Credentials`], [`Membership`] and [`Membership6`].
pub trait OptionValue: sealed::Value {}
impl<T: sealed::Value> OptionValue for T {}

/// An option of a socket, with the type of its value, and whether it can be set or got.
///
/// The constants are in groups by the type of the value. What is not among them can be named by its
/// [`number`](Self::number).
///
/// An option that can be set only can't be got, and the other way round:
///
/// ```compile_fail,E0277
/// # fn f(slab: &'static bare_uring_ops::Slab, socket: &bare_uring_ops::File) {
/// let option = slab.option(socket, bare_uring_ops::SocketOption::NO_DELAY); // is not `Gettable`
/// # }
/// ```
///
/// ```compile_fail,E0277
/// # fn f(slab: &'static bare_uring_ops::Slab, socket: &bare_uring_ops::File) {
/// let set = slab.set_option(socket, bare_uring_ops::SocketOption::ERROR, None); // is not `Settable`
/// # }
/// ```
///
/// A value holds no address of memory, because the kernel would read or write there:
///
/// ```compile_fail,E0308
/// # fn f(slab: &'static bare_uring_ops::Slab, socket: &bare_uring_ops::File) {
/// let set = slab.set_option(socket, bare_uring_ops::SocketOption::number(1, 26), &0_i32); // not an `i32`
/// # }
/// ```
#[derive(Debug)]
pub struct SocketOption<T, A = Both> {
    level: u32,
    name: u32,
    types: PhantomData<fn() -> (T, A)>,
}

impl<T, A> Clone for SocketOption<T, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, A> Copy for SocketOption<T, A> {}

impl<T, A> SocketOption<T, A> {
    const fn new(level: u32, name: u32) -> Self {
        Self { level, name, types: PhantomData }
    }

    /// Returns the level (`SOL_*`, `IPPROTO_*`).
    #[must_use]
    pub const fn level(self) -> u32 {
        self.level
    }

    /// Returns the option's number within its level.
    #[must_use]
    pub const fn name(self) -> u32 {
        self.name
    }
}

impl SocketOption<i32> {
    /// Names an option by level and number. Its value is an `int` of C. (A larger value could hold an address.)
    #[must_use]
    pub const fn number(level: u32, name: u32) -> Self {
        Self::new(level, name)
    }
}

/// Makes constants: the options of one type of value.
macro_rules! options {
    ($value:ty, $access:ident: $($(#[$doc:meta])+ $row:ident = $level:expr, $name:expr;)*) => {
        impl SocketOption<$value, $access> {
            $($(#[$doc])+ pub const $row: Self = Self::new($level as u32, $name as u32);)*
        }
    };
}

options! { bool, Both:
    /// `SO_REUSEADDR`: connections that have just ended do not keep the address.
    REUSE_ADDRESS = sys::SOL_SOCKET, sys::SO_REUSEADDR;
    /// `SO_REUSEPORT`: several sockets share the address.
    REUSE_PORT = sys::SOL_SOCKET, sys::SO_REUSEPORT;
    /// `SO_KEEPALIVE`: the kernel asks an idle peer whether it is there.
    KEEP_ALIVE = sys::SOL_SOCKET, sys::SO_KEEPALIVE;
    /// `SO_BROADCAST`: datagrams may go to all.
    BROADCAST = sys::SOL_SOCKET, sys::SO_BROADCAST;
    /// `SO_DONTROUTE`: only to networks that the machine is part of.
    DONT_ROUTE = sys::SOL_SOCKET, sys::SO_DONTROUTE;
    /// `SO_OOBINLINE`: urgent data comes with the rest.
    URGENT_INLINE = sys::SOL_SOCKET, sys::SO_OOBINLINE;
    /// `SO_PASSCRED`: messages come with [`Credentials`].
    PASS_CREDENTIALS = sys::SOL_SOCKET, sys::SO_PASSCRED;
    /// `SO_TIMESTAMPNS`: messages come with the time at which they came.
    TIMESTAMPS = sys::SOL_SOCKET, sys::SO_TIMESTAMPNS;
}

options! { i32, Both:
    /// `SO_SNDBUF`, in bytes. The kernel doubles the number.
    SEND_BUFFER = sys::SOL_SOCKET, sys::SO_SNDBUF;
    /// `SO_RCVBUF`, in bytes. The kernel doubles the number.
    RECEIVE_BUFFER = sys::SOL_SOCKET, sys::SO_RCVBUF;
    /// `SO_RCVLOWAT`: how many bytes a receive waits for.
    RECEIVE_LOW_WATER = sys::SOL_SOCKET, sys::SO_RCVLOWAT;
    /// `SO_PRIORITY`, from 0 to 6.
    PRIORITY = sys::SOL_SOCKET, sys::SO_PRIORITY;
    /// `SO_MARK`, for the routing of packets.
    MARK = sys::SOL_SOCKET, sys::SO_MARK;
    /// `SO_INCOMING_CPU`: the processor that takes the socket's packets.
    INCOMING_CPU = sys::SOL_SOCKET, sys::SO_INCOMING_CPU;
    /// `SO_BUSY_POLL`, in microseconds.
    BUSY_POLL = sys::SOL_SOCKET, sys::SO_BUSY_POLL;
}

options! { Linger, Both:
    /// `SO_LINGER`: how long a close waits for what is still to be sent.
    LINGER = sys::SOL_SOCKET, sys::SO_LINGER;
}

options! { Name, Both:
    /// `SO_BINDTODEVICE`: the network interface.
    DEVICE = sys::SOL_SOCKET, sys::SO_BINDTODEVICE;
}

options! { bool, Get:
    /// `SO_ACCEPTCONN`: whether the socket listens.
    LISTENS = sys::SOL_SOCKET, sys::SO_ACCEPTCONN;
}

options! { i32, Get:
    /// `SO_PROTOCOL`, as [`socket`](crate::Slab::socket) takes it.
    PROTOCOL = sys::SOL_SOCKET, sys::SO_PROTOCOL;
}

options! { SocketType, Get:
    /// `SO_TYPE`.
    TYPE = sys::SOL_SOCKET, sys::SO_TYPE;
}

options! { AddressFamily, Get:
    /// `SO_DOMAIN`.
    DOMAIN = sys::SOL_SOCKET, sys::SO_DOMAIN;
}

options! { Option<Errno>, Get:
    /// `SO_ERROR`: the error that the socket has met. Getting it clears it.
    ERROR = sys::SOL_SOCKET, sys::SO_ERROR;
}

options! { Credentials, Get:
    /// `SO_PEERCRED`: the process at the other end of a Unix socket, as it was when the two were connected.
    PEER_CREDENTIALS = sys::SOL_SOCKET, sys::SO_PEERCRED;
}

options! { bool, Set:
    /// `TCP_NODELAY`: a small piece does not wait until the one before has arrived.
    NO_DELAY = sys::IPPROTO_TCP, sys::TCP_NODELAY;
    /// `TCP_CORK`: pieces wait until they fill a packet.
    CORK = sys::IPPROTO_TCP, sys::TCP_CORK;
    /// `TCP_QUICKACK`: what comes is acknowledged at once.
    QUICK_ACK = sys::IPPROTO_TCP, sys::TCP_QUICKACK;
    /// `TCP_FASTOPEN_CONNECT`: the first send goes with the connection's first packet.
    FAST_OPEN_CONNECT = sys::IPPROTO_TCP, sys::TCP_FASTOPEN_CONNECT;
    /// `IPV6_V6ONLY`: takes no packets of IPv4.
    ONLY_IPV6 = sys::IPPROTO_IPV6, sys::IPV6_V6ONLY;
    /// `IP_PKTINFO`: messages come with [`ControlItem::PacketInfo`](crate::ControlItem::PacketInfo).
    PACKET_INFO = sys::IPPROTO_IP, sys::IP_PKTINFO;
    /// `IP_RECVTTL`: messages come with [`ControlItem::TimeToLive`](crate::ControlItem::TimeToLive).
    RECEIVE_TIME_TO_LIVE = sys::IPPROTO_IP, sys::IP_RECVTTL;
    /// `IP_RECVTOS`: messages come with [`ControlItem::TypeOfService`](crate::ControlItem::TypeOfService).
    RECEIVE_TYPE_OF_SERVICE = sys::IPPROTO_IP, sys::IP_RECVTOS;
    /// `IP_FREEBIND`: the address need not be one of the machine's.
    FREE_BIND = sys::IPPROTO_IP, sys::IP_FREEBIND;
    /// `IP_TRANSPARENT`: takes packets for other machines.
    TRANSPARENT = sys::IPPROTO_IP, sys::IP_TRANSPARENT;
    /// `IP_BIND_ADDRESS_NO_PORT`: the port is chosen by the connect.
    BIND_WITHOUT_PORT = sys::IPPROTO_IP, sys::IP_BIND_ADDRESS_NO_PORT;
    /// `IP_MULTICAST_LOOP`: what is sent to a group comes back to this machine.
    MULTICAST_LOOP = sys::IPPROTO_IP, sys::IP_MULTICAST_LOOP;
    /// `IPV6_MULTICAST_LOOP`.
    MULTICAST_LOOP_6 = sys::IPPROTO_IPV6, sys::IPV6_MULTICAST_LOOP;
    /// `IPV6_RECVPKTINFO`: messages come with [`ControlItem::PacketInfo6`](crate::ControlItem::PacketInfo6).
    PACKET_INFO_6 = sys::IPPROTO_IPV6, sys::IPV6_RECVPKTINFO;
    /// `IPV6_RECVHOPLIMIT`: messages come with [`ControlItem::HopLimit`](crate::ControlItem::HopLimit).
    RECEIVE_HOP_LIMIT = sys::IPPROTO_IPV6, sys::IPV6_RECVHOPLIMIT;
    /// `IPV6_RECVTCLASS`: messages come with [`ControlItem::TrafficClass`](crate::ControlItem::TrafficClass).
    RECEIVE_TRAFFIC_CLASS = sys::IPPROTO_IPV6, sys::IPV6_RECVTCLASS;
    /// `UDP_GRO`: one message may hold several datagrams ([`ControlItem::Grouped`](crate::ControlItem::Grouped)).
    GROUP_DATAGRAMS = UDP, UDP_GRO;
}

options! { i32, Set:
    /// `TCP_KEEPIDLE`: seconds until an idle peer is asked.
    KEEP_IDLE = sys::IPPROTO_TCP, sys::TCP_KEEPIDLE;
    /// `TCP_KEEPINTVL`: seconds until an idle peer is asked again.
    KEEP_INTERVAL = sys::IPPROTO_TCP, sys::TCP_KEEPINTVL;
    /// `TCP_KEEPCNT`: how often an idle peer is asked.
    KEEP_COUNT = sys::IPPROTO_TCP, sys::TCP_KEEPCNT;
    /// `TCP_USER_TIMEOUT`: milliseconds until a connection ends whose peer acknowledges nothing.
    USER_TIMEOUT = sys::IPPROTO_TCP, sys::TCP_USER_TIMEOUT;
    /// `TCP_MAXSEG`, in bytes.
    MAX_SEGMENT = sys::IPPROTO_TCP, sys::TCP_MAXSEG;
    /// `TCP_SYNCNT`: how often a connect tries.
    SYN_COUNT = sys::IPPROTO_TCP, sys::TCP_SYNCNT;
    /// `TCP_LINGER2`: seconds that a closed connection waits for the peer's end.
    FIN_WAIT = sys::IPPROTO_TCP, sys::TCP_LINGER2;
    /// `TCP_DEFER_ACCEPT`: seconds that a connection may wait for its first byte before it can be accepted.
    DEFER_ACCEPT = sys::IPPROTO_TCP, sys::TCP_DEFER_ACCEPT;
    /// `TCP_WINDOW_CLAMP`, in bytes.
    WINDOW_CLAMP = sys::IPPROTO_TCP, sys::TCP_WINDOW_CLAMP;
    /// `TCP_FASTOPEN`: how many connections with data in their first packet may wait.
    FAST_OPEN = sys::IPPROTO_TCP, sys::TCP_FASTOPEN;
    /// `TCP_NOTSENT_LOWAT`: bytes that wait to be sent before the socket takes no more.
    NOT_SENT_LOW_WATER = sys::IPPROTO_TCP, sys::TCP_NOTSENT_LOWAT;
    /// `IP_TTL`: how many routers a packet passes at most.
    TIME_TO_LIVE = sys::IPPROTO_IP, sys::IP_TTL;
    /// `IP_TOS`.
    TYPE_OF_SERVICE = sys::IPPROTO_IP, sys::IP_TOS;
    /// `IP_MULTICAST_TTL`.
    MULTICAST_TIME_TO_LIVE = sys::IPPROTO_IP, sys::IP_MULTICAST_TTL;
    /// `IPV6_UNICAST_HOPS`: how many routers a packet passes at most.
    HOP_LIMIT = sys::IPPROTO_IPV6, sys::IPV6_UNICAST_HOPS;
    /// `IPV6_MULTICAST_HOPS`.
    MULTICAST_HOP_LIMIT = sys::IPPROTO_IPV6, sys::IPV6_MULTICAST_HOPS;
    /// `IPV6_TCLASS`.
    TRAFFIC_CLASS = sys::IPPROTO_IPV6, sys::IPV6_TCLASS;
    /// `UDP_SEGMENT`: each payload is cut into datagrams of this many bytes.
    SEGMENT_SIZE = UDP, UDP_SEGMENT;
}

options! { Name, Set:
    /// `TCP_CONGESTION`: the algorithm of congestion control.
    CONGESTION = sys::IPPROTO_TCP, sys::TCP_CONGESTION;
}

options! { Membership, Set:
    /// `IP_ADD_MEMBERSHIP`.
    JOIN = sys::IPPROTO_IP, sys::IP_ADD_MEMBERSHIP;
    /// `IP_DROP_MEMBERSHIP`.
    LEAVE = sys::IPPROTO_IP, sys::IP_DROP_MEMBERSHIP;
}

options! { Membership6, Set:
    /// `IPV6_ADD_MEMBERSHIP`.
    JOIN_6 = sys::IPPROTO_IPV6, sys::IPV6_ADD_MEMBERSHIP;
    /// `IPV6_DROP_MEMBERSHIP`.
    LEAVE_6 = sys::IPPROTO_IPV6, sys::IPV6_DROP_MEMBERSHIP;
}

/// How long a close waits for what is still to be sent, in whole seconds. `None`: it does not wait, and the kernel goes
/// on to send. Zero: the connection is reset.
pub type Linger = Option<Duration>;

/// The name of a network interface or of an algorithm: at most 15 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    bytes: [u8; 16],
    len: u8,
}

impl Name {
    /// Makes a name. `None`: it has more than 15 bytes, or a zero among them.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        if name.len() > 15 || name.bytes().any(|byte| byte == 0) {
            return None;
        }
        bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        Some(Self { bytes, len: name.len() as u8 })
    }

    /// Returns the bytes of the name.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// A multicast group of IPv4 (`struct ip_mreqn`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: Ipv4Addr,
    /// The address of the network interface, or all zero.
    pub local: Ipv4Addr,
    /// The index of the network interface; 0: any.
    pub interface: i32,
}

/// A multicast group of IPv6 (`struct ipv6_mreq`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership6 {
    /// The group.
    pub group: Ipv6Addr,
    /// The index of the network interface; 0: any.
    pub interface: u32,
}
