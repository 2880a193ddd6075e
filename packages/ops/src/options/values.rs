//! The values of options, as the kernel takes and gives them.
#![forbid(unsafe_code)]

use core::time::Duration;

use bare_uring::Errno;
use bare_uring::types::{AddressFamily, SocketType};

use super::sealed::Value;
use super::{Bytes, Linger, Membership, Membership6, Name};
use crate::control::Credentials;

/// Puts bytes at the front.
fn front(bytes: impl IntoIterator<Item = u8>) -> (Bytes, u32) {
    let mut all = Bytes::default();
    let mut len = 0;
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = from;
        len += 1;
    }
    (all, len)
}

fn word(bytes: &[u8]) -> Option<i32> {
    Some(i32::from_ne_bytes(*bytes.first_chunk()?))
}

impl Value for i32 {
    fn write(self) -> (Bytes, u32) {
        front(self.to_ne_bytes())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        word(bytes)
    }
}

impl Value for bool {
    fn write(self) -> (Bytes, u32) {
        i32::from(self).write()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        word(bytes).map(|number| number != 0)
    }
}

impl Value for SocketType {
    fn write(self) -> (Bytes, u32) {
        front(self.0.to_ne_bytes())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        word(bytes).map(|number| Self(number.cast_unsigned()))
    }
}

impl Value for AddressFamily {
    fn write(self) -> (Bytes, u32) {
        front(self.0.to_ne_bytes())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        word(bytes).map(|number| Self(number.cast_unsigned()))
    }
}

impl Value for Option<Errno> {
    fn write(self) -> (Bytes, u32) {
        self.map_or(0, |errno| i32::from(errno.raw())).write()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        word(bytes)?.checked_neg().map(Errno::from_result)
    }
}

impl Value for Linger {
    const SIZE: u32 = 8;

    fn write(self) -> (Bytes, u32) {
        let seconds = i32::try_from(self.unwrap_or_default().as_secs()).unwrap_or(i32::MAX);
        front(i32::from(self.is_some()).to_ne_bytes().into_iter().chain(seconds.to_ne_bytes()))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let seconds = u64::try_from(word(bytes.get(4..)?)?).ok()?;
        Some((word(bytes)? != 0).then_some(Duration::from_secs(seconds)))
    }
}

impl Value for Name {
    const SIZE: u32 = 16;

    fn write(self) -> (Bytes, u32) {
        front(self.as_bytes().iter().copied())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        Self::new(core::str::from_utf8(bytes.get(..len)?).ok()?)
    }
}

impl Value for Credentials {
    const SIZE: u32 = 12;

    fn write(self) -> (Bytes, u32) {
        front(self.to_bytes())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Self::from_bytes(bytes)
    }
}

impl Value for Membership {
    const SIZE: u32 = 12;

    fn write(self) -> (Bytes, u32) {
        let addresses = self.group.octets().into_iter().chain(self.local.octets());
        front(addresses.chain(self.interface.to_ne_bytes()))
    }

    fn read(_: &[u8]) -> Option<Self> {
        None
    }
}

impl Value for Membership6 {
    const SIZE: u32 = 20;

    fn write(self) -> (Bytes, u32) {
        front(self.group.octets().into_iter().chain(self.interface.to_ne_bytes()))
    }

    fn read(_: &[u8]) -> Option<Self> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::{Credentials, Duration, Errno, Linger, Membership, Membership6, Name, Value};

    fn bytes(value: impl Value) -> Vec<u8> {
        let (bytes, len) = value.write();
        bytes[..len as usize].to_vec()
    }

    #[test]
    fn values_lie_as_c_has_them() {
        assert_eq!(bytes(-2), (-2_i32).to_ne_bytes());
        assert_eq!((bytes(true), bytes(false)), (1_i32.to_ne_bytes().into(), 0_i32.to_ne_bytes().into()));
        let linger = |on: i32, seconds: i32| [on.to_ne_bytes(), seconds.to_ne_bytes()].concat();
        assert_eq!(bytes(Some(Duration::from_secs(7))), linger(1, 7));
        assert_eq!(bytes(Linger::None), linger(0, 0));
        assert_eq!(bytes(Some(Duration::MAX)), linger(1, i32::MAX));
        assert_eq!(bytes(Name::new("cubic").unwrap()), b"cubic");
        let member =
            Membership { group: Ipv4Addr::new(224, 0, 0, 1), local: Ipv4Addr::new(127, 0, 0, 1), interface: 0x0102 };
        assert_eq!(bytes(member), [&[224, 0, 0, 1, 127, 0, 0, 1][..], &0x0102_i32.to_ne_bytes()].concat());
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        let member = bytes(Membership6 { group, interface: 3 });
        assert_eq!(member, [&group.octets()[..], &3_u32.to_ne_bytes()].concat());
        assert_eq!((Membership::read(&member), Membership6::read(&member)), (None, None));
    }

    #[test]
    fn what_the_kernel_writes_is_read() {
        let linger = |on: i32, seconds: i32| Linger::read(&[on.to_ne_bytes(), seconds.to_ne_bytes()].concat());
        assert_eq!(linger(1, 7), Some(Some(Duration::from_secs(7))));
        assert_eq!((linger(0, 7), linger(1, -1)), (Some(None), None));
        assert_eq!(
            (bool::read(&2_i32.to_ne_bytes()), bool::read(&[0; 4]), bool::read(&[0; 3])),
            (Some(true), Some(false), None)
        );
        let error = |number: i32| Option::<Errno>::read(&number.to_ne_bytes());
        assert_eq!((error(111), error(0)), (Some(Some(Errno::ECONNREFUSED)), Some(None)));
        assert_eq!(error(i32::MIN), None);
        assert_eq!(Name::read(b"lo\0rest").unwrap().as_bytes(), b"lo");
        assert_eq!(Name::read(b"fifteen bytes..").unwrap().as_bytes().len(), 15);
        assert_eq!((Name::new("sixteen bytes..."), Name::new("a\0b")), (None, None));
        let sender = Credentials { process: 1, user: 2, group: 3 };
        assert_eq!((Credentials::read(&bytes(sender)), Credentials::read(&[0; 11])), (Some(sender), None));
    }
}
