//! Messages from every kind of ring to another one: completions and files.

mod common;

use common::needs;

use std::os::fd::AsRawFd;

use bare_uring::squeue::Flags;
use bare_uring::types::{DestinationSlot, Fd, Fixed, SubmitArgs, Timespec};
use bare_uring::{Builder, Errno, IoUring, cqueue, opcode};
use common::any_ring::{AnyRing, on_each};
use common::requests::{CLOSED, file, read};

/// Runs a test with a ring of every kind as the sender, whose slot 1 is a file that begins with "hello", and the
/// descriptor of a receiver.
fn with_receiver(test: impl Fn(&mut dyn AnyRing, Fd, &mut IoUring)) {
    on_each(|ring| {
        let mut receiver = IoUring::new(8).unwrap();
        let content = file(b"hello");
        ring.register_files(&[-1, content.as_raw_fd()]);
        let to = Fd(receiver.fd());
        test(ring, to, &mut receiver);
    });
}

/// User data, result and flags of the one completion that arrived.
fn arrived(ring: &mut IoUring) -> (u64, i32, u32) {
    let args = Timespec::new(10, 0);
    let _ = ring.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&args));
    let all: Vec<_> = ring.completion().map(|cqe| (cqe.user_data(), cqe.result(), cqe.flags().bits())).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0]
}

fn send(to: Fd, source: u32, destination: DestinationSlot) -> opcode::MsgRingSendFd {
    opcode::MsgRingSendFd::new(to, Fixed(source), destination, 77)
}

#[test]
fn a_completion_arrives_as_it_was_told() {
    needs!(5, 18, "IORING_OP_MSG_RING");
    with_receiver(|ring, to, receiver| {
        // Negative ones that are no errno too: whatever arrives has an outcome.
        for result in [0, 5, i32::MAX, -1, -4095, -4096, -123_456, i32::MIN] {
            assert_eq!(ring.run(opcode::MsgRingData::new(to, result, u64::MAX - 1).build()), Ok(0), "{}", ring.kind());
            let args = Timespec::new(10, 0);
            let _ = receiver.submitter().wait_with_args(1, &SubmitArgs::new().timespec(&args));
            let cqe = receiver.completion().next().unwrap();
            assert_eq!((cqe.user_data(), cqe.result(), cqe.flags().bits()), (u64::MAX - 1, result, 0));
            let expected = match result {
                -4095..0 => Err(Errno::from_raw(result.unsigned_abs() as u16).unwrap()),
                _ => Ok(result.cast_unsigned()),
            };
            assert_eq!(cqe.outcome(), expected);
        }
    });
}

#[test]
fn flags_are_passed_on() {
    needs!(6, 3, "IORING_MSG_RING_FLAGS_PASS");
    with_receiver(|ring, to, receiver| {
        let flags = cqueue::Flags::from_bits_retain(9 << 16 | 0b11);
        assert_eq!(ring.run(opcode::MsgRingData::new(to, 1, 2).flags(flags).build()), Ok(0), "{}", ring.kind());
        assert_eq!(arrived(receiver), (2, 1, 9 << 16 | 0b11));
    });
}

#[test]
fn a_success_can_go_without_a_completion_of_the_senders() {
    needs!(5, 18, "IORING_OP_MSG_RING");
    with_receiver(|ring, to, receiver| {
        ring.push(opcode::MsgRingData::new(to, 1, 2).build().flags(Flags::SKIP_SUCCESS));
        ring.submit_and_wait(0).unwrap();
        assert_eq!(arrived(receiver), (2, 1, 0));
        assert_eq!(ring.take(), [], "{}", ring.kind());
    });
}

#[test]
fn a_ring_may_send_to_itself() {
    needs!(5, 18, "IORING_OP_MSG_RING");
    on_each(|ring| {
        ring.push(opcode::MsgRingData::new(Fd(ring.fd()), 5, 8).build().user_data(1));
        let seen: Vec<_> = ring.complete(2).iter().map(|seen| (seen.user_data, seen.outcome)).collect();
        assert_eq!(seen, [(1, Ok(0)), (8, Ok(5))], "{}", ring.kind());
    });
}

#[test]
fn a_deferred_ring_gets_it_when_it_asks() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    on_each(|ring| {
        let mut receiver: IoUring = Builder::new().setup_single_issuer().setup_defer_taskrun().build(8).unwrap();
        assert_eq!(ring.run(opcode::MsgRingData::new(Fd(receiver.fd()), 5, 8).build()), Ok(0));
        assert_eq!(arrived(&mut receiver), (8, 5, 0), "{}", ring.kind());
    });
}

#[test]
fn a_file_goes_to_a_slot_of_the_other_ring() {
    needs!(6, 0, "IORING_MSG_SEND_FD");
    with_receiver(|ring, to, receiver| {
        receiver.submitter().register_files_sparse(4).unwrap();
        assert_eq!(ring.run(send(to, 1, DestinationSlot::at(3).unwrap()).build()), Ok(0), "{}", ring.kind());
        assert_eq!(arrived(receiver), (77, 0, 0));
        assert_eq!(read::<5, _>(receiver, Fixed(3)), Ok(b"hello".to_vec()));
        // And one to a slot that the kernel finds: the first free one.
        assert_eq!(ring.run(send(to, 1, DestinationSlot::ALLOCATE).build()), Ok(0), "{}", ring.kind());
        assert_eq!(arrived(receiver), (77, 0, 0));
        assert_eq!(ring.run(send(to, 1, DestinationSlot::ALLOCATE).build()), Ok(1), "{}", ring.kind());
        assert_eq!(arrived(receiver), (77, 1, 0));
        assert_eq!(read::<5, _>(receiver, Fixed(1)), Ok(b"hello".to_vec()));
    });
}

#[test]
fn a_file_goes_without_a_word() {
    needs!(6, 0, "IORING_MSG_SEND_FD");
    with_receiver(|ring, to, receiver| {
        receiver.submitter().register_files_sparse(1).unwrap();
        assert_eq!(ring.run(send(to, 1, DestinationSlot::at(0).unwrap()).skip().build()), Ok(0), "{}", ring.kind());
        receiver.submitter().get_events().unwrap();
        assert_eq!(receiver.completion().len(), 0);
        assert_eq!(read::<5, _>(receiver, Fixed(0)), Ok(b"hello".to_vec()));
    });
}

/// Why no opcode of a message takes a slot.
#[test]
fn a_ring_is_no_registered_file() {
    let (sender, receiver) = (IoUring::new(8).unwrap(), IoUring::new(8).unwrap());
    assert_eq!(sender.submitter().register_files(&[receiver.fd()]), Err(Errno::EBADF));
}

#[test]
fn messages_are_refused() {
    needs!(6, 0, "IORING_MSG_SEND_FD");
    let (reader, _writer) = std::io::pipe().unwrap();
    with_receiver(|ring, to, receiver| {
        for (entry, errno) in [
            (opcode::MsgRingData::new(Fd(CLOSED), 0, 0).build(), Errno::EBADF),
            (opcode::MsgRingData::new(Fd(reader.as_raw_fd()), 0, 0).build(), Errno::EBADFD),
            (send(to, 1, DestinationSlot::at(0).unwrap()).build(), Errno::ENXIO),
            (send(to, 0, DestinationSlot::at(0).unwrap()).build(), Errno::EBADF),
            (send(to, 9, DestinationSlot::at(0).unwrap()).build(), Errno::EBADF),
            (send(Fd(ring.fd()), 1, DestinationSlot::at(2).unwrap()).build(), Errno::EINVAL),
        ] {
            assert_eq!(ring.run(entry), Err(errno), "{} {entry:?}", ring.kind());
        }
        receiver.submitter().register_files_sparse(1).unwrap();
        let past = send(to, 1, DestinationSlot::at(1).unwrap()).build();
        assert_eq!(ring.run(past), Err(Errno::EINVAL), "{}", ring.kind());
        assert_eq!(ring.run(send(to, 1, DestinationSlot::ALLOCATE).skip().build()), Ok(0));
        let full = send(to, 1, DestinationSlot::ALLOCATE).build();
        assert_eq!(ring.run(full), Err(Errno::ENFILE), "{}", ring.kind());
        let disabled: IoUring = Builder::new().setup_r_disabled().build(4).unwrap();
        let message = opcode::MsgRingData::new(Fd(disabled.fd()), 0, 0).build();
        assert_eq!(ring.run(message), Err(Errno::EBADFD), "{}", ring.kind());
        assert_eq!(receiver.completion().len(), 0);
    });
}
