//! Timestamps of packets sent: 32-byte completions of both kinds of ring that have them, on the real kernel, and by hand.

mod common;

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bare_uring::cqueue::{Entry32, EntryMixed, Timestamp};
use bare_uring::types::{Fd, Timespec};
use bare_uring::{Builder, Errno, IoUring, SetupFlags, cqueue, opcode, squeue};
use common::any_ring::on_each;
use common::ring_memory::{Fake, slot};
use common::{needs, older_than, push, refused};

const SOL_SOCKET: u32 = 1;
const SO_TIMESTAMPING: u32 = 37;
/// TX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, OPT_TSONLY.
const WANTED: u32 = 1 << 1 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 11;

fn runs<C>(ring: &mut IoUring<squeue::Entry, C>, timestamp: fn(&C) -> Option<Timestamp>)
where
    C: cqueue::EntryMarker + std::ops::Deref,
    C::Target: Plain,
{
    let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let fd = Fd(sender.as_raw_fd());
    let wanted = WANTED.to_ne_bytes();
    push(ring, opcode::SetSockOpt::new(fd, SOL_SOCKET, SO_TIMESTAMPING, wanted.as_ptr(), 4).build());
    ring.submit_and_wait(1).unwrap();
    assert_eq!(ring.completion().next().unwrap().plain(), (0, Ok(0), false));

    push(ring, opcode::TxTimestamp::new(fd).build().user_data(1));
    ring.submit().unwrap();
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    for _ in 0..2 {
        sender.send_to(b"hello", receiver.local_addr().unwrap()).unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 4 {
        ring.submitter().wait(1).unwrap();
        for cqe in ring.completion() {
            if cqe.plain().1 == Err(Errno::EOPNOTSUPP) {
                return refused("tx_timestamp", "SOCKET_URING_OP_TX_TIMESTAMP", (6, 17));
            }
            assert_eq!((cqe.plain().0, cqe.plain().2), (1, true));
            seen.push(timestamp(&cqe).unwrap());
        }
    }
    for stamp in &seen {
        let time = Duration::new(stamp.time.seconds() as u64, stamp.time.nanoseconds() as u32);
        assert!(!stamp.hardware && time >= before && time < before + Duration::from_secs(60), "{stamp:?}");
    }
    let mut which: Vec<_> = seen.iter().map(|stamp| (stamp.key, stamp.kind)).collect();
    which.sort_unstable();
    // Each packet is seen at its scheduling (1) and at its sending (0).
    assert_eq!(which, [(0, 0), (0, 1), (1, 0), (1, 1)]);

    push(ring, opcode::AsyncCancel::new(1).build().user_data(2));
    ring.submit_and_wait(2).unwrap();
    let mut last: Vec<_> = ring.completion().map(|cqe| (cqe.plain(), timestamp(&cqe))).collect();
    last.sort_by_key(|((user_data, ..), _)| *user_data);
    assert_eq!(last, [((1, Err(Errno::ECANCELED), false), None), ((2, Ok(0), false), None)]);
}

/// User data, outcome, and whether more follow.
trait Plain {
    fn plain(&self) -> (u64, Result<u32, Errno>, bool);
}

impl Plain for cqueue::Entry {
    fn plain(&self) -> (u64, Result<u32, Errno>, bool) {
        (self.user_data(), self.outcome(), self.more())
    }
}

#[test]
fn every_packet_has_its_stamps_in_large_completions() {
    needs!(6, 7, "commands to sockets");
    runs(&mut Builder::<squeue::Entry, Entry32>::new().build(8).unwrap(), Entry32::tx_timestamp);
}

#[test]
fn every_packet_has_its_stamps_in_a_mixed_ring() {
    match Builder::<squeue::Entry, EntryMixed>::new().build(8) {
        Ok(mut ring) => runs(&mut ring, EntryMixed::tx_timestamp),
        Err(_) => refused("every_packet_has_its_stamps_in_a_mixed_ring", "IORING_SETUP_CQE_MIXED", (6, 18)),
    }
}

#[test]
fn small_completions_are_refused() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    on_each(|ring| {
        if !ring.kind().ends_with("/32") && !ring.kind().ends_with("mixed") {
            let outcome = ring.run(opcode::TxTimestamp::new(Fd(socket.as_raw_fd())).build());
            // Kernels that know commands, but not this one, say so.
            let unknown = !older_than(5, 19) && older_than(6, 17);
            let errno = if unknown { Errno::EOPNOTSUPP } else { Errno::EINVAL };
            assert_eq!(outcome, Err(errno), "{}", ring.kind());
        }
    });
}

#[test]
fn every_bit_of_a_stamp_is_read() {
    const MORE: u32 = 1 << 1;
    const F_32: u32 = 1 << 15;
    let fake = Fake::new(SetupFlags::CQE_MIXED, 4, 8, (0, 0));
    let mut ring = fake.ring::<squeue::Entry, EntryMixed>();
    let stamp = |key, kind, hardware| Timestamp { key, kind, hardware, time: Timespec::new(5, 999_999_999) };
    for (res, flags, expected) in [
        (7, MORE, Some(stamp(7, 0, false))),
        (-1, MORE | 1 << 16, Some(stamp(u32::MAX, 0, true))),
        (i32::MIN, MORE | 3 << 17, Some(stamp(1 << 31, 3, false))),
        (0, MORE | u32::MAX << 16, Some(stamp(0, 0x7fff, true))),
        (-125, 1 << 16, None),
    ] {
        fake.post(slot(1, res, flags | F_32));
        fake.post([5, 999_999_999]);
        let cqe = ring.completion().next().unwrap();
        assert_eq!(cqe.tx_timestamp(), expected);
        fake.post(slot(1, res, flags));
        let cqe = ring.completion().next().unwrap();
        assert_eq!(cqe.tx_timestamp(), None, "no room for one");
    }
}
