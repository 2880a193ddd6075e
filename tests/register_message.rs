//! Messages to a ring from nowhere.

mod common;

use std::io::Write;
use std::os::fd::AsRawFd;

use bare_uring::cqueue::Flags;
use bare_uring::register::{self, Message};
use bare_uring::types::Fd;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_SEND_MSG_RING;
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, cqueue, opcode, squeue};
use common::answering::{Answering, Fields};
use common::has;
use common::push;
use common::requests::ring;
use common::ring_memory::{bounded, taken};

fn send<K: Kernel>(kernel: &K, message: &Message) -> Result<(), Errno> {
    // SAFETY: the rings here are the tests' own, and have no requests with memory.
    unsafe { register::register_sync_msg(kernel, message) }
}

/// Whether the kernel sends messages without a ring.
fn can_send(test: &str) -> bool {
    has(test, "IORING_REGISTER_SEND_MSG_RING", (6, 13))
}

/// A message to this ring.
fn to<S, C>(ring: &IoUring<S, C>, user_data: u64) -> Message {
    Message::new(Fd(ring.fd()), user_data)
}

/// A message without a ring of the sender's arrives as it was sent.
#[test]
fn it_arrives_with_its_user_data_and_result() {
    if !can_send("it_arrives_with_its_user_data_and_result") {
        return;
    }
    let mut ring = ring();
    assert_eq!(send(&Linux, &to(&ring, u64::MAX).result(17)), Ok(()));
    assert_eq!(send(&Linux, &to(&ring, 2).result(i32::MIN)), Ok(()));
    assert_eq!(send(&Linux, &to(&ring, 3)), Ok(()));
    assert_eq!(taken(&mut ring), [(u64::MAX, 17), (2, i32::MIN), (3, 0)]);
}

/// What a completion says of its request is a hint: this request is over, by the user data, while its read is still in
/// flight. A tag can carry that user data too, if the sender has the ring.
#[test]
fn a_message_may_carry_the_user_data_of_a_request() {
    if !can_send("a_message_may_carry_the_user_data_of_a_request") {
        return;
    }
    let mut ring = ring();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let buffer: &'static mut [u8; 1] = Box::leak(Box::default());
    let read = opcode::Read::new(Fd(reader.as_raw_fd()), buffer.as_mut_ptr(), 1).build();
    push(&mut ring, read.user_data(7));
    assert_eq!(ring.submit(), Ok(1));
    assert_eq!(send(&Linux, &to(&ring, 7).result(1)), Ok(()));
    assert_eq!(taken(&mut ring), [(7, 1)]);
    ring.submitter().register_files_tags(&[reader.as_raw_fd()], &[7]).unwrap();
    ring.submitter().unregister_files().unwrap();
    ring.submitter().wait(1).unwrap();
    assert_eq!(taken(&mut ring), [(7, 0)]);
    writer.write_all(b"!").unwrap();
    ring.submitter().wait(1).unwrap();
    assert_eq!(taken(&mut ring), [(7, 1)]);
}

#[test]
fn its_flags_arrive() {
    if !can_send("its_flags_arrive") {
        return;
    }
    let mut ring = ring();
    let flags = Flags::from_bits_retain(0xdead_0000).union(Flags::MORE);
    assert_eq!(send(&Linux, &to(&ring, 1).flags(flags)), Ok(()));
    let cqe = ring.completion().next().unwrap();
    assert_eq!((cqe.user_data(), cqe.outcome(), cqe.flags()), (1, Ok(0), flags));
}

#[test]
fn another_thread_is_woken_by_it() {
    bounded(|| {
        if !can_send("another_thread_is_woken_by_it") {
            return;
        }
        let mut ring = ring();
        let message = to(&ring, 5).result(6);
        std::thread::scope(|scope| {
            scope.spawn(move || send(&Linux, &message).unwrap());
            ring.submitter().wait(1).unwrap();
        });
        assert_eq!(taken(&mut ring), [(5, 6)]);
    });
}

#[test]
fn it_reaches_rings_of_every_kind() {
    bounded(|| {
        if !can_send("it_reaches_rings_of_every_kind") {
            return;
        }
        let mut deferred: IoUring = Builder::new().setup_single_issuer().setup_defer_taskrun().build(8).unwrap();
        assert_eq!(send(&Linux, &to(&deferred, 1).result(2)), Ok(()));
        deferred.submitter().wait(1).unwrap();
        assert_eq!(taken(&mut deferred), [(1, 2)]);

        let mut large = Builder::<squeue::Entry, cqueue::Entry32>::new().build(8).unwrap();
        assert_eq!(send(&Linux, &to(&large, 3).result(4)), Ok(()));
        let cqe = large.completion().next().unwrap();
        assert_eq!((cqe.user_data(), cqe.result(), cqe.big()), (3, 4, [0, 0]));
    });
}

#[test]
fn a_queue_that_is_full_keeps_it_for_later() {
    bounded(|| {
        if !can_send("a_queue_that_is_full_keeps_it_for_later") {
            return;
        }
        let mut ring = ring();
        let room = u64::from(ring.params().cq_entries());
        for number in 0..=room {
            assert_eq!(send(&Linux, &to(&ring, number)), Ok(()));
        }
        let first = taken(&mut ring);
        assert_eq!(first.len() as u64, room);
        ring.submitter().get_events().unwrap();
        assert_eq!(taken(&mut ring), [(room, 0)]);
    });
}

#[test]
fn what_is_no_ring_is_refused() {
    if !can_send("what_is_no_ring_is_refused") {
        return;
    }
    for fd in [-1, 1_000_000] {
        assert_eq!(send(&Linux, &Message::new(Fd(fd), 1)), Err(Errno::EBADF));
    }
    let file = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(send(&Linux, &Message::new(Fd(file.as_raw_fd()), 1)), Err(Errno::EBADFD));
    let disabled: IoUring = Builder::new().setup_r_disabled().build(8).unwrap();
    assert_eq!(send(&Linux, &to(&disabled, 1)), Err(Errno::EBADFD));
    disabled.submitter().register_enable_rings().unwrap();
    assert_eq!(send(&Linux, &to(&disabled, 1)), Ok(()));
}

#[test]
fn exactly_these_bytes_are_handed_over() {
    // SAFETY: the operation takes an entry of 64 bytes.
    let kernel = unsafe { Answering::yes(64) };
    assert_eq!(send(&kernel, &Message::new(Fd(0x9_0009), 0x0102_0304_0506_0708)), Ok(()));
    let message = Message::new(Fd(-7), 1).result(-0x5_0005).flags(Flags::from_bits_retain(0x8000_0002));
    assert_eq!(send(&kernel, &message), Ok(()));
    // Opcode 40; target; user data (`off`); command 0 (`addr`); result (`len`); flags; nothing; CQE flags
    // (`file_index`).
    let entry = |fd: i32, user_data, result: i32, flags, cqe_flags| {
        let bytes = Fields::new().u8(&[40, 0, 0, 0]).u32(&[fd.cast_unsigned()]).u64(&[user_data, 0]);
        bytes.u32(&[result.cast_unsigned(), flags]).u64(&[0]).u32(&[0, cqe_flags]).u64(&[0, 0]).0
    };
    let operation = IORING_REGISTER_SEND_MSG_RING as u32;
    let expected = [
        (-1, operation, 1, entry(0x9_0009, 0x0102_0304_0506_0708, 0, 0, 0)),
        (-1, operation, 1, entry(-7, 1, -0x5_0005, 2, 0x8000_0002)),
    ];
    assert_eq!(kernel.asked(), expected);
}
