//! What becomes of messages and datagrams, and of memory that is sent without a copy.

use std::hint::black_box;

use bare_uring::opcode;
use bare_uring::squeue::Flags;
use bare_uring::types::{Fd, IoVec, MsgHdr, SockAddrStorage, Timespec};
use bare_uring_sim::{Fault, Mark};

use crate::requests::{ring, submit};

const ECANCELED: i32 = -125;
const MORE: u32 = 1 << 1;
const NOTIF: u32 = 1 << 3;

#[test]
fn a_message_is_sent_out_of_its_pieces_and_received_into_them() {
    let ring = ring();
    let (near, far) = ring.kernel.socket_pair();
    let (mut one, mut other) = (*b"first ", *b"second");
    let pieces = [IoVec::new(one.as_mut_ptr(), 6), IoVec::new(other.as_mut_ptr(), 6)];
    let message = MsgHdr::new(pieces.as_ptr(), 2);
    submit(&ring, [opcode::SendMsg::new(Fd(near), &raw const message).build().user_data(1)]);
    assert_eq!(ring.take(), [(1, 12, 0)]);
    let mut room = [0; 20];
    let piece = IoVec::new(room.as_mut_ptr(), 20);
    let (mut name, mut control) = (SockAddrStorage::EMPTY, [0_u8; 16]);
    let mut message =
        MsgHdr::new(&raw const piece, 1).from(&raw mut name, 128).control((&raw mut control).cast(), control.len());
    submit(&ring, [opcode::RecvMsg::new(Fd(far), &raw mut message).build().user_data(2)]);
    assert_eq!(ring.take(), [(2, 12, 0)]);
    // The sockets have neither names nor control data.
    assert_eq!((&room[..12], message.name_len(), message.control_len()), (&b"first second"[..], 0, 0));
    assert_eq!(name, SockAddrStorage::EMPTY);
}

#[test]
fn a_zero_copy_send_keeps_its_memory_until_the_notification() {
    for changes in [false, true] {
        let ring = ring();
        let (near, far) = ring.kernel.socket_pair();
        let mut bytes = *b"lent";
        let limit = Timespec::new(1, 0);
        let send = opcode::SendZc::new(Fd(near), bytes.as_mut_ptr(), 4).build().user_data(1).flags(Flags::IO_LINK);
        submit(&ring, [send, opcode::LinkTimeout::new(&raw const limit).build().user_data(2)]);
        // The limit ends with the first completion.
        assert_eq!(ring.take(), [(1, 4, MORE), (2, ECANCELED, 0)]);
        // Nothing cancels what was sent.
        submit(&ring, [opcode::AsyncCancel::new(1).build().user_data(3)]);
        assert_eq!(ring.take(), [(3, -114, 0)]);
        black_box(&mut bytes)[1] = if changes { b'o' } else { b'e' };
        ring.kernel.run(8);
        assert_eq!(ring.take(), [(1, 0, NOTIF)]);
        let faults = if changes { vec![Fault::Changed { ring: 0, user_data: 1 }] } else { vec![] };
        assert_eq!((ring.kernel.faults(), ring.count(Mark::Lent)), (faults, 1));
        assert_eq!(ring.kernel.read(far, 9), Ok(Some(b"lent".to_vec())));
    }
    // One that fails has one completion.
    let ring = ring();
    let (reader, _writer) = ring.kernel.pipe();
    submit(&ring, [opcode::SendZc::new(Fd(reader), b"x".as_ptr(), 1).build().user_data(1)]);
    assert_eq!(ring.take(), [(1, -9, 0)]);
}

#[test]
fn an_empty_datagram_wakes_a_receive() {
    let ring = ring();
    let (near, far) = ring.kernel.datagram_pair();
    let mut bytes = [0; 4];
    submit(&ring, [opcode::Recv::new(Fd(near), bytes.as_mut_ptr(), 4).build().user_data(1)]);
    assert_eq!((ring.take(), ring.kernel.write(far, &[])), (vec![], Ok(0)));
    ring.kernel.run(8);
    assert_eq!(ring.take(), [(1, 0, 0)]);
}
