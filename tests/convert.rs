//! Conversions from the types of rustix and of the standard library keep every bit of every number.

#![cfg(any(feature = "rustix", feature = "std"))]

use std::os::fd::{AsFd, AsRawFd};

use bare_uring::types::Fd;

#[test]
fn descriptors_above_a_byte_are_the_same_numbers() {
    let file = std::fs::File::open("Cargo.toml").unwrap();
    let high = rustix::io::fcntl_dupfd_cloexec(&file, 0x1a5).unwrap();
    assert!(high.as_raw_fd() >= 0x1a5);
    assert_eq!((Fd::from(&high), Fd::from(high.as_fd())), (Fd(high.as_raw_fd()), Fd(high.as_raw_fd())));
}

#[cfg(feature = "std")]
#[test]
fn every_errno_is_an_io_error_of_the_same_number() {
    for number in 1..=4095 {
        let error = std::io::Error::from(bare_uring::Errno::from_raw(number).unwrap());
        assert_eq!(error.raw_os_error(), Some(number.into()));
    }
}

#[cfg(all(
    feature = "rustix",
    any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "arm",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
))]
mod of_rustix {
    use bare_uring::Errno;
    use bare_uring::types::{
        AddressFamily, AtFlags, MsgFlags, OpenFlags, PollEvents, SocketFlags, SocketType, StatxMask,
    };
    use rustix::{event, fs, net};

    #[test]
    fn every_errno_goes_there_and_back() {
        for number in 1..=4095 {
            let errno = Errno::from_raw(number).unwrap();
            let theirs = rustix::io::Errno::from(errno);
            assert_eq!(theirs.raw_os_error(), i32::from(number));
            assert_eq!(Errno::try_from(theirs), Ok(errno));
        }
    }

    /// Each word with a bit in every byte that its type has, and all the others.
    #[test]
    fn words_of_flags_are_whole() {
        for word in [0x8142_2418, !0x8142_2418] {
            assert_eq!(OpenFlags::from(fs::OFlags::from_bits_retain(word)), OpenFlags(word));
            assert_eq!(AtFlags::from(fs::AtFlags::from_bits_retain(word)), AtFlags(word));
            assert_eq!(StatxMask::from(fs::StatxFlags::from_bits_retain(word)), StatxMask(word));
            assert_eq!(PollEvents::from(event::epoll::EventFlags::from_bits_retain(word)), PollEvents(word));
            assert_eq!(MsgFlags::from(net::SendFlags::from_bits_retain(word)), MsgFlags(word));
            assert_eq!(MsgFlags::from(net::RecvFlags::from_bits_retain(word)), MsgFlags(word));
            assert_eq!(SocketFlags::from(net::SocketFlags::from_bits_retain(word)), SocketFlags(word));
            assert_eq!(SocketType::from(net::SocketType::from_raw(word)), SocketType(word));
        }
        for word in [0x8142, !0x8142_u16] {
            assert_eq!(PollEvents::from(event::PollFlags::from_bits_retain(word)), PollEvents(word.into()));
            assert_eq!(AddressFamily::from(net::AddressFamily::from_raw(word)), AddressFamily(word.into()));
        }
        assert_eq!(SocketType::from(net::SocketType::SEQPACKET), SocketType::SEQPACKET);
    }
}
