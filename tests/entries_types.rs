//! Arguments and answers hold what was put in, whole, where C's structures have it.

mod common;

use bare_uring::types::{FutexFlags, FutexWaitV, IdType, MsgHdr, SockAddrStorage, WaitOptions};
use common::sqe::at;

const WIDTH: usize = size_of::<usize>();

/// A message's seven parts, as `struct msghdr` has them: each where a pointer's size times its number is, the second
/// and the last one a word of 32 bits.
fn parts(message: &MsgHdr) -> [usize; 7] {
    core::array::from_fn(|part| {
        let place = std::ptr::from_ref(message).cast::<usize>();
        // SAFETY: a message has seven parts (asserted by the crate).
        let place = unsafe { place.add(part) };
        match part {
            // SAFETY: the part is within the message, aligned to a pointer's size, and an integer of that size.
            1 | 6 => unsafe { place.cast::<u32>().read() as usize },
            // SAFETY: the part is within the message and aligned. Some are pointers without provenance, which are read
            // as numbers.
            _ => unsafe { place.read() },
        }
    })
}

#[test]
fn a_message_has_its_parts_and_their_lengths() {
    const LONG: usize = 0x8142_2418 & (usize::MAX >> 1);
    let name = at::<SockAddrStorage>(0x1000);
    let message = MsgHdr::new(at(0x2000), LONG).from(name, 0x1234_5678).control(at(0x3000), LONG - 1);
    let place = |start| at::<u8>(start).addr();
    assert_eq!(parts(&message), [place(0x1000), 0x1234_5678, place(0x2000), LONG, place(0x3000), LONG - 1, 0]);
    assert_eq!((message.name_len(), message.control_len()), (0x1234_5678, LONG - 1));
    assert_eq!(parts(&MsgHdr::new(at(0x2000), 1).to(name, 16)), [place(0x1000), 16, place(0x2000), 1, 0, 0, 0]);
    assert_eq!(parts(&MsgHdr::default()), [0; 7]);
}

#[test]
fn the_flags_of_a_message_are_whole() {
    let mut message = MsgHdr::default();
    let flags = std::ptr::from_mut(&mut message).cast::<u32>();
    // SAFETY: the flags are a word, the first of the seventh part.
    let flags = unsafe { flags.byte_add(6 * WIDTH) };
    // SAFETY: the place is the message's own, and aligned for a word.
    unsafe { flags.write(0x8142_2418) };
    assert_eq!(message.flags().0, 0x8142_2418);
}

#[test]
fn futexes() {
    let names = [FutexFlags::SIZE_U32, FutexFlags::NUMA, FutexFlags::MPOL, FutexFlags::PRIVATE];
    assert_eq!(names.map(|flag| flag.0), [2, 4, 8, 0x80]);
    let one = FutexWaitV::new(at(0x9000), 0x8142_2418_1248_8421, FutexFlags(0xa5c3_0f1e));
    // SAFETY: the structure has 24 bytes without padding.
    let bytes: [u8; 24] = unsafe { core::mem::transmute(one) };
    let mut expected = 0x8142_2418_1248_8421_u64.to_ne_bytes().to_vec();
    expected.extend((at::<u8>(0x9000).addr() as u64).to_ne_bytes());
    expected.extend([0xa5c3_0f1e_u32, 0].map(u32::to_ne_bytes).concat());
    assert_eq!(bytes[..], expected);
}

#[test]
fn children() {
    let ids = [IdType::ALL, IdType::PID, IdType::PGID, IdType::PIDFD];
    assert_eq!(ids.map(|id| id.0), [0, 1, 2, 3]);
    let options =
        [WaitOptions::NOHANG, WaitOptions::STOPPED, WaitOptions::EXITED, WaitOptions::CONTINUED, WaitOptions::NOWAIT];
    assert_eq!(options.map(|option| option.0), [1, 2, 4, 8, 0x0100_0000]);
}
