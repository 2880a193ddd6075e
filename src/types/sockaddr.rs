//! Addresses of sockets.

use core::fmt;
use core::mem::{offset_of, size_of};
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::flags::net::AddressFamily;

/// Room for the address of any socket (`struct sockaddr_storage`): 128 bytes, the first two its family.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(alias = "sockaddr")]
#[doc(alias = "sockaddr_storage")]
#[repr(C, align(8))]
pub struct SockAddrStorage {
    family: u16,
    data: [u8; 126],
}

const _: () = {
    assert!(size_of::<SockAddrStorage>() == 128);
    assert!(offset_of!(SockAddrStorage, data) == 2);
};

impl SockAddrStorage {
    /// The size of the structure in bytes.
    pub const SIZE: u32 = 128;

    /// No address: all bytes are zero.
    pub const EMPTY: Self = Self { family: 0, data: [0; 126] };

    /// Returns the family.
    #[must_use]
    pub const fn family(&self) -> AddressFamily {
        AddressFamily(self.family as u32)
    }

    /// Returns the bytes after the family.
    #[must_use]
    pub const fn data(&self) -> &[u8; 126] {
        &self.data
    }

    /// Makes an address from a family and the bytes that follow it; `None` for more than 126 bytes.
    #[inline]
    #[must_use]
    pub fn new(family: u16, data: &[u8]) -> Option<Self> {
        let mut storage = Self { family, ..Self::EMPTY };
        copy(data, &mut storage.data)?;
        Some(storage)
    }
}

/// Returns the index of the first zero. It does not use `contains`, which for bytes is a search by words with bound
/// checks of its own.
#[inline]
fn first_zero(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == 0)
}

/// Copies all bytes to the start of the room; `None` if there is not enough room. It does not use `copy_from_slice`,
/// because the compiler does not always see that its comparison of lengths is superfluous.
#[inline]
fn copy(from: &[u8], room: &mut [u8]) -> Option<()> {
    let room = room.get_mut(..from.len())?;
    room.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    Some(())
}

impl fmt::Debug for SockAddrStorage {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SockAddrStorage").field("family", &self.family).finish_non_exhaustive()
    }
}

/// The address of a socket and its length: from `core::net`, from a path, or written by the kernel.
#[derive(Debug, Clone, Copy)]
pub struct SockAddr {
    storage: SockAddrStorage,
    len: u32,
}

/// The size of `struct sockaddr_in` in bytes.
const IPV4: u32 = 16;
/// The size of `struct sockaddr_in6` in bytes.
const IPV6: u32 = 28;
/// The length of the longest path of a unix socket in bytes, with the zero that ends it.
const PATH: usize = 108;

impl SockAddr {
    /// Room for an address that the kernel writes.
    pub const EMPTY: Self = Self { storage: SockAddrStorage::EMPTY, len: SockAddrStorage::SIZE };

    /// Makes the address of the unix socket at a path. The path has at least 1 byte, at most 107 bytes, and no zero
    /// among them; else `None`.
    #[inline]
    #[must_use]
    pub fn unix(path: &[u8]) -> Option<Self> {
        if path.is_empty() || path.len() >= PATH || first_zero(path).is_some() {
            return None;
        }
        let storage = SockAddrStorage::new(AddressFamily::UNIX.0 as u16, path)?;
        // The length counts the family, the path and the zero that ends it: at most 110 bytes.
        Some(Self { storage, len: path.len() as u32 + 3 })
    }

    /// Makes the address of the unix socket with an abstract name. The name has at most 107 bytes, of any value; else
    /// `None`.
    #[inline]
    #[must_use]
    pub fn unix_abstract(name: &[u8]) -> Option<Self> {
        if name.len() >= PATH {
            return None;
        }
        let mut storage = SockAddrStorage { family: AddressFamily::UNIX.0 as u16, ..SockAddrStorage::EMPTY };
        let (_zero, room) = storage.data.split_first_mut()?;
        copy(name, room)?;
        Some(Self { storage, len: name.len() as u32 + 3 })
    }

    /// Makes an address from the first bytes of a buffer, where a multishot `recvmsg` leaves it. `None` for fewer than
    /// two bytes or more than 128.
    #[inline]
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (family, data) = bytes.split_first_chunk()?;
        let storage = SockAddrStorage::new(u16::from_ne_bytes(*family), data)?;
        Some(Self { storage, len: bytes.len() as u32 })
    }

    /// Returns a pointer to the address, as requests take it.
    #[must_use]
    pub const fn as_ptr(&self) -> *const SockAddrStorage {
        &raw const self.storage
    }

    /// Returns pointers to the address and to its length, for the kernel to write to.
    #[must_use]
    pub const fn out(&mut self) -> (*mut SockAddrStorage, *mut u32) {
        // Both pointers come from one reborrow, so that neither invalidates the other.
        (&raw mut self.storage, &raw mut self.len)
    }

    /// Returns the length of the address in bytes. It is more than 128 if the kernel had no room for all of the
    /// address.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a length in C's sense, not a number of elements")]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Returns the address with its bytes.
    #[must_use]
    pub const fn storage(&self) -> &SockAddrStorage {
        &self.storage
    }

    /// Returns the address of an IP socket; `None` if the address is of another family, or too short.
    #[inline]
    #[must_use]
    pub fn to_ip(&self) -> Option<SocketAddr> {
        let data = &self.storage.data;
        let port = u16::from_be_bytes([data[0], data[1]]);
        match self.storage.family() {
            AddressFamily::INET if self.len >= IPV4 => {
                let ip = Ipv4Addr::new(data[2], data[3], data[4], data[5]);
                Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
            }
            AddressFamily::INET6 if self.len >= IPV6 => {
                // The kernel has the flow information in network byte order, and Rust passes it on as it is.
                let flow = u32::from_be_bytes(*data.get(2..)?.first_chunk()?);
                let ip = Ipv6Addr::from(*data.get(6..)?.first_chunk::<16>()?);
                let scope = u32::from_ne_bytes(*data.get(22..)?.first_chunk()?);
                Some(SocketAddr::V6(SocketAddrV6::new(ip, port, flow, scope)))
            }
            _ => None,
        }
    }

    /// Returns the path of a unix socket without the zero that ends it, or its abstract name with the zero that begins
    /// it. The result is empty if the socket has no name, and `None` if the address is of another family, or too short.
    #[inline]
    #[must_use]
    pub fn to_unix(&self) -> Option<&[u8]> {
        if self.storage.family() != AddressFamily::UNIX {
            return None;
        }
        let name = self.storage.data.get(..(self.len as usize).checked_sub(2)?.min(PATH))?;
        match first_zero(name) {
            None | Some(0) => Some(name),
            Some(end) => name.get(..end),
        }
    }
}

/// Puts a part of an address at a place where there is always room for it.
#[inline]
fn put(part: &[u8], data: &mut [u8; 126], at: usize) {
    let _ = data.get_mut(at..).and_then(|room| copy(part, room));
}

impl From<SocketAddr> for SockAddr {
    #[inline]
    fn from(address: SocketAddr) -> Self {
        let mut storage = SockAddrStorage::EMPTY;
        let [high, low] = address.port().to_be_bytes();
        (storage.data[0], storage.data[1]) = (high, low);
        let len = match address {
            SocketAddr::V4(v4) => {
                storage.family = AddressFamily::INET.0 as u16;
                put(&v4.ip().octets(), &mut storage.data, 2);
                IPV4
            }
            SocketAddr::V6(v6) => {
                storage.family = AddressFamily::INET6.0 as u16;
                put(&v6.flowinfo().to_be_bytes(), &mut storage.data, 2);
                put(&v6.ip().octets(), &mut storage.data, 6);
                put(&v6.scope_id().to_ne_bytes(), &mut storage.data, 22);
                IPV6
            }
        };
        Self { storage, len }
    }
}

#[cfg(test)]
mod tests {
    use super::{SockAddr, SockAddrStorage};
    use core::net::SocketAddr;
    use std::vec::Vec;

    fn bytes(address: &SockAddr) -> Vec<u8> {
        let mut all = Vec::from(address.storage.family.to_ne_bytes());
        all.extend(&address.storage.data);
        all.truncate(address.len as usize);
        all
    }

    #[test]
    fn ipv4_is_sockaddr_in() {
        let address: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let ours = SockAddr::from(address);
        let [low, high] = 2_u16.to_ne_bytes();
        assert_eq!(bytes(&ours), [low, high, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(ours.to_ip(), Some(address));
    }

    #[test]
    fn ipv6_is_sockaddr_in6() {
        let address = SocketAddr::V6(core::net::SocketAddrV6::new(
            core::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x1234),
            443,
            0x0102_0304,
            7,
        ));
        let ours = SockAddr::from(address);
        let mut expected = Vec::from(10_u16.to_ne_bytes());
        expected.extend([1, 0xbb, 1, 2, 3, 4]);
        expected.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34]);
        expected.extend(7_u32.to_ne_bytes());
        assert_eq!(bytes(&ours), expected);
        assert_eq!(ours.to_ip(), Some(address));
    }

    #[test]
    fn a_unix_path_ends_with_a_zero_and_an_abstract_name_begins_with_one() {
        let path = SockAddr::unix(b"/run/x").unwrap();
        assert_eq!((path.len(), path.to_unix()), (9, Some(&b"/run/x"[..])));
        assert_eq!(bytes(&path)[2..], *b"/run/x\0");
        let name = SockAddr::unix_abstract(b"a\0b").unwrap();
        assert_eq!((name.len(), name.to_unix()), (6, Some(&b"\0a\0b"[..])));
        assert_eq!(SockAddr::unix(&[b'x'; 107]).map(|it| it.len()), Some(110));
        assert_eq!(SockAddr::unix_abstract(&[0; 107]).map(|it| it.len()), Some(110));
        assert!(SockAddr::unix(&[b'x'; 108]).is_none());
        assert!(SockAddr::unix_abstract(&[0; 108]).is_none());
        assert!(SockAddr::unix(b"").is_none());
        assert!(SockAddr::unix(b"a\0").is_none());
    }

    #[test]
    fn what_the_kernel_writes_is_checked() {
        let ip = bytes(&SockAddr::from(SocketAddr::from(([1, 2, 3, 4], 5))));
        assert_eq!(SockAddr::from_bytes(&ip).unwrap().to_ip(), Some(SocketAddr::from(([1, 2, 3, 4], 5))));
        assert_eq!(SockAddr::from_bytes(&ip[..15]).unwrap().to_ip(), None);
        assert_eq!(SockAddr::from_bytes(&ip).unwrap().to_unix(), None);
        assert!(SockAddr::from_bytes(&[0]).is_none());
        assert!(SockAddr::from_bytes(&[0; 129]).is_none());
        assert_eq!(SockAddr::from_bytes(&1_u16.to_ne_bytes()).unwrap().to_unix(), Some(&[][..]));
        // A nonsensical length stays within the bytes.
        let storage = SockAddrStorage::new(1, &[b'x'; 126]).unwrap();
        assert_eq!(SockAddr { storage, len: u32::MAX }.to_unix(), Some(&[b'x'; 108][..]));
        assert_eq!(SockAddr { storage, len: 1 }.to_unix(), None);
    }
}
