//! Numbers that fill their fields, through the kernel and back: descriptors and slots of more than 16 bits (or 8),
//! offsets of more than 32, user data that differs in its upper half alone.
//!
//! Each test has a counterpart, at the number that a field cut in half would hold, which must not be touched.

mod common;

use std::os::fd::{AsRawFd, OwnedFd};

use bare_uring::types::{Fd, Fixed, PollEvents};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, on_each};
use common::needs;
use common::raw::in_child;
use common::requests::file;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const FAR: u64 = 5 << 32 | 7;

/// Descriptors and slots: one above 16 bits, and what half the number would name; above 8 bits, where this process may
/// not have as many.
fn large_and_low() -> (i32, i32) {
    let numbers = [(0x1_1234, 0x1234), (0x1234, 0x34)];
    let may_have = |&(large, _): &(i32, i32)| {
        let (most, limit) = (large as u64 + 100, getrlimit(Resource::Nofile));
        let maximum = limit.maximum.map(|maximum| maximum.max(most));
        setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }).is_ok()
    };
    numbers.into_iter().find(may_have).expect("thousands of descriptors")
}

/// Duplicates the file's descriptor to one from `least` on.
fn large(file: &OwnedFd, least: i32) -> OwnedFd {
    let fd = rustix::io::fcntl_dupfd_cloexec(file, least).unwrap();
    assert_eq!(fd.as_raw_fd(), least);
    fd
}

fn content<const N: usize>(file: &OwnedFd, offset: u64) -> [u8; N] {
    let mut bytes = [0; N];
    rustix::io::pread(file, &mut bytes, offset).unwrap();
    bytes
}

fn fd(file: &OwnedFd) -> Fd {
    Fd(file.as_raw_fd())
}

#[test]
fn descriptors_slots_and_offsets() {
    if !in_child("descriptors_slots_and_offsets") {
        return;
    }
    let (number, below) = large_and_low();
    let low = large(&file(b"low"), below);
    on_each(|ring| {
        let target = file(b"begin");
        let high = large(&target, number);
        let mut slots = vec![-1; number as usize + 1];
        (slots[number as usize], slots[below as usize]) = (high.as_raw_fd(), low.as_raw_fd());
        ring.register_files(&slots);
        for (text, offset, by_slot) in [(*b"first", FAR, false), (*b"other", FAR << 2, true)] {
            let slot = Fixed(number.cast_unsigned());
            let mut read = [0_u8; 5];
            let (write, read_back) = if by_slot {
                (opcode::Write::new(slot, text.as_ptr(), 5), opcode::Read::new(slot, read.as_mut_ptr(), 5))
            } else {
                (opcode::Write::new(fd(&high), text.as_ptr(), 5), opcode::Read::new(fd(&high), read.as_mut_ptr(), 5))
            };
            assert_eq!(ring.run(write.offset(offset).build()), Ok(5), "{}", ring.kind());
            assert_eq!(ring.run(read_back.offset(offset).build()), Ok(5), "{}", ring.kind());
            assert_eq!((read, content(&target, offset)), (text, text), "{}", ring.kind());
        }
        assert_eq!((content(&target, 0), content(&low, 0)), (*b"begin", *b"low"), "{}", ring.kind());
    });
}

#[test]
fn splices_between_far_places() {
    if !in_child("splices_between_far_places") {
        return;
    }
    let (number, below) = large_and_low();
    let low = large(&file(b"low"), below);
    let (source, target) = (file(b"wrong"), file(b"begin"));
    let (source, target) = (large(&source, number), large(&target, number + 1));
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let (reader, writer) = (large(&reader, number + 2), large(&writer, number + 3));
    rustix::io::pwrite(&source, b"right", FAR).unwrap();
    on_each(|ring| {
        ring.register_files(&[source.as_raw_fd(), target.as_raw_fd()]);
        let from = i64::try_from(FAR).unwrap();
        for (at, by_slot) in [(from << 1, false), (from << 2, true)] {
            let (into, out) = if by_slot {
                (
                    opcode::Splice::new(Fixed(0), from, fd(&writer), -1, 5),
                    opcode::Splice::new(fd(&reader), -1, Fixed(1), at, 5),
                )
            } else {
                (
                    opcode::Splice::new(fd(&source), from, fd(&writer), -1, 5),
                    opcode::Splice::new(fd(&reader), -1, fd(&target), at, 5),
                )
            };
            assert_eq!([ring.run(into.build()), ring.run(out.build())], [Ok(5), Ok(5)], "{}", ring.kind());
            assert_eq!(content(&target, at.cast_unsigned()), *b"right", "{}", ring.kind());
            rustix::io::pwrite(&target, b"never", at.cast_unsigned()).unwrap();
        }
        assert_eq!((content(&target, 0), content(&low, 0)), (*b"begin", *b"low"), "{}", ring.kind());
    });
}

/// Two polls whose user data differ in the upper half alone.
fn two_polls(ring: &mut dyn AnyRing, reader: &OwnedFd, [one, other]: [u64; 2]) {
    for user_data in [one, other] {
        ring.push(opcode::PollAdd::new(fd(reader), PollEvents(1)).build().user_data(user_data));
    }
    ring.hand_over();
}

/// User data and result of the completions that come.
fn told(ring: &mut dyn AnyRing, want: usize) -> Vec<(u64, Result<u32, Errno>)> {
    ring.complete(want).iter().map(|seen| (seen.user_data, seen.outcome)).collect()
}

#[test]
fn user_data_by_its_upper_half() {
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    on_each(|ring| {
        let (one, other, new) = (1 << 63 | 1, 1 << 62 | 1, 1 << 61 | 1);
        two_polls(ring, &reader, [one, other]);
        ring.push(opcode::AsyncCancel::new(other).build().user_data(u64::MAX));
        assert_eq!(told(ring, 2), [(other, Err(Errno::ECANCELED)), (u64::MAX, Ok(0))], "{}", ring.kind());
        ring.push(opcode::PollRemove::new(one).build().user_data(u64::MAX));
        assert_eq!(told(ring, 2), [(one, Err(Errno::ECANCELED)), (u64::MAX, Ok(0))], "{}", ring.kind());
        assert_eq!(ring.run(opcode::TimeoutRemove::new(new).build()), Err(Errno::ENOENT), "{}", ring.kind());
    });
}

#[test]
fn a_poll_gets_new_user_data_of_64_bits() {
    needs!(5, 13, "IORING_POLL_UPDATE_USER_DATA");
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    on_each(|ring| {
        let (one, other, new) = (1 << 63 | 1, 1 << 62 | 1, 1 << 61 | 1);
        two_polls(ring, &reader, [one, other]);
        ring.push(opcode::PollUpdate::user_data(other, new).build().user_data(u64::MAX));
        assert_eq!(told(ring, 1), [(u64::MAX, Ok(0))], "{}", ring.kind());
        for user_data in [new, one] {
            ring.push(opcode::PollRemove::new(user_data).build().user_data(u64::MAX));
            assert_eq!(told(ring, 2), [(user_data, Err(Errno::ECANCELED)), (u64::MAX, Ok(0))], "{}", ring.kind());
        }
    });
}
